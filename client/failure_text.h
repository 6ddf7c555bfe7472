// SPDX-License-Identifier: Apache-2.0
// Where and how a job failed, for people.
#ifndef HEBB_CLIENT_FAILURE_TEXT_H_
#define HEBB_CLIENT_FAILURE_TEXT_H_

#include <string>

#include "hebb/v1/jobs.pb.h"

namespace hebb::client {

// "attempt 2, rank 1: worker w-1 (host node3, cpu), after step 123"
std::string FailurePlace(const v1::Failure& failure);

// Lines that end with a newline: place, error, the log's end, and what to do next. Empty for a job
// that has not failed, or of which nothing is known.
std::string FailureText(const v1::Job& job);

}  // namespace hebb::client

#endif  // HEBB_CLIENT_FAILURE_TEXT_H_

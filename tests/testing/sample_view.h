// SPDX-License-Identifier: Apache-2.0
// What a busy scheduler sees: jobs of all sizes, priorities and ages, and idle workers.
#ifndef HEBB_TESTS_TESTING_SAMPLE_VIEW_H_
#define HEBB_TESTS_TESTING_SAMPLE_VIEW_H_

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "server/scheduler/scheduler.h"

namespace hebb::testing {

inline scheduler::View SampleView(int jobs, int workers, absl::Time now) {
  scheduler::View view;
  for (int i = 0; i < jobs; ++i) {
    scheduler::QueuedJob& job = view.jobs.emplace_back();
    job.id = absl::StrCat("job-", i);
    job.priority = i % 3;
    job.workers = 1 + i % 16;
    job.min_workers = 1 + i % 4;
    job.device = "cpu";
    job.created = now - absl::Seconds(i * 37 % jobs);
  }
  for (int i = 0; i < workers; ++i) {
    view.idle.push_back({absl::StrCat("worker-", i), "cpu", "family", ""});
  }
  return view;
}

}  // namespace hebb::testing

#endif  // HEBB_TESTS_TESTING_SAMPLE_VIEW_H_

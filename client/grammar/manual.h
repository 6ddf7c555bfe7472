// SPDX-License-Identifier: Apache-2.0
// The manual page hebb(1), as man(1) reads it. Pure.
#ifndef HEBB_CLIENT_GRAMMAR_MANUAL_H_
#define HEBB_CLIENT_GRAMMAR_MANUAL_H_

#include <string>

#include "client/grammar/grammar.h"

namespace hebb::client {

// `exit_codes`: the paragraph about them.
std::string Manual(const Command& program, const std::string& version,
                   const std::string& exit_codes);

}  // namespace hebb::client

#endif  // HEBB_CLIENT_GRAMMAR_MANUAL_H_

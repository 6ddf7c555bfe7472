// SPDX-License-Identifier: Apache-2.0
// Signs of weights, for the rules that feed back through them. sign(0) = 0.
#ifndef HEBB_WORKER_RULES_SIGNS_H_
#define HEBB_WORKER_RULES_SIGNS_H_

#include <span>

namespace hebb::rules {

// to[i] = sign(from[i]).
void SignInto(std::span<const float> from, std::span<float> to);

// to[i] = |magnitudes[i]| sign(signs[i]).
void MagnitudeWithSignInto(std::span<const float> magnitudes, std::span<const float> signs,
                           std::span<float> to);

}  // namespace hebb::rules

#endif  // HEBB_WORKER_RULES_SIGNS_H_

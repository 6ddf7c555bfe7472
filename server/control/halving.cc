// SPDX-License-Identifier: Apache-2.0
#include "server/control/halving.h"

#include <algorithm>
#include <cmath>

namespace hebb::control {
namespace {

bool TakesPart(const HalvingRun& run) {
  return run.stopped_early || run.state == job::State::kSucceeded || !job::IsTerminal(run.state);
}

bool IsLiving(const HalvingRun& run) { return !job::IsTerminal(run.state); }

}  // namespace

HalvingSteps Halve(const sweep::Halving& halving, const std::vector<HalvingRun>& runs) {
  HalvingSteps steps;
  std::vector<const HalvingRun*> here;
  for (const HalvingRun& run : runs) {
    if (TakesPart(run)) here.push_back(&run);
  }
  for (size_t rung = 0; rung < halving.epochs.size() && !here.empty(); ++rung) {
    const int64_t epoch = halving.epochs[rung];
    const auto reached = [&](const HalvingRun* run) { return run->scores.contains(epoch); };
    if (!std::all_of(here.begin(), here.end(), reached)) {
      for (const HalvingRun* run : here) {
        if (!IsLiving(*run)) continue;
        if (reached(run) && run->state == job::State::kRunning) steps.hold.push_back(run->id);
        if (!reached(run) && run->held) steps.resume.push_back(run->id);
      }
      return steps;
    }
    std::stable_sort(here.begin(), here.end(), [&](const HalvingRun* a, const HalvingRun* b) {
      return a->scores.at(epoch) > b->scores.at(epoch);
    });
    const size_t all = here.size();
    const auto share = std::ceil(halving.keep * static_cast<double>(all) - 1e-9);
    const size_t kept = std::clamp<size_t>(static_cast<size_t>(share), 1, all);
    for (size_t i = kept; i < all; ++i) {
      if (!IsLiving(*here[i]) || here[i]->stopped_early) continue;
      steps.stop.push_back({here[i]->id, static_cast<int>(rung) + 1, static_cast<int>(i) + 1,
                            static_cast<int>(all)});
    }
    here.resize(kept);
    // Stopped at an earlier look, when more runs took part: it does not come back.
    std::erase_if(here, [](const HalvingRun* run) { return run->stopped_early; });
  }
  for (const HalvingRun* run : here) {
    if (IsLiving(*run) && run->held) steps.resume.push_back(run->id);
  }
  return steps;
}

}  // namespace hebb::control

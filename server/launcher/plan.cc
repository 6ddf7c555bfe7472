// SPDX-License-Identifier: Apache-2.0
#include "server/launcher/plan.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"

namespace hebb::launcher {
namespace {

// What jobs may still take, by device.
struct Stock {
  int64_t standing = 0;
  std::vector<const Held*> idle;    // the longest idle last: those are let go first
  std::vector<const Held*> coming;  // asked for, not attached; the youngest last
};

class Planner {
 public:
  Planner(const PlanOptions& options, const PlanView& view, absl::Time now)
      : options_(options), view_(view), now_(now) {}

  Plan Make() {
    Count();
    for (const Wanting& wanting : view_.wanting) Serve(wanting);
    for (const auto& [device, stock] : stocks_) {
      for (const Held* each : stock.coming) {
        // One that has begun may be back in touch at any moment, with the job that it has.
        if (each->state == LaunchState::kPending) LetGoUnwanted(*each);
      }
      for (const Held* each : stock.idle) LetGoIdle(*each);
    }
    return std::move(plan_);
  }

 private:
  void Count() {
    for (const auto& [device, count] : view_.standing_idle) stocks_[device].standing = count;
    for (const Held& each : view_.held) {
      if (each.letting_go) continue;
      if (!each.attached && each.state == LaunchState::kRunning) {
        const absl::Time late = each.running_since + options_.attach_within;
        if (now_ >= late) {
          plan_.let_go.push_back(
              {each.name,
               absl::StrCat("it runs since ", absl::FormatDuration(options_.attach_within),
                            " and has not attached; its log says why"),
               true});
          continue;
        }
        plan_.look_again = std::min(plan_.look_again, late);
      }
      ++held_;
      if (!each.attached) {
        stocks_[each.device].coming.push_back(&each);
      } else if (each.idle) {
        stocks_[each.device].idle.push_back(&each);
      }
    }
    for (auto& [device, stock] : stocks_) {
      std::sort(stock.coming.begin(), stock.coming.end(), [](const Held* a, const Held* b) {
        return std::tie(a->asked, a->name) < std::tie(b->asked, b->name);
      });
      std::sort(stock.idle.begin(), stock.idle.end(), [](const Held* a, const Held* b) {
        return std::tie(b->idle_since, a->name) < std::tie(a->idle_since, b->name);
      });
    }
  }

  static int64_t SizeOf(const Stock& stock) {
    return stock.standing + static_cast<int64_t>(stock.idle.size() + stock.coming.size());
  }

  // `any` goes where it finds most, and asks for options_.any_device.
  std::string DeviceFor(const Wanting& wanting) {
    if (wanting.device != "any") return wanting.device;
    std::string best = options_.any_device;
    for (const auto& [device, stock] : stocks_) {
      if (SizeOf(stock) >= wanting.most && SizeOf(stocks_[best]) < wanting.most) best = device;
    }
    return best;
  }

  void Serve(const Wanting& wanting) {
    const std::string device = DeviceFor(wanting);
    Stock& stock = stocks_[device];
    const int64_t room = std::max<int64_t>(options_.max_workers - held_, 0);
    const int64_t within_reach = SizeOf(stock) + room;
    if (within_reach < wanting.least) {
      plan_.refused[wanting.job] = absl::StrCat("it needs ", wanting.least, " and ", within_reach,
                                                " are within reach (--launcher-max-workers ",
                                                options_.max_workers, ", ", held_, " held)");
      return;
    }
    int64_t lacking = Take(wanting.most, stock);
    lacking = std::min(lacking, room);
    if (lacking > 0 && now_ < view_.ask_not_before) {
      plan_.look_again = std::min(plan_.look_again, view_.ask_not_before);
      held_ += lacking;  // for this job as soon as it may be asked
      return;
    }
    for (int64_t i = 0; i < lacking; ++i) plan_.asks.push_back({device, wanting.job});
    held_ += std::max<int64_t>(lacking, 0);
  }

  // Returns how many are lacking.
  static int64_t Take(int64_t count, Stock& stock) {
    const int64_t standing = std::min(count, stock.standing);
    stock.standing -= standing;
    count -= standing;
    for (std::vector<const Held*>* from : {&stock.idle, &stock.coming}) {
      const int64_t taken = std::min<int64_t>(count, static_cast<int64_t>(from->size()));
      from->erase(from->begin(), from->begin() + taken);
      count -= taken;
    }
    return count;
  }

  void LetGoUnwanted(const Held& held) {
    plan_.let_go.push_back({held.name, "no job waits for it any more", false});
  }

  void LetGoIdle(const Held& held) {
    const absl::Time due = held.idle_since + options_.idle_after;
    if (now_ < due) {
      plan_.look_again = std::min(plan_.look_again, due);
      return;
    }
    plan_.let_go.push_back(
        {held.name, absl::StrCat("idle for ", absl::FormatDuration(options_.idle_after)), false});
  }

  const PlanOptions& options_;
  const PlanView& view_;
  const absl::Time now_;
  std::map<std::string, Stock> stocks_;
  int64_t held_ = 0;
  Plan plan_;
};

}  // namespace

Plan MakePlan(const PlanOptions& options, const PlanView& view, absl::Time now) {
  return Planner(options, view, now).Make();
}

}  // namespace hebb::launcher

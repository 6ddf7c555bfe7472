// SPDX-License-Identifier: Apache-2.0
// What a person sees while a job is followed: a bar on a terminal, one line an epoch elsewhere.
#ifndef HEBB_CLIENT_PROGRESS_H_
#define HEBB_CLIENT_PROGRESS_H_

#include <cstdint>
#include <functional>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "hebb/v1/jobs.pb.h"

namespace hebb::client {

// "RUNNING (unreachable)" or the state's word.
std::string StateText(const v1::Job& job);

// The current step on one line of at most `width` columns: bar, step, epoch, steps/s, images/s,
// time to go, loss with the curve of `losses`, accuracy, mean W-R alignment. What is not known yet
// is left out, and so is what there is no room for, the least important first.
std::string ProgressLine(const v1::Job& job, const std::vector<double>& losses, int width);

// A completed epoch on one line, with each layer's W-R cosine.
std::string EpochLine(const v1::EpochRecord& record, int64_t epochs);

// The result of an ended job, such as "SUCCEEDED: test accuracy 86.3 %" or "FAILED: <cause>".
std::string OutcomeLine(const v1::Job& job);

// Turns the successive states of one job into output. One thread at a time.
class ProgressDisplay {
 public:
  // `width`: the terminal's, asked at each drawing of the bar, so that it follows a window that
  // changes its size; 0: no terminal, lines only.
  ProgressDisplay(std::ostream& out, std::function<int()> width)
      : out_(out), width_(std::move(width)) {}

  void Show(const v1::Job& job);
  // A remark between progress lines, such as "the coordinator is away".
  void Note(const std::string& text);

 private:
  void Line(const std::string& text);
  void ClearBar();
  void TakeLosses(const v1::Job& job);

  std::ostream& out_;
  const std::function<int()> width_;
  bool bar_shown_ = false;
  std::vector<double> losses_;  // training losses in the order they were heard of
  int64_t loss_step_ = -1;      // of the last of them
  std::string last_state_;
  int64_t last_epoch_ = 0;
};

}  // namespace hebb::client

#endif  // HEBB_CLIENT_PROGRESS_H_

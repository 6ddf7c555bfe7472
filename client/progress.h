// SPDX-License-Identifier: Apache-2.0
// What a person sees while a job is followed: a bar on a terminal, one line an epoch elsewhere.
#ifndef HEBB_CLIENT_PROGRESS_H_
#define HEBB_CLIENT_PROGRESS_H_

#include <cstdint>
#include <ostream>
#include <string>

#include "hebb/v1/jobs.pb.h"

namespace hebb::client {

// "RUNNING (unreachable)" or the state's word.
std::string StateText(const v1::Job& job);

// The current step on one line of at most `width` columns: bar, step, epoch, steps/s, images/s,
// time to go, loss, accuracy, mean W-R alignment. What is not known yet is left out.
std::string ProgressLine(const v1::Job& job, int width);

// A completed epoch on one line, with each layer's W-R cosine.
std::string EpochLine(const v1::EpochRecord& record, int64_t epochs);

// The result of an ended job, such as "SUCCEEDED: test accuracy 86.3 %" or "FAILED: <cause>".
std::string OutcomeLine(const v1::Job& job);

// Turns the successive states of one job into output. One thread at a time.
class ProgressDisplay {
 public:
  // `width` > 0: a terminal, the bar is redrawn in place; 0: lines only.
  ProgressDisplay(std::ostream& out, int width) : out_(out), width_(width) {}

  void Show(const v1::Job& job);
  // A remark between progress lines, such as "the coordinator is away".
  void Note(const std::string& text);

 private:
  void Line(const std::string& text);
  void ClearBar();

  std::ostream& out_;
  const int width_;
  bool bar_shown_ = false;
  std::string last_state_;
  int64_t last_epoch_ = 0;
};

}  // namespace hebb::client

#endif  // HEBB_CLIENT_PROGRESS_H_

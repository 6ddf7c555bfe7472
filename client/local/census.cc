// SPDX-License-Identifier: Apache-2.0
#include "client/local/census.h"

#include <utility>

#include "absl/time/clock.h"
#include "client/api.h"

namespace hebb::client {
namespace {

Census::View Ask(Api& api) {
  Census::View view;
  const absl::StatusOr<v1::ListWorkersResponse> answer = api.ListWorkers();
  if (!answer.ok()) return view;
  view.serving = true;
  for (const v1::Worker& worker : answer->workers()) {
    if (worker.state() != "silent") view.attached.insert(worker.pid());
  }
  return view;
}

}  // namespace

Census::Census(std::string address, absl::Duration period)
    : thread_([this, at = std::move(address), period] { Run(at, period); }) {}

Census::~Census() {
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
  }
  thread_.join();
}

Census::View Census::Latest() const {
  absl::MutexLock lock(&mutex_);
  return view_;
}

void Census::Run(const std::string& address, absl::Duration period) {
  Api api(address, /*credentials=*/"", /*patience=*/absl::ZeroDuration(),
          /*call_deadline=*/absl::Seconds(2));
  while (true) {
    const View view = Ask(api);
    absl::MutexLock lock(&mutex_);
    view_ = view;
    mutex_.AwaitWithTimeout(absl::Condition(&stopping_), period);
    if (stopping_) return;
  }
}

}  // namespace hebb::client

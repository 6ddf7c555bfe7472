// SPDX-License-Identifier: Apache-2.0
#include "bench/raw_gloo.h"

#include <gloo/allreduce.h>
#include <gloo/math.h>
#include <gloo/rendezvous/context.h>
#include <gloo/rendezvous/hash_store.h>
#include <gloo/transport/tcp/device.h>

#include <exception>

namespace hebb::bench {

struct RawGlooMeeting::State {
  gloo::rendezvous::HashStore store;
};

RawGlooMeeting::RawGlooMeeting() : state_(std::make_unique<State>()) {}
RawGlooMeeting::~RawGlooMeeting() = default;

struct RawGloo::State {
  std::shared_ptr<gloo::rendezvous::Context> context;
};

RawGloo::RawGloo() : state_(std::make_unique<State>()) {}
RawGloo::~RawGloo() = default;

bool RawGloo::Connect(RawGlooMeeting& meeting, int rank, int size) try {
  auto device = gloo::transport::tcp::CreateDevice(gloo::transport::tcp::attr("127.0.0.1"));
  state_->context = std::make_shared<gloo::rendezvous::Context>(rank, size);
  state_->context->connectFullMesh(meeting.state_->store, device);
  return true;
} catch (const std::exception&) {
  return false;
}

bool RawGloo::AllReduce(std::span<float> data) try {
  gloo::AllreduceOptions options(state_->context);
  options.setOutput(data.data(), data.size());
  using Sum = void (*)(void*, const void*, const void*, size_t);
  options.setReduceFunction(static_cast<Sum>(&gloo::sum<float>));
  gloo::allreduce(options);
  return true;
} catch (const std::exception&) {
  return false;
}

}  // namespace hebb::bench

// SPDX-License-Identifier: Apache-2.0
#include "server/rpc/stream_pump.h"

namespace hebb::rpc {

StreamPump::StreamPump(int threads) {
  for (int i = 0; i < threads; ++i) threads_.emplace_back([this] { Work(); });
}

StreamPump::~StreamPump() {
  {
    absl::MutexLock lock(&mutex_);
    ending_ = true;
    changed_.SignalAll();
  }
  for (std::thread& thread : threads_) thread.join();
}

void StreamPump::Wake(const std::shared_ptr<Stream>& stream, absl::Time due) {
  absl::MutexLock lock(&mutex_);
  Place& place = places_[stream.get()];
  place.stream = stream;
  if (due >= place.due) return;
  if (!place.running) {
    queue_.erase({place.due, stream.get()});
    queue_.emplace(due, stream.get());
    changed_.Signal();
  }
  place.due = due;
}

std::shared_ptr<StreamPump::Stream> StreamPump::Next() {
  absl::MutexLock lock(&mutex_);
  while (!ending_) {
    const absl::Time due = queue_.empty() ? absl::InfiniteFuture() : queue_.begin()->first;
    if (due > SteadyNow()) {
      changed_.WaitUntil(mutex_, due);
      continue;
    }
    Place& place = places_.at(queue_.begin()->second);
    queue_.erase(queue_.begin());
    place.due = absl::InfiniteFuture();
    place.running = true;
    return place.stream;
  }
  return nullptr;
}

void StreamPump::Done(Stream* stream) {
  absl::MutexLock lock(&mutex_);
  const auto place = places_.find(stream);
  place->second.running = false;
  if (place->second.due == absl::InfiniteFuture()) {
    places_.erase(place);
    return;
  }
  queue_.emplace(place->second.due, stream);
  changed_.Signal();
}

void StreamPump::Work() {
  while (const std::shared_ptr<Stream> stream = Next()) {
    stream->Turn();
    Done(stream.get());
  }
}

}  // namespace hebb::rpc

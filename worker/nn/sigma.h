// SPDX-License-Identifier: Apache-2.0
// The nonlinearity of one layer at work: sigma, and the record that its gate needs.
#ifndef HEBB_WORKER_NN_SIGMA_H_
#define HEBB_WORKER_NN_SIGMA_H_

#include <cstdint>

#include "common/spec/spec.h"
#include "worker/device/aligned_buffer.h"
#include "worker/nn/layer.h"

namespace hebb::nn {

// Thread-safety: one thread at a time.
class Sigma {
 public:
  Sigma(spec::Activation activation, int64_t units) : activation_(activation), units_(units) {}

  // Allocates the first time that many rows are seen. Throws std::bad_alloc.
  void Prepare(int64_t rows);

  // Turns the fields of units `begin` to `begin + size` of a slice (row 0's come first) into
  // outputs, in place.
  void Forward(int64_t begin, int64_t size, float* fields);

  // The same for whole places of `channels` units, to whose fields `bias` is added first. Both
  // happen a few places at a time, in the innermost cache. bias null: none.
  void ForwardWithBias(int64_t begin, int64_t places, int64_t channels, const float* bias,
                       float* fields);

  // Turns delta into d in place.
  void Gate(const Layer::Trace& trace, float* delta) const;
  // The same for some units, to whose first `outputs` and `delta` point.
  void Gate(int64_t begin, int64_t size, const float* outputs, float* delta) const;

 private:
  const spec::Activation activation_;
  const int64_t units_;                  // of one row
  device::AlignedBuffer<uint8_t> open_;  // where NeedsGateRecord
};

}  // namespace hebb::nn

#endif  // HEBB_WORKER_NN_SIGMA_H_

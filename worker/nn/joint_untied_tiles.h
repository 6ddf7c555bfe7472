// SPDX-License-Identifier: Apache-2.0
// The inner loops of joint_untied_kernels.h, once for each width of registers. They give the same
// bits.
//
// joint_untied_tiles_impl.h and joint_untied_registers.h hold the code; the
// joint_untied_tiles_*_cpu.cc files compile it for one instruction set each, with the compiler's
// flag for it (worker/nn/CMakeLists.txt), and so include nothing of ours: no function that the
// linker might share with other files.
#ifndef HEBB_WORKER_NN_JOINT_UNTIED_TILES_H_
#define HEBB_WORKER_NN_JOINT_UNTIED_TILES_H_

#include <cstdint>

namespace hebb::nn {

// One output place. What it sees of x, from a pointer on, is `bands` pieces, one per row of taps,
// of `band` inputs each (taps by channels), `band_stride` inputs apart.
struct JointUntiedPlace {
  int64_t rows = 0;
  int64_t outs = 0;
  int64_t bands = 0;
  int64_t band = 0;
  int64_t band_stride = 0;
  int64_t x_stride = 0;  // floats of x from input to input (forward) or from row to row (update)
  int64_t h_stride = 0;  // floats of h from row to row
};

// A slice's rows, and what the fold does once their sum is made (worker/slices/fold.h).
struct JointUntiedPart {
  int64_t begin = 0, end = 0;
  int merges = 0;
  int root = -1;
};

struct JointUntiedFold {
  const JointUntiedPart* parts = nullptr;
  int count = 0;
  float* const* nodes = nullptr;  // by root
  // Write the nodes past the caches. REQUIRES: they and their rows are aligned to 64 bytes.
  bool stream = false;
};

// Up to `width` inputs, neighbours in memory, whose rows of B begin at b and whose first row of
// delta begins at delta.
struct JointUntiedStrip {
  const float* b = nullptr;
  float* delta = nullptr;
  int64_t lanes = 0;
};

struct JointUntiedStrips {
  JointUntiedStrip strips[2];
  int count = 0;  // 1 or 2
  int64_t delta_stride = 0;
  int64_t ahead = 0;  // floats from b to what is to be fetched meanwhile
};

// A place's part of d ("signals") is copied to where rows are close: [block][row][kSignalStride],
// a block being kSignalBlock filters. The stride is an odd number of cache lines, so that rows
// spread over all sets of a cache, and constant, so that it costs no register.
inline constexpr int64_t kSignalBlock = 64;
inline constexpr int64_t kSignalStride = 80;

// Immutable, hence thread-safe. Scratch has room for kTileScratch floats a thread.
struct JointUntiedTiles {
  const char* name;
  int64_t width;  // floats in a register
  // to[unit][lane] = from[lane][unit]; writes whole registers: lanes up to `width` hold anything.
  // REQUIRES: 1 <= lanes <= width.
  void (*turn)(const float* from, int64_t from_stride, int64_t lanes, int64_t units, float* to,
               int64_t to_stride);
  // signals = d of `places` places from the first one's on, rows h_stride apart.
  void (*gather)(const JointUntiedPlace& place, int64_t places, const float* d, float* signals);
  // h = bias + W x, where x is [input][row]; bias may be null.
  void (*forward)(const JointUntiedPlace& place, const float* x, const float* w, const float* bias,
                  float* h);
  // nodes = fold of d x^T, at `matrix` in each node, where x is [row][input].
  void (*update)(const JointUntiedPlace& place, const float* x, const float* signals,
                 const JointUntiedFold& fold, int64_t matrix, float* scratch);
  // delta += B^T d. REQUIRES: delta may be read (not written) up to `width` lanes.
  void (*backward)(const JointUntiedPlace& place, const JointUntiedStrips& strips,
                   const float* signals, float* scratch);
};

// The fold's stack of 32 entries of up to 28 registers of 16.
inline constexpr int64_t kTileScratch = int64_t{32} * 28 * 16;
inline constexpr int kMostDepth = 32;

extern const JointUntiedTiles kJointUntiedTilesBase;
#if defined(__x86_64__)
extern const JointUntiedTiles kJointUntiedTilesAvx2;
extern const JointUntiedTiles kJointUntiedTilesAvx512;
#endif

}  // namespace hebb::nn

#endif  // HEBB_WORKER_NN_JOINT_UNTIED_TILES_H_

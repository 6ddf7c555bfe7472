// SPDX-License-Identifier: Apache-2.0
// Which of the instruction sets that files are compiled for this machine has: all that the
// compiler may use under -march=x86-64-v3 and -v4.
#ifndef HEBB_WORKER_DEVICE_CPU_FEATURES_H_
#define HEBB_WORKER_DEVICE_CPU_FEATURES_H_

namespace hebb::device {

inline bool CpuHasAvx2() {
#if defined(__x86_64__)
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
         __builtin_cpu_supports("bmi2");
#else
  return false;
#endif
}

inline bool CpuHasAvx512() {
#if defined(__x86_64__)
  return CpuHasAvx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
         __builtin_cpu_supports("avx512vl");
#else
  return false;
#endif
}

// For loops that hold their lanes in vectors of the compiler: wider ones than the machine's
// registers it takes apart into single numbers.
inline int FloatsInRegister() { return CpuHasAvx512() ? 16 : CpuHasAvx2() ? 8 : 4; }

}  // namespace hebb::device

#endif  // HEBB_WORKER_DEVICE_CPU_FEATURES_H_

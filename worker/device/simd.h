// SPDX-License-Identifier: Apache-2.0
// HEBB_SIMD before a function lets the compiler vectorise its plain loops for the widest registers
// of the machine it runs on, chosen once at start. Elementwise loops give the same bits in every
// variant, because contraction into FMA is off (CMakeLists.txt).
#ifndef HEBB_WORKER_DEVICE_SIMD_H_
#define HEBB_WORKER_DEVICE_SIMD_H_

// Sanitizers run before the resolvers that choose a variant; clang-tidy knows them only in part.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && !defined(HEBB_SANITIZED)
#define HEBB_SIMD __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define HEBB_SIMD
#endif

#endif  // HEBB_WORKER_DEVICE_SIMD_H_

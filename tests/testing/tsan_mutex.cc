// SPDX-License-Identifier: Apache-2.0
// Lets ThreadSanitizer see what absl's locks order. The system's abseil is not instrumented, so
// without this every access under an absl::Mutex looks like a race. Each function here stands in
// front of the library's own one (the dynamic linker takes the program's definition first), tells
// ThreadSanitizer what is about to happen and calls the real one, which it finds behind itself.
//
// Linked into every program of the preset `tsan`, and only there.
#include <dlfcn.h>
#include <sanitizer/tsan_interface.h>

#include <string>

#include "absl/base/options.h"
#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "absl/time/time.h"
#include "common/check.h"

namespace {

#define HEBB_TEXT_OF(x) #x
#define HEBB_TEXT(x) HEBB_TEXT_OF(x)

// The next definition of absl::`rest` (a mangled name without the namespaces), behind this program.
template <typename Function>
Function Real(const char* rest, bool is_const = false) {
  const std::string name_space = HEBB_TEXT(ABSL_OPTION_INLINE_NAMESPACE_NAME);
  const std::string name = std::string(is_const ? "_ZNK" : "_ZN") + "4absl" +
                           std::to_string(name_space.size()) + name_space + rest;
  void* const found = dlsym(RTLD_NEXT, name.c_str());
  HEBB_CHECK(found != nullptr);
  return reinterpret_cast<Function>(found);
}

// Calls within the library that come through these functions again are not told a second time.
thread_local int depth = 0;
class Inside {
 public:
  Inside() { ++depth; }
  ~Inside() { --depth; }
  bool outermost() const { return depth == 1; }
};

constexpr unsigned kRead = __tsan_mutex_read_lock;
constexpr unsigned kTry = __tsan_mutex_try_lock;

template <typename Call>
void Locking(void* mutex, unsigned flags, const Call& call) {
  const Inside inside;
  if (!inside.outermost()) return call();
  __tsan_mutex_pre_lock(mutex, flags);
  call();
  __tsan_mutex_post_lock(mutex, flags, 0);
}

template <typename Call>
bool Trying(void* mutex, unsigned flags, const Call& call) {
  const Inside inside;
  if (!inside.outermost()) return call();
  __tsan_mutex_pre_lock(mutex, flags | kTry);
  const bool taken = call();
  __tsan_mutex_post_lock(mutex, flags | kTry | (taken ? 0 : __tsan_mutex_try_lock_failed), 0);
  return taken;
}

template <typename Call>
void Unlocking(void* mutex, unsigned flags, const Call& call) {
  const Inside inside;
  if (!inside.outermost()) return call();
  __tsan_mutex_pre_unlock(mutex, flags);
  call();
  __tsan_mutex_post_unlock(mutex, flags);
}

// A wait lets go of the lock and has it again at its end, whatever its outcome. What the library
// evaluates meanwhile (conditions, under the lock) is not looked at.
template <typename Call>
auto Waiting(void* mutex, const Call& call) {
  const Inside inside;
  if (!inside.outermost()) return call();
  __tsan_mutex_pre_unlock(mutex, 0);
  __tsan_mutex_post_unlock(mutex, 0);
  __tsan_mutex_pre_lock(mutex, 0);
  if constexpr (std::is_void_v<decltype(call())>) {
    call();
    __tsan_mutex_post_lock(mutex, 0, 0);
  } else {
    const auto outcome = call();
    __tsan_mutex_post_lock(mutex, 0, 0);
    return outcome;
  }
}

using MutexVoid = void (*)(absl::Mutex*);
using MutexBool = bool (*)(absl::Mutex*);
using MutexWhen = void (*)(absl::Mutex*, const absl::Condition&);
using MutexTimeout = bool (*)(absl::Mutex*, const absl::Condition&, absl::Duration);
using MutexDeadline = bool (*)(absl::Mutex*, const absl::Condition&, absl::Time);

}  // namespace

namespace absl {
ABSL_NAMESPACE_BEGIN

Mutex::~Mutex() {
  static const auto real = Real<MutexVoid>("5MutexD1Ev");
  __tsan_mutex_destroy(this, 0);
  real(this);
}

void Mutex::Lock() {
  static const auto real = Real<MutexVoid>("5Mutex4LockEv");
  Locking(this, 0, [&] { real(this); });
}
void Mutex::Unlock() {
  static const auto real = Real<MutexVoid>("5Mutex6UnlockEv");
  Unlocking(this, 0, [&] { real(this); });
}
bool Mutex::TryLock() {
  static const auto real = Real<MutexBool>("5Mutex7TryLockEv");
  return Trying(this, 0, [&] { return real(this); });
}
void Mutex::ReaderLock() {
  static const auto real = Real<MutexVoid>("5Mutex10ReaderLockEv");
  Locking(this, kRead, [&] { real(this); });
}
void Mutex::ReaderUnlock() {
  static const auto real = Real<MutexVoid>("5Mutex12ReaderUnlockEv");
  Unlocking(this, kRead, [&] { real(this); });
}
void Mutex::LockWhen(const Condition& condition) {
  static const auto real = Real<MutexWhen>("5Mutex8LockWhenERKNS0_9ConditionE");
  Locking(this, 0, [&] { real(this, condition); });
}
bool Mutex::LockWhenWithTimeout(const Condition& condition, Duration timeout) {
  static const auto real =
      Real<MutexTimeout>("5Mutex19LockWhenWithTimeoutERKNS0_9ConditionENS0_8DurationE");
  bool outcome = false;
  Locking(this, 0, [&] { outcome = real(this, condition, timeout); });
  return outcome;
}
bool Mutex::LockWhenWithDeadline(const Condition& condition, Time deadline) {
  static const auto real =
      Real<MutexDeadline>("5Mutex20LockWhenWithDeadlineERKNS0_9ConditionENS0_4TimeE");
  bool outcome = false;
  Locking(this, 0, [&] { outcome = real(this, condition, deadline); });
  return outcome;
}
void Mutex::Await(const Condition& condition) {
  static const auto real = Real<MutexWhen>("5Mutex5AwaitERKNS0_9ConditionE");
  Waiting(this, [&] { real(this, condition); });
}
bool Mutex::AwaitWithTimeout(const Condition& condition, Duration timeout) {
  static const auto real =
      Real<MutexTimeout>("5Mutex16AwaitWithTimeoutERKNS0_9ConditionENS0_8DurationE");
  return Waiting(this, [&] { return real(this, condition, timeout); });
}
bool Mutex::AwaitWithDeadline(const Condition& condition, Time deadline) {
  static const auto real =
      Real<MutexDeadline>("5Mutex17AwaitWithDeadlineERKNS0_9ConditionENS0_4TimeE");
  return Waiting(this, [&] { return real(this, condition, deadline); });
}

void CondVar::Wait(Mutex* mutex) {
  static const auto real = Real<void (*)(CondVar*, Mutex*)>("7CondVar4WaitEPNS0_5MutexE");
  Waiting(mutex, [&] { real(this, mutex); });
}
bool CondVar::WaitWithTimeout(Mutex* mutex, Duration timeout) {
  static const auto real = Real<bool (*)(CondVar*, Mutex*, Duration)>(
      "7CondVar15WaitWithTimeoutEPNS0_5MutexENS0_8DurationE");
  return Waiting(mutex, [&] { return real(this, mutex, timeout); });
}
bool CondVar::WaitWithDeadline(Mutex* mutex, Time deadline) {
  static const auto real =
      Real<bool (*)(CondVar*, Mutex*, Time)>("7CondVar16WaitWithDeadlineEPNS0_5MutexENS0_4TimeE");
  return Waiting(mutex, [&] { return real(this, mutex, deadline); });
}

// The flag of a Notification is behind its mutex; HasBeenNotified() reads it inline, elsewhere the
// library does: both are ordered after Notify by the address of the whole.
void Notification::Notify() {
  static const auto real = Real<void (*)(Notification*)>("12Notification6NotifyEv");
  __tsan_release(reinterpret_cast<char*>(this) + sizeof(Mutex));
  real(this);
}
void Notification::WaitForNotification() const {
  static const auto real =
      Real<void (*)(const Notification*)>("12Notification19WaitForNotificationEv", true);
  real(this);
  __tsan_acquire(const_cast<char*>(reinterpret_cast<const char*>(this)) + sizeof(Mutex));
}
bool Notification::WaitForNotificationWithTimeout(Duration timeout) const {
  static const auto real = Real<bool (*)(const Notification*, Duration)>(
      "12Notification30WaitForNotificationWithTimeoutENS0_8DurationE", true);
  const bool notified = real(this, timeout);
  if (notified) {
    __tsan_acquire(const_cast<char*>(reinterpret_cast<const char*>(this)) + sizeof(Mutex));
  }
  return notified;
}
bool Notification::WaitForNotificationWithDeadline(Time deadline) const {
  static const auto real = Real<bool (*)(const Notification*, Time)>(
      "12Notification31WaitForNotificationWithDeadlineENS0_4TimeE", true);
  const bool notified = real(this, deadline);
  if (notified) {
    __tsan_acquire(const_cast<char*>(reinterpret_cast<const char*>(this)) + sizeof(Mutex));
  }
  return notified;
}

ABSL_NAMESPACE_END
}  // namespace absl

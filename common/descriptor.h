// SPDX-License-Identifier: Apache-2.0
#ifndef HEBB_COMMON_DESCRIPTOR_H_
#define HEBB_COMMON_DESCRIPTOR_H_

#include <unistd.h>

namespace hebb {

// Owns a file descriptor, -1 for none, and closes it. Not thread-safe.
class Descriptor {
 public:
  explicit Descriptor(int fd = -1) : fd_(fd) {}
  ~Descriptor() { Close(); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }
  void Set(int fd) {
    Close();
    fd_ = fd;
  }
  void Close() {
    if (fd_ >= 0) close(fd_);
    fd_ = -1;
  }

 private:
  int fd_;
};

}  // namespace hebb

#endif  // HEBB_COMMON_DESCRIPTOR_H_

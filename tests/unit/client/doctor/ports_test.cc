// SPDX-License-Identifier: Apache-2.0
#include "client/doctor/ports.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace hebb::client::doctor {
namespace {

using ::testing::HasSubstr;

// Listens on a free port of 127.0.0.1.
class Listener {
 public:
  Listener() : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    EXPECT_EQ(bind(fd_, reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(listen(fd_, 1), 0);
    EXPECT_EQ(getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size), 0);
    port_ = ntohs(address.sin_port);
  }
  ~Listener() { close(fd_); }
  int port() const { return port_; }

 private:
  const int fd_;
  int port_ = 0;
};

TEST(PortsTest, OwnerOfATakenPortIsNamed) {
  int port = 0;
  {
    const Listener listener;
    port = listener.port();
    const PortOwner owner = LookAtPort(port);
    EXPECT_TRUE(owner.taken);
    EXPECT_EQ(owner.pid, getpid());
    EXPECT_THAT(owner.program, HasSubstr("test_unit_client_doctor"));
  }
  EXPECT_FALSE(LookAtPort(port).taken);
}

TEST(PortsTest, OnlyACoordinatorMayHaveIt) {
  EXPECT_EQ(JudgePort("port.grpc", 7070, "--port", {}).verdict, Verdict::kOk);
  EXPECT_EQ(JudgePort("port.grpc", 7070, "--port", {true, "hebb-coordinator", 5}).verdict,
            Verdict::kOk);
  const Finding finding = JudgePort("port.grpc", 7070, "--port", {true, "nginx", 5});
  EXPECT_EQ(finding.verdict, Verdict::kWarning);
  EXPECT_EQ(finding.found, "7070 is taken by nginx (pid 5)");
  EXPECT_THAT(finding.remedy, HasSubstr("--port"));
  EXPECT_EQ(JudgePort("port.grpc", 7070, "--port", {true, "", 0}).verdict, Verdict::kWarning);
}

}  // namespace
}  // namespace hebb::client::doctor

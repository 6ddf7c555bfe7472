// SPDX-License-Identifier: Apache-2.0
#include "worker/runtime/identity.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <random>
#include <thread>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/rpc/channel.h"
#include "worker/comm/mpi_communicator.h"
#include "worker/engine/engine.h"
#include "worker/runtime/gpu_device.h"

namespace hebb::runtime {
namespace {

constexpr char kLoopback[] = "127.0.0.1";

std::string RandomId() {
  std::random_device random;
  std::string bytes;
  for (int i = 0; i < 16; ++i) bytes.push_back(static_cast<char>(random()));
  return absl::BytesToHexString(bytes);
}

std::string HostName() {
  std::array<char, 256> name = {};
  return gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "unknown";
}

std::string CpuModel() {
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);) {
    const size_t colon = line.find(": ");
    if (absl::StartsWith(line, "model name") && colon != std::string::npos) {
      return line.substr(colon + 2);
    }
  }
  return "cpu";
}

void DescribeCpu(v1::Worker& worker) {
  worker.set_device("cpu");
  worker.set_device_name(CpuModel());
  worker.set_kernel_family(engine::CpuKernelFamily());
  worker.add_backends("gloo");
}

void DescribeGpu(const GpuDevice& gpu, v1::Worker& worker) {
  worker.set_device("cuda");
  worker.set_device_name(gpu.ops().device_name());
  worker.set_kernel_family(gpu.ops().kernel_family());
  worker.add_backends("nccl");
  worker.set_device_memory(gpu.seen().total);
  worker.set_device_memory_free(gpu.seen().free);
}

// The local address the kernel would send from; "" if it knows no way. Sends nothing.
std::string RouteTo(const addrinfo& peer) {
  const int fd = socket(peer.ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return "";
  sockaddr_storage own = {};
  socklen_t size = sizeof(own);
  std::array<char, NI_MAXHOST> text = {};
  const bool known = connect(fd, peer.ai_addr, peer.ai_addrlen) == 0 &&
                     getsockname(fd, reinterpret_cast<sockaddr*>(&own), &size) == 0 &&
                     getnameinfo(reinterpret_cast<sockaddr*>(&own), size, text.data(), text.size(),
                                 nullptr, 0, NI_NUMERICHOST) == 0;
  close(fd);
  return known ? text.data() : "";
}

}  // namespace

std::string BuildId() { return HEBB_BUILD_ID; }

int AvailableCores() {
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof(set), &set) == 0) return std::max(1, CPU_COUNT(&set));
  return static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
}

std::string AddressTowards(const std::string& peer_host, int port) {
  if (rpc::IsLoopback(peer_host)) return kLoopback;
  addrinfo hints = {};
  hints.ai_socktype = SOCK_DGRAM;
  addrinfo* found = nullptr;
  if (getaddrinfo(peer_host.c_str(), absl::StrCat(port).c_str(), &hints, &found) != 0) {
    return kLoopback;
  }
  std::string address;
  for (const addrinfo* peer = found; peer != nullptr && address.empty(); peer = peer->ai_next) {
    address = RouteTo(*peer);
  }
  freeaddrinfo(found);
  return address.empty() ? kLoopback : address;
}

v1::Worker MakeIdentity(absl::string_view name, int threads, absl::string_view http_address,
                        const comm::MpiWorld* mpi_world, const GpuDevice* gpu) {
  v1::Worker worker;
  worker.set_id(name.empty() ? RandomId() : absl::StrCat(name, ".", RandomId().substr(0, 8)));
  worker.set_host(HostName());
  worker.set_pid(getpid());
  if (gpu != nullptr) {
    DescribeGpu(*gpu, worker);
  } else {
    DescribeCpu(worker);
  }
  worker.set_threads(threads);
  if (mpi_world != nullptr) {
    if (gpu == nullptr) worker.add_backends("mpi");
    worker.set_mpi_world(mpi_world->id());
    worker.set_mpi_rank(mpi_world->rank());
  }
  worker.set_build(BuildId());
  worker.set_http_address(std::string(http_address));
  v1::Software& software = *worker.mutable_software();
  software.set_build(worker.build());
  software.set_kernel_family(worker.kernel_family());
  software.set_processor(worker.device_name());
  for (const auto& [library, version] :
       gpu == nullptr ? engine::CpuLibraries() : gpu->ops().libraries()) {
    (*software.mutable_libraries())[library] = version;
  }
  return worker;
}

}  // namespace hebb::runtime

// SPDX-License-Identifier: Apache-2.0
// The worker's self-check really adds up over gloo, and says so when it cannot. Over MPI:
// e2e.doctor.
#include "worker/runtime/self_check.h"

#include <google/protobuf/struct.pb.h>
#include <google/protobuf/util/json_util.h>
#include <gtest/gtest.h>

#include "tests/unit/worker/runtime/fake_gpu.h"
#include "worker/runtime/identity.h"

namespace hebb::runtime {
namespace {

google::protobuf::Struct Check(const std::string& host, gpu::Plugin* plugin = nullptr) {
  google::protobuf::Struct all;
  const std::string json = SelfCheck(host, absl::Seconds(20), FakeParts(plugin));
  EXPECT_EQ(json.find('\n'), std::string::npos);
  EXPECT_TRUE(google::protobuf::util::JsonStringToMessage(json, &all).ok()) << json;
  return all;
}

std::string GlooError(const google::protobuf::Struct& all) {
  return all.fields().at("gloo").struct_value().fields().at("error").string_value();
}

TEST(SelfCheckTest, BuildLibrariesAndASum) {
  const google::protobuf::Struct all = Check("127.0.0.1");
  EXPECT_EQ(all.fields().at("build").string_value(), BuildId());
  const auto& libraries = all.fields().at("libraries").struct_value().fields();
  for (const char* name : {"oneDNN", "gloo", "MPI"}) {
    EXPECT_NE(libraries.at(name).string_value(), "") << name;
  }
  EXPECT_EQ(GlooError(all), "");
  EXPECT_FALSE(all.fields().contains("mpi_world")) << "nobody has started one";
}

TEST(SelfCheckTest, AddressOfAnotherMachineIsNoPlaceForASum) {
  EXPECT_NE(GlooError(Check("203.0.113.1")), "");
}

TEST(SelfCheckTest, GpusAreDescribedOrWhyTheyAreOfNoUse) {
  EXPECT_FALSE(Check("127.0.0.1").fields().contains("gpu")) << "there is none";
  FakePlugin plugin(2);
  auto gpu = Check("127.0.0.1", &plugin).fields().at("gpu").struct_value().fields();
  EXPECT_EQ(gpu.at("error").string_value(), "");
  EXPECT_EQ(gpu.at("kernel_family").string_value(), "fake-80g");
  EXPECT_EQ(gpu.at("libraries").struct_value().fields().at("NCCL").string_value(), "2.fake");
  ASSERT_EQ(gpu.at("devices").list_value().values_size(), 2);
  const auto& second = gpu.at("devices").list_value().values(1).struct_value().fields();
  EXPECT_EQ(second.at("uuid").string_value(), "GPU-1");
  EXPECT_EQ(second.at("memory").number_value(), static_cast<double>(80 * kGiB));
  plugin.fails = absl::FailedPreconditionError("the driver is too old");
  gpu = Check("127.0.0.1", &plugin).fields().at("gpu").struct_value().fields();
  EXPECT_EQ(gpu.at("error").string_value(), "the driver is too old");
}

}  // namespace
}  // namespace hebb::runtime

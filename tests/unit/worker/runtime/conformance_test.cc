// SPDX-License-Identifier: Apache-2.0
// The report that compares engines, products and sums: silent about sound ones, and not about
// others, in any case, on either side.
#include "worker/runtime/conformance.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <set>
#include <utility>

#include "tests/testing/gpu/host_ops.h"
#include "tests/testing/gpu/thread_collective.h"
#include "worker/gpu/gpu_engine.h"
#include "worker/runtime/own_rendezvous.h"

namespace hebb::runtime {
namespace {

using testing::HasSubstr;
using testing::UnorderedElementsAre;
using Results = std::vector<ConformanceResult>;

constexpr uint64_t kSeed = 17;

absl::StatusOr<std::unique_ptr<engine::Engine>> MakeGpu(const engine::EngineOptions& options) {
  return gpu::CreateGpuEngine(options, std::make_shared<gpu::HostOps>());
}

// Learns by three hundredths too fast; what learns at a rate of its own, too.
template <typename Make>
engine::EngineMaker Hasty(Make make) {
  return [make](const engine::EngineOptions& options) {
    spec::Job job = *options.job;
    spec::Sgd& sgd = job.learning.optimizer;
    sgd.feedback_learning_rate = 1.03 * sgd.feedback_learning_rate.value_or(sgd.learning_rate);
    sgd.learning_rate *= 1.03;
    engine::EngineOptions hasty = options;
    hasty.job = &job;
    return make(hasty);
  };
}

std::vector<ConformanceCase> CasesNamed(const std::set<std::string>& names) {
  std::vector<ConformanceCase> chosen;
  for (ConformanceCase& each : ConformanceCases()) {
    if (names.contains(each.name)) chosen.push_back(std::move(each));
  }
  return chosen;
}

void ExpectAllConform(const Results& results) {
  for (const ConformanceResult& result : results) {
    EXPECT_TRUE(result.conforms()) << result.group << " " << result.name << ": " << result.worst
                                   << " differs by " << result.difference << " " << result.error;
  }
}

TEST(ConformanceCasesTest, TheTablesHaveEveryRuleLossOrderAndLayerOnce) {
  std::set<std::string> names;
  std::map<spec::Rule, int> rules;
  std::map<size_t, int> losses, layers;
  std::map<spec::Propagate, int> orders;
  for (const ConformanceCase& each : ConformanceCases()) {
    EXPECT_TRUE(names.insert(each.name).second) << each.name << " is there twice";
    ++rules[each.job.learning.rule];
    ++losses[each.job.learning.loss.index()];
    ++orders[each.job.learning.propagate];
    for (const spec::Layer& layer : each.network.layers) ++layers[layer.op.index()];
  }
  EXPECT_GE(names.size(), 100u);
  EXPECT_EQ(rules.size(), 10u);
  EXPECT_EQ(losses.size(), std::variant_size_v<spec::Loss>);
  EXPECT_EQ(orders.size(), 2u);
  EXPECT_EQ(layers.size(), std::variant_size_v<spec::LayerOp>);
}

TEST(ConformanceTest, TheCpusAndTheGpusEngineConform) {
  const engine::EngineMaker gpu = MakeGpu;
  const Results results = CompareEngines(ConformanceCases(), engine::CreateCpuEngine, &gpu, kSeed);
  EXPECT_GT(results.size(), 3 * ConformanceCases().size());
  ExpectAllConform(results);
}

// Of this seed's first draw the second step takes the rounding of the first two hundred times
// further.
TEST(ConformanceTest, RoundingThatStepsMultiplyIsDrawnAgain) {
  ExpectAllConform(CompareEngines(CasesNamed({"kolen_pollack_saturated"}), engine::CreateCpuEngine,
                                  nullptr, 36725562));
}

TEST(ConformanceTest, AGpuThatErrsIsFoundInEveryCase) {
  const engine::EngineMaker gpu = Hasty(MakeGpu);
  for (const ConformanceResult& result :
       CompareEngines(ConformanceCases(), engine::CreateCpuEngine, &gpu, kSeed)) {
    if (result.limit == 0 || !result.skipped.empty()) continue;  // an engine beside itself
    EXPECT_EQ(result.conforms(), result.group == "cpu")
        << result.group << " " << result.name << " " << result.difference << result.error;
    EXPECT_FALSE(result.worst.empty()) << result.name;
  }
}

TEST(ConformanceTest, ACpuThatErrsIsFoundWithoutAGpu) {
  for (const ConformanceResult& result :
       CompareEngines(CasesNamed({"ramp, urfb", "urfb", "dfa", "norm_relu, bp"}),
                      Hasty(engine::CreateCpuEngine), nullptr, kSeed)) {
    EXPECT_EQ(result.conforms(), result.group == "cpu_bits") << result.group << " " << result.name;
  }
}

TEST(ConformanceTest, AnEngineThatCannotBeMadeIsAnErrorOfItsCase) {
  const engine::EngineMaker none =
      [](const engine::EngineOptions&) -> absl::StatusOr<std::unique_ptr<engine::Engine>> {
    return absl::ResourceExhaustedError("3 MiB asked for");
  };
  for (const ConformanceResult& result :
       CompareEngines(CasesNamed({"urfb"}), engine::CreateCpuEngine, &none, 1)) {
    if (result.group == "gpu" || result.group == "gpu_bits") {
      EXPECT_EQ(result.error, "3 MiB asked for");
    }
    EXPECT_EQ(result.conforms(), !result.group.starts_with("gpu") || !result.skipped.empty());
  }
}

TEST(ConformanceTest, TheCpusProductsConform) {
  const Results results = CompareProducts(kSeed);
  EXPECT_EQ(results.size(), 9u);
  ExpectAllConform(results);
  for (const ConformanceResult& result : results) {
    EXPECT_GT(result.difference, 0) << result.name << ": float32 always rounds";
    EXPECT_THAT(result.worst, HasSubstr(" to "));
  }
}

// ---- sums --------------------------------------------------------------------------------------

// Gloo, but the last rank hears one number of one message wrong.
class Mishearing : public comm::ConnectableCommunicator {
 public:
  explicit Mishearing(std::unique_ptr<comm::ConnectableCommunicator> sound)
      : sound_(std::move(sound)) {}
  absl::Status Connect(absl::Time deadline) override { return sound_->Connect(deadline); }
  comm::Topology topology() const override { return sound_->topology(); }
  absl::string_view backend() const override { return sound_->backend(); }
  absl::Status Exchange(std::span<const comm::Send> sends, std::span<const comm::Receive> receives,
                        absl::Time deadline) override {
    const absl::Status status = sound_->Exchange(sends, receives, deadline);
    Mishear(receives.empty() ? std::span<std::byte>() : receives[0].data);
    return status;
  }
  absl::Status AllReduce(std::span<float> data, absl::Time deadline) override {
    const absl::Status status = sound_->AllReduce(data, deadline);
    Mishear(std::as_writable_bytes(data));
    return status;
  }
  absl::Status Broadcast(std::span<std::byte> data, int root, absl::Time deadline) override {
    return sound_->Broadcast(data, root, deadline);
  }
  absl::Status AllGather(std::span<const std::byte> mine, std::span<std::byte> all,
                         absl::Time deadline) override {
    return sound_->AllGather(mine, all, deadline);
  }
  absl::Status Barrier(absl::Time deadline) override { return sound_->Barrier(deadline); }
  void Abort(absl::string_view reason) override { sound_->Abort(reason); }

 private:
  void Mishear(std::span<std::byte> data) const {
    const auto [rank, size] = topology();
    if (rank != size - 1 || data.size() < sizeof(float)) return;
    const float wrong = 100;
    std::memcpy(data.data(), &wrong, sizeof wrong);
  }
  const std::unique_ptr<comm::ConnectableCommunicator> sound_;
};

TEST(ConformanceSumsTest, GlooConforms) {
  for (const int ranks : {2, 4}) {
    OwnRendezvous rendezvous;
    const Results results =
        CompareSums("gloo", ranks, GlooRanks("127.0.0.1", rendezvous, ranks), 3);
    EXPECT_EQ(results.size(), 2u);
    ExpectAllConform(results);
    EXPECT_GT(results[1].difference, 0) << "the library's own sum rounds";
  }
}

TEST(ConformanceSumsTest, OneWrongNumberOnOneRankIsFoundInBothSums) {
  OwnRendezvous rendezvous;
  const RankMaker sound = GlooRanks("127.0.0.1", rendezvous, 3);
  const auto wrong = [&sound](comm::Topology topology) -> absl::StatusOr<RankParts> {
    absl::StatusOr<RankParts> parts = sound(topology);
    return RankParts{std::make_unique<Mishearing>(std::move(parts->communicator))};
  };
  const Results results = CompareSums("gloo", 3, wrong, 3);
  ASSERT_EQ(results.size(), 2u);
  EXPECT_FALSE(results[0].conforms());
  EXPECT_FALSE(results[1].conforms());
  EXPECT_EQ(results[1].worst, "rank 2");
}

TEST(ConformanceSumsTest, ARankThatCannotBeMadeIsAnError) {
  const auto none = [](comm::Topology) -> absl::StatusOr<RankParts> {
    return absl::ResourceExhaustedError("no memory");
  };
  for (const ConformanceResult& result : CompareSums("nccl", 2, none, 3)) {
    EXPECT_FALSE(result.conforms());
    EXPECT_EQ(result.error, "no memory");
  }
}

// A machine with several GPUs, all of them the host.
class FourGpus : public gpu::Plugin {
 public:
  absl::StatusOr<std::vector<gpu::DeviceInfo>> Devices() override {
    return std::vector<gpu::DeviceInfo>(
        4, {.index = 0, .name = "host", .uuid = "", .memory = 1 << 30});
  }
  absl::StatusOr<std::unique_ptr<gpu::Ops>> MakeOps(int device) override {
    return one_.MakeOps(device);
  }
  absl::StatusOr<std::string> MakeCollectiveId() override { return one_.MakeCollectiveId(); }
  absl::StatusOr<std::unique_ptr<gpu::Collective>> MakeCollective(int device) override {
    return one_.MakeCollective(device);
  }
  std::string nccl_version() const override { return "none"; }

 private:
  gpu::ThreadPlugin one_;
};

TEST(ConformanceSumsTest, NcclConformsAloneAndInGangs) {
  FourGpus plugin;
  const Results results = CompareNcclSums(plugin, 3);
  EXPECT_EQ(results.size(), 7u);
  ExpectAllConform(results);
}

// ---- the report --------------------------------------------------------------------------------

TEST(ConformanceReportTest, WithoutAGpuTheRestIsComparedAndTheReportSaysSo) {
  GpuParts parts = RealGpuParts();
  parts.has_gpu = [] { return false; };
  const ConformanceReport report = CheckConformance(parts, 5);
  EXPECT_TRUE(report.conforms) << report.json;
  for (const char* text : {"this process sees no GPU", "\"group\":\"products\"",
                           "\"group\":\"cpu\"", "tree sum, 4 ranks", "\"seed\":\"5\""}) {
    EXPECT_THAT(report.json, HasSubstr(text));
  }
  EXPECT_THAT(report.json, testing::Not(HasSubstr("\"group\":\"gpu")));
}

}  // namespace
}  // namespace hebb::runtime

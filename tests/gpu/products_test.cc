// SPDX-License-Identifier: Apache-2.0
// Products and convolutions of a device against sums in double: within what rounding explains, in
// outputs that held NaN before, and with the same bits each time, also as records.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "absl/strings/str_cat.h"
#include "tests/gpu/device.h"
#include "tests/testing/gpu/host_ops.h"
#include "worker/gpu/unfolded_conv.h"

namespace hebb::gpu {
namespace {

using Floats = std::vector<float>;

Floats Magnitudes(Floats values) {
  for (float& value : values) value = std::fabs(value);
  return values;
}

Floats Bf16(Floats values) {
  const kernels::RoundToBf16 round = {values.data(), values.data()};
  for (size_t i = 0; i < values.size(); ++i) round(static_cast<kernels::Index>(i));
  return values;
}

// Of a sum of n products, as a part of the sum of their magnitudes. Tensor cores may cut off
// where others round, factors too.
double Tolerance(Precision precision, bool exact_factors, double n) {
  if (precision == Precision::kFloat32) return (n + 2) * 0x1p-24;
  return (n + 2) * 0x1p-22 + (exact_factors ? 0 : 0x1p-9);
}

void ExpectNear(const Floats& result, const Floats& exact, const Floats& magnitudes,
                double tolerance, const std::string& what) {
  ASSERT_EQ(result.size(), exact.size());
  for (size_t i = 0; i < result.size(); ++i) {
    ASSERT_LE(std::fabs(double{result[i]} - exact[i]), tolerance * magnitudes[i] + 1e-37)
        << what << ", entry " << i;
  }
}

class ProductsTest : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    if (IsMissing(GetParam())) GTEST_SKIP() << "there is no GPU here";
    auto made = MakeDevice(GetParam());
    ASSERT_TRUE(made.ok()) << made.status();
    ops_ = *std::move(made);
  }
  std::unique_ptr<Ops> ops_;
};

// c of a product, on a device that may be any.
Floats Multiply(Ops& ops, Gemm gemm, const Floats& a, const Floats& b) {
  const DeviceFloats device_a(ops, a);
  const DeviceFloats device_b(ops, b);
  const DeviceFloats c(ops, Floats(static_cast<size_t>(gemm.m * gemm.n), std::nanf("")));
  gemm.a = device_a.get();
  gemm.b = device_b.get();
  gemm.c = c.get();
  const absl::Status status = ops.Multiply(gemm);
  EXPECT_TRUE(status.ok()) << status;
  return c.Read();
}

TEST_P(ProductsTest, MatricesMultiplyInAllFourWays) {
  HostOps host;
  const int64_t sizes[][3] = {{1, 1, 1}, {3, 5, 7}, {64, 10, 100}, {100, 257, 400}, {33, 17, 2048}};
  for (const auto& [m, n, k] : sizes) {
    const Floats a = RandomFloats(static_cast<size_t>(m * k), 1);
    const Floats b = RandomFloats(static_cast<size_t>(n * k), 2);
    for (int way = 0; way < 8; ++way) {
      const Gemm gemm = {m, n, k, nullptr, (way & 1) != 0, nullptr, (way & 2) != 0, nullptr};
      const Precision precision = (way & 4) != 0 ? Precision::kTf32 : Precision::kFloat32;
      ops_->SetPrecision(precision);
      const Floats result = Multiply(*ops_, gemm, a, b);
      ExpectNear(result, Multiply(host, gemm, a, b),
                 Multiply(host, gemm, Magnitudes(a), Magnitudes(b)),
                 Tolerance(precision, false, static_cast<double>(k)),
                 absl::StrCat(m, "x", n, "x", k, ", way ", way));
      EXPECT_EQ(result, Multiply(*ops_, gemm, a, b)) << "not the same bits again";
    }
  }
}

TEST_P(ProductsTest, RoundedFactorsAreExactInTf32) {
  HostOps host;
  const Gemm gemm = {40, 50, 300, nullptr, false, nullptr, true, nullptr};
  const Floats a = Bf16(RandomFloats(40 * 300, 3));
  const Floats b = Bf16(RandomFloats(50 * 300, 4));
  ops_->SetPrecision(Precision::kTf32);
  ExpectNear(Multiply(*ops_, gemm, a, b), Multiply(host, gemm, a, b),
             Multiply(host, gemm, Magnitudes(a), Magnitudes(b)),
             Tolerance(Precision::kTf32, true, 300), "bfloat16");
}

TEST_P(ProductsTest, EmptySumsAreZero) {
  const Gemm gemm = {2, 3, 0, nullptr, false, nullptr, false, nullptr};
  EXPECT_EQ(Multiply(*ops_, gemm, {}, {}), Floats(6, 0.0f));
}

// The three products of a convolution.
struct ConvResults {
  Floats y, delta, update;
  bool operator==(const ConvResults&) const = default;
};

struct ConvInputs {
  Floats x, filters, d;
};

size_t InputFloats(const ConvGeometry& g) {
  return static_cast<size_t>(g.in_channels * g.in_height * g.in_width);
}
size_t OutputFloats(const ConvGeometry& g) {
  return static_cast<size_t>(g.out_channels * g.out_height * g.out_width);
}
size_t FilterFloats(const ConvGeometry& g) {
  return static_cast<size_t>(g.out_channels * g.kernel * g.kernel * g.in_channels);
}

enum class By { kLibrary, kUnfolding };

absl::StatusOr<std::unique_ptr<Conv>> Make(Ops& ops, const ConvGeometry& g, int64_t rows, By by) {
  if (by == By::kUnfolding) return UnfoldedConv::Create(ops, g, rows);
  return ops.MakeConv(g, rows);
}

ConvResults Convolve(Ops& ops, const ConvGeometry& g, int64_t rows, const ConvInputs& inputs, By by,
                     bool as_record) {
  const float nan = std::nanf("");
  const DeviceFloats x(ops, inputs.x), filters(ops, inputs.filters), d(ops, inputs.d);
  const DeviceFloats y(ops, Floats(inputs.d.size(), nan));
  const DeviceFloats delta(ops, Floats(inputs.x.size(), nan));
  const DeviceFloats update(ops, Floats(inputs.filters.size(), nan));
  auto conv = Make(ops, g, rows, by);
  EXPECT_TRUE(conv.ok()) << conv.status();
  if (!conv.ok()) return {};
  const auto run = [&] {
    EXPECT_TRUE((*conv)->Forward(x.get(), filters.get(), y.get()).ok());
    EXPECT_TRUE((*conv)->BackwardData(d.get(), filters.get(), delta.get()).ok());
    EXPECT_TRUE((*conv)->BackwardWeights(x.get(), d.get(), update.get()).ok());
  };
  run();
  if (as_record) {
    EXPECT_TRUE(ops.BeginRecord().ok());
    run();
    const auto record = ops.EndRecord();
    EXPECT_TRUE(record.ok()) << record.status();
    // A larger one, whose memory the record must not lose its own to.
    EXPECT_TRUE(Make(ops, g, rows * 16, by).ok());
    EXPECT_TRUE(ops.Clear(y.get(), static_cast<int64_t>(inputs.d.size() * sizeof(float))).ok());
    EXPECT_TRUE(ops.Replay(*record).ok());
  }
  ConvResults results = {y.Read(), delta.Read(), update.Read()};
  if (as_record) ops.Forget();
  return results;
}

// channels, height, width; filters, their size, pad, stride
ConvGeometry Geometry(int64_t c, int64_t h, int64_t w, int64_t f, int64_t kernel, int64_t pad,
                      int64_t stride) {
  const auto out = [&](int64_t in) { return (in + 2 * pad - kernel) / stride + 1; };
  return {c, h, w, f, out(h), out(w), kernel, pad, stride};
}

void CheckConvolution(Ops& ops, const ConvGeometry& g, Precision precision, By by) {
  constexpr int64_t rows = 6;
  const auto n = static_cast<size_t>(rows);
  const ConvInputs inputs = {RandomFloats(n * InputFloats(g), 5), RandomFloats(FilterFloats(g), 6),
                             RandomFloats(n * OutputFloats(g), 7)};
  const ConvInputs magnitudes = {Magnitudes(inputs.x), Magnitudes(inputs.filters),
                                 Magnitudes(inputs.d)};
  HostOps host;
  const ConvResults exact = Convolve(host, g, rows, inputs, By::kLibrary, false);
  const ConvResults bound = Convolve(host, g, rows, magnitudes, By::kLibrary, false);
  ops.SetPrecision(precision);
  const ConvResults results = Convolve(ops, g, rows, inputs, by, false);
  const auto taps = static_cast<double>(g.kernel * g.kernel);
  const auto tolerance = [&](double products) { return Tolerance(precision, false, products); };
  const std::string what =
      absl::StrCat(g.in_channels, "x", g.in_height, "x", g.in_width, " by ", g.out_channels, " of ",
                   g.kernel, ", stride ", g.stride, precision == Precision::kTf32 ? ", tf32" : "");
  ExpectNear(results.y, exact.y, bound.y, tolerance(taps * static_cast<double>(g.in_channels)),
             what + ": forward");
  ExpectNear(results.delta, exact.delta, bound.delta,
             tolerance(taps * static_cast<double>(g.out_channels)), what + ": data");
  ExpectNear(results.update, exact.update, bound.update,
             tolerance(static_cast<double>(rows * g.out_height * g.out_width)), what + ": weights");
  EXPECT_EQ(results, Convolve(ops, g, rows, inputs, by, false))
      << what << ": not the same bits again";
  EXPECT_EQ(results, Convolve(ops, g, rows, inputs, by, true)) << what << ": not as a record";
}

TEST_P(ProductsTest, ConvolutionsAreRightAndRepeat) {
  const ConvGeometry geometries[] = {
      Geometry(3, 12, 12, 8, 5, 2, 1), Geometry(8, 9, 9, 16, 3, 1, 1),
      Geometry(16, 8, 8, 32, 3, 1, 2), Geometry(16, 8, 8, 8, 1, 0, 1),
      Geometry(16, 8, 8, 32, 1, 0, 2), Geometry(1, 10, 7, 6, 5, 0, 1),
  };
  for (const ConvGeometry& geometry : geometries) {
    for (const Precision precision : {Precision::kFloat32, Precision::kTf32}) {
      CheckConvolution(*ops_, geometry, precision, By::kLibrary);
      CheckConvolution(*ops_, geometry, precision, By::kUnfolding);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Devices, ProductsTest, ::testing::Values("host", "cuda"),
                         [](const auto& test) { return test.param; });

}  // namespace
}  // namespace hebb::gpu

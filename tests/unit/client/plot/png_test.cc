// SPDX-License-Identifier: Apache-2.0
// The PNG has the picture's size times the scale and is not blank; a picture that cannot be read is
// an error. Where the program was built without librsvg, the call says so.
#include "client/plot/png.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>

#include "client/plot/chart.h"

namespace hebb::plot {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

uint32_t BigEndian(const std::string& bytes, size_t at) {
  uint32_t number = 0;
  for (size_t i = at; i < at + 4; ++i) number = number << 8 | static_cast<unsigned char>(bytes[i]);
  return number;
}

std::string PictureOf(double y) {
  Chart chart;
  chart.title = "A line";
  chart.series = {{"line", {{0, y}, {1, 2 * y}, {2, 1}}}};
  chart.width = 400;
  chart.height = 300;
  return ToSvg("Title", {chart});
}

TEST(PngTest, HasThePicturesSizeTimesTheScale) {
  const std::string svg = PictureOf(1);
  const absl::StatusOr<std::string> png = SvgToPng(svg, 2);
  if (absl::IsUnimplemented(png.status())) {
    EXPECT_THAT(std::string(png.status().message()), HasSubstr("write an .svg instead"));
    GTEST_SKIP() << png.status();
  }
  ASSERT_TRUE(png.ok()) << png.status().message();
  ASSERT_THAT(*png, StartsWith("\x89PNG\r\n\x1a\n"));
  const size_t height = svg.find(" height=\"") + 9;
  EXPECT_EQ(BigEndian(*png, 16), 800u);
  EXPECT_EQ(BigEndian(*png, 20), 2 * std::stoul(svg.substr(height)));
  const absl::StatusOr<std::string> other = SvgToPng(PictureOf(3), 2);
  ASSERT_TRUE(other.ok());
  EXPECT_NE(*png, *other);  // the line is drawn
}

TEST(PngTest, WhatIsNoPictureIsAnError) {
  const absl::StatusOr<std::string> png = SvgToPng("<svg", 1);
  ASSERT_FALSE(png.ok());
  if (!absl::IsUnimplemented(png.status())) {
    EXPECT_THAT(std::string(png.status().message()), StartsWith("cannot read the picture"));
  }
}

}  // namespace
}  // namespace hebb::plot

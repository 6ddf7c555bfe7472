// SPDX-License-Identifier: Apache-2.0
// main of every test binary. Exit code 77 tells CTest "skipped" when nothing but skipped cases ran
// (missing hardware or data), so that a skip is visible and never hides a failure.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

int main(int argc, char** argv) {
  testing::InitGoogleMock(&argc, argv);
  if (RUN_ALL_TESTS() != 0) return 1;
  const testing::UnitTest& all = *testing::UnitTest::GetInstance();
  return all.skipped_test_count() > 0 && all.successful_test_count() == 0 ? 77 : 0;
}

// SPDX-License-Identifier: Apache-2.0
// The door to libhebb_cuda.so on any machine, mostly one without a GPU: what is opened, what is
// refused, and what the refusals say. HEBB_CUDA_PLUGIN_FILE: the plugin that was built, or empty.
#include "worker/gpu/plugin.h"

#include <dlfcn.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "tests/testing/temporary_folder.h"

namespace hebb::gpu {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr char kBuilt[] = HEBB_CUDA_PLUGIN_FILE;

class PluginTest : public ::testing::Test {
 protected:
  void SetUp() override {
    unsetenv("HEBB_CUDA_PLUGIN");
    unsetenv("HEBB_CUDA_LIBRARY_PATH");
  }
  testing::TemporaryFolder folder_;
};

// The plugin itself, with a GPU or without.
class BuiltPluginTest : public PluginTest {
 protected:
  void SetUp() override {
    PluginTest::SetUp();
    if (*kBuilt == '\0') GTEST_SKIP() << "this build has no GPU plugin";
  }
};

TEST_F(PluginTest, MissingFilesAreNamed) {
  const auto named = OpenPlugin(folder_.path() + "/none.so", "1");
  EXPECT_EQ(named.status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(named.status().message(), HasSubstr("/none.so"));

  setenv("HEBB_CUDA_PLUGIN", (folder_.path() + "/other.so").c_str(), 1);
  const auto by_variable = OpenPlugin("", "1");
  EXPECT_EQ(by_variable.status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(by_variable.status().message(), HasSubstr("/other.so"));

  unsetenv("HEBB_CUDA_PLUGIN");
  const auto beside = OpenPlugin("", "1");
  EXPECT_EQ(beside.status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(beside.status().message(),
              AllOf(HasSubstr("/tests/libhebb_cuda.so"), HasSubstr("/lib/libhebb_cuda.so"),
                    HasSubstr("HEBB_CUDA_PLUGIN")));
}

TEST_F(PluginTest, BrokenFileIsRefusedWithTheLoadersText) {
  const std::string path = folder_.path() + "/broken.so";
  std::ofstream(path) << "no library";
  // The folders of CUDA libraries may be anything.
  setenv("HEBB_CUDA_LIBRARY_PATH", absl::StrCat("/nowhere:", folder_.path()).c_str(), 1);
  const auto opened = OpenPlugin(path, "1");
  EXPECT_EQ(opened.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(opened.status().message(), AllOf(HasSubstr(path), HasSubstr("cannot be opened"),
                                               HasSubstr("HEBB_CUDA_LIBRARY_PATH")));
}

TEST_F(PluginTest, OtherLibraryIsRefused) {
  Dl_info library;
  ASSERT_NE(dladdr(reinterpret_cast<void*>(&std::getenv), &library), 0);
  const auto opened = OpenPlugin(library.dli_fname, "1");
  EXPECT_EQ(opened.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(opened.status().message(), HasSubstr("no plugin of Hebb's"));
}

TEST_F(BuiltPluginTest, WrongBuildIsRefused) {
  const auto opened = OpenPlugin(kBuilt, "some other build");
  EXPECT_EQ(opened.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(opened.status().message(),
              AllOf(HasSubstr("another build"), HasSubstr("some other build")));
}

TEST_F(BuiltPluginTest, OpensByPathAndByVariable) {
  const auto by_path = OpenPlugin(kBuilt, HEBB_BUILD_ID);
  ASSERT_TRUE(by_path.ok()) << by_path.status();
  setenv("HEBB_CUDA_PLUGIN", kBuilt, 1);
  const auto by_variable = OpenPlugin("", HEBB_BUILD_ID);
  ASSERT_TRUE(by_variable.ok()) << by_variable.status();
  EXPECT_EQ(*by_path, *by_variable);
  EXPECT_THAT((*by_path)->nccl_version(), ::testing::MatchesRegex("2\\.[0-9]+\\.[0-9]+"));
}

// An error's text comes back through the library's border.
TEST_F(BuiltPluginTest, DevicesThatAreNotThereAreExplained) {
  const auto plugin = OpenPlugin(kBuilt, HEBB_BUILD_ID);
  ASSERT_TRUE(plugin.ok()) << plugin.status();
  constexpr int kNoSuchDevice = 1000;
  const absl::Status ops = (*plugin)->MakeOps(kNoSuchDevice).status();
  const absl::Status collective = (*plugin)->MakeCollective(kNoSuchDevice).status();
  EXPECT_EQ(ops, collective);
  if (HasGpu()) {
    EXPECT_EQ(ops.code(), absl::StatusCode::kNotFound);
    EXPECT_THAT(ops.message(), AllOf(HasSubstr("1000"), HasSubstr("CUDA_VISIBLE_DEVICES")));
    return;
  }
  const auto devices = (*plugin)->Devices();
  if (devices.ok()) {
    EXPECT_TRUE(devices->empty());
  } else {
    EXPECT_EQ(devices.status().code(), absl::StatusCode::kFailedPrecondition);
    EXPECT_THAT(devices.status().message(),
                AllOf(HasSubstr("no GPU can be used: cudaError"), HasSubstr("nvidia-smi")));
    EXPECT_EQ(ops, devices.status());
  }
}

// In a process of its own, where no CUDA library is open yet.
TEST_F(BuiltPluginTest, CudaLibrariesAreFoundWhereTheVariableSays) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const std::string copy = folder_ / "libhebb_cuda.so";
  std::filesystem::copy_file(kBuilt, copy);
  if (std::system(absl::StrCat("patchelf --remove-rpath '", copy, "'").c_str()) != 0) {
    GTEST_SKIP() << "patchelf is missing";
  }
  const auto open = [&](const char* folders) {
    setenv("HEBB_CUDA_LIBRARY_PATH", folders, 1);
    const absl::Status status = OpenPlugin(copy, HEBB_BUILD_ID).status();
    std::fprintf(stderr, "%s\n", std::string(status.message()).c_str());
    std::_Exit(status.ok() ? 0 : 1);
  };
  EXPECT_EXIT(open("/nowhere:" HEBB_CUDA_LIBRARY_FOLDERS), ::testing::ExitedWithCode(0), "");
  if (std::getenv("LD_LIBRARY_PATH") != nullptr ||
      std::system("ldconfig -p | grep -q cudart") == 0) {
    return;  // the loader finds them by itself
  }
  EXPECT_EXIT(open("/nowhere"), ::testing::ExitedWithCode(1), "libcudart.*HEBB_CUDA_LIBRARY_PATH");
}

TEST_F(BuiltPluginTest, OneSymbolIsExported) {
  std::FILE* nm = popen(absl::StrCat("nm -D --defined-only '", kBuilt, "'").c_str(), "r");
  ASSERT_NE(nm, nullptr);
  std::string out;
  for (int c = std::fgetc(nm); c != EOF; c = std::fgetc(nm)) out.push_back(static_cast<char>(c));
  if (pclose(nm) != 0) GTEST_SKIP() << "nm is missing";
  EXPECT_THAT(out, ::testing::MatchesRegex(absl::StrCat("[0-9a-f]+ T ", kPluginFunction, "\n")));
}

}  // namespace
}  // namespace hebb::gpu

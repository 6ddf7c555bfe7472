// SPDX-License-Identifier: Apache-2.0
// The command lines of the programs are design.md's, and --detach starts the same service again.
#include "client/local/programs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace hebb::client {
namespace {

using testing::EndsWith;
using testing::HasSubstr;

UpOptions SomeOptions() {
  UpOptions options;
  options.workers = 3;
  options.state_dir = "/s";
  options.data_dir = "/d";
  options.threads = 2;
  options.detect_within = "300ms";
  options.coordinator_program = "/bin/c";
  options.worker_program = "/bin/w";
  options.mpirun_program = "/bin/mpirun";
  return options;
}

const Endpoints kEndpoints = {"127.0.0.1:7070", "127.0.0.1:7071"};

TEST(ProgramsTest, TheCoordinatorGetsItsAddresses) {
  EXPECT_EQ(absl::StrJoin(CoordinatorCommand(SomeOptions(), kEndpoints), " "),
            "/bin/c --listen 127.0.0.1:7070 --http 127.0.0.1:7071 --state-dir /s "
            "--detect-within 300ms");
}

TEST(ProgramsTest, AWorkerGetsTheCoordinatorAndItsShareOfTheCores) {
  EXPECT_THAT(absl::StrJoin(WorkerCommand(SomeOptions(), kEndpoints), " "),
              HasSubstr("/bin/w --coordinator 127.0.0.1:7070 --data-dir /d --work-dir /s/work "
                        "--threads 2"));
}

TEST(ProgramsTest, AWorldIsOneMpirunOnTheLoopback) {
  const std::string line = absl::StrJoin(WorldCommand(SomeOptions(), kEndpoints), " ");
  for (const char* part :
       {"/bin/mpirun --allow-run-as-root --oversubscribe", "--mca odls_base_sigkill_timeout 0",
        "--mca pml ob1", "--mca btl self,vader,tcp", "btl_tcp_if_include lo",
        "-n 3 /bin/w --coordinator"}) {
    EXPECT_THAT(line, HasSubstr(part));
  }
}

TEST(ProgramsTest, ThreadsAreTheShareOfTheCoresAndAtLeastOne) {
  UpOptions options = SomeOptions();
  options.threads = 0;
  options.workers = 1000;
  Complete(options);
  EXPECT_EQ(options.threads, 1);
}

TEST(ProgramsTest, PathsBecomeAbsolute) {
  UpOptions options = SomeOptions();
  options.state_dir = "relative";
  options.coordinator_program.clear();
  Complete(options);
  EXPECT_THAT(options.state_dir, EndsWith("/relative"));
  EXPECT_EQ(options.state_dir[0], '/');
  EXPECT_THAT(options.coordinator_program, EndsWith("/hebb-coordinator"));
}

TEST(ProgramsTest, TheDetachedServiceIsTheSame) {
  UpOptions options = SomeOptions();
  options.port = 0;
  options.comm = "mpi";
  EXPECT_THAT(absl::StrJoin(ForegroundCommand(options), " "),
              HasSubstr("up --workers 3 --state-dir /s --data-dir /d --port 0 --http-port 7071 "
                        "--comm mpi --detect-within 300ms --device auto --threads 2"));
}

std::string Chosen(const std::string& device, int workers, size_t gpus, std::string* note) {
  UpOptions options;
  options.device = device;
  options.workers = workers;
  std::vector<std::string> names;
  for (size_t i = 0; i < gpus; ++i) names.push_back(absl::StrCat("GPU-", i));
  const absl::StatusOr<std::string> said = ChooseDevice(names, "", options);
  *note = std::string(said.ok() ? *said : said.status().message());
  if (!said.ok()) return "refused";
  return absl::StrCat(options.workers, " ", options.device, " ", options.gpus.size());
}

TEST(ProgramsTest, WorkersTakeGpusWhereThereIsOneForEach) {
  std::string note;
  EXPECT_EQ(Chosen("auto", 0, 0, &note), "1 cpu 0");
  EXPECT_EQ(note, "");
  EXPECT_EQ(Chosen("auto", 0, 2, &note), "2 cuda 2");
  EXPECT_EQ(Chosen("auto", 1, 2, &note), "1 cuda 2");
  EXPECT_EQ(Chosen("auto", 3, 2, &note), "3 cpu 0");
  EXPECT_THAT(note, HasSubstr("compute on CPUs, for GPUs there are 2 here"));
  EXPECT_EQ(Chosen("cuda", 0, 2, &note), "2 cuda 2");
  EXPECT_EQ(Chosen("cuda", 3, 2, &note), "refused");
  EXPECT_THAT(note, HasSubstr("use --workers 2"));
  EXPECT_EQ(Chosen("cuda", 0, 0, &note), "refused");
  EXPECT_THAT(note, HasSubstr("there is no GPU here"));
  EXPECT_EQ(Chosen("cpu", 3, 2, &note), "3 cpu 0");
  EXPECT_EQ(note, "");
}

TEST(ProgramsTest, EachWorkerSeesItsOwnGpu) {
  UpOptions options = SomeOptions();
  EXPECT_TRUE(WorkerEnvironment(options, 0).empty());
  options.gpus = {"GPU-a", "GPU-b"};
  EXPECT_EQ(WorkerEnvironment(options, 1).at(0),
            std::make_pair(std::string("CUDA_VISIBLE_DEVICES"), std::string("GPU-b")));
}

}  // namespace
}  // namespace hebb::client

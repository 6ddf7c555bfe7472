// SPDX-License-Identifier: Apache-2.0
// The command lines of the programs are design.md's, and --detach starts the same service again.
#include "client/local/programs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

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
                        "--comm mpi --detect-within 300ms --threads 2"));
}

}  // namespace
}  // namespace hebb::client

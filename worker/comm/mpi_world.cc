// SPDX-License-Identifier: Apache-2.0
#include <mpi.h>

#include <array>
#include <cstdlib>
#include <random>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "worker/comm/mpi_communicator.h"

namespace hebb::comm {
namespace {

constexpr size_t kIdBytes = 16;

absl::Status CheckMpi(int code, absl::string_view call) {
  if (code == MPI_SUCCESS) return absl::OkStatus();
  std::array<char, MPI_MAX_ERROR_STRING> text = {};
  int length = 0;
  MPI_Error_string(code, text.data(), &length);
  return absl::UnavailableError(
      absl::StrCat(call, " failed: ", absl::string_view(text.data(), length)));
}

// Rank 0 draws the world's name for all.
absl::StatusOr<std::string> AgreeOnId() {
  std::array<char, kIdBytes> id = {};
  std::random_device random;
  for (char& byte : id) byte = static_cast<char>(random());
  const absl::Status status =
      CheckMpi(MPI_Bcast(id.data(), kIdBytes, MPI_BYTE, 0, MPI_COMM_WORLD), "MPI_Bcast");
  if (!status.ok()) return status;
  return absl::BytesToHexString(absl::string_view(id.data(), id.size()));
}

}  // namespace

bool MpiWorld::Launched() {
  return std::getenv("OMPI_COMM_WORLD_SIZE") != nullptr || std::getenv("PMIX_RANK") != nullptr;
}

absl::StatusOr<std::unique_ptr<MpiWorld>> MpiWorld::Init() {
  if (!Launched()) {
    return absl::FailedPreconditionError(
        "this process is in no MPI world; start it with mpirun or srun --mpi=pmix");
  }
  int initialized = 0;
  MPI_Initialized(&initialized);
  if (initialized != 0) return absl::FailedPreconditionError("MPI is started already");
  int provided = MPI_THREAD_SINGLE;
  HEBB_RETURN_IF_ERROR(CheckMpi(MPI_Init_thread(nullptr, nullptr, MPI_THREAD_SERIALIZED, &provided),
                                "MPI_Init_thread"));
  if (provided < MPI_THREAD_SERIALIZED) {
    MPI_Finalize();
    return absl::FailedPreconditionError("this MPI library has no MPI_THREAD_SERIALIZED");
  }
  MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
  int rank = 0;
  int size = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  HEBB_ASSIGN_OR_RETURN(std::string id, AgreeOnId());
  return std::unique_ptr<MpiWorld>(new MpiWorld(std::move(id), rank, size));
}

MpiWorld::~MpiWorld() { MPI_Finalize(); }

std::string MpiVersion() {
  std::array<char, MPI_MAX_LIBRARY_VERSION_STRING> text = {};
  int length = 0;
  if (MPI_Get_library_version(text.data(), &length) != MPI_SUCCESS) return "unknown";
  const absl::string_view all(text.data(), static_cast<size_t>(length));
  return std::string(all.substr(0, all.find_first_of(",\n")));
}

}  // namespace hebb::comm

// SPDX-License-Identifier: Apache-2.0
// hebb export JOB: the weights of the last checkpoint, without the training state, or the network
// with them as ONNX.
#include <CLI/CLI.hpp>
#include <memory>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "client/bar.h"
#include "client/commands/commands.h"
#include "client/onnx/forward.h"
#include "client/provenance.h"
#include "common/files.h"
#include "common/rpc/spec.h"
#include "common/status_macros.h"
#include "common/weights/npz.h"
#include "common/weights/safetensors.h"

namespace hebb::client {
namespace {

struct Options {
  std::string job;
  std::string file;
  std::string format = "safetensors";
  bool digest = false;
};

bool IsState(const weights::Tensor& tensor) {
  return absl::StartsWith(tensor.name, "optimizer/") || absl::StartsWith(tensor.name, "state/");
}

// Drops what only a resumed training needs, and what the checkpoint says of its own bytes.
void KeepWeights(weights::TensorFile& file) {
  std::erase_if(file.tensors, IsState);
  file.metadata.erase("hebb_format");
  file.metadata.erase("checksum");
}

absl::Status WriteOnnx(const weights::TensorFile& file, const v1::JobSpec& spec,
                       const std::string& path) {
  HEBB_ASSIGN_OR_RETURN(const spec::Job job, rpc::SpecFromProto(spec));
  HEBB_ASSIGN_OR_RETURN(const std::string bytes, onnx::SerializeForward(job, file, HEBB_VERSION));
  return WriteFileAtomically(path, bytes);
}

// An npz has no place for metadata: they lie beside it.
absl::Status Write(const weights::TensorFile& file, const v1::JobSpec& spec,
                   const Options& options) {
  if (options.format == "onnx") return WriteOnnx(file, spec, options.file);
  if (options.format == "npz") {
    HEBB_ASSIGN_OR_RETURN(const std::string bytes, weights::SerializeNpz(file.tensors));
    HEBB_RETURN_IF_ERROR(WriteFileAtomically(options.file + ".json",
                                             nlohmann::ordered_json(file.metadata).dump(2) + "\n"));
    return WriteFileAtomically(options.file, bytes);
  }
  return WriteFileAtomically(options.file, weights::Serialize(file));
}

absl::StatusOr<std::string> Download(Session& session, const std::string& job) {
  SlowBar bar = session.MakeBar();
  return session.api().DownloadCheckpoint(
      job, [&bar](int64_t bytes, int64_t total) { bar.ShowTransfer("checkpoint", bytes, total); });
}

absl::StatusOr<ExitCode> Export(Session& session, const Options& options) {
  if (options.file.empty() && !options.digest) {
    session.err << "hebb: nothing to export to; give -o FILE, --digest or both" << std::endl;
    return ExitCode::kUsage;
  }
  HEBB_ASSIGN_OR_RETURN(const std::string bytes, Download(session, options.job));
  HEBB_ASSIGN_OR_RETURN(weights::TensorFile file,
                        weights::Parse(bytes, absl::StrCat("checkpoint of job ", options.job)));
  KeepWeights(file);
  HEBB_ASSIGN_OR_RETURN(const v1::Job job, session.api().Get(options.job));
  HEBB_ASSIGN_OR_RETURN(auto more, ExportMetadata(session.api(), job));
  file.metadata.merge(std::move(more));
  if (!options.file.empty()) {
    HEBB_RETURN_IF_ERROR(Write(file, job.spec(), options));
    session.err << "wrote " << options.file;
    if (options.format != "onnx") session.err << " (" << file.tensors.size() << " tensors)";
    session.err << std::endl;
  }
  if (options.digest) session.out << weights::WeightsDigest(file.tensors) << std::endl;
  return ExitCode::kOk;
}

}  // namespace

void AddExport(CLI::App& app, Session& session) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("export", "Write the weights of a job's last checkpoint");
  command->add_option("job", options->job, "Id, its beginning, or the job's name")->required();
  command->add_option("-o,--output", options->file, "The file to write");
  command->add_option("--format", options->format, "safetensors | npz | onnx (the network, to run)")
      ->check(CLI::IsMember({"safetensors", "npz", "onnx"}))
      ->capture_default_str();
  command->add_flag("--digest", options->digest, "Print the weights digest");
  command->callback([&session, options] {
    session.set_action([&session, options] { return Export(session, *options); });
  });
}

}  // namespace hebb::client

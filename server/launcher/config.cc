// SPDX-License-Identifier: Apache-2.0
#include "server/launcher/config.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/spec/schema.h"
#include "common/spec/suggest.h"
#include "common/spec/tree.h"
#include "common/spec/yaml_tree.h"
#include "common/status_macros.h"

namespace hebb::launcher {
namespace {

using spec::Tree;

// Takes keys of one map; what is left over then is unknown.
class Section {
 public:
  // `tree` may be null: nothing is there.
  Section(const Tree* tree, std::vector<spec::Problem>& problems)
      : tree_(tree), problems_(problems) {
    if (tree != nullptr && tree->kind != Tree::Kind::kMap && tree->kind != Tree::Kind::kNull) {
      Report(*tree, "not a map; write keys and values");
      tree_ = nullptr;
    }
  }

  const Tree* Take(const std::string& key) {
    known_.push_back(key);
    const Tree* found = tree_ == nullptr ? nullptr : tree_->Find(key);
    return found != nullptr && found->kind == Tree::Kind::kNull ? nullptr : found;
  }

  void Text(const std::string& key, std::string& to) {
    const Tree* value = Take(key);
    if (value == nullptr) return;
    if (value->kind != Tree::Kind::kScalar || absl::StrContains(value->text, '\n')) {
      return Report(*value, absl::StrCat(key, " is no text of one line"));
    }
    to = value->text;
  }

  void Texts(const std::string& key, std::vector<std::string>& to) {
    const Tree* value = Take(key);
    if (value == nullptr) return;
    if (value->kind != Tree::Kind::kList) {
      return Report(*value, absl::StrCat(key, " is no list; write [--option=value, ...]"));
    }
    for (const Tree& item : value->children) {
      if (item.kind != Tree::Kind::kScalar || absl::StrContains(item.text, '\n')) {
        Report(item, absl::StrCat(key, " has an item that is no text of one line"));
      }
      to.push_back(item.text);
    }
  }

  void Duration(const std::string& key, absl::Duration& to) {
    std::string text;
    Text(key, text);
    if (text.empty()) return;
    absl::Duration duration;
    if (absl::ParseDuration(text, &duration) && duration >= absl::Milliseconds(50)) {
      to = duration;
    } else {
      Report(*tree_->Find(key),
             absl::StrCat(key, " is '", text, "'; write a duration of 50ms or more, such as 5m"));
    }
  }

  void Count(const std::string& key, int64_t& to) {
    std::string text;
    Text(key, text);
    if (text.empty()) return;
    int64_t count = 0;
    if (absl::SimpleAtoi(text, &count) && count >= 1 && count <= 100000) {
      to = count;
    } else {
      Report(*tree_->Find(key),
             absl::StrCat(key, " is '", text, "'; write a whole number of 1 to 100000"));
    }
  }

  void RefuseOthers() {
    if (tree_ == nullptr) return;
    for (const Tree& child : tree_->children) {
      bool known = false;
      for (const std::string& key : known_) known = known || key == child.key;
      if (known) continue;
      problems_.push_back(
          {child.key_place, child.key,
           absl::StrCat("unknown key ", child.key, "; ", spec::Suggest(child.key, known_))});
    }
  }

  void Report(const Tree& where, std::string text) {
    problems_.push_back({where.place, "", std::move(text)});
  }

 private:
  const Tree* tree_;
  std::vector<spec::Problem>& problems_;
  std::vector<std::string> known_;
};

void ReadSlurm(const Tree* tree, const ConfigDefaults& defaults, SlurmOptions& slurm,
               std::vector<spec::Problem>& problems) {
  Section section(tree, problems);
  slurm.program = defaults.program;
  slurm.coordinator = defaults.coordinator;
  section.Text("program", slurm.program);
  section.Text("coordinator", slurm.coordinator);
  section.Text("data_dir", slurm.data_dir);
  section.Text("work_dir", slurm.work_dir);
  section.Text("log_dir", slurm.log_dir);
  section.Text("credentials", slurm.credentials);
  for (const spec::SlurmWord& each : spec::kSlurmWords) {
    section.Text(each.key, slurm.defaults.*each.word);
  }
  section.Texts("options", slurm.options);
  section.Texts("cuda_options", slurm.cuda_options);
  section.RefuseOthers();
  const Tree here = tree == nullptr ? Tree{} : *tree;
  if (slurm.data_dir.empty()) {
    section.Report(here, "slurm.data_dir is missing; write a folder that all nodes see");
  }
  if (slurm.coordinator.empty()) {
    section.Report(here,
                   "slurm.coordinator is missing; write HOST:PORT at which the nodes reach "
                   "this coordinator, with the port of --listen");
  }
  if (slurm.log_dir.empty()) slurm.log_dir = slurm.data_dir + "/log";
}

void ReadKubernetes(const Tree* tree, KubernetesOptions& kubernetes,
                    std::vector<spec::Problem>& problems) {
  Section section(tree, problems);
  section.Text("cpu", kubernetes.sets["cpu"]);
  std::string cuda;
  section.Text("cuda", cuda);
  if (!cuda.empty()) kubernetes.sets["cuda"] = cuda;
  section.RefuseOthers();
}

absl::Status Refusal(const std::vector<spec::Problem>& problems, absl::string_view file) {
  std::vector<std::string> lines;
  for (const spec::Problem& problem : problems) {
    lines.push_back(absl::StrCat(spec::PlaceText(problem.place, file), ": ", problem.text));
  }
  return absl::InvalidArgumentError(absl::StrJoin(lines, "\n"));
}

}  // namespace

absl::StatusOr<Config> ParseConfig(absl::string_view yaml, absl::string_view file,
                                   absl::string_view kind, const ConfigDefaults& defaults) {
  std::vector<spec::Problem> problems;
  const Tree root = spec::ParseYaml(yaml, -1, problems);
  if (!problems.empty()) return Refusal(problems, file);
  Config config;
  config.plan.max_workers = 0;
  Section section(&root, problems);
  section.Count("max_workers", config.plan.max_workers);
  section.Text("any_device", config.plan.any_device);
  section.Duration("idle_after", config.plan.idle_after);
  section.Duration("attach_within", config.plan.attach_within);
  section.Duration("look_every", config.look_every);
  const Tree* slurm = section.Take("slurm");
  const Tree* kubernetes = section.Take("kubernetes");
  section.RefuseOthers();
  if (config.plan.max_workers == 0 && problems.empty()) {
    section.Report(root, "max_workers is missing; write how many workers may be asked for at once");
  }
  if (config.plan.any_device != "cpu" && config.plan.any_device != "cuda") {
    section.Report(root,
                   absl::StrCat("any_device is '", config.plan.any_device, "'; write cpu or cuda"));
  }
  if (kind == "slurm") ReadSlurm(slurm, defaults, config.slurm, problems);
  if (kind == "kubernetes") ReadKubernetes(kubernetes, config.kubernetes, problems);
  if (!problems.empty()) return Refusal(problems, file);
  return config;
}

absl::StatusOr<std::unique_ptr<Launcher>> MakeLauncher(absl::string_view kind, Config config,
                                                       const std::string& cluster) {
  if (kind == "slurm") {
    config.slurm.cluster = cluster;
    return std::make_unique<SlurmLauncher>(std::move(config.slurm));
  }
  HEBB_ASSIGN_OR_RETURN(KubernetesAccess access, AccessOfThisPod());
  config.kubernetes.cluster = cluster;
  return std::make_unique<KubernetesLauncher>(std::move(access), std::move(config.kubernetes));
}

}  // namespace hebb::launcher

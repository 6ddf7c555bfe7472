// SPDX-License-Identifier: Apache-2.0
// Jobs with every field set, and a text of every field to compare by (a test shows what differs).
#ifndef HEBB_TESTS_TESTING_SAMPLE_JOBS_H_
#define HEBB_TESTS_TESTING_SAMPLE_JOBS_H_

#include <bit>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "server/job/job.h"

namespace hebb::testing {

inline absl::Time SampleTime(int64_t seconds) {
  return absl::FromUnixSeconds(1'700'000'000 + seconds) + absl::Nanoseconds(123'456'789);
}

inline job::Job SampleJob(const std::string& id, const std::string& name, int64_t seconds = 0) {
  job::Job job;
  job.id = id;
  job.name = name;
  job.reason = "waits for 2 cpu workers: 1 idle";
  job.spec_json = R"({"name": "sample", "text": "\"quoted\" µ"})";
  job.spec_digest = "abc123";
  job.epochs = 12;
  job.dataset = "glyphs";
  job.rule = "urfb";
  job.init_sha256 = "init-" + id;
  job.yaml = "name: sample\n# a comment with 'quotes'; DROP TABLE job;\n";
  job.request_id = "request-" + id;
  job.priority = -3;
  job.workers = 4;
  job.min_workers = 2;
  job.device = "cpu";
  job.created = SampleTime(seconds);
  return job;
}

// A sweep and one job for each of `ids`.
inline std::pair<job::Sweep, std::vector<job::Job>> SampleSweep(
    const std::string& id, const std::vector<std::string>& ids) {
  job::Sweep sweep;
  sweep.id = id;
  sweep.name = "sweep of " + id;
  sweep.request_id = "request-" + id;
  sweep.file_name = "sweep.yaml";
  sweep.yaml = "sweep:\n  grid: {seed: [1, 2]}\n";
  sweep.sets = {"name='a\nb'", "seed=µ"};
  sweep.created = SampleTime(0);
  std::vector<job::Job> jobs;
  for (const std::string& job_id : ids) {
    job::Job& job = jobs.emplace_back(SampleJob(job_id, "n-" + job_id));
    job.request_id.clear();
    job.sweep = id;
    job.point = {{"seed", job_id}, {"learning.loss", R"({"hinge":"a\nb"})"}};
    job.created += absl::Nanoseconds(static_cast<int64_t>(jobs.size()));
  }
  return {sweep, jobs};
}

inline job::Metrics SampleMetrics() {
  job::Metrics metrics;
  metrics.train_loss = 0.1;
  metrics.train_accuracy = 0.1 + 0.2;
  metrics.validation_accuracy = 1.0 / 3.0;
  metrics.test_loss = 1e-300;  // test_accuracy stays unknown
  return metrics;
}

// What a job looks like after it ran: everything that changes is set.
inline void FillRun(job::Job& job) {
  job.epoch = 7;
  job.step = 12'345'678'901;
  job.total_steps = 20'000'000'000;
  job.images_per_second = 12345.678;
  job.metrics = SampleMetrics();
  job.weights_digest = "d1gest";
  job.members = {{0, "w-a", "node1", "cpu"}, {1, "w-b", "node2", "cpu"}};
  job.attempts = {{1, 3, "lost", "worker w-a is gone", 0, SampleTime(1), SampleTime(2)},
                  {2, 1, "", "", 500, SampleTime(3), absl::InfiniteFuture()}};
}

inline std::string Text(const std::optional<double>& number) {
  return number.has_value() ? absl::StrCat(absl::Hex(std::bit_cast<uint64_t>(*number))) : "none";
}

inline std::string Text(const job::Metrics& m) {
  return absl::StrCat(Text(m.train_loss), " ", Text(m.train_accuracy), " ",
                      Text(m.validation_accuracy), " ", Text(m.test_accuracy), " ",
                      Text(m.test_loss));
}

inline std::string Text(const job::Attempt& a) {
  return absl::StrCat("attempt ", a.number, " ", a.generation, " '", a.outcome, "' '", a.reason,
                      "' ", a.start_step, " ", absl::FormatTime(a.started), " ",
                      absl::FormatTime(a.ended));
}

inline std::string Text(const job::Job& j) {
  std::string text = absl::StrCat(j.id, "|", j.name, "|", job::StateName(j.state), "|", j.reason,
                                  "|", j.spec_json, "|", j.spec_digest, "|", j.yaml, "|",
                                  j.request_id, "|", j.priority, "|", j.workers, "|");
  absl::StrAppend(&text, j.min_workers, "|", j.device, "|", absl::FormatTime(j.created), "|",
                  absl::FormatTime(j.ended), "|", j.epoch, "|", j.step, "|", j.total_steps, "|",
                  Text(std::optional<double>(j.images_per_second)), "|", Text(j.metrics), "|");
  absl::StrAppend(&text, j.weights_digest, "|", j.sweep, "|", j.user, "|", j.epochs, "|", j.dataset,
                  "|", j.rule, "|", j.init_sha256, "|", absl::FormatTime(j.archived), "\n");
  for (const auto& [key, value] : j.point) absl::StrAppend(&text, key, " is ", value, "\n");
  for (const job::Member& m : j.members) {
    absl::StrAppend(&text, "member ", m.rank, " ", m.worker, " ", m.host, " ", m.device, "\n");
  }
  for (const job::Attempt& a : j.attempts) absl::StrAppend(&text, Text(a), "\n");
  return text;
}

// As lists give it.
inline job::Job Brief(job::Job job) {
  job.spec_json.clear();
  job.yaml.clear();
  return job;
}

inline std::string Text(const job::Sweep& s) {
  return absl::StrCat(s.id, "|", s.name, "|", s.request_id, "|", s.file_name, "|", s.yaml, "|",
                      absl::StrJoin(s.sets, "&"), "|", absl::FormatTime(s.created));
}

inline std::string Text(const job::EpochRecord& e) {
  std::string text = absl::StrCat("epoch ", e.epoch, " step ", e.step, " ",
                                  Text(std::optional<double>(e.seconds)), " ", Text(e.metrics));
  for (const auto& [layer, cosine] : e.alignment) {
    absl::StrAppend(&text, " ", layer, "=", Text(std::optional<double>(cosine)));
  }
  for (const job::LayerState& l : e.layers) {
    absl::StrAppend(&text, " ", l.layer, ":", Text(l.error_angle), ",", Text(l.saturated), ",",
                    Text(l.sparsity), ",", Text(l.forward_update_norm), ",",
                    Text(l.feedback_update_norm));
  }
  return text;
}

inline std::string Text(const job::Event& e) {
  return absl::StrCat(absl::FormatTime(e.time), " ", e.text);
}

inline std::string Text(const job::FileRef& f) {
  return absl::StrCat(f.sha256, " ", f.bytes, " ", f.step, " ", f.weights_digest, " ",
                      absl::FormatTime(f.stored));
}

}  // namespace hebb::testing

#endif  // HEBB_TESTS_TESTING_SAMPLE_JOBS_H_

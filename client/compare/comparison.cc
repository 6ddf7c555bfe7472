// SPDX-License-Identifier: Apache-2.0
#include "client/compare/comparison.h"

#include <algorithm>
#include <map>

#include "absl/strings/str_cat.h"
#include "client/message_json.h"
#include "client/progress.h"
#include "client/provenance.h"

namespace hebb::client {
namespace {

using nlohmann::ordered_json;

// A layer is found by its name, so that one that is inserted does not make all after it differ.
std::string ItemName(const ordered_json& item, size_t index) {
  const bool named = item.is_object() && item.contains("name") && item["name"].is_string();
  return named ? item["name"].get<std::string>() : absl::StrCat(index);
}

void Flatten(const ordered_json& value, const std::string& path, std::vector<std::string>& order,
             std::map<std::string, std::string>& leaves) {
  const auto child = [&](const std::string& key, const ordered_json& inner) {
    Flatten(inner, path.empty() ? key : absl::StrCat(path, ".", key), order, leaves);
  };
  if (value.is_object()) {
    for (const auto& [key, inner] : value.items()) child(key, inner);
  } else if (value.is_array()) {
    for (size_t i = 0; i < value.size(); ++i) child(ItemName(value[i], i), value[i]);
  } else if (!value.is_null()) {
    order.push_back(path);
    leaves[path] = value.is_string() ? value.get<std::string>() : value.dump();
  }
}

std::vector<Difference> Differences(const ordered_json& a, const ordered_json& b) {
  std::vector<std::string> order;
  std::map<std::string, std::string> of_a, of_b;
  Flatten(a, "", order, of_a);
  Flatten(b, "", order, of_b);
  std::vector<Difference> differences;
  for (const std::string& key : order) {
    const std::string left = of_a[key], right = of_b[key];
    const auto same_key = [&](const Difference& other) { return other.what == key; };
    if (left == right || std::any_of(differences.begin(), differences.end(), same_key)) continue;
    differences.push_back({key, left, right});
  }
  return differences;
}

ordered_json Results(const v1::Job& job) {
  ordered_json results = ToJson(job.metrics());
  results["state"] = StateText(job);
  results["step"] = job.step();
  results["epoch"] = job.epoch();
  results["spec_digest"] = job.spec_digest();
  results["weights_digest"] = job.weights_digest();
  return results;
}

void CompareDigests(const ComparedJob& a, const ComparedJob& b, Comparison& comparison) {
  std::map<int64_t, std::string> of_a;
  for (const v1::StepDigest& digest : a.digests) of_a[digest.step()] = digest.weights_digest();
  for (const v1::StepDigest& digest : b.digests) {
    const auto other = of_a.find(digest.step());
    if (other == of_a.end()) continue;
    ++comparison.steps_compared;
    if (comparison.first_different_step) continue;
    if (other->second == digest.weights_digest()) {
      comparison.last_same_step = digest.step();
    } else {
      comparison.first_different_step = digest.step();
    }
  }
}

ordered_json ListOf(const std::vector<Difference>& differences) {
  ordered_json list = ordered_json::array();
  for (const Difference& one : differences) {
    list.push_back({{"key", one.what}, {"a", one.a}, {"b", one.b}});
  }
  return list;
}

}  // namespace

Comparison Compare(const ComparedJob& a, const ComparedJob& b) {
  Comparison comparison;
  comparison.spec = Differences(ToJson(a.job.spec()), ToJson(b.job.spec()));
  comparison.results = Differences(Results(a.job), Results(b.job));
  comparison.sources = Differences(SourcesOf(a.job.provenance()), SourcesOf(b.job.provenance()));
  CompareDigests(a, b, comparison);
  return comparison;
}

std::string DigestVerdict(const Comparison& comparison) {
  if (comparison.steps_compared == 0) return "no step has its weights on record in both";
  if (!comparison.first_different_step) {
    return absl::StrCat("the weights are the same at all ", comparison.steps_compared,
                        " steps on record in both");
  }
  return absl::StrCat("the weights differ first at step ", *comparison.first_different_step,
                      " (the same at step ", comparison.last_same_step, "), of ",
                      comparison.steps_compared, " steps on record in both");
}

ordered_json ToJson(const ComparedJob& a, const ComparedJob& b, const Comparison& comparison) {
  ordered_json json = {{"a", a.job.id()},
                       {"b", b.job.id()},
                       {"spec", ListOf(comparison.spec)},
                       {"results", ListOf(comparison.results)},
                       {"sources", ListOf(comparison.sources)},
                       {"digests_compared", comparison.steps_compared},
                       {"last_same_step", comparison.last_same_step},
                       {"first_different_step", nullptr}};
  if (comparison.first_different_step) {
    json["first_different_step"] = *comparison.first_different_step;
  }
  return json;
}

}  // namespace hebb::client

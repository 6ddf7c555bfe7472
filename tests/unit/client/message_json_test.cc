// SPDX-License-Identifier: Apache-2.0
// `-o json` has design.md's shape: field names, numbers as numbers, null for what is not known, the
// one set member of a oneof; the YAML of it reads back as the same data.
#include "client/message_json.h"

#include <gtest/gtest.h>
#include <yaml-cpp/yaml.h>

#include <cstdint>

#include "hebb/v1/jobs.pb.h"

namespace hebb::client {
namespace {

v1::Job SomeJob() {
  v1::Job job;
  job.set_id("7f3a");
  job.set_state(v1::RUNNING);
  job.set_total_steps(int64_t{1} << 40);
  job.mutable_metrics()->set_train_loss(0.5);
  job.mutable_created()->set_seconds(1'700'000'000);
  job.mutable_spec()->mutable_learning()->mutable_loss()->mutable_hinge()->set_off_class_weight(1);
  return job;
}

TEST(MessageJsonTest, HasTheDocumentedKeysInOrder) {
  const nlohmann::ordered_json json = ToJson(SomeJob());
  std::string keys;
  for (const auto& [key, value] : json.items()) keys += key + " ";
  EXPECT_EQ(keys.substr(0, 37), "id name state unreachable reason spec");
  for (const char* key :
       {"epoch", "step", "total_steps", "images_per_second", "metrics", "attempts", "workers"}) {
    EXPECT_TRUE(json.contains(key)) << key;
  }
}

TEST(MessageJsonTest, NumbersAreNumbersAndUnknownIsNull) {
  const nlohmann::ordered_json json = ToJson(SomeJob());
  EXPECT_EQ(json["state"], "RUNNING");
  EXPECT_EQ(json["total_steps"], int64_t{1} << 40);
  EXPECT_EQ(json["metrics"]["train_loss"], 0.5);
  EXPECT_TRUE(json["metrics"].contains("test_accuracy"));
  EXPECT_TRUE(json["metrics"]["test_accuracy"].is_null());
  EXPECT_EQ(json["created"], "2023-11-14T22:13:20.000Z");
  EXPECT_TRUE(json["ended"].is_null());
  EXPECT_EQ(json["attempts"], nlohmann::ordered_json::array());
}

TEST(MessageJsonTest, AnUnsetMetricsMessageStillShowsItsKeys) {
  const nlohmann::ordered_json json = ToJson(v1::Job());
  ASSERT_TRUE(json["metrics"].is_object());
  EXPECT_TRUE(json["metrics"]["validation_accuracy"].is_null());
}

TEST(MessageJsonTest, AOneofShowsOnlyWhatIsSet) {
  const nlohmann::ordered_json loss = ToJson(SomeJob())["spec"]["learning"]["loss"];
  EXPECT_EQ(loss.dump(), R"({"hinge":{"off_class_weight":1.0}})");
}

TEST(MessageJsonTest, YamlReadsBackAsTheSameStrings) {
  const nlohmann::ordered_json json = {
      {"plain", "abc-1.2/x"}, {"word", "yes"},
      {"number", "0123"},     {"text", "a: b # c\nd"},
      {"empty", ""},          {"list", {1, 2}},
      {"none", nullptr},      {"nothing", nlohmann::ordered_json::array()}};
  const YAML::Node node = YAML::Load(ToYaml(json));
  EXPECT_EQ(node["plain"].as<std::string>(), "abc-1.2/x");
  EXPECT_EQ(node["word"].as<std::string>(), "yes");
  EXPECT_EQ(node["word"].Tag(), "!") << "quoted, or YAML readers take it for a truth value";
  EXPECT_EQ(node["number"].Tag(), "!");
  EXPECT_EQ(node["text"].as<std::string>(), "a: b # c\nd");
  EXPECT_EQ(node["empty"].as<std::string>(), "");
  EXPECT_EQ(node["list"][1].as<int>(), 2);
  EXPECT_TRUE(node["none"].IsNull());
  EXPECT_EQ(node["nothing"].size(), 0u);
  EXPECT_TRUE(node["nothing"].IsSequence());
}

}  // namespace
}  // namespace hebb::client

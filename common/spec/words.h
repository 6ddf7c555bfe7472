// SPDX-License-Identifier: Apache-2.0
// The job file's words for each enum: those of this version, and those that are planned and hence
// refused with a better message than a spelling mistake.
#ifndef HEBB_COMMON_SPEC_WORDS_H_
#define HEBB_COMMON_SPEC_WORDS_H_

#include <array>
#include <string>
#include <utility>
#include <vector>

#include "common/check.h"
#include "common/spec/spec.h"

namespace hebb::spec {

template <typename E>
using Word = std::pair<const char*, E>;

template <typename E>
struct Words;

template <>
struct Words<Normalize> {
  static constexpr std::array<Word<Normalize>, 3> kNow = {{{"unit", Normalize::kUnit},
                                                           {"standard", Normalize::kStandard},
                                                           {"signed", Normalize::kSigned}}};
  static constexpr std::array<const char*, 0> kLater = {};
};

template <>
struct Words<Activation> {
  static constexpr std::array<Word<Activation>, 5> kNow = {{{"ramp", Activation::kRamp},
                                                            {"none", Activation::kNone},
                                                            {"tanh", Activation::kTanh},
                                                            {"relu", Activation::kRelu},
                                                            {"sigmoid", Activation::kSigmoid}}};
  static constexpr std::array<const char*, 0> kLater = {};
};

template <>
struct Words<Padding> {
  static constexpr std::array<Word<Padding>, 3> kNow = {
      {{"same", Padding::kSame}, {"valid", Padding::kValid}, {"symmetric", Padding::kSymmetric}}};
  static constexpr std::array<const char*, 0> kLater = {};
};

template <>
struct Words<UntiedStart> {
  static constexpr std::array<Word<UntiedStart>, 2> kNow = {
      {{"shared", UntiedStart::kShared}, {"independent", UntiedStart::kIndependent}}};
  static constexpr std::array<const char*, 0> kLater = {};
};

template <>
struct Words<Statistics> {
  static constexpr std::array<Word<Statistics>, 2> kNow = {
      {{"batch", Statistics::kBatch}, {"slice", Statistics::kSlice}}};
  static constexpr std::array<const char*, 0> kLater = {};
};

template <>
struct Words<FeedbackLag> {
  static constexpr std::array<Word<FeedbackLag>, 2> kNow = {
      {{"step", FeedbackLag::kStep}, {"epoch", FeedbackLag::kEpoch}}};
  static constexpr std::array<const char*, 0> kLater = {};
};

template <>
struct Words<SkipGradient> {
  static constexpr std::array<Word<SkipGradient>, 2> kNow = {
      {{"kept", SkipGradient::kKept}, {"dropped", SkipGradient::kDropped}}};
  static constexpr std::array<const char*, 0> kLater = {};
};

template <>
struct Words<LastLayer> {
  static constexpr std::array<Word<LastLayer>, 2> kNow = {
      {{"rule", LastLayer::kRule}, {"bp", LastLayer::kBp}}};
  static constexpr std::array<const char*, 0> kLater = {};
};

template <>
struct Words<Distribution> {
  static constexpr std::array<Word<Distribution>, 3> kNow = {
      {{"glorot_uniform", Distribution::kGlorotUniform},
       {"kaiming_uniform", Distribution::kKaimingUniform},
       {"normal", Distribution::kNormal}}};
  static constexpr std::array<const char*, 0> kLater = {};
};

template <>
struct Words<Ties> {
  static constexpr std::array<Word<Ties>, 2> kNow = {
      {{"all", Ties::kAll}, {"first", Ties::kFirst}}};
  static constexpr std::array<const char*, 0> kLater = {};
};

template <>
struct Words<Rule> {
  static constexpr std::array<Word<Rule>, 10> kNow = {{{"bp", Rule::kBp},
                                                       {"frfb", Rule::kFrfb},
                                                       {"urfb", Rule::kUrfb},
                                                       {"urfb_sign", Rule::kUrfbSign},
                                                       {"kolen_pollack", Rule::kKolenPollack},
                                                       {"dfa", Rule::kDfa},
                                                       {"usf", Rule::kUsf},
                                                       {"brsf", Rule::kBrsf},
                                                       {"frsf", Rule::kFrsf},
                                                       {"weight_mirror", Rule::kWeightMirror}}};
  static constexpr std::array<const char*, 0> kLater = {};
};

template <>
struct Words<FeedbackInit> {
  static constexpr std::array<Word<FeedbackInit>, 2> kNow = {
      {{"independent", FeedbackInit::kIndependent}, {"same", FeedbackInit::kSame}}};
  static constexpr std::array<const char*, 0> kLater = {};
};

template <>
struct Words<Propagate> {
  static constexpr std::array<Word<Propagate>, 2> kNow = {
      {{"before_update", Propagate::kBeforeUpdate}, {"after_update", Propagate::kAfterUpdate}}};
  static constexpr std::array<const char*, 0> kLater = {};
};

template <>
struct Words<Precision> {
  static constexpr std::array<Word<Precision>, 3> kNow = {
      {{"float32", Precision::kFloat32}, {"tf32", Precision::kTf32}, {"bf16", Precision::kBf16}}};
  static constexpr std::array<const char*, 0> kLater = {};
};

template <>
struct Words<Device> {
  static constexpr std::array<Word<Device>, 3> kNow = {
      {{"any", Device::kAny}, {"cpu", Device::kCpu}, {"cuda", Device::kCuda}}};
  static constexpr std::array<const char*, 0> kLater = {};
};

template <>
struct Words<Kind> {
  static constexpr std::array<Word<Kind>, 4> kNow = {{{"train", Kind::kTrain},
                                                      {"evaluate", Kind::kEvaluate},
                                                      {"audit", Kind::kAudit},
                                                      {"verify", Kind::kVerify}}};
  static constexpr std::array<const char*, 0> kLater = {};
};

template <typename E>
std::vector<std::string> WordList() {
  std::vector<std::string> words;
  for (const auto& [word, value] : Words<E>::kNow) words.emplace_back(word);
  return words;
}

template <typename E>
const char* ToWord(E value) {
  for (const auto& [word, each] : Words<E>::kNow) {
    if (each == value) return word;
  }
  HEBB_CHECK(!"an enum value without a word");
  return "";
}

}  // namespace hebb::spec

#endif  // HEBB_COMMON_SPEC_WORDS_H_

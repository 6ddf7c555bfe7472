// SPDX-License-Identifier: Apache-2.0
// A call of every RPC with every field set, and some rows of calls that make sense together.
#include <google/protobuf/descriptor.h>
#include <google/protobuf/dynamic_message.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/fuzz/rpc_methods.h"
#include "tests/fuzz/seeds.h"

namespace hebb::fuzz {
namespace {

namespace pb = google::protobuf;

constexpr char kJobFile[] =
    "name: a\ndataset: {name: glyphs}\nnetwork:\n  layers:\n"
    "    - {name: out, dense: {units: 10, activation: none}}\n"
    "learning: {batch_size: 100, epochs: 1}\n";

constexpr int kDeepest = 4;

void Fill(pb::Message& message, int depth);

void FillField(pb::Message& message, const pb::FieldDescriptor& field, int depth) {
  const pb::Reflection& reflection = *message.GetReflection();
  switch (field.cpp_type()) {
    case pb::FieldDescriptor::CPPTYPE_MESSAGE:
      if (depth == kDeepest) return;
      Fill(field.is_repeated() ? *reflection.AddMessage(&message, &field)
                               : *reflection.MutableMessage(&message, &field),
           depth + 1);
      return;
    case pb::FieldDescriptor::CPPTYPE_STRING:
      if (field.is_repeated()) return reflection.AddString(&message, &field, "seed=2");
      return reflection.SetString(&message, &field, field.name() == "yaml" ? kJobFile : "a");
    case pb::FieldDescriptor::CPPTYPE_BOOL:
      if (!field.is_repeated()) reflection.SetBool(&message, &field, true);
      return;
    case pb::FieldDescriptor::CPPTYPE_INT32:
      if (!field.is_repeated()) reflection.SetInt32(&message, &field, 1);
      return;
    case pb::FieldDescriptor::CPPTYPE_INT64:
      if (!field.is_repeated()) reflection.SetInt64(&message, &field, 1);
      return;
    case pb::FieldDescriptor::CPPTYPE_DOUBLE:
      if (!field.is_repeated()) reflection.SetDouble(&message, &field, 0.5);
      return;
    default:
      return;
  }
}

void Fill(pb::Message& message, int depth) {
  const pb::Descriptor& type = *message.GetDescriptor();
  for (int i = 0; i < type.field_count(); ++i) FillField(message, *type.field(i), depth);
}

std::string Call(size_t method, const std::vector<std::string>& messages) {
  std::string call = {static_cast<char>(method), static_cast<char>(messages.size() - 1)};
  for (const std::string& message : messages) call += Piece(message);
  return call;
}

// A worker's stream: its hello, and then one of each word that it can say.
std::string AttachCall(size_t method) {
  v1::FromWorker hello;
  Fill(*hello.mutable_hello(), 1);
  std::vector<std::string> messages = {hello.SerializeAsString()};
  const pb::OneofDescriptor& words = *v1::FromWorker::descriptor()->oneof_decl(0);
  for (int i = 0; i < words.field_count() && messages.size() < 8; ++i) {
    v1::FromWorker word;
    FillField(word, *words.field(i), 0);
    messages.push_back(word.SerializeAsString());
  }
  return Call(method, messages);
}

}  // namespace

void WriteRpcSeeds(const Seeds& seeds) {
  pb::DynamicMessageFactory factory;
  const auto methods = RpcMethods();
  std::string everything;
  for (size_t i = 0; i < methods.size(); ++i) {
    const std::unique_ptr<pb::Message> request(
        factory.GetPrototype(methods[i]->input_type())->New());
    Fill(*request, 0);
    std::string call =
        methods[i]->name() == "Attach" ? AttachCall(i) : Call(i, {request->SerializeAsString()});
    seeds.Write("rpc", methods[i]->name(), call);
    everything += call;
  }
  seeds.Write("rpc", "everything", everything);
}

}  // namespace hebb::fuzz

// SPDX-License-Identifier: Apache-2.0
#include "server/rpc/jobs_streams.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/log_level_name.h"
#include "common/rpc/status.h"
#include "common/status_macros.h"
#include "server/rpc/authenticator.h"
#include "server/rpc/describe.h"
#include "server/rpc/out_stream.h"
#include "server/rpc/translate.h"

namespace hebb::rpc {
namespace {

constexpr int kPumpThreads = 2;
// What changes faster is shown at these paces.
constexpr absl::Duration kJobPace = absl::Milliseconds(100);
constexpr absl::Duration kListPace = absl::Milliseconds(500);
constexpr int64_t kTailMax = 100'000;

absl::StatusOr<store::LogQuery> QueryOf(const v1::LogsRequest& request) {
  store::LogQuery query;
  query.attempt = request.attempt();
  if (request.has_rank()) query.rank = request.rank();
  if (request.tail() < 0 || request.tail() > kTailMax) {
    return absl::InvalidArgumentError(absl::StrCat("tail is ", request.tail(), "; ask for 1 to ",
                                                   kTailMax, " lines, or for all"));
  }
  if (request.level().empty()) return query;
  const auto level = LogLevelFromName(request.level());
  if (!level) {
    return absl::InvalidArgumentError(absl::StrCat(
        "'", request.level(), "' is no log level; ask for debug, info, warning or error"));
  }
  query.level = *level;
  return query;
}

// A stream's place among those that may be open; it is given back with this.
class Slot {
 public:
  static absl::StatusOr<std::unique_ptr<Slot>> Take(StreamSlots& slots, const std::string& caller) {
    if (slots.Take(caller)) return std::unique_ptr<Slot>(new Slot(slots, caller));
    return absl::ResourceExhaustedError("too many open watch and log streams; close some");
  }
  ~Slot() { slots_.Give(caller_); }
  Slot(const Slot&) = delete;
  Slot& operator=(const Slot&) = delete;

 private:
  Slot(StreamSlots& slots, std::string caller) : slots_(slots), caller_(std::move(caller)) {}
  StreamSlots& slots_;
  const std::string caller_;
};

// What all streams here share: a slot, and the news of a topic.
template <typename Message>
class FeedStream : public OutStream<Message> {
 public:
  FeedStream(const Context& context, StreamPump& pump, absl::Duration pace,
             std::unique_ptr<Slot> slot)
      : OutStream<Message>(pump, pace), context_(context), slot_(std::move(slot)) {}

  grpc::ServerWriteReactor<Message>* BeginAt(absl::string_view topic) {
    news_ = std::make_unique<control::ChangeFeed::Subscription>(context_.feed, topic,
                                                                [this] { this->Changed(); });
    return this->Begin();
  }

 protected:
  using Next = typename OutStream<Message>::Next;
  void Release() final {
    news_.reset();
    slot_.reset();
  }
  static Next End(absl::Status status) { return {nullptr, std::move(status)}; }
  bool stopping() const { return context_.feed.is_shut_down(); }
  static absl::Status Stopping() { return absl::UnavailableError("the coordinator is stopping"); }

  const Context context_;

 private:
  std::unique_ptr<Slot> slot_;
  std::unique_ptr<control::ChangeFeed::Subscription> news_;
};

class WatchStream final : public FeedStream<v1::Job> {
 public:
  WatchStream(const Context& context, StreamPump& pump, std::unique_ptr<Slot> slot,
              SharedMessages<v1::Job>& messages, std::string job)
      : FeedStream(context, pump, kJobPace, std::move(slot)),
        messages_(messages),
        job_(std::move(job)) {}

 private:
  Next Look() override {
    if (ended_) return End(absl::OkStatus());
    const uint64_t version = context_.feed.Version(job_);
    if (version != seen_) {
      const auto message = messages_.Get(job_, version, [&] { return Make(); });
      if (!message.ok()) return End(message.status());
      seen_ = version;
      if (*message != last_) {
        last_ = *message;
        const auto state = FromProto(last_->state());
        ended_ = state.ok() && job::IsTerminal(*state);
        return {last_.get()};
      }
    }
    return stopping() ? End(Stopping()) : Next{};
  }

  absl::StatusOr<v1::Job> Make() const {
    v1::Job proto;
    HEBB_ASSIGN_OR_RETURN(const job::Job job, context_.jobs.Get(job_));
    HEBB_RETURN_IF_ERROR(Describe(context_, job, Detail::kWatch, proto));
    return proto;
  }

  SharedMessages<v1::Job>& messages_;
  const std::string job_;
  uint64_t seen_ = 0;
  std::shared_ptr<const v1::Job> last_;
  bool ended_ = false;
};

class WatchListStream final : public FeedStream<v1::ListResponse> {
 public:
  WatchListStream(const Context& context, StreamPump& pump, std::unique_ptr<Slot> slot,
                  SharedMessages<v1::ListResponse>& messages, v1::ListRequest request)
      : FeedStream(context, pump, kListPace, std::move(slot)),
        messages_(messages),
        request_(std::move(request)),
        key_(request_.SerializeAsString()) {}

 private:
  Next Look() override {
    const uint64_t version = context_.feed.Version(control::ChangeFeed::kAnyJob);
    if (version != seen_) {
      const auto page = messages_.Get(key_, version, [&] { return Make(); });
      if (!page.ok()) return End(page.status());
      seen_ = version;
      std::string bytes = (*page)->SerializeAsString();
      if (last_ == nullptr || bytes != bytes_) {
        last_ = *page;
        bytes_ = std::move(bytes);
        return {last_.get()};
      }
    }
    return stopping() ? End(Stopping()) : Next{};
  }

  absl::StatusOr<v1::ListResponse> Make() const {
    v1::ListResponse page;
    HEBB_RETURN_IF_ERROR(ListPage(context_, request_, page));
    return page;
  }

  SharedMessages<v1::ListResponse>& messages_;
  const v1::ListRequest request_;
  const std::string key_;
  uint64_t seen_ = 0;
  std::shared_ptr<const v1::ListResponse> last_;
  std::string bytes_;
};

class LogStream final : public FeedStream<v1::LogLine> {
 public:
  LogStream(const Context& context, StreamPump& pump, std::unique_ptr<Slot> slot, std::string job,
            store::LogQuery query, const v1::LogsRequest& request)
      : FeedStream(context, pump, absl::ZeroDuration(), std::move(slot)),
        job_(std::move(job)),
        query_(std::move(query)),
        follow_(request.follow()),
        tail_(request.tail()) {}

 private:
  Next Look() override {
    if (next_ == lines_.size()) {
      const absl::StatusOr<bool> over = Read();
      if (!over.ok()) return End(over.status());
      if (lines_.empty() && *over) return End(absl::OkStatus());
      if (lines_.empty()) return stopping() ? End(Stopping()) : Next{};
    }
    line_ = ToProto(lines_[next_++]);
    return {&line_};
  }

  // Fills `lines_`; whether no more will come.
  absl::StatusOr<bool> Read() {
    next_ = 0;
    lines_.clear();
    if (tail_ > 0) {
      HEBB_ASSIGN_OR_RETURN(lines_,
                            context_.logs.Tail(job_, query_, std::exchange(tail_, 0), cursor_));
      if (!lines_.empty()) return false;
    }
    // Asked for before the lines are read: what a job says, it says before it ends.
    HEBB_ASSIGN_OR_RETURN(const job::Job job, context_.jobs.Get(job_));
    do {
      HEBB_ASSIGN_OR_RETURN(auto batch, context_.logs.Read(job_, query_, cursor_));
      lines_ = std::move(batch.entries);
      if (batch.at_end) break;
    } while (lines_.empty());
    return !follow_ || job::IsTerminal(job.state);
  }

  const std::string job_;
  const store::LogQuery query_;
  const bool follow_;
  int64_t tail_;  // still to be looked for; 0: none
  store::LogCursor cursor_;
  std::vector<store::LogEntry> lines_;
  size_t next_ = 0;
  v1::LogLine line_;
};

// Of a call that is refused.
template <typename Message>
class RefusedStream final : public grpc::ServerWriteReactor<Message> {
 public:
  explicit RefusedStream(const absl::Status& status) { this->Finish(ToGrpc(status)); }
  void OnDone() override { delete this; }
};

}  // namespace

JobsStreams::JobsStreams(const Context& context)
    : context_(context),
      slots_(context.limits.streams_max, context.limits.streams_of_one_max),
      pump_(kPumpThreads) {}

grpc::ServerWriteReactor<v1::Job>* JobsStreams::Watch(grpc::CallbackServerContext& call,
                                                      const v1::JobRequest& request) {
  auto slot = Slot::Take(slots_, CallerOf(context_.gate, call).name);
  if (!slot.ok()) return new RefusedStream<v1::Job>(slot.status());
  const auto job = context_.jobs.Get(request.job());
  if (!job.ok()) return new RefusedStream<v1::Job>(job.status());
  return std::make_shared<WatchStream>(context_, pump_, *std::move(slot), jobs_, job->id)
      ->BeginAt(job->id);
}

grpc::ServerWriteReactor<v1::ListResponse>* JobsStreams::WatchList(
    grpc::CallbackServerContext& call, const v1::ListRequest& request) {
  auto slot = Slot::Take(slots_, CallerOf(context_.gate, call).name);
  if (!slot.ok()) return new RefusedStream<v1::ListResponse>(slot.status());
  return std::make_shared<WatchListStream>(context_, pump_, *std::move(slot), lists_, request)
      ->BeginAt(control::ChangeFeed::kAnyJob);
}

grpc::ServerWriteReactor<v1::LogLine>* JobsStreams::Logs(grpc::CallbackServerContext& call,
                                                         const v1::LogsRequest& request) {
  auto slot = Slot::Take(slots_, CallerOf(context_.gate, call).name);
  if (!slot.ok()) return new RefusedStream<v1::LogLine>(slot.status());
  const auto job = context_.jobs.Get(request.job());
  if (!job.ok()) return new RefusedStream<v1::LogLine>(job.status());
  auto query = QueryOf(request);
  if (!query.ok()) return new RefusedStream<v1::LogLine>(query.status());
  return std::make_shared<LogStream>(context_, pump_, *std::move(slot), job->id, *std::move(query),
                                     request)
      ->BeginAt(job->id);
}

}  // namespace hebb::rpc

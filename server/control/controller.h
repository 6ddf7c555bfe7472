// SPDX-License-Identifier: Apache-2.0
// The control loop: one thread that owns the attached workers and the gangs, writes what happens
// to the store, and lets the scheduler decide when something changed. Everyone else posts to its
// mailbox or writes the store and wakes it; nobody waits for it.
#ifndef HEBB_SERVER_CONTROL_CONTROLLER_H_
#define HEBB_SERVER_CONTROL_CONTROLLER_H_

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <variant>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "absl/time/time.h"
#include "common/steady_clock.h"
#include "server/control/checkpoints.h"
#include "server/control/controller_options.h"
#include "server/control/fleet_snapshot.h"
#include "server/control/gang.h"
#include "server/control/messages.h"
#include "server/control/pace.h"
#include "server/control/rendezvous.h"
#include "server/control/worker_registry.h"
#include "server/scheduler/scheduler.h"
#include "server/store/blob_store.h"
#include "server/store/job_store.h"

namespace hebb::control {

// The job whose steps a verification trains again.
struct Verified {
  std::string job;
  int64_t last_equal = 0;  // the last step known to be the same
};

// Thread-safe but for Start and Stop. Borrows the stores.
class Controller {
 public:
  Controller(ControllerOptions options, store::JobStore& jobs, store::BlobStore& blobs,
             Checkpoints& checkpoints, Rendezvous& rendezvous);
  ~Controller();  // stops
  Controller(const Controller&) = delete;
  Controller& operator=(const Controller&) = delete;

  void Start();
  // Ends the loop and all workers' streams; the workers train on. Idempotent.
  void Stop();

  // The stream's first word; what the worker is told goes to `link`.
  Session Attach(const Hello& hello, std::shared_ptr<WorkerLink> link);
  // False: the mailbox is full; end the stream.
  bool Receive(Session session, FromWorker message);
  void Detach(Session session);
  // Something changed in the store: a job was submitted, or is to be cancelled.
  void Wake();
  // The worker leaves its gang at a step boundary and is given nothing more; `undo` takes it back.
  // Kept until the worker or this process ends. Returns when it is done. `key`: an id or a unique
  // prefix. NOT_FOUND, INVALID_ARGUMENT; UNAVAILABLE while the loop does not turn.
  absl::StatusOr<WorkerView> Drain(const std::string& key, bool undo,
                                   const std::string& reason = "asked for by a user");

  // What is done about the waits of jobs beside scheduling them, by job; goes behind the text of
  // their waits.
  void SetNotes(std::map<std::string, std::string> notes);

  // A copy, as of the loop's last turn that changed it; workers' heartbeats show within an eighth
  // of detect_within.
  FleetSnapshot Fleet() const;
  // Whether no member of the job's gang is in touch. Cheap, unlike a copy of the fleet.
  bool IsUnreachable(const std::string& job) const;
  // Why the job waits, as of the last decision. As cheap.
  std::optional<scheduler::Wait> WaitOf(const std::string& job) const;
  // Why it waits, failed or was cancelled, in one line: what it waits for is not in the store.
  std::string ReasonOf(const job::Job& job) const;
  const Times& times() const { return options_.times; }

 private:
  // One job in STARTING, RUNNING or CANCELLING.
  struct Live {
    explicit Live(GangOptions gang_options) : gang(std::move(gang_options)) {}
    Gang gang;
    job::Job job;  // as it was when the attempt began
    std::optional<job::FileRef> resume;
    std::optional<job::FileRef> init;
    absl::Time runtime_ends = absl::InfiniteFuture();
    bool exact = true;  // the same bits whatever its gang: it has canonical slices
    std::optional<Verified> verified;
    job::Provenance provenance;        // of this and the attempts before
    bool provenance_stored = true;     // as it is here
    std::optional<Progress> progress;  // not written down yet
    Pace pace;
    absl::Time since = absl::InfinitePast();  // when the attempt began, by the loop's clock
    absl::Time progress_written = absl::InfinitePast();
    Effects undone;  // an End that could not be made durable, and what follows it
    absl::Time retry_at = absl::InfinitePast();
  };
  struct AttachMail {
    Hello hello;
    std::shared_ptr<WorkerLink> link;
  };
  struct DetachMail {};
  struct DrainMail {
    std::string worker;
    bool undo = false;
    std::string reason;
    std::shared_ptr<absl::Notification> done;
  };
  struct Mail {
    Session session;
    absl::Time arrived;
    std::variant<AttachMail, FromWorker, DetachMail, DrainMail> content;
  };
  // Attempts lost in a row without a step gained.
  struct Losses {
    std::vector<std::string> causes;
    absl::Time not_before = absl::InfinitePast();
  };

  // Its text and what is done about it.
  std::string WithNote(const scheduler::Wait& wait) const ABSL_SHARED_LOCKS_REQUIRED(mutex_);

  // controller.cc: the loop
  // The loop turns at least this often.
  absl::Duration Pace() const;
  // Mail that is not urgent is read in the next turn, but does not bring it about.
  bool Post(Mail mail, bool urgent = true);
  void Run();
  void Turn(std::deque<Mail> mail, bool woken, bool urgent);
  void Tick(absl::Time now);
  void Publish(absl::Time now);
  Live* FindLive(const std::string& job, int attempt);
  Live* LiveOf(const WorkerEntry& entry);       // the gang it is a member of
  Live* FindGangOf(const std::string& worker);  // likewise, where it may not be known here yet

  // controller_mail.cc: what workers say
  void Handle(Mail& mail);
  void HandleAttach(Session session, AttachMail& mail, absl::Time now);
  void HandleDetach(Session session, absl::Time now);
  void HandleWord(WorkerEntry& entry, FromWorker& message, absl::Time now);
  void HandleEpoch(WorkerEntry& entry, const EpochReport& report);
  void HandleFarewell(WorkerEntry& entry, const Farewell& farewell, absl::Time now);
  void HandleDrain(WorkerEntry& entry, bool undo, absl::string_view reason, absl::Time now);
  void TellReleased(const WorkerEntry& entry, const GenerationId& id);

  // controller_digests.cc: what their weights are
  void HandleDigests(WorkerEntry& entry, DigestReport& report);
  absl::Status CompareWithRecord(Live& live, const std::vector<job::StepDigest>& digests);

  // controller_provenance.cc: what results come from
  // Why `worker` may not take part: it has other data than the job was or is trained on. "": it
  // may.
  std::string JudgeData(Live& live, const WorkerEntry& entry, const MemberReport& report);
  void RecordProvenance(Live& live, const Formation& formation);

  // controller_effects.cc: what gangs want
  void Carry(Live& live, Effects effects);
  bool CarryOne(Live& live, const Effect& effect);
  void CarryPrepare(Live& live, const std::string& worker);
  bool CarryCommit(Live& live, const Formation& formation);
  bool CarryEnd(Live& live, const End& end);
  absl::Status WriteEnd(Live& live, const End& end, bool give_up);
  job::Failure FailureOf(const Live& live, const End& end) const;
  bool GiveUp(Live& live, const End& end);
  void FreeWorker(const std::string& worker, const std::string& job);
  void WriteProgress(Live& live, absl::Time now);
  // To the job's events and to our log. `actor`: who did it, if not the coordinator by itself.
  void AddEvent(const std::string& job, job::EventKind kind, const std::string& text,
                absl::string_view actor = "coordinator");

  // controller_jobs.cc: which job runs where
  void Reconcile(absl::Time now);
  // Before the first mail is read: a worker that attaches at once must find the gang it is in, or
  // it would be released. False: the store cannot be read now.
  bool RecoverJobs(absl::Time now);
  void Recover(const job::Job& job, absl::Time now);
  void StartJob(const scheduler::Start& start, absl::Time now);
  // What is remembered of jobs that have ended, however they did.
  void ForgetEnded(const std::vector<job::Job>& living);
  // Whether `worker` could not prepare for `job` a moment ago.
  bool IsUnfit(const std::string& job, const std::string& worker, absl::Time now);
  // Starts `job` with those of the workers that are fit for it; else why it waits.
  std::string StartWithFit(const scheduler::Start& start, const job::Job& job, absl::Time now);
  // Of jobs of at least that priority, with idle workers that are not in `kept`.
  void AddJoiners(absl::Time now, int64_t priority, const std::set<std::string>& kept);
  bool AtLimit(const std::string& user) const;  // holds as many workers as it may

  // controller_schedule.cc: what the scheduler sees, and what it decided
  scheduler::View MakeView(const std::vector<const job::Job*>& queued, absl::Time now);
  // What max_runtime leaves a job; nothing: it has no limit.
  static std::optional<absl::Duration> RunsAtMost(const job::Job& job);
  scheduler::User UserOf(const std::string& name) const;
  void Preempt(const scheduler::Decision& decision, absl::Time now);
  void PublishWaits(std::vector<scheduler::Wait> waits);
  void ChargeUsage(absl::Time now);
  absl::Status RecoverUsage();
  void WriteUsage(absl::Time now);
  std::unique_ptr<Live> MakeLive(const job::Job& job);
  absl::Status FindFiles(Live& live);

  const ControllerOptions options_;
  store::JobStore& jobs_;
  store::BlobStore& blobs_;
  Checkpoints& checkpoints_;
  Rendezvous& rendezvous_;

  // The loop's alone.
  WorkerRegistry workers_;
  std::map<std::string, std::unique_ptr<Live>> live_;  // by job id
  std::map<std::string, Losses> losses_;               // by job id
  // By job id: workers that could not prepare for it, and until when they are not asked again.
  std::map<std::string, std::map<std::string, absl::Time>> unfit_;
  std::map<std::string, double> usage_;  // by user: worker-seconds, decayed
  absl::Time usage_charged_ = absl::InfinitePast();
  absl::Time usage_written_ = absl::InfinitePast();
  std::shared_ptr<const std::map<std::string, scheduler::Wait>> waits_ =
      std::make_shared<std::map<std::string, scheduler::Wait>>();
  std::map<std::string, int64_t> recoveries_;
  std::vector<std::shared_ptr<absl::Notification>> answered_;  // once all can see what was done
  bool dirty_ = true;  // something changed that the scheduler should see
  absl::Time next_reconcile_ = absl::InfiniteFuture();
  absl::Time rests_until_ = absl::InfinitePast();  // the scheduler, after a long decision
  absl::Time last_turn_ = absl::InfinitePast();
  absl::Time published_ = absl::InfinitePast();

  mutable absl::Mutex mutex_;
  SteadyCondVar due_;  // urgent_, woken_, stopping_: the loop beats whatever becomes of the clock
  std::deque<Mail> mailbox_ ABSL_GUARDED_BY(mutex_);
  bool urgent_ ABSL_GUARDED_BY(mutex_) = false;  // some of the mail is
  bool woken_ ABSL_GUARDED_BY(mutex_) = false;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  Session next_session_ ABSL_GUARDED_BY(mutex_) = 1;
  FleetSnapshot snapshot_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, std::string> notes_ ABSL_GUARDED_BY(mutex_);  // by job
  std::thread thread_;
};

}  // namespace hebb::control

#endif  // HEBB_SERVER_CONTROL_CONTROLLER_H_

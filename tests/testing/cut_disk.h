// SPDX-License-Identifier: Apache-2.0
// A disk in memory under SQLite whose power can be cut. It keeps what was written apart from what
// was synced, so that a test sees every state that a real disk may be in afterwards.
#ifndef HEBB_TESTS_TESTING_CUT_DISK_H_
#define HEBB_TESTS_TESTING_CUT_DISK_H_

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <set>
#include <string>
#include <vector>

struct sqlite3_vfs;

namespace hebb::testing {

// What a power cut leaves of what was written and not synced.
enum class Lost {
  kAll,   // the disk held it in its cache
  kNone,  // it had just been written
  kSome,  // any part in any order, writes torn between sectors of 512 bytes
};

// While it lives, SQLite opens all files on it (it is the default VFS), so one at a time. Thread-
// safe like a file system: files have locks and shared memory between connections.
class CutDisk {
 public:
  CutDisk();
  ~CutDisk();
  CutDisk(const CutDisk&) = delete;
  CutDisk& operator=(const CutDisk&) = delete;

  // The power goes when the disk is asked for its `operation`-th write, truncation, sync, creation
  // or deletion from now on (1-based): that one does not happen, and everything fails from then on.
  void CutAt(int64_t operation);
  // Operations since the last CutAt or Restart.
  int64_t operations() const;
  bool is_cut() const;

  // The power is back, and the disk holds what was synced and of the rest what `lost` says.
  // REQUIRES: all files are closed.
  void Restart(Lost lost, uint64_t seed);

  // ---- for the SQLite methods of cut_disk.cc ----

  struct Change {  // a write, or with `size` >= 0 a truncation
    int64_t offset = 0;
    std::string data = {};
    int64_t size = -1;
  };
  struct Handle;
  struct Node {
    std::string live;             // as a program sees it
    std::string synced;           // as it is on the platter
    std::vector<Change> changes;  // between the two, in order
    bool is_named = false;        // its name is on the platter
    std::set<Handle*> handles;
    std::vector<std::unique_ptr<char[]>> shared;  // memory between connections
  };
  struct Handle {
    CutDisk* disk = nullptr;
    std::shared_ptr<Node> node = nullptr;
    std::string delete_on_close = {};
    bool syncs_folder = false;  // with its next sync
    int lock = 0;               // SQLITE_LOCK_...
    unsigned shared_slots = 0;
    unsigned exclusive_slots = 0;
    bool maps = false;
  };

  std::unique_lock<std::mutex> Lock() const { return std::unique_lock<std::mutex>(mutex_); }
  // With the lock held: whether the power is there for one more operation.
  bool Operate();
  bool has_power() const { return !cut_; }
  void Write(Node& node, int64_t offset, const char* data, int64_t bytes);
  void Truncate(Node& node, int64_t size);
  void Sync(Node& node);
  // All creations and deletions so far are on the platter: there is one folder.
  void SyncFolder();
  std::shared_ptr<Node> Find(const std::string& name) const;
  std::shared_ptr<Node> Make(const std::string& name);
  void Delete(const std::string& name, bool durable);

 private:
  void Lose(Node& node, Lost lost, std::mt19937_64& random);

  mutable std::mutex mutex_;
  std::unique_ptr<sqlite3_vfs> vfs_;
  std::map<std::string, std::shared_ptr<Node>> files_;
  std::map<std::string, std::shared_ptr<Node>> deleted_;  // whose deletion is not durable yet
  int64_t operations_ = 0;
  int64_t cut_at_ = 0;  // 0: never
  bool cut_ = false;
};

}  // namespace hebb::testing

#endif  // HEBB_TESTS_TESTING_CUT_DISK_H_

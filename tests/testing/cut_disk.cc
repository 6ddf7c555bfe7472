// SPDX-License-Identifier: Apache-2.0
#include "tests/testing/cut_disk.h"

#include <sqlite3.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "common/check.h"

namespace hebb::testing {
namespace {

constexpr int64_t kSector = 512;

void Apply(const CutDisk::Change& change, std::string& content) {
  if (change.size >= 0) {
    content.resize(static_cast<size_t>(change.size), '\0');
    return;
  }
  const size_t end = static_cast<size_t>(change.offset) + change.data.size();
  if (content.size() < end) content.resize(end, '\0');
  content.replace(static_cast<size_t>(change.offset), change.data.size(), change.data);
}

}  // namespace

// ---- the disk -----------------------------------------------------------------------------------

void CutDisk::CutAt(int64_t operation) {
  const auto lock = Lock();
  operations_ = 0;
  cut_at_ = operation;
}

int64_t CutDisk::operations() const {
  const auto lock = Lock();
  return operations_;
}

bool CutDisk::is_cut() const {
  const auto lock = Lock();
  return cut_;
}

bool CutDisk::Operate() {
  if (cut_) return false;
  ++operations_;
  cut_ = operations_ == cut_at_;
  return !cut_;
}

void CutDisk::Write(Node& node, int64_t offset, const char* data, int64_t bytes) {
  node.changes.push_back({offset, std::string(data, static_cast<size_t>(bytes))});
  Apply(node.changes.back(), node.live);
}

void CutDisk::Truncate(Node& node, int64_t size) {
  node.changes.push_back({0, "", size});
  Apply(node.changes.back(), node.live);
}

void CutDisk::Sync(Node& node) {
  for (const Change& change : node.changes) Apply(change, node.synced);
  node.changes.clear();
}

void CutDisk::SyncFolder() {
  for (const auto& [name, node] : files_) node->is_named = true;
  deleted_.clear();
}

std::shared_ptr<CutDisk::Node> CutDisk::Find(const std::string& name) const {
  const auto found = files_.find(name);
  return found == files_.end() ? nullptr : found->second;
}

std::shared_ptr<CutDisk::Node> CutDisk::Make(const std::string& name) {
  auto node = std::make_shared<Node>();
  if (!name.empty()) files_[name] = node;
  return node;
}

void CutDisk::Delete(const std::string& name, bool durable) {
  const auto found = files_.find(name);
  if (found == files_.end()) return;
  if (found->second->is_named) deleted_[name] = found->second;
  files_.erase(found);
  if (durable) SyncFolder();
}

void CutDisk::Lose(Node& node, Lost lost, std::mt19937_64& random) {
  if (lost == Lost::kAll) node.changes.clear();
  if (lost == Lost::kSome) {
    std::vector<Change> kept;
    for (const Change& change : node.changes) {
      if (change.size >= 0) {
        if (random() % 2 == 0) kept.push_back(change);
        continue;
      }
      // Sector by sector: some arrived, and not in the order of the program.
      const auto bytes = static_cast<int64_t>(change.data.size());
      const bool whole = random() % 2 == 0;
      for (int64_t begin = 0; begin < bytes;) {
        const int64_t next = std::min(bytes, begin + kSector - (change.offset + begin) % kSector);
        if (whole || random() % 2 == 0) {
          kept.push_back(
              {change.offset + begin,
               change.data.substr(static_cast<size_t>(begin), static_cast<size_t>(next - begin))});
        }
        begin = next;
      }
    }
    std::shuffle(kept.begin(), kept.end(), random);
    node.changes = std::move(kept);
  }
  for (const Change& change : node.changes) Apply(change, node.synced);
  node.changes.clear();
  node.live = node.synced;
}

void CutDisk::Restart(Lost lost, uint64_t seed) {
  const auto lock = Lock();
  std::mt19937_64 random(seed);
  const auto stays = [&](bool durable) {
    return durable || lost == Lost::kNone || (lost == Lost::kSome && random() % 2 == 0);
  };
  for (auto& [name, node] : deleted_) {
    if (stays(false) || files_.contains(name)) continue;
    files_[name] = node;  // the deletion was lost
  }
  deleted_.clear();
  for (auto it = files_.begin(); it != files_.end();) {
    Node& node = *it->second;
    HEBB_CHECK(node.handles.empty());
    node.shared.clear();
    if (stays(node.is_named)) {
      Lose(node, lost, random);
      node.is_named = true;
      ++it;
    } else {
      it = files_.erase(it);
    }
  }
  operations_ = cut_at_ = 0;
  cut_ = false;
}

// ---- SQLite's methods ---------------------------------------------------------------------------

namespace {

struct File {
  sqlite3_file base;  // first: SQLite knows only this
  CutDisk::Handle* handle;
};

CutDisk::Handle& Of(sqlite3_file* file) { return *reinterpret_cast<File*>(file)->handle; }

int Close(sqlite3_file* file) {
  CutDisk::Handle* handle = &Of(file);
  {
    const auto lock = handle->disk->Lock();
    handle->node->handles.erase(handle);
    if (!handle->delete_on_close.empty() && handle->disk->Operate()) {
      handle->disk->Delete(handle->delete_on_close, false);
    }
  }
  delete handle;
  return SQLITE_OK;
}

int Read(sqlite3_file* file, void* out, int amount, sqlite3_int64 offset) {
  CutDisk::Handle& handle = Of(file);
  const auto lock = handle.disk->Lock();
  if (!handle.disk->has_power()) return SQLITE_IOERR_READ;
  const std::string& live = handle.node->live;
  const auto size = static_cast<sqlite3_int64>(live.size());
  const sqlite3_int64 there = std::clamp<sqlite3_int64>(size - offset, 0, amount);
  if (there > 0) std::memcpy(out, live.data() + offset, static_cast<size_t>(there));
  std::memset(static_cast<char*>(out) + there, 0, static_cast<size_t>(amount - there));
  return there == amount ? SQLITE_OK : SQLITE_IOERR_SHORT_READ;
}

int Write(sqlite3_file* file, const void* data, int amount, sqlite3_int64 offset) {
  CutDisk::Handle& handle = Of(file);
  const auto lock = handle.disk->Lock();
  const bool power = handle.disk->has_power();
  const bool done = handle.disk->Operate();
  // The write under which the power goes may have reached the disk in part, as may those before it.
  if (power) handle.disk->Write(*handle.node, offset, static_cast<const char*>(data), amount);
  return done ? SQLITE_OK : SQLITE_IOERR_WRITE;
}

int Truncate(sqlite3_file* file, sqlite3_int64 size) {
  CutDisk::Handle& handle = Of(file);
  const auto lock = handle.disk->Lock();
  if (!handle.disk->Operate()) return SQLITE_IOERR_TRUNCATE;
  handle.disk->Truncate(*handle.node, size);
  return SQLITE_OK;
}

int Sync(sqlite3_file* file, int) {
  CutDisk::Handle& handle = Of(file);
  const auto lock = handle.disk->Lock();
  if (!handle.disk->Operate()) return SQLITE_IOERR_FSYNC;
  handle.disk->Sync(*handle.node);
  if (std::exchange(handle.syncs_folder, false)) handle.disk->SyncFolder();
  return SQLITE_OK;
}

int FileSize(sqlite3_file* file, sqlite3_int64* size) {
  CutDisk::Handle& handle = Of(file);
  const auto lock = handle.disk->Lock();
  if (!handle.disk->has_power()) return SQLITE_IOERR_FSTAT;
  *size = static_cast<sqlite3_int64>(handle.node->live.size());
  return SQLITE_OK;
}

// Whether another connection holds `level` or more.
bool OthersHold(const CutDisk::Handle& handle, int level) {
  const auto& all = handle.node->handles;
  return std::any_of(all.begin(), all.end(), [&](const CutDisk::Handle* other) {
    return other != &handle && other->lock >= level;
  });
}

int LockFile(sqlite3_file* file, int level) {
  CutDisk::Handle& handle = Of(file);
  const auto lock = handle.disk->Lock();
  if (handle.lock >= level) return SQLITE_OK;
  if (level == SQLITE_LOCK_SHARED && OthersHold(handle, SQLITE_LOCK_PENDING)) return SQLITE_BUSY;
  if (level >= SQLITE_LOCK_RESERVED && OthersHold(handle, SQLITE_LOCK_RESERVED)) return SQLITE_BUSY;
  if (level == SQLITE_LOCK_EXCLUSIVE && OthersHold(handle, SQLITE_LOCK_SHARED)) {
    handle.lock = SQLITE_LOCK_PENDING;
    return SQLITE_BUSY;
  }
  handle.lock = level;
  return SQLITE_OK;
}

int UnlockFile(sqlite3_file* file, int level) {
  CutDisk::Handle& handle = Of(file);
  const auto lock = handle.disk->Lock();
  handle.lock = std::min(handle.lock, level);
  return SQLITE_OK;
}

int CheckReservedLock(sqlite3_file* file, int* result) {
  CutDisk::Handle& handle = Of(file);
  const auto lock = handle.disk->Lock();
  *result = handle.lock >= SQLITE_LOCK_RESERVED || OthersHold(handle, SQLITE_LOCK_RESERVED);
  return SQLITE_OK;
}

int FileControl(sqlite3_file*, int, void*) { return SQLITE_NOTFOUND; }
int SectorSize(sqlite3_file*) { return 4096; }
// As SQLite's own on Linux: bytes beside a write stay what they are.
int DeviceCharacteristics(sqlite3_file*) { return SQLITE_IOCAP_POWERSAFE_OVERWRITE; }

int ShmMap(sqlite3_file* file, int page, int bytes, int extend, void volatile** out) {
  CutDisk::Handle& handle = Of(file);
  const auto lock = handle.disk->Lock();
  handle.maps = true;
  auto& shared = handle.node->shared;
  *out = nullptr;
  while (extend != 0 && static_cast<int>(shared.size()) <= page) {
    shared.push_back(std::make_unique<char[]>(static_cast<size_t>(bytes)));
  }
  if (page < static_cast<int>(shared.size())) *out = shared[static_cast<size_t>(page)].get();
  return SQLITE_OK;
}

int ShmLock(sqlite3_file* file, int offset, int count, int flags) {
  CutDisk::Handle& handle = Of(file);
  const auto lock = handle.disk->Lock();
  const unsigned slots = ((1u << count) - 1u) << offset;
  const bool exclusive = (flags & SQLITE_SHM_EXCLUSIVE) != 0;
  unsigned& mine = exclusive ? handle.exclusive_slots : handle.shared_slots;
  if ((flags & SQLITE_SHM_UNLOCK) != 0) {
    mine &= ~slots;
    return SQLITE_OK;
  }
  for (const CutDisk::Handle* other : handle.node->handles) {
    if (other == &handle) continue;
    const unsigned taken = other->exclusive_slots | (exclusive ? other->shared_slots : 0u);
    if ((taken & slots) != 0) return SQLITE_BUSY;
  }
  mine |= slots;
  return SQLITE_OK;
}

void ShmBarrier(sqlite3_file* file) { const auto lock = Of(file).disk->Lock(); }

int ShmUnmap(sqlite3_file* file, int) {
  CutDisk::Handle& handle = Of(file);
  const auto lock = handle.disk->Lock();
  handle.maps = false;
  handle.shared_slots = handle.exclusive_slots = 0;
  const auto& all = handle.node->handles;
  const bool used =
      std::any_of(all.begin(), all.end(), [](const CutDisk::Handle* other) { return other->maps; });
  if (!used) handle.node->shared.clear();
  return SQLITE_OK;
}

const sqlite3_io_methods kMethods = {2,
                                     Close,
                                     Read,
                                     Write,
                                     Truncate,
                                     Sync,
                                     FileSize,
                                     LockFile,
                                     UnlockFile,
                                     CheckReservedLock,
                                     FileControl,
                                     SectorSize,
                                     DeviceCharacteristics,
                                     ShmMap,
                                     ShmLock,
                                     ShmBarrier,
                                     ShmUnmap,
                                     nullptr,
                                     nullptr};

CutDisk& DiskOf(sqlite3_vfs* vfs) { return *static_cast<CutDisk*>(vfs->pAppData); }

int Open(sqlite3_vfs* vfs, sqlite3_filename name, sqlite3_file* file, int flags, int* out_flags) {
  CutDisk& disk = DiskOf(vfs);
  file->pMethods = nullptr;  // nothing to close, unless it opens
  const auto lock = disk.Lock();
  if (!disk.has_power()) return SQLITE_CANTOPEN;
  const std::string path = name == nullptr ? "" : name;
  std::shared_ptr<CutDisk::Node> node = disk.Find(path);
  if (node == nullptr) {
    if ((flags & SQLITE_OPEN_CREATE) == 0 || !disk.Operate()) return SQLITE_CANTOPEN;
    node = disk.Make(path);
  }
  auto* handle = new CutDisk::Handle{&disk, node};
  if ((flags & SQLITE_OPEN_DELETEONCLOSE) != 0) handle->delete_on_close = path;
  // As SQLite's own: the first sync of a journal or log, and not that of the database, is one of
  // the folder as well.
  constexpr int kLogs = SQLITE_OPEN_MAIN_JOURNAL | SQLITE_OPEN_SUPER_JOURNAL | SQLITE_OPEN_WAL;
  handle->syncs_folder = (flags & SQLITE_OPEN_CREATE) != 0 && (flags & kLogs) != 0;
  node->handles.insert(handle);
  reinterpret_cast<File*>(file)->handle = handle;
  file->pMethods = &kMethods;
  if (out_flags != nullptr) *out_flags = flags;
  return SQLITE_OK;
}

int DeleteFile(sqlite3_vfs* vfs, const char* name, int sync_folder) {
  CutDisk& disk = DiskOf(vfs);
  const auto lock = disk.Lock();
  if (disk.Find(name) == nullptr) return SQLITE_IOERR_DELETE_NOENT;
  if (!disk.Operate()) return SQLITE_IOERR_DELETE;
  disk.Delete(name, sync_folder != 0);
  return SQLITE_OK;
}

int Access(sqlite3_vfs* vfs, const char* name, int flags, int* result) {
  CutDisk& disk = DiskOf(vfs);
  const auto lock = disk.Lock();
  const auto node = disk.Find(name);
  *result = node != nullptr && (flags != SQLITE_ACCESS_EXISTS || !node->live.empty());
  return SQLITE_OK;
}

int FullPathname(sqlite3_vfs*, const char* name, int size, char* out) {
  sqlite3_snprintf(size, out, "%s", name);
  return SQLITE_OK;
}

}  // namespace

CutDisk::CutDisk() : vfs_(std::make_unique<sqlite3_vfs>(*sqlite3_vfs_find("unix"))) {
  // Time, randomness and sleep stay those of the system.
  vfs_->iVersion = 2;
  vfs_->szOsFile = sizeof(File);
  vfs_->pNext = nullptr;
  vfs_->zName = "cut-disk";
  vfs_->pAppData = this;
  vfs_->xOpen = Open;
  vfs_->xDelete = DeleteFile;
  vfs_->xAccess = Access;
  vfs_->xFullPathname = FullPathname;
  HEBB_CHECK(sqlite3_vfs_register(vfs_.get(), /*makeDflt=*/1) == SQLITE_OK);
}

CutDisk::~CutDisk() { sqlite3_vfs_unregister(vfs_.get()); }

}  // namespace hebb::testing

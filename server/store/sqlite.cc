// SPDX-License-Identifier: Apache-2.0
#include "server/store/sqlite.h"

#include <sqlite3.h>

#include <cmath>
#include <limits>

#include "absl/strings/str_cat.h"
#include "common/log.h"
#include "common/status_macros.h"

namespace hebb::store {
namespace {

// The result codes that an operator can act on; the rest are bugs or broken disks.
absl::Status ToStatus(int result, absl::string_view path, absl::string_view text) {
  const auto line = [&](absl::string_view remedy) {
    return absl::StrCat(path, ": ", text, "; ", remedy);
  };
  switch (result & 0xff) {
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE:
      return absl::OkStatus();
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return absl::UnavailableError(line("another process has it open for writing: end that one"));
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
      return absl::FailedPreconditionError(
          line("the coordinator's user must be able to read and write the file and its folder"));
    case SQLITE_FULL:
      return absl::ResourceExhaustedError(line("free space on its disk"));
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return absl::DataLossError(
          line("restore it from a backup, or move it away to start without its jobs"));
    case SQLITE_CONSTRAINT:
      return absl::InternalError(line("this is a bug in Hebb"));
    default:
      return absl::InternalError(line("look at the disk and the system's log"));
  }
}

absl::Status ErrorOf(sqlite3* connection, int result) {
  const char* file = sqlite3_db_filename(connection, "main");
  return ToStatus(result, file == nullptr ? "" : file, sqlite3_errmsg(connection));
}

}  // namespace

// Many more texts than Hebb has; a bound, should one of them ever hold a value.
constexpr size_t kMaxIdleStatements = 256;

void Statement::GiveBack::operator()(sqlite3_stmt* statement) const {
  if (database->idle_.size() >= kMaxIdleStatements) {
    sqlite3_finalize(statement);
    return;
  }
  sqlite3_reset(statement);
  sqlite3_clear_bindings(statement);
  database->idle_.emplace(sqlite3_sql(statement), statement);
}

void Statement::Note(int result) {
  if (bind_result_ == SQLITE_OK) bind_result_ = result;
}

Statement& Statement::Bind(absl::string_view text) {
  // A null pointer would bind NULL; an empty view may hold one.
  const char* data = text.data() == nullptr ? "" : text.data();
  Note(sqlite3_bind_text64(statement_.get(), next_parameter_++, data, text.size(), SQLITE_TRANSIENT,
                           SQLITE_UTF8));
  return *this;
}

Statement& Statement::Bind(int64_t number) {
  Note(sqlite3_bind_int64(statement_.get(), next_parameter_++, number));
  return *this;
}

Statement& Statement::Bind(double number) {
  Note(sqlite3_bind_double(statement_.get(), next_parameter_++, number));
  return *this;
}

Statement& Statement::Bind(std::optional<double> number) {
  return number.has_value() ? Bind(*number) : BindNull();
}

Statement& Statement::Bind(absl::Time time) {
  if (time == absl::InfiniteFuture() || time == absl::InfinitePast()) return BindNull();
  return Bind(int64_t{absl::ToUnixNanos(time)});
}

Statement& Statement::BindNull() {
  Note(sqlite3_bind_null(statement_.get(), next_parameter_++));
  return *this;
}

Statement& Statement::BindIfAsked(absl::string_view text) {
  const std::string name = absl::StrCat("?", next_parameter_);
  if (sqlite3_bind_parameter_index(statement_.get(), name.c_str()) != 0) return Bind(text);
  ++next_parameter_;
  return *this;
}

absl::StatusOr<bool> Statement::Step() {
  sqlite3* connection = sqlite3_db_handle(statement_.get());
  if (bind_result_ != SQLITE_OK) return ErrorOf(connection, bind_result_);
  next_column_ = 0;
  const int result = sqlite3_step(statement_.get());
  if (result == SQLITE_ROW) return true;
  if (result == SQLITE_DONE) return false;
  return ErrorOf(connection, result);
}

absl::Status Statement::Run() {
  HEBB_ASSIGN_OR_RETURN(const bool row, Step());
  if (row) return absl::InternalError("a statement that must not give rows gave one");
  return absl::OkStatus();
}

void Statement::Reset() {
  sqlite3_reset(statement_.get());
  sqlite3_clear_bindings(statement_.get());
  next_parameter_ = 1;
  bind_result_ = SQLITE_OK;
}

std::string Statement::TakeText() {
  const int column = next_column_++;
  const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement_.get(), column));
  if (text == nullptr) return "";
  return std::string(text, static_cast<size_t>(sqlite3_column_bytes(statement_.get(), column)));
}

int64_t Statement::TakeInt() { return sqlite3_column_int64(statement_.get(), next_column_++); }

double Statement::TakeReal() {
  return TakeOptionalReal().value_or(std::numeric_limits<double>::quiet_NaN());
}

std::optional<double> Statement::TakeOptionalReal() {
  const int column = next_column_++;
  if (sqlite3_column_type(statement_.get(), column) == SQLITE_NULL) return std::nullopt;
  return sqlite3_column_double(statement_.get(), column);
}

absl::Time Statement::TakeTime(absl::Time if_null) {
  const int column = next_column_++;
  if (sqlite3_column_type(statement_.get(), column) == SQLITE_NULL) return if_null;
  return absl::FromUnixNanos(sqlite3_column_int64(statement_.get(), column));
}

void Database::Close::operator()(sqlite3* connection) const { sqlite3_close_v2(connection); }

absl::StatusOr<std::unique_ptr<Database>> Database::Open(const std::string& path,
                                                         absl::Duration busy_timeout) {
  sqlite3* connection = nullptr;
  const int flags =
      SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  const int result = sqlite3_open_v2(path.c_str(), &connection, flags, nullptr);
  // SQLite hands out a connection to close even when it could not open.
  std::unique_ptr<Database> database(new Database(path, connection));
  if (result != SQLITE_OK) {
    return ToStatus(result, path, connection ? sqlite3_errmsg(connection) : sqlite3_errstr(result));
  }
  sqlite3_busy_timeout(connection, static_cast<int>(absl::ToInt64Milliseconds(busy_timeout)));
  if (sqlite3_db_readonly(connection, "main") == 1) {
    return ToStatus(SQLITE_READONLY, path, sqlite3_errstr(SQLITE_READONLY));
  }
  HEBB_RETURN_IF_ERROR(
      database->Execute("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
                        "PRAGMA foreign_keys = ON; PRAGMA cache_size = -8192;"
                        "PRAGMA wal_autocheckpoint = 4000;"));
  return database;
}

Database::~Database() {
  for (const auto& [sql, statement] : idle_) sqlite3_finalize(statement);
}

absl::StatusOr<Statement> Database::Prepare(absl::string_view sql) {
  const auto kept = idle_.find(std::string_view(sql.data(), sql.size()));
  if (kept != idle_.end()) {
    sqlite3_stmt* const statement = kept->second;
    idle_.erase(kept);
    return Statement(statement, *this);
  }
  sqlite3_stmt* statement = nullptr;
  const int result = sqlite3_prepare_v3(connection_.get(), sql.data(), static_cast<int>(sql.size()),
                                        SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
  if (result != SQLITE_OK) return ToStatus(result, path_, sqlite3_errmsg(connection_.get()));
  return Statement(statement, *this);
}

absl::Status Database::Run(absl::string_view sql) {
  HEBB_ASSIGN_OR_RETURN(Statement statement, Prepare(sql));
  return statement.Run();
}

bool Database::InTransaction() const { return sqlite3_get_autocommit(connection_.get()) == 0; }

absl::Status Database::Execute(const std::string& sql) {
  const int result = sqlite3_exec(connection_.get(), sql.c_str(), nullptr, nullptr, nullptr);
  if (result == SQLITE_OK) return absl::OkStatus();
  return ToStatus(result, path_, sqlite3_errmsg(connection_.get()));
}

absl::StatusOr<Transaction> Transaction::Begin(Database& database) {
  HEBB_RETURN_IF_ERROR(database.Run("BEGIN IMMEDIATE"));
  return Transaction(database);
}

Transaction::Transaction(Transaction&& other) noexcept
    : database_(std::exchange(other.database_, nullptr)) {}

Transaction::~Transaction() {
  if (database_ == nullptr || !database_->InTransaction()) return;
  const absl::Status status = database_->Run("ROLLBACK");
  if (!status.ok()) LogWarning("rollback", {{"cause", std::string(status.message())}});
}

absl::Status Transaction::Commit() {
  HEBB_RETURN_IF_ERROR(database_->Run("COMMIT"));
  database_ = nullptr;
  return absl::OkStatus();
}

}  // namespace hebb::store

// SPDX-License-Identifier: Apache-2.0
// SQLite behind three small classes that speak absl::Status. The only file pair that knows
// sqlite3.h.
#ifndef HEBB_SERVER_STORE_SQLITE_H_
#define HEBB_SERVER_STORE_SQLITE_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

struct sqlite3;
struct sqlite3_stmt;

namespace hebb::store {

class Database;

// A prepared statement. Parameters are bound and columns taken from left to right, so that one
// list of columns serves all statements of a table. One thread at a time; must not outlive its
// Database, which keeps it for the next user of the same text.
//
// Times are nanoseconds since 1970; an infinite one is NULL. NaN is NULL (SQLite has no NaN).
class Statement {
 public:
  Statement& Bind(absl::string_view text);
  Statement& Bind(int64_t number);
  Statement& Bind(double number);
  Statement& Bind(std::optional<double> number);
  Statement& Bind(absl::Time time);
  Statement& BindNull();
  // For a parameter with a number that a statement has only sometimes: nothing where it has not.
  Statement& BindIfAsked(absl::string_view text);

  // True: a row is there and is taken from its first column. An error of a Bind shows here.
  absl::StatusOr<bool> Step();
  // For statements that give no rows.
  absl::Status Run();
  // Ready to be bound and run again.
  void Reset();

  std::string TakeText();
  int64_t TakeInt();
  double TakeReal();  // NaN for NULL
  std::optional<double> TakeOptionalReal();
  absl::Time TakeTime(absl::Time if_null);

 private:
  friend class Database;
  struct GiveBack {
    Database* database = nullptr;
    void operator()(sqlite3_stmt* statement) const;
  };
  Statement(sqlite3_stmt* statement, Database& database) : statement_(statement, {&database}) {}
  void Note(int result);

  std::unique_ptr<sqlite3_stmt, GiveBack> statement_;
  int next_parameter_ = 1;
  int next_column_ = 0;
  int bind_result_ = 0;
};

// A connection. One thread at a time.
class Database {
 public:
  // Opens or creates `path` with WAL, synchronous=FULL and foreign keys. Waits at most
  // `busy_timeout` for a lock, here and later. FAILED_PRECONDITION: not readable and writable;
  // UNAVAILABLE: locked; DATA_LOSS: damaged or no database; RESOURCE_EXHAUSTED: disk full. Each
  // names the file and the remedy.
  static absl::StatusOr<std::unique_ptr<Database>> Open(const std::string& path,
                                                        absl::Duration busy_timeout);

  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  // One statement. It is compiled once and then kept, so `sql` must be one of a few texts whose
  // values are parameters.
  absl::StatusOr<Statement> Prepare(absl::string_view sql);
  // Prepare and Run, for a statement without parameters.
  absl::Status Run(absl::string_view sql);
  // One or several statements without parameters; their rows are dropped.
  absl::Status Execute(const std::string& sql);

  // Whether a transaction is open. Some errors (a full disk) end it.
  bool InTransaction() const;

 private:
  friend struct Statement::GiveBack;
  struct Close {
    void operator()(sqlite3* connection) const;
  };
  Database(std::string path, sqlite3* connection)
      : path_(std::move(path)), connection_(connection) {}

  const std::string path_;
  std::unique_ptr<sqlite3, Close> connection_;
  // Not in use. The keys are the texts that the statements hold themselves.
  std::unordered_multimap<std::string_view, sqlite3_stmt*> idle_;
};

// BEGIN IMMEDIATE ... COMMIT: the one writer. Rolled back when dropped without Commit.
class Transaction {
 public:
  static absl::StatusOr<Transaction> Begin(Database& database);
  Transaction(Transaction&& other) noexcept;
  Transaction& operator=(Transaction&&) = delete;
  ~Transaction();
  absl::Status Commit();

 private:
  explicit Transaction(Database& database) : database_(&database) {}
  Database* database_;  // null when over
};

}  // namespace hebb::store

#endif  // HEBB_SERVER_STORE_SQLITE_H_

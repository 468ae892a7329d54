#include "access/database.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sqlite3.h>
#include <unistd.h>

#include "base/check.h"

namespace holdfast {

namespace {

constexpr int kBusyMilliseconds = 5000;

tl::unexpected<Error> database_failed(sqlite3* db) {
  const int code = sqlite3_errcode(db);
  const bool broken = code == SQLITE_CORRUPT || code == SQLITE_NOTADB;
  const char* file = sqlite3_db_filename(db, "main");
  return fail(broken ? Code::kCorrupt : Code::kUnavailable,
              fmt::format("the state's database: {}", sqlite3_errmsg(db)),
              file != nullptr ? file : "");
}

}  // namespace

void Statement::Finalize::operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
void Database::Close::operator()(sqlite3* db) const { sqlite3_close_v2(db); }

Statement& Statement::bind(int64_t value) {
  CHECK(sqlite3_bind_int64(statement_.get(), next_++, value) == SQLITE_OK);
  return *this;
}

Statement& Statement::bind(std::string_view value) {
  CHECK(sqlite3_bind_text(statement_.get(), next_++, value.data(), static_cast<int>(value.size()),
                          SQLITE_TRANSIENT) == SQLITE_OK);
  return *this;
}

Statement& Statement::bind_bytes(std::string_view value) {
  CHECK(sqlite3_bind_blob(statement_.get(), next_++, value.data(), static_cast<int>(value.size()),
                          SQLITE_TRANSIENT) == SQLITE_OK);
  return *this;
}

Result<bool> Statement::step() {
  const int code = sqlite3_step(statement_.get());
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  return database_failed(db_);
}

Status Statement::run() {
  for (;;) {
    ASSIGN_OR_RETURN(const bool more, step());
    if (!more) return {};
  }
}

int64_t Statement::integer(int column) const {
  return sqlite3_column_int64(statement_.get(), column);
}

std::string Statement::text(int column) const {
  const void* data = sqlite3_column_blob(statement_.get(), column);
  const int size = sqlite3_column_bytes(statement_.get(), column);
  return data == nullptr ? std::string()
                         : std::string(static_cast<const char*>(data), static_cast<size_t>(size));
}

Result<Database> Database::open(const std::string& path) {
  // SQLite would make the file readable for others; its WAL takes this file's rights. Only a file
  // that is new is opened here: closing any descriptor of one in use drops this process's locks on
  // it (POSIX), and another process would then clear away the WAL under us.
  const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (file >= 0) close(file);
  sqlite3* raw = nullptr;
  const int code =
      sqlite3_open_v2(path.c_str(), &raw, SQLITE_OPEN_READWRITE | SQLITE_OPEN_FULLMUTEX, nullptr);
  Database database;
  database.db_.reset(raw);
  if (code != SQLITE_OK) {
    return raw != nullptr ? Result<Database>(database_failed(raw))
                          : fail(Code::kUnavailable, "no memory for the state's database", path);
  }
  sqlite3_busy_timeout(raw, kBusyMilliseconds);
  RETURN_IF_ERROR(
      database.run("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
                   "PRAGMA foreign_keys=ON; PRAGMA trusted_schema=OFF;"));
  return database;
}

Result<Statement> Database::prepare(std::string_view sql) {
  sqlite3_stmt* statement = nullptr;
  if (sqlite3_prepare_v2(db_.get(), sql.data(), static_cast<int>(sql.size()), &statement,
                         nullptr) != SQLITE_OK) {
    return database_failed(db_.get());
  }
  return Statement(db_.get(), statement);
}

Status Database::run(std::string_view sql) {
  if (sqlite3_exec(db_.get(), std::string(sql).c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) {
    return database_failed(db_.get());
  }
  return {};
}

int64_t Database::changes() const { return sqlite3_changes64(db_.get()); }

}  // namespace holdfast

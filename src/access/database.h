// SQLite, as little of it as the house needs: statements with numbered parameters.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

struct sqlite3;
struct sqlite3_stmt;

namespace holdfast {

class Database;

// A prepared statement in use. Values are bound in order, then step() goes through the rows.
class Statement {
 public:
  Statement& bind(int64_t value);
  Statement& bind(std::string_view value);  // text
  Statement& bind_bytes(std::string_view value);

  Result<bool> step();  // true: a row; false: done
  Status run();         // to the end

  int64_t integer(int column) const;
  std::string text(int column) const;  // also bytes

 private:
  friend class Database;
  Statement(sqlite3* db, sqlite3_stmt* statement) : db_(db), statement_(statement) {}
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const;
  };
  sqlite3* db_;
  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
  int next_ = 1;
};

// One connection; used by one thread at a time.
class Database {
 public:
  // Opens or makes the file, for its owner alone, in WAL mode: readers never wait.
  static Result<Database> open(const std::string& path);

  Result<Statement> prepare(std::string_view sql);
  Status run(std::string_view sql);  // one or several statements without parameters

  int64_t changes() const;  // rows the last statement changed

 private:
  struct Close {
    void operator()(sqlite3* db) const;
  };
  std::unique_ptr<sqlite3, Close> db_;
};

}  // namespace holdfast

// Answers of the Responses API that clients may refer to later. In memory, bounded, and gone when
// the server ends: what people said is on no disk.
#pragma once

#include <cstdint>
#include <list>
#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "access/caller.h"

namespace holdfast {

struct StoredResponse {
  std::string id, response;  // the object as it was given, JSON
  std::string messages;      // the conversation with its answer, a JSON array of chat messages
};

// Thread-safe. Each sees what it stored itself.
class ResponseStore {
 public:
  // The oldest of a tenant go first, and the oldest of the largest tenant when all are too many.
  explicit ResponseStore(size_t bytes_of_tenant = 64u << 20, size_t bytes = 256u << 20)
      : bytes_of_tenant_(bytes_of_tenant), bytes_(bytes) {}

  // What does not fit is not kept.
  void put(const Caller& caller, StoredResponse response);
  std::optional<StoredResponse> find(const Caller& caller, std::string_view id) const;
  bool erase(const Caller& caller, std::string_view id);

 private:
  struct Entry {
    std::string owner;
    StoredResponse stored;
    size_t bytes() const;
  };
  struct Shelf {  // a tenant's, oldest first
    std::list<Entry> entries;
    size_t bytes = 0;
  };

  void drop(Shelf& shelf, std::list<Entry>::iterator entry);
  static std::list<Entry>::iterator find_in(Shelf& shelf, const Caller& caller,
                                            std::string_view id);

  const size_t bytes_of_tenant_, bytes_;
  mutable std::mutex mutex_;
  mutable std::map<std::string, Shelf> shelves_;  // by tenant, or by name for those without
  size_t used_ = 0;
};

}  // namespace holdfast

#include "server/response_store.h"

#include <algorithm>

namespace holdfast {

namespace {

// Names do not collide with tenants': a tenant's shelf begins with 't', a lone user's with 'u'.
std::string shelf_of(const Caller& caller) {
  return caller.tenant.empty() ? "u/" + caller.name : "t/" + caller.tenant;
}

}  // namespace

size_t ResponseStore::Entry::bytes() const {
  return sizeof(Entry) + owner.size() + stored.id.size() + stored.response.size() +
         stored.messages.size();
}

void ResponseStore::drop(Shelf& shelf, std::list<Entry>::iterator entry) {
  shelf.bytes -= entry->bytes();
  used_ -= entry->bytes();
  shelf.entries.erase(entry);
}

std::list<ResponseStore::Entry>::iterator ResponseStore::find_in(Shelf& shelf, const Caller& caller,
                                                                 std::string_view id) {
  return std::find_if(shelf.entries.begin(), shelf.entries.end(), [&](const Entry& entry) {
    return entry.stored.id == id && entry.owner == caller.name;
  });
}

void ResponseStore::put(const Caller& caller, StoredResponse response) {
  Entry entry{caller.name, std::move(response)};
  const size_t bytes = entry.bytes();
  if (bytes > std::min(bytes_of_tenant_, bytes_)) return;
  const std::lock_guard lock(mutex_);
  Shelf& shelf = shelves_[shelf_of(caller)];
  while (shelf.bytes + bytes > bytes_of_tenant_) drop(shelf, shelf.entries.begin());
  shelf.bytes += bytes;
  used_ += bytes;
  shelf.entries.push_back(std::move(entry));
  while (used_ > bytes_) {
    const auto largest = std::max_element(
        shelves_.begin(), shelves_.end(),
        [](const auto& a, const auto& b) { return a.second.bytes < b.second.bytes; });
    drop(largest->second, largest->second.entries.begin());
  }
}

std::optional<StoredResponse> ResponseStore::find(const Caller& caller, std::string_view id) const {
  const std::lock_guard lock(mutex_);
  const auto shelf = shelves_.find(shelf_of(caller));
  if (shelf == shelves_.end()) return std::nullopt;
  const auto entry = find_in(shelf->second, caller, id);
  if (entry == shelf->second.entries.end()) return std::nullopt;
  return entry->stored;
}

bool ResponseStore::erase(const Caller& caller, std::string_view id) {
  const std::lock_guard lock(mutex_);
  const auto shelf = shelves_.find(shelf_of(caller));
  if (shelf == shelves_.end()) return false;
  const auto entry = find_in(shelf->second, caller, id);
  if (entry == shelf->second.entries.end()) return false;
  drop(shelf->second, entry);
  return true;
}

}  // namespace holdfast

#include "base/paged_bytes.h"

#include <map>
#include <mutex>
#include <shared_mutex>

namespace holdfast {
namespace {

struct Owners {
  std::shared_mutex mutex;
  struct Range {
    const std::byte* end;
    PagedBytes* owner;
  };
  std::map<const std::byte*, Range> ranges;  // by their beginning
};
Owners& owners() {
  static auto* const all = new Owners;  // outlives every static file
  return *all;
}

// The owner lives at least as long as the caller may use its bytes.
PagedBytes* owner_of(std::span<const std::byte> bytes) {
  if (bytes.empty()) return nullptr;
  const std::shared_lock lock(owners().mutex);
  auto it = owners().ranges.upper_bound(bytes.data());
  if (it == owners().ranges.begin()) return nullptr;
  --it;
  return bytes.data() + bytes.size() <= it->second.end ? it->second.owner : nullptr;
}

}  // namespace

void pin_bytes(std::span<const std::byte> bytes) {
  if (PagedBytes* owner = owner_of(bytes)) owner->pin(bytes);
}

Status load_bytes(std::span<const std::byte> bytes) {
  if (PagedBytes* owner = owner_of(bytes)) return owner->load(bytes);
  return {};
}

Status help_load_bytes(std::span<const std::byte> bytes) {
  if (PagedBytes* owner = owner_of(bytes)) return owner->help_load(bytes);
  return {};
}

void unpin_bytes(std::span<const std::byte> bytes) {
  if (PagedBytes* owner = owner_of(bytes)) owner->unpin(bytes);
}

void own_bytes(std::span<const std::byte> range, PagedBytes* owner) {
  const std::unique_lock lock(owners().mutex);
  owners().ranges[range.data()] = {range.data() + range.size(), owner};
}

void forget_bytes(std::span<const std::byte> range) {
  const std::unique_lock lock(owners().mutex);
  owners().ranges.erase(range.data());
}

}  // namespace holdfast

#include "files/byte_source.h"

#include <cstring>
#include <utility>

#include <fmt/format.h>

#include "base/mapped_file.h"

namespace holdfast {
namespace {

// Both kinds of source hold their bytes in memory; they differ in who owns them.
template <class Owner>
class InMemorySource final : public ByteSource {
 public:
  InMemorySource(std::string name, Owner owner)
      : name_(std::move(name)), owner_(std::move(owner)) {}

  uint64_t size() const override { return bytes().size(); }
  const std::string& name() const override { return name_; }
  std::optional<std::span<const std::byte>> map() const override { return bytes(); }

  Status read(uint64_t offset, std::span<std::byte> out) const override {
    const auto all = bytes();
    if (offset > all.size() || out.size() > all.size() - offset) {
      return fail(Code::kInvalidArgument,
                  fmt::format("{} bytes were wanted and {} are there", out.size(),
                              offset > all.size() ? 0 : all.size() - offset),
                  fmt::format("{}, byte {}", name_, offset));
    }
    if (!out.empty()) std::memcpy(out.data(), all.data() + offset, out.size());
    return {};
  }

 private:
  std::span<const std::byte> bytes() const {
    if constexpr (std::is_same_v<Owner, std::string>) {
      return std::as_bytes(std::span(owner_));
    } else {
      return owner_.bytes();
    }
  }

  std::string name_;
  Owner owner_;
};

}  // namespace

Result<std::shared_ptr<const ByteSource>> open_file(const std::string& path) {
  ASSIGN_OR_RETURN(MappedFile file, MappedFile::open(path));
  return std::make_shared<const InMemorySource<MappedFile>>(path, std::move(file));
}

std::shared_ptr<const ByteSource> memory_source(std::string name, std::string bytes) {
  return std::make_shared<const InMemorySource<std::string>>(std::move(name), std::move(bytes));
}

}  // namespace holdfast

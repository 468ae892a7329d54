// Parsing of a GGUF header. Every count, length and offset comes from outside: each is checked
// against what is left of the file before anything is allocated or skipped by it.

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

#include <fmt/format.h>

#include "base/paged_bytes.h"
#include "files/describe.h"
#include "files/gguf.h"

namespace holdfast {
namespace {

constexpr uint32_t kMagic = 0x46554747;  // "GGUF"
constexpr int kDeepestArray = 4;
constexpr uint64_t kStep = 1 << 20;                  // by which a header is brought into memory
constexpr uint64_t kSmallestPair = 8 + 4 + 1;        // key length, type, one byte
constexpr uint64_t kSmallestTensor = 8 + 4 + 4 + 8;  // name length, rank, type, offset
constexpr char kDamaged[] = "The file is damaged or incomplete; fetch it again";

// The least an element takes: a string has its length, an array its type and count.
uint64_t element_bytes(GgufType type) {
  if (type == GgufType::kString) return 8;
  if (type == GgufType::kArray) return 12;
  return gguf_type_bytes(type);
}

}  // namespace

class GgufParser {
 public:
  explicit GgufParser(Gguf& gguf) : gguf_(gguf), all_(gguf.contents) {}

  Status run() {
    RETURN_IF_ERROR(header());
    for (uint64_t i = 0; i < pair_count_; ++i) RETURN_IF_ERROR(pair());
    RETURN_IF_ERROR(read_alignment());
    for (uint64_t i = 0; i < tensor_count_; ++i) RETURN_IF_ERROR(tensor());
    return data();
  }

 private:
  uint64_t left() const { return all_.size() - at_; }

  // The next `count` <= left() bytes are in memory, with all before them.
  Status reach(uint64_t count) {
    if (at_ + count <= reached_) return {};
    const uint64_t end = std::min<uint64_t>(all_.size(), std::max(at_ + count, reached_ + kStep));
    RETURN_IF_ERROR(fetch_bytes(all_.subspan(reached_, end - reached_)));
    reached_ = end;
    return {};
  }

  tl::unexpected<Error> corrupt(std::string message) const {
    return corrupt(std::move(message), at_);
  }
  tl::unexpected<Error> corrupt(std::string message, uint64_t offset) const {
    return fail(Code::kCorrupt, std::move(message), at_byte(gguf_.file(), offset), kDamaged);
  }

  template <class T>
  Result<T> take(std::string_view what) {
    if (left() < sizeof(T)) return corrupt(fmt::format("the file ends inside {}", what));
    RETURN_IF_ERROR(reach(sizeof(T)));
    T value;
    std::memcpy(&value, all_.data() + at_, sizeof value);
    at_ += sizeof value;
    return value;
  }

  Result<std::string_view> take_string(std::string_view what) {
    const uint64_t start = at_;
    ASSIGN_OR_RETURN(const auto length, take<uint64_t>(what));
    if (length > left()) {
      return corrupt(fmt::format("{} is said to be {} bytes long; {} are left in the file", what,
                                 length, left()),
                     start);
    }
    RETURN_IF_ERROR(reach(length));
    const auto* text = reinterpret_cast<const char*>(all_.data() + at_);
    at_ += length;
    return std::string_view(text, length);
  }

  Status header() {
    if (all_.size() < 4) return corrupt("the file is too short to be a GGUF file");
    ASSIGN_OR_RETURN(const auto magic, take<uint32_t>("the header"));
    if (magic != kMagic)
      return fail(Code::kCorrupt, "not a GGUF file: it does not begin with 'GGUF'",
                  at_byte(gguf_.file(), 0), "Name a .gguf file or a Hugging Face directory");
    ASSIGN_OR_RETURN(gguf_.version, take<uint32_t>("the header"));
    if ((gguf_.version & 0xffff) == 0 && gguf_.version != 0) {
      return fail(Code::kUnimplemented, "the file is big-endian; only little-endian GGUF is read",
                  at_byte(gguf_.file(), 4), "Fetch the little-endian file of the same model");
    }
    if (gguf_.version != 2 && gguf_.version != 3) {
      return fail(Code::kUnimplemented,
                  fmt::format("GGUF version {}; versions 2 and 3 are read", gguf_.version),
                  at_byte(gguf_.file(), 4), "Convert the model again with a current tool");
    }
    ASSIGN_OR_RETURN(tensor_count_, take<uint64_t>("the header"));
    ASSIGN_OR_RETURN(pair_count_, take<uint64_t>("the header"));
    if (pair_count_ > left() / kSmallestPair) {
      return corrupt(fmt::format("{} keys cannot fit into the {} bytes left", pair_count_, left()),
                     16);
    }
    if (tensor_count_ > left() / kSmallestTensor) {
      return corrupt(
          fmt::format("{} tensors cannot fit into the {} bytes left", tensor_count_, left()), 8);
    }
    gguf_.pairs.reserve(pair_count_);
    gguf_.tensors.reserve(tensor_count_);
    return {};
  }

  Result<GgufType> take_type(const std::string& what) {
    const uint64_t start = at_;
    ASSIGN_OR_RETURN(const auto type, take<uint32_t>(what));
    if (type >= kGgufTypes)
      return corrupt(fmt::format("{} has the unknown value type {}", what, type), start);
    return static_cast<GgufType>(type);
  }

  Status pair() {
    const uint64_t start = at_;
    ASSIGN_OR_RETURN(const auto key, take_string(fmt::format("key {}", gguf_.pairs.size())));
    if (key.empty()) return corrupt("a key without a name", start);
    const std::string what = fmt::format("key '{}'", printable(key));
    ASSIGN_OR_RETURN(const GgufType type, take_type(what));
    GgufPair pair{key, {}};
    RETURN_IF_ERROR(value(type, what, pair.value));
    if (!gguf_.keys_.emplace(key, gguf_.pairs.size()).second)
      return corrupt(what + " comes twice", start);
    gguf_.pairs.push_back(pair);
    return {};
  }

  Status value(GgufType type, const std::string& what, GgufValue& out) {
    out.type = type;
    out.offset = at_;
    if (type == GgufType::kString) {
      ASSIGN_OR_RETURN(const auto text, take_string(what));
      out.bytes = std::as_bytes(std::span(text));
      return {};
    }
    if (type == GgufType::kArray) {
      ASSIGN_OR_RETURN(out.element, take_type(what));
      ASSIGN_OR_RETURN(out.count, take<uint64_t>(what));
      const uint64_t begin = at_;
      RETURN_IF_ERROR(elements(out.element, out.count, what, 1));
      out.bytes = all_.subspan(begin, at_ - begin);
      return {};
    }
    RETURN_IF_ERROR(elements(type, 1, what, 0));
    out.bytes = all_.subspan(out.offset, at_ - out.offset);
    return {};
  }

  // Steps over `count` values of `type`, checking each.
  Status elements(GgufType type, uint64_t count, const std::string& what, int depth) {
    if (count > left() / element_bytes(type)) {
      return corrupt(fmt::format("{}: {} values of type {} cannot fit into the {} bytes left", what,
                                 count, gguf_type_name(type), left()));
    }
    if (type == GgufType::kString) {
      for (uint64_t i = 0; i < count; ++i) RETURN_IF_ERROR(take_string(what));
    } else if (type == GgufType::kArray) {
      if (depth >= kDeepestArray) return corrupt(what + ": arrays inside arrays, too deep");
      for (uint64_t i = 0; i < count; ++i) {
        ASSIGN_OR_RETURN(const GgufType inner, take_type(what));
        ASSIGN_OR_RETURN(const auto inner_count, take<uint64_t>(what));
        RETURN_IF_ERROR(elements(inner, inner_count, what, depth + 1));
      }
    } else {
      RETURN_IF_ERROR(reach(count * element_bytes(type)));
      if (type == GgufType::kBool) {
        for (uint64_t i = 0; i < count; ++i) {
          if (std::to_integer<unsigned>(all_[at_ + i]) > 1)
            return corrupt(what + ": a truth value that is neither 0 nor 1", at_ + i);
        }
      }
      at_ += count * element_bytes(type);
    }
    return {};
  }

  Status read_alignment() {
    const GgufValue* value = gguf_.find("general.alignment");
    if (value == nullptr) return {};
    const auto alignment = value->integer();
    if (!alignment || *alignment <= 0 || *alignment > (1 << 30) ||
        !std::has_single_bit(static_cast<uint64_t>(*alignment))) {
      return corrupt("key 'general.alignment' is not a power of two below 2^30", value->offset);
    }
    gguf_.alignment = static_cast<uint64_t>(*alignment);
    return {};
  }

  Status tensor() {
    const uint64_t start = at_;
    ASSIGN_OR_RETURN(const auto name,
                     take_string(fmt::format("the name of tensor {}", gguf_.tensors.size())));
    const std::string what = fmt::format("tensor '{}'", printable(name));
    if (name.empty()) return corrupt("a tensor without a name", start);
    ASSIGN_OR_RETURN(const auto rank, take<uint32_t>(what));
    if (rank > 4) return corrupt(fmt::format("{} has {} dimensions; 4 are possible", what, rank));
    GgufTensor tensor{name, DType::kF32, {}, 0, 0};
    tensor.shape.rank = static_cast<int>(rank);
    uint64_t elements = 1;
    for (uint32_t i = 0; i < rank; ++i) {
      ASSIGN_OR_RETURN(const auto dim, take<uint64_t>(what));
      // A value takes at least 1/8 byte, so this also keeps `elements` far from overflow.
      if (dim > INT64_MAX / 64 || (dim != 0 && elements > INT64_MAX / 64 / dim))
        return corrupt(fmt::format("{} has an impossible dimension {}", what, dim), at_ - 8);
      elements *= dim;
      tensor.shape.dims[rank - 1 - i] = static_cast<int64_t>(dim);
    }
    ASSIGN_OR_RETURN(const auto type, take<uint32_t>(what));
    const DTypeInfo* info = type < 1000 ? find_dtype(type) : nullptr;
    if (info == nullptr) {
      const auto removed = removed_dtype_name(type);
      if (!removed.empty()) {
        return fail(
            Code::kUnimplemented,
            fmt::format("{} is of type {} ({}), which the format has dropped", what, removed, type),
            at_byte(gguf_.file(), at_ - 4), "Convert the model again with a current tool");
      }
      return corrupt(fmt::format("{} is of the unknown type {}", what, type), at_ - 4);
    }
    tensor.type = info->type;
    const int64_t cols = rank == 0 ? 1 : tensor.shape[static_cast<int>(rank) - 1];
    if (cols % info->block_size != 0) {
      return corrupt(fmt::format("{} has rows of {} values; type {} needs a multiple of {}", what,
                                 cols, info->name, info->block_size),
                     start);
    }
    tensor.bytes = elements / info->block_size * info->block_bytes;
    ASSIGN_OR_RETURN(tensor.offset, take<uint64_t>(what));
    if (tensor.offset % gguf_.alignment != 0) {
      return corrupt(fmt::format("{} begins at {}, which is not a multiple of the alignment {}",
                                 what, tensor.offset, gguf_.alignment),
                     at_ - 8);
    }
    if (!gguf_.names_.emplace(name, gguf_.tensors.size()).second)
      return corrupt(what + " comes twice", start);
    gguf_.tensors.push_back(tensor);
    return {};
  }

  // The data begins at the next multiple of the alignment; every tensor must lie inside the file.
  Status data() {
    const uint64_t padding = (gguf_.alignment - at_ % gguf_.alignment) % gguf_.alignment;
    gguf_.data_offset = at_ + padding;
    for (GgufTensor& tensor : gguf_.tensors) {
      const uint64_t room = gguf_.data_offset <= all_.size() ? all_.size() - gguf_.data_offset : 0;
      if (tensor.offset > room || tensor.bytes > room - tensor.offset) {
        return corrupt(fmt::format("tensor '{}' ({} {}) needs {} bytes; the file has {} there",
                                   printable(tensor.name), dtype_info(tensor.type).name,
                                   shape_text(tensor.shape), tensor.bytes,
                                   tensor.offset > room ? 0 : room - tensor.offset),
                       gguf_.data_offset + std::min(tensor.offset, UINT64_MAX - gguf_.data_offset));
      }
      tensor.offset += gguf_.data_offset;
    }
    return {};
  }

  Gguf& gguf_;
  std::span<const std::byte> all_;
  uint64_t at_ = 0;
  uint64_t reached_ = 0;  // what is in memory, from the beginning
  uint64_t pair_count_ = 0, tensor_count_ = 0;
};

Result<std::shared_ptr<const Gguf>> Gguf::parse(std::shared_ptr<const ByteSource> source) {
  auto gguf = std::make_shared<Gguf>();
  gguf->source = std::move(source);
  if (const auto mapped = gguf->source->map()) {
    gguf->contents = *mapped;
  } else {
    gguf->owned_.resize(gguf->source->size());
    RETURN_IF_ERROR(gguf->source->read(0, gguf->owned_));
    gguf->contents = gguf->owned_;
  }
  RETURN_IF_ERROR(GgufParser(*gguf).run());
  return gguf;
}

const GgufValue* Gguf::find(std::string_view key) const {
  const auto it = keys_.find(key);
  return it == keys_.end() ? nullptr : &pairs[it->second].value;
}

const GgufTensor* Gguf::find_tensor(std::string_view name) const {
  const auto it = names_.find(name);
  return it == names_.end() ? nullptr : &tensors[it->second];
}

}  // namespace holdfast

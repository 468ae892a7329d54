#include "seal/header.h"

#include <algorithm>
#include <cstring>

#include <fmt/format.h>
#include <openssl/crypto.h>

#include "base/digest.h"

namespace holdfast::seal {
namespace {

constexpr uint16_t kVersion = 1;
constexpr std::size_t kSlotsBegin = 48;
constexpr std::size_t kMacBytes = 32;
constexpr std::size_t kMacBegin = kHeaderBytes - kMacBytes;
constexpr char kDamaged[] = "The file is damaged; fetch or restore it again";

template <class T>
void put(uint8_t* at, T value) {
  for (std::size_t i = 0; i < sizeof value; ++i) at[i] = static_cast<uint8_t>(value >> (8 * i));
}
template <class T>
T get(const uint8_t* at) {
  T value = 0;
  for (std::size_t i = 0; i < sizeof value; ++i) value |= static_cast<T>(T{at[i]} << (8 * i));
  return value;
}

// Appends to a slot's body.
class Writer {
 public:
  template <class T>
  void number(T value) {
    uint8_t bytes[sizeof value];
    put(bytes, value);
    out_.insert(out_.end(), bytes, bytes + sizeof value);
  }
  template <class Bytes>
  void bytes(const Bytes& all) {
    out_.insert(out_.end(), std::begin(all), std::end(all));
  }
  void wrapped(const Wrapped& w) {
    bytes(w.nonce);
    bytes(w.sealed);
    bytes(w.tag);
  }
  const std::vector<uint8_t>& out() const { return out_; }

 private:
  std::vector<uint8_t> out_;
};

// Takes from a slot's body; once it has run short, everything is zero and ok() false.
class Reader {
 public:
  explicit Reader(std::span<const uint8_t> left) : left_(left) {}
  template <class T>
  T number() {
    const auto from = take(sizeof(T));
    return from.empty() ? T{0} : get<T>(from.data());
  }
  template <std::size_t N>
  void bytes(std::array<uint8_t, N>& out) {
    const auto from = take(N);
    std::copy(from.begin(), from.end(), out.begin());
  }
  std::string text() {
    const auto from = take(number<uint8_t>());
    return std::string(from.begin(), from.end());
  }
  void wrapped(Wrapped& w) {
    bytes(w.nonce);
    bytes(w.sealed);
    bytes(w.tag);
  }
  bool ended() const { return ok_ && left_.empty(); }

 private:
  std::span<const uint8_t> take(std::size_t count) {
    if (count > left_.size()) {
      ok_ = false;
      left_ = {};
      return {};
    }
    const auto out = left_.first(count);
    left_ = left_.subspan(count);
    return out;
  }
  std::span<const uint8_t> left_;
  bool ok_ = true;
};

std::vector<uint8_t> slot_body(const KeySlot& slot) {
  Writer writer;
  if (const auto* passphrase = std::get_if<PassphraseSlot>(&slot)) {
    writer.bytes(passphrase->salt);
    writer.number(passphrase->cost.passes);
    writer.number(passphrase->cost.memory_kib);
    writer.number(passphrase->cost.lanes);
    writer.wrapped(passphrase->wrapped);
  } else if (const auto* file = std::get_if<KeyFileSlot>(&slot)) {
    writer.bytes(file->key_id);
    writer.wrapped(file->wrapped);
  } else if (const auto* token = std::get_if<TokenSlot>(&slot)) {
    writer.number(static_cast<uint8_t>(token->label.size()));
    writer.bytes(token->label);
    writer.number(static_cast<uint8_t>(token->key_id.size()));
    writer.bytes(token->key_id);
    writer.wrapped(token->wrapped);
  }
  return writer.out();
}

// Nothing for a body that is not exactly one of its kind.
std::optional<KeySlot> read_slot(uint16_t kind, std::span<const uint8_t> body) {
  Reader reader(body);
  KeySlot out;
  switch (kind) {
    case 1: {
      PassphraseSlot slot;
      reader.bytes(slot.salt);
      slot.cost.passes = reader.number<uint32_t>();
      slot.cost.memory_kib = reader.number<uint32_t>();
      slot.cost.lanes = reader.number<uint32_t>();
      reader.wrapped(slot.wrapped);
      if (!sane(slot.cost)) return std::nullopt;
      out = slot;
      break;
    }
    case 2: {
      KeyFileSlot slot;
      reader.bytes(slot.key_id);
      reader.wrapped(slot.wrapped);
      out = slot;
      break;
    }
    case 3: {
      TokenSlot slot;
      slot.label = reader.text();
      slot.key_id = reader.text();
      reader.wrapped(slot.wrapped);
      out = std::move(slot);
      break;
    }
    default:
      return std::nullopt;
  }
  if (!reader.ended()) return std::nullopt;
  return out;
}

std::string_view text(std::span<const uint8_t> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

Digest header_mac(const HeaderBytes& bytes, const Header& header,
                  std::span<const uint8_t> file_key) {
  static constexpr std::string_view kInfo = "holdfast sealed 1 header";
  const Secret key = hkdf(file_key, header.file_id,
                          {reinterpret_cast<const uint8_t*>(kInfo.data()), kInfo.size()});
  return HmacSha256(key.bytes()).update(text(std::span(bytes).first(kMacBegin))).finish();
}

}  // namespace

std::string describe(const KeySlot& slot) {
  if (std::holds_alternative<PassphraseSlot>(slot)) return "a passphrase";
  if (const auto* file = std::get_if<KeyFileSlot>(&slot))
    return "the key file " + to_hex(file->key_id);
  const auto& token = std::get<TokenSlot>(slot);
  std::string label;
  for (const char c : token.label) label += c >= ' ' && c <= '~' ? c : '?';
  const std::span id(reinterpret_cast<const uint8_t*>(token.key_id.data()), token.key_id.size());
  return fmt::format("the token's key '{}' (id {})", label, id.empty() ? "none" : to_hex(id));
}

uint64_t Header::chunks() const {
  return plain_bytes == 0 ? 1 : (plain_bytes + kChunkBytes - 1) / kChunkBytes;
}

uint64_t Header::sealed_bytes() const { return kHeaderBytes + plain_bytes + chunks() * kTagBytes; }

uint64_t Header::chunk_plain_bytes(uint64_t chunk) const {
  return std::min(kChunkBytes, plain_bytes - chunk * kChunkBytes);
}

bool looks_sealed(std::span<const std::byte> beginning) {
  return beginning.size() >= 8 && std::memcmp(beginning.data(), kMagic, 8) == 0;
}

Result<Header> parse_header(const HeaderBytes& bytes, const std::string& file) {
  const auto corrupt = [&](std::string message, std::size_t offset) {
    return fail(Code::kCorrupt, std::move(message), fmt::format("{}, byte {}", file, offset),
                kDamaged);
  };
  const uint8_t* at = bytes.data();
  if (std::memcmp(at, kMagic, 8) != 0)
    return fail(Code::kCorrupt, "not a sealed file: it does not begin with 'HFSEALED'", file,
                "Seal it with holdfast seal");
  const auto version = get<uint16_t>(at + 8);
  if (version != kVersion) {
    return fail(Code::kUnimplemented,
                fmt::format("the sealed format's version is {}; this program reads 1", version),
                file + ", byte 8", "Use the version of Holdfast that sealed it, or a newer one");
  }
  const auto slots = get<uint16_t>(at + 10);
  if (slots < 1 || slots > kMostSlots)
    return corrupt(fmt::format("{} key slots; 1 to {} are possible", slots, kMostSlots), 10);
  if (get<uint32_t>(at + 12) != kChunkBytes) return corrupt("the chunks are not of 1 MiB", 12);
  Header header;
  header.plain_bytes = get<uint64_t>(at + 16);
  if (header.plain_bytes > kMostPlainBytes)
    return corrupt(fmt::format("an impossible length of {} bytes", header.plain_bytes), 16);
  std::copy_n(at + 24, header.file_id.size(), header.file_id.begin());
  std::copy_n(at + 40, kPrefixBytes, header.nonce_prefix.begin());
  if (at[47] != 0) return corrupt("a reserved byte is not zero", 47);
  std::size_t offset = kSlotsBegin;
  for (uint16_t i = 0; i < slots; ++i) {
    if (kMacBegin - offset < 4) return corrupt(fmt::format("key slot {} does not fit", i), offset);
    const auto kind = get<uint16_t>(at + offset);
    const std::size_t length = get<uint16_t>(at + offset + 2);
    if (length > kMacBegin - offset - 4)
      return corrupt(fmt::format("key slot {} does not fit", i), offset);
    auto slot = read_slot(kind, std::span(bytes).subspan(offset + 4, length));
    if (!slot) return corrupt(fmt::format("key slot {} is malformed", i), offset);
    header.slots.push_back(std::move(*slot));
    offset += 4 + length;
  }
  for (; offset < kMacBegin; ++offset) {
    if (at[offset] != 0) return corrupt("a reserved byte is not zero", offset);
  }
  return header;
}

Result<HeaderBytes> write_header(const Header& header, std::span<const uint8_t> file_key) {
  HeaderBytes out{};
  std::memcpy(out.data(), kMagic, 8);
  put(out.data() + 8, kVersion);
  put(out.data() + 10, static_cast<uint16_t>(header.slots.size()));
  put(out.data() + 12, static_cast<uint32_t>(kChunkBytes));
  put(out.data() + 16, header.plain_bytes);
  std::copy(header.file_id.begin(), header.file_id.end(), out.begin() + 24);
  std::copy(header.nonce_prefix.begin(), header.nonce_prefix.end(), out.begin() + 40);
  std::size_t offset = kSlotsBegin;
  if (header.slots.empty() || header.slots.size() > kMostSlots) {
    return fail(Code::kInvalidArgument,
                fmt::format("{} keys; a sealed file has 1 to {}", header.slots.size(), kMostSlots));
  }
  for (const KeySlot& slot : header.slots) {
    const std::vector<uint8_t> body = slot_body(slot);
    if (body.size() + 4 > kMacBegin - offset)
      return fail(Code::kInvalidArgument, "the keys do not fit into the header");
    put(out.data() + offset, static_cast<uint16_t>(slot.index() + 1));
    put(out.data() + offset + 2, static_cast<uint16_t>(body.size()));
    std::copy(body.begin(), body.end(), out.begin() + static_cast<std::ptrdiff_t>(offset) + 4);
    offset += 4 + body.size();
  }
  const Digest mac = header_mac(out, header, file_key);
  std::copy(mac.begin(), mac.end(), out.begin() + kMacBegin);
  return out;
}

bool authentic(const HeaderBytes& bytes, const Header& header, std::span<const uint8_t> file_key) {
  const Digest mac = header_mac(bytes, header, file_key);
  return CRYPTO_memcmp(mac.data(), bytes.data() + kMacBegin, mac.size()) == 0;
}

std::array<uint8_t, 28> slot_context(const FileId& file, std::size_t kind) {
  std::array<uint8_t, 28> out{};
  std::memcpy(out.data(), kMagic, 8);
  put(out.data() + 8, kVersion);
  put(out.data() + 10, static_cast<uint16_t>(kind));
  std::copy(file.begin(), file.end(), out.begin() + 12);
  return out;
}

Secret chunk_key(const Header& header, std::span<const uint8_t> file_key) {
  static constexpr std::string_view kLabel = "holdfast sealed 1 chunks";
  std::array<uint8_t, kLabel.size() + 4 + 8 + kPrefixBytes> info{};
  uint8_t* at = std::copy(kLabel.begin(), kLabel.end(), info.data());
  put(at, static_cast<uint32_t>(kChunkBytes));
  put(at + 4, header.plain_bytes);
  std::copy(header.nonce_prefix.begin(), header.nonce_prefix.end(), at + 12);
  return hkdf(file_key, header.file_id, info);
}

// STREAM (Hoang, Reyhanitabar, Rogaway, Vizár: Online Authenticated-Encryption and its Nonce-Reuse
// Misuse-Resistance, 2015): a chunk's nonce tells its place and whether it is the last.
Nonce chunk_nonce(const Header& header, uint64_t chunk) {
  Nonce nonce{};
  std::copy(header.nonce_prefix.begin(), header.nonce_prefix.end(), nonce.begin());
  for (std::size_t i = 0; i < 4; ++i)
    nonce[kPrefixBytes + i] = static_cast<uint8_t>(chunk >> (8 * (3 - i)));
  nonce[kNonceBytes - 1] = chunk + 1 == header.chunks() ? 1 : 0;
  return nonce;
}

}  // namespace holdfast::seal

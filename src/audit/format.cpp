#include "audit/format.h"

#include <bit>
#include <charconv>
#include <cstring>

#include <fmt/format.h>

#include "base/base64.h"

namespace holdfast::audit {

namespace {

constexpr std::string_view kMagic("HFAUDIT\x01", 8);
constexpr std::string_view kHeaderContext("holdfast audit segment v1\n");
constexpr std::string_view kOrigin("holdfast-audit/");
constexpr char kRecord = 'R', kCheckpoint = 'C';
constexpr size_t kFixedHeader = 8 + 16 + 8 + 8 + 32 + 32;
constexpr size_t kFrameHead = 4 + 1;

template <class T>
void put(T number, std::string& out) {
  for (size_t i = 0; i < sizeof(T); ++i) out += static_cast<char>(number >> (8 * i));
}

template <size_t N>
void put(const std::array<uint8_t, N>& bytes, std::string& out) {
  out.append(reinterpret_cast<const char*>(bytes.data()), N);
}

// Reads from bytes whose number was checked before.
class Cursor {
 public:
  explicit Cursor(std::span<const std::byte> bytes) : at_(bytes.data()) {}
  template <class T>
  T number() {
    T out = 0;
    for (size_t i = 0; i < sizeof(T); ++i) out |= static_cast<T>(static_cast<T>(at_[i]) << (8 * i));
    at_ += sizeof(T);
    return out;
  }
  template <class A>
  A array() {
    A out;
    std::memcpy(out.data(), at_, out.size());
    at_ += out.size();
    return out;
  }
  std::string_view text(size_t size) {
    const std::string_view out(reinterpret_cast<const char*>(at_), size);
    at_ += size;
    return out;
  }

 private:
  const std::byte* at_;
};

// The C2SP signed-note's name for a key: what tells it from others of the same name.
std::array<uint8_t, 4> key_hash(std::string_view name, const PublicKey& key) {
  Sha256 hash;
  hash.update(name).update(std::string_view("\n\x01", 2));
  const Digest digest = hash.update(std::as_bytes(std::span(key))).finish();
  return {digest[0], digest[1], digest[2], digest[3]};
}

std::string origin(const LogId& id) { return std::string(kOrigin) + to_hex(id); }

}  // namespace

std::string SegmentHeader::signed_bytes() const {
  std::string out(kHeaderContext);
  out += kMagic;
  put(log_id, out);
  put(first(), out);
  put(created, out);
  put(chain, out);
  put(key, out);
  for (const Digest& node : before.nodes()) put(node, out);
  return out;
}

std::string SegmentHeader::encode() const {
  std::string out = signed_bytes().substr(kHeaderContext.size());
  put(signature, out);
  return out;
}

Digest record_hash(const Digest& chain, uint64_t number, uint64_t time, std::string_view body) {
  thread_local Sha256 hash;
  std::string numbers;
  put(number, numbers);
  put(time, numbers);
  return hash.update(std::string_view("\0", 1)).update(chain).update(numbers).update(body).finish();
}

void append_record(const Record& record, std::string& out) {
  put(static_cast<uint32_t>(record.body.size()), out);
  out += kRecord;
  put(record.number, out);
  put(record.time, out);
  out += record.body;
  put(record.hash, out);
}

void Checkpoint::append_to(std::string& out) const {
  put(static_cast<uint32_t>(kCheckpointBytes - kFrameHead), out);
  out += kCheckpoint;
  put(size, out);
  put(time, out);
  put(root, out);
  put(signature, out);
}

std::string checkpoint_text(const LogId& log_id, const Checkpoint& checkpoint) {
  return fmt::format("{}\n{}\n{}\ntime {}\n", origin(log_id), checkpoint.size,
                     to_base64(checkpoint.root), checkpoint.time);
}

std::string checkpoint_note(const LogId& log_id, const PublicKey& key,
                            const Checkpoint& checkpoint) {
  const std::string name = origin(log_id);
  const auto id = key_hash(name, key);
  std::vector<uint8_t> signature(id.begin(), id.end());
  signature.insert(signature.end(), checkpoint.signature.begin(), checkpoint.signature.end());
  return fmt::format("{}\n\u2014 {} {}\n", checkpoint_text(log_id, checkpoint), name,
                     to_base64(signature));
}

Result<NamedCheckpoint> parse_checkpoint_note(std::string_view text) {
  const auto wrong = [](std::string_view what) {
    return fail(Code::kCorrupt, fmt::format("this is no checkpoint of an audit log: {}", what), {},
                "'holdfast audit export --checkpoint' writes one");
  };
  const std::string_view whole = text;
  std::vector<std::string_view> lines;
  while (!text.empty() && lines.size() < 16) {
    const size_t end = text.find('\n');
    if (end == std::string_view::npos) return wrong("its last line does not end");
    lines.push_back(text.substr(0, end));
    text.remove_prefix(end + 1);
  }
  if (lines.size() != 6 || !text.empty()) return wrong("it should have six lines");
  NamedCheckpoint out;
  const auto number = [](std::string_view digits, uint64_t& value) {
    const auto [end, ec] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    return ec == std::errc() && end == digits.data() + digits.size();
  };
  if (!lines[0].starts_with(kOrigin)) return wrong("it does not say of which log it is");
  const auto id = from_hex(lines[0].substr(kOrigin.size()));
  if (!id || id->size() != out.log_id.size()) return wrong("the log's name is misspelt");
  std::memcpy(out.log_id.data(), id->data(), id->size());
  const auto root = from_base64(lines[2]);
  if (!number(lines[1], out.checkpoint.size) || !root ||
      root->size() != out.checkpoint.root.size() || !lines[3].starts_with("time ") ||
      !number(lines[3].substr(5), out.checkpoint.time) || !lines[4].empty()) {
    return wrong("its size, root or time is misspelt");
  }
  std::memcpy(out.checkpoint.root.data(), root->data(), root->size());
  const std::string prefix = fmt::format("\u2014 {} ", lines[0]);
  const auto signature =
      lines[5].starts_with(prefix) ? from_base64(lines[5].substr(prefix.size())) : std::nullopt;
  if (!signature || signature->size() != 4 + out.checkpoint.signature.size()) {
    return wrong("its signature is misspelt");
  }
  std::memcpy(out.checkpoint.signature.data(), signature->data() + 4,
              out.checkpoint.signature.size());
  // One text for each checkpoint: no leading zeros, no capital digits.
  if (!whole.starts_with(checkpoint_text(out.log_id, out.checkpoint))) {
    return wrong("it is not written as it is signed");
  }
  return out;
}

Result<SegmentReader> SegmentReader::open(std::span<const std::byte> bytes) {
  if (bytes.size() < kFixedHeader) return fail(Code::kCorrupt, "the header ends early", "byte 0");
  Cursor cursor(bytes);
  if (cursor.text(kMagic.size()) != kMagic) {
    return fail(Code::kCorrupt, "this is no segment of an audit log (version 1)", "byte 0");
  }
  SegmentReader out;
  out.bytes_ = bytes;
  SegmentHeader& header = out.header_;
  header.log_id = cursor.array<LogId>();
  const auto first = cursor.number<uint64_t>();
  header.created = cursor.number<uint64_t>();
  header.chain = cursor.array<Digest>();
  header.key = cursor.array<PublicKey>();
  const auto nodes = static_cast<size_t>(std::popcount(first));
  out.offset_ = kFixedHeader + 32 * nodes + 64;
  if (bytes.size() < out.offset_) return fail(Code::kCorrupt, "the header ends early", "byte 0");
  std::vector<Digest> roots(nodes);
  for (Digest& root : roots) root = cursor.array<Digest>();
  header.before = MerkleFrontier(first, std::move(roots));
  header.signature = cursor.array<Signature>();
  return out;
}

Result<std::variant<Record, Checkpoint>> SegmentReader::next() {
  const auto rest = bytes_.subspan(offset_);
  const auto wrong = [&](std::string_view what) {
    return fail(Code::kCorrupt, std::string(what), fmt::format("byte {}", offset_));
  };
  if (rest.size() < kFrameHead) return wrong("the last frame is not whole");
  Cursor cursor(rest);
  const auto length = cursor.number<uint32_t>();
  const char kind = cursor.text(1)[0];
  if (kind == kCheckpoint) {
    if (length != kCheckpointBytes - kFrameHead) return wrong("a checkpoint of the wrong length");
    if (rest.size() < kCheckpointBytes) return wrong("the last checkpoint is not whole");
    Checkpoint out;
    out.size = cursor.number<uint64_t>();
    out.time = cursor.number<uint64_t>();
    out.root = cursor.array<Digest>();
    out.signature = cursor.array<Signature>();
    offset_ += kCheckpointBytes;
    return out;
  }
  if (kind != kRecord) return wrong("a frame that is neither record nor checkpoint");
  if (length > kMaxBody) return wrong("a record longer than any may be");
  if (rest.size() < kRecordOverhead + length) return wrong("the last record is not whole");
  Record out;
  out.number = cursor.number<uint64_t>();
  out.time = cursor.number<uint64_t>();
  out.body = cursor.text(length);
  out.hash = cursor.array<Digest>();
  offset_ += kRecordOverhead + length;
  return out;
}

Result<std::vector<Record>> parse_records(std::string_view frames) {
  SegmentReader reader;
  reader.bytes_ = std::as_bytes(std::span(frames));
  std::vector<Record> out;
  while (!reader.at_end()) {
    ASSIGN_OR_RETURN(const auto frame, reader.next());
    if (const auto* record = std::get_if<Record>(&frame)) out.push_back(*record);
  }
  return out;
}

}  // namespace holdfast::audit

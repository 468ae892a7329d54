#include "files/manifest.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <mutex>
#include <optional>
#include <utility>

#include <fmt/format.h>
#include <simdjson.h>

#include "base/base64.h"
#include "base/crypto.h"
#include "base/secret.h"
#include "base/thread_pool.h"
#include "files/describe.h"
#include "files/json_writer.h"

namespace holdfast {
namespace {

constexpr std::string_view kPayloadType = "application/vnd.in-toto+json";
constexpr std::string_view kBundleType = "application/vnd.dev.sigstore.bundle.v0.3+json";
constexpr std::string_view kStatementType = "https://in-toto.io/Statement/v1";
constexpr std::string_view kPredicateType = "https://model_signing/signature/v1.0";
constexpr std::string_view kAlgorithm = "sha256-sharded-1048576";
constexpr char kDamaged[] = "The manifest is damaged; fetch it again, or make it anew";

tl::unexpected<Error> corrupt(std::string message, const std::string& file) {
  return fail(Code::kCorrupt, std::move(message), file, kDamaged);
}

std::optional<uint64_t> number(std::string_view text) {
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return value;
}

// "NAME:BEGIN:END"; NAME may contain no colon.
struct Shard {
  std::string_view name;
  uint64_t begin = 0, end = 0;
};
std::optional<Shard> parse_shard(std::string_view text) {
  const auto first = text.find(':');
  const auto second = first == std::string_view::npos ? first : text.find(':', first + 1);
  if (second == std::string_view::npos) return std::nullopt;
  const auto begin = number(text.substr(first + 1, second - first - 1));
  const auto end = number(text.substr(second + 1));
  if (!begin || !end || first == 0) return std::nullopt;
  return Shard{text.substr(0, first), *begin, *end};
}

// A path below the model's directory, not a way out of it.
bool is_below(std::string_view name) {
  if (name.empty() || name.front() == '/' || name.find('\0') != std::string_view::npos)
    return false;
  if (name == ".") return true;
  while (!name.empty()) {
    const auto slash = name.find('/');
    const auto part = name.substr(0, slash);
    if (part.empty() || part == "." || part == "..") return false;
    if (slash == std::string_view::npos) break;
    name = name.substr(slash + 1);
    if (name.empty()) return false;
  }
  return true;
}

class Verified final : public ChunkReader {
 public:
  Verified(std::shared_ptr<const ChunkReader> reader, ManifestFile expected)
      : reader_(std::move(reader)), expected_(std::move(expected)) {}

  const std::string& name() const override { return reader_->name(); }
  uint64_t size() const override { return reader_->size(); }
  void will_read(uint64_t first, uint64_t count) const override {
    reader_->will_read(first, count);
  }
  Status read_chunk(uint64_t chunk, std::span<std::byte> out) const override {
    RETURN_IF_ERROR(reader_->read_chunk(chunk, out));
    if (sha256(std::span<const std::byte>(out)) == expected_.chunks[chunk]) return {};
    wipe(out);
    return fail(Code::kCorrupt, fmt::format("chunk {} is not what the manifest says", chunk),
                fmt::format("{}, chunk {}, byte {}", name(), chunk, chunk * kSourceChunk),
                "The file is damaged or was changed; fetch or restore it again");
  }

 private:
  std::shared_ptr<const ChunkReader> reader_;
  ManifestFile expected_;
};

}  // namespace

const ManifestFile* Manifest::find(std::string_view name) const {
  for (const ManifestFile& file : files) {
    if (file.name == name) return &file;
  }
  return nullptr;
}

Digest Manifest::root() const {
  Sha256 hash;
  for (const ManifestFile& file : files) {
    for (const Digest& chunk : file.chunks) hash.update(chunk);
  }
  return hash.finish();
}

std::string SignedManifest::message() const {
  return fmt::format("DSSEv1 {} {} {} {}", kPayloadType.size(), kPayloadType, payload.size(),
                     payload);
}

std::string write_statement(const Manifest& manifest) {
  JsonWriter json(JsonWriter::kCompact);
  json.begin_object().field("_type", kStatementType).key("subject").begin_array().begin_object();
  json.field("name", manifest.model).key("digest").begin_object();
  json.field("sha256", to_hex(manifest.root())).end_object().end_object().end_array();
  json.field("predicateType", kPredicateType).key("predicate").begin_object();
  json.key("serialization").begin_object().field("method", "shards").field("hash_type", "sha256");
  json.field("shard_size", kSourceChunk).field("allow_symlinks", true);
  if (!manifest.own_name.empty())
    json.key("ignore_paths").begin_array().value(manifest.own_name).end_array();
  json.end_object();
  json.key("resources").begin_array();
  for (const ManifestFile& file : manifest.files) {
    for (std::size_t i = 0; i < file.chunks.size(); ++i) {
      const uint64_t begin = i * kSourceChunk, end = std::min(file.bytes, begin + kSourceChunk);
      json.begin_object().field("name", fmt::format("{}:{}:{}", file.name, begin, end));
      json.field("algorithm", kAlgorithm).field("digest", to_hex(file.chunks[i])).end_object();
    }
  }
  json.end_array().end_object().end_object();
  return json.take();
}

std::string write_bundle(const SignedManifest& manifest) {
  JsonWriter json(1);
  json.begin_object().field("mediaType", kBundleType).key("verificationMaterial").begin_object();
  json.key("publicKey").begin_object().field("hint", manifest.key_hint).end_object();
  json.key("tlogEntries").begin_array().end_array().end_object();
  json.key("dsseEnvelope").begin_object().field("payload", to_base64(bytes_of(manifest.payload)));
  json.field("payloadType", kPayloadType).key("signatures").begin_array().begin_object();
  json.field("sig", to_base64(bytes_of(manifest.signature))).field("keyid", "");
  json.end_object().end_array().end_object().end_object();
  return json.take() + "\n";
}

Result<SignedManifest> parse_bundle(std::string_view text, const std::string& file) {
  simdjson::dom::parser parser;
  simdjson::dom::element root;
  std::string_view type, payload, payload_type, signature, hint;
  if (parser.parse(text.data(), text.size()).get(root) != simdjson::SUCCESS)
    return corrupt("not a manifest: no JSON", file);
  simdjson::dom::array signatures;
  const auto envelope = root["dsseEnvelope"];
  if (root["mediaType"].get_string().get(type) != simdjson::SUCCESS ||
      envelope["payload"].get_string().get(payload) != simdjson::SUCCESS ||
      envelope["payloadType"].get_string().get(payload_type) != simdjson::SUCCESS ||
      envelope["signatures"].get_array().get(signatures) != simdjson::SUCCESS ||
      signatures.size() != 1 ||
      signatures.at(0)["sig"].get_string().get(signature) != simdjson::SUCCESS ||
      root["verificationMaterial"]["publicKey"]["hint"].get_string().get(hint) != simdjson::SUCCESS)
    return corrupt("not a manifest: a field is missing", file);
  if (type != kBundleType || payload_type != kPayloadType)
    return fail(Code::kUnimplemented, "a bundle of another kind than model signing's", file);
  constexpr std::size_t kLongestField = std::size_t{1} << 30;
  if (payload.size() > kLongestField || signature.size() > kLongestField)
    return corrupt("a field is not in base64", file);
  const auto decoded = from_base64(payload), sig = from_base64(signature);
  if (!decoded || !sig) return corrupt("a field is not in base64", file);
  return SignedManifest{*decoded, *sig, std::string(hint)};
}

Result<Manifest> parse_statement(std::string_view text, const std::string& file) {
  simdjson::dom::parser parser;
  simdjson::dom::element root;
  if (parser.parse(text.data(), text.size()).get(root) != simdjson::SUCCESS)
    return corrupt("the signed statement is no JSON", file);
  std::string_view type, predicate_type, model, digest, method, hash;
  simdjson::dom::array subjects, resources;
  double shard = 0.0;  // some write 1048576.0
  const auto predicate = root["predicate"];
  const auto serialization = predicate["serialization"];
  if (root["_type"].get_string().get(type) != simdjson::SUCCESS ||
      root["predicateType"].get_string().get(predicate_type) != simdjson::SUCCESS ||
      root["subject"].get_array().get(subjects) != simdjson::SUCCESS || subjects.size() != 1 ||
      subjects.at(0)["name"].get_string().get(model) != simdjson::SUCCESS ||
      subjects.at(0)["digest"]["sha256"].get_string().get(digest) != simdjson::SUCCESS ||
      serialization["method"].get_string().get(method) != simdjson::SUCCESS ||
      serialization["hash_type"].get_string().get(hash) != simdjson::SUCCESS ||
      predicate["resources"].get_array().get(resources) != simdjson::SUCCESS)
    return corrupt("the signed statement lacks a field", file);
  if (type != kStatementType || predicate_type != kPredicateType || method != "shards" ||
      hash != "sha256" ||
      serialization["shard_size"].get_double().get(shard) != simdjson::SUCCESS ||
      shard != double{kSourceChunk}) {
    return fail(Code::kUnimplemented,
                "the manifest is not one of SHA-256 digests of chunks of 1 MiB", file,
                "Make one with holdfast manifest create");
  }
  std::map<std::string, ManifestFile, std::less<>> files;
  for (const auto resource : resources) {
    std::string_view name, algorithm, hex;
    if (resource["name"].get_string().get(name) != simdjson::SUCCESS ||
        resource["algorithm"].get_string().get(algorithm) != simdjson::SUCCESS ||
        resource["digest"].get_string().get(hex) != simdjson::SUCCESS)
      return corrupt("a chunk lacks a field", file);
    const auto part = parse_shard(name);
    const auto chunk = digest_from_hex(hex);
    if (!part || !chunk || algorithm != kAlgorithm || !is_below(part->name))
      return corrupt(fmt::format("chunk '{}' is malformed", printable(name)), file);
    auto [it, is_new] = files.try_emplace(std::string(part->name));
    ManifestFile& into = it->second;
    into.name = it->first;
    // Each continues the one before, and only the last may be short.
    if (part->begin != into.bytes || part->begin % kSourceChunk != 0 || part->end <= part->begin ||
        part->end - part->begin > kSourceChunk)
      return corrupt(fmt::format("chunk '{}' does not continue its file", printable(name)), file);
    into.bytes = part->end;
    into.chunks.push_back(*chunk);
  }
  Manifest out;
  out.model = model;
  for (auto& [name, one] : files) out.files.push_back(std::move(one));
  if (digest_from_hex(digest) != out.root())
    return corrupt("the digest of the whole is not that of the chunks", file);
  return out;
}

Result<ManifestFile> digest_chunks(std::string name, const ChunkReader& reader, int threads) {
  ManifestFile out{std::move(name), reader.size(), std::vector<Digest>(reader.chunks())};
  ThreadPool pool(std::max(1, threads));
  std::mutex mutex;
  Status status;
  const auto digest_one = [&](int64_t begin, int64_t end, int) {
    std::vector<std::byte> buffer(kSourceChunk);
    for (auto i = static_cast<uint64_t>(begin); i < static_cast<uint64_t>(end); ++i) {
      const auto bytes = std::span(buffer).first(reader.chunk_bytes(i));
      Status read = reader.read_chunk(i, bytes);
      out.chunks[i] = sha256(std::span<const std::byte>(bytes));
      if (read) continue;
      const std::lock_guard lock(mutex);
      if (status) status = std::move(read);
    }
    wipe(buffer);
  };
  pool.parallel_for(static_cast<int64_t>(reader.chunks()), 8, digest_one);
  RETURN_IF_ERROR(std::move(status));
  return out;
}

Result<std::shared_ptr<const ChunkReader>> verified_chunks(
    std::shared_ptr<const ChunkReader> reader, ManifestFile expected) {
  if (reader->size() != expected.bytes) {
    return fail(Code::kCorrupt,
                fmt::format("{} bytes; the manifest says {}", reader->size(), expected.bytes),
                reader->name(), "The file is damaged or was changed; fetch or restore it again");
  }
  return std::make_shared<const Verified>(std::move(reader), std::move(expected));
}

}  // namespace holdfast

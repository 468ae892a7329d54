#include "audit/proof.h"

#include <algorithm>

#include <boost/json.hpp>
#include <fmt/format.h>

#include "audit/clock.h"

namespace holdfast::audit {

namespace {

namespace json = boost::json;

json::array path_json(const std::vector<Digest>& path) {
  json::array out;
  for (const Digest& step : path) out.emplace_back(to_hex(step));
  return out;
}

std::string trimmed(std::string_view note) {
  while (note.ends_with("\n\n")) note.remove_suffix(1);
  return std::string(note);
}

// Reads a proof's fields; the first that is missing or misspelt is what is wrong with it.
class Fields {
 public:
  explicit Fields(const json::value& value) {
    if (value.is_object()) object_ = &value.get_object();
  }
  std::string text(std::string_view name) {
    const auto* value = get(name);
    if (value != nullptr && value->is_string()) return std::string(value->get_string());
    return wrong(name), std::string();
  }
  uint64_t number(std::string_view name) {
    const auto* value = get(name);
    json::error_code ec;
    const uint64_t out = value != nullptr ? value->to_number<uint64_t>(ec) : 0;
    if (value == nullptr || ec) wrong(name);
    return out;
  }
  Digest digest(std::string_view name) {
    const auto out = digest_from_hex(text(name));
    if (!out) wrong(name);
    return out.value_or(Digest{});
  }
  std::vector<Digest> path() {
    std::vector<Digest> out;
    const auto* value = get("path");
    if (value == nullptr || !value->is_array()) return wrong("path"), out;
    for (const json::value& step : value->get_array()) {
      const auto one =
          step.is_string() ? digest_from_hex(std::string_view(step.get_string())) : std::nullopt;
      if (!one || out.size() >= 64) return wrong("path"), out;
      out.push_back(*one);
    }
    return out;
  }
  Status status() const { return status_; }

 private:
  const json::value* get(std::string_view name) {
    return object_ != nullptr ? object_->if_contains(name) : nullptr;
  }
  void wrong(std::string_view name) {
    if (!status_) return;
    status_ = fail(Code::kCorrupt, "this is no proof as 'holdfast audit export' writes it",
                   std::string(name));
  }
  const json::object* object_ = nullptr;
  Status status_;
};

Result<NamedCheckpoint> signed_checkpoint(std::string_view note,
                                          const std::vector<PublicKey>& trusted) {
  ASSIGN_OR_RETURN(const NamedCheckpoint out, parse_checkpoint_note(note));
  const std::string text = checkpoint_text(out.log_id, out.checkpoint);
  const bool good = std::any_of(trusted.begin(), trusted.end(), [&](const PublicKey& key) {
    return Verifier(key).verify(text, out.checkpoint.signature);
  });
  if (!good) {
    return fail(Code::kCorrupt, "the checkpoint is not signed by a trusted key", {},
                "name the log's public key with --public-key");
  }
  return out;
}

}  // namespace

Result<std::string> inclusion_json(const Leaves& leaves, const KeptRecord& record) {
  const uint64_t size = leaves.last->size;
  if (record.number >= size || record.number < leaves.leaves.first()) {
    return fail(Code::kUnavailable, "no checkpoint covers this record yet");
  }
  const Digest chain =
      record.number == leaves.leaves.first() ? leaves.chain : leaves.leaves.leaf(record.number - 1);
  json::object out{{"kind", "inclusion"},
                   {"record", record.number},
                   {"time_us", record.time},
                   {"chain", to_hex(chain)},
                   {"body", record.body},
                   {"path", path_json(leaves.leaves.inclusion(record.number, size))},
                   {"checkpoint", checkpoint_note(leaves.log_id, leaves.key, *leaves.last)}};
  return json::serialize(out);
}

Result<std::string> consistency_json(const Leaves& leaves, std::string_view old_note) {
  ASSIGN_OR_RETURN(const NamedCheckpoint old, parse_checkpoint_note(trimmed(old_note)));
  const uint64_t before = old.checkpoint.size, size = leaves.last->size;
  if (old.log_id != leaves.log_id) {
    return fail(Code::kInvalidArgument, "that checkpoint is of another log");
  }
  if (before == 0 || before > size || before < leaves.leaves.first()) {
    return fail(Code::kInvalidArgument,
                fmt::format("that checkpoint is over {} records, and this log has {} to {}", before,
                            leaves.leaves.first(), size));
  }
  json::object out{{"kind", "consistency"},
                   {"old", trimmed(old_note)},
                   {"path", path_json(leaves.leaves.consistency(before, size))},
                   {"checkpoint", checkpoint_note(leaves.log_id, leaves.key, *leaves.last)}};
  return json::serialize(out);
}

Result<Proven> check_proof(std::string_view text, const std::vector<PublicKey>& trusted) {
  json::error_code ec;
  const json::value value = json::parse({text.data(), text.size()}, ec);
  if (ec) return fail(Code::kCorrupt, "a proof is JSON, and this is not");
  Fields fields(value);
  const std::string kind = fields.text("kind");
  const std::vector<Digest> path = fields.path();
  const std::string note = fields.text("checkpoint");
  RETURN_IF_ERROR(fields.status());
  ASSIGN_OR_RETURN(const NamedCheckpoint now, signed_checkpoint(note, trusted));
  const Checkpoint& checkpoint = now.checkpoint;
  const std::string signed_at = format_time(checkpoint.time);
  Proven out;
  if (kind == "inclusion") {
    const uint64_t number = fields.number("record"), time = fields.number("time_us");
    const Digest chain = fields.digest("chain");
    out.body = fields.text("body");
    RETURN_IF_ERROR(fields.status());
    if (!verify_inclusion(number, checkpoint.size, record_hash(chain, number, time, out.body), path,
                          checkpoint.root)) {
      return fail(Code::kCorrupt, "the record is not in the log that was signed");
    }
    out.statement = fmt::format("record {} is among the {} records signed at {}", number,
                                checkpoint.size, signed_at);
    return out;
  }
  const std::string old_note = fields.text("old");
  RETURN_IF_ERROR(fields.status());
  ASSIGN_OR_RETURN(const NamedCheckpoint old, signed_checkpoint(old_note, trusted));
  if (kind != "consistency" || old.log_id != now.log_id ||
      !verify_consistency(old.checkpoint.size, checkpoint.size, path, old.checkpoint.root,
                          checkpoint.root)) {
    return fail(Code::kCorrupt, "the log does not continue the older checkpoint");
  }
  out.statement =
      fmt::format("the {} records signed at {} begin with the {} signed at {}", checkpoint.size,
                  signed_at, old.checkpoint.size, format_time(old.checkpoint.time));
  return out;
}

}  // namespace holdfast::audit

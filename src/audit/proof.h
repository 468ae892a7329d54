// Proofs about a log that stand alone: JSON documents, checked with nothing but a public key.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "audit/query.h"
#include "base/result.h"

namespace holdfast::audit {

// {"kind":"inclusion","record":…,"time_us":…,"chain":…,"body":…,"size":…,"path":[…],
// "checkpoint":"…"}: that the record is among those the newest checkpoint covers.
Result<std::string> inclusion_json(const Leaves& leaves, const KeptRecord& record);

// {"kind":"consistency","old":"…","path":[…],"checkpoint":"…"}: that the newest checkpoint's
// records begin with those of an older one (a note, as checkpoint_note() writes it).
Result<std::string> consistency_json(const Leaves& leaves, std::string_view old_note);

struct Proven {
  std::string statement;  // for people: "record 7 is among the 90 records signed at …"
  std::string body;       // of an inclusion's record
};
// corrupt, and why, when it does not hold.
Result<Proven> check_proof(std::string_view json, const std::vector<PublicKey>& trusted);

}  // namespace holdfast::audit

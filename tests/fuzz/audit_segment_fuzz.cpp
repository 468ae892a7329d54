// A segment of an audit log, a compressed one, a checkpoint, a proof: whatever the bytes, no crash.
#include <cstdint>
#include <span>
#include <string_view>

#include "audit/compress.h"
#include "audit/format.h"
#include "audit/proof.h"
#include "audit/scan.h"
#include "base/check.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace holdfast::audit;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto bytes = std::as_bytes(std::span(data, size));
  (void)scan_segment(bytes, {});
  // Without signatures, to get further: what is read must be what is there.
  if (auto reader = SegmentReader::open(bytes)) {
    std::string again = reader->header().encode();
    while (!reader->at_end()) {
      const auto frame = reader->next();
      if (!frame) break;
      if (const auto* record = std::get_if<Record>(&*frame)) {
        append_record(*record, again);
      } else {
        std::get<Checkpoint>(*frame).append_to(again);
      }
    }
    CHECK(text.substr(0, reader->offset()) == again) << "a segment does not survive a round trip";
  }
  if (const auto unpacked = unpack_segment(text, 1 << 20)) {
    CHECK(unpacked->size() <= 1 << 20) << "larger than allowed";
  }
  if (const auto note = parse_checkpoint_note(text)) {
    CHECK(checkpoint_text(note->log_id, note->checkpoint) ==
          text.substr(0, checkpoint_text(note->log_id, note->checkpoint).size()))
        << "a checkpoint does not survive a round trip";
  }
  (void)check_proof(text, {});
  return 0;
}

// Hugging Face's tensor names and GGUF's.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace holdfast {

struct GgufName {
  std::string name;          // "blk.3.ffn_gate_exps.weight"
  int32_t layer = -1;        // -1: outside the layers
  int32_t expert = -1;       // which of a stack; -1: not one of many
  bool gate_and_up = false;  // "...experts.gate_up_proj": [experts, 2 * ffn, hidden] holds both
                             // stacks; `name` is the gate's
};

// Nothing for a name that none of the families has.
std::optional<GgufName> gguf_name(std::string_view hf_name);

// The other way, for single tensors and, with `expert`, for one of a stack. Nothing for a name
// without a counterpart (rope_freqs.weight).
std::optional<std::string> hf_name(std::string_view gguf_name, int32_t expert = -1);

}  // namespace holdfast

#include "text/tokenizer.h"

#include "text/model_tokenizer.h"

namespace holdfast {

Result<std::unique_ptr<Tokenizer>> Tokenizer::create(const TokenizerData& data) {
  const auto read = !data.tokens.empty()           ? read_gguf_tokenizer
                    : !data.tokenizer_json.empty() ? read_hugging_face_tokenizer
                    : !data.vocab_txt.empty()      ? read_vocab_txt
                                                   : nullptr;
  if (read == nullptr) {
    return fail(Code::kNotFound, "the model has no tokenizer", "",
                "a GGUF needs tokenizer.ggml.tokens, a directory needs tokenizer.json");
  }
  ASSIGN_OR_RETURN(TokenizerParts parts, read(data));
  return std::make_unique<ModelTokenizer>(std::move(parts));
}

std::vector<int32_t> Tokenizer::encode(std::span<const TextPart> parts, bool add_bos) const {
  std::vector<int32_t> out;
  for (const TextPart& part : parts) {
    const auto tokens =
        encode(part.text, part.trusted ? Special::kParse : Special::kAsText, add_bos);
    out.insert(out.end(), tokens.begin(), tokens.end());
    add_bos = false;
  }
  return out;
}

std::string Tokenizer::decode(std::span<const int32_t> tokens, Special special) const {
  std::string out;
  for (const int32_t token : tokens) out += piece(token, special);
  if (strips_leading_space() && out.starts_with(' ')) out.erase(0, 1);
  return out;
}

}  // namespace holdfast

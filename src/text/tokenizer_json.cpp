#include "text/model_tokenizer.h"

namespace holdfast {

Result<TokenizerParts> read_hugging_face_tokenizer(const TokenizerData&) {
  return fail(Code::kUnimplemented, "tokenizer.json is not read yet");
}

}  // namespace holdfast

// A small byte-level tokenizer, for tests that need no trained one.
#pragma once

#include <string>

#include "files/model_file.h"
#include "text/byte_alphabet.h"
#include "text/unicode.h"

namespace holdfast {

// `bytes` in the alphabet that GGUF spells tokens in.
inline std::string spelled(std::string_view bytes) {
  std::string out;
  for (const char byte : bytes) append_utf8(out, byte_letter(static_cast<uint8_t>(byte)));
  return out;
}

// Every byte is a token (its id is the byte); then the merges' results, then special tokens.
inline TokenizerData tiny_tokenizer(std::string pre = "gpt-2") {
  TokenizerData data;
  data.model = "gpt2";
  data.pre = std::move(pre);
  const auto add = [&](std::string token, int32_t type) {
    data.tokens.push_back(std::move(token));
    data.types.push_back(type);
    return static_cast<int32_t>(data.tokens.size() - 1);
  };
  for (int byte = 0; byte < 256; ++byte) {
    const char c = static_cast<char>(byte);
    add(spelled({&c, 1}), 1);
  }
  const auto merge = [&](std::string_view left, std::string_view right) {
    add(spelled(std::string(left) + std::string(right)), 1);
    data.merges.push_back(spelled(left) + " " + spelled(right));
  };
  merge("l", "l");
  merge("h", "e");
  merge("he", "ll");
  merge("hell", "o");
  merge(" ", "hello");
  merge("a", "a");
  merge("aa", "aa");
  merge("aaaa", "aaaa");
  merge("a", "b");
  merge("\xE4\xBD", "\xA0");  // never: its left half is no token
  merge("\xE5\xA5", "\xBD");
  merge("\xE5", "\xA5");
  merge(" ", " ");
  data.bos = add("<s>", 3);
  data.eos = add("<|im_end|>", 3);
  add("<think>", 4);
  add("<\xEF\xBD\x9CUser\xEF\xBD\x9C>", 4);  // a control token that the file calls user-defined
  add("\t\t", 4);
  add("[PAD" + std::to_string(data.tokens.size()) + "]", 4);
  return data;
}

}  // namespace holdfast

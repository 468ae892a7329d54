// How BERT's text is brought into form, as Hugging Face's BertNormalizer and BertPreTokenizer do
// it.
#pragma once

#include <string>
#include <string_view>

namespace holdfast {

struct BertForm {
  bool clean = true;             // control characters dropped, white space made spaces
  bool space_ideographs = true;  // spaces around CJK ideographs
  bool strip_accents = true;     // decomposed, and nonspacing marks dropped
  bool lower_case = true;
};

// `text`: valid UTF-8.
std::string bert_form(std::string_view text, const BertForm& form);

// What stands as a word of its own.
bool is_bert_punctuation(char32_t code);

}  // namespace holdfast

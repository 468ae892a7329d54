// holdfast tokenize: a text's tokens, or the text of tokens.

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <iterator>
#include <limits>
#include <memory>
#include <string>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <simdjson.h>

#include "cli/command.h"
#include "cli/model_opener.h"
#include "cli/model_option.h"
#include "files/model_file.h"
#include "text/tokenizer.h"
#include "text/unicode.h"

namespace holdfast::cli {
namespace {

struct Options {
  std::string model, file;
  OpenOptions open;
  bool special = false, decode = false, json = false, bos = false, lines = false;
};

Result<std::string> read_input(const std::string& file) {
  if (file.empty() || file == "-") return std::string(std::istreambuf_iterator<char>(std::cin), {});
  std::ifstream in(file, std::ios::binary);
  if (!in) return fail(Code::kNotFound, "cannot open the file", file);
  return std::string(std::istreambuf_iterator<char>(in), {});
}

std::string json_string(std::string_view text) {
  std::string out = "\"";
  for (const char c : is_utf8(text) ? std::string(text) : replace_invalid_utf8(text)) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      out += fmt::format("\\u{:04x}", static_cast<unsigned char>(c));
    } else {
      out += c;
    }
  }
  return out + '"';
}

// Numbers with anything else between them: what `tokenize` prints, with and without --json.
Result<std::vector<int32_t>> parse_tokens(std::string_view text, int32_t vocab_size) {
  std::vector<int32_t> tokens;
  for (std::size_t at = 0; at < text.size();) {
    if (text[at] < '0' || text[at] > '9') {
      ++at;
      continue;
    }
    const std::size_t begin = at;
    int64_t value = 0;
    for (; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at) {
      value = std::min<int64_t>(value * 10 + (text[at] - '0'), std::numeric_limits<int32_t>::max());
    }
    if (value >= vocab_size) {
      return fail(Code::kInvalidArgument,
                  fmt::format("there is no token {}", text.substr(begin, at - begin)),
                  fmt::format("byte {} of the input", begin),
                  fmt::format("the model has {} tokens", vocab_size));
    }
    tokens.push_back(static_cast<int32_t>(value));
  }
  return tokens;
}

// One text of --lines: a JSON string, or {"hex": "..."} for bytes that no JSON string can hold.
Result<std::string> parse_line(simdjson::dom::parser& parser, std::string_view line,
                               std::size_t number) {
  const auto wrong = [number] {
    return fail(Code::kInvalidArgument, "not a JSON string, nor {\"hex\": \"...\"}",
                fmt::format("line {}", number));
  };
  simdjson::dom::element document;
  if (parser.parse(line.data(), line.size()).get(document) != simdjson::SUCCESS) return wrong();
  std::string_view text;
  if (document.get_string().get(text) == simdjson::SUCCESS) return std::string(text);
  if (document["hex"].get_string().get(text) != simdjson::SUCCESS || text.size() % 2 != 0) {
    return wrong();
  }
  std::string bytes;
  for (std::size_t i = 0; i < text.size(); i += 2) {
    const std::string digits(text.substr(i, 2));
    char* end = nullptr;
    bytes += static_cast<char>(std::strtoul(digits.c_str(), &end, 16));
    if (end != digits.c_str() + 2) return wrong();
  }
  return bytes;
}

Status encode_lines(const Tokenizer& tokenizer, const std::string& input, Special special,
                    bool bos) {
  simdjson::dom::parser parser;
  std::size_t number = 0;
  for (std::size_t begin = 0; begin < input.size();) {
    const std::size_t end = std::min(input.find('\n', begin), input.size());
    const std::string_view line = std::string_view(input).substr(begin, end - begin);
    ASSIGN_OR_RETURN(const std::string text, parse_line(parser, line, ++number));
    fmt::print("[{}]\n", fmt::join(tokenizer.encode(text, special, bos), ","));
    begin = end + 1;
  }
  return {};
}

Status tokenize(const Options& options) {
  ASSIGN_OR_RETURN(const std::string path, resolve_model(options.model));
  ASSIGN_OR_RETURN(const FileOpener opener, make_opener(options.open, path));
  ASSIGN_OR_RETURN(const auto model, ModelFile::open(path, opener));
  ASSIGN_OR_RETURN(const auto tokenizer, Tokenizer::create(model->tokenizer()));
  ASSIGN_OR_RETURN(const std::string input, read_input(options.file));
  const Special special = options.special ? Special::kParse : Special::kAsText;
  if (options.lines) return encode_lines(*tokenizer, input, special, options.bos);
  if (options.decode) {
    ASSIGN_OR_RETURN(const auto tokens, parse_tokens(input, tokenizer->vocab_size()));
    const std::string text = tokenizer->decode(tokens, special);
    if (options.json) {
      fmt::print("{{\"text\":{}}}\n", json_string(text));
    } else {
      std::fwrite(text.data(), 1, text.size(), stdout);
    }
    return {};
  }
  const auto tokens = tokenizer->encode(input, special, options.bos);
  if (options.json) {
    fmt::print("{{\"tokens\":[{}]}}\n", fmt::join(tokens, ","));
  } else {
    fmt::print("{}\n", fmt::join(tokens, " "));
  }
  return {};
}

}  // namespace

void register_tokenize(CLI::App& app, Action& action) {
  auto options = std::make_shared<Options>();
  CLI::App* command =
      app.add_subcommand("tokenize", "Print the token ids of a text, or the text of ids");
  command->add_option("MODEL", options->model, "a .gguf or a Hugging Face directory")->required();
  command->add_option("FILE", options->file, "the text, byte for byte; stdin if absent or -");
  command->add_flag("--special", options->special,
                    "let the text spell special tokens; with --decode, show them");
  command->add_flag("--bos,!--no-bos", options->bos,
                    "put the model's begin-of-text token in front (default: not)");
  auto* decode = command->add_flag("--decode", options->decode, "read ids, print their text");
  command
      ->add_flag(
          "--lines", options->lines,
          "each line is a text of its own, a JSON string or {\"hex\": \"...\"}; prints a JSON "
          "array for each")
      ->excludes(decode);
  add_open_options(*command, options->open);
  command->add_flag("--json", options->json, "print {\"tokens\":[...]} or {\"text\":\"...\"}");
  command->callback([options, &action] {
    action = [options] {
      const Status status = tokenize(*options);
      return status ? 0 : report(status.error());
    };
  });
}

}  // namespace holdfast::cli

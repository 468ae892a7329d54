// holdfast template: the prompt that a chat template makes of messages.

#include <cstdio>
#include <ctime>
#include <fstream>
#include <iostream>
#include <iterator>
#include <memory>
#include <optional>
#include <string>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "cli/command.h"
#include "cli/model_option.h"
#include "files/json_fields.h"
#include "files/json_writer.h"
#include "files/model_file.h"
#include "text/chat_template.h"

namespace holdfast::cli {
namespace {

struct Options {
  std::string model, template_file, messages, tools, extra, bos, eos;
  bool generation_prompt = true, json = false, batch = false;
  std::optional<int64_t> now;
};

Result<std::string> read_file(const std::string& file) {
  if (file.empty() || file == "-") return std::string(std::istreambuf_iterator<char>(std::cin), {});
  std::ifstream in(file, std::ios::binary);
  if (!in) return fail(Code::kNotFound, "cannot open the file", file);
  return std::string(std::istreambuf_iterator<char>(in), {});
}

struct Source {
  std::string text, bos, eos;
};

// The template and the spellings of its tokens: from the model, each replaced by what the command
// line says.
Result<Source> template_source(const Options& options) {
  Source source;
  if (options.template_file.empty() || !options.model.empty()) {
    ASSIGN_OR_RETURN(const std::string path, resolve_model(options.model));
    ASSIGN_OR_RETURN(const auto model, ModelFile::open(path));
    ASSIGN_OR_RETURN(const auto tokenizer, Tokenizer::create(model->tokenizer()));
    const auto spelling = [&](std::optional<int32_t> token) {
      return token ? tokenizer->piece(*token, Special::kParse) : std::string();
    };
    source = {model->tokenizer().chat_template, spelling(tokenizer->bos()),
              spelling(tokenizer->eos())};
    if (source.text.empty() && options.template_file.empty()) {
      return fail(Code::kNotFound, "the model has no chat template", path,
                  "name one with --template-file");
    }
  }
  if (!options.template_file.empty()) {
    ASSIGN_OR_RETURN(source.text, read_file(options.template_file));
  }
  if (!options.bos.empty()) source.bos = options.bos;
  if (!options.eos.empty()) source.eos = options.eos;
  return source;
}

void print_json(const Result<std::vector<TextPart>>& parts) {
  JsonWriter json;
  json.begin_object();
  if (parts.has_value()) {
    std::string text;
    for (const TextPart& part : *parts) text += part.text;
    json.key("text").value(text).key("parts").begin_array();
    for (const TextPart& part : *parts) {
      json.begin_object().key("text").value(part.text);
      json.key("trusted").value(part.trusted).end_object();
    }
    json.end_array();
  } else {
    const Error& error = parts.error();
    json.key("error").begin_object();
    json.key("code").value(code_info(error.code).name).key("message").value(error.message);
    json.key("where").value(error.where).end_object();
  }
  json.end_object();
  fmt::print("{}\n", json.text());
}

// One line of --batch.
Result<TemplateInput> parse_line(std::string_view line, const Source& source, size_t number) {
  ASSIGN_OR_RETURN(const JsonDocument document,
                   JsonDocument::parse(fmt::format("line {}", number), line));
  TemplateInput input;
  input.bos_token = source.bos;
  input.eos_token = source.eos;
  const JsonObject fields = document.root();
  for (const auto& [name, field] :
       {std::pair("messages_json", &input.messages_json),
        std::pair("tools_json", &input.tools_json), std::pair("extra_json", &input.extra_json)}) {
    ASSIGN_OR_RETURN(auto text, fields.get_string(name));
    *field = std::move(text).value_or("");
  }
  ASSIGN_OR_RETURN(const auto prompt, fields.get_bool("add_generation_prompt"));
  ASSIGN_OR_RETURN(const auto now, fields.get_int("now"));
  input.add_generation_prompt = prompt.value_or(true);
  input.now = now.value_or(0);
  return input;
}

Status render_batch(const ChatTemplate& chat_template, const Source& source,
                    const Options& options) {
  ASSIGN_OR_RETURN(const std::string lines, read_file(options.messages));
  size_t number = 0;
  for (size_t begin = 0; begin < lines.size();) {
    const size_t end = std::min(lines.find('\n', begin), lines.size());
    ASSIGN_OR_RETURN(
        const TemplateInput input,
        parse_line(std::string_view(lines).substr(begin, end - begin), source, ++number));
    print_json(chat_template.render(input));
    begin = end + 1;
  }
  return {};
}

Status render(const Options& options) {
  ASSIGN_OR_RETURN(const Source source, template_source(options));
  ASSIGN_OR_RETURN(const auto chat_template, ChatTemplate::parse(source.text));
  if (options.batch) return render_batch(*chat_template, source, options);
  TemplateInput input;
  ASSIGN_OR_RETURN(input.messages_json, read_file(options.messages));
  if (!options.tools.empty()) {
    ASSIGN_OR_RETURN(input.tools_json, read_file(options.tools));
  }
  if (!options.extra.empty()) {
    ASSIGN_OR_RETURN(input.extra_json, read_file(options.extra));
  }
  input.add_generation_prompt = options.generation_prompt;
  input.bos_token = source.bos;
  input.eos_token = source.eos;
  input.now = options.now.value_or(std::time(nullptr));
  const auto parts = chat_template->render(input);
  if (!parts.has_value()) return fail(parts.error());
  if (options.json) {
    print_json(parts);
    return {};
  }
  for (const TextPart& part : *parts) std::fwrite(part.text.data(), 1, part.text.size(), stdout);
  return {};
}

}  // namespace

void register_template(CLI::App& app, Action& action) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand(
      "template", "Print the prompt that a model's chat template makes of messages");
  command->add_option("MODEL", options->model,
                      "a .gguf, a Hugging Face directory, or a name in the local store; the demo "
                      "model if absent and no --template-file is given");
  command->add_option("--template-file", options->template_file,
                      "a Jinja template instead of the model's");
  command->add_option("--messages", options->messages,
                      "a JSON array of {\"role\", \"content\", ...}; stdin if absent or -");
  command->add_option("--tools", options->tools, "a JSON array of tools");
  command->add_option("--extra", options->extra,
                      "a JSON object of further variables, such as {\"enable_thinking\": false}");
  command->add_flag("--generation-prompt,!--no-generation-prompt", options->generation_prompt,
                    "end with the beginning of the answer (default: yes)");
  command->add_option("--bos", options->bos, "the spelling of bos_token, instead of the model's");
  command->add_option("--eos", options->eos, "the spelling of eos_token, instead of the model's");
  command->add_option("--now", options->now, "the time for strftime_now, in seconds since 1970");
  command->add_flag("--json", options->json,
                    "print {\"text\", \"parts\":[{\"text\",\"trusted\"}]}: only trusted parts may "
                    "become special tokens");
  command->add_flag("--batch", options->batch,
                    "each line of the messages is an object of its own: messages_json, tools_json "
                    "and extra_json (JSON texts in strings), add_generation_prompt, now; prints as "
                    "--json for each, or {\"error\"}");
  command->callback([options, &action] {
    action = [options] {
      const Status status = render(*options);
      return status.has_value() ? 0 : report(status.error());
    };
  });
}

}  // namespace holdfast::cli

#include "engine/served_model.h"

#include <ctime>
#include <filesystem>
#include <mutex>
#include <optional>
#include <span>
#include <utility>

#include "engine/constrain.h"
#include "engine/draft_model.h"
#include "engine/prompt_tokens.h"
#include "engine/random.h"
#include "engine/text_stream.h"
#include "engine/thinking_prompt.h"
#include "files/model_file.h"
#include "grammar/constraint_cache.h"
#include "model/model.h"
#include "text/chat_template.h"
#include "text/tool_template.h"

namespace holdfast {

namespace {

std::string join(const std::vector<TextPart>& parts) {
  std::string text;
  for (const TextPart& part : parts) text += part.text;
  return text;
}

Status check_stops(const std::vector<std::string>& stops) {
  for (const std::string& stop : stops) {
    if (stop.empty())
      return fail(Code::kInvalidArgument, "a stop string must not be empty", "stop");
  }
  return {};
}

class LoadedModel final : public ServedModel {
 public:
  LoadedModel(std::string id, std::shared_ptr<const ModelFile> file,
              std::unique_ptr<Backend> backend, std::unique_ptr<Model> model,
              std::shared_ptr<const TokenText> text, std::unique_ptr<ChatTemplate> chat_template,
              DraftModel draft, std::unique_ptr<Engine> engine)
      : id_(std::move(id)),
        created_(std::time(nullptr)),
        file_(std::move(file)),
        backend_(std::move(backend)),
        model_(std::move(model)),
        text_(std::move(text)),
        template_(std::move(chat_template)),
        draft_(std::move(draft)),
        engine_(std::move(engine)) {
    const Tokenizer& tokens = text_->tokenizer();
    for (int32_t token = 0; token < tokens.vocab_size(); ++token) {
      if (tokens.is_end_of_generation(token)) stop_tokens_.push_back(token);
    }
    if (tokens.bos()) bos_ = tokens.piece(*tokens.bos(), Special::kParse);
    if (tokens.eos()) eos_ = tokens.piece(*tokens.eos(), Special::kParse);
    thinks_ = text_->has_thinking_tags() ||
              file_->tokenizer().chat_template.find("think>") != std::string::npos;
  }

  const std::string& id() const override { return id_; }
  int64_t created() const override { return created_; }
  const ModelConfig& config() const override { return model_->config(); }
  const Tokenizer& tokenizer() const override { return text_->tokenizer(); }
  int32_t context() const override { return engine_->context(); }
  EngineStats stats() const override { return engine_->stats(); }

  Result<std::unique_ptr<TextStream>> chat(const ChatRequest& request) override {
    ASSIGN_OR_RETURN(const auto parts, render(request));
    AssemblerOptions assembler;
    if (!request.tools_json.empty()) {
      assembler.tools = tool_habits().format;
      assembler.tool_names = request.tool_names;
      assembler.parallel_tool_calls = request.parallel_tool_calls;
    }
    assembler.split_thinking = thinks_;
    assembler.starts_inside = thinks_ && ends_thinking(parts);
    auto constrained = grammar::ConstraintStart::kNow;
    if (thinks_) constrained = grammar::ConstraintStart::kMayThink;
    if (assembler.starts_inside) constrained = grammar::ConstraintStart::kThinking;
    ThinkingLimits limits = limits_of(request.reasoning, assembler.starts_inside);
    return start(encode(parts), request.options, std::move(assembler), {}, std::move(limits),
                 constrained);
  }

  Result<std::unique_ptr<TextStream>> complete(const CompletionRequest& request) override {
    std::vector<int32_t> tokens = request.prompt_tokens;
    std::string echo;
    if (tokens.empty()) {
      tokens = tokenizer().encode(request.prompt,
                                  request.parse_special ? Special::kParse : Special::kAsText,
                                  tokenizer().adds_bos());
      if (request.echo) echo = request.prompt;
    } else if (request.echo) {
      for (const int32_t token : tokens) echo += text_->piece(token);
    }
    return start(std::move(tokens), request.options, {}, std::move(echo), {},
                 grammar::ConstraintStart::kNow);
  }

  // The table of tokens is made for the first who asks: most servers never need it.
  Result<std::shared_ptr<grammar::Constraint>> constraint(
      const grammar::ConstraintSpec& spec) override {
    std::call_once(constraints_made_, [&] {
      const auto piece = [&](int32_t token) { return text_->piece(token); };
      constraints_.emplace(
          make_token_table(text_->tokenizer(), piece, model_->config().vocab, thinks_));
    });
    return constraints_->get(spec);
  }

  Result<std::string> render_prompt(const ChatRequest& request) const override {
    ASSIGN_OR_RETURN(const auto parts, render(request));
    return join(parts);
  }

  Result<std::vector<int32_t>> prompt_tokens(const ChatRequest& request) const override {
    ASSIGN_OR_RETURN(const auto parts, render(request));
    return encode(parts);
  }

 private:
  std::vector<int32_t> encode(const std::vector<TextPart>& parts) const {
    return encode_prompt(parts, tokenizer());
  }

  Result<std::vector<TextPart>> render(const ChatRequest& request) const {
    if (!template_)
      return fail(Code::kInvalidArgument, "model '" + id_ + "' has no chat template", "messages",
                  "use completions (holdfast generate), or a model file with a template");
    TemplateInput input;
    input.messages_json = request.messages_json;
    input.tools_json = request.tools_json;
    input.habits = tool_habits();
    if (!request.tools_json.empty() && !input.habits.lists_tools && !input.habits.describe_tools)
      return fail(Code::kInvalidArgument,
                  "the chat template of model '" + id_ + "' has no place for tools", "tools");
    std::optional<bool> enabled = request.reasoning.enabled;
    if (!enabled && request.reasoning.budget == 0) enabled = false;
    if (!thinks_ && enabled == true)
      return fail(Code::kInvalidArgument, "model '" + id_ + "' does not know how to think",
                  "reasoning");
    if (!thinks_) enabled.reset();
    input.extra_json =
        thinking_variables(request.template_extra_json, file_->tokenizer().chat_template, enabled);
    input.bos_token = bos_;
    input.eos_token = eos_;
    input.now = std::time(nullptr);
    ASSIGN_OR_RETURN(auto parts, template_->render(input));
    if (enabled) shape_thinking(parts, *enabled);
    return parts;
  }

  // Found out when the first chat comes.
  const ToolHabits& tool_habits() const {
    std::call_once(tools_probed_, [this] {
      tool_habits_ = probe_tools(*template_, file_->tokenizer().chat_template, bos_, eos_);
      tool_habits_.describe_tools =
          tool_habits_.format == ToolFormat::kDeepSeek && !tool_habits_.lists_tools;
    });
    return tool_habits_;
  }

  ThinkingLimits limits_of(const ReasoningOptions& options, bool starts_inside) const {
    ThinkingLimits limits;
    if (!thinks_) return limits;
    limits.starts_inside = starts_inside;
    limits.budget = options.budget;
    limits.stop_loops = options.stop_loops;
    if (!limits.any()) return limits;
    limits.close = tokenizer().encode(kCloseThinking, Special::kParse, false);
    limits.piece = [text = text_](int32_t token) { return text->piece(token); };
    return limits;
  }

  Result<std::unique_ptr<TextStream>> start(std::vector<int32_t> prompt, const TextOptions& options,
                                            AssemblerOptions assembler, std::string echo,
                                            ThinkingLimits thinking,
                                            grammar::ConstraintStart constrained) {
    RETURN_IF_ERROR(check_stops(options.stop));
    assembler.stop = options.stop;
    TextStreamStart start;
    start.text = text_;
    start.assembler = std::move(assembler);
    start.prompt_tokens = static_cast<int32_t>(prompt.size());
    start.seed = options.seed ? *options.seed : random_seed();
    start.logprobs = options.logprobs >= 0;
    start.echo = std::move(echo);

    GenerationRequest request;
    request.prompt = std::move(prompt);
    request.max_tokens = options.max_tokens;
    request.sampling = options.sampling;
    request.sampling.seed = start.seed;
    if (options.sampling.reads_text()) request.sampling.token_bytes = text_->all_pieces();
    request.stop_tokens = stop_tokens_;
    request.ignore_eos = options.ignore_eos;
    request.thinking = std::move(thinking);
    request.logprobs = options.logprobs;
    request.constraint = options.constraint;
    request.constraint_start = constrained;
    request.cache_salt = options.cache_salt;
    request.standing = options.standing;
    ASSIGN_OR_RETURN(start.stream, engine_->submit(std::move(request)));
    return make_text_stream(std::move(start));
  }

  const std::string id_;
  const int64_t created_;
  // In this order: each lives on those before it.
  std::shared_ptr<const ModelFile> file_;
  std::unique_ptr<Backend> backend_;
  std::unique_ptr<Model> model_;
  std::shared_ptr<const TokenText> text_;
  std::unique_ptr<ChatTemplate> template_;  // none: the model has none
  DraftModel draft_;                        // none: nobody guesses, or nobody needs a model to
  std::unique_ptr<Engine> engine_;
  std::vector<int32_t> stop_tokens_;
  std::string bos_, eos_;  // as templates spell them
  bool thinks_ = false;
  std::once_flag constraints_made_;
  std::optional<grammar::ConstraintCache> constraints_;
  mutable std::once_flag tools_probed_;
  mutable ToolHabits tool_habits_;
};

std::string default_id(const ModelFile& file) {
  if (!file.config().name.empty()) return file.config().name;
  const std::filesystem::path path(file.path());
  return (path.has_filename() ? path : path.parent_path()).stem().string();
}

}  // namespace

Result<std::unique_ptr<ServedModel>> ServedModel::load(const std::string& path,
                                                       std::unique_ptr<Backend> backend,
                                                       const ServedModelOptions& options) {
  ASSIGN_OR_RETURN(auto file, ModelFile::open(path, options.opener));
  // What is quick to refuse comes before the weights.
  ASSIGN_OR_RETURN(auto tokenizer, Tokenizer::create(file->tokenizer()));
  std::unique_ptr<ChatTemplate> chat_template;
  if (!file->tokenizer().chat_template.empty()) {
    ASSIGN_OR_RETURN(chat_template, ChatTemplate::parse(file->tokenizer().chat_template));
  }
  ASSIGN_OR_RETURN(auto model, load_model(*file, *backend, options.progress));
  EngineOptions engine_options = options.engine;
  for (const std::string& system : options.shared_prompts) {
    if (!chat_template)
      return fail(Code::kInvalidArgument, "a shared prompt needs a model with a chat template",
                  path);
    ASSIGN_OR_RETURN(auto beginning, beginning_with(system, *chat_template, *tokenizer));
    engine_options.shared_beginnings.push_back(std::move(beginning));
  }
  DraftModel draft;
  if (engine_options.speculation == Speculation::kModel) {
    ASSIGN_OR_RETURN(draft, load_draft_model(options.draft_path, *tokenizer, *backend));
    engine_options.draft = draft.model.get();
  }
  ASSIGN_OR_RETURN(auto engine, Engine::create(*model, *backend, engine_options));
  const auto& marks = tool_marks(tool_format_of(file->tokenizer().chat_template));
  std::string id = options.id.empty() ? default_id(*file) : options.id;
  return std::make_unique<LoadedModel>(
      std::move(id), std::move(file), std::move(backend), std::move(model),
      std::make_shared<TokenText>(std::move(tokenizer), marks), std::move(chat_template),
      std::move(draft), std::move(engine));
}

}  // namespace holdfast

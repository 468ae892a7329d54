#include "server/openai_request.h"

#include <gtest/gtest.h>

namespace holdfast {
namespace {

// A body with one user message and `more` fields.
std::string chat(const std::string& more,
                 const std::string& messages = R"([{"role":"user","content":"hi"}])") {
  return R"({"model":"m","messages":)" + messages + (more.empty() ? "" : ",") + more + "}";
}

struct Bad {
  const char* body;
  const char* param;
  const char* code;
};

TEST(ChatRequest, DefaultsAreOpenAis) {
  const auto request = parse_chat_request(chat(""));
  ASSERT_TRUE(request) << request.error().message;
  EXPECT_EQ(request->model, "m");
  EXPECT_FALSE(request->stream);
  EXPECT_EQ(request->n, 1);
  EXPECT_EQ(request->options.max_tokens, 0);
  EXPECT_EQ(request->options.sampling.temperature, 1.0f);
  EXPECT_EQ(request->options.logprobs, -1);
  EXPECT_FALSE(request->options.seed);
  EXPECT_EQ(request->messages_json, R"([{"role":"user","content":"hi"}])");
}

TEST(ChatRequest, TakesEveryFieldItKnows) {
  const auto request = parse_chat_request(chat(
      R"("temperature":0,"top_p":0.5,"n":3,"max_tokens":7,"stop":["a","b"],"seed":-1,"stream":true,
         "stream_options":{"include_usage":true},"logprobs":true,"top_logprobs":5,
         "presence_penalty":1,"frequency_penalty":-2,"logit_bias":{"17":-100,"3":5.5},"top_k":40,
         "min_p":0.05,"ignore_eos":true,"repetition_penalty":1.1,"priority":"high","timeout":2.5,
         "chat_template_kwargs":{"enable_thinking":false})"));
  ASSERT_TRUE(request) << request.error().message;
  const TextOptions& o = request->options;
  EXPECT_EQ(o.sampling.temperature, 0.0f);
  EXPECT_EQ(o.sampling.top_p, 0.5f);
  EXPECT_EQ(request->n, 3);
  EXPECT_EQ(o.max_tokens, 7);
  EXPECT_EQ(request->priority, Priority::kHigh);
  EXPECT_EQ(request->timeout, 2.5);
  EXPECT_EQ(o.stop, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(o.seed, std::numeric_limits<uint64_t>::max());
  EXPECT_TRUE(request->stream && request->include_usage && o.ignore_eos);
  EXPECT_EQ(o.logprobs, 5);
  EXPECT_EQ(o.sampling.presence_penalty, 1.0f);
  EXPECT_EQ(o.sampling.frequency_penalty, -2.0f);
  EXPECT_EQ(o.sampling.logit_bias,
            (std::vector<std::pair<int32_t, float>>{{17, -100.0f}, {3, 5.5f}}));
  EXPECT_EQ(o.sampling.top_k, 40);
  EXPECT_EQ(o.sampling.min_p, 0.05f);
  EXPECT_EQ(o.sampling.repetition_penalty, 1.1f);
  EXPECT_EQ(request->template_extra_json, R"({"enable_thinking":false})");
}

TEST(ChatRequest, NullAndUnknownFieldsCountAsAbsent) {
  const auto request = parse_chat_request(
      chat(R"("temperature":null,"stop":null,"tools":null,"colour":"green","user":"x","metadata":{},
              "tools":[],"tool_choice":"none","response_format":{"type":"text"},"modalities":["text"],
              "parallel_tool_calls":true,"store":false)"));
  ASSERT_TRUE(request) << request.error().message;
}

TEST(ChatRequest, WhatTheAnswerMustBe) {
  using grammar::Notation;
  struct Case {
    std::string body;
    Notation notation;
    std::string_view text, param;
  };
  const Case cases[] = {
      {R"("response_format":{"type":"json_object"})", Notation::kJsonObject, "", "response_format"},
      {R"("response_format":{"type":"json_schema","json_schema":{"name":"n","strict":true,
          "schema":{"type":"object","properties":{"b":{},"a":{}}}}})",
       Notation::kJsonSchema, R"({"type":"object","properties":{"b":{},"a":{}}})",
       "response_format.json_schema.schema"},
      {R"("response_format":{"type":"json_object","schema":{"const":1}})", Notation::kJsonSchema,
       R"({"const":1})", "response_format.schema"},
      {R"("guided_json":{"type":"null"})", Notation::kJsonSchema, R"({"type":"null"})",
       "guided_json"},
      {R"("guided_json":"{}")", Notation::kJsonSchema, "{}", "guided_json"},
      {R"("guided_regex":"a+")", Notation::kRegex, "a+", "guided_regex"},
      {R"("guided_choice":["a","b"])", Notation::kChoice, R"(["a","b"])", "guided_choice"},
      {R"("guided_grammar":"root ::= x")", Notation::kGbnf, "root ::= x", "guided_grammar"},
      {R"("grammar":"root ::= x")", Notation::kGbnf, "root ::= x", "grammar"},
      {R"("json_schema":{"type":"null"})", Notation::kJsonSchema, R"({"type":"null"})",
       "json_schema"},
      {R"("structured_outputs":{"regex":"a"})", Notation::kRegex, "a", "structured_outputs.regex"},
      {R"("structured_outputs":{"json_object":true})", Notation::kJsonObject, "",
       "structured_outputs.json_object"},
  };
  for (const Case& c : cases) {
    const auto request = parse_chat_request(chat(c.body));
    ASSERT_TRUE(request) << c.body << request.error().message;
    ASSERT_TRUE(request->constraint) << c.body;
    EXPECT_EQ(request->constraint->spec.notation, c.notation) << c.body;
    EXPECT_EQ(request->constraint->spec.text, c.text) << c.body;
    EXPECT_EQ(request->constraint->param, c.param) << c.body;
  }
}

TEST(ChatRequest, MessagesAreNormalized) {
  const auto request = parse_chat_request(chat("", R"([
      {"role":"developer","content":"be brief"},
      {"role":"user","content":[{"type":"text","text":"one"},{"type":"text","text":"two 二"}],"name":"n"},
      {"role":"assistant","content":null,"tool_calls":[{"id":"1","type":"function","function":{"name":"f","arguments":"{}"}}]},
      {"role":"tool","content":"result","tool_call_id":"1"},
      {"role":"assistant","content":"done","reasoning_content":"hm"}])"));
  ASSERT_TRUE(request) << request.error().message;
  EXPECT_EQ(request->messages_json,
            R"([{"role":"system","content":"be brief"},)"
            R"({"role":"user","content":"one\ntwo 二","name":"n"},)"
            R"({"role":"assistant","content":null,"tool_calls":[{"id":"1","type":"function",)"
            R"("function":{"name":"f","arguments":"{}"}}]},)"
            R"({"role":"tool","content":"result","tool_call_id":"1"},)"
            R"({"role":"assistant","content":"done","reasoning_content":"hm"}])");
}

TEST(ChatRequest, MaxCompletionTokensIsTheNewerName) {
  EXPECT_EQ(parse_chat_request(chat(R"("max_completion_tokens":9)"))->options.max_tokens, 9);
  EXPECT_TRUE(parse_chat_request(chat(R"("max_completion_tokens":9,"max_tokens":9)")));
  EXPECT_FALSE(parse_chat_request(chat(R"("max_completion_tokens":9,"max_tokens":8)")));
}

TEST(ChatRequest, NamesTheFieldAtFault) {
  const Bad cases[] = {
      {R"("temperature":2.1)", "temperature", "invalid_value"},
      {R"("temperature":-0.1)", "temperature", "invalid_value"},
      {R"("temperature":"hot")", "temperature", "invalid_type"},
      {R"("top_p":1.5)", "top_p", "invalid_value"},
      {R"("n":0)", "n", "invalid_value"},
      {R"("n":17)", "n", "invalid_value"},
      {R"("n":1.5)", "n", "invalid_type"},
      {R"("max_tokens":0)", "max_tokens", "invalid_value"},
      {R"("max_tokens":99999999999999999999)", "max_tokens", "invalid_type"},
      {R"("max_tokens":9999999999)", "max_tokens", "invalid_value"},
      {R"("stop":["1","2","3","4","5"])", "stop", "invalid_value"},
      {R"("stop":[1])", "stop[0]", "invalid_type"},
      {R"("stop":"")", "stop", "invalid_value"},
      {R"("stop":{})", "stop", "invalid_type"},
      {R"("seed":1.5)", "seed", "invalid_type"},
      {R"("priority":"urgent")", "priority", "invalid_value"},
      {R"("priority":1)", "priority", "invalid_type"},
      {R"("timeout":0)", "timeout", "invalid_value"},
      {R"("timeout":1e9)", "timeout", "invalid_value"},
      {R"("presence_penalty":2.5)", "presence_penalty", "invalid_value"},
      {R"("frequency_penalty":-3)", "frequency_penalty", "invalid_value"},
      {R"("logprobs":3)", "logprobs", "invalid_type"},
      {R"("logprobs":true,"top_logprobs":21)", "top_logprobs", "invalid_value"},
      {R"("top_logprobs":2)", "top_logprobs", "invalid_value"},
      {R"("logit_bias":{"x":1})", "logit_bias", "invalid_value"},
      {R"("logit_bias":{"1":101})", "logit_bias.1", "invalid_value"},
      {R"("logit_bias":[1])", "logit_bias", "invalid_type"},
      {R"("stream":"yes")", "stream", "invalid_type"},
      {R"("stream_options":{"include_usage":true})", "stream_options", "invalid_value"},
      {R"("stream":true,"stream_options":{"include_usage":1})", "stream_options.include_usage",
       "invalid_type"},
      {R"("top_k":-2)", "top_k", "invalid_value"},
      {R"("min_p":2)", "min_p", "invalid_value"},
      {R"("ignore_eos":1)", "ignore_eos", "invalid_type"},
      {R"("chat_template_kwargs":"x")", "chat_template_kwargs", "invalid_type"},
      // Known, and not done yet.
      {R"("tools":[{"type":"function","function":{"name":"f"}}],"tool_choice":"required")",
       "tool_choice", "unsupported_parameter"},
      {R"("tool_choice":"required")", "tool_choice", "invalid_value"},
      {R"("functions":[{"name":"f"}])", "functions", "unsupported_parameter"},
      {R"("function_call":"auto")", "function_call", "unsupported_parameter"},
      {R"("response_format":{"type":"xml"})", "response_format.type", "invalid_value"},
      {R"("response_format":{"type":"json_schema"})", "response_format.json_schema.schema",
       "missing_required_parameter"},
      {R"("guided_regex":7)", "guided_regex", "invalid_type"},
      {R"("guided_choice":"a")", "guided_choice", "invalid_type"},
      {R"("guided_regex":"a","grammar":"root ::= \"a\"")", "grammar", "invalid_value"},
      {R"("structured_outputs":{"structural_tag":{}})", "structured_outputs.structural_tag",
       "unsupported_parameter"},
      {R"("modalities":["text","audio"])", "modalities", "unsupported_parameter"},
      {R"("audio":{"voice":"a"})", "audio", "unsupported_parameter"},
      {R"("prediction":{})", "prediction", "unsupported_parameter"},
      {R"("reasoning_effort":"lowest")", "reasoning_effort", "invalid_value"},
      {R"("web_search_options":{})", "web_search_options", "unsupported_parameter"},
      {R"("store":true)", "store", "unsupported_parameter"},
  };
  for (const Bad& bad : cases) {
    const auto request = parse_chat_request(chat(bad.body));
    ASSERT_FALSE(request) << bad.body;
    EXPECT_EQ(request.error().status, 400) << bad.body;
    EXPECT_EQ(request.error().param, bad.param) << bad.body;
    EXPECT_EQ(request.error().code, bad.code) << bad.body;
  }
}

TEST(ChatRequest, NamesTheMessageAtFault) {
  const Bad cases[] = {
      {R"([])", "messages", "invalid_value"},
      {R"("hi")", "messages", "invalid_type"},
      {R"(null)", "messages", "missing_required_parameter"},
      {R"([1])", "messages[0]", "invalid_type"},
      {R"([{"content":"x"}])", "messages[0].role", "missing_required_parameter"},
      {R"([{"role":"king","content":"x"}])", "messages[0].role", "invalid_value"},
      {R"([{"role":"user"}])", "messages[0].content", "missing_required_parameter"},
      {R"([{"role":"user","content":7}])", "messages[0].content", "invalid_type"},
      {R"([{"role":"user","content":["x"]}])", "messages[0].content[0]", "invalid_type"},
      {R"([{"role":"user","content":"x"},{"role":"user","content":[{"type":"text","text":"a"},)"
       R"({"type":"image_url","image_url":{"url":"data:"}}]}])",
       "messages[1].content[1].type", "unsupported_parameter"},
      {R"([{"role":"user","content":[{"type":"text"}]}])", "messages[0].content[0].text",
       "invalid_type"},
  };
  for (const Bad& bad : cases) {
    const auto request = parse_chat_request(chat("", bad.body));
    ASSERT_FALSE(request) << bad.body;
    EXPECT_EQ(request.error().param, bad.param) << bad.body;
    EXPECT_EQ(request.error().code, bad.code) << bad.body;
  }
}

TEST(ChatRequest, RefusesWhatIsNotAJsonObject) {
  const std::string bodies[] = {"",
                                "  ",
                                "{",
                                "[]",
                                "\"x\"",
                                "{} {}",
                                "{'a':1}",
                                "nul",
                                "{\"a\":}",
                                "{\"a\":1,}",
                                "\xff\xfe{}",
                                "{\"a\":\"\xff\"}",
                                "{\"a\":\"\\ud800\"}",
                                std::string("{\0}", 3),
                                R"({"a":)" + std::string(1000, '[')};
  for (const std::string& body : bodies) {
    const auto request = parse_chat_request(body);
    ASSERT_FALSE(request) << body;
    EXPECT_EQ(request.error().status, 400) << body;
    EXPECT_EQ(request.error().code, "invalid_json") << body;
  }
}

TEST(ChatRequest, MemoryIsInProportionToTheBody) {
  // Empty arrays and short keys are what takes the most memory for a byte.
  std::string body = R"({"model":"m","a":[)";
  for (int i = 0; i < 1'000'000; ++i) body += "[],";
  body += "0]}";
  const auto request = parse_chat_request(body);
  ASSERT_FALSE(request);
  EXPECT_TRUE(request.error().status == 400 || request.error().status == 413);
}

TEST(CompletionRequest, TakesTheFourFormsOfAPrompt) {
  const auto prompts = [](const std::string& json) {
    const auto request = parse_completion_request(R"({"model":"m","prompt":)" + json + "}");
    EXPECT_TRUE(request) << (request ? "" : request.error().message);
    return request ? request->prompts : decltype(request->prompts){};
  };
  using Tokens = std::vector<int32_t>;
  EXPECT_EQ(std::get<std::string>(prompts(R"("a")").at(0)), "a");
  EXPECT_EQ(std::get<std::string>(prompts(R"(["a","b"])").at(1)), "b");
  EXPECT_EQ(std::get<Tokens>(prompts("[1,2]").at(0)), (Tokens{1, 2}));
  EXPECT_EQ(std::get<Tokens>(prompts("[[1],[2,3]]").at(1)), (Tokens{2, 3}));
}

TEST(CompletionRequest, NamesTheFieldAtFault) {
  const Bad cases[] = {
      {R"("x":1)", "prompt", "missing_required_parameter"},
      {R"("prompt":[])", "prompt", "invalid_type"},
      {R"("prompt":{})", "prompt", "invalid_type"},
      {R"("prompt":[1,"a"])", "prompt[1]", "invalid_value"},
      {R"("prompt":[1,-1])", "prompt[1]", "invalid_value"},
      {R"("prompt":[1,3000000000])", "prompt[1]", "invalid_value"},
      {R"("prompt":[[]])", "prompt[0]", "invalid_value"},
      {R"("prompt":["a",{}])", "prompt[1]", "invalid_type"},
      {R"("prompt":"a","suffix":"b")", "suffix", "unsupported_parameter"},
      {R"("prompt":"a","best_of":2,"stream":true)", "best_of", "invalid_value"},
      {R"("prompt":"a","best_of":2,"n":3)", "best_of", "invalid_value"},
      {R"("prompt":"a","logprobs":true)", "logprobs", "invalid_type"},
      {R"("prompt":"a","logprobs":21)", "logprobs", "invalid_value"},
      {R"("prompt":"a","echo":true,"logprobs":1)", "logprobs", "unsupported_parameter"},
      {R"("prompt":["a","b","c","d","e"],"n":16)", "n", "invalid_value"},
  };
  for (const Bad& bad : cases) {
    const auto request = parse_completion_request(R"({"model":"m",)" + std::string(bad.body) + "}");
    ASSERT_FALSE(request) << bad.body;
    EXPECT_EQ(request.error().param, bad.param) << bad.body;
    EXPECT_EQ(request.error().code, bad.code) << bad.body;
  }
}

TEST(CompletionRequest, SixteenTokensUnlessAskedOtherwise) {
  EXPECT_EQ(parse_completion_request(R"({"model":"m","prompt":"a"})")->options.max_tokens, 16);
  EXPECT_EQ(
      parse_completion_request(R"({"model":"m","prompt":"a","max_tokens":3})")->options.max_tokens,
      3);
}

}  // namespace
}  // namespace holdfast

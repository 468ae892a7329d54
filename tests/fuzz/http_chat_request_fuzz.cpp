// The JSON bodies of both of OpenAI's families: any bytes give a request or an error that names a
// status.
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "server/openai_request.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace holdfast;
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  const auto chat = parse_chat_request(body);
  if (chat) {
    CHECK(!chat->model.empty() && !chat->messages_json.empty());
    CHECK(chat->n >= 1 && chat->n <= 16 && chat->options.stop.size() <= 4);
  } else {
    CHECK(chat.error().status == 400 || chat.error().status == 413);
    CHECK(!chat.error().message.empty() && !chat.error().json().empty());
  }
  const auto completion = parse_completion_request(body);
  if (completion) {
    CHECK(!completion->prompts.empty() && completion->options.max_tokens > 0);
  } else {
    CHECK(completion.error().status == 400 || completion.error().status == 413);
  }
  return 0;
}

#include "server/config_file.h"

#include <gtest/gtest.h>

namespace holdfast {
namespace {

TEST(ConfigFile, SaysWhatTheCommandLineWould) {
  const auto settings = parse_config(R"(
models:
  - {path: a.gguf, alias: small}
  - {path: b.gguf, alias: large}
server: {host: 0.0.0.0, port: 8443, insecure_loopback: false}
tls:
  names: [models.example, models]
engine: {kv_memory: 4GB}
)",
                                     "holdfast.yaml");
  ASSERT_TRUE(settings) << to_string(settings.error());
  std::string all;
  for (const Setting& setting : *settings) {
    all += setting.option;
    for (const std::string& value : setting.values) all += " " + value;
    all += "; ";
  }
  EXPECT_EQ(all,
            "MODEL a.gguf b.gguf; --alias small large; --host 0.0.0.0; --port 8443; "
            "--insecure-loopback false; --tls-name models.example models; --kv-memory 4GB; ");
  EXPECT_EQ(settings->at(3).where, "holdfast.yaml, line 5, column 31");
  EXPECT_TRUE(parse_config("", "holdfast.yaml")->empty());
}

TEST(ConfigFile, ErrorsNameLineAndColumn) {
  const std::pair<const char*, const char*> cases[] = {
      {"sever: {}", "no key 'sever' (h.yaml, line 1, column 1). did you mean 'server'?"},
      {"server:\n  prot: 1", "no key 'prot' (h.yaml, line 2, column 3). did you mean 'port'?"},
      {"server:\n  port:", "'port' has no value (h.yaml, line 2, column 3)"},
      {"server: 5", "(h.yaml, line 1, column 9)"},
      {"server:\n  port: {a: b}", "(h.yaml, line 2, column 9)"},
      {"models: {}", "'models' is a list"},
      {"models: [{alias: x}]", "a model needs a 'path' (h.yaml, line 1, column 10)"},
      {"models: [a, {path: b, alias: c}]", "either all models have an 'alias' or none"},
      {"server: {port: 1}\nserver: {port: 2}", "'server' stands here twice, first in line 1"},
  };
  for (const auto& [text, message] : cases) {
    const auto settings = parse_config(text, "h.yaml");
    ASSERT_FALSE(settings) << text;
    EXPECT_NE(to_string(settings.error()).find(message), std::string::npos)
        << to_string(settings.error());
  }
}

}  // namespace
}  // namespace holdfast

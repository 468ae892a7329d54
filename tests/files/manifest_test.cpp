// 10,000 changes to a signed manifest: refused, or signed content unchanged; none crashes.
#include "files/manifest.h"

#include <random>

#include <gtest/gtest.h>

namespace holdfast {
namespace {

Manifest made() {
  Manifest manifest{"model", {}};
  for (const char* name : {"a", "b/c"}) {
    ManifestFile file{name, 2 * kSourceChunk + 5, {}};
    for (int i = 0; i < 3; ++i) file.chunks.push_back(sha256(std::string(name) + char('0' + i)));
    manifest.files.push_back(file);
  }
  return manifest;
}

TEST(Manifest, ReadsWhatItWrites) {
  const Manifest manifest = made();
  const SignedManifest bundle{write_statement(manifest), std::string("\0sig", 4), "hint"};
  const auto back = parse_bundle(write_bundle(bundle), "m").value();
  EXPECT_EQ(back.payload, bundle.payload);
  EXPECT_EQ(back.signature, bundle.signature);
  EXPECT_EQ(back.key_hint, "hint");
  EXPECT_EQ(parse_statement(back.payload, "m").value(), manifest);
  EXPECT_TRUE(back.message().starts_with("DSSEv1 28 application/vnd.in-toto+json "));
}

TEST(Manifest, RefusesNamesThatLeadOut) {
  for (const char* name : {"../x", "/x", "a/../b", "a//b", "a/", "./a", ".."}) {
    Manifest manifest = made();
    manifest.files[0].name = name;
    EXPECT_EQ(parse_statement(write_statement(manifest), "m").error().code, Code::kCorrupt) << name;
  }
}

TEST(Manifest, RefusesGapsAndOverlaps) {
  const std::string good = write_statement(made());
  for (const auto& [from, to] : {std::pair{"a:0:1048576", "a:1:1048576"},
                                 {"a:1048576:2097152", "a:0:1048576"},
                                 {"a:2097152:2097157", "a:2097152:2097152"},
                                 {"a:2097152:2097157", "a:2097152:9999999"},
                                 {"a:2097152:2097157", "a:2097152:99999999999999999999"},
                                 {"a:2097152:2097157", "a:2097152"},
                                 {"a:2097152:2097157", "a"}}) {
    std::string text = good;
    text.replace(text.find(from), std::string_view(from).size(), to);
    EXPECT_EQ(parse_statement(text, "m").error().code, Code::kCorrupt) << to;
  }
}

TEST(Manifest, TenThousandChanges) {
  const SignedManifest bundle{write_statement(made()), std::string(64, 's'), "hint"};
  const std::string good = write_bundle(bundle);
  std::mt19937_64 random(7);
  const auto below = [&](std::size_t n) {
    return std::uniform_int_distribution<std::size_t>(0, n - 1)(random);
  };
  int parsed = 0;
  for (int i = 0; i < 10000; ++i) {
    std::string text = i % 2 == 0 ? good : bundle.payload;
    switch (below(4)) {
      case 0: {
        const std::size_t at = below(text.size());
        text[at] = static_cast<char>(text[at] ^ (1 << below(8)));
        break;
      }
      case 1:
        text.resize(below(text.size()));
        break;
      case 2: {
        const std::size_t a = below(text.size()), n = below(200), b = below(text.size());
        text.insert(b, text.substr(a, n));
        break;
      }
      default:
        text.erase(below(text.size()), 1 + below(100));
        break;
    }
    if (i % 2 == 0) {
      // What parses either is what was signed, or will not verify: its bytes differ.
      const auto read = parse_bundle(text, "m");
      if (read && read->payload == bundle.payload && read->signature == bundle.signature) ++parsed;
    } else {
      (void)parse_statement(text, "m");  // the signature has been checked before, here it must hold
    }
  }
  EXPECT_LT(parsed, 500);  // white space, the hint, the key id
}

}  // namespace
}  // namespace holdfast

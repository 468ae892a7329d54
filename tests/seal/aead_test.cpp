#include "base/aead.h"

#include <algorithm>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/digest.h"
#include "seal/derive.h"

namespace holdfast::seal {
namespace {

std::string bytes(const std::string& hex) { return hex == "-" ? "" : from_hex(hex).value(); }
std::span<const uint8_t> view(const std::string& text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}
template <class Array>
Array fixed(const std::string& text) {
  Array out{};
  EXPECT_EQ(text.size(), out.size());
  std::copy(text.begin(), text.end(), out.begin());
  return out;
}

TEST(Aead, NistVectors) {
  std::ifstream file(HOLDFAST_SOURCE_DIR "/tests/golden/seal/gcm256.txt");
  std::string line;
  int cases = 0, refused = 0;
  while (std::getline(file, line)) {
    std::istringstream fields(line);
    std::string key, nonce, aad, plain, sealed, tag;
    fields >> key >> nonce >> aad >> plain >> sealed >> tag;
    const std::string key_bytes = bytes(key), aad_bytes = bytes(aad), sealed_bytes = bytes(sealed);
    Aes256Gcm cipher(view(key_bytes));
    std::string out(sealed_bytes.size(), 'x');
    const bool genuine = cipher.decrypt(
        fixed<Nonce>(bytes(nonce)), view(aad_bytes), std::as_bytes(std::span(sealed_bytes)),
        fixed<Tag>(bytes(tag)), std::as_writable_bytes(std::span(out)));
    ++cases;
    if (plain == "FAIL") {
      ++refused;
      EXPECT_FALSE(genuine) << line;
      EXPECT_EQ(out, std::string(out.size(), '\0')) << line;
      continue;
    }
    ASSERT_TRUE(genuine) << line;
    EXPECT_EQ(out, bytes(plain)) << line;
    std::string again(out.size(), '\0');
    Tag made{};
    cipher.encrypt(fixed<Nonce>(bytes(nonce)), view(aad_bytes), std::as_bytes(std::span(out)),
                   std::as_writable_bytes(std::span(again)), made);
    EXPECT_EQ(again, sealed_bytes) << line;
    EXPECT_EQ(made, fixed<Tag>(bytes(tag))) << line;
  }
  EXPECT_EQ(cases, 500);
  EXPECT_GT(refused, 100);
}

// The edges that Wycheproof looks at: every bit of the tag and of the nonce counts, as do tags of
// all zeros and all ones, text and associated data that change places, and the counter's overflow
// being impossible to reach with nonces of 96 bits.
TEST(Aead, EveryBitCounts) {
  const std::string key(32, 'k'), text = "the text that is encrypted", aad = "what goes with it";
  Aes256Gcm cipher(view(key));
  const Nonce nonce{1, 2, 3};
  std::string sealed(text.size(), '\0'), out(text.size(), '\0');
  Tag tag{};
  cipher.encrypt(nonce, view(aad), std::as_bytes(std::span(text)),
                 std::as_writable_bytes(std::span(sealed)), tag);
  const auto opens = [&](const Nonce& n, const std::string& a, const std::string& s, const Tag& t) {
    out.assign(s.size(), '\0');
    return cipher.decrypt(n, view(a), std::as_bytes(std::span(s)), t,
                          std::as_writable_bytes(std::span(out)));
  };
  ASSERT_TRUE(opens(nonce, aad, sealed, tag));
  EXPECT_EQ(out, text);
  for (std::size_t bit = 0; bit < 8 * tag.size(); ++bit) {
    Tag other = tag;
    other[bit / 8] ^= static_cast<uint8_t>(1u << bit % 8);
    EXPECT_FALSE(opens(nonce, aad, sealed, other)) << bit;
  }
  for (std::size_t bit = 0; bit < 8 * nonce.size(); ++bit) {
    Nonce other = nonce;
    other[bit / 8] ^= static_cast<uint8_t>(1u << bit % 8);
    EXPECT_FALSE(opens(other, aad, sealed, tag)) << bit;
  }
  for (std::size_t bit = 0; bit < 8 * sealed.size(); ++bit) {
    std::string other = sealed;
    other[bit / 8] = static_cast<char>(other[bit / 8] ^ (1 << bit % 8));
    EXPECT_FALSE(opens(nonce, aad, other, tag)) << bit;
  }
  Tag ones;
  ones.fill(0xff);
  EXPECT_FALSE(opens(nonce, aad, sealed, Tag{}));
  EXPECT_FALSE(opens(nonce, aad, sealed, ones));
  EXPECT_FALSE(opens(nonce, sealed, aad, tag));
  EXPECT_FALSE(opens(nonce, "", aad + sealed, tag));
  EXPECT_FALSE(opens(nonce, aad, sealed.substr(1), tag));
  EXPECT_TRUE(opens(nonce, aad, sealed, tag));  // a refusal leaves no trace
}

// RFC 5869, A.1, cut to the 32 bytes we use; the length enters nowhere else.
TEST(Derive, Hkdf) {
  const std::string key = bytes("0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b");
  const std::string salt = bytes("000102030405060708090a0b0c"),
                    info = bytes("f0f1f2f3f4f5f6f7f8f9");
  EXPECT_EQ(to_hex(hkdf(view(key), view(salt), view(info)).bytes()),
            "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf");
}

TEST(Derive, CostsThatMakeNoSenseAreRefused) {
  EXPECT_TRUE(sane({}));
  EXPECT_FALSE(sane({.passes = 0}));
  EXPECT_FALSE(sane({.passes = 65}));
  EXPECT_FALSE(sane({.memory_kib = 0xffffffff}));
  EXPECT_FALSE(sane({.memory_kib = 16}));
  EXPECT_FALSE(sane({.lanes = 0}));
  EXPECT_FALSE(sane({.lanes = 0xffffffff}));
}

}  // namespace
}  // namespace holdfast::seal

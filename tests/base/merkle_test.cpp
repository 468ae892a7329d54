#include "base/merkle.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace holdfast {
namespace {

// The leaves and roots that certificate-transparency's own tests use for RFC 6962.
const std::vector<std::string> kLeaves = {"",
                                          "00",
                                          "10",
                                          "2021",
                                          "3031",
                                          "40414243",
                                          "5051525354555657",
                                          "606162636465666768696a6b6c6d6e6f"};
const std::vector<std::string> kRoots = {
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
};

Digest leaf_of(const std::string& hex) {
  const std::string bytes = *from_hex(hex);
  return merkle_leaf(std::as_bytes(std::span(bytes)));
}

Digest numbered(uint64_t i) { return merkle_leaf(std::as_bytes(std::span(&i, 1))); }

// MTH of the RFC, word by word.
Digest plain_root(std::span<const Digest> leaves) {
  if (leaves.empty()) return merkle_empty();
  if (leaves.size() == 1) return leaves[0];
  size_t k = 1;
  while (2 * k < leaves.size()) k *= 2;
  return merkle_node(plain_root(leaves.first(k)), plain_root(leaves.subspan(k)));
}

TEST(Digest, KnownAnswers) {
  EXPECT_EQ(to_hex(sha256(std::string_view("abc"))),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  // RFC 4231, cases 2 and 6.
  const std::string key = "Jefe";
  HmacSha256 mac(std::span(reinterpret_cast<const uint8_t*>(key.data()), key.size()));
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(to_hex(mac.update("what do ya want ").update("for nothing?").finish()),
              "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  }
  const std::vector<uint8_t> long_key(131, 0xaa);
  EXPECT_EQ(to_hex(HmacSha256(long_key)
                       .update("Test Using Larger Than Block-Size Key - Hash Key First")
                       .finish()),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

TEST(Digest, HexBothWays) {
  EXPECT_EQ(from_hex("00fF"), std::string("\0\xff", 2));
  EXPECT_FALSE(from_hex("0"));
  EXPECT_FALSE(from_hex("0g"));
  EXPECT_FALSE(digest_from_hex("00"));
}

TEST(Merkle, KnownRoots) {
  EXPECT_EQ(to_hex(merkle_empty()),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  MerkleFrontier frontier;
  MerkleLeaves leaves;
  for (size_t i = 0; i < kLeaves.size(); ++i) {
    frontier.push(leaf_of(kLeaves[i]));
    leaves.push(leaf_of(kLeaves[i]));
    EXPECT_EQ(to_hex(frontier.root()), kRoots[i]);
    EXPECT_EQ(to_hex(leaves.root(i + 1)), kRoots[i]);
  }
}

TEST(Merkle, EveryProofHoldsAndNoOther) {
  constexpr uint64_t kSize = 40;
  std::vector<Digest> all;
  for (uint64_t i = 0; i < kSize; ++i) all.push_back(numbered(i));
  for (const uint64_t first : {0u, 1u, 6u, 16u, 23u}) {
    MerkleFrontier before;
    for (uint64_t i = 0; i < first; ++i) before.push(all[i]);
    MerkleLeaves leaves(before);
    for (uint64_t i = first; i < kSize; ++i) leaves.push(all[i]);
    for (uint64_t size = first + 1; size <= kSize; ++size) {
      const Digest root = plain_root(std::span(all).first(size));
      EXPECT_EQ(leaves.root(size), root);
      for (uint64_t i = first; i < size; ++i) {
        auto proof = leaves.inclusion(i, size);
        EXPECT_TRUE(verify_inclusion(i, size, all[i], proof, root));
        EXPECT_FALSE(verify_inclusion(i, size, numbered(99), proof, root));
        EXPECT_FALSE(size > 1 && verify_inclusion((i + 1) % size, size, all[i], proof, root));
        proof.push_back(root);
        EXPECT_FALSE(verify_inclusion(i, size, all[i], proof, root));
      }
      for (uint64_t old = std::max<uint64_t>(first, 1); old <= size; ++old) {
        const Digest old_root = plain_root(std::span(all).first(old));
        auto proof = leaves.consistency(old, size);
        EXPECT_TRUE(verify_consistency(old, size, proof, old_root, root));
        if (old < size) {
          EXPECT_FALSE(verify_consistency(old, size, proof, root, root));
        }
        proof.push_back(root);
        EXPECT_FALSE(verify_consistency(old, size, proof, old_root, root));
      }
    }
  }
}

}  // namespace
}  // namespace holdfast

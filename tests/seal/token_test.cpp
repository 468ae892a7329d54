// A token of SoftHSM2: its keys never leave it, and one that hangs does not hang us.
#include "seal/token.h"

#include <condition_variable>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <mutex>

#include "seal/token_session.h"
#include "sealed_fixture.h"

namespace holdfast::seal {
namespace {

constexpr char kModule[] = "/usr/lib/softhsm/libsofthsm2.so";

class Token : public Sealed {
 protected:
  void SetUp() override {
    if (!std::filesystem::exists(kModule)) GTEST_SKIP() << "needs SoftHSM2";
    std::filesystem::create_directory(path("tokens"));
    write(path("conf"), "directories.tokendir = " + path("tokens") + "\n");
    ::setenv("SOFTHSM2_CONF", path("conf").c_str(), 1);
    const std::string command =
        "softhsm2-util --init-token --free --label test --pin 1234 --so-pin 5678 > /dev/null";
    ASSERT_EQ(std::system(command.c_str()), 0);
    write(path("pin"), "1234\n");
  }

  TokenOptions options(const std::string& name) const {
    return {.uri = "pkcs11:token=test;object=" + name + "?module-path=" + kModule,
            .pin_file = path("pin")};
  }
  KeyProviders keys(const std::string& name) const {
    KeyProviders out;
    out.push_back(token_key(options(name)).value());
    return out;
  }
};

TEST_F(Token, ItsKeysNeverLeaveIt) {
  const Status made = generate_token_key(options("master"));
  ASSERT_TRUE(made) << to_string(made.error());
  const auto uri = TokenUri::parse(options("master").uri).value();
  const auto session = TokenSession::open(uri, secret("1234")).value();
  const auto key = session->find(CKO_SECRET_KEY, "master", "").value();
  EXPECT_TRUE(session->flag(key, CKA_SENSITIVE).value());
  EXPECT_TRUE(session->flag(key, CKA_ALWAYS_SENSITIVE).value());
  EXPECT_FALSE(session->flag(key, CKA_EXTRACTABLE).value());
  EXPECT_TRUE(session->flag(key, CKA_NEVER_EXTRACTABLE).value());
  EXPECT_TRUE(session->flag(key, CKA_PRIVATE).value());
  EXPECT_FALSE(session->attribute(key, CKA_VALUE));  // the token refuses to tell it
}

TEST_F(Token, SealsAndOpens) {
  ASSERT_TRUE(generate_token_key(options("a")));
  ASSERT_TRUE(generate_token_key(options("b")));
  const std::string file = seal("f", "content", keys("a"));
  EXPECT_EQ(open(file, keys("a")).value(), "content");
  EXPECT_EQ(open(file, keys("b")).error().code, Code::kUnauthenticated);
  EXPECT_EQ(seal_file(path("pin"), path("g"), keys("none"), {}).error().code, Code::kNotFound);
  write(path("pin"), "4321\n");
  const auto wrong = open(file, keys("a"));
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().code, Code::kUnauthenticated);
  EXPECT_NE(wrong.error().message.find("the PIN is wrong"), std::string::npos);
}

TEST_F(Token, AnExtractableKeyIsRefused) {
  const auto uri = TokenUri::parse(options("loose").uri).value();
  const auto session = TokenSession::open(uri, secret("1234")).value();
  CK_MECHANISM mechanism{CKM_AES_KEY_GEN, nullptr, 0};
  CK_BBOOL yes = CK_TRUE;
  CK_ULONG length = 32;
  std::string label = "loose";
  CK_ATTRIBUTE wanted[] = {{CKA_TOKEN, &yes, sizeof yes},
                           {CKA_EXTRACTABLE, &yes, sizeof yes},
                           {CKA_ENCRYPT, &yes, sizeof yes},
                           {CKA_VALUE_LEN, &length, sizeof length},
                           {CKA_LABEL, label.data(), label.size()}};
  CK_OBJECT_HANDLE key = 0;
  ASSERT_EQ(session->module().C_GenerateKey(session->handle(), &mechanism, wanted,
                                            std::size(wanted), &key),
            CKR_OK);
  EXPECT_EQ(seal_file(path("pin"), path("g"), keys("loose"), {}).error().code,
            Code::kPermissionDenied);
}

TEST_F(Token, RemovedAndPutBack) {
  ASSERT_TRUE(generate_token_key(options("a")));
  const std::string file = seal("f", "content", keys("a"));
  std::filesystem::rename(path("tokens"), path("away"));
  std::filesystem::create_directory(path("tokens"));
  EXPECT_EQ(open(file, keys("a")).error().code, Code::kUnavailable);
  std::filesystem::remove(path("tokens"));
  std::filesystem::rename(path("away"), path("tokens"));
  EXPECT_EQ(open(file, keys("a")).value(), "content");
}

TEST(TokenUri, Refusals) {
  for (const char* bad : {"", "pkcs11", "file:x", "pkcs11:token=%zz"})
    EXPECT_EQ(TokenUri::parse(bad).error().code, Code::kInvalidArgument) << bad;
  const auto pin = TokenUri::parse("pkcs11:token=t;object=o?pin-value=987654");
  ASSERT_FALSE(pin);
  EXPECT_EQ(to_string(pin.error()).find("987654"), std::string::npos);
  const auto uri =
      TokenUri::parse("pkcs11:token=t;object=o;id=%01%02?pin-source=file:/p&module-path=/m");
  EXPECT_EQ(uri->label, "o");
  EXPECT_EQ(uri->id, "\x01\x02");
  EXPECT_EQ(uri->pin_source, "/p");
  EXPECT_EQ(uri->module_path, "/m");
}

// A token that answers only when the test is over.
TEST(Within, ASlowTokenIsUnavailable) {
  struct Gate {
    std::mutex mutex;
    std::condition_variable changed;
    bool open = false, done = false;
  };
  const auto gate = std::make_shared<Gate>();
  const Status status = within(std::chrono::milliseconds(20), "token", [gate]() -> Status {
    std::unique_lock lock(gate->mutex);
    gate->changed.wait(lock, [&] { return gate->open; });
    gate->done = true;
    gate->changed.notify_all();
    return {};
  });
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, Code::kUnavailable);
  std::unique_lock lock(gate->mutex);
  gate->open = true;
  gate->changed.notify_all();
  gate->changed.wait(lock, [&] { return gate->done; });
  EXPECT_TRUE(within(std::chrono::hours(1), "token", [] { return Status(); }));
}

}  // namespace
}  // namespace holdfast::seal

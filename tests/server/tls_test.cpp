#include <filesystem>

#include <gtest/gtest.h>
#include <openssl/ssl.h>

#include "base/state_file.h"
#include "fake_model.h"
#include "raw_client.h"
#include "server/private_ca.h"
#include "server/server.h"
#include "server/tls_session.h"

namespace holdfast {
namespace {

using std::chrono::milliseconds;

class TlsTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = testing::TempDir() + "tls_test_" +
              testing::UnitTest::GetInstance()->current_test_info()->name();
    std::filesystem::remove_all(folder_);
    auto made = private_certificate(folder_, {"localhost", "127.0.0.1"});
    ASSERT_TRUE(made) << to_string(made.error());
    certificate_ = *made;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  std::string text(const std::string& path) { return *read_small_file(path); }

  std::string folder_;
  PrivateCertificate certificate_;
};

// A client without a socket, as the session is a server without one.
class MemoryClient {
 public:
  MemoryClient()
      : context_(SSL_CTX_new(TLS_client_method())),
        ssl_(SSL_new(context_)),
        in_(BIO_new(BIO_s_mem())),
        out_(BIO_new(BIO_s_mem())) {
    SSL_set_bio(ssl_, in_, out_);
    SSL_set_connect_state(ssl_);
  }
  ~MemoryClient() {
    SSL_free(ssl_);
    SSL_CTX_free(context_);
  }
  std::string output() {
    std::string bytes(BIO_ctrl_pending(out_), '\0');
    if (!bytes.empty()) BIO_read(out_, bytes.data(), static_cast<int>(bytes.size()));
    return bytes;
  }
  void put(const std::string& bytes) {
    if (!bytes.empty()) BIO_write(in_, bytes.data(), static_cast<int>(bytes.size()));
  }
  std::string read() {
    std::string all;
    char buffer[4096];
    for (int got = 0; (got = SSL_read(ssl_, buffer, sizeof(buffer))) > 0;) {
      all.append(buffer, static_cast<size_t>(got));
    }
    return all;
  }
  void shake_hands(TlsSession& server) {
    std::string plain;
    for (int i = 0; i < 4; ++i) {
      SSL_do_handshake(ssl_);
      server.put(output(), plain);
      put(server.take_output());
    }
  }
  SSL* ssl() { return ssl_; }

 private:
  SSL_CTX* context_;
  SSL* ssl_;
  BIO *in_, *out_;
};

TEST_F(TlsTest, SessionCarriesTextBothWaysByteByByte) {
  auto context = TlsContext::load(certificate_.files);
  ASSERT_TRUE(context) << to_string(context.error());
  TlsSession server(*context);
  MemoryClient client;
  client.shake_hands(server);
  ASSERT_TRUE(server.established());
  EXPECT_EQ(server.peer_subject(), "");

  const std::string question(50'000, 'q');
  SSL_write(client.ssl(), question.data(), static_cast<int>(question.size()));
  std::string plain;
  for (const char byte : client.output()) server.put({&byte, 1}, plain);
  EXPECT_EQ(plain, question);

  const std::string answer(100'000, 'a');
  server.write(answer);
  client.put(server.take_output());
  EXPECT_EQ(client.read(), answer);

  SSL_shutdown(client.ssl());
  server.put(client.output(), plain);
  EXPECT_TRUE(server.ended());
  EXPECT_EQ(server.failure(), "");
}

TEST_F(TlsTest, OneWrongBitEndsTheSession) {
  const auto context = *TlsContext::load(certificate_.files);
  TlsSession server(context);
  MemoryClient client;
  client.shake_hands(server);
  SSL_write(client.ssl(), "hello", 5);
  std::string record = client.output();
  record.back() = static_cast<char>(record.back() ^ 1);
  std::string plain;
  server.put(record, plain);
  EXPECT_EQ(plain, "");
  EXPECT_TRUE(server.ended());
  EXPECT_NE(server.failure(), "");
  server.write("too late");
  server.close();
}

TEST_F(TlsTest, CertificatesAreKeptAndRenewed) {
  const std::string authority = text(certificate_.authority);
  const std::string server = text(certificate_.files.certificate);
  EXPECT_TRUE(certificate_.new_authority);
  auto again = private_certificate(folder_, {"127.0.0.1"});
  ASSERT_TRUE(again);
  EXPECT_FALSE(again->new_authority);
  EXPECT_EQ(text(again->files.certificate), server);
  again = private_certificate(folder_, {"127.0.0.1", "models.example"});
  ASSERT_TRUE(again);
  EXPECT_NE(text(again->files.certificate), server);
  EXPECT_EQ(text(again->authority), authority);
  EXPECT_FALSE(private_certificate(folder_, {"a,DNS:b"}));
  EXPECT_FALSE(private_certificate(folder_, {""}));
}

TEST_F(TlsTest, WrongFilesAreNamed) {
  TlsFiles files = certificate_.files;
  files.key = folder_ + "/ca.key";
  auto context = TlsContext::load(files);
  ASSERT_FALSE(context);
  EXPECT_EQ(context.error().where, files.key);
  files = certificate_.files;
  files.client_ca = folder_ + "/nothing.pem";
  context = TlsContext::load(files);
  ASSERT_FALSE(context);
  EXPECT_EQ(context.error().where, files.client_ca);
}

TEST_F(TlsTest, AHandshakeThatTricklesIsCut) {
  ServerOptions options;
  options.port = 0;
  options.tls = certificate_.files;
  options.handshake_timeout = milliseconds(30);
  auto server = Server::start({std::make_shared<FakeModel>()}, options);
  ASSERT_TRUE(server) << to_string(server.error());
  RawClient silent((*server)->port());
  EXPECT_EQ(silent.read_all(), "");
  RawClient slow((*server)->port());
  slow.send(std::string("\x16\x03\x01\x02\x00\x01", 6));
  EXPECT_EQ(slow.read_all(), "");
}

}  // namespace
}  // namespace holdfast

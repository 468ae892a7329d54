// One connection's TLS: bytes from the network in, text out, and the way back. Knows no socket, so
// that tests drive it directly; the connection moves the bytes and keeps the time.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "server/tls_context.h"

struct ssl_st;
struct bio_st;

namespace holdfast {

class TlsSession {
 public:
  explicit TlsSession(std::shared_ptr<const TlsContext> context);
  ~TlsSession();
  TlsSession(const TlsSession&) = delete;
  TlsSession& operator=(const TlsSession&) = delete;

  // Takes all of what came from the network; appends what it says to `plain`, never more than came.
  void put(std::string_view network, std::string& plain);
  // Once established: encrypts.
  void write(std::string_view plain);
  // Says that nothing more will be sent (close_notify).
  void close();
  // What the network must get next. Ask after each of the above.
  std::string take_output();

  bool established() const { return established_; }
  // The peer has said its last: in order, or not.
  bool ended() const { return ended_; }
  // Why the session failed; empty while it has not.
  const std::string& failure() const { return failure_; }
  // The peer speaks HTTP without TLS: it would like an answer it can read.
  bool plain_http() const { return plain_http_; }

  // The verified client certificate's subject as RFC 2253 writes it ("CN=anna,O=Clinic"); empty
  // when there is none.
  std::string peer_subject() const;

 private:
  void failed();

  std::shared_ptr<const TlsContext> context_;
  ssl_st* ssl_ = nullptr;
  bio_st* in_ = nullptr;   // owned by ssl_
  bio_st* out_ = nullptr;  // owned by ssl_
  bool established_ = false, ended_ = false, plain_http_ = false;
  std::string failure_;
};

}  // namespace holdfast

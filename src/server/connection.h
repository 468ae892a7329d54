// One client's connection: reads requests one after the other, hands each to its route, and sends
// what comes back. All its state lives on one strand; nothing here ever blocks.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>

#include "server/http_reader.h"
#include "server/reply.h"
#include "server/router.h"
#include "server/runtime.h"
#include "server/tls_session.h"

namespace holdfast {

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  using Socket = boost::asio::generic::stream_protocol::socket;

  // The socket's executor must be a strand. With a `tls` context the client must speak TLS.
  Connection(Socket socket, std::shared_ptr<const TlsContext> tls, Runtime& runtime);

  // Until the client or the server ends the connection. On the strand.
  boost::asio::awaitable<void> run();
  // The server has no room: says so and closes.
  boost::asio::awaitable<void> turn_away();

  // From any thread.
  void drain();  // closes when idle, else after the running answer
  void cut();    // ends the running answer now

  void notify();  // wakes the coroutine; on the strand

 private:
  template <class T>
  using awaitable = boost::asio::awaitable<T>;
  using Clock = std::chrono::steady_clock;
  using Milliseconds = std::chrono::milliseconds;

  void learn_peer();
  awaitable<bool> shake_hands();        // false: this client and we have no TLS in common
  void judge(const HttpRequest& head);  // at the gate
  awaitable<bool> read_request(HttpReader& reader);
  awaitable<bool> serve(
      const std::shared_ptr<HttpRequest>& request);  // false: the answer did not get through
  awaitable<Reply> call_route(std::shared_ptr<HttpRequest> request);
  awaitable<bool> send_answer(const HttpRequest& request, std::unique_ptr<Answer> answer);
  awaitable<bool> follow(Answer& answer, bool chunked);
  void note_usage(const Usage& usage);
  void note_request(const HttpRequest& request, const Route* route, int status,
                    int64_t milliseconds) const;  // in the log
  awaitable<bool> send_response(const HttpRequest& request, HttpResponse response);
  awaitable<bool> write(std::string_view data, Milliseconds timeout);
  awaitable<bool> write_network(std::string_view data, Milliseconds timeout);
  awaitable<void> end_tls();
  awaitable<void> linger();
  awaitable<bool> wait_until(Clock::time_point deadline);  // false: nothing happened till then

  void limit_write(Milliseconds timeout);
  void start_read();
  void on_read(size_t bytes, bool failed);
  void take_plain(std::string_view plain);
  void abort();
  std::string head(const HttpRequest& request, int status, std::string_view content_type,
                   const HttpFields& fields) const;

  Socket socket_;
  Runtime& runtime_;
  std::optional<TlsSession> tls_;
  Peer peer_;
  Passage passage_;  // of the request that is being read or answered
  std::shared_ptr<const ReloadableOptions> current_;  // likewise: as of its beginning
  Admission admission_;                               // likewise: its place among the running ones
  boost::asio::steady_timer signal_, write_timer_;
  std::string in_;                 // read and not yet parsed
  std::vector<char> read_buffer_;  // of the read that is under way
  size_t discarded_ = 0;           // read while an answer was made, and thrown away
  uint64_t writes_ = 0;
  bool signaled_ = false;
  bool reading_ = false, writing_ = false;
  bool serving_ = false;  // a request is being answered: the end of input means the client left
  bool lingering_ = false;
  bool end_of_input_ = false;
  bool gone_ = false;         // nobody is there to answer
  bool close_after_ = false;  // no further request
  bool cut_ = false;
  int status_ = 0;  // of the answer, for the log
  int64_t tokens_ = 0;
};

}  // namespace holdfast

// What a route gives back: a finished response, or an answer that is still being generated.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <variant>

#include "engine/generation.h"
#include "server/http_message.h"

namespace holdfast {

// An answer in the making. It never waits: the connection asks it to advance whenever it was woken.
// Used from one thread at a time; dropping it cancels the generation.
class Answer {
 public:
  enum class Progress {
    kWaiting,  // nothing more now: advance again after the next wake
    kMore,     // `out` is full enough; advance again once it is sent
    kDone,     // the last piece is in `out` (streams), or response() is ready
  };

  virtual ~Answer() = default;
  // `wake` is called from any thread, also before this returns. Once, before the first advance().
  virtual void on_ready(std::function<void()> wake) = 0;
  // Server-sent events, sent as they come, or one response at the end?
  virtual bool streams() const = 0;
  // Takes what is ready; appends whole events to `out` when it streams.
  virtual Progress advance(std::string& out) = 0;
  // What an event stream says last when the server must cut it.
  virtual void interrupt(std::string& out) = 0;
  virtual HttpResponse response() = 0;
  // Further response fields; known from the start.
  virtual HttpFields fields() const { return {}; }
  // So far, of all choices; the prompt counts once for those that share it.
  virtual Usage usage() const = 0;
};

using Reply = std::variant<HttpResponse, std::unique_ptr<Answer>>;

}  // namespace holdfast

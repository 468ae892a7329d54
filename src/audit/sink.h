// Where records go besides the log's own files.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "audit/format.h"
#include "base/result.h"

namespace holdfast::audit {

// Used by one thread.
class Sink {
 public:
  virtual ~Sink() = default;
  virtual std::string name() const = 0;  // "syslog /dev/log"
  // A batch that the log has just taken, and the checkpoint that covers it.
  virtual Status write(const LogId& log_id, std::span<const Record> records,
                       const Checkpoint& checkpoint) = 0;
};

// RFC 5424 messages to a Unix socket (datagrams, or a stream with octet counting: whichever the
// socket is). A record's payload stays out of them; a checkpoint is a message of its own. Connects
// again when the daemon was restarted. unavailable when nobody listens there.
Result<std::unique_ptr<Sink>> open_syslog(const std::string& path);

}  // namespace holdfast::audit

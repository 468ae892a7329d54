#include "sandbox/egress.h"

#include <cerrno>
#include <csignal>
#include <cstring>
#include <functional>
#include <vector>

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <net/if.h>
#include <netinet/in.h>
#include <spawn.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

extern char** environ;  // NOLINT(readability-redundant-declaration): POSIX wants it declared

namespace holdfast {

namespace {

// What came of an attempt: what was called last, and its error number (0: it worked).
struct Tried {
  const char* call;
  int error;
};

Tried from(const char* call, long result) { return {call, result < 0 ? errno : 0}; }

sockaddr_in outside(uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  inet_pton(AF_INET, "192.0.2.1", &address.sin_addr);  // TEST-NET-1: nobody's
  return address;
}

Tried connect_to(int family, int type, int protocol, uint16_t port) {
  const int fd = socket(family, type | SOCK_NONBLOCK, protocol);
  if (fd < 0) return from("socket", fd);
  const sockaddr_in address = outside(port);
  return from("connect", connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)));
}

// A socket made before the fences, as a listening one is.
Tried turn_round(int fd) {
  shutdown(fd, SHUT_RDWR);
  const sockaddr_in address = outside(443);
  if (const ssize_t sent = sendto(fd, "x", 1, MSG_FASTOPEN | MSG_DONTWAIT | MSG_NOSIGNAL,
                                  reinterpret_cast<const sockaddr*>(&address), sizeof(address));
      sent >= 0 || (errno != EPERM && errno != EACCES)) {
    return from("sendto", sent);
  }
  return from("connect", connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)));
}

Tried send_datagram(int fd) {
  const sockaddr_in address = outside(53);
  return from("sendto", sendto(fd, "x", 1, MSG_DONTWAIT,
                               reinterpret_cast<const sockaddr*>(&address), sizeof(address)));
}

Tried run_shell() {
  char* const arguments[] = {const_cast<char*>("sh"), const_cast<char*>("-c"),
                             const_cast<char*>("exit 0"), nullptr};
  pid_t child = 0;
  if (const int error = posix_spawn(&child, "/bin/sh", nullptr, nullptr, arguments, environ);
      error != 0) {
    return {"posix_spawn", error};
  }
  int status = 0;
  waitpid(child, &status, 0);
  return {"posix_spawn", 0};
}

Tried execute() {
  char* const arguments[] = {const_cast<char*>("true"), nullptr};
  return from("execve", execve("/bin/true", arguments, environ));
}

struct Attempt {
  const char* name;
  std::function<Tried()> run;
};

std::vector<Attempt> attempts(int tcp, int udp, const CallFence& calls) {
  std::vector<Attempt> out{
      {"TCP connection", [] { return connect_to(AF_INET, SOCK_STREAM, 0, 443); }},
      {"TCP connection over IPv6", [] { return from("socket", socket(AF_INET6, SOCK_STREAM, 0)); }},
      {"TCP from a socket that listened", [=] { return turn_round(tcp); }},
      {"UDP datagram", [] { return connect_to(AF_INET, SOCK_DGRAM, 0, 9); }},
      {"UDP datagram from a socket left open", [=] { return send_datagram(udp); }},
      {"DNS query", [] { return connect_to(AF_INET, SOCK_DGRAM, IPPROTO_UDP, 53); }},
      {"raw socket", [] { return from("socket", socket(AF_INET, SOCK_RAW, IPPROTO_ICMP)); }},
      {"packet socket", [] { return from("socket", socket(AF_PACKET, SOCK_RAW, 0)); }},
      {"netlink socket", [] { return from("socket", socket(AF_NETLINK, SOCK_RAW, 0)); }},
      {"vsock", [] { return from("socket", socket(40, SOCK_STREAM, 0)); }},
      {"a shell", run_shell},
      {"a program in our place", execute},
      {"another process", [] { return from("fork", syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0)); }},
      {"io_uring",
       [] {
         char parameters[120] = {};
         return from("io_uring_setup", syscall(425, 4, parameters));
       }},
      {"tracing a process", [] { return from("ptrace", ptrace(PTRACE_ATTACH, getppid(), 0, 0)); }},
      {"another's memory",
       [] {
         return from("process_vm_readv",
                     syscall(SYS_process_vm_readv, getppid(), nullptr, 0, nullptr, 0, 0));
       }},
      {"a signal to another process",
       [] { return from("tgkill", syscall(SYS_tgkill, getppid(), getppid(), 0)); }},
      {"another's sockets", [] { return from("pidfd_open", syscall(434, getppid(), 0)); }},
      {"a namespace of our own", [] { return from("unshare", syscall(SYS_unshare, 0x10000000)); }},
      {"reading /etc/passwd", [] { return from("open", open("/etc/passwd", O_RDONLY)); }},
      {"writing /tmp",
       [] {
         return from("open", open("/tmp/holdfast-egress", O_WRONLY | O_CREAT | O_EXCL, 0600));
       }},
  };
  if (!calls.unix_sockets) {
    out.push_back({"Unix socket", [] { return from("socket", socket(AF_UNIX, SOCK_STREAM, 0)); }});
  }
  return out;
}

// In the child: one line for each attempt.
void report(int out, const std::vector<Attempt>& list) {
  for (const Attempt& attempt : list) {
    const Tried tried = attempt.run();
    if (std::strcmp(tried.call, "fork") == 0 && tried.error == 0)
      continue;  // both go on: both say so
    const std::string line = fmt::format("{}\t{}\t{}\n", attempt.name, tried.call, tried.error);
    [[maybe_unused]] const ssize_t put = write(out, line.data(), line.size());
  }
}

}  // namespace

Result<std::vector<EgressAttempt>> try_egress(const SandboxPaths& paths, const CallFence& calls) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return fail(Code::kUnavailable, "cannot make a pipe");
  const pid_t child = fork();
  if (child < 0) return fail(Code::kUnavailable, "cannot start a process");
  if (child == 0) {
    alarm(30);
    const int tcp = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (tcp >= 0) listen(tcp, 1);
    const int udp = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    harden_process();
    const auto files = fence_files(paths);
    const Status fenced = files ? fence_calls(calls) : fail(files.error());
    if (!fenced) {
      const std::string line = fmt::format("!{}\n", to_string(fenced.error()));
      [[maybe_unused]] const ssize_t put = write(ends[1], line.data(), line.size());
      _exit(1);
    }
    report(ends[1], attempts(tcp, udp, calls));
    _exit(0);
  }
  close(ends[1]);
  std::string text;
  char buffer[4096];
  ssize_t got = 0;
  while ((got = read(ends[0], buffer, sizeof(buffer))) > 0 || (got < 0 && errno == EINTR)) {
    if (got > 0) text.append(buffer, static_cast<size_t>(got));
  }
  close(ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  if (text.starts_with('!')) return fail(Code::kUnavailable, text.substr(1, text.size() - 2));

  std::vector<EgressAttempt> out;
  for (const Attempt& attempt : attempts(-1, -1, calls)) {
    EgressAttempt one{
        .name = attempt.name, .refused = false, .outcome = "no answer: it may have worked"};
    const std::string begin = std::string(attempt.name) + "\t";
    if (const size_t at = ("\n" + text).find("\n" + begin); at != std::string::npos) {
      const std::string rest =
          text.substr(at + begin.size(), text.find('\n', at) - at - begin.size());
      const size_t tab = rest.find('\t');
      const int error = std::atoi(rest.c_str() + tab + 1);
      one.refused = error == EPERM || error == EACCES || error == ENOSYS;
      one.outcome = fmt::format("{}: {}", rest.substr(0, tab),
                                error == 0 ? "it worked" : std::strerror(error));
    }
    out.push_back(std::move(one));
  }
  return out;
}

}  // namespace holdfast

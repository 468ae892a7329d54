#include "sandbox/sandbox.h"

#include <cerrno>
#include <fstream>
#include <functional>
#include <thread>

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../files/temporary_folder.h"
#include "sandbox/egress.h"

namespace holdfast {
namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SKIP_UNDER_SANITIZERS GTEST_SKIP() << "sanitizers need what the fences forbid"
#else
#define SKIP_UNDER_SANITIZERS (void)0
#endif

// Fences cannot be taken down again: each test puts them up in a child. Its exit status.
int in_child(const std::function<int()>& run) {
  const pid_t child = fork();
  if (child == 0) _exit(run());
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

bool opens(const std::string& path, int flags) {
  const int fd = open(path.c_str(), flags, 0600);
  if (fd >= 0) close(fd);
  return fd >= 0;
}

TEST(Sandbox, EveryWayOutIsRefused) {
  SKIP_UNDER_SANITIZERS;
  const TemporaryFolder folder;
  SandboxPaths paths;
  paths.write.push_back(folder.path().string());
  const auto attempts = try_egress(paths, {});
  ASSERT_TRUE(attempts) << to_string(attempts.error());
  EXPECT_GE(attempts->size(), 20u);
  for (const EgressAttempt& attempt : *attempts) {
    // Without Landlock in the kernel files stay open, and the server says so aloud.
    if (attempt.name.starts_with("reading") || attempt.name.starts_with("writing")) continue;
    EXPECT_TRUE(attempt.refused) << attempt.name << ": " << attempt.outcome;
  }
}

TEST(Sandbox, OnlyNamedFilesCanBeReached) {
  SKIP_UNDER_SANITIZERS;
  const TemporaryFolder state, models, other;
  std::ofstream(models.file("model.gguf")) << "x";
  std::ofstream(models.file("beside.txt")) << "x";
  std::ofstream(other.file("secret")) << "x";
  SandboxPaths paths;
  paths.write.push_back(state.path().string());
  paths.read.push_back(models.file("model.gguf"));
  paths.read.push_back("/nowhere/at/all");
  const int result = in_child([&] {
    const auto fence = fence_files(paths);
    if (!fence) return 1;
    if (fence->abi == 0) return 77;
    if (!opens(models.file("model.gguf"), O_RDONLY)) return 2;
    if (opens(models.file("model.gguf"), O_WRONLY)) return 3;
    if (opens(models.file("beside.txt"), O_RDONLY)) return 4;
    if (opens(other.file("secret"), O_RDONLY)) return 5;
    if (!opens(state.file("new"), O_WRONLY | O_CREAT)) return 6;
    if (rename(state.file("new").c_str(), state.file("newer").c_str()) != 0) return 7;
    if (unlink(state.file("newer").c_str()) != 0) return 8;
    if (opens(other.file("new"), O_WRONLY | O_CREAT)) return 9;
    if (opens("/etc/passwd", O_RDONLY)) return 10;
    bool inherited = false;
    std::thread([&] { inherited = !opens("/etc/passwd", O_RDONLY); }).join();
    return inherited ? 0 : 11;
  });
  if (result == 77) GTEST_SKIP() << "this kernel has no Landlock";
  EXPECT_EQ(result, 0);
}

TEST(Sandbox, WhoeverConnectsIsServedAllTheSame) {
  SKIP_UNDER_SANITIZERS;
  int ready[2];
  ASSERT_EQ(pipe(ready), 0);
  const pid_t child = fork();
  if (child == 0) {
    const int listener = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    bind(listener, reinterpret_cast<sockaddr*>(&address), size);
    listen(listener, 4);
    getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size);
    std::thread before;  // calls are fenced in threads that were there first, too
    int pipe_ends[2];
    if (pipe(pipe_ends) != 0) _exit(1);
    int outside_error = 0;
    before = std::thread([&] {
      char byte = 0;
      if (read(pipe_ends[0], &byte, 1) != 1) return;
      if (socket(AF_INET, SOCK_STREAM, 0) < 0) outside_error = errno;
    });
    if (!fence_files({}) || !fence_calls({})) _exit(2);
    if (write(pipe_ends[1], "x", 1) != 1) _exit(3);
    before.join();
    if (outside_error != EPERM) _exit(4);
    if (write(ready[1], &address.sin_port, 2) != 2) _exit(5);
    const int client = accept(listener, nullptr, nullptr);
    if (client < 0) _exit(6);
    char text[8] = {};
    const ssize_t got = recv(client, text, sizeof(text), 0);
    std::thread([&] { (void)send(client, text, static_cast<size_t>(got), MSG_NOSIGNAL); }).join();
    _exit(0);
  }
  uint16_t port = 0;
  ASSERT_EQ(read(ready[0], &port, 2), 2);
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = port;
  ASSERT_EQ(connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  ASSERT_EQ(send(fd, "echo", 4, 0), 4);
  char text[8] = {};
  EXPECT_EQ(recv(fd, text, sizeof(text), 0), 4);
  EXPECT_STREQ(text, "echo");
  close(fd);
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
}

TEST(Sandbox, UnixSocketsStayWhereSyslogNeedsThem) {
  SKIP_UNDER_SANITIZERS;
  EXPECT_EQ(in_child([] {
              if (!fence_calls({.unix_sockets = true})) return 1;
              if (socket(AF_UNIX, SOCK_DGRAM, 0) < 0) return 2;
              return socket(AF_INET, SOCK_DGRAM, 0) < 0 && errno == EPERM ? 0 : 3;
            }),
            0);
}

TEST(Sandbox, NothingIsDumped) {
  EXPECT_EQ(in_child([] {
              harden_process();
              rlimit limit{};
              getrlimit(RLIMIT_CORE, &limit);
              return prctl(PR_GET_DUMPABLE) == 0 && limit.rlim_max == 0 ? 0 : 1;
            }),
            0);
}

}  // namespace
}  // namespace holdfast

#include "files/model_digest.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "base/digest.h"
#include "base/thread_pool.h"

namespace holdfast {

namespace fs = std::filesystem;

namespace {

constexpr size_t kPiece = 1u << 20;

Result<Digest> file_digest(const std::string& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    return fail(Code::kNotFound, fmt::format("cannot open: {}", std::strerror(errno)), path);
  }
  Sha256 hash;
  std::vector<std::byte> piece(kPiece);
  ssize_t got = 0;
  while ((got = read(fd, piece.data(), piece.size())) != 0) {
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) break;
    hash.update(std::span(piece).first(static_cast<size_t>(got)));
  }
  const int error = errno;
  close(fd);
  if (got < 0) {
    return fail(Code::kUnavailable, fmt::format("cannot read: {}", std::strerror(error)), path);
  }
  return hash.finish();
}

bool belongs(const fs::path& name) {
  const std::string extension = name.extension().string();
  for (const char* one : {".json", ".jinja", ".model", ".txt", ".safetensors"}) {
    if (extension == one) return true;
  }
  return false;
}

// "model-00001-of-00004.gguf": all four; a file of its own otherwise.
std::vector<fs::path> parts_of(const fs::path& path) {
  const std::string stem = path.stem().string();  // …-00001-of-00004
  const size_t at = stem.size() < 15 ? std::string::npos : stem.size() - 15;
  if (at == std::string::npos || stem[at] != '-' || stem.substr(at + 6, 4) != "-of-") return {path};
  std::vector<fs::path> out;
  std::error_code ec;
  const fs::path folder = path.has_parent_path() ? path.parent_path() : fs::path(".");
  for (const auto& entry : fs::directory_iterator(folder, ec)) {
    const std::string other = entry.path().stem().string();
    if (other.size() == stem.size() && other.substr(0, at) == stem.substr(0, at) &&
        other.substr(at + 6) == stem.substr(at + 6) &&
        entry.path().extension() == path.extension()) {
      out.push_back(entry.path());
    }
  }
  return out;
}

}  // namespace

Result<std::string> model_digest(const std::string& path) {
  std::error_code ec;
  std::vector<fs::path> files;
  if (fs::is_directory(path, ec)) {
    for (const auto& entry : fs::directory_iterator(path, ec)) {
      if (entry.is_regular_file(ec) && belongs(entry.path())) files.push_back(entry.path());
    }
    if (files.empty()) return fail(Code::kNotFound, "there are no model files here", path);
  } else {
    files = parts_of(path);
    if (files.size() == 1) {
      ASSIGN_OR_RETURN(const Digest digest, file_digest(path));
      return to_hex(digest);
    }
  }
  std::sort(files.begin(), files.end(),
            [](const fs::path& a, const fs::path& b) { return a.filename() < b.filename(); });
  std::vector<Result<Digest>> digests(files.size());
  std::atomic<size_t> next{0};
  const auto work = [&] {
    for (size_t i = next++; i < files.size(); i = next++) digests[i] = file_digest(files[i]);
  };
  std::vector<std::thread> threads;
  const size_t most = static_cast<size_t>(ThreadPool::available_cpus());
  for (size_t i = 1; i < std::min(most, files.size()); ++i) threads.emplace_back(work);
  work();
  for (std::thread& thread : threads) thread.join();
  std::string listing;
  for (size_t i = 0; i < files.size(); ++i) {
    if (!digests[i]) return fail(digests[i].error());
    listing += fmt::format("{}  {}\n", to_hex(*digests[i]), files[i].filename().string());
  }
  return to_hex(sha256(listing));
}

}  // namespace holdfast

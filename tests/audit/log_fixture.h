// A log in a temporary folder, and what tests do to it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "../files/temporary_folder.h"
#include "audit/folder.h"
#include "audit/log_writer.h"
#include "audit/verify.h"
#include "test_storage.h"

namespace holdfast::audit {

inline std::string read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

inline void write_file(const std::string& path, std::string_view bytes) {
  std::filesystem::remove(path);  // a file cut to nothing and written anew is flushed by ext4
  std::ofstream out(path, std::ios::binary);
  out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

// A folder with a log in "log", the newest checkpoint in "head" and the key in "key".
class LogTest : public testing::Test {
 protected:
  LogTest() : signer_(open_or_create_key_file(folder_.file("key")).value()) {}

  LogWriterOptions options() const {
    return {.folder = folder_.file("log"), .head_file = folder_.file("head")};
  }
  std::unique_ptr<LogWriter> open(Storage& storage = QuickStorage::get()) {
    auto log = LogWriter::open(options_, *signer_, storage);
    if (!log) ADD_FAILURE() << to_string(log.error());
    return log ? std::move(*log) : nullptr;
  }
  static std::vector<std::string> bodies(uint64_t from, uint64_t count) {
    std::vector<std::string> out;
    for (uint64_t i = from; i < from + count; ++i) {
      out.push_back(fmt::format(R"({{"event":"test","n":{},"fill":"{:x^{}}"}})", i, "", i % 97));
    }
    return out;
  }
  NamedCheckpoint head(const std::string& name = "head") const {
    std::string text = read_file(folder_.file(name));
    text.erase(text.find_last_not_of('\n') + 1);
    return parse_checkpoint_note(text + "\n").value();
  }
  VerifyReport verify(bool expect_head = true) const {
    VerifyOptions options;
    options.folders = {folder_.file("log")};
    options.trusted = {signer_->public_key()};
    if (expect_head) options.expect = head();
    options.threads = 1;
    return verify_log(options).value();
  }
  static std::string said(const VerifyReport& report) {
    std::string out;
    for (const BadRecord& bad : report.bad) {
      out += fmt::format("record {}: {} ({})\n", bad.record, bad.what, bad.where);
    }
    return out;
  }

  TemporaryFolder folder_;
  std::unique_ptr<Signer> signer_;
  LogWriterOptions options_ = options();
};

}  // namespace holdfast::audit

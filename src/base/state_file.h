// Small files of the server's own state: where they lie, and how they are written.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace holdfast {

// $HOLDFAST_HOME, or ~/.local/share/holdfast.
std::string home_directory();

// Makes a folder (and those above it) that its owner alone may enter.
Status make_private_folder(const std::string& path);

enum class Access { kOwner, kEverybody };  // who may read; the owner alone may write

// Writes a file whole or not at all: under another name, to the disk, then renamed.
Status write_state_file(const std::string& path, std::string_view data, Access access);

// not_found; invalid_argument for a folder, or a file over `most` bytes.
Result<std::string> read_small_file(const std::string& path, uint64_t most = 1u << 20);

}  // namespace holdfast

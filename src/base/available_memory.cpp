#include "base/available_memory.h"

#include <algorithm>
#include <fstream>
#include <limits>
#include <string>

namespace holdfast {
namespace {

int64_t read_number(const char* path, int64_t otherwise) {
  std::ifstream file(path);
  int64_t value = 0;
  return file >> value ? value : otherwise;  // "max" is no number
}

}  // namespace

int64_t available_memory() {
  int64_t bytes = std::numeric_limits<int64_t>::max();
  std::ifstream meminfo("/proc/meminfo");
  std::string key, unit;
  int64_t kib = 0;
  while (meminfo >> key >> kib) {
    std::getline(meminfo, unit);
    if (key == "MemAvailable:") bytes = kib * 1024;
  }
  const int64_t limit =
      read_number("/sys/fs/cgroup/memory.max", std::numeric_limits<int64_t>::max());
  if (limit != std::numeric_limits<int64_t>::max()) {
    const int64_t used = read_number("/sys/fs/cgroup/memory.current", 0);
    bytes = std::min(bytes, std::max<int64_t>(0, limit - used));
  }
  return bytes;
}

}  // namespace holdfast

#include "files/gguf_writer.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"

namespace holdfast {
namespace {

constexpr uint64_t kAlignment = 32;  // the format's default

uint64_t round_up(uint64_t n) { return (n + kAlignment - 1) / kAlignment * kAlignment; }

template <class T>
void put(std::string& out, T value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

void put_string(std::string& out, std::string_view text) {
  put<uint64_t>(out, text.size());
  out += text;
}

template <class T>
std::string scalar(GgufType type, T value) {
  std::string out;
  put(out, static_cast<uint32_t>(type));
  put(out, value);
  return out;
}

std::string array_head(GgufType element, std::size_t count) {
  std::string out;
  put(out, static_cast<uint32_t>(GgufType::kArray));
  put(out, static_cast<uint32_t>(element));
  put<uint64_t>(out, count);
  return out;
}

template <class T>
std::string array(GgufType element, std::span<const T> values) {
  std::string out = array_head(element, values.size());
  out.append(reinterpret_cast<const char*>(values.data()), values.size_bytes());
  return out;
}

}  // namespace

void GgufWriter::set(std::string_view key, std::string encoded) {
  CHECK(!file_) << "metadata after begin()";
  const auto it = std::ranges::find(pairs_, key, &Pair::key);
  if (it != pairs_.end()) {
    it->encoded = std::move(encoded);
  } else {
    pairs_.push_back({std::string(key), std::move(encoded)});
  }
}

void GgufWriter::set_u32(std::string_view key, uint32_t value) {
  set(key, scalar(GgufType::kU32, value));
}
void GgufWriter::set_u64(std::string_view key, uint64_t value) {
  set(key, scalar(GgufType::kU64, value));
}
void GgufWriter::set_i32(std::string_view key, int32_t value) {
  set(key, scalar(GgufType::kI32, value));
}
void GgufWriter::set_f32(std::string_view key, float value) {
  set(key, scalar(GgufType::kF32, value));
}
void GgufWriter::set_bool(std::string_view key, bool value) {
  set(key, scalar<uint8_t>(GgufType::kBool, value ? 1 : 0));
}

void GgufWriter::set_string(std::string_view key, std::string_view value) {
  std::string out;
  put(out, static_cast<uint32_t>(GgufType::kString));
  put_string(out, value);
  set(key, std::move(out));
}

void GgufWriter::set_strings(std::string_view key, std::span<const std::string> values) {
  std::string out = array_head(GgufType::kString, values.size());
  for (const std::string& value : values) put_string(out, value);
  set(key, std::move(out));
}

void GgufWriter::set_i32s(std::string_view key, std::span<const int32_t> values) {
  set(key, array(GgufType::kI32, values));
}
void GgufWriter::set_f32s(std::string_view key, std::span<const float> values) {
  set(key, array(GgufType::kF32, values));
}

void GgufWriter::set_value(std::string_view key, const GgufValue& value) {
  std::string out;
  put(out, static_cast<uint32_t>(value.type));
  if (value.type == GgufType::kArray) {
    put(out, static_cast<uint32_t>(value.element));
    put(out, value.count);
  }
  if (value.type == GgufType::kString) put<uint64_t>(out, value.bytes.size());
  out.append(reinterpret_cast<const char*>(value.bytes.data()), value.bytes.size());
  set(key, std::move(out));
}

void GgufWriter::remove(std::string_view key) {
  std::erase_if(pairs_, [&](const Pair& pair) { return pair.key == key; });
}

void GgufWriter::add_tensor(std::string_view name, DType type, const Shape& shape) {
  CHECK(!file_) << "a tensor after begin()";
  const DTypeInfo& info = dtype_info(type);
  CHECK(static_cast<uint32_t>(type) < 1000) << info.name << " is no type of GGUF";
  const int64_t cols = shape.rank > 0 ? shape[shape.rank - 1] : 1;
  CHECK(cols % info.block_size == 0) << name << ": rows of " << cols << " values as " << info.name;
  const uint64_t bytes = row_bytes(type, static_cast<uint64_t>(shape.elements()));
  tensors_.push_back({std::string(name), type, shape, end_, bytes});
  end_ += round_up(bytes);
}

std::string GgufWriter::header() const {
  std::string out = "GGUF";
  put<uint32_t>(out, 3);
  put<uint64_t>(out, tensors_.size());
  put<uint64_t>(out, pairs_.size());
  for (const Pair& pair : pairs_) {
    put_string(out, pair.key);
    out += pair.encoded;
  }
  for (const Tensor& tensor : tensors_) {
    put_string(out, tensor.name);
    put(out, static_cast<uint32_t>(tensor.shape.rank));
    for (int i = tensor.shape.rank - 1; i >= 0; --i)
      put(out, static_cast<uint64_t>(tensor.shape[i]));
    put(out, static_cast<uint32_t>(tensor.type));
    put(out, tensor.offset);
  }
  out.resize(round_up(out.size()), '\0');
  return out;
}

Status GgufWriter::begin(const std::string& path, OutputFile::Existing existing) {
  const std::string head = header();
  ASSIGN_OR_RETURN(auto file, OutputFile::create(path, existing));
  RETURN_IF_ERROR(file.write(head));
  file_ = std::move(file);
  return {};
}

Status GgufWriter::write(std::span<const std::byte> bytes) {
  CHECK(file_) << "write() before begin()";
  while (current_ < tensors_.size() && tensors_[current_].bytes == 0) ++current_;
  if (bytes.empty()) return {};
  CHECK(current_ < tensors_.size()) << "more bytes than the tensors have";
  const Tensor& tensor = tensors_[current_];
  CHECK(bytes.size() <= tensor.bytes - written_) << tensor.name << ": too many bytes";
  RETURN_IF_ERROR(file_->write(bytes));
  written_ += bytes.size();
  if (written_ == tensor.bytes) {
    RETURN_IF_ERROR(file_->zeros(round_up(tensor.bytes) - tensor.bytes));
    ++current_;
    written_ = 0;
  }
  return {};
}

Status GgufWriter::finish() {
  RETURN_IF_ERROR(write({}));  // steps over empty tensors at the end
  CHECK(current_ == tensors_.size()) << tensors_[current_].name << " was not written whole";
  return file_->finish();
}

}  // namespace holdfast

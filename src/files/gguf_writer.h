// Writes GGUF version 3 tensor by tensor, without holding the model in memory:
//
//   GgufWriter writer;
//   writer.set_string("general.architecture", "llama");
//   writer.add_tensor("token_embd.weight", DType::kQ8_0, shape);   // all names and shapes first
//   RETURN_IF_ERROR(writer.begin(path, OutputFile::Existing::kRefuse));
//   RETURN_IF_ERROR(writer.write(bytes));                          // then all bytes, in that order
//   RETURN_IF_ERROR(writer.finish());
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/output_file.h"
#include "base/result.h"
#include "files/gguf.h"

namespace holdfast {

class GgufWriter {
 public:
  // Metadata, in the order first set; a key set again is replaced.
  void set_u32(std::string_view key, uint32_t value);
  void set_u64(std::string_view key, uint64_t value);
  void set_i32(std::string_view key, int32_t value);
  void set_f32(std::string_view key, float value);
  void set_bool(std::string_view key, bool value);
  void set_string(std::string_view key, std::string_view value);
  void set_strings(std::string_view key, std::span<const std::string> values);
  void set_i32s(std::string_view key, std::span<const int32_t> values);
  void set_f32s(std::string_view key, std::span<const float> values);
  void set_value(std::string_view key, const GgufValue& value);  // as another file has it
  void remove(std::string_view key);

  // `shape` is outermost first, as everywhere; its last dimension a multiple of the type's block.
  void add_tensor(std::string_view name, DType type, const Shape& shape);
  uint64_t total_bytes() const { return end_; }  // of all tensors added, with padding

  // Creates PATH (see OutputFile) and writes the header. No metadata or tensor may follow.
  Status begin(const std::string& path, OutputFile::Existing existing);
  // The next bytes of the tensors, in the order added; a call may end inside a tensor but not pass
  // its end. The padding between tensors is the writer's.
  Status write(std::span<const std::byte> bytes);
  // CHECKs that every byte was written, and gives the file its name.
  Status finish();

 private:
  struct Pair {
    std::string key;
    std::string encoded;  // type and value
  };
  struct Tensor {
    std::string name;
    DType type;
    Shape shape;
    uint64_t offset, bytes;
  };

  void set(std::string_view key, std::string encoded);
  std::string header() const;

  std::vector<Pair> pairs_;
  std::vector<Tensor> tensors_;
  uint64_t end_ = 0;  // of the last tensor, rounded up
  std::optional<OutputFile> file_;
  std::size_t current_ = 0;  // the tensor being written
  uint64_t written_ = 0;     // of it
};

}  // namespace holdfast

#include "files/hf_export.h"

#include <algorithm>
#include <atomic>
#include <filesystem>

#include <fmt/format.h>
#include <unistd.h>

#include "base/thread_pool.h"
#include "files/hf_names.h"
#include "files/json_writer.h"
#include "files/tensor_rows.h"
#include "tensor/blocks.h"

namespace holdfast {
namespace {

constexpr uint64_t kShardBytes = 5'000'000'000;
constexpr int64_t kChunkValues = 1 << 20;

using Read = std::function<void(int64_t row, int64_t rows, float* out)>;

struct OutTensor {
  std::string name;
  DType type;
  Shape shape;
  Read read;
  uint64_t bytes() const { return row_bytes(type, static_cast<uint64_t>(shape.elements())); }
};

struct Shard {
  std::vector<const OutTensor*> tensors;
  uint64_t bytes = 0;
};

std::string_view safe_name(DType type) {
  return type == DType::kF32 ? "F32" : type == DType::kF16 ? "F16" : "BF16";
}

// Turns the tensors round into Hugging Face's names and orders: open_conversion's rearrangements,
// undone.
class Plan {
 public:
  Plan(const Conversion& model, DType type) : model_(model), type_(type) {}

  Result<std::vector<OutTensor>> make() {
    for (const SourceTensor& tensor : model_.tensors) RETURN_IF_ERROR(add(tensor));
    return std::move(out_);
  }

 private:
  Status add(const SourceTensor& tensor) {
    const std::string_view name = tensor.name;
    if (name == "rope_freqs.weight") return {};  // in config.json
    if (name.ends_with("_exps.weight")) return add_experts(tensor);
    if (name.ends_with(".attn_k_b.weight")) return add_kv_b(tensor);
    if (name.ends_with(".attn_v_b.weight")) return {};  // with its attn_k_b
    const auto hf = hf_name(name);
    if (!hf) {
      return fail(Code::kUnimplemented,
                  fmt::format("tensor '{}' has no counterpart in a Hugging Face directory", name),
                  model_.model->path());
    }
    const bool query = name.find(".attn_q.") != std::string_view::npos;
    const bool key = name.find(".attn_k.") != std::string_view::npos;
    Read read = tensor.read;
    if (model_.config.architecture == "llama" && (query || key)) read = halves(tensor);
    put(*hf, tensor.shape, std::move(read));
    return {};
  }

  void put(std::string name, const Shape& shape, Read read) {
    const bool bias =
        name.ends_with("e_score_correction_bias");  // the choice of experts is delicate
    out_.push_back({std::move(name), bias ? DType::kF32 : type_, shape, std::move(read)});
  }

  // Interleaved rows (or values) back to halves.
  Read halves(const SourceTensor& tensor) const {
    const int64_t dim = model_.config.head_dim;
    const auto interleaved = [dim](int64_t r) {
      const int64_t in_head = r % dim;
      return r - in_head + in_head % (dim / 2) * 2 + in_head / (dim / 2);
    };
    const Shape shape = tensor.shape;
    if (shape.rank == 1) {
      return [read = tensor.read, interleaved, n = shape[0]](int64_t, int64_t, float* out) {
        std::vector<float> all(static_cast<std::size_t>(n));
        read(0, 1, all.data());
        for (int64_t i = 0; i < n; ++i) out[i] = all[static_cast<std::size_t>(interleaved(i))];
      };
    }
    return
        [read = tensor.read, interleaved, cols = shape[1]](int64_t row, int64_t rows, float* out) {
          for (int64_t r = 0; r < rows; ++r) read(interleaved(row + r), 1, out + r * cols);
        };
  }

  Status add_experts(const SourceTensor& tensor) {
    const int64_t each = tensor.shape[1];
    for (int64_t e = 0; e < tensor.shape[0]; ++e) {
      put(*hf_name(tensor.name, static_cast<int32_t>(e)), Shape{{each, tensor.shape[2]}, 2},
          [read = tensor.read, first = e * each](int64_t row, int64_t rows, float* out) {
            read(first + row, rows, out);
          });
    }
    return {};
  }

  // attn_k_b [heads, rank, nope] and attn_v_b [heads, value, rank] into kv_b [heads * (nope +
  // value), rank].
  Status add_kv_b(const SourceTensor& k_b) {
    const std::string layer = k_b.name.substr(0, k_b.name.find("attn_k_b"));
    const auto it =
        std::ranges::find(model_.tensors, layer + "attn_v_b.weight", &SourceTensor::name);
    const MlaConfig& mla = model_.config.mla;
    const int64_t heads = model_.config.heads;
    const int64_t nope = mla.nope_dim, value = mla.value_dim, rank = mla.kv_rank;
    if (it == model_.tensors.end() || k_b.shape != Shape{{heads, rank, nope}, 3} ||
        it->shape != Shape{{heads, value, rank}, 3}) {
      return fail(Code::kCorrupt,
                  fmt::format("tensors '{}' and '{}attn_v_b.weight' do not belong together",
                              k_b.name, layer),
                  model_.model->path());
    }
    put(*hf_name(layer + "attn_kv_b.weight"), Shape{{heads * (nope + value), rank}, 2},
        [k = k_b.read, v = it->read, nope, value, rank](int64_t row, int64_t rows, float* out) {
          std::vector<float> head(static_cast<std::size_t>(rank * nope));
          int64_t held = -1;
          for (int64_t r = 0; r < rows; ++r) {
            const int64_t h = (row + r) / (nope + value), n = (row + r) % (nope + value);
            if (n >= nope) {
              v(h * value + n - nope, 1, out + r * rank);
              continue;
            }
            if (h != held) k(h * rank, rank, head.data());
            held = h;
            for (int64_t c = 0; c < rank; ++c)
              out[r * rank + c] = head[static_cast<std::size_t>(c * nope + n)];
          }
        });
    return {};
  }

  const Conversion& model_;
  DType type_;
  std::vector<OutTensor> out_;
};

std::vector<Shard> cut_into_shards(const std::vector<OutTensor>& tensors) {
  std::vector<Shard> shards(1);
  for (const OutTensor& tensor : tensors) {
    if (!shards.back().tensors.empty() && shards.back().bytes + tensor.bytes() > kShardBytes)
      shards.emplace_back();
    shards.back().tensors.push_back(&tensor);
    shards.back().bytes += tensor.bytes();
  }
  return shards;
}

std::string shard_name(std::size_t index, std::size_t count) {
  return count == 1 ? "model.safetensors"
                    : fmt::format("model-{:05}-of-{:05}.safetensors", index + 1, count);
}

std::string shard_header(const Shard& shard) {
  JsonWriter json;
  json.begin_object().key("__metadata__").begin_object().key("format").value("pt").end_object();
  uint64_t at = 0;
  for (const OutTensor* tensor : shard.tensors) {
    json.key(tensor->name).begin_object().key("dtype").value(safe_name(tensor->type));
    json.key("shape").begin_array();
    for (int i = 0; i < tensor->shape.rank; ++i) json.value(tensor->shape[i]);
    json.end_array().key("data_offsets").begin_array().value(at);
    at += tensor->bytes();
    json.value(at).end_array().end_object();
  }
  std::string text = json.end_object().text();
  text.resize((text.size() + 7) / 8 * 8, ' ');  // the data begins aligned
  return text;
}

Status write_tensor(const OutTensor& tensor, ThreadPool& pool, OutputFile& file) {
  const int64_t cols = tensor.shape.rank > 0 ? tensor.shape[tensor.shape.rank - 1] : 1;
  const int64_t rows = row_count(tensor.shape);
  const uint64_t width = row_bytes(tensor.type, static_cast<uint64_t>(cols));
  const int64_t chunk = std::clamp<int64_t>(kChunkValues / std::max<int64_t>(cols, 1), 1, rows);
  const int64_t round = chunk * pool.size();
  std::vector<std::byte> encoded(static_cast<std::size_t>(std::min(round, rows)) * width);
  for (int64_t first = 0; first < rows; first += round) {
    const int64_t count = std::min(round, rows - first);
    pool.parallel_for(count, chunk, [&](int64_t begin, int64_t end, int) {
      std::vector<float> values(static_cast<std::size_t>((end - begin) * cols));
      tensor.read(first + begin, end - begin, values.data());
      quantize(tensor.type, values.data(), encoded.data() + static_cast<uint64_t>(begin) * width,
               (end - begin) * cols);
    });
    RETURN_IF_ERROR(file.write(
        std::span<const std::byte>(encoded).first(static_cast<std::size_t>(count) * width)));
  }
  return {};
}

Status write_text(const std::string& path, const std::string& text) {
  if (text.empty()) return {};
  ASSIGN_OR_RETURN(OutputFile file, OutputFile::create(path, OutputFile::Existing::kRefuse));
  RETURN_IF_ERROR(file.write(text));
  return file.finish();
}

Status write_weights(const std::vector<OutTensor>& tensors, const std::string& folder,
                     const ExportOptions& options) {
  const std::vector<Shard> shards = cut_into_shards(tensors);
  ThreadPool pool(std::max(1, options.threads));
  JsonWriter index(2);
  uint64_t total = 0, done = 0;
  for (const Shard& shard : shards) total += shard.bytes;
  index.begin_object().key("metadata").begin_object().key("total_size").value(total).end_object();
  index.key("weight_map").begin_object();
  for (std::size_t i = 0; i < shards.size(); ++i) {
    const std::string name = shard_name(i, shards.size());
    ASSIGN_OR_RETURN(OutputFile file,
                     OutputFile::create((std::filesystem::path(folder) / name).string(),
                                        OutputFile::Existing::kRefuse));
    const std::string header = shard_header(shards[i]);
    const uint64_t length = header.size();
    RETURN_IF_ERROR(file.write(std::as_bytes(std::span(&length, 1))));
    RETURN_IF_ERROR(file.write(header));
    for (const OutTensor* tensor : shards[i].tensors) {
      if (options.progress)
        options.progress(
            static_cast<double>(done) / static_cast<double>(std::max<uint64_t>(total, 1)),
            tensor->name);
      RETURN_IF_ERROR(write_tensor(*tensor, pool, file));
      done += tensor->bytes();
      index.key(tensor->name).value(name);
    }
    RETURN_IF_ERROR(file.finish());
  }
  index.end_object().end_object();
  if (shards.size() == 1) return {};
  return write_text((std::filesystem::path(folder) / "model.safetensors.index.json").string(),
                    index.text() + "\n");
}

Status write_all(const Conversion& model, DType type, const std::string& folder,
                 const ExportOptions& options) {
  const auto in = [&](const char* name) { return (std::filesystem::path(folder) / name).string(); };
  ASSIGN_OR_RETURN(const std::string config, hf_config_text(model.config, type, model.tokenizer));
  RETURN_IF_ERROR(write_text(in("config.json"), config));
  RETURN_IF_ERROR(write_text(in("tokenizer.json"), hf_tokenizer_text(model.tokenizer)));
  RETURN_IF_ERROR(write_text(in("tokenizer_config.json"),
                             hf_tokenizer_config_text(model.tokenizer, model.config)));
  RETURN_IF_ERROR(write_text(in("generation_config.json"),
                             hf_generation_config_text(model.tokenizer, model.config)));
  ASSIGN_OR_RETURN(const auto tensors, Plan(model, type).make());
  return write_weights(tensors, folder, options);
}

}  // namespace

Status export_hf(const Conversion& model, DType type, const std::string& directory,
                 const ExportOptions& options) {
  namespace fs = std::filesystem;
  std::string target = directory;
  while (target.size() > 1 && target.back() == '/') target.pop_back();
  std::error_code error;
  if (fs::exists(target, error)) {
    return fail(Code::kInvalidArgument, "the directory exists already", target,
                "Choose another name; directories are not replaced");
  }
  const std::string temporary = target + fmt::format(".partial-{}", ::getpid());
  if (!fs::create_directory(temporary, error))
    return fail(Code::kPermissionDenied, "cannot create the directory: " + error.message(),
                temporary);
  Status written = write_all(model, type, temporary, options);
  if (written) {
    fs::rename(temporary, target, error);
    if (!error) return {};
    fs::remove_all(temporary, error);
    return fail(Code::kInternal, "cannot give the directory its name: " + error.message(), target);
  }
  fs::remove_all(temporary, error);
  return written;
}

}  // namespace holdfast

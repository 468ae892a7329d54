#include "backend/cpu/kv_cache.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "backend/cpu/float16.h"
#include "backend/cpu/memory.h"
#include "base/check.h"

namespace holdfast::cpu {
namespace {

constexpr int32_t kScaleGroup = 32;  // values of a kQ8 scale

KvFormat format_of(KvType type) {
  switch (type) {
    case KvType::kF32:
      return KvFormat::kF32;
    case KvType::kF16:
      return KvFormat::kF16;
    case KvType::kQ8:
      return KvFormat::kQ8;
  }
  CHECK(false) << "KvType " << static_cast<int>(type);
  return KvFormat::kF32;
}

// Bytes of `tokens` vectors of `dim` values, a multiple of 64 so that pages stay aligned.
int64_t part_bytes(KvFormat format, int64_t tokens, int64_t dim) {
  int64_t bytes = 0;
  if (format == KvFormat::kF32) bytes = tokens * dim * 4;
  if (format == KvFormat::kF16) bytes = tokens * dim * 2;
  if (format == KvFormat::kQ8) {
    bytes = tokens * dim + tokens * ((dim + kScaleGroup - 1) / kScaleGroup) * 2;
  }
  return (bytes + 63) / 64 * 64;
}

// One vector of `dim` floats into its place: value i at index base + i * step, the scale of group g
// at scale_base + g * scale_step.
struct Place {
  int64_t base, step, scales, scale_base, scale_step;  // scales: byte offset of the f16 scales
};

void encode(const float* x, int32_t dim, KvFormat format, std::byte* to, const Place& at) {
  if (format == KvFormat::kF32) {
    for (int32_t i = 0; i < dim; ++i) std::memcpy(to + (at.base + i * at.step) * 4, x + i, 4);
  } else if (format == KvFormat::kF16) {
    auto* halves = reinterpret_cast<uint16_t*>(to);
    for (int32_t i = 0; i < dim; ++i) halves[at.base + i * at.step] = float_to_half(x[i]);
  } else {
    auto* codes = reinterpret_cast<int8_t*>(to);
    auto* scales = reinterpret_cast<uint16_t*>(to + at.scales);
    for (int32_t g = 0; g * kScaleGroup < dim; ++g) {
      const int32_t begin = g * kScaleGroup, end = std::min(dim, begin + kScaleGroup);
      float largest = 0.0f;
      for (int32_t i = begin; i < end; ++i) largest = std::max(largest, std::fabs(x[i]));
      const uint16_t scale = float_to_half(largest / 127.0f);
      const float rounded = half_to_float(scale);  // what the reader multiplies with
      const float inverse = rounded > 0.0f ? 1.0f / rounded : 0.0f;
      for (int32_t i = begin; i < end; ++i) {
        const float code = std::nearbyint(std::clamp(x[i] * inverse, -127.0f, 127.0f));
        codes[at.base + i * at.step] = static_cast<int8_t>(code);
      }
      scales[at.scale_base + g * at.scale_step] = scale;
    }
  }
}

}  // namespace

Result<std::unique_ptr<CpuKvCache>> CpuKvCache::make(const KvSpec& spec) {
  if (spec.layers <= 0 || spec.pages <= 0 || spec.page_tokens <= 0 || spec.kv_heads <= 0 ||
      spec.k_width <= 0 || spec.v_width < 0 || spec.k_width % spec.kv_heads != 0 ||
      spec.v_width % spec.kv_heads != 0) {
    return fail(Code::kInvalidArgument, "a KV cache needs positive sizes that its heads divide");
  }
  std::unique_ptr<CpuKvCache> cache(new CpuKvCache(spec));
  cache->data_ = try_allocate_pages(cache->total_bytes_);
  if (cache->data_ == nullptr) {
    return fail(Code::kResourceExhausted,
                "no memory for a KV cache of " + std::to_string(cache->total_bytes_) + " bytes", "",
                "use a shorter context or a smaller KV type");
  }
  return cache;
}

CpuKvCache::CpuKvCache(const KvSpec& spec) : spec_(spec) {
  shape_.page_tokens = spec.page_tokens;
  shape_.kv_heads = spec.kv_heads;
  shape_.key_dim = static_cast<int32_t>(spec.k_width / spec.kv_heads);
  shape_.value_dim = static_cast<int32_t>(spec.v_width / spec.kv_heads);
  shape_.format = format_of(spec.type);
  shape_.transposed = spec.v_width > 0;
  shape_.key_bytes = part_bytes(shape_.format, spec.page_tokens, shape_.key_dim);
  shape_.value_bytes =
      spec.v_width > 0 ? part_bytes(shape_.format, spec.page_tokens, shape_.value_dim) : 0;
  page_bytes_ = spec.kv_heads * (shape_.key_bytes + shape_.value_bytes);
  shape_.page_stride = page_bytes_;
  total_bytes_ = page_bytes_ * spec.pages * spec.layers;
}

CpuKvCache::~CpuKvCache() { free_pages(data_, total_bytes_); }

KvLayer CpuKvCache::layer(int32_t index) const {
  KvLayer layer = shape_;
  layer.base = reinterpret_cast<const unsigned char*>(page(index, 0));
  return layer;
}

// Whole pages: keys lie transposed, and the slots after `tokens` are written before they are read.
void CpuKvCache::copy_page(int32_t from, int32_t to, int32_t tokens) {
  if (tokens <= 0 || from == to) return;
  for (int32_t layer = 0; layer < spec_.layers; ++layer) {
    std::memcpy(page(layer, to), page(layer, from), static_cast<std::size_t>(page_bytes_));
  }
}

void CpuKvCache::store(int32_t layer, int32_t index, int32_t slot, const float* key,
                       const float* value) {
  std::byte* to = page(layer, index);
  const int64_t tokens = spec_.page_tokens;
  const auto row_major = [&](int64_t dim) {
    const int64_t groups = (dim + kScaleGroup - 1) / kScaleGroup;
    return Place{slot * dim, 1, tokens * dim, slot * groups, 1};
  };
  for (int32_t head = 0; head < spec_.kv_heads; ++head) {
    const int32_t dim = shape_.key_dim;
    const Place transposed{slot, tokens, tokens * dim, slot, tokens};
    encode(key + head * dim, dim, shape_.format, to + head * shape_.key_bytes,
           shape_.transposed ? transposed : row_major(dim));
  }
  if (value == nullptr) return;
  to += spec_.kv_heads * shape_.key_bytes;
  for (int32_t head = 0; head < spec_.kv_heads; ++head) {
    const int32_t dim = shape_.value_dim;
    encode(value + head * dim, dim, shape_.format, to + head * shape_.value_bytes, row_major(dim));
  }
}

}  // namespace holdfast::cpu

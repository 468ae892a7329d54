#include "backend/cpu/kv_cache.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "backend/cpu/memory.h"
#include "base/check.h"

namespace holdfast::cpu {
namespace {

KvFormat format_of(KvType type) {
  switch (type) {
    case KvType::kF32:
      return KvFormat::kF32;
    case KvType::kQ16:
      return KvFormat::kQ16;
    case KvType::kQ8:
      return KvFormat::kQ8;
  }
  CHECK(false) << "KvType " << static_cast<int>(type);
  return KvFormat::kF32;
}

// Parts of pages are multiples of this, so that vectors stay within cache lines.
constexpr int64_t aligned(int64_t bytes) { return (bytes + 63) / 64 * 64; }

// Bytes of the codes or floats of `tokens` vectors of `dim` values, one of the two being even.
int64_t code_bytes(KvFormat format, int64_t tokens, int64_t dim) {
  if (format == KvFormat::kF32) return aligned(tokens * dim * 4);
  return aligned(tokens * dim * (format == KvFormat::kQ16 ? 2 : 1));
}
int64_t scale_bytes(KvFormat format, int64_t tokens, int32_t dim) {
  if (format == KvFormat::kF32) return 0;
  return aligned(tokens * kv_scale_groups(format, dim) * (format == KvFormat::kQ16 ? 4 : 2));
}
constexpr int64_t even(int64_t n) { return n + n % 2; }

// Where one token's vector goes: value i at index base + i * step, or for pairs along the vector at
// base + i / 2 * step + i % 2; the scale of group g at scale_base + g * scale_step.
struct Place {
  int64_t base, step;
  bool pairs;
  int64_t scale_base, scale_step;
  int64_t index(int64_t i) const { return base + (pairs ? i / 2 * step + i % 2 : i * step); }
};

void encode_f32(const float* x, int32_t dim, std::byte* to, const Place& at) {
  for (int32_t i = 0; i < dim; ++i) std::memcpy(to + at.index(i) * 4, x + i, 4);
}

void encode_q16(const float* x, int32_t dim, std::byte* to, std::byte* scales, const Place& at) {
  float largest = 0.0f, squares = 0.0f;
  for (int32_t i = 0; i < dim; ++i) {
    largest = std::max(largest, std::fabs(x[i]));
    squares += x[i] * x[i];
  }
  const float scale = std::max(largest / kCodeLimit, std::sqrt(squares) / kCodeNorm);
  const float inverse = scale > 0.0f ? 1.0f / scale : 0.0f;
  auto* codes = reinterpret_cast<int16_t*>(to);
  for (int32_t i = 0; i < dim; ++i) {
    const float code = std::clamp(x[i] * inverse, -kCodeLimit, kCodeLimit);
    codes[at.index(i)] = static_cast<int16_t>(std::nearbyint(code));
  }
  std::memcpy(scales + at.scale_base * 4, &scale, 4);
}

// The smallest bfloat16 that is not less than x >= 0.
uint16_t bfloat16_above(float x) {
  const auto bits = std::bit_cast<uint32_t>(x);
  return static_cast<uint16_t>((bits >> 16) + ((bits & 0xffff) != 0 ? 1 : 0));
}

void encode_q8(const float* x, int32_t dim, std::byte* to, std::byte* scales, const Place& at) {
  auto* codes = reinterpret_cast<int8_t*>(to);
  for (int32_t g = 0; g * kKvScaleGroup < dim; ++g) {
    const int32_t begin = g * kKvScaleGroup, end = std::min(dim, begin + kKvScaleGroup);
    float largest = 0.0f;
    for (int32_t i = begin; i < end; ++i) largest = std::max(largest, std::fabs(x[i]));
    const uint16_t half = bfloat16_above(largest / 127.0f);
    const auto scale = std::bit_cast<float>(uint32_t{half} << 16);  // what the reader multiplies by
    const float inverse = scale > 0.0f ? 1.0f / scale : 0.0f;
    for (int32_t i = begin; i < end; ++i) {
      const float code = std::clamp(x[i] * inverse, -127.0f, 127.0f);
      codes[at.index(i)] = static_cast<int8_t>(std::nearbyint(code));
    }
    std::memcpy(scales + (at.scale_base + g * at.scale_step) * 2, &half, 2);
  }
}

void encode(KvFormat format, const float* x, int32_t dim, std::byte* to, std::byte* scales,
            const Place& at) {
  if (format == KvFormat::kF32) encode_f32(x, dim, to, at);
  if (format == KvFormat::kQ16) encode_q16(x, dim, to, scales, at);
  if (format == KvFormat::kQ8) encode_q8(x, dim, to, scales, at);
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
  shape_.latent = spec.v_width == 0;
  const KvFormat format = shape_.format;
  const int64_t tokens = spec.page_tokens;
  shape_.key_scales = code_bytes(format, tokens, even(shape_.key_dim));
  shape_.key_bytes = shape_.key_scales + scale_bytes(format, tokens, shape_.key_dim);
  if (!shape_.latent) {
    shape_.value_scales = code_bytes(format, even(tokens), shape_.value_dim);
    shape_.value_bytes = shape_.value_scales + scale_bytes(format, tokens, shape_.value_dim);
  }
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

// Whole pages: tokens do not lie one after the other, and the slots after `tokens` are written
// before they are read.
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
  const KvFormat format = shape_.format;
  for (int32_t head = 0; head < spec_.kv_heads; ++head, to += shape_.key_bytes) {
    const int32_t dim = shape_.key_dim;
    Place at{2 * slot, 2 * tokens, true, slot, tokens};
    if (format == KvFormat::kF32) {
      at = shape_.latent ? Place{slot * dim, 1, false, 0, 0} : Place{slot, tokens, false, 0, 0};
    }
    encode(format, key + head * dim, dim, to, to + shape_.key_scales, at);
  }
  if (value == nullptr) return;
  for (int32_t head = 0; head < spec_.kv_heads; ++head, to += shape_.value_bytes) {
    const int64_t dim = shape_.value_dim;
    const Place at = format == KvFormat::kF32
                         ? Place{slot * dim, 1, false, 0, 0}
                         : Place{slot / 2 * dim * 2 + slot % 2, 2, false, slot, tokens};
    encode(format, value + head * dim, shape_.value_dim, to, to + shape_.value_scales, at);
  }
}

}  // namespace holdfast::cpu

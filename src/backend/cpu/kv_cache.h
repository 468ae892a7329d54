// The KV cache in memory. How a page is laid out: KvLayer in kernels.h.
#pragma once

#include "backend/backend.h"
#include "backend/cpu/kernels.h"

namespace holdfast::cpu {

class CpuKvCache final : public KvCache {
 public:
  // invalid_argument for widths that do not fit together, resource_exhausted without the memory.
  static Result<std::unique_ptr<CpuKvCache>> make(const KvSpec& spec);
  ~CpuKvCache() override;

  const KvSpec& spec() const override { return spec_; }
  void copy_page(int32_t from, int32_t to, int32_t tokens) override;

  KvLayer layer(int32_t index) const;
  // Stores one token's key [k_width] and value [v_width] of a layer. Safe for different tokens at
  // once.
  void store(int32_t layer, int32_t page, int32_t slot, const float* key, const float* value);

 private:
  explicit CpuKvCache(const KvSpec& spec);
  std::byte* page(int32_t layer, int32_t index) const {
    return data_ + (int64_t{layer} * spec_.pages + index) * page_bytes_;
  }

  const KvSpec spec_;
  KvLayer shape_{};  // base is set for each layer
  int64_t page_bytes_ = 0, total_bytes_ = 0;
  std::byte* data_ = nullptr;
};

}  // namespace holdfast::cpu

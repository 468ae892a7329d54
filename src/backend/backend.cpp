#include "backend/backend.h"

#include "base/check.h"

namespace holdfast {

std::string kv_type_name(KvType type) {
  switch (type) {
    case KvType::kF32:
      return "f32";
    case KvType::kQ16:
      return "q16";
    case KvType::kQ8:
      return "q8";
  }
  CHECK(false) << "KvType " << static_cast<int>(type);
  return {};
}

std::optional<KvType> find_kv_type(std::string_view name) {
  for (const KvType type : {KvType::kF32, KvType::kQ16, KvType::kQ8}) {
    if (kv_type_name(type) == name) return type;
  }
  return std::nullopt;
}

int64_t KvSpec::bytes_per_token() const {
  const int64_t floats = layers * (k_width + v_width);
  const int64_t vectors = int64_t{layers} * kv_heads * (v_width > 0 ? 2 : 1);
  switch (type) {
    case KvType::kF32:
      return floats * 4;
    case KvType::kQ16:
      return floats * 2 + vectors * 4;
    case KvType::kQ8:
      return floats + (floats + vectors * 31) / 32 * 2;
  }
  CHECK(false) << "KvType " << static_cast<int>(type);
  return 0;
}

}  // namespace holdfast

#include "backend/backend.h"

#include "base/check.h"

namespace holdfast {

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

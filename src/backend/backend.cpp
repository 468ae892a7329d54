#include "backend/backend.h"

#include "base/check.h"

namespace holdfast {

int64_t KvSpec::bytes_per_token() const {
  const int64_t floats = layers * (k_width + v_width);
  switch (type) {
    case KvType::kF32:
      return floats * 4;
    case KvType::kF16:
      return floats * 2;
    case KvType::kQ8:
      return floats + floats / 32 * 2;  // one f16 scale for each 32 values
  }
  CHECK(false) << "KvType " << static_cast<int>(type);
  return 0;
}

}  // namespace holdfast

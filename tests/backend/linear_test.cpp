// Every weight format against the decoded weights times x in double precision, and its bytes
// against themselves: a row alone or in a batch, on one thread or two.
#include "backend_fixture.h"

namespace holdfast {
namespace {

class LinearTest : public IsaTest {};

TEST_P(LinearTest, FloatsWithBiasAndAccumulation) {
  Random random(1);
  for (const int64_t k : {1, 7, 64, 100, 1030, 2500}) {
    for (const int64_t rows : {1, 3, 20}) {
      const int64_t n = 37;
      const auto w = random.normal(n * k);
      const auto bias = random.normal(n);
      auto x = random.normal(rows * k);
      auto out = random.normal(rows * n);
      const auto before = out;
      const auto weight = backend_->prepare(f32_view(w, n));
      ASSERT_TRUE(weight.has_value());
      backend_->begin_step();
      const auto vector = backend_->prepare_vector(bias);
      const LinearJob job{weight->get(), vector.get(), mat(out, rows), true};
      backend_->linear(mat(x, rows), {&job, 1});
      backend_->end_step();
      for (int64_t r = 0; r < rows; ++r) {
        for (int64_t i = 0; i < n; ++i) {
          const auto at = static_cast<std::size_t>(r * n + i);
          double expected = double{before[at]} + bias[static_cast<std::size_t>(i)];
          for (int64_t j = 0; j < k; ++j) {
            expected += double{w[static_cast<std::size_t>(i * k + j)]} *
                        x[static_cast<std::size_t>(r * k + j)];
          }
          ASSERT_NEAR(out[at], expected, 1e-6 * std::sqrt(static_cast<double>(k)) * 8 + 1e-6);
        }
      }
    }
  }
}

HOLDFAST_EVERY_ISA(LinearTest);

}  // namespace
}  // namespace holdfast

// exp() over a vocabulary: the inner loop of sampling. Plain C++ that compilers turn into vector
// code, with the same rounding on every machine.
#pragma once

#include <cstdint>
#include <span>

namespace holdfast {

// The largest value; NaN counts as -inf.
float max_of(std::span<const float> x);

inline constexpr float kNoWeight = 1e-30f;

// weights[i] = exp((x[i] - max) * inverse_temperature), relative error below 1e-5 (that of the
// argument in float). What is below exp(-80), or NaN, gives exp(-80) < kNoWeight. Returns their
// sum, added in a fixed order.
double exp_weights(std::span<const float> x, float max, float inverse_temperature,
                   std::span<float> weights);

// log(sum(exp(x[i] - max))) in double.
double log_sum_exp(std::span<const float> x, float max);

}  // namespace holdfast

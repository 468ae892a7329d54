// The choice of a block's scale: least squares over a handful of candidate roundings. The method of
// the k-quants (https://github.com/ggml-org/llama.cpp/pull/1684), in our own words.
//
// For fixed integers q the best scale (and offset) is a closed-form weighted least-squares fit; for
// a fixed scale the best q are the rounded values. Each candidate scale near the obvious one (range
// over levels) gives such q, the fit replaces the scale, and the candidate with the least error
// wins.
#pragma once

#include <cstdint>

namespace holdfast::codec {

inline constexpr int kMostFitted = 32;  // values of a sub-block; n below is a multiple of 8

// Round to nearest, ties to even, for |x| < 2^22: the sum leaves no room for a fraction. Unlike the
// library's functions it vectorizes everywhere.
inline float round_nearest(float x) { return (x + 12582912.0f) - 12582912.0f; }

// The nearest integer in [low, high]; `low` for NaN.
inline int rounded(float x, int low, int high) {
  const auto lowest = static_cast<float>(low), highest = static_cast<float>(high);
  if (!(x > lowest)) return low;
  return static_cast<int>(round_nearest(x < highest ? x : highest));
}

// 1 / scale; 0 where that is no finite number, so that all values become zero.
inline float inverse_of(float scale) {
  const float inverse = 1.0f / scale;
  return inverse - inverse == 0.0f ? inverse : 0.0f;
}

// x ~ scale * q - minimum with q in [0, levels] and minimum >= 0.
struct AffineFit {
  float scale = 0.0f, minimum = 0.0f;
};
AffineFit fit_affine(const float* x, const float* weights, int n, int levels);

// As above with a minimum of either sign: x ~ scale * q + offset.
struct OffsetFit {
  float scale = 0.0f, offset = 0.0f;
};
OffsetFit fit_offset(const float* x, const float* weights, int n, int levels);

// x ~ scale * q with q in [-levels, levels - 1]. The scale's sign is that which gives the value of
// greatest magnitude the deeper side.
float fit_symmetric(const float* x, const float* weights, int n, int levels);

// The weights the fits use: how much an error at x[i] counts. With importance (mean squared
// activations), importance[i] * sqrt(rms^2 + x[i]^2); without, rms + |x[i]|, so that large weights,
// which move the output most, are met better.
void fit_weights(const float* x, const float* importance, int n, float mean_square, float* weights);

float mean_square(const float* x, int n);

}  // namespace holdfast::codec

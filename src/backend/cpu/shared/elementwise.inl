// Kernels over rows of floats, written once for every instruction set: included after that set's
// vec.h. Memory-bound: a row is read once and written once, from L1 or L2.
#pragma once

namespace holdfast::cpu {
namespace {

// e^x, to about 1 unit in the last place, by range reduction to |r| <= ln2 / 2 and a polynomial of
// degree 6 (the minimax fit of Cephes' expf). Clamped to [-87.3, 88.3].
inline Vec vexp(Vec x) {
  const Vec clamped = vmin(vmax(x, vset(-87.33654f)), vset(88.37f));
  const Vec n = vround(vmul(clamped, vset(1.44269504f)));
  Vec r = vfma(n, vset(-0.693359375f), clamped);
  r = vfma(n, vset(2.12194440e-4f), r);
  Vec p = vset(1.9875691500e-4f);
  p = vfma(p, r, vset(1.3981999507e-3f));
  p = vfma(p, r, vset(8.3334519073e-3f));
  p = vfma(p, r, vset(4.1665795894e-2f));
  p = vfma(p, r, vset(1.6666665459e-1f));
  p = vfma(p, r, vset(5.0000001201e-1f));
  p = vfma(p, vmul(r, r), vadd(r, vset(1.0f)));
  return vmul(p, vpow2(n));
}

void rms_norm(const float* x, const float* weight, float eps, float* out, int64_t n) {
  Vec sum = vzero();
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    const Vec a = vload(x + i);
    sum = vfma(a, a, sum);
  }
  if (i < n) {
    const Vec a = vload_n(x + i, static_cast<int>(n - i));
    sum = vfma(a, a, sum);
  }
  const float mean = vsum(sum) / static_cast<float>(n);
  const Vec scale = vset(1.0f / std::sqrt(mean + eps));
  for (i = 0; i + kLanes <= n; i += kLanes)
    vstore(out + i, vmul(vload(weight + i), vmul(vload(x + i), scale)));
  if (i < n) {
    const int rest = static_cast<int>(n - i);
    vstore_n(out + i, vmul(vload_n(weight + i, rest), vmul(vload_n(x + i, rest), scale)), rest);
  }
}

// The lanes from n on made zero.
inline Vec vfirst_n(Vec x, int n) {
  float lanes[kLanes] = {};
  vstore_n(lanes, x, n);
  return vload(lanes);
}

void layer_norm(const float* x, const float* weight, const float* bias, float eps, float* out,
                int64_t n) {
  const int64_t whole = n / kLanes * kLanes;
  const int rest = static_cast<int>(n - whole);
  Vec sum = vload_n(x + whole, rest);
  for (int64_t i = 0; i < whole; i += kLanes) sum = vadd(sum, vload(x + i));
  const Vec mean = vset(vsum(sum) / static_cast<float>(n));
  const Vec last = vfirst_n(vsub(vload_n(x + whole, rest), mean), rest);
  Vec squares = vmul(last, last);
  for (int64_t i = 0; i < whole; i += kLanes) {
    const Vec a = vsub(vload(x + i), mean);
    squares = vfma(a, a, squares);
  }
  const Vec scale = vset(1.0f / std::sqrt(vsum(squares) / static_cast<float>(n) + eps));
  const auto normed = [&](Vec a, Vec w, Vec b) { return vfma(vmul(vsub(a, mean), scale), w, b); };
  for (int64_t i = 0; i < whole; i += kLanes) {
    vstore(out + i, normed(vload(x + i), vload(weight + i), vload(bias + i)));
  }
  if (rest > 0) {
    vstore_n(out + whole,
             normed(vload_n(x + whole, rest), vload_n(weight + whole, rest),
                    vload_n(bias + whole, rest)),
             rest);
  }
}

template <class F>
inline void map_row(const float* x, float* out, int64_t n, F&& f) {
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) vstore(out + i, f(vload(x + i)));
  if (i < n) {
    const int rest = static_cast<int>(n - i);
    vstore_n(out + i, f(vload_n(x + i, rest)), rest);
  }
}

inline Vec vabs(Vec x) { return vmax(x, vsub(vzero(), x)); }

// x * Phi(x) = max(x, 0) - |x| * tail, where tail = erfc(|x| / sqrt(2)) / 2 by Abramowitz and
// Stegun's formula 7.1.26 (absolute error of erfc below 1.5e-7, and as good where it is small).
inline Vec vgelu(Vec x) {
  const Vec a = vabs(x);
  const Vec t = vdiv(vset(1.0f), vfma(a, vset(0.3275911f * 0.70710678f), vset(1.0f)));
  Vec p = vset(0.5f * 1.061405429f);
  p = vfma(p, t, vset(0.5f * -1.453152027f));
  p = vfma(p, t, vset(0.5f * 1.421413741f));
  p = vfma(p, t, vset(0.5f * -0.284496736f));
  p = vfma(p, t, vset(0.5f * 0.254829592f));
  const Vec tail = vmul(vmul(p, t), vexp(vmul(vmul(a, a), vset(-0.5f))));
  return vsub(vmax(x, vzero()), vmul(a, tail));
}

void gelu(const float* x, float* out, int64_t n) { map_row(x, out, n, vgelu); }

// (1 - e^(-2|x|)) / (1 + e^(-2|x|)), with the sign of x.
inline Vec vtanh(Vec x) {
  const Vec one = vset(1.0f);
  const Vec e = vexp(vmul(vabs(x), vset(-2.0f)));
  const Vec r = vdiv(vsub(one, e), vadd(one, e));
  return vmin(vmax(vmul(x, vset(1e30f)), vsub(vzero(), r)), r);
}

void tanh_row(const float* x, float* out, int64_t n) { map_row(x, out, n, vtanh); }

inline Vec vswiglu(Vec gate, Vec up) {
  const Vec one = vset(1.0f);
  return vmul(vdiv(gate, vadd(one, vexp(vsub(vzero(), gate)))), up);
}

void swiglu(const float* gate, const float* up, float* out, int64_t n) {
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) vstore(out + i, vswiglu(vload(gate + i), vload(up + i)));
  if (i < n) {
    const int rest = static_cast<int>(n - i);
    vstore_n(out + i, vswiglu(vload_n(gate + i, rest), vload_n(up + i, rest)), rest);
  }
}

void scaled_add(float* x, const float* y, float scale, int64_t n) {
  const Vec s = vset(scale);
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) vstore(x + i, vfma(vload(y + i), s, vload(x + i)));
  if (i < n) {
    const int rest = static_cast<int>(n - i);
    vstore_n(x + i, vfma(vload_n(y + i, rest), s, vload_n(x + i, rest)), rest);
  }
}

void add(float* x, const float* y, int64_t n) { scaled_add(x, y, 1.0f, n); }

void scale(const float* x, float factor, float* y, int64_t n) {
  const Vec s = vset(factor);
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) vstore(y + i, vmul(vload(x + i), s));
  if (i < n) {
    const int rest = static_cast<int>(n - i);
    vstore_n(y + i, vmul(vload_n(x + i, rest), s), rest);
  }
}

void rotate(float* x, const float* cos, const float* sin, int32_t dim, bool interleaved) {
  const int32_t half = dim / 2;
  if (interleaved) {  // rare and small (64 values a head): plain code
    for (int32_t i = 0; i < half; ++i) {
      const float a = x[2 * i], b = x[2 * i + 1];
      x[2 * i] = a * cos[i] - b * sin[i];
      x[2 * i + 1] = b * cos[i] + a * sin[i];
    }
    return;
  }
  float* y = x + half;
  int32_t i = 0;
  for (; i < half; i += kLanes) {
    const int n = half - i < kLanes ? half - i : kLanes;
    const Vec a = vload_n(x + i, n), b = vload_n(y + i, n);
    const Vec c = vload_n(cos + i, n), s = vload_n(sin + i, n);
    vstore_n(x + i, vsub(vmul(a, c), vmul(b, s)), n);
    vstore_n(y + i, vadd(vmul(b, c), vmul(a, s)), n);
  }
}

}  // namespace
}  // namespace holdfast::cpu

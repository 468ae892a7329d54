// The table of kernels that one instruction set provides. The backend picks a table once; every
// function is pure (reads its inputs, writes its outputs) and is called from many threads at once.
//
// Files of avx2/, avx512/ and the like are compiled with their own flags. They include only this
// header, headers of shared/ and headers without inline functions, and keep everything they define
// in anonymous namespaces: an inline function shared with portable code could otherwise be linked
// in its AVX version and run on a machine without it.
#pragma once

#include <cstdint>

#include "backend/cpu/float_format.h"
#include "backend/cpu/packed_format.h"

namespace holdfast::cpu {

// Tokens over which attention's online softmax takes one step, for float and for integer caches.
// Part of the numeric format: they never depend on the page size, the batch or the machine.
constexpr int kAttentionBlock = 32;
constexpr int kIntBlock = 64;
// Tokens summed up on their own before they are merged into the running result, so that one long
// sequence can be split among threads without changing a byte. A multiple of both blocks.
constexpr int kAttentionChunk = 512;
// Value vectors are padded with zeros to a multiple of this many floats in attention's scratch.
constexpr int kValuePad = 64;

// kQ16: int16 codes with a float scale for each vector; kQ8: int8 codes with a bfloat16 scale for
// 32 consecutive values.
enum class KvFormat : int32_t { kF32, kQ16, kQ8 };

// Codes of one vector of keys or queries have a Euclidean norm of at most this and lie within
// +-32767. So a dot product of two of them, and any part of it, fits an int32 (Cauchy-Schwarz;
// rounding adds at most sqrt(dim) / 2 to a norm, and dim <= 4096).
constexpr float kCodeNorm = 46300.0f;
constexpr float kCodeLimit = 32767.0f;

// One layer of a KV cache. A page holds, for each KV head, the keys of its tokens and then the
// values; `latent` (MLA): one head, no values, a value is the beginning of the key.
//   kF32 keys    [dim][tokens], lanes of a kernel are tokens; latent: [tokens][dim]
//        values  [tokens][dim]
//   codes lie in pairs along the dimension that is summed over, as the kernels' dot products read:
//        keys    [ceil(dim / 2)][tokens][2]
//        values  [ceil(tokens / 2)][dim][2]
//        scales  [groups][tokens], from byte key_scales or value_scales on
struct KvLayer {
  const unsigned char* base;  // page 0
  int64_t page_stride;        // bytes from a page to the next
  int64_t key_bytes;          // of one head in one page, scales included
  int64_t value_bytes;        // 0 when latent
  int64_t key_scales, value_scales;
  int32_t page_tokens, kv_heads, key_dim, value_dim;
  KvFormat format;
  bool latent;
};

// Values of a scale; kQ16: all of a vector.
constexpr int kKvScaleGroup = 32;
constexpr int32_t kv_scale_groups(KvFormat format, int32_t dim) {
  return format == KvFormat::kQ8 ? (dim + kKvScaleGroup - 1) / kKvScaleGroup : 1;
}

// Queries that share one KV head: rows of one sequence times the heads of a group.
struct AttentionTile {
  KvLayer kv;
  const int32_t* pages;
  int32_t kv_head;
  int32_t begin, end;      // tokens of this call, within one chunk
  int32_t queries;         // m
  const float* q;          // kF32: [m, key_dim], scaled so that 2^score is what softmax sums
  const int16_t* q_codes;  // otherwise: [m, q_stride], zeros after key_dim,
  const float* q_scales;   // [m], times these
  int64_t q_stride;
  const int32_t* visible;  // [m] tokens of the sequence that the query may see
  float* max;              // [m] out: largest score
  float* sum;              // [m] out: sum of 2^(score - max)
  float* out;              // [m, value_stride] out: sum of 2^(score - max) * value
  int64_t value_stride;    // value_dim padded to kValuePad
  float* scratch;          // attention_scratch_floats()
};

// Activations of float weights. Rows stand in blocks; a block of m rows holds words of 4 bytes
// [words][m]: one column as float32, or two as bf16 (rounded to nearest even) where the kernel's
// products want them so. Columns past the end, up to a multiple of 4, are zero.
struct FloatRows {
  unsigned char* data;
  int64_t rows, columns;  // columns: the weights', made a multiple of 4
  int32_t blocks;         // the first rows % blocks of them hold one row more than the others
  bool bf16;

  constexpr int64_t words() const { return bf16 ? columns / 2 : columns; }
  // First row of a block; its data stand at 4 * words() * that.
  constexpr int64_t first_row(int64_t block) const {
    const int64_t more = rows % blocks;
    return block * (rows / blocks) + (block < more ? block : more);
  }
};

struct FloatWork {
  FloatFormat format;
  const unsigned char* panels;  // the first one, or null: then
  const unsigned char* rows;    // weights as they lie in the file, the first row,
  int64_t row_bytes;            // and from one to the next
  int64_t weight_rows, columns;
  const float* scales;  // kF8: of the whole matrix, or none
  int64_t scale_block, scale_stride, first_row;
  const FloatRows* x;
  int32_t first_block, last_block;  // blocks of x
  float* acc;                       // [panels][rows of the blocks][kFloatPanelRows] out
  unsigned char* scratch;           // kFloatScratch bytes, aligned to 64
};
constexpr int64_t kFloatScratch = 2 * kFloatPanelRows * kFloatChunk * 4;

// Activations of packed weights: int8 with a scale for 32 columns of a row. Rows stand in blocks; a
// block holds for each strip of 32 columns, and there for each row, a record:
//   int8 codes[32]; float scale; int32 or float aux[n]
// where aux, for each group of the weights' scales (n = 1 or 2), is -offset * sum(codes) as int32,
// or, for weights with minimums, scale * sum(codes) as float.
struct QuantizedRows {
  unsigned char* data;
  int64_t rows, columns;
  int32_t blocks;  // the first rows % blocks of them hold one row more than the others
  int32_t aux;     // n
  bool minimum;    // which kind of aux
  int32_t offset;

  constexpr int64_t record_bytes() const { return kStripColumns + 4 + 4 * aux; }
  constexpr int64_t first_row(int64_t block) const {
    const int64_t more = rows % blocks;
    return block * (rows / blocks) + (block < more ? block : more);
  }
};
// Rows of a block of QuantizedRows, at most: two panels' sums (16 KiB) stay in L1.
constexpr int64_t kQuantizedBlockRows = 128;

struct PackedWork {
  const PackedFormat* format;
  const unsigned char* panels;  // the first of panel_count
  int64_t panel_bytes;
  int32_t panel_count;  // even, but for the last of a matrix
  int64_t columns;
  const QuantizedRows* x;
  int32_t block;  // of x
  float* acc;     // [panel_count][rows of the block][16] out
};

struct Kernels {
  const char* isa;

  // ---- Rows of floats.
  void (*rms_norm)(const float* x, const float* weight, float eps, float* out, int64_t n);
  void (*layer_norm)(const float* x, const float* weight, const float* bias, float eps, float* out,
                     int64_t n);
  void (*gelu)(const float* x, float* out, int64_t n);  // exact: x * Phi(x)
  void (*tanh)(const float* x, float* out, int64_t n);
  void (*swiglu)(const float* gate, const float* up, float* out, int64_t n);
  void (*add)(float* x, const float* y, int64_t n);
  void (*scaled_add)(float* x, const float* y, float scale, int64_t n);  // x += scale * y
  // Rotates pairs by the angles whose cosines and sines are given, [dim / 2] each.
  void (*rotate)(float* x, const float* cos, const float* sin, int32_t dim, bool interleaved);

  // ---- Linear.
  int32_t float_block_rows;  // most rows of a block of FloatRows
  bool bf16_products;        // bf16 weights take activations rounded to bf16
  // One block's columns [begin, end), both multiples of 64 or the end. x: its first row, of
  // `columns` values.
  void (*float_rows)(const float* x, int64_t x_stride, int64_t columns, const FloatRows& to,
                     int32_t block, int64_t begin, int64_t end);
  void (*float_panels)(const FloatWork& work);
  // Makes a panel of `count` rows of `bytes` bytes, row_bytes apart.
  void (*pack_float_panel)(const unsigned char* rows, int64_t row_bytes, int64_t count,
                           int64_t bytes, unsigned char* to);

  // Whether 8-bit codes count as signed, so that PackedFormat::offset does not apply to them.
  bool signed_bytes;
  // One block's strips [begin, end). x: its first row.
  void (*quantize)(const float* x, int64_t x_stride, const QuantizedRows& to, int32_t block,
                   int64_t begin, int64_t end);
  void (*packed_panels)(const PackedWork& work);

  // ---- Attention over the tokens [begin, end) of one chunk.
  void (*attend)(const AttentionTile& tile);
  // x * factor, n values, as codes times the returned scale; norm and limit as kCodeNorm says.
  float (*encode_query)(const float* x, float factor, int16_t* codes, int64_t n);
  // Merges a later chunk's state into an earlier one's, for m queries.
  void (*merge)(float* max, float* sum, float* out, const float* max2, const float* sum2,
                const float* out2, int32_t m, int64_t value_stride);
  // y = x / sum, n values.
  void (*scale)(const float* x, float factor, float* y, int64_t n);
};

// Floats of AttentionTile::scratch for a tile of at most so many queries.
constexpr int64_t attention_scratch_floats(const KvLayer& kv, int64_t queries,
                                           int64_t value_stride) {
  constexpr int64_t kRows = 16;  // of a register tile at most
  if (kv.format == KvFormat::kF32) {
    return kv.key_dim + kAttentionBlock * (kv.key_dim + value_stride + kRows);
  }
  const int64_t key_groups = kv_scale_groups(kv.format, kv.key_dim);
  const int64_t value_groups = kv_scale_groups(kv.format, kv.value_dim);
  return kIntBlock * (key_groups + value_groups)            // scales
         + kRows * (kIntBlock + 16)                         // scores and factors
         + kRows * value_groups * (kIntBlock / 2 + 1)       // codes of weights and their steps
         + kIntBlock * (kv.key_dim + 2 + value_stride) / 2  // a block copied together
         + queries * (kv.key_dim + 1) / 2;
}

const Kernels& generic_kernels();
// x86-64 only; whether the machine has the instructions is for the caller to ask.
const Kernels* avx2_kernels();
const Kernels* avx2_vnni_kernels();  // the same with AVX-VNNI
const Kernels* avx512_kernels();
const Kernels* avx512_bf16_kernels();  // the same with BF16 products
// aarch64 only. Every such machine has NEON; whether it has dot products is for the caller to ask.
const Kernels* neon_kernels();
const Kernels* neon_dot_kernels();

}  // namespace holdfast::cpu

// Register-blocked product: a tile of C stays in registers while panels of B, packed to be
// contiguous, and rows of A stream through it (Goto and van de Geijn, "Anatomy of
// high-performance matrix multiplication", 2008).
#include <algorithm>
#include <type_traits>

#include "math/simd.h"
#include "ops/training/gemm.h"

HWY_BEFORE_NAMESPACE();
namespace opkit::training::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// 24 of 32 registers hold C with AVX-512, 12 of 16 below.
#if HWY_TARGET == HWY_AVX3
constexpr int kTileRows = 12;
#else
constexpr int kTileRows = 6;
#endif
constexpr int64_t kDepth = 256;     // steps of k per packed panel
constexpr int64_t kRowBlock = 240;  // rows of A that are reused from L2

// The first columns of a tile. Out of line, for its loops would be unrolled in every size of tile.
template <typename T>
HWY_NOINLINE void PutPart(const T* tile, int64_t rows, int64_t width, int64_t columns, bool add,
                          T* c, int64_t c_row) {
  const hn::ScalableTag<T> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  for (; rows > 0; --rows, tile += width, c += c_row) {
    for (int64_t j = 0; j < columns; j += lanes) {
      const auto n = static_cast<size_t>(columns - j);  // may be more than a vector
      const auto sum = hn::LoadU(d, tile + j);
      hn::StoreN(add ? hn::Add(hn::LoadN(d, c + j, n), sum) : sum, d, c + j, n);
    }
  }
}

// C tile of kRows x (kVectors vectors) += A rows * packed panel.
template <int kRows, int kVectors, typename T>
HWY_INLINE void Tile(const GemmArgs<T>& g, const T* a, const T* panel, int64_t depth, T* c,
                     int64_t columns, bool add) {
  const hn::ScalableTag<T> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  using V = hn::Vec<decltype(d)>;
  V sum[kRows][kVectors];
  for (int r = 0; r < kRows; ++r) {
    for (int v = 0; v < kVectors; ++v) sum[r][v] = hn::Zero(d);
  }
  for (int64_t p = 0; p < depth; ++p, a += g.a_column, panel += kVectors * lanes) {
    V b[kVectors];
    for (int v = 0; v < kVectors; ++v) b[v] = hn::LoadU(d, panel + v * lanes);
    for (int r = 0; r < kRows; ++r) {
      const V x = hn::Set(d, a[r * g.a_row]);
      for (int v = 0; v < kVectors; ++v) sum[r][v] = hn::MulAdd(x, b[v], sum[r][v]);
    }
  }
  if (columns == kVectors * lanes) {
    for (int r = 0; r < kRows; ++r) {
      for (int v = 0; v < kVectors; ++v) {
        T* at = c + r * g.c_row + v * lanes;
        hn::StoreU(add ? hn::Add(hn::LoadU(d, at), sum[r][v]) : sum[r][v], d, at);
      }
    }
    return;
  }
  HWY_ALIGN T tile[kRows * kVectors * HWY_MAX_LANES_D(hn::ScalableTag<T>)];
  for (int r = 0; r < kRows; ++r) {
    for (int v = 0; v < kVectors; ++v) {
      hn::StoreU(sum[r][v], d, tile + (r * kVectors + v) * lanes);
    }
  }
  PutPart(tile, kRows, kVectors * lanes, columns, add, c, g.c_row);
}

// Rows [m0, m1) against one packed panel.
template <int kVectors, typename T>
HWY_NOINLINE void Rows(const GemmArgs<T>& g, int64_t m0, int64_t m1, int64_t p0, const T* panel,
                       int64_t depth, int64_t n0, int64_t columns) {
  const T* a = g.a + p0 * g.a_column;
  const bool add = g.accumulate || p0 > 0;
  const auto tile = [&](auto rows, int64_t i) HWY_ATTR {
    Tile<rows.value, kVectors>(g, a + i * g.a_row, panel, depth, g.c + i * g.c_row + n0, columns,
                               add);
  };
  // Numbers of rows are often powers of two: 4 at a time, and 8 not as 6 and twice 1.
  constexpr bool kFours = kVectors == 2 && std::is_same_v<T, float>;
  int64_t i = m0;
  for (; m1 - i >= kTileRows && !(kFours && m1 - i == 8); i += kTileRows) {
    tile(std::integral_constant<int, kTileRows>(), i);
  }
  if constexpr (kFours) {
    for (; i + 4 <= m1; i += 4) tile(std::integral_constant<int, 4>(), i);
  }
  for (; i + 3 <= m1; i += 3) tile(std::integral_constant<int, 3>(), i);
  for (; i < m1; ++i) tile(std::integral_constant<int, 1>(), i);
}

template <typename T>
HWY_INLINE void Product(const GemmArgs<T>& g, T* scratch) {
  const hn::ScalableTag<T> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  for (int64_t m0 = 0; m0 < g.m; m0 += kRowBlock) {
    const int64_t m1 = std::min(g.m, m0 + kRowBlock);
    for (int64_t p0 = 0, depth = 0; p0 < g.k; p0 += depth) {
      depth = g.packed ? g.k : std::min(kDepth, g.k - p0);
      for (int64_t n0 = 0; n0 < g.n;) {
        const int64_t left = g.n - n0;
        const int64_t width = left > lanes ? 2 * lanes : lanes;
        const int64_t columns = std::min(width, left);
        const T* const panel = g.packed ? g.b + n0 * g.k : scratch;
        for (int64_t p = 0; p < depth && !g.packed; ++p) {
          const T* from = g.b + (p0 + p) * g.b_row + n0;
          T* to = scratch + p * width;
          for (int64_t j = 0; j < columns; ++j) to[j] = from[j];
          for (int64_t j = columns; j < width; ++j) to[j] = T(0);
        }
        if (width == lanes) {
          Rows<1, T>(g, m0, m1, p0, panel, depth, n0, columns);
        } else {
          Rows<2, T>(g, m0, m1, p0, panel, depth, n0, columns);
        }
        n0 += columns;
      }
    }
  }
}

void GemmF32(const GemmArgs<float>& g, float* scratch) { Product<float>(g, scratch); }
// Rare types in fewer copies: without AVX-512.
#if HWY_TARGET != HWY_AVX3
void GemmF64(const GemmArgs<double>& g, double* scratch) { Product<double>(g, scratch); }
void GemmI32(const GemmArgs<int32_t>& g, int32_t* scratch) { Product<int32_t>(g, scratch); }
#endif

}  // namespace opkit::training::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace opkit::training {

OPKIT_SIMD_EXPORT(GemmF32);
OPKIT_SIMD_EXPORT_TO_AVX2(GemmF64);
OPKIT_SIMD_EXPORT_TO_AVX2(GemmI32);

void Gemm(const GemmArgs<float>& g, float* scratch) { OPKIT_SIMD_CALL(GemmF32)(g, scratch); }
void Gemm(const GemmArgs<double>& g, double* scratch) { OPKIT_SIMD_CALL(GemmF64)(g, scratch); }
void Gemm(const GemmArgs<int32_t>& g, int32_t* scratch) { OPKIT_SIMD_CALL(GemmI32)(g, scratch); }

}  // namespace opkit::training
#endif  // HWY_ONCE

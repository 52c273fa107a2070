// Sums of float32 rows: eight at a time, in pairs, so that every row is read in one sweep and the
// sum so far is touched once for eight. Sums of narrow rows stay in registers.
#include <algorithm>

#include "math/simd.h"
#include "ops/training/bias_add_grad.h"

HWY_BEFORE_NAMESPACE();
namespace opkit::training::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using D = hn::ScalableTag<float>;
using V = hn::Vec<D>;

HWY_INLINE V Load(const float* p, size_t n, bool whole) {
  return whole ? hn::LoadU(D(), p) : hn::LoadN(D(), p, n);
}

HWY_INLINE V Eight(const float* p, int64_t w, size_t n, bool whole) {
  const V a = hn::Add(Load(p, n, whole), Load(p + w, n, whole));
  const V b = hn::Add(Load(p + 2 * w, n, whole), Load(p + 3 * w, n, whole));
  const V c = hn::Add(Load(p + 4 * w, n, whole), Load(p + 5 * w, n, whole));
  const V e = hn::Add(Load(p + 6 * w, n, whole), Load(p + 7 * w, n, whole));
  return hn::Add(hn::Add(a, b), hn::Add(c, e));
}

// Rows of up to kNarrow columns, four at a time. Vectors reach into the rows behind; what they sum
// there is not used. Returns how many rows of `rows` it has taken.
constexpr int64_t kNarrow = 64;
HWY_NOINLINE int64_t SumNarrow(const float* x, int64_t rows, int64_t width, float* sums) {
  const D d;
  constexpr int64_t kL = hn::MaxLanes(D()), kVectors = kNarrow / kL;
  V sum[kVectors];
  for (V& v : sum) v = hn::Zero(d);
  int64_t r = 0;
  for (; (rows - r - 3) * width >= kNarrow; r += 4, x += 4 * width) {
    for (int64_t v = 0; v < kVectors; ++v) {
      const float* const p = x + v * kL;
      const V a = hn::Add(hn::LoadU(d, p), hn::LoadU(d, p + width));
      const V b = hn::Add(hn::LoadU(d, p + 2 * width), hn::LoadU(d, p + 3 * width));
      sum[v] = hn::Add(sum[v], hn::Add(a, b));
    }
  }
  HWY_ALIGN float all[kNarrow];
  for (int64_t v = 0; v < kVectors; ++v) hn::Store(sum[v], d, all + v * kL);
  for (int64_t c = 0; c < width; ++c) sums[c] = all[c];
  return r;
}

void SumRows(const float* x, int64_t rows, int64_t width, float* sums) {
  const D d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  int64_t r = 0;
  if (width <= kNarrow) {
    r = SumNarrow(x, rows, width, sums);
  } else {
    std::fill_n(sums, width, 0.0f);
  }
  while (r < rows) {
    const int64_t some = rows - r >= 8 ? 8 : 1;
    const float* const row = x + r * width;
    int64_t c = 0;
    for (; c + lanes <= width; c += lanes) {
      const V v = some == 8 ? Eight(row + c, width, 0, true) : hn::LoadU(d, row + c);
      hn::StoreU(hn::Add(hn::LoadU(d, sums + c), v), d, sums + c);
    }
    if (c < width) {
      const auto n = static_cast<size_t>(width - c);
      const V v = some == 8 ? Eight(row + c, width, n, false) : hn::LoadN(d, row + c, n);
      hn::StoreN(hn::Add(hn::LoadN(d, sums + c, n), v), d, sums + c, n);
    }
    r += some;
  }
}

}  // namespace opkit::training::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace opkit::training {

OPKIT_SIMD_EXPORT(SumRows);

void SumRowsF32(const float* x, int64_t rows, int64_t width, float* sums) {
  OPKIT_SIMD_CALL(SumRows)(x, rows, width, sums);
}

}  // namespace opkit::training
#endif  // HWY_ONCE

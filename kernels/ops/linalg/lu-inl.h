// LU with partial pivoting, P A = L U, compiled once per instruction set: for groups of one matrix
// a lane, and blocked for one larger matrix.
#if defined(OPKIT_LINALG_LU_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef OPKIT_LINALG_LU_INL_H_
#undef OPKIT_LINALG_LU_INL_H_
#else
#define OPKIT_LINALG_LU_INL_H_
#endif

#include <algorithm>
#include <cstdint>

#include "hwy/highway.h"
#include "ops/linalg/dense-inl.h"
#include "ops/linalg/scalar.h"
#include "ops/linalg/soa-inl.h"

HWY_BEFORE_NAMESPACE();
namespace opkit::linalg::HWY_NAMESPACE {

// Exchanges rows k and i of an n-column group in the lanes of `mask`.
template <class T>
HWY_INLINE void SwapLanes(typename Lane<T>::M mask, size_t n, Real<T>* k, Real<T>* i) {
  using L = Lane<T>;
  for (size_t j = 0; j < n * L::kStride; j += L::kLanes) {
    const typename L::D d;
    const auto x = hn::Load(d, k + j), y = hn::Load(d, i + j);
    hn::Store(hn::IfThenElse(mask, y, x), d, k + j);
    hn::Store(hn::IfThenElse(mask, x, y), d, i + j);
  }
}

// What LuGroup finds per lane, as reals.
template <class T>
struct GroupPivots {
  HWY_ALIGN Real<T> row[kGroupOrder * Lane<T>::kLanes];  // original row at each position
  HWY_ALIGN Real<T> sign[Lane<T>::kLanes];               // of the permutation
  HWY_ALIGN Real<T> regular[Lane<T>::kLanes];            // 1, or 0 where a pivot is 0 or NaN
};

// Factors the group a[n, n] in place and brings the right-hand sides b[n, m] along: on return b
// holds inverse(L) P b.
template <class T>
HWY_NOINLINE void LuGroup(size_t n, Real<T>* a, size_t m, Real<T>* b, GroupPivots<T>* pivots) {
  using L = Lane<T>;
  using V = typename L::V;
  using RV = typename L::RV;
  using R = Real<T>;
  const typename L::D d;
  const size_t row = n * L::kStride, row_b = m * L::kStride;
  const RV zero = hn::Zero(d), one = hn::Set(d, R(1));
  RV sign = one, regular = one;
  for (size_t i = 0; i < n; ++i) {
    hn::Store(hn::Set(d, static_cast<R>(i)), d, pivots->row + i * L::kLanes);
  }
  for (size_t k = 0; k < n; ++k) {
    R* row_k = a + k * row;
    RV best = L::Magnitude(L::Load(row_k + k * L::kStride));
    RV where = hn::Set(d, static_cast<R>(k));
    for (size_t i = k + 1; i < n; ++i) {
      const RV mag = L::Magnitude(L::Load(a + i * row + k * L::kStride));
      const auto larger = hn::Gt(mag, best);
      best = hn::IfThenElse(larger, mag, best);
      where = hn::IfThenElse(larger, hn::Set(d, static_cast<R>(i)), where);
    }
    regular = hn::IfThenElse(hn::Gt(best, zero), regular, zero);
    const auto stays = hn::Eq(where, hn::Set(d, static_cast<R>(k)));
    if (!hn::AllTrue(d, stays)) {
      sign = hn::IfThenElse(stays, sign, hn::Neg(sign));
      for (size_t i = k + 1; i < n; ++i) {
        const auto mask = hn::Eq(where, hn::Set(d, static_cast<R>(i)));
        if (hn::AllFalse(d, mask)) continue;
        SwapLanes<T>(mask, n, row_k, a + i * row);
        SwapLanes<T>(mask, m, b + k * row_b, b + i * row_b);
        SwapLanes<R>(mask, 1, pivots->row + k * L::kLanes, pivots->row + i * L::kLanes);
      }
    }
    const V pivot = L::Load(row_k + k * L::kStride);
    const auto vanishes = hn::Eq(best, zero);
    for (size_t i = k + 1; i < n; ++i) {
      R* row_i = a + i * row;
      const V f = L::Select(vanishes, L::Zero(), L::Div(L::Load(row_i + k * L::kStride), pivot));
      L::Store(f, row_i + k * L::kStride);
      for (size_t j = (k + 1) * L::kStride; j < row; j += L::kStride) {
        L::Store(L::MulSub(f, L::Load(row_k + j), L::Load(row_i + j)), row_i + j);
      }
      for (size_t j = 0; j < row_b; j += L::kStride) {
        R* to = b + i * row_b + j;
        L::Store(L::MulSub(f, L::Load(b + k * row_b + j), L::Load(to)), to);
      }
    }
  }
  hn::Store(sign, d, pivots->sign);
  hn::Store(regular, d, pivots->regular);
}

// b[n, m] <- inverse(U) b
template <class T>
HWY_NOINLINE void BackSubstituteGroup(size_t n, const Real<T>* HWY_RESTRICT a, size_t m,
                                      Real<T>* HWY_RESTRICT b) {
  using L = Lane<T>;
  using V = typename L::V;
  for (size_t i = n; i-- > 0;) {
    const Real<T>* row = a + i * n * L::kStride;
    const V diagonal = L::Load(row + i * L::kStride);
    for (size_t j = 0; j < m; ++j) {
      V v = L::Load(b + (i * m + j) * L::kStride);
      for (size_t k = i + 1; k < n; ++k) {
        v = L::MulSub(L::Load(row + k * L::kStride), L::Load(b + (k * m + j) * L::kStride), v);
      }
      L::Store(L::Div(v, diagonal), b + (i * m + j) * L::kStride);
    }
  }
}

template <class T>
HWY_INLINE void SwapRows(size_t n, T* x, T* y) {
  if (x != y) std::swap_ranges(x, x + n, y);
}

// Eliminates the columns [0, depth) of the rows of p (ld kBlock). Pivot j came from row swap[j].
// Returns whether all pivots are above zero.
template <class T>
HWY_NOINLINE bool LuPanel(size_t rows, size_t depth, T* HWY_RESTRICT p, size_t* swap) {
  const Tag<T> d;
  constexpr size_t kRow = kBlock * kParts<T>;
  const size_t lanes = hn::Lanes(d);
  HWY_ALIGN Real<T> pivot_row[kRow];
  bool regular = true;
  size_t best = 0;
  Real<T> best_score = -1;
  for (size_t i = 0; i < rows; ++i) {
    const Real<T> score = Abs(p[i * kBlock]);
    if (score > best_score) {
      best_score = score;
      best = i;
    }
  }
  for (size_t j = 0; j < depth; ++j) {
    swap[j] = best;
    SwapRows(kBlock, p + j * kBlock, p + best * kBlock);
    regular = regular && best_score > 0;
    const bool vanishes = best_score == 0;
    const Divisor<T> pivot(p[j * kBlock + j]);
    // Zeros up to column j let the update run over whole vectors.
    std::fill(pivot_row, pivot_row + (j + 1) * kParts<T>, Real<T>(0));
    std::copy(AsReal(p + j * kBlock) + (j + 1) * kParts<T>, AsReal(p + j * kBlock) + kRow,
              pivot_row + (j + 1) * kParts<T>);
    const size_t start = (j + 1) * kParts<T> / lanes * lanes;
    best = j + 1;
    best_score = -1;
    for (size_t i = j + 1; i < rows; ++i) {
      T* row = p + i * kBlock;
      const T f = vanishes ? T(0) : pivot(row[j]);
      Real<T>* r = AsReal(row);
      const Vec<T> re = hn::Set(d, RealPart(f)), im = hn::Set(d, ImagPart(f));
      for (size_t c = start; c < kRow; c += lanes) {
        const Vec<T> x = hn::Load(d, pivot_row + c);
        Vec<T> y = hn::NegMulAdd(re, x, hn::Load(d, r + c));
        if constexpr (kParts<T> == 2) y = hn::NegMulAdd(im, TimesI(d, x), y);
        hn::Store(y, d, r + c);
      }
      row[j] = f;  // after the vectors: a load that spans a fresh narrow store would stall
      if (j + 1 < depth) {
        const Real<T> score = Abs(row[j + 1]);
        if (score > best_score) {
          best_score = score;
          best = i;
        }
      }
    }
    if (best_score < 0) best_score = 0;  // all NaN: keep the order, report the matrix
  }
  return regular;
}

// P A = L U in place. perm[i] becomes the original index of row i. `panel` has room for
// n * kBlock T. Returns whether all pivots are above zero.
template <class T>
HWY_NOINLINE bool LuMatrix(size_t n, T* a, int64_t* perm, int* sign, T* panel) {
  HWY_ALIGN Real<T> packed[kPanelReals<T>];
  size_t swap[kBlock];
  bool regular = true;
  *sign = 1;
  for (size_t i = 0; i < n; ++i) perm[i] = static_cast<int64_t>(i);
  for (size_t q = 0; q < n; q += kBlock) {
    const size_t depth = HWY_MIN(kBlock, n - q);
    const size_t next = q + depth;
    for (size_t i = q; i < n; ++i) {
      T* row = panel + (i - q) * kBlock;
      std::copy(a + i * n + q, a + i * n + next, row);
      std::fill(row + depth, row + kBlock, T(0));
    }
    regular = LuPanel<T>(n - q, depth, panel, swap) && regular;
    for (size_t j = 0; j < depth; ++j) {
      if (swap[j] == j) continue;
      *sign = -*sign;
      SwapRows(n, a + (q + j) * n, a + (q + swap[j]) * n);
      std::swap(perm[q + j], perm[q + swap[j]]);
    }
    for (size_t i = q; i < n; ++i) {
      const T* row = panel + (i - q) * kBlock;
      std::copy(row, row + depth, a + i * n + q);
    }
    for (size_t j = next; j < n; j += kPanel<T>) {
      const size_t w = HWY_MIN(kPanel<T>, n - j);
      PackPanel<T>(depth, w, a + q * n + j, n, packed);
      SolvePanel<T>(true, true, false, depth, panel, kBlock, 1, packed);
      UnpackPanel<T>(depth, w, packed, a + q * n + j, n);
      PanelProduct<T>(n - next, depth, w, panel + depth * kBlock, kBlock, packed, a + next * n + j,
                      n);
    }
  }
  return regular;
}

}  // namespace opkit::linalg::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target guard

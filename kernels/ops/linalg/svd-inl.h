// Singular value decomposition, compiled once per instruction set: groups of small real square
// matrices by two-sided Jacobi rotations, anything else through a real bidiagonal matrix.
#if defined(OPKIT_LINALG_SVD_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef OPKIT_LINALG_SVD_INL_H_
#undef OPKIT_LINALG_SVD_INL_H_
#else
#define OPKIT_LINALG_SVD_INL_H_
#endif

#include <algorithm>
#include <cmath>
#include <limits>

#include "hwy/highway.h"
#include "ops/linalg/bidiagonal.h"
#include "ops/linalg/householder-inl.h"
#include "ops/linalg/soa-inl.h"

HWY_BEFORE_NAMESPACE();
namespace opkit::linalg::HWY_NAMESPACE {

// x, y = c x + s y, -s x + c y for `count` pairs of elements, `step` reals apart.
template <class R>
HWY_INLINE void RotateLanes(size_t count, size_t step, hn::Vec<hn::ScalableTag<R>> c,
                            hn::Vec<hn::ScalableTag<R>> s, R* HWY_RESTRICT x, R* HWY_RESTRICT y) {
  const hn::ScalableTag<R> d;
  for (size_t i = 0; i < count; ++i, x += step, y += step) {
    const auto a = hn::Load(d, x), b = hn::Load(d, y);
    hn::Store(hn::MulAdd(s, b, hn::Mul(c, a)), d, x);
    hn::Store(hn::NegMulAdd(s, a, hn::Mul(c, b)), d, y);
  }
}

// Sweeps of Jacobi rotations (Kogbetliantz 1955, in the order and with the stopping rule of
// Eigen's JacobiSVD, so that signs agree with it) until w[n, n] is diagonal in each lane;
// u and v collect the rotations.
template <class R>
HWY_NOINLINE void JacobiGroup(size_t n, R* HWY_RESTRICT w, R* HWY_RESTRICT u, R* HWY_RESTRICT v) {
  using L = Lane<R>;
  const hn::ScalableTag<R> d;
  constexpr size_t kStep = L::kLanes;
  const auto zero = hn::Zero(d), one = hn::Set(d, R(1));
  const auto tiny = hn::Set(d, std::numeric_limits<R>::min());
  const auto precision = hn::Set(d, 2 * std::numeric_limits<R>::epsilon());
  auto largest = zero;
  for (size_t i = 0; i < n; ++i) {
    largest = hn::Max(largest, hn::Abs(hn::Load(d, w + i * (n + 1) * kStep)));
  }
  constexpr int kMaxSweeps = 60;  // Jacobi needs under 15; NaN never gets here
  bool finished = false;
  for (int sweep = 0; sweep < kMaxSweeps && !finished; ++sweep) {
    finished = true;
    for (size_t p = 1; p < n; ++p) {
      for (size_t q = 0; q < p; ++q) {
        const auto m00 = hn::Load(d, w + (p * n + p) * kStep);
        const auto m01 = hn::Load(d, w + (p * n + q) * kStep);
        const auto m10 = hn::Load(d, w + (q * n + p) * kStep);
        const auto m11 = hn::Load(d, w + (q * n + q) * kStep);
        const auto threshold = hn::Max(tiny, hn::Mul(precision, largest));
        const auto active = hn::Gt(hn::Max(hn::Abs(m01), hn::Abs(m10)), threshold);
        if (hn::AllFalse(d, active)) continue;
        finished = false;
        // A rotation that makes the 2 x 2 block symmetric.
        const auto t = hn::Add(m00, m11), diff = hn::Sub(m10, m01);
        const auto symmetric = hn::Lt(hn::Abs(diff), tiny);
        const auto slope = hn::Div(t, diff);
        const auto norm = hn::Sqrt(hn::MulAdd(slope, slope, one));
        const auto s1 = hn::IfThenZeroElse(symmetric, hn::Div(one, norm));
        const auto c1 = hn::IfThenElse(symmetric, one, hn::Div(slope, norm));
        const auto x = hn::MulAdd(c1, m00, hn::Mul(s1, m10));
        const auto y = hn::MulAdd(c1, m01, hn::Mul(s1, m11));
        const auto z = hn::NegMulAdd(s1, m01, hn::Mul(c1, m11));
        // The Jacobi rotation that diagonalises [[x, y], [y, z]].
        const auto twice = hn::Add(hn::Abs(y), hn::Abs(y));
        const auto diagonal = hn::Lt(twice, tiny);
        const auto tau = hn::Div(hn::Sub(x, z), twice);
        const auto root = hn::Sqrt(hn::MulAdd(tau, tau, one));
        const auto tangent =
            hn::Div(one, hn::Add(tau, hn::IfThenElse(hn::Gt(tau, zero), root, hn::Neg(root))));
        const auto cosine = hn::Div(one, hn::Sqrt(hn::MulAdd(tangent, tangent, one)));
        const auto sine = hn::Neg(hn::Mul(hn::CopySign(cosine, y), tangent));
        const auto cr = hn::IfThenElse(diagonal, one, cosine);
        const auto sr = hn::IfThenZeroElse(diagonal, sine);
        // left = first rotation times transposed right one, identity where already diagonal
        const auto keep = hn::Not(active);
        const auto cl = hn::IfThenElse(keep, one, hn::MulAdd(c1, cr, hn::Mul(s1, sr)));
        const auto sl = hn::IfThenZeroElse(keep, hn::NegMulAdd(c1, sr, hn::Mul(s1, cr)));
        const auto right_c = hn::IfThenElse(keep, one, cr);
        const auto right_s = hn::IfThenZeroElse(keep, hn::Neg(sr));
        RotateLanes<R>(n, kStep, cl, sl, w + p * n * kStep, w + q * n * kStep);
        if (u != nullptr) RotateLanes<R>(n, n * kStep, cl, sl, u + p * kStep, u + q * kStep);
        RotateLanes<R>(n, n * kStep, right_c, right_s, w + p * kStep, w + q * kStep);
        if (v != nullptr) {
          RotateLanes<R>(n, n * kStep, right_c, right_s, v + p * kStep, v + q * kStep);
        }
        const auto a = hn::Abs(hn::Load(d, w + (p * n + p) * kStep));
        const auto b = hn::Abs(hn::Load(d, w + (q * n + q) * kStep));
        largest = hn::IfThenElse(active, hn::Max(largest, hn::Max(a, b)), largest);
      }
    }
  }
}

// One lane of a finished group into plain matrices: positive values in descending order.
template <class R>
HWY_INLINE void ExtractLane(size_t n, size_t lane, R scale, bool finite, const R* w, const R* u,
                            const R* v, R* s, R* out_u, R* out_v) {
  constexpr size_t kStep = Lane<R>::kLanes;
  if (!finite) {
    const R nan = std::numeric_limits<R>::quiet_NaN();
    std::fill(s, s + n, nan);
    if (out_u != nullptr) std::fill(out_u, out_u + n * n, nan);
    if (out_v != nullptr) std::fill(out_v, out_v + n * n, nan);
    return;
  }
  size_t order[kJacobiOrder];
  R value[kJacobiOrder];
  for (size_t i = 0; i < n; ++i) {
    order[i] = i;
    value[i] = std::abs(w[i * (n + 1) * kStep + lane]) * scale;
  }
  for (size_t i = 0; i < n; ++i) {
    size_t best = i;
    for (size_t j = i + 1; j < n; ++j) {
      if (value[j] > value[best]) best = j;
    }
    std::swap(value[i], value[best]);
    std::swap(order[i], order[best]);
  }
  std::copy(value, value + n, s);
  if (out_u == nullptr) return;
  for (size_t j = 0; j < n; ++j) {
    const size_t from = order[j];
    const R sign = w[from * (n + 1) * kStep + lane] < R(0) ? R(-1) : R(1);
    for (size_t i = 0; i < n; ++i) {
      out_u[i * n + j] = sign * u[(i * n + from) * kStep + lane];
      out_v[i * n + j] = v[(i * n + from) * kStep + lane];
    }
  }
}

template <class R>
HWY_NOINLINE void SvdGroup(size_t n, const R* in, size_t count, R* s, R* out_u, R* out_v,
                           R* scratch) {
  using L = Lane<R>;
  const hn::ScalableTag<R> d;
  const size_t size = n * n * L::kLanes;
  R* w = scratch;
  R* u = out_u != nullptr ? w + size : nullptr;
  R* v = out_u != nullptr ? u + size : nullptr;
  PackLanes<R>(in, n * n, count, n * n, w);
  auto scale = hn::Zero(d);
  auto bad = hn::Zero(d);
  for (size_t e = 0; e < size; e += L::kLanes) {
    const auto x = hn::Load(d, w + e);
    bad = hn::Add(bad, hn::Sub(x, x));  // 0, or NaN from infinities and NaN
    scale = hn::Max(scale, hn::Abs(x));
  }
  const auto finite = hn::Eq(bad, hn::Zero(d));
  scale = hn::IfThenElse(hn::And(finite, hn::Gt(scale, hn::Zero(d))), scale, hn::Set(d, R(1)));
  for (size_t e = 0; e < size; e += L::kLanes) {
    hn::Store(hn::IfThenElseZero(finite, hn::Div(hn::Load(d, w + e), scale)), d, w + e);
  }
  if (u != nullptr) {
    std::fill(u, u + 2 * size, R(0));
    for (size_t i = 0; i < n; ++i) {
      hn::Store(hn::Set(d, R(1)), d, u + i * (n + 1) * L::kLanes);
      hn::Store(hn::Set(d, R(1)), d, v + i * (n + 1) * L::kLanes);
    }
  }
  JacobiGroup<R>(n, w, u, v);
  HWY_ALIGN R scales[L::kLanes];
  HWY_ALIGN R fine[L::kLanes];
  hn::Store(scale, d, scales);
  hn::Store(hn::IfThenElseZero(finite, hn::Set(d, R(1))), d, fine);
  for (size_t lane = 0; lane < count; ++lane) {
    ExtractLane<R>(n, lane, scales[lane], fine[lane] != R(0), w, u, v, s + lane * n,
                   u != nullptr ? out_u + lane * n * n : nullptr,
                   u != nullptr ? out_v + lane * n * n : nullptr);
  }
}

// Buffers of SvdMatrix, m >= n; `columns` of u, 0 without vectors.
template <class T>
struct SvdScratch {
  SvdScratch(size_t m, size_t n, size_t columns, char* memory) : next_(memory) {
    diagonal = Take<double>(n);
    super = Take<double>(n);
    order = Take<size_t>(n);
    values = Take<Real<T>>(n);
    a = Take<T>(m * n);
    left = Take<T>(n * m);
    right = Take<T>(n * n);
    tau_left = Take<T>(n);
    tau_right = Take<T>(n);
    row = Take<T>(n);
    q = Take<T>(HWY_MAX(m, n) * columns);
    ut = Take<T>(columns == 0 ? 0 : n * m);
    vt = Take<T>(columns == 0 ? 0 : n * n);
  }
  // Without memory, what the constructor would take.
  static size_t Bytes(size_t m, size_t n, size_t columns) {
    SvdScratch counter(m, n, columns, nullptr);
    return counter.used_;
  }
  double *diagonal, *super;
  size_t* order;
  Real<T>* values;
  T *a, *left, *right, *tau_left, *tau_right, *row, *q, *ut, *vt;

 private:
  template <class U>
  U* Take(size_t count) {
    char* p = next_ == nullptr ? nullptr : next_ + used_;
    used_ += (count * sizeof(U) + 63) / 64 * 64;
    return reinterpret_cast<U*>(p);
  }
  char* next_;
  size_t used_ = 0;
};

// A[m, n] = U S V^H for m >= n, A in b.a (destroyed). u[m, columns] with columns n or m and
// v[n, n] may be null. Golub and Reinsch 1970: Householder bidiagonalisation, implicit QR.
template <class T>
HWY_NOINLINE bool SvdMatrix(size_t m, size_t n, const SvdScratch<T>& b, Real<T>* s, T* u,
                            size_t columns, T* v) {
  using R = Real<T>;
  double* diagonal = b.diagonal;
  double* super = b.super;
  for (size_t k = 0; k < n; ++k) {
    T* vector = b.left + k * m;
    for (size_t i = k; i < m; ++i) vector[i - k] = b.a[i * n + k];
    diagonal[k] = static_cast<double>(MakeReflector<T>(m - k, vector, b.tau_left + k));
    super[k] = 0;
    const size_t rest = n - k - 1;
    if (rest == 0) break;
    Reflect<T>(m - k, rest, vector, b.tau_left[k], b.a + k * n + k + 1, n);
    // Row k from the right: the reflector of its conjugate.
    T* w = b.right + k * n;
    for (size_t j = 0; j < rest; ++j) w[j] = Conj(b.a[k * n + k + 1 + j]);
    super[k] = static_cast<double>(MakeReflector<T>(rest, w, b.tau_right + k));
    if (b.tau_right[k] == T(0)) continue;
    T* conj_w = b.row;
    for (size_t j = 0; j < rest; ++j) conj_w[j] = Conj(w[j]);
    const T tau = Conj(b.tau_right[k]);
    for (size_t i = k + 1; i < m; ++i) {
      T* row = b.a + i * n + k + 1;
      const T z = Dot<T>(rest, conj_w, row);
      Axpy<T>(rest, -Times(tau, z), conj_w, row);
    }
  }
  TransposedFactors<R> factors{m * kParts<T>, n * kParts<T>, AsReal(b.ut), AsReal(b.vt)};
  if (u != nullptr) {
    FormQ<T>(n, n, n - 1, 1, true, b.right, n, b.tau_right, b.q);
    Transpose<T>(n, n, b.q, n, false, b.vt, n);
    FormQ<T>(m, columns, n, 0, true, b.left, m, b.tau_left, b.q);
    Transpose<T>(m, n, b.q, columns, false, b.ut, m);
  }
  const Rotations rotations{&factors, u != nullptr ? &TransposedFactors<R>::Apply : nullptr};
  if (!DiagonaliseBidiagonal(n, diagonal, super,
                             static_cast<double>(std::numeric_limits<R>::epsilon()), rotations)) {
    return false;
  }
  // Descending order, positive.
  double* negative = super;
  for (size_t i = 0; i < n; ++i) negative[i] = -std::abs(diagonal[i]);
  size_t* order = b.order;
  AscendingOrder(n, negative, order);
  for (size_t j = 0; j < n; ++j) {
    const size_t from = order[j];
    s[j] = static_cast<R>(std::abs(diagonal[from]));
    if (u == nullptr) continue;
    const R sign = diagonal[from] < 0 ? R(-1) : R(1);
    for (size_t i = 0; i < n; ++i) v[i * n + j] = sign * b.vt[from * n + i];
  }
  if (u == nullptr) return true;
  for (size_t i = 0; i < m; ++i) {
    for (size_t j = n; j < columns; ++j) u[i * columns + j] = b.q[i * columns + j];
  }
  for (size_t j = 0; j < n; ++j) {
    const T* row = b.ut + order[j] * m;
    for (size_t i = 0; i < m; ++i) u[i * columns + j] = row[i];
  }
  return true;
}

}  // namespace opkit::linalg::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target guard

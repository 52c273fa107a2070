// Eigendecomposition of self-adjoint matrices: Householder tridiagonalisation, then implicit QR
// steps with Wilkinson's shift. Same steps and deflation test as Eigen's SelfAdjointEigenSolver,
// so that signs agree with it. Compiled once per instruction set.
#if defined(OPKIT_LINALG_EIGH_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef OPKIT_LINALG_EIGH_INL_H_
#undef OPKIT_LINALG_EIGH_INL_H_
#else
#define OPKIT_LINALG_EIGH_INL_H_
#endif

#include <algorithm>
#include <limits>

#include "hwy/highway.h"
#include "ops/linalg/bidiagonal.h"
#include "ops/linalg/householder-inl.h"
#include "ops/linalg/soa-inl.h"

HWY_BEFORE_NAMESPACE();
namespace opkit::linalg::HWY_NAMESPACE {

// Reduces the group a[n, n] (both triangles filled) to diagonal d[n] and subdiagonal e[n]; q[n, n]
// becomes the transformation. tau: n elements, w: n elements.
template <class T>
HWY_NOINLINE void TridiagonaliseGroup(size_t n, Real<T>* a, Real<T>* d, Real<T>* e, Real<T>* q,
                                      Real<T>* tau, Real<T>* w) {
  using L = Lane<T>;
  using V = typename L::V;
  using RV = typename L::RV;
  const typename L::D tag;
  constexpr size_t kStep = L::kStride;
  const RV tiny = hn::Set(tag, std::numeric_limits<Real<T>>::min());
  for (size_t k = 0; k + 1 < n; ++k) {
    const size_t top = k + 1;
    const V c0 = L::Load(a + (top * n + k) * kStep);
    RV tail = hn::Zero(tag);
    for (size_t i = top + 1; i < n; ++i) {
      tail = hn::Add(tail, L::AbsSquared(L::Load(a + (i * n + k) * kStep)));
    }
    const auto none = hn::And(hn::Le(tail, tiny), L::ImagBelow(c0, tiny));
    RV beta = hn::Sqrt(hn::Add(L::AbsSquared(c0), tail));
    beta = hn::IfThenElse(hn::Ge(L::RealOf(c0), hn::Zero(tag)), hn::Neg(beta), beta);
    const V beta_v = L::FromReal(beta);
    const V denominator = L::Sub(c0, beta_v);
    L::Store(L::FromReal(hn::Set(tag, Real<T>(1))), a + (top * n + k) * kStep);
    for (size_t i = top + 1; i < n; ++i) {
      Real<T>* p = a + (i * n + k) * kStep;
      L::Store(L::Select(none, L::Zero(), L::Div(L::Load(p), denominator)), p);
    }
    const V conj_h = L::Select(none, L::Zero(), L::DivReal(L::Sub(beta_v, c0), beta));
    L::Store(conj_h, tau + k * kStep);
    hn::Store(hn::IfThenElse(none, L::RealOf(c0), beta), tag, e + k * L::kLanes);
    // w = conj(h) A v, then w -= conj(h) / 2 (w^H v) v
    V product = L::Zero();
    for (size_t i = top; i < n; ++i) {
      V sum = L::Zero();
      for (size_t j = top; j < n; ++j) {
        sum =
            L::Add(sum, L::Mul(L::Load(a + (i * n + j) * kStep), L::Load(a + (j * n + k) * kStep)));
      }
      sum = L::Mul(conj_h, sum);
      L::Store(sum, w + i * kStep);
      product = L::ConjMulAdd(sum, L::Load(a + (i * n + k) * kStep), product);
    }
    const V shift = L::Scale(hn::Set(tag, Real<T>(-0.5)), L::Mul(conj_h, product));
    for (size_t i = top; i < n; ++i) {
      const V v = L::Load(a + (i * n + k) * kStep);
      L::Store(L::Add(L::Load(w + i * kStep), L::Mul(shift, v)), w + i * kStep);
    }
    for (size_t i = top; i < n; ++i) {
      const V vi = L::Load(a + (i * n + k) * kStep), wi = L::Load(w + i * kStep);
      for (size_t j = top; j < n; ++j) {
        Real<T>* p = a + (i * n + j) * kStep;
        V x = L::MulConjSub(vi, L::Load(w + j * kStep), L::Load(p));
        x = L::MulConjSub(wi, L::Load(a + (j * n + k) * kStep), x);
        L::Store(x, p);
      }
    }
  }
  for (size_t i = 0; i < n; ++i) {
    hn::Store(L::RealOf(L::Load(a + i * (n + 1) * kStep)), tag, d + i * L::kLanes);
  }
  if (q == nullptr) return;
  std::fill(q, q + n * n * kStep, Real<T>(0));
  for (size_t i = 0; i < n; ++i) {
    L::Store(L::FromReal(hn::Set(tag, Real<T>(1))), q + i * (n + 1) * kStep);
  }
  for (size_t k = n - 1; k-- > 0;) {
    const V conj_h = L::Load(tau + k * kStep);
    for (size_t j = k + 1; j < n; ++j) {
      V sum = L::Zero();
      for (size_t i = k + 1; i < n; ++i) {
        sum =
            L::ConjMulAdd(L::Load(a + (i * n + k) * kStep), L::Load(q + (i * n + j) * kStep), sum);
      }
      sum = L::Mul(conj_h, sum);
      for (size_t i = k + 1; i < n; ++i) {
        Real<T>* p = q + (i * n + j) * kStep;
        L::Store(L::MulSub(L::Load(a + (i * n + k) * kStep), sum, L::Load(p)), p);
      }
    }
  }
}

// QR steps on d, e in all lanes, each lane at its own block [start, end]; rotations go to the
// columns of q. Returns the mask (as 0 or 1) of lanes that did not converge.
template <class T>
HWY_NOINLINE void TridiagonalQrGroup(size_t n, Real<T>* d, Real<T>* e, Real<T>* q,
                                     Real<T>* failed) {
  using L = Lane<T>;
  using R = Real<T>;
  using RV = typename L::RV;
  const typename L::D tag;
  constexpr size_t kLanes = L::kLanes;
  const RV zero = hn::Zero(tag), one = hn::Set(tag, R(1));
  const RV tiny = hn::Set(tag, std::numeric_limits<R>::min());
  const RV inverse_eps = hn::Set(tag, R(1) / std::numeric_limits<R>::epsilon());
  const auto at = [tag](const R* p, size_t i) HWY_ATTR { return hn::Load(tag, p + i * kLanes); };
  const auto put = [tag](RV v, R* p, size_t i) HWY_ATTR { hn::Store(v, tag, p + i * kLanes); };
  const auto number = [tag](size_t i) HWY_ATTR { return hn::Set(tag, static_cast<R>(i)); };
  RV end = number(n - 1);
  for (size_t step = 0; step <= 30 * n; ++step) {
    for (size_t i = 0; i + 1 < n; ++i) {
      const RV x = at(e, i), scaled = hn::Mul(inverse_eps, x);
      const RV near = hn::Add(hn::Abs(at(d, i)), hn::Abs(at(d, i + 1)));
      const auto small = hn::Or(hn::Lt(hn::Abs(x), tiny), hn::Le(hn::Mul(scaled, scaled), near));
      put(hn::IfThenZeroElse(small, x), e, i);
    }
    for (size_t i = n - 1; i > 0; --i) {
      const auto drop = hn::And(hn::Eq(end, number(i)), hn::Eq(at(e, i - 1), zero));
      end = hn::IfThenElse(drop, number(i - 1), end);
    }
    const auto active = hn::Gt(end, zero);
    if (hn::AllFalse(tag, active)) break;
    RV start = hn::Sub(end, one);
    for (size_t i = n - 1; i-- > 1;) {
      const auto extend = hn::And(hn::Eq(start, number(i)), hn::Ne(at(e, i - 1), zero));
      start = hn::IfThenElse(extend, number(i - 1), start);
    }
    RV before = zero, last = zero, link = zero;
    for (size_t i = 1; i < n; ++i) {
      const auto here = hn::Eq(end, number(i));
      before = hn::IfThenElse(here, at(d, i - 1), before);
      last = hn::IfThenElse(here, at(d, i), last);
      link = hn::IfThenElse(here, at(e, i - 1), link);
    }
    RV first = zero, z = zero;
    for (size_t i = 0; i + 1 < n; ++i) {
      const auto here = hn::Eq(start, number(i));
      first = hn::IfThenElse(here, at(d, i), first);
      z = hn::IfThenElse(here, at(e, i), z);
    }
    // Wilkinson's shift; |entries| <= n by scaling, so that only underflow is in the way.
    const RV td = hn::Mul(hn::Set(tag, R(0.5)), hn::Sub(before, last));
    const RV big = hn::Max(hn::Abs(td), hn::Abs(link));
    const RV ratio = hn::Div(hn::Min(hn::Abs(td), hn::Abs(link)), big);
    const RV hypotenuse = hn::Mul(big, hn::Sqrt(hn::MulAdd(ratio, ratio, one)));
    const RV sum = hn::Add(td, hn::IfThenElse(hn::Gt(td, zero), hypotenuse, hn::Neg(hypotenuse)));
    const RV square = hn::Mul(link, link);
    RV move = hn::IfThenElse(hn::Eq(square, zero), hn::Div(link, hn::Div(sum, link)),
                             hn::Div(square, sum));
    move = hn::IfThenElse(hn::Eq(td, zero), hn::Abs(link), move);
    RV x = hn::Sub(first, hn::Sub(last, move));
    for (size_t k = 0; k + 1 < n; ++k) {
      const RV index = number(k);
      const auto turn = hn::And(hn::And(hn::Le(start, index), hn::Lt(index, end)),
                                hn::And(active, hn::Ne(z, zero)));
      if (hn::AllFalse(tag, turn)) continue;
      const auto larger = hn::Gt(hn::Abs(x), hn::Abs(z));
      const RV t = hn::IfThenElse(larger, hn::Div(z, x), hn::Div(x, z));
      const RV root = hn::CopySign(hn::Sqrt(hn::MulAdd(t, t, one)), hn::IfThenElse(larger, x, z));
      const RV inverse = hn::Div(one, root);
      // |x| > |z|: c = 1 / u, s = -t c; else s = -1 / u, c = -t s
      const RV c = hn::IfThenElse(turn, hn::IfThenElse(larger, inverse, hn::Mul(t, inverse)), one);
      const RV s =
          hn::IfThenElseZero(turn, hn::Neg(hn::IfThenElse(larger, hn::Mul(t, inverse), inverse)));
      const RV dk = at(d, k), dn = at(d, k + 1), ek = at(e, k);
      const RV sdk = hn::MulAdd(s, dk, hn::Mul(c, ek));
      const RV dkp = hn::MulAdd(s, ek, hn::Mul(c, dn));
      const RV left = hn::NegMulAdd(s, ek, hn::Mul(c, dk));
      const RV right = hn::NegMulAdd(s, dn, hn::Mul(c, ek));
      put(hn::IfThenElse(turn, hn::NegMulAdd(s, right, hn::Mul(c, left)), dk), d, k);
      put(hn::IfThenElse(turn, hn::MulAdd(s, sdk, hn::Mul(c, dkp)), dn), d, k + 1);
      const RV new_e = hn::NegMulAdd(s, dkp, hn::Mul(c, sdk));
      put(hn::IfThenElse(turn, new_e, ek), e, k);
      if (k > 0) {
        const auto inside = hn::And(turn, hn::Gt(index, start));
        const RV previous = at(e, k - 1);
        put(hn::IfThenElse(inside, hn::NegMulAdd(s, z, hn::Mul(c, previous)), previous), e, k - 1);
      }
      x = hn::IfThenElse(turn, new_e, x);
      if (k + 2 < n) {
        const auto more = hn::And(turn, hn::Lt(index, hn::Sub(end, one)));
        const RV next = at(e, k + 1);
        z = hn::IfThenElse(more, hn::Neg(hn::Mul(s, next)), z);
        put(hn::IfThenElse(more, hn::Mul(c, next), next), e, k + 1);
      }
      if (q != nullptr) {
        R* column = q + k * L::kStride;
        for (size_t i = 0; i < n; ++i, column += n * L::kStride) {
          for (size_t part = 0; part < L::kStride; part += kLanes) {
            R* p0 = column + part;
            R* p1 = p0 + L::kStride;
            const RV a = hn::Load(tag, p0), b = hn::Load(tag, p1);
            hn::Store(hn::NegMulAdd(s, b, hn::Mul(c, a)), tag, p0);
            hn::Store(hn::MulAdd(s, a, hn::Mul(c, b)), tag, p1);
          }
        }
      }
    }
  }
  hn::Store(hn::IfThenElseZero(hn::Gt(end, zero), one), tag, failed);
}

// Buffers of one larger matrix.
template <class T>
struct EighScratch {
  EighScratch(size_t n, char* memory) : next_(memory) {
    d = Take<double>(n);
    e = Take<double>(n);
    order = Take<size_t>(n);
    a = Take<T>(n * n);
    vectors = Take<T>(n * n);
    q = Take<T>(n * n);
    tau = Take<T>(n);
    w = Take<T>(n);
    conj_v = Take<T>(n);
  }
  static size_t Bytes(size_t n) { return EighScratch(n, nullptr).used_; }
  double *d, *e;
  size_t* order;
  T *a, *vectors, *q, *tau, *w, *conj_v;

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

// b.a holds the matrix, both triangles. values[n] ascending; v[n, n] may be null.
template <class T>
HWY_NOINLINE bool EighMatrix(size_t n, const EighScratch<T>& b, Real<T>* values, T* v) {
  using R = Real<T>;
  for (size_t k = 0; k + 1 < n; ++k) {
    const size_t top = k + 1, rest = n - top;
    T* x = b.vectors + k * n;
    for (size_t i = 0; i < rest; ++i) x[i] = Conj(b.a[k * n + top + i]);
    T h;
    b.e[k] = static_cast<double>(MakeReflector<T>(rest, x, &h));
    b.tau[k] = h;
    if (h == T(0)) continue;
    const T conj_h = Conj(h);
    T* block = b.a + top * n + top;
    for (size_t i = 0; i < rest; ++i) {
      b.w[i] = Times(conj_h, Dot<T, false>(rest, block + i * n, x));
    }
    const T shift = Times(conj_h, Dot<T>(rest, b.w, x)) * R(-0.5);
    Axpy<T>(rest, shift, x, b.w);
    for (size_t i = 0; i < rest; ++i) b.conj_v[i] = Conj(x[i]);
    T* w = b.w;
    if constexpr (kParts<T> == 2) {
      for (size_t i = 0; i < rest; ++i) w[i] = Conj(w[i]);
    }
    for (size_t i = 0; i < rest; ++i) {
      AxpyTwo<T>(rest, -x[i], w, -Conj(w[i]), b.conj_v, block + i * n);
    }
  }
  for (size_t i = 0; i < n; ++i) b.d[i] = static_cast<double>(RealPart(b.a[i * (n + 1)]));
  const size_t row = n * kParts<T>;
  TransposedFactors<R> factors{row, row, nullptr, AsReal(b.a)};
  if (v != nullptr) {
    FormQ<T>(n, n, n - 1, 1, true, b.vectors, n, b.tau, b.q);
    Transpose<T>(n, n, b.q, n, false, b.a, n);
  }
  const Rotations rotations{&factors, v != nullptr ? &TransposedFactors<R>::Apply : nullptr};
  if (!DiagonaliseTridiagonal(n, b.d, b.e, static_cast<double>(std::numeric_limits<R>::epsilon()),
                              rotations)) {
    return false;
  }
  AscendingOrder(n, b.d, b.order);
  for (size_t j = 0; j < n; ++j) {
    values[j] = static_cast<R>(b.d[b.order[j]]);
    if (v != nullptr) std::copy_n(b.a + b.order[j] * n, n, b.q + j * n);
  }
  if (v != nullptr) Transpose<T>(n, n, b.q, n, false, v, n);
  return true;
}

}  // namespace opkit::linalg::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target guard

// CombineRows for float32, float64 and 32-bit integers: columns in registers, rows streaming by.
#include <algorithm>
#include <complex>
#include <type_traits>

#include "math/simd.h"
#include "ops/segment/reduce.h"

HWY_BEFORE_NAMESPACE();
namespace opkit::segment::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

struct Sum {
  template <class D, class V>
  static HWY_INLINE V Apply(D, V acc, V x) {
    return hn::Add(acc, x);
  }
};

struct Product {
  template <class D, class V>
  static HWY_INLINE V Apply(D, V acc, V x) {
    return hn::Mul(acc, x);
  }
};

// A NaN in x replaces the running value, a NaN in the running value does not stay.
struct Max {
  template <class D, class V>
  static HWY_INLINE V Apply(D, V acc, V x) {
    if constexpr (hwy::IsFloat<hn::TFromD<D>>() && !HWY_ARCH_X86) {
      return hn::IfThenElse(hn::Gt(acc, x), acc, x);
    } else {
      return hn::Max(acc, x);  // x86's maxps is just that
    }
  }
};

template <class Op, class D>
HWY_INLINE hn::Vec<D> Flip([[maybe_unused]] D d, hn::Vec<D> v, [[maybe_unused]] uint64_t flip) {
  if constexpr (std::is_same_v<Op, Max>) {
    using U = hwy::MakeUnsigned<hn::TFromD<D>>;
    const hn::RebindToUnsigned<D> du;
    return hn::BitCast(d, hn::Xor(hn::BitCast(du, v), hn::Set(du, static_cast<U>(flip))));
  } else {
    return v;
  }
}

// Combines kVectors vectors of columns of `rows` consecutive rows, `stride` apart, into y.
template <class Op, int kVectors, class D>
HWY_INLINE void Block(D d, const hn::TFromD<D>* x, int64_t rows, int64_t stride, uint64_t flip,
                      hn::TFromD<D>* y) {
  constexpr bool kStretch = std::is_same_v<Op, Sum>;
  const size_t lanes = hn::Lanes(d);
  hn::Vec<D> acc[kVectors];
  int64_t r = 0;
  for (int v = 0; v < kVectors; ++v) {
    acc[v] =
        kStretch ? hn::LoadU(d, x + v * lanes) : Flip<Op>(d, hn::LoadU(d, y + v * lanes), flip);
  }
  if (kStretch) ++r;
  for (; r < rows; ++r) {
    const hn::TFromD<D>* row = x + r * stride;
    for (int v = 0; v < kVectors; ++v) {
      acc[v] = Op::Apply(d, acc[v], Flip<Op>(d, hn::LoadU(d, row + v * lanes), flip));
    }
  }
  for (int v = 0; v < kVectors; ++v) {
    if (kStretch) acc[v] = hn::Add(hn::LoadU(d, y + v * lanes), acc[v]);
    hn::StoreU(Flip<Op>(d, acc[v], flip), d, y + v * lanes);
  }
}

// Columns [c, c1) of n rows of one id, from the widest blocks to single columns.
template <class Op, typename T>
HWY_INLINE void Columns(const T* x, int64_t n, int64_t inner, int64_t c, int64_t c1, uint64_t flip,
                        T* y) {
  const hn::ScalableTag<T> d;
  const hn::CappedTag<T, 16 / sizeof(T)> quarter;
  const hn::CappedTag<T, 1> one;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const auto few = static_cast<int64_t>(hn::Lanes(quarter));
  for (; c + 4 * lanes <= c1; c += 4 * lanes) Block<Op, 4>(d, x + c, n, inner, flip, y + c);
  for (; c + lanes <= c1; c += lanes) Block<Op, 1>(d, x + c, n, inner, flip, y + c);
  if (few < lanes) {
    for (; c + few <= c1; c += few) Block<Op, 1>(quarter, x + c, n, inner, flip, y + c);
  }
  for (; c < c1; ++c) Block<Op, 1>(one, x + c, n, inner, flip, y + c);
}

// One column, a stretch of n rows of one id.
template <class Op, typename T>
HWY_INLINE void Stretch(const T* x, int64_t n, uint64_t flip, T* y) {
  const hn::ScalableTag<T> d;
  const hn::CappedTag<T, 1> d1;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  int64_t i = 0;
  if (n >= 2 * lanes) {
    auto acc = Flip<Op>(d, hn::LoadU(d, x), flip);
    for (i = lanes; i + lanes <= n; i += lanes) {
      acc = Op::Apply(d, acc, Flip<Op>(d, hn::LoadU(d, x + i), flip));
    }
    alignas(64) T lane[HWY_MAX_LANES_D(decltype(d))];
    hn::Store(Flip<Op>(d, acc, flip), d, lane);
    Block<Op, 1>(d1, lane, lanes, 1, flip, y);
  }
  if (i < n) Block<Op, 1>(d1, x + i, n - i, 1, flip, y);
}

// Rows one by one.
template <class Op, typename T>
HWY_INLINE void Scatter(const T* x, const Rows& a, T* y) {
  // Copies, as the compiler must think that the stores to y change what `a` is.
  const int32_t* ids = a.ids;
  const int64_t rows = a.rows, inner = a.inner, c0 = a.c0, c1 = a.c1;
  const uint64_t flip = a.flip;
  if (inner == 1) {
    const hn::CappedTag<T, 1> one;
    for (int64_t i = 0; i < rows; ++i) {
      if (ids[i] >= 0) Block<Op, 1>(one, x + i, 1, 1, flip, y + ids[i]);
    }
    return;
  }
  for (int64_t i = 0; i < rows; ++i) {
    if (ids[i] >= 0) Columns<Op>(x + i * inner, 1, inner, c0, c1, flip, y + ids[i] * inner);
  }
}

template <class Op, typename T>
HWY_NOINLINE void Combine1(const Rows& a) {
  const auto* x = static_cast<const T*>(a.x);
  auto* y = static_cast<T*>(a.y);
  if (!a.long_stretches) {
    Scatter<Op>(x, a, y);
    return;
  }
  // Stretches are cut so that long sums are sums of sums: smaller rounding errors.
  const int64_t longest = a.inner == 1 ? 1024 : 32;
  for (int64_t i = 0; i < a.rows;) {
    const int64_t first = i;
    const int32_t id = a.ids[first];
    const int64_t end = std::min(a.rows, first + longest);
    do {
      ++i;
    } while (i < end && a.ids[i] == id);
    if (id < 0) continue;
    const T* from = x + first * a.inner;
    if (a.inner == 1) {
      Stretch<Op>(from, i - first, a.flip, y + id);
    } else {
      Columns<Op>(from, i - first, a.inner, a.c0, a.c1, a.flip, y + id * a.inner);
    }
  }
}

// One row of the dispatch: what has vectors.
template <typename T>
void CombineAs(Combine op, const Rows& a) {
  if (op == Combine::kMax) return Combine1<Max, T>(a);
  if (op == Combine::kSum) return Combine1<Sum, T>(a);
  if constexpr (hwy::IsFloat<T>()) Combine1<Product, T>(a);
}

void CombineVectors(Combine op, DType type, const Rows& a) {
  if (type == DType::kFloat32) return CombineAs<float>(op, a);
  if (type == DType::kFloat64) return CombineAs<double>(op, a);
  CombineAs<uint32_t>(op, a);
}

IdRange Range(const int32_t* ids, int64_t n) {
  const hn::ScalableTag<int32_t> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  IdRange range;
  if (n == 0) return range;
  range.low = range.high = ids[0];
  int64_t i = 1;
  auto low = hn::Set(d, ids[0]), high = low;
  auto falls = hn::MaskFalse(d);
  for (; i + lanes <= n; i += lanes) {
    const auto v = hn::LoadU(d, ids + i);
    low = hn::Min(low, v);
    high = hn::Max(high, v);
    falls = hn::Or(falls, hn::Lt(v, hn::LoadU(d, ids + i - 1)));
  }
  range.low = hn::ReduceMin(d, low);
  range.high = hn::ReduceMax(d, high);
  range.sorted = hn::AllFalse(d, falls);
  for (; i < n; ++i) {
    range.low = std::min(range.low, ids[i]);
    range.high = std::max(range.high, ids[i]);
    range.sorted &= ids[i] >= ids[i - 1];
  }
  return range;
}

}  // namespace opkit::segment::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace opkit::segment {

OPKIT_SIMD_EXPORT(CombineVectors);
OPKIT_SIMD_EXPORT(Range);

namespace {

template <typename T>
struct Plain {
  static T Apply(Combine op, T a, T b, T flip) {
    switch (op) {
      case Combine::kSum:
        return static_cast<T>(a + b);
      case Combine::kProduct:
        return static_cast<T>(uint64_t{a} * uint64_t{b});
      default:
        return static_cast<T>(std::max<T>(a ^ flip, b ^ flip) ^ flip);
    }
  }
};

template <typename P>
struct Plain<std::complex<P>> {
  using C = std::complex<P>;
  static C Apply(Combine, C a, C b, C) {
    return C(a.real() * b.real() - a.imag() * b.imag(), a.real() * b.imag() + a.imag() * b.real());
  }
};

template <Combine kOp, typename T>
void CombinePlain(const Rows& a) {
  T flip{};
  if constexpr (std::is_integral_v<T>) flip = static_cast<T>(a.flip);
  for (int64_t i = 0; i < a.rows; ++i) {
    if (a.ids[i] < 0) continue;
    const T* __restrict x = static_cast<const T*>(a.x) + i * a.inner;
    T* __restrict y = static_cast<T*>(a.y) + a.ids[i] * a.inner;
    for (int64_t c = a.c0; c < a.c1; ++c) y[c] = Plain<T>::Apply(kOp, y[c], x[c], flip);
  }
}

template <typename T>
void CombineIntegers(Combine op, const Rows& a) {
  if (op == Combine::kSum) return CombinePlain<Combine::kSum, T>(a);
  if (op == Combine::kProduct) return CombinePlain<Combine::kProduct, T>(a);
  CombinePlain<Combine::kMax, T>(a);
}

}  // namespace

void CombineRows(Combine op, DType type, const Rows& rows) {
  switch (type) {
    case DType::kInt8:
    case DType::kUInt8:
      return CombineIntegers<uint8_t>(op, rows);
    case DType::kInt16:
    case DType::kUInt16:
      return CombineIntegers<uint16_t>(op, rows);
    case DType::kInt64:
    case DType::kUInt64:
      return CombineIntegers<uint64_t>(op, rows);
    case DType::kComplex64:
      return CombinePlain<Combine::kProduct, Complex64>(rows);
    case DType::kComplex128:
      return CombinePlain<Combine::kProduct, Complex128>(rows);
    case DType::kFloat32:
    case DType::kFloat64:
      return OPKIT_SIMD_CALL(CombineVectors)(op, type, rows);
    default:
      if (op == Combine::kProduct) return CombinePlain<Combine::kProduct, uint32_t>(rows);
      return OPKIT_SIMD_CALL(CombineVectors)(op, type, rows);
  }
}

IdRange RangeOf(const int32_t* ids, int64_t n) { return OPKIT_SIMD_CALL(Range)(ids, n); }

void ToFloat(DType type, const void* x, int64_t n, float* y) {
  if (type == DType::kFloat16) {
    const auto* half = static_cast<const Half*>(x);
    for (int64_t i = 0; i < n; ++i) y[i] = static_cast<float>(half[i]);
  } else {
    const auto* half = static_cast<const BFloat16*>(x);
    for (int64_t i = 0; i < n; ++i) y[i] = static_cast<float>(half[i]);
  }
}

}  // namespace opkit::segment
#endif  // HWY_ONCE

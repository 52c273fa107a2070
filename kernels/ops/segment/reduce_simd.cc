// CombineRows and CombineRuns: columns in registers, rows streaming by. Loops over arrays of
// vectors are unrolled by hand: gcc keeps the arrays on the stack otherwise, which takes thrice as
// long.
#include <algorithm>
#include <complex>
#include <limits>
#include <type_traits>

#include "math/simd.h"
// After simd.h, which sets the target.
#include "math/minmax-inl.h"
#include "ops/segment/reduce.h"

HWY_BEFORE_NAMESPACE();
namespace opkit::segment::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

struct Sum {
  // Leaves any value as it is, -0 too.
  template <typename T>
  static T Identity() {
    return hwy::IsFloat<T>() ? static_cast<T>(-0.0) : T{0};
  }
  template <class D, class V>
  static HWY_INLINE V Apply(D, V acc, V x) {
    return hn::Add(acc, x);
  }
};

struct Product {
  template <typename T>
  static T Identity() {
    return T{1};
  }
  template <class D, class V>
  static HWY_INLINE V Apply(D, V acc, V x) {
    return hn::Mul(acc, x);
  }
};

// A NaN in x replaces the running value, a NaN in the running value does not stay.
struct Max {
  template <typename T>
  static T Identity() {
    return hwy::IsFloat<T>() ? -std::numeric_limits<T>::infinity() : T{0};
  }
  template <class D, class V>
  static HWY_INLINE V Apply(D, V acc, V x) {
    return ::opkit::HWY_NAMESPACE::MaxOrSecond(acc, x);
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

// acc = acc combined with kVectors vectors.
template <class Op, size_t kVectors, class D>
HWY_INLINE void AddRow(D d, const hn::TFromD<D>* x, uint64_t flip, hn::Vec<D>* acc) {
  HWY_UNROLL(4)
  for (size_t v = 0; v < kVectors; ++v) {
    acc[v] = Op::Apply(d, acc[v], Flip<Op>(d, hn::LoadU(d, x + v * hn::Lanes(d)), flip));
  }
}

template <class Op, size_t kVectors, class D>
HWY_INLINE void LoadRow(D d, const hn::TFromD<D>* x, uint64_t flip, hn::Vec<D>* acc) {
  HWY_UNROLL(4)
  for (size_t v = 0; v < kVectors; ++v) {
    acc[v] = Flip<Op>(d, hn::LoadU(d, x + v * hn::Lanes(d)), flip);
  }
}

// Combines kVectors vectors of columns of `rows` rows, `stride` apart, and what y holds unless
// `first`, into y. Chains hide each other's latency; a product does without, as another order could
// overflow.
template <class Op, size_t kVectors, int64_t kChains, class D>
HWY_INLINE void Block(D d, const hn::TFromD<D>* x, int64_t rows, int64_t stride, uint64_t flip,
                      bool first, hn::TFromD<D>* y) {
  hn::Vec<D> acc[kVectors];
  LoadRow<Op, kVectors>(d, x, flip, acc);
  int64_t r = 1;
  if constexpr (kChains > 1 && !std::is_same_v<Op, Product>) {
    if (rows >= 2 * kChains) {
      hn::Vec<D> more[kChains - 1][kVectors];
      HWY_UNROLL(4)
      for (; r < kChains; ++r) LoadRow<Op, kVectors>(d, x + r * stride, flip, more[r - 1]);
      for (; r + kChains <= rows; r += kChains) {
        const hn::TFromD<D>* row = x + r * stride;
        AddRow<Op, kVectors>(d, row, flip, acc);
        HWY_UNROLL(4)
        for (int64_t c = 1; c < kChains; ++c) {
          AddRow<Op, kVectors>(d, row + c * stride, flip, more[c - 1]);
        }
      }
      HWY_UNROLL(4)
      for (int64_t c = 1; c < kChains; ++c) {
        HWY_UNROLL(4)
        for (size_t v = 0; v < kVectors; ++v) acc[v] = Op::Apply(d, acc[v], more[c - 1][v]);
      }
    }
  }
  for (; r < rows; ++r) AddRow<Op, kVectors>(d, x + r * stride, flip, acc);
  HWY_UNROLL(4)
  for (size_t v = 0; v < kVectors; ++v) {
    hn::TFromD<D>* to = y + v * hn::Lanes(d);
    if (!first) acc[v] = Op::Apply(d, Flip<Op>(d, hn::LoadU(d, to), flip), acc[v]);
    hn::StoreU(Flip<Op>(d, acc[v], flip), d, to);
  }
}

// Columns are combined a cache line at a time.
template <typename T>
constexpr size_t kLine = 64 / sizeof(T) / HWY_MAX_LANES_D(hn::ScalableTag<T>);

// Columns [c, c1) of n rows of one id: lines, then quarters of them, then single columns.
template <class Op, bool kManyRows, typename T>
HWY_INLINE void Columns(const T* x, int64_t n, int64_t inner, int64_t c, int64_t c1, uint64_t flip,
                        bool first, T* y) {
  const hn::ScalableTag<T> d;
  const hn::CappedTag<T, 16 / sizeof(T)> quarter;
  const hn::CappedTag<T, 1> one;
  constexpr int64_t line = 64 / sizeof(T), few = 16 / sizeof(T);
  for (; c + line <= c1; c += line) {
    Block<Op, kLine<T>, kManyRows ? 4 / kLine<T> : 1>(d, x + c, n, inner, flip, first, y + c);
  }
  for (; c + few <= c1; c += few) Block<Op, 1, 1>(quarter, x + c, n, inner, flip, first, y + c);
  for (; c < c1; ++c) Block<Op, 1, 1>(one, x + c, n, inner, flip, first, y + c);
}

// Rows one by one.
template <class Op, typename T>
HWY_NOINLINE void Scatter(const Rows& a) {
  // Copies, as the compiler must think that the stores to y change what `a` is.
  const T* x = static_cast<const T*>(a.x);
  T* y = static_cast<T*>(a.y);
  const int32_t* ids = a.ids;
  const int64_t rows = a.rows, inner = a.inner, c0 = a.c0, c1 = a.c1;
  const uint64_t flip = a.flip;
  if (inner == 1) {
    const hn::CappedTag<T, 1> one;
    for (int64_t i = 0; i < rows; ++i) {
      if (ids[i] >= 0) Block<Op, 1, 1>(one, x + i, 1, 1, flip, false, y + ids[i]);
    }
    return;
  }
  for (int64_t i = 0; i < rows; ++i) {
    if (ids[i] < 0) continue;
    Columns<Op, false>(x + i * inner, 1, inner, c0, c1, flip, false, y + ids[i] * inner);
  }
}

template <class Op, class D>
HWY_INLINE hn::TFromD<D> Reduce(D d, hn::Vec<D> v) {
  if constexpr (std::is_same_v<Op, Sum>) {
    return hn::ReduceSum(d, v);
  } else if constexpr (std::is_same_v<Op, Max>) {
    return hn::ReduceMax(d, v);
  } else {
    alignas(64) hn::TFromD<D> lane[HWY_MAX_LANES_D(D)];
    hn::Store(v, d, lane);
    const hn::CappedTag<hn::TFromD<D>, 1> one;  // whose product wraps around in any type
    auto product = hn::Load(one, lane);
    for (size_t i = 1; i < hn::Lanes(d); ++i) product = hn::Mul(product, hn::LoadU(one, lane + i));
    return hn::GetLane(product);
  }
}

// n values combined, as many as there are at once.
template <class Op, typename T>
HWY_NOINLINE T Stretch(const T* x, int64_t n, uint64_t flip) {
  const hn::ScalableTag<T> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const auto none = hn::Set(d, Op::template Identity<T>());
  auto a0 = none, a1 = none, a2 = none, a3 = none;
  int64_t i = 0;
  for (; i + 4 * lanes <= n; i += 4 * lanes) {
    AddRow<Op, 1>(d, x + i, flip, &a0);
    AddRow<Op, 1>(d, x + i + lanes, flip, &a1);
    AddRow<Op, 1>(d, x + i + 2 * lanes, flip, &a2);
    AddRow<Op, 1>(d, x + i + 3 * lanes, flip, &a3);
  }
  for (; i + lanes <= n; i += lanes) AddRow<Op, 1>(d, x + i, flip, &a0);
  const auto left = static_cast<size_t>(n - i);
  const auto rest = Flip<Op>(d, hn::LoadN(d, x + i, left), flip);
  a1 = Op::Apply(d, a1, hn::IfThenElse(hn::FirstN(d, left), rest, none));
  return Reduce<Op>(d, Op::Apply(d, Op::Apply(d, a0, a1), Op::Apply(d, a2, a3)));
}

// The runs of a single column.
template <class Op, typename T>
HWY_NOINLINE void SortedValues(const Runs& a, int64_t k0, int64_t k1) {
  const hn::CappedTag<T, 1> d;
  const T* x = static_cast<const T*>(a.x);
  T* y = static_cast<T*>(a.y);
  const int32_t* ids = a.ids;
  const int32_t* starts = a.starts;
  const uint64_t flip = a.flip;
  const int64_t skip = a.first;
  const bool mean = a.mean;
  constexpr int64_t kShort = 16, kPiece = 4096;
  int64_t begin = starts[k0];
  int64_t next = k0 == 0 ? 0 : int64_t{ids[begin - 1]} + 1;
  for (int64_t k = k0; k < k1; ++k) {
    const int64_t first = begin, end = starts[k + 1], id = ids[begin];
    for (; next < id; ++next) y[next] = std::is_same_v<Op, Product> ? T{1} : T{0};
    ++next;
    hn::Vec<decltype(d)> acc;
    if (end - begin < kShort) {
      LoadRow<Op, 1>(d, x + (begin - skip), flip, &acc);
      while (++begin < end) AddRow<Op, 1>(d, x + (begin - skip), flip, &acc);
    } else {
      acc = hn::Set(d, Stretch<Op>(x + (begin - skip), std::min(kPiece, end - begin), flip));
      while ((begin += kPiece) < end) {
        const T piece = Stretch<Op>(x + (begin - skip), std::min(kPiece, end - begin), flip);
        acc = Op::Apply(d, acc, hn::Set(d, piece));
      }
      begin = end;
    }
    T result = hn::GetLane(Flip<Op>(d, acc, flip));
    if constexpr (hwy::IsFloat<T>() && std::is_same_v<Op, Sum>) {
      if (mean) result /= static_cast<T>(end - first);
    }
    y[id] = result;
  }
}

template <typename T>
HWY_INLINE void Divide(T* y, int64_t n, int64_t by) {
  const hn::ScalableTag<T> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const auto divisor = hn::Set(d, static_cast<T>(by));
  int64_t i = 0;
  for (; i + lanes <= n; i += lanes) hn::StoreU(hn::Div(hn::LoadU(d, y + i), divisor), d, y + i);
  for (; i < n; ++i) y[i] /= static_cast<T>(by);
}

template <class Op, typename T>
HWY_NOINLINE void SortedRows(const Runs& a, int64_t k0, int64_t k1) {
  const T* x = static_cast<const T*>(a.x);
  T* y = static_cast<T*>(a.y);
  const int64_t inner = a.inner, c0 = a.c0, c1 = a.c1;
  const T empty = std::is_same_v<Op, Product> ? T{1} : T{0};
  // A run's rows are added up in pieces: shorter chains of roundings, and lines of long rows that
  // stay in the cache.
  constexpr int64_t kBytes = 32768, kLeast = 8, kChain = 32;
  const auto row_bytes = inner * static_cast<int64_t>(sizeof(T));
  const int64_t most = row_bytes % 64 == 0 ? kChain * 4 / kLine<T> : kChain;
  const int64_t piece = std::clamp(kBytes / row_bytes, kLeast, most);
  int64_t next = k0 == 0 ? 0 : int64_t{a.ids[a.starts[k0] - 1]} + 1;
  for (int64_t k = k0; k < k1; ++k) {
    const int64_t begin = a.starts[k], end = a.starts[k + 1], id = a.ids[begin];
    for (; next < id; ++next) std::fill(y + next * inner + c0, y + next * inner + c1, empty);
    ++next;
    T* const to = y + id * inner;
    for (int64_t i = begin; i < end; i += piece) {
      const int64_t n = std::min(piece, end - i);
      Columns<Op, true>(x + (i - a.first) * inner, n, inner, c0, c1, a.flip, i == begin, to);
    }
    if constexpr (hwy::IsFloat<T>() && std::is_same_v<Op, Sum>) {
      if (a.mean) Divide(to + c0, c1 - c0, end - begin);
    }
  }
}

template <class Op, typename T>
void Sorted(const Runs& a, int64_t k0, int64_t k1) {
  a.inner == 1 ? SortedValues<Op, T>(a, k0, k1) : SortedRows<Op, T>(a, k0, k1);
}

// (re, im, ...) times (re, im, ...). Not fused, as in TF.
template <class D, class V>
HWY_INLINE V TimesComplex(D d, V a, V b) {
  const V straight = hn::Mul(hn::DupEven(a), b);
  const V crossed = hn::Mul(hn::DupOdd(a), hn::Reverse2(d, b));
  return hn::OddEven(hn::Add(straight, crossed), hn::Sub(straight, crossed));
}

// Products of complex numbers of real and imaginary parts R.
template <typename R>
void MultiplyComplex(const Rows& a) {
  const hn::ScalableTag<R> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  for (int64_t i = 0; i < a.rows; ++i) {
    if (a.ids[i] < 0) continue;
    const R* x = static_cast<const R*>(a.x) + i * 2 * a.inner;
    R* y = static_cast<R*>(a.y) + a.ids[i] * 2 * a.inner;
    int64_t c = 2 * a.c0;
    for (; c + lanes <= 2 * a.c1; c += lanes) {
      hn::StoreU(TimesComplex(d, hn::LoadU(d, y + c), hn::LoadU(d, x + c)), d, y + c);
    }
    if (const auto left = static_cast<size_t>(2 * a.c1 - c)) {
      const auto v = TimesComplex(d, hn::LoadN(d, y + c, left), hn::LoadN(d, x + c, left));
      hn::StoreN(v, d, y + c, left);
    }
  }
}

template <typename T>
void RowsAs(Combine op, const Rows& a) {
  if (op == Combine::kMax) return Scatter<Max, T>(a);
  if (op == Combine::kSum) return Scatter<Sum, T>(a);
  Scatter<Product, T>(a);
}

// Integers by their size: signs are in `flip`.
void CombineVectors(Combine op, DType type, const Rows& a) {
  if (type == DType::kComplex64) return MultiplyComplex<float>(a);
  if (type == DType::kComplex128) return MultiplyComplex<double>(a);
  if (type == DType::kFloat32) return RowsAs<float>(op, a);
  if (type == DType::kFloat64) return RowsAs<double>(op, a);
  switch (DTypeSize(type)) {
    case 1:
      return RowsAs<uint8_t>(op, a);
    case 2:
      return RowsAs<uint16_t>(op, a);
    case 4:
      return RowsAs<uint32_t>(op, a);
    default:
      return RowsAs<uint64_t>(op, a);
  }
}

template <typename T>
void RunsAs(Combine op, const Runs& a, int64_t k0, int64_t k1) {
  if (op == Combine::kMax) return Sorted<Max, T>(a, k0, k1);
  if (op == Combine::kSum) return Sorted<Sum, T>(a, k0, k1);
  Sorted<Product, T>(a, k0, k1);
}

void CombineSorted(Combine op, DType type, const Runs& a, int64_t k0, int64_t k1) {
  if (type == DType::kFloat32) return RunsAs<float>(op, a, k0, k1);
  if (type == DType::kFloat64) return RunsAs<double>(op, a, k0, k1);
  switch (DTypeSize(type)) {
    case 1:
      return RunsAs<uint8_t>(op, a, k0, k1);
    case 2:
      return RunsAs<uint16_t>(op, a, k0, k1);
    case 4:
      return RunsAs<uint32_t>(op, a, k0, k1);
    default:
      return RunsAs<uint64_t>(op, a, k0, k1);
  }
}

int64_t Starts(const int32_t* ids, int64_t n, int32_t* starts) {
  const hn::ScalableTag<int32_t> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  static_assert(HWY_MAX_LANES_D(decltype(d)) <= kSlack);
  auto falls = hn::MaskFalse(d);
  int64_t runs = 0, i = 1;
  starts[runs++] = 0;
  auto place = hn::Iota(d, 1);
  const auto step = hn::Set(d, static_cast<int32_t>(lanes));
  for (; i + lanes <= n; i += lanes) {
    const auto v = hn::LoadU(d, ids + i), before = hn::LoadU(d, ids + i - 1);
    const auto starting = hn::Ne(v, before);
    falls = hn::Or(falls, hn::Lt(v, before));
    hn::StoreU(hn::Compress(place, starting), d, starts + runs);
    runs += static_cast<int64_t>(hn::CountTrue(d, starting));
    place = hn::Add(place, step);
  }
  bool sorted = hn::AllFalse(d, falls);
  for (; i < n; ++i) {
    sorted &= ids[i] >= ids[i - 1];
    starts[runs] = static_cast<int32_t>(i);
    runs += ids[i] != ids[i - 1] ? 1 : 0;
  }
  starts[runs] = static_cast<int32_t>(n);
  return sorted ? runs : 0;
}

}  // namespace opkit::segment::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace opkit::segment {

OPKIT_SIMD_EXPORT(CombineVectors);
OPKIT_SIMD_EXPORT(CombineSorted);
OPKIT_SIMD_EXPORT(Starts);

namespace {

// A column of complex numbers: products of neighbours stay in registers. Without the library's
// rescue of infinities, as in TF.
template <typename T>
void MultiplyColumn(const Rows& a) {
  const T* x = static_cast<const T*>(a.x);
  T* y = static_cast<T*>(a.y);
  for (int64_t i = 0; i < a.rows;) {
    const int32_t id = a.ids[i];
    T product = id < 0 ? T() : y[id];
    do {
      const T p = product, v = x[i];
      product =
          T(p.real() * v.real() - p.imag() * v.imag(), p.real() * v.imag() + p.imag() * v.real());
    } while (++i < a.rows && a.ids[i] == id);
    if (id >= 0) y[id] = product;
  }
}

}  // namespace

void CombineRows(Combine op, DType type, const Rows& rows) {
  if (rows.inner == 1 && type == DType::kComplex64) return MultiplyColumn<Complex64>(rows);
  if (rows.inner == 1 && type == DType::kComplex128) return MultiplyColumn<Complex128>(rows);
  OPKIT_SIMD_CALL(CombineVectors)(op, type, rows);
}

void CombineRuns(Combine op, DType type, const Runs& runs, int64_t k0, int64_t k1) {
  OPKIT_SIMD_CALL(CombineSorted)(op, type, runs, k0, k1);
}

int64_t FindRuns(const int32_t* ids, int64_t n, int32_t* starts) {
  return OPKIT_SIMD_CALL(Starts)(ids, n, starts);
}

}  // namespace opkit::segment
#endif  // HWY_ONCE

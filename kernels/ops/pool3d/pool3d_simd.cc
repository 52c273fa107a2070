// The vector passes of 3-D pooling. Sums of bytes are kept in 16 bits, modulo 2^16: enough for
// windows of kMaxByteWindow elements.
#include <algorithm>
#include <cstring>
#include <limits>
#include <type_traits>

#include "math/simd.h"
// After simd.h, which sets the target.
#include "math/minmax-inl.h"
#include "math/narrow-inl.h"
#include "opkit/pointwise.h"
#include "ops/pool3d/pool3d.h"

HWY_BEFORE_NAMESPACE();
namespace opkit::pool3d::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// How many rows a fold reads at once; longer windows fold the running result in.
constexpr int64_t kMaxRows = 256;
static_assert(kMaxRows > kMaxByteWindow);

// TF keeps the running value where the new one is NaN, and begins with the type's lowest value.
struct MaxOp {
  template <typename T, typename S = T>
  static constexpr S Identity() {
    if constexpr (std::is_same_v<T, Half>) return -65504.0f;
    if constexpr (std::is_same_v<T, BFloat16>) return -3.38953139e38f;
    if constexpr (!kIsNarrowFloat<T>) return std::numeric_limits<T>::lowest();
  }
  template <typename T>
  static HWY_INLINE T Scalar(T acc, T x) {
    return x > acc ? x : acc;
  }
  template <class V>
  static HWY_INLINE V Vector(V acc, V x) {
    return ::opkit::HWY_NAMESPACE::MaxOrSecond(x, acc);
  }
};

struct SumOp {
  template <typename T, typename S = T>
  static constexpr S Identity() {
    return S(0);
  }
  template <typename T>
  static HWY_INLINE T Scalar(T acc, T x) {
    return static_cast<T>(acc + x);
  }
  template <class V>
  static HWY_INLINE V Vector(V acc, V x) {
    return hn::Add(acc, x);
  }
};

// Input elements as sums: equal types, 16-bit floats to float32, or bytes to 16 bits.
template <typename T, class D, typename S = hn::TFromD<D>>
HWY_INLINE hn::Vec<D> LoadAs(D d, const T* from) {
  if constexpr (std::is_same_v<T, S>) {
    return hn::LoadU(d, from);
  } else if constexpr (kIsNarrowFloat<T>) {
    return ::opkit::HWY_NAMESPACE::LoadWide(d, from);
  } else {
    const hn::Rebind<T, D> narrow;
    const hn::Rebind<std::conditional_t<std::is_signed_v<T>, std::make_signed_t<S>, S>, D> wide;
    return hn::BitCast(d, hn::PromoteTo(wide, hn::LoadU(narrow, from)));
  }
}

// out[i] = rows[0][i] op ... op rows[count-1][i]; out may be one of the rows.
template <typename T, typename S, class Op, int kCount>
HWY_INLINE void FoldSome(const T* const* rows, int64_t any_count, int64_t n, S* out) {
  const int64_t count = kCount > 0 ? kCount : any_count;
  const hn::ScalableTag<S> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const auto identity = hn::Set(d, Op::template Identity<T, S>());
  int64_t i = 0;
  for (; i + 2 * lanes <= n; i += 2 * lanes) {
    auto a = identity, b = identity;
    for (int64_t r = 0; r < count; ++r) {
      a = Op::Vector(a, LoadAs(d, rows[r] + i));
      b = Op::Vector(b, LoadAs(d, rows[r] + i + lanes));
    }
    hn::StoreU(a, d, out + i);
    hn::StoreU(b, d, out + i + lanes);
  }
  for (; i + lanes <= n; i += lanes) {
    auto a = identity;
    for (int64_t r = 0; r < count; ++r) a = Op::Vector(a, LoadAs(d, rows[r] + i));
    hn::StoreU(a, d, out + i);
  }
  const hn::CappedTag<S, 16 / sizeof(S)> part;
  const auto some = static_cast<int64_t>(hn::Lanes(part));
  for (; i + some <= n; i += some) {
    auto a = hn::Set(part, Op::template Identity<T, S>());
    for (int64_t r = 0; r < count; ++r) a = Op::Vector(a, LoadAs(part, rows[r] + i));
    hn::StoreU(a, part, out + i);
  }
  for (; i < n; ++i) {
    S a = Op::template Identity<T, S>();
    for (int64_t r = 0; r < count; ++r) a = Op::Scalar(a, static_cast<S>(rows[r][i]));
    out[i] = a;
  }
}

template <typename T, typename S, class Op>
void Fold(const void* base, int64_t plane, int64_t planes, int64_t row, int64_t rows, int64_t n,
          void* sums) {
  const T* list[kMaxRows];
  const int64_t all = planes * rows;
  auto* at = static_cast<const T*>(base);
  int64_t count = 0, in_plane = 0, done = 0;
  do {
    // More rows only where sums are of the input's type; kMaxByteWindow sees to it.
    if (done > 0) list[count++] = static_cast<const T*>(sums);
    for (; count < kMaxRows && done < all; ++done) {
      list[count++] = at + in_plane * row;
      if (++in_plane == rows) {
        in_plane = 0;
        at += plane;
      }
    }
    // Fixed counts pay where rows do not fit the first level cache.
    if (std::is_same_v<T, float> && count == 3) {
      FoldSome<T, S, Op, std::is_same_v<T, float> ? 3 : 0>(list, count, n, static_cast<S*>(sums));
    } else {
      FoldSome<T, S, Op, 0>(list, count, n, static_cast<S*>(sums));
    }
    count = 0;
  } while (done < all);
}

// Channels [i, i + lanes) of a pixel.
template <class Op, class D, typename S>
HWY_INLINE void PixelPart(D d, const S* from, int64_t taps, int64_t c, S* to) {
  auto a = hn::Set(d, Op::template Identity<S>());
  for (int64_t k = 0; k < taps; ++k) a = Op::Vector(a, hn::LoadU(d, from + k * c));
  hn::StoreU(a, d, to);
}

template <typename S, class Op>
void Pixels(const void* line, int64_t taps, int64_t step, int64_t c, int64_t count,
            int64_t out_step, void* sums) {
  const hn::ScalableTag<S> d;
  const hn::CappedTag<S, 32 / sizeof(S)> half;
  const hn::CappedTag<S, 16 / sizeof(S)> part;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const auto many = static_cast<int64_t>(hn::Lanes(half));
  const auto some = static_cast<int64_t>(hn::Lanes(part));
  auto* from = static_cast<const S*>(line);
  auto* to = static_cast<S*>(sums);
  if (c < some) {
    for (int64_t o = 0; o < count; ++o, from += step, to += out_step) {
      for (int64_t i = 0; i < c; ++i) {
        S a = Op::template Identity<S>();
        for (int64_t k = 0; k < taps; ++k) a = Op::Scalar(a, from[k * c + i]);
        to[i] = a;
      }
    }
    return;
  }
  for (int64_t o = 0; o < count; ++o, from += step, to += out_step) {
    int64_t i = 0;
    for (; i + lanes <= c; i += lanes) PixelPart<Op>(d, from + i, taps, c, to + i);
    if (i + many <= c) {
      PixelPart<Op>(half, from + i, taps, c, to + i);
      i += many;
    }
    for (; i + some <= c; i += some) PixelPart<Op>(part, from + i, taps, c, to + i);
    if (i < c) PixelPart<Op>(part, from + c - some, taps, c, to + c - some);
  }
}

template <typename T>
void Divide(void* sums, int64_t n, int64_t count, void* out) {
  const hn::ScalableTag<T> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  auto* x = static_cast<const T*>(sums);
  auto* y = static_cast<T*>(out);
  const T divisor = static_cast<T>(count);
  int64_t i = 0;
  if ((count & (count - 1)) == 0) {  // the reciprocal is exact
    const auto v = hn::Set(d, T(1) / divisor);
    for (; i + lanes <= n; i += lanes) hn::StoreU(hn::Mul(hn::LoadU(d, x + i), v), d, y + i);
  } else {
    const auto v = hn::Set(d, divisor);
    for (; i + lanes <= n; i += lanes) hn::StoreU(hn::Div(hn::LoadU(d, x + i), v), d, y + i);
  }
  for (; i < n; ++i) y[i] = x[i] / divisor;
}

// To 16-bit floats.
template <typename T, bool kMean>
void Round(void* sums, int64_t n, int64_t count, void* out) {
  if (kMean) Divide<float>(sums, n, count, sums);
  FromFloat(static_cast<const float*>(sums), static_cast<T*>(out), static_cast<size_t>(n));
}

// Means of bytes, ties to even. The float32 rule of the specification gives the same: a tie is
// exact in float32, and everything else is further from a tie than float32 rounds. The quotient
// comes from the upper half of a product with the reciprocal, at most 1 too small.
template <typename T>
void MeanOfBytes(void* sums, int64_t n, int64_t count, void* out) {
  constexpr bool kSigned = std::is_signed_v<T>;
  const hn::ScalableTag<uint16_t> d;
  const hn::Rebind<uint8_t, decltype(d)> narrow;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  int shift = 0;  // the largest whose reciprocal stays below 2^16
  while ((int64_t{2} << shift) < count) ++shift;
  const auto reciprocal = static_cast<uint16_t>(
      std::min<int64_t>((int64_t{65536} << shift) / std::max<int64_t>(count, 1), 65535));
  // Signed sums are made positive by 128 an element. Half the divisor rounds to nearest.
  const auto divisor = static_cast<uint16_t>(count);
  const auto bias = static_cast<uint16_t>((kSigned ? 128 * count : 0) + count / 2);
  const auto even = static_cast<uint16_t>(count % 2 == 0 ? 1 : 0);
  const auto v_bias = hn::Set(d, bias), v_divisor = hn::Set(d, divisor);
  const auto v_reciprocal = hn::Set(d, reciprocal), v_even = hn::Set(d, even);
  const auto flip = hn::Set(narrow, static_cast<uint8_t>(kSigned ? 0x80 : 0));
  auto* x = static_cast<const uint16_t*>(sums);
  auto* y = static_cast<uint8_t*>(out);
  int64_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    const auto t = hn::Add(hn::LoadU(d, x + i), v_bias);
    auto q = hn::ShiftRightSame(hn::MulHigh(t, v_reciprocal), shift);
    auto rest = hn::Sub(t, hn::Mul(q, v_divisor));
    const auto over = hn::Ge(rest, v_divisor);
    q = hn::Sub(q, hn::VecFromMask(d, over));  // plus 1
    rest = hn::Sub(rest, hn::IfThenElseZero(over, v_divisor));
    const auto tie = hn::Eq(rest, hn::Zero(d));
    q = hn::Sub(q, hn::IfThenElseZero(tie, hn::And(q, v_even)));
    hn::StoreU(hn::Xor(hn::TruncateTo(narrow, q), flip), narrow, y + i);
  }
  for (; i < n; ++i) {
    const auto t = static_cast<uint16_t>(x[i] + bias);
    int q = t / divisor;
    if (t % divisor == 0) q -= q & even;
    y[i] = static_cast<uint8_t>(q ^ (kSigned ? 0x80 : 0));
  }
}

// Every second pixel of the size of R.
template <typename R>
HWY_INLINE void PickEven(const void* from, int64_t count, void* out) {
  const hn::ScalableTag<R> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  auto* x = static_cast<const R*>(from);
  auto* y = static_cast<R*>(out);
  int64_t i = 0;
  for (; i + lanes < count; i += lanes) {  // below count: the last pixel has no neighbour
    const auto a = hn::LoadU(d, x + 2 * i), b = hn::LoadU(d, x + 2 * i + lanes);
    hn::StoreU(hn::ConcatEven(d, b, a), d, y + i);
  }
  for (; i < count; ++i) y[i] = x[2 * i];
}

void Pick(const void* from, int64_t bytes, int64_t stride, int64_t count, void* out) {
  if (stride == 2) {
    if (bytes == 1) return PickEven<uint8_t>(from, count, out);
    if (bytes == 2) return PickEven<uint16_t>(from, count, out);
    if (bytes == 4) return PickEven<uint32_t>(from, count, out);
    if (bytes == 8) return PickEven<uint64_t>(from, count, out);
  }
  auto* x = static_cast<const char*>(from);
  auto* y = static_cast<char*>(out);
  int64_t i = 0;
  // 16 bytes a pixel, the next one's written over what is too much.
  for (; i < count - 16 / bytes; ++i) std::memcpy(y + i * bytes, x + i * stride * bytes, 16);
  for (; i < count; ++i) {
    std::memcpy(y + i * bytes, x + i * stride * bytes, static_cast<size_t>(bytes));
  }
}

template <typename T, typename S, class Op>
constexpr Passes Make(decltype(Passes::finish) finish) {
  return {sizeof(T), sizeof(S), sizeof(T), Fold<T, S, Op>, Fold<S, S, Op>, Pixels<S, Op>, finish};
}

const Passes& Get(Kind kind) {
  static constexpr Passes kPasses[] = {
      Make<float, float, MaxOp>(nullptr),
      Make<int8_t, int8_t, MaxOp>(nullptr),
      Make<uint8_t, uint8_t, MaxOp>(nullptr),
      Make<float, float, SumOp>(Divide<float>),
      Make<int8_t, uint16_t, SumOp>(MeanOfBytes<int8_t>),
      Make<uint8_t, uint16_t, SumOp>(MeanOfBytes<uint8_t>),
      Make<Half, float, MaxOp>(Round<Half, false>),
      Make<BFloat16, float, MaxOp>(Round<BFloat16, false>),
      Make<Half, float, SumOp>(Round<Half, true>),
      Make<BFloat16, float, SumOp>(Round<BFloat16, true>),
  };
  return kPasses[kind];
}

#if HWY_TARGET == HWY_STATIC_TARGET
// One copy for float64: rare, and limited by memory.
const Passes& Get64(bool mean) {
  static constexpr Passes kMax = Make<double, double, MaxOp>(nullptr);
  static constexpr Passes kMean = Make<double, double, SumOp>(Divide<double>);
  return mean ? kMean : kMax;
}
#endif

}  // namespace opkit::pool3d::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace opkit::pool3d {

OPKIT_SIMD_EXPORT(Get);
OPKIT_SIMD_EXPORT(Pick);

const Passes& GetPasses(Kind kind) {
  if (kind >= kMaxF64) return HWY_STATIC_DISPATCH(Get64)(kind == kAvgF64);
  return OPKIT_SIMD_CALL(Get)(kind);
}

void PickPixels(const void* from, int64_t pixel_bytes, int64_t stride, int64_t count, void* out) {
  OPKIT_SIMD_CALL(Pick)(from, pixel_bytes, stride, count, out);
}

}  // namespace opkit::pool3d
#endif  // HWY_ONCE

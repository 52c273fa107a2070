// 8-bit functions of two operands without a table of all pairs, which does not fit into the
// fastest cache: products and quotients, and functions that are linear in the first operand but
// for rounding, such as a log(b). What a function is, its table tells.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "framework/cpu.h"
#include "framework/quantize.h"
#include "math/simd.h"

HWY_BEFORE_NAMESPACE();
namespace opkit {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

using internal::PairForm;
using internal::PairKernel;

// Differences of a vector of codes from their zero point: the codes become the low bits of
// 2^23 + code, from which `base` is taken.
template <class D>
HWY_INLINE hn::Vec<D> Differences(D d, const uint8_t* codes, uint32_t flip, float base) {
  const hn::RebindToUnsigned<D> du;
  const hn::Rebind<uint8_t, D> quarter;
  const auto wide = hn::PromoteTo(du, hn::LoadU(quarter, codes));
  return hn::Sub(hn::BitCast(d, hn::Xor(wide, hn::Set(du, flip))), hn::Set(d, base));
}

// Products and quotients. Exact: as TFLite's kernels around them would round, each step as in
// Dequantize and Quantize, but for NaN, which these functions do not make. Else of the
// differences, times one ratio of the scales.
template <bool kProduct, bool kExact>
void RealVectors(const PairKernel& f, const uint8_t* a, const uint8_t* b, uint8_t* y, size_t n) {
  const hn::ScalableTag<float> d;
  const hn::RebindToSigned<decltype(d)> di;
  const hn::Repartition<int16_t, decltype(d)> d16;
  const hn::Repartition<int8_t, decltype(d)> d8;
  const hn::RebindToUnsigned<decltype(d8)> du8;
  const size_t lanes = hn::Lanes(d);
  const uint32_t flip = f.flip_a | 0x4b000000u;
  const float base_a = 0x1p23f + static_cast<float>(f.zero_a);
  const float base_b = 0x1p23f + static_cast<float>(f.zero_b);
  const auto scale_a = hn::Set(d, f.scales[0]);
  const auto scale_b = hn::Set(d, f.scales[1]);
  const auto scale_y = hn::Set(d, f.scales[2]);
  const auto ratio = hn::Set(d, f.ratio);
  const auto zero_y = hn::Set(d16, f.zero_y);
  const auto flip_y = hn::Set(du8, f.flip_y);
  // Of which operand a zero makes a quotient zero.
  const auto first_is_zero = hn::BitCast(d, hn::Set(di, f.form == PairForm::kQuotient ? -1 : 0));
  const auto steps = [&](size_t i) HWY_ATTR __attribute__((always_inline)) {
    auto x = Differences(d, a + i, flip, base_a);
    auto w = Differences(d, b + i, flip, base_b);
    if constexpr (kExact) {
      x = hn::Mul(x, scale_a);
      w = hn::Mul(w, scale_b);
    }
    auto z = hn::Mul(x, w);
    if constexpr (!kProduct) {
      const auto zero = hn::Eq(hn::IfVecThenElse(first_is_zero, x, w), hn::Zero(d));
      z = hn::IfThenZeroElse(zero, hn::Div(x, w));
    }
    const auto real = kExact ? hn::Div(z, scale_y) : hn::Mul(z, ratio);
    const auto most = hn::Set(d, 1024.0f);  // beyond every code
    const auto near = hn::Min(hn::Max(real, hn::Neg(most)), most);
    if constexpr (kExact) {
      const auto almost_half = hn::CopySignToAbs(hn::Set(d, 0x1.fffffep-2f), near);
      return hn::ConvertInRangeTo(di, hn::Add(near, almost_half));
    } else {
      const float magic = 0x1.8p23f;  // the sum's low bits hold the nearest integer
      const auto sum = hn::BitCast(di, hn::Add(near, hn::Set(d, magic)));
      return hn::Sub(sum, hn::BitCast(di, hn::Set(d, magic)));
    }
  };
  for (size_t i = 0; i < n; i += 4 * lanes) {
    const auto first = hn::OrderedDemote2To(d16, steps(i), steps(i + lanes));
    const auto second = hn::OrderedDemote2To(d16, steps(i + 2 * lanes), steps(i + 3 * lanes));
    const auto codes = hn::BitCast(du8, hn::OrderedDemote2To(d8, hn::SaturatedAdd(first, zero_y),
                                                             hn::SaturatedAdd(second, zero_y)));
    hn::StoreU(hn::Xor(codes, flip_y), du8, y + i);
  }
}

// On shorter vectors a look into the table of all pairs is faster.
constexpr bool kExactIsFast = HWY_MAX_BYTES >= 64;
bool HasExact() { return kExactIsFast; }

template <bool kProduct>
auto RealKernel(const PairKernel& f) {
  return kExactIsFast && f.ratio == 0.0f ? RealVectors<kProduct, kExactIsFast>
                                         : RealVectors<kProduct, false>;
}

#if HWY_TARGET == HWY_AVX3
// With VBMI the four bytes of a factor are found each in its own table in registers, and
// put together by the interleaving that the codes of a go through, too; packing undoes it.
#define OPKIT_VBMI __attribute__((target("avx512f,avx512bw,avx512vbmi")))

struct FactorPlane {
  __m512i rows[4];
};

OPKIT_VBMI inline __m512i LookupPlane(const FactorPlane& t, __m512i v, __mmask64 upper) {
  return _mm512_mask_blend_epi8(upper, _mm512_permutex2var_epi8(t.rows[0], v, t.rows[1]),
                                _mm512_permutex2var_epi8(t.rows[2], v, t.rows[3]));
}

OPKIT_VBMI void FactorsVbmi(const PairKernel& f, const uint8_t* a, const uint8_t* b, uint8_t* y,
                            size_t n) {
  FactorPlane planes[4];
  for (size_t p = 0; p < 4; ++p) {
    for (size_t r = 0; r < 4; ++r) planes[p].rows[r] = _mm512_loadu_si512(f.planes[p] + 64 * r);
  }
  const __m512i flip_a = _mm512_set1_epi8(static_cast<char>(f.flip_a));
  const __m512i flip_y = _mm512_set1_epi8(static_cast<char>(f.flip_y));
  // The codes become the low bits of 2^23 + code.
  const __m512i exponent = _mm512_set1_epi16(0x4b00);
  const __m512 base = _mm512_set1_ps(0x1p23f + static_cast<float>(f.zero_a));
  const __m512i zero_y = _mm512_set1_epi16(f.zero_y);
  for (size_t i = 0; i < n; i += 64) {
    const __m512i vb = _mm512_loadu_si512(b + i);
    const __m512i va = _mm512_xor_si512(_mm512_loadu_si512(a + i), flip_a);
    const __mmask64 upper = _mm512_movepi8_mask(vb);
    const __m512i b0 = LookupPlane(planes[0], vb, upper);
    const __m512i b1 = LookupPlane(planes[1], vb, upper);
    const __m512i b2 = LookupPlane(planes[2], vb, upper);
    const __m512i b3 = LookupPlane(planes[3], vb, upper);
    const auto steps = [&](__m512i code, __m512i factor) OPKIT_VBMI {
      const __m512 x = _mm512_sub_ps(_mm512_castsi512_ps(code), base);
      return _mm512_cvtps_epi32(_mm512_mul_ps(x, _mm512_castsi512_ps(factor)));
    };
    const auto half = [&](__m512i code, __m512i low, __m512i high) OPKIT_VBMI {
      const __m512i first =
          steps(_mm512_unpacklo_epi16(code, exponent), _mm512_unpacklo_epi16(low, high));
      const __m512i second =
          steps(_mm512_unpackhi_epi16(code, exponent), _mm512_unpackhi_epi16(low, high));
      return _mm512_adds_epi16(_mm512_packs_epi32(first, second), zero_y);
    };
    const __m512i none = _mm512_setzero_si512();
    const __m512i first = half(_mm512_unpacklo_epi8(va, none), _mm512_unpacklo_epi8(b0, b1),
                               _mm512_unpacklo_epi8(b2, b3));
    const __m512i second = half(_mm512_unpackhi_epi8(va, none), _mm512_unpackhi_epi8(b0, b1),
                                _mm512_unpackhi_epi8(b2, b3));
    const __m512i codes = _mm512_xor_si512(_mm512_packs_epi16(first, second), flip_y);
    _mm512_storeu_si512(y + i, codes);
  }
}
#undef OPKIT_VBMI

bool HasFactors() { return internal::Cpu().vbmi; }
#else
bool HasFactors() { return false; }
void FactorsVbmi(const PairKernel&, const uint8_t*, const uint8_t*, uint8_t*, size_t) {}
#endif

using Vectors = void (*)(const PairKernel&, const uint8_t*, const uint8_t*, uint8_t*, size_t);

Vectors KernelOf(const PairKernel& f) {
  switch (f.form) {
    case PairForm::kFactors:
      return FactorsVbmi;
    case PairForm::kProduct:
      return RealKernel<true>(f);
    default:
      return RealKernel<false>(f);
  }
}

void RunPairs(const PairKernel& f, const uint8_t* a, const uint8_t* b, uint8_t* y, size_t n) {
  constexpr size_t kStep = 64;  // a multiple of all vectors
  const Vectors run = KernelOf(f);
  const size_t whole = n / kStep * kStep;
  run(f, a, b, y, whole);
  if (whole == n) return;
  if (whole > 0) {  // the last vectors, some of it once more: y is neither a nor b
    const size_t at = n - kStep;
    return run(f, a + at, b + at, y + at, kStep);
  }
  uint8_t last[3][kStep] = {};
  std::memcpy(last[0], a, n);
  std::memcpy(last[1], b, n);
  run(f, last[0], last[1], last[2], kStep);
  std::memcpy(y, last[2], n);
}

}  // namespace HWY_NAMESPACE
}  // namespace opkit
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace opkit {

OPKIT_SIMD_EXPORT(RunPairs);
OPKIT_SIMD_EXPORT(HasFactors);
OPKIT_SIMD_EXPORT(HasExact);

namespace internal {
namespace {

// What the table of all pairs asks of each factor: the results lie between these.
void Bounds(const PairKernel& f, const uint8_t* table, double* low, double* high) {
  constexpr double kNone = std::numeric_limits<double>::infinity();
  double least[256];  // steps from zero that round to a code, or saturate
  double most[256];
  for (int i = 0; i < 256; ++i) {
    const int code = static_cast<int8_t>(i ^ f.flip_y);
    least[i] = code == -128 ? -kNone : code - f.zero_y - 0.5;
    most[i] = code == 127 ? kNone : code - f.zero_y + 0.5;
  }
  std::fill_n(low, 256, -kNone);
  std::fill_n(high, 256, kNone);
  for (int a = 0; a < 256; ++a, table += 256) {
    const int x = (a ^ f.flip_a) - f.zero_a;
    if (x == 0) continue;
    const double* from = x > 0 ? least : most;
    const double* to = x > 0 ? most : least;
    const double over = 1.0 / x;
    for (int b = 0; b < 256; ++b) {
      low[b] = std::max(low[b], from[table[b]] * over);
      high[b] = std::min(high[b], to[table[b]] * over);
    }
  }
}

// Whether the kernel gives the table for all pairs.
bool Agrees(const PairKernel& f, const uint8_t* table) {
  uint8_t first[256];
  uint8_t second[256];
  uint8_t codes[256];
  for (int i = 0; i < 256; ++i) second[i] = static_cast<uint8_t>(i);
  for (int i = 0; i < 256; ++i) {
    std::memset(first, i, 256);
    RunPairKernel(f, first, second, codes, 256);
    if (std::memcmp(codes, table + 256 * i, 256) != 0) return false;
  }
  return true;
}

// A factor for each code.
bool FitFactors(const uint8_t* table, PairKernel& f) {
  double low[256];
  double high[256];
  Bounds(f, table, low, high);
  for (int b = 0; b < 256; ++b) {
    const double l = low[b];
    const double h = high[b];
    double factor = 0.0;
    if (std::isfinite(l) && std::isfinite(h)) {
      factor = 0.5 * (l + h);
    } else if (std::isfinite(l)) {
      factor = l + std::fabs(l) + 1.0;
    } else if (std::isfinite(h)) {
      factor = h - std::fabs(h) - 1.0;
    }
    const float rounded = static_cast<float>(factor);
    uint32_t bits;
    std::memcpy(&bits, &rounded, sizeof(bits));
    for (int p = 0; p < 4; ++p) f.planes[p][b] = static_cast<uint8_t>(bits >> 8 * p);
  }
  f.form = PairForm::kFactors;
  return Agrees(f, table);
}

}  // namespace

bool FindPairKernel(const uint8_t* table, bool is_signed, const QuantParams (&params)[3],
                    PairKernel& f) {
  const auto& [a, b, y] = params;
  f.flip_a = is_signed ? 0x80 : 0;
  f.flip_y = f.flip_a ^ 0x80;
  f.zero_a = a.zero_point + f.flip_a;
  f.zero_b = b.zero_point + f.flip_a;
  f.zero_y = static_cast<int16_t>(is_signed ? y.zero_point : y.zero_point - 128);
  for (int i = 0; i < 3; ++i) f.scales[i] = params[i].scale;
  if (OPKIT_SIMD_CALL(HasFactors)() && FitFactors(table, f)) return true;
  // Halves are rounded away from zero in the table, to even by ratios: a little more lifts them.
  for (const double lift : {1.0 + 0x1p-22, 1.0, 0.0}) {
    if (lift == 0.0 && !OPKIT_SIMD_CALL(HasExact)()) return false;
    for (const PairForm form :
         {PairForm::kProduct, PairForm::kQuotient, PairForm::kQuotientNoNan}) {
      const double scales =
          form == PairForm::kProduct ? double{a.scale} * b.scale : double{a.scale} / b.scale;
      f.form = form;
      f.ratio = static_cast<float>(scales / y.scale * lift);
      if (Agrees(f, table)) return true;
    }
  }
  return false;
}

bool CanRun(const PairKernel& f) {
  if (f.form == PairForm::kFactors) return OPKIT_SIMD_CALL(HasFactors)();
  return f.ratio != 0.0f || OPKIT_SIMD_CALL(HasExact)();
}

void RunPairKernel(const PairKernel& f, const uint8_t* a, const uint8_t* b, uint8_t* y, size_t n) {
  OPKIT_SIMD_CALL(RunPairs)(f, a, b, y, n);
}

}  // namespace internal
}  // namespace opkit
#endif  // HWY_ONCE

// Box and Muller in vectors, bit for bit what it is with the logf and sincosf of the C library.
//
// These are not correctly rounded, so only the same arithmetic gives the same bits: that of
// Szabolcs Nagy's logf and Wilco Dijkstra's sincosf (Arm Optimized Routines, MIT; in glibc
// since 2.28, in musl), whose tables and coefficients stand below. They work in float64 and round
// once, which hides whether multiplications and additions are fused: the result is glibc's, fused
// or not, for all 2^23 values of either word. Where a comparison finds another C library, that one
// is called.
#include <cstring>

#include "math/simd.h"
#include "ops/random/distributions.h"
#include "ops/random/normal.h"

HWY_BEFORE_NAMESPACE();
namespace opkit::random::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using DF = hn::ScalableTag<float>;
using DI = hn::RebindToSigned<DF>;
using DU = hn::RebindToUnsigned<DF>;
using DD = hn::Repartition<double, DF>;  // half as many lanes
using HalfI = hn::Half<DI>;
using VF = hn::Vec<DF>;
using VI = hn::Vec<DI>;
using VD = hn::Vec<DD>;

// 1 / c and log c near the middles c of 16 pieces of [0.7, 1.4).
HWY_ALIGN constexpr double kInverse[16] = {0x1.661ec79f8f3bep+0, 0x1.571ed4aaf883dp+0,
                                           0x1.49539f0f010bp+0,  0x1.3c995b0b80385p+0,
                                           0x1.30d190c8864a5p+0, 0x1.25e227b0b8eap+0,
                                           0x1.1bb4a4a1a343fp+0, 0x1.12358f08ae5bap+0,
                                           0x1.0953f419900a7p+0, 0x1p+0,
                                           0x1.e608cfd9a47acp-1, 0x1.ca4b31f026aap-1,
                                           0x1.b2036576afce6p-1, 0x1.9c2d163a1aa2dp-1,
                                           0x1.886e6037841edp-1, 0x1.767dcf5534862p-1};
HWY_ALIGN constexpr double kLog[16] = {-0x1.57bf7808caadep-2, -0x1.2bef0a7c06ddbp-2,
                                       -0x1.01eae7f513a67p-2, -0x1.b31d8a68224e9p-3,
                                       -0x1.6574f0ac07758p-3, -0x1.1aa2bc79c81p-3,
                                       -0x1.a4e76ce8c0e5ep-4, -0x1.1973c5a611cccp-4,
                                       -0x1.252f438e10c1ep-5, 0x0p+0,
                                       0x1.aa5aa5df25984p-5,  0x1.c5e53aa362eb4p-4,
                                       0x1.526e57720db08p-3,  0x1.bc2860d22477p-3,
                                       0x1.1058bc8a07ee1p-2,  0x1.4043057b6ee09p-2};

HWY_INLINE VD Set(double c) { return hn::Set(DD(), c); }

template <class V>
HWY_INLINE VD Lookup(const double (&table)[16], V index) {
  if constexpr (hn::MaxLanes(DD()) == 8) {
    return hn::TwoTablesLookupLanes(DD(), hn::Load(DD(), table), hn::Load(DD(), table + 8),
                                    hn::IndicesFromVec(DD(), index));
  } else {
    return hn::GatherIndex(DD(), table, index);
  }
}

// log(z 2^k), z in the piece `index`.
template <class V>
HWY_INLINE VD LogHalf(VD z, VD k, V index) {
  const VD r = hn::MulSub(z, Lookup(kInverse, index), Set(1.0)), r2 = hn::Mul(r, r);
  const VD head = hn::Add(hn::MulAdd(k, Set(0x1.62e42fefa39efp-1), Lookup(kLog, index)), r);
  const VD tail = hn::MulAdd(Set(0x1.5575b0be00b6ap-2), r, Set(-0x1.ffffef20a4123p-2));
  return hn::MulAdd(hn::MulAdd(Set(-0x1.00ea348b88334p-2), r2, tail), r2, head);
}

// Two halves in float64 to one vector.
HWY_INLINE VF Join(VD low, VD high) {
  const hn::Half<DF> half;
  return hn::Combine(DF(), hn::DemoteTo(half, high), hn::DemoteTo(half, low));
}

// log x, x positive and normal.
HWY_INLINE VF Log(VF x) {
  const DI di;
  const hn::RebindToSigned<DD> dw;
  const VI bits = hn::BitCast(di, x);
  const VI t = hn::Sub(bits, hn::Set(di, 0x3f330000));
  const VI k = hn::ShiftRight<23>(t);
  const VI index = hn::And(hn::ShiftRight<19>(t), hn::Set(di, 15));
  const VF z = hn::BitCast(DF(), hn::Sub(bits, hn::ShiftLeft<23>(k)));
  return Join(LogHalf(hn::PromoteLowerTo(DD(), z), hn::PromoteLowerTo(DD(), k),
                      hn::PromoteLowerTo(dw, index)),
              LogHalf(hn::PromoteUpperTo(DD(), z), hn::PromoteUpperTo(DD(), k),
                      hn::PromoteUpperTo(dw, index)));
}

// Sine and cosine of x - n pi/2 for the nearest n; 0 <= x < 120.
HWY_INLINE void SinCosHalf(VD x, VD* sine, VD* cosine, hn::Vec<HalfI>* n) {
  const HalfI di;
  const auto turns = hn::DemoteTo(di, hn::Mul(x, Set(0x1.45F306DC9C883p+23)));  // 2^24 a quarter
  *n = hn::ShiftRight<24>(hn::Add(turns, hn::Set(di, 0x800000)));
  x = hn::NegMulAdd(hn::PromoteTo(DD(), *n), Set(0x1.921FB54442D18p0), x);
  const VD x2 = hn::Mul(x, x), x3 = hn::Mul(x2, x), x4 = hn::Mul(x2, x2);
  const VD s = hn::MulAdd(x3, Set(-0x1.555545995a603p-3), x);
  const VD s5 = hn::MulAdd(x2, Set(-0x1.994eb3774cf24p-13), Set(0x1.1107605230bc4p-7));
  *sine = hn::MulAdd(hn::Mul(x3, x2), s5, s);
  const VD c = hn::MulAdd(x2, Set(-0x1.ffffffd0c621cp-2), Set(1.0));
  const VD c4 = hn::MulAdd(x4, Set(0x1.55553e1068f19p-5), c);
  const VD c6 = hn::MulAdd(x2, Set(0x1.99343027bf8c3p-16), Set(-0x1.6c087e89a359dp-10));
  *cosine = hn::MulAdd(hn::Mul(x4, x2), c6, c4);
}

HWY_INLINE void SinCos(VF x, VF* sine, VF* cosine) {
  const DI di;
  VD s[2], c[2];
  hn::Vec<HalfI> n[2];
  SinCosHalf(hn::PromoteLowerTo(DD(), x), s, c, n);
  SinCosHalf(hn::PromoteUpperTo(DD(), x), s + 1, c + 1, n + 1);
  const VF a = Join(s[0], s[1]), b = Join(c[0], c[1]);
  // Odd quarters exchange the two; the third and fourth turn the sine, the second and third the
  // cosine.
  const VI quarter = hn::Combine(di, n[1], n[0]);
  const auto odd =
      hn::MaskFromVec(hn::BitCast(DF(), hn::VecFromMask(di, hn::TestBit(quarter, hn::Set(di, 1)))));
  const auto sign = [&](VI q) HWY_ATTR {
    return hn::BitCast(DF(), hn::ShiftLeft<30>(hn::And(q, hn::Set(di, 2))));
  };
  *sine = hn::Xor(hn::IfThenElse(odd, b, a), sign(quarter));
  *cosine = hn::Xor(hn::IfThenElse(odd, a, b), sign(hn::Add(quarter, hn::Set(di, 1))));
}

// UnitFloat
HWY_INLINE VF Unit(hn::Vec<DU> word) {
  const DU du;
  const auto bits = hn::Or(hn::And(word, hn::Set(du, 0x7fffff)), hn::Set(du, 0x3f800000));
  return hn::Sub(hn::BitCast(DF(), bits), hn::Set(DF(), 1.0f));
}

void NormalRun(const uint32_t* words, int64_t count, float* out) {
  const DF d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  for (int64_t i = 0; i < count; i += 2 * lanes) {
    hn::Vec<DU> first, second;
    hn::LoadInterleaved2(DU(), words + i, first, second);
    const VF log = Log(hn::Max(Unit(first), hn::Set(d, 1.0e-7f)));
    const VF radius = hn::Sqrt(hn::Mul(hn::Set(d, -2.0f), log));
    const VF u = Unit(second);
    const VF angle = Join(hn::Mul(hn::PromoteLowerTo(DD(), u), Set(kTwoPi)),
                          hn::Mul(hn::PromoteUpperTo(DD(), u), Set(kTwoPi)));
    VF sine, cosine;
    SinCos(angle, &sine, &cosine);
    hn::StoreInterleaved2(hn::Mul(sine, radius), hn::Mul(cosine, radius), d, out + i);
  }
}

}  // namespace opkit::random::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace opkit::random {

OPKIT_SIMD_EXPORT(NormalRun);

namespace {

void CallLibm(const uint32_t* words, int64_t count, float* out) {
  for (int64_t i = 0; i < count; i += 2) BoxMuller(words + i, out + i);
}

// Whether the C library's functions are those above, tried on values spread over both domains.
bool SameAsLibm() {
  constexpr uint32_t kPairs = 1 << 11, kWords = 2 * kPairs;
  static_assert(kWords % kSlack == 0, "whole vectors");
  uint32_t words[kWords];
  float here[kWords], libm[kWords];
  for (uint32_t i = 0; i < kPairs; ++i) {
    words[2 * i] = i << 12 | 0xb5b;
    words[2 * i + 1] = i << 12 | 0x5a5;
  }
  OPKIT_SIMD_CALL(NormalRun)(words, kWords, here);
  CallLibm(words, kWords, libm);
  return std::memcmp(here, libm, sizeof(here)) == 0;
}

}  // namespace

void Normals(const uint32_t* words, int64_t count, float* out) {
  static const bool same = SameAsLibm();
  if (same) {
    OPKIT_SIMD_CALL(NormalRun)(words, count, out);
  } else {
    CallLibm(words, count, out);
  }
}

}  // namespace opkit::random
#endif  // HWY_ONCE

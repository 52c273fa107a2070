// Vector loops of the pointwise drivers: 16-bit floats and 256-entry tables.
#include "framework/cpu.h"
#include "framework/quantize.h"
#include "math/simd.h"
// After simd.h, which sets the target.
#include "math/narrow-inl.h"
#include "opkit/pointwise.h"

HWY_BEFORE_NAMESPACE();
namespace opkit {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

template <typename T>
HWY_INLINE void Widen(const T* x, float* y, size_t n) {
  const hn::ScalableTag<float> d;
  const size_t lanes = hn::Lanes(d);
  size_t i = 0;
  for (; i + lanes <= n; i += lanes) hn::StoreU(LoadWide(d, x + i), d, y + i);
  for (; i < n; ++i) y[i] = x[i];
}
template <typename T>
HWY_INLINE void Narrow(const float* x, T* y, size_t n) {
  const hn::ScalableTag<float> d;
  const size_t lanes = hn::Lanes(d);
  size_t i = 0;
  for (; i + lanes <= n; i += lanes) StoreNarrow(hn::LoadU(d, x + i), d, y + i);
  for (; i < n; ++i) y[i] = T(x[i]);
}
void HalfToFloat(const Half* x, float* y, size_t n) { Widen(x, y, n); }
void FloatToHalf(const float* x, Half* y, size_t n) { Narrow(x, y, n); }
void BFloat16ToFloat(const BFloat16* x, float* y, size_t n) { Widen(x, y, n); }
void FloatToBFloat16(const float* x, BFloat16* y, size_t n) { Narrow(x, y, n); }

#if HWY_TARGET == HWY_AVX3
// With VBMI a permutation of bytes finds one of 128 entries. Only to be called
// on CPUs that have it.
__attribute__((target("avx512f,avx512bw,avx512vbmi"))) void LookupBytesVbmi(const uint8_t* table,
                                                                            const uint8_t* x,
                                                                            uint8_t* y, size_t n) {
  const __m512i t0 = _mm512_loadu_si512(table);
  const __m512i t1 = _mm512_loadu_si512(table + 64);
  const __m512i t2 = _mm512_loadu_si512(table + 128);
  const __m512i t3 = _mm512_loadu_si512(table + 192);
  size_t i = 0;
  for (; i + 64 <= n; i += 64) {
    const __m512i v = _mm512_loadu_si512(x + i);
    const __m512i low = _mm512_permutex2var_epi8(t0, v, t1);
    const __m512i high = _mm512_permutex2var_epi8(t2, v, t3);
    _mm512_storeu_si512(y + i, _mm512_mask_blend_epi8(_mm512_movepi8_mask(v), low, high));
  }
  for (; i < n; ++i) y[i] = table[x[i]];
}

// The table as 128 words in four registers: two two-register permutations and a
// blend find the word, a shift by 0 or 8 the byte.
void LookupBytes(const uint8_t* table, const uint8_t* x, uint8_t* y, size_t n) {
  if (internal::Cpu().vbmi) return LookupBytesVbmi(table, x, y, n);
  const hn::ScalableTag<uint8_t> d8;
  const hn::ScalableTag<uint16_t> d;
  const size_t lanes = hn::Lanes(d8);
  const auto t0 = hn::BitCast(d, hn::LoadU(d8, table));
  const auto t1 = hn::BitCast(d, hn::LoadU(d8, table + lanes));
  const auto t2 = hn::BitCast(d, hn::LoadU(d8, table + 2 * lanes));
  const auto t3 = hn::BitCast(d, hn::LoadU(d8, table + 3 * lanes));
  const auto low_byte = hn::Set(d, static_cast<uint16_t>(0x00ff));
  const auto eight = hn::Set(d, static_cast<uint16_t>(8));
  const auto upper = hn::Set(d, static_cast<uint16_t>(64));
  const auto even = [&](auto bytes) HWY_ATTR {  // word that holds entry `bytes`
    const auto index = hn::ShiftRight<1>(bytes);
    const auto six =
        hn::Indices512<uint16_t>{hn::And(index, hn::Set(d, static_cast<uint16_t>(63))).raw};
    return hn::IfThenElse(hn::TestBit(index, upper), hn::TwoTablesLookupLanes(d, t2, t3, six),
                          hn::TwoTablesLookupLanes(d, t0, t1, six));
  };
  const auto step = [&](const uint8_t* from, uint8_t* to) HWY_ATTR {
    const auto v = hn::BitCast(d, hn::LoadU(d8, from));
    const auto low = hn::And(v, low_byte);
    const auto high = hn::ShiftRight<8>(v);
    const auto low_word = hn::Shr(even(low), hn::And(hn::ShiftLeft<3>(low), eight));
    const auto high_word = hn::Shl(even(high), hn::AndNot(hn::ShiftLeft<3>(high), eight));
    const auto both = hn::Or(hn::And(low_word, low_byte), hn::AndNot(low_byte, high_word));
    hn::StoreU(hn::BitCast(d8, both), d8, to);
  };
  size_t i = 0;
  for (; i + lanes <= n; i += lanes) step(x + i, y + i);
  if (i < n) {
    uint8_t in[64] = {};
    uint8_t out[64];
    for (size_t k = 0; k < n - i; ++k) in[k] = x[i + k];
    step(in, out);
    for (size_t k = 0; k < n - i; ++k) y[i + k] = out[k];
  }
}
#elif OPKIT_SIMD_X86
// Sixteen 16-byte rows of the table, one per upper half of a byte. pshufb takes the
// lower half as index and gives 0 where bit 7 is set, whatever the bits between. So
// rows that differ in bits 4 and 5 are joined by xor: the row with both bits set always
// counts, others, as differences, where bit 4, bit 5 or both are clear; this and
// wrapping additions run beside the shuffles, which limit the speed.
void LookupBytes(const uint8_t* table, const uint8_t* x, uint8_t* y, size_t n) {
  const hn::ScalableTag<uint8_t> d;
  const size_t lanes = hn::Lanes(d);
  HWY_ALIGN uint8_t rows[256];
  const hn::Full128<uint8_t> d128;
  for (size_t i = 0; i < 256; i += 64) {
    const auto none = hn::LoadU(d128, table + i);
    const auto four = hn::LoadU(d128, table + i + 16);
    const auto five = hn::LoadU(d128, table + i + 32);
    const auto both = hn::LoadU(d128, table + i + 48);
    hn::Store(both, d128, rows + i);
    hn::Store(hn::Xor(both, five), d128, rows + i + 16);
    hn::Store(hn::Xor(both, four), d128, rows + i + 32);
    hn::Store(hn::Xor(hn::Xor(both, five), hn::Xor(four, none)), d128, rows + i + 48);
  }
  const auto step = [&](auto v) HWY_ATTR {
    const auto any = hn::And(v, hn::Set(d, uint8_t{0x1f}));
    // Bit 7 set where bit 4, bit 5 or either is set.
    const auto no4 = hn::Add(any, hn::Set(d, uint8_t{0x70}));
    const auto no5 = hn::Add(hn::And(v, hn::Set(d, uint8_t{0x2f})), hn::Set(d, uint8_t{0x60}));
    const auto neither = hn::Or(no4, no5);
    const auto look = [&](size_t row, auto index) HWY_ATTR {
      return hn::TableLookupBytesOr0(hn::LoadDup128(d, rows + 16 * row), index);
    };
    const auto four_rows = [&](size_t row) HWY_ATTR {
      return hn::Xor(hn::Xor(look(row, any), look(row + 1, no4)),
                     hn::Xor(look(row + 2, no5), look(row + 3, neither)));
    };
    // blendv heeds only bit 7 of the selecting bytes.
    const auto bit6 = hn::Add(v, v);
    return hn::IfVecThenElse(v, hn::IfVecThenElse(bit6, four_rows(12), four_rows(8)),
                             hn::IfVecThenElse(bit6, four_rows(4), four_rows(0)));
  };
  size_t i = 0;
  for (; i + lanes <= n; i += lanes) hn::StoreU(step(hn::LoadU(d, x + i)), d, y + i);
  for (; i < n; ++i) y[i] = table[x[i]];
}
#elif HWY_ARCH_ARM_A64
// Four registers are looked up at once; an index beyond them leaves what was found before.
void LookupBytes(const uint8_t* table, const uint8_t* x, uint8_t* y, size_t n) {
  const uint8x16x4_t t0 = vld1q_u8_x4(table);
  const uint8x16x4_t t1 = vld1q_u8_x4(table + 64);
  const uint8x16x4_t t2 = vld1q_u8_x4(table + 128);
  const uint8x16x4_t t3 = vld1q_u8_x4(table + 192);
  size_t i = 0;
  for (; i + 16 <= n; i += 16) {
    const uint8x16_t v = vld1q_u8(x + i);
    uint8x16_t found = vqtbl4q_u8(t0, v);
    found = vqtbx4q_u8(found, t1, vsubq_u8(v, vdupq_n_u8(64)));
    found = vqtbx4q_u8(found, t2, vsubq_u8(v, vdupq_n_u8(128)));
    found = vqtbx4q_u8(found, t3, vsubq_u8(v, vdupq_n_u8(192)));
    vst1q_u8(y + i, found);
  }
  for (; i < n; ++i) y[i] = table[x[i]];
}
#else
// The same with what Highway promises everywhere: indices below 16.
void LookupBytes(const uint8_t* table, const uint8_t* x, uint8_t* y, size_t n) {
  const hn::ScalableTag<uint8_t> d;
  const size_t lanes = hn::Lanes(d);
  size_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    const auto v = hn::LoadU(d, x + i);
    const auto index = hn::And(v, hn::Set(d, uint8_t{0x0f}));
    const auto row = hn::AndNot(hn::Set(d, uint8_t{0x0f}), v);
    auto sum = hn::Zero(d);
    for (size_t t = 0; t < 256; t += 16) {
      const auto entry = hn::TableLookupBytes(hn::LoadDup128(d, table + t), index);
      sum = hn::IfThenElse(hn::Eq(row, hn::Set(d, static_cast<uint8_t>(t))), entry, sum);
    }
    hn::StoreU(sum, d, y + i);
  }
  for (; i < n; ++i) y[i] = table[x[i]];
}
#endif

// Pairs of bytes become 16-bit indices side by side, four to a word: loading each
// byte would cost as much as the look into the table.
void LookupBytePairs(const uint8_t* table, const uint8_t* a, const uint8_t* b, uint8_t* y,
                     size_t n) {
  const hn::Full128<uint8_t> d;
  const hn::Full128<uint64_t> d64;
  const auto look = [table](uint64_t indices, uint8_t* to) HWY_ATTR {
    to[0] = table[indices & 0xffff];
    to[1] = table[indices >> 16 & 0xffff];
    to[2] = table[indices >> 32 & 0xffff];
    to[3] = table[indices >> 48];
  };
  size_t i = 0;
  for (; i + 16 <= n; i += 16) {
    const auto first = hn::LoadU(d, a + i);
    const auto second = hn::LoadU(d, b + i);
    const auto lower = hn::BitCast(d64, hn::InterleaveLower(d, second, first));
    const auto upper = hn::BitCast(d64, hn::InterleaveUpper(d, second, first));
    look(hn::ExtractLane(lower, 0), y + i);
    look(hn::ExtractLane(lower, 1), y + i + 4);
    look(hn::ExtractLane(upper, 0), y + i + 8);
    look(hn::ExtractLane(upper, 1), y + i + 12);
  }
  for (; i < n; ++i) y[i] = table[a[i] * 256 + b[i]];
}

}  // namespace HWY_NAMESPACE
}  // namespace opkit
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace opkit {

OPKIT_SIMD_EXPORT(HalfToFloat);
OPKIT_SIMD_EXPORT(FloatToHalf);
OPKIT_SIMD_EXPORT(BFloat16ToFloat);
OPKIT_SIMD_EXPORT(FloatToBFloat16);
OPKIT_SIMD_EXPORT(LookupBytes);
OPKIT_SIMD_EXPORT(LookupBytePairs);

void ToFloat(const Half* x, float* y, size_t n) { OPKIT_SIMD_CALL(HalfToFloat)(x, y, n); }
void ToFloat(const BFloat16* x, float* y, size_t n) { OPKIT_SIMD_CALL(BFloat16ToFloat)(x, y, n); }
void FromFloat(const float* x, Half* y, size_t n) { OPKIT_SIMD_CALL(FloatToHalf)(x, y, n); }
void FromFloat(const float* x, BFloat16* y, size_t n) { OPKIT_SIMD_CALL(FloatToBFloat16)(x, y, n); }

void ToFloat(DType t, const uint16_t* x, float* y, size_t n) {
  if (t == DType::kFloat16) return ToFloat(reinterpret_cast<const Half*>(x), y, n);
  ToFloat(reinterpret_cast<const BFloat16*>(x), y, n);
}
void FromFloat(DType t, const float* x, uint16_t* y, size_t n) {
  if (t == DType::kFloat16) return FromFloat(x, reinterpret_cast<Half*>(y), n);
  FromFloat(x, reinterpret_cast<BFloat16*>(y), n);
}

void Lookup256(const uint8_t* table, const uint8_t* x, uint8_t* y, size_t n) {
  if (n < 64) {
    for (size_t i = 0; i < n; ++i) y[i] = table[x[i]];
    return;
  }
  OPKIT_SIMD_CALL(LookupBytes)(table, x, y, n);
}

namespace internal {

void LookupPairs(const uint8_t* table, const uint8_t* a, const uint8_t* b, uint8_t* y, size_t n) {
  OPKIT_SIMD_CALL(LookupBytePairs)(table, a, b, y, n);
}

}  // namespace internal

}  // namespace opkit
#endif  // HWY_ONCE

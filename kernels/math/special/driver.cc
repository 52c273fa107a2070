// Cuts arrays into blocks, sorts each block by region so that no lane pays for
// the formula of another, and lets a kernel evaluate the regions at full width.
#include "math/simd.h"
#include "math/special/expand.h"
#include "math/special/export.h"

HWY_BEFORE_NAMESPACE();
namespace opkit {
namespace HWY_NAMESPACE {
namespace special {

namespace hn = hwy::HWY_NAMESPACE;
using ::opkit::special::kBlock;
using ::opkit::special::Kernel;
using ::opkit::special::kExpand4;
using ::opkit::special::kExpand8;
using ::opkit::special::kMaxInputs;
using ::opkit::special::kSort;

template <class T>
struct Buffers {
  // A compressed store reaches beyond its end.
  static constexpr size_t kRow = kBlock + HWY_MAX_LANES_D(hn::ScalableTag<T>);
  HWY_ALIGN T in[kMaxInputs][kRow];
  HWY_ALIGN T packed[kMaxInputs][kRow];
  HWY_ALIGN T region[kRow];
  HWY_ALIGN T result[kRow];
  HWY_ALIGN T out[kRow];
};

// The lanes of m take p[0], p[1], ..; the others hold anything.
template <class D, class T = hn::TFromD<D>>
HWY_INLINE hn::Vec<D> ExpandFrom(D d, const T* p, hn::Mask<D> m) {
#if HWY_TARGET == HWY_AVX2
  // gcc builds Highway's table for this on the stack at each call.
  const hn::Repartition<uint32_t, D> dw;
  const hn::Rebind<uint8_t, decltype(dw)> db;
  const auto bits = hn::BitsFromMask(d, m);
  const uint8_t* order = sizeof(T) == 4 ? kExpand4.v[bits] : kExpand8.v[bits];
  const auto words = hn::BitCast(dw, hn::LoadU(d, p));
  const auto index = hn::IndicesFromVec(dw, hn::PromoteTo(dw, hn::LoadU(db, order)));
  return hn::BitCast(d, hn::TableLookupLanes(words, index));
#else
  return hn::Expand(hn::LoadU(d, p), m);
#endif
}

// Whether n elements are all the same.
template <class T>
HWY_INLINE bool Uniform(const T* p, size_t n) {
  const hn::ScalableTag<T> d;
  const auto first = hn::Set(d, p[0]);
  for (size_t i = 0; i < n; i += hn::Lanes(d)) {
    if (!hn::AllTrue(d, hn::Eq(hn::Load(d, p + i), first))) return false;
  }
  return true;
}

// y = the kernel of x; n is a multiple of the vector size, y none of x.
template <class T>
HWY_NOINLINE void Block(Kernel<T> kernel, size_t inputs, const T* const* x, T* y, size_t n,
                        Buffers<T>& b) {
  const hn::ScalableTag<T> d;
  const size_t lanes = hn::Lanes(d);
  const T* packed[kMaxInputs] = {b.packed[0], b.packed[1], b.packed[2]};
  const size_t regions = kernel(kSort, x, b.region, n);
  if (Uniform(b.region, n)) {
    kernel(static_cast<size_t>(b.region[0]), x, y, n);
    return;
  }
  size_t done = 0;
  for (size_t r = 0; done < n && r < regions; ++r) {
    const auto number = hn::Set(d, static_cast<T>(r));
    size_t count = 0;
    for (size_t k = 0; k < inputs; ++k) {
      count = 0;
      const T* from = x[k];
      T* to = b.packed[k];
      for (size_t i = 0; i < n; i += lanes) {
        const auto m = hn::Eq(hn::Load(d, b.region + i), number);
        hn::StoreU(hn::Compress(hn::LoadU(d, from + i), m), d, to + count);
        count += hn::CountTrue(d, m);
      }
      if (count == 0) break;
    }
    if (count == 0) continue;
    // Lanes past the end repeat the last element: no stray slow cases.
    for (size_t k = 0; k < inputs; ++k) {
      hn::StoreU(hn::Set(d, b.packed[k][count - 1]), d, b.packed[k] + count);
    }
    kernel(r, packed, b.result, count);
    const T* from = b.result;
    for (size_t i = 0; i < n; i += lanes) {
      const auto m = hn::Eq(hn::Load(d, b.region + i), number);
      const auto old = hn::LoadU(d, y + i);
      hn::StoreU(hn::IfThenElse(m, ExpandFrom(d, from, m), old), d, y + i);
      from += hn::CountTrue(d, m);
    }
    done += count;
  }
}

template <class T>
HWY_INLINE void RunBlocks(Kernel<T> kernel, size_t inputs, const T* const* x, T* y, size_t n) {
  const hn::ScalableTag<T> d;
  const size_t lanes = hn::Lanes(d);
  Buffers<T> b;
  for (size_t at = 0; at < n; at += kBlock) {
    const size_t m = n - at < kBlock ? n - at : kBlock;
    const T* p[kMaxInputs] = {};
    bool own = m % lanes == 0;
    for (size_t k = 0; k < inputs; ++k) {
      p[k] = x[k] + at;
      own = own && x[k] != y;
    }
    if (own) {
      Block(kernel, inputs, p, y + at, m, b);
      continue;
    }
    // The odd end, and in place: padded copies. (gcc makes slow string moves of memcpy here.)
    const size_t whole = m / lanes * lanes, padded = (m + lanes - 1) / lanes * lanes;
    for (size_t k = 0; k < inputs; ++k) {
      for (size_t i = 0; i < whole; i += lanes) hn::Store(hn::LoadU(d, p[k] + i), d, b.in[k] + i);
      if (whole < m) {
        const auto end = hn::LoadNOr(hn::Set(d, p[k][m - 1]), d, p[k] + whole, m - whole);
        hn::Store(end, d, b.in[k] + whole);
      }
      p[k] = b.in[k];
    }
    Block(kernel, inputs, p, b.out, padded, b);
    T* const to = y + at;
    for (size_t i = 0; i < whole; i += lanes) hn::StoreU(hn::Load(d, b.out + i), d, to + i);
    if (whole < m) hn::StoreN(hn::Load(d, b.out + whole), d, to + whole, m - whole);
  }
#if HWY_TARGET == HWY_AVX2 || HWY_TARGET == HWY_AVX3
  // gcc leaves this out after functions that take vectors and return nothing;
  // SSE code of the caller would be slow.
  _mm256_zeroupper();
#endif
}

}  // namespace special

void RunF32(::opkit::special::Kernel<float> kernel, size_t inputs, const float* const* x, float* y,
            size_t n) {
  special::RunBlocks(kernel, inputs, x, y, n);
}
void RunF64(::opkit::special::Kernel<double> kernel, size_t inputs, const double* const* x,
            double* y, size_t n) {
  special::RunBlocks(kernel, inputs, x, y, n);
}

}  // namespace HWY_NAMESPACE
}  // namespace opkit
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace opkit {

OPKIT_SIMD_EXPORT(RunF32);
OPKIT_SIMD_EXPORT(RunF64);

namespace {
// Read once: kernel and driver must agree on the size of vectors.
int Level() { return OPKIT_SIMD_X86 ? simd::CurrentLevel() : 0; }
}  // namespace

void special::Run(const Kernel<float>* kernels, size_t inputs, const float* const* x, float* y,
                  size_t n) {
  const int level = Level();
  RunF32_simd_table[level](kernels[level], inputs, x, y, n);
}
void special::Run(const Kernel<double>* kernels, size_t inputs, const double* const* x, double* y,
                  size_t n) {
  const int level = Level();
  RunF64_simd_table[level](kernels[level], inputs, x, y, n);
}

}  // namespace opkit
#endif  // HWY_ONCE

// Stockham passes over split real and imaginary planes, compiled once per instruction set.
//
// A pass of radix r, stride s and count m reads x[q + s (p + m j)] and writes
// y[q + s (r p + j)], q < s, p < m, j < r. All transforms of a block of columns are one transform
// whose first stride is the number of columns, so rows and columns share this code.
#if defined(OPKIT_SIGNAL_FFT_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef OPKIT_SIGNAL_FFT_INL_H_
#undef OPKIT_SIGNAL_FFT_INL_H_
#else
#define OPKIT_SIGNAL_FFT_INL_H_
#endif

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <utility>

#include "hwy/highway.h"
#include "ops/signal/fft_plan.h"
#include "ops/signal/turn-inl.h"

HWY_BEFORE_NAMESPACE();
namespace opkit::signal::HWY_NAMESPACE {
// A complex vector.
template <class R>
struct Cv {
  Vec<R> re, im;
};
template <class R>
HWY_INLINE Cv<R> operator+(Cv<R> a, Cv<R> b) {
  return {hn::Add(a.re, b.re), hn::Add(a.im, b.im)};
}
template <class R>
HWY_INLINE Cv<R> operator-(Cv<R> a, Cv<R> b) {
  return {hn::Sub(a.re, b.re), hn::Sub(a.im, b.im)};
}
template <class R>
HWY_INLINE Cv<R> Times(Cv<R> a, Vec<R> re, Vec<R> im) {
  return {hn::NegMulAdd(a.im, im, hn::Mul(a.re, re)), hn::MulAdd(a.re, im, hn::Mul(a.im, re))};
}
template <class R>
HWY_INLINE Cv<R> TimesMinusI(Cv<R> a) {
  return {a.im, hn::Neg(a.re)};
}
template <class R>
HWY_INLINE Vec<R> Constant(double c) {
  return hn::Set(Tag<R>(), static_cast<R>(c));
}
// c + s a for real s
template <class R>
HWY_INLINE Cv<R> AddScaled(Cv<R> c, Vec<R> s, Cv<R> a) {
  return {hn::MulAdd(s, a.re, c.re), hn::MulAdd(s, a.im, c.im)};
}

template <class R, size_t kRadix>
HWY_INLINE void Butterfly(Cv<R>* v) {
  if constexpr (kRadix == 2) {
    const Cv<R> a = v[0];
    v[0] = a + v[1];
    v[1] = a - v[1];
  } else if constexpr (kRadix == 3) {
    const Cv<R> sum = v[1] + v[2], diff = TimesMinusI<R>(v[1] - v[2]);
    const Cv<R> mid = AddScaled<R>(v[0], Constant<R>(-0.5), sum);
    v[0] = v[0] + sum;
    const Vec<R> s = Constant<R>(0.866025403784438646763723170752936183);
    v[1] = AddScaled<R>(mid, s, diff);
    v[2] = AddScaled<R>(mid, hn::Neg(s), diff);
  } else if constexpr (kRadix == 4) {
    const Cv<R> a = v[0] + v[2], b = v[0] - v[2], c = v[1] + v[3];
    const Cv<R> d = TimesMinusI<R>(v[1] - v[3]);
    v[0] = a + c;
    v[1] = b + d;
    v[2] = a - c;
    v[3] = b - d;
  } else if constexpr (kRadix == 5) {
    const Vec<R> c1 = Constant<R>(0.309016994374947424102293417182819059);
    const Vec<R> c2 = Constant<R>(-0.809016994374947424102293417182819059);
    const Vec<R> s1 = Constant<R>(0.951056516295153572116439333379382143);
    const Vec<R> s2 = Constant<R>(0.587785252292473129168705954639072769);
    const Cv<R> t1 = v[1] + v[4], t2 = v[2] + v[3];
    const Cv<R> u1 = TimesMinusI<R>(v[1] - v[4]), u2 = TimesMinusI<R>(v[2] - v[3]);
    const Cv<R> m1 = AddScaled<R>(AddScaled<R>(v[0], c1, t1), c2, t2);
    const Cv<R> m2 = AddScaled<R>(AddScaled<R>(v[0], c2, t1), c1, t2);
    const Cv<R> n1 = {hn::MulAdd(s2, u2.re, hn::Mul(s1, u1.re)),
                      hn::MulAdd(s2, u2.im, hn::Mul(s1, u1.im))};
    const Cv<R> n2 = {hn::NegMulAdd(s1, u2.re, hn::Mul(s2, u1.re)),
                      hn::NegMulAdd(s1, u2.im, hn::Mul(s2, u1.im))};
    v[0] = v[0] + t1 + t2;
    v[1] = m1 + n1;
    v[2] = m2 + n2;
    v[3] = m2 - n2;
    v[4] = m1 - n1;
  } else {
    static_assert(kRadix == 8, "no butterfly for this radix");
    Cv<R> even[4] = {v[0], v[2], v[4], v[6]}, odd[4] = {v[1], v[3], v[5], v[7]};
    Butterfly<R, 4>(even);
    Butterfly<R, 4>(odd);
    const Vec<R> h = Constant<R>(0.707106781186547524400844362104849039);
    // odd[1] *= (1 - i) / sqrt 2, odd[2] *= -i, odd[3] *= (-1 - i) / sqrt 2
    odd[1] = {hn::Mul(h, hn::Add(odd[1].re, odd[1].im)), hn::Mul(h, hn::Sub(odd[1].im, odd[1].re))};
    odd[2] = TimesMinusI<R>(odd[2]);
    odd[3] = {hn::Mul(h, hn::Sub(odd[3].im, odd[3].re)),
              hn::Neg(hn::Mul(h, hn::Add(odd[3].re, odd[3].im)))};
    HWY_UNROLL(4)
    for (size_t j = 0; j < 4; ++j) {
      v[j] = even[j] + odd[j];
      v[j + 4] = even[j] - odd[j];
    }
  }
}

template <class R>
struct Planes {
  R* re;
  R* im;
};

// Complex numbers as tensors hold them. `sign` multiplies the imaginary parts, so that a forward
// transform between two conjugations is the inverse.
// `stride` lies between the rows of a block of columns. What lies `ahead` reals further on, if not
// 0, is fetched into the cache: it is touched soon, in an order that the CPU does not foresee.
template <class R>
struct Interleaved {
  R* data;
  R scale, sign;
  size_t stride;
  size_t ahead;
};

// Before one vector of complex numbers at p is read or written. Spread over a pass it is a tenth
// faster than all at once. Doubles, being rare, do without, for its size.
template <class R>
HWY_INLINE void FetchAhead(const R* p, size_t ahead) {
  if (sizeof(R) == 8 || ahead == 0) return;
  const uintptr_t at = reinterpret_cast<uintptr_t>(p) + ahead * sizeof(R);
  HWY_UNROLL(2)
  for (size_t i = 0; i < 2 * kLanes<R> * sizeof(R); i += 64) {
    __builtin_prefetch(reinterpret_cast<const void*>(at + i));
  }
}

// One vector of columns of one group, at x and y.
template <class R, size_t kRadix, bool kTwiddle>
HWY_INLINE void Column(size_t in_step, size_t out_step, const R* xr, const R* xi, R* yr, R* yi,
                       const Vec<R>* twiddles) {
  const Tag<R> d;
  Cv<R> v[kRadix];
  HWY_UNROLL(8)
  for (size_t j = 0; j < kRadix; ++j) {
    v[j] = {hn::LoadU(d, xr + j * in_step), hn::LoadU(d, xi + j * in_step)};
  }
  Butterfly<R, kRadix>(v);
  HWY_UNROLL(8)
  for (size_t j = 0; j < kRadix; ++j) {
    if (kTwiddle && j > 0) v[j] = Times<R>(v[j], twiddles[2 * j - 2], twiddles[2 * j - 1]);
    hn::StoreU(v[j].re, d, yr + j * out_step);
    hn::StoreU(v[j].im, d, yi + j * out_step);
  }
}

// One set of twiddles a group. A vector may reach past its s columns: it reads neighbours or
// padding, and spoils only what is written later (the odd piece goes first) or the padding.
template <class R, size_t kRadix, bool kTwiddle>
HWY_NOINLINE void WidePass(size_t s, size_t m, const R* tw, Planes<const R> x, Planes<R> y) {
  const Tag<R> d;
  const size_t lanes = hn::Lanes(d);
  const size_t odd = s % lanes;
  for (size_t p = 0; p < m; ++p, tw += 2 * (kRadix - 1)) {
    Vec<R> twiddles[2 * kRadix];
    if constexpr (kTwiddle) {
      HWY_UNROLL(16)
      for (size_t j = 0; j < 2 * (kRadix - 1); ++j) twiddles[j] = hn::Set(d, tw[j]);
    }
    const size_t from = s * p, to = s * kRadix * p;
    size_t q = odd != 0 ? s - odd : 0, next = odd != 0 ? 0 : lanes;
    do {
      Column<R, kRadix, kTwiddle>(s * m, s, x.re + from + q, x.im + from + q, y.re + to + q,
                                  y.im + to + q, twiddles);
      q = next;
      next += lanes;
    } while (next <= s);
  }
}

// The first pass of a contiguous row: vectors run over the groups, and their squares are
// transposed on the way out. Reads `in` if it is given (m is at least a vector then), else x.
template <class R, size_t kRadix>
HWY_NOINLINE void FirstPass(const FftPass& pass, const R* twiddles, const Interleaved<R>* in,
                            Planes<const R> x, Planes<R> y) {
  const Tag<R> d;
  const size_t lanes = hn::Lanes(d);
  const size_t m = pass.count, flat = pass.FlatSize();
  const Vec<R> sign = hn::Set(d, in != nullptr ? in->sign : R(1));
  for (size_t i = 0; i < m; i += lanes) {
    const size_t p = m < lanes ? 0 : HWY_MIN(i, m - lanes);
    Cv<R> v[kRadix];
    HWY_UNROLL(8)
    for (size_t j = 0; j < kRadix; ++j) {
      const size_t at = p + m * j;
      if (in != nullptr) {
        FetchAhead(in->data + 2 * at, in->ahead);
        hn::LoadInterleaved2(d, in->data + 2 * at, v[j].re, v[j].im);
        v[j].im = hn::Mul(v[j].im, sign);
      } else {
        v[j] = {hn::LoadU(d, x.re + at), hn::LoadU(d, x.im + at)};
      }
    }
    Butterfly<R, kRadix>(v);
    Vec<R> part[kRadix], turned[kRadix];
    HWY_UNROLL(8)
    for (size_t j = 1; j < kRadix; ++j) {
      const R* t = twiddles + pass.flat + (j - 1) * 2 * flat + p;
      v[j] = Times<R>(v[j], hn::LoadU(d, t), hn::LoadU(d, t + flat));
    }
    for (R* to : {y.re, y.im}) {
      HWY_UNROLL(8)
      for (size_t j = 0; j < kRadix; ++j) part[j] = to == y.re ? v[j].re : v[j].im;
      Turn<R, kRadix>(part, turned);
      HWY_UNROLL(8)
      for (size_t j = 0; j < kRadix; ++j) hn::StoreU(turned[j], d, to + kRadix * p + lanes * j);
    }
  }
}

// A stride of half a vector: two groups a vector, at least two groups, an even radix.
template <class R, size_t kRadix>
HWY_NOINLINE void HalfPass(const FftPass& pass, const R* twiddles, Planes<const R> x, Planes<R> y) {
  const Tag<R> d;
  const size_t lanes = hn::Lanes(d);
  const size_t s = pass.stride, size = s * pass.count, flat = pass.FlatSize();
  for (size_t start = 0; start < size; start += lanes) {
    const size_t i = HWY_MIN(start, size - lanes);
    Cv<R> v[kRadix];
    HWY_UNROLL(8)
    for (size_t j = 0; j < kRadix; ++j) {
      v[j] = {hn::LoadU(d, x.re + i + j * size), hn::LoadU(d, x.im + i + j * size)};
    }
    Butterfly<R, kRadix>(v);
    HWY_UNROLL(8)
    for (size_t j = 1; j < kRadix; ++j) {
      const R* t = twiddles + pass.flat + (j - 1) * 2 * flat + i;
      v[j] = Times<R>(v[j], hn::LoadU(d, t), hn::LoadU(d, t + flat));
    }
    HWY_UNROLL(4)
    for (size_t j = 0; j < kRadix; j += 2) {
      const size_t low = kRadix * i + s * j, high = low + s * kRadix;
      hn::StoreU(hn::ConcatLowerLower(d, v[j + 1].re, v[j].re), d, y.re + low);
      hn::StoreU(hn::ConcatLowerLower(d, v[j + 1].im, v[j].im), d, y.im + low);
      hn::StoreU(hn::ConcatUpperUpper(d, v[j + 1].re, v[j].re), d, y.re + high);
      hn::StoreU(hn::ConcatUpperUpper(d, v[j + 1].im, v[j].im), d, y.im + high);
    }
  }
}

// The first pass of blocks of `columns` columns side by side, whole vectors, from a tensor; each
// block has its own planes.
template <class R, size_t kRadix>
HWY_NOINLINE void FirstColumns(size_t columns, size_t blocks, size_t m, const R* tw,
                               const Interleaved<R>& in, const Planes<R>* y) {
  const Tag<R> d;
  const Vec<R> sign = hn::Set(d, in.sign);
  for (size_t p = 0; p < m; ++p, tw += 2 * (kRadix - 1)) {
    const R* row = in.data + 2 * p * in.stride;
    for (size_t b = 0; b < blocks; ++b) {
      const size_t to = columns * kRadix * p;
      for (size_t q = 0; q < columns; q += kLanes<R>, row += 2 * kLanes<R>) {
        Cv<R> v[kRadix];
        HWY_UNROLL(8)
        for (size_t j = 0; j < kRadix; ++j) {
          const R* const from = row + 2 * m * j * in.stride;
          FetchAhead(from, in.ahead);
          hn::LoadInterleaved2(d, from, v[j].re, v[j].im);
          v[j].im = hn::Mul(v[j].im, sign);
        }
        Butterfly<R, kRadix>(v);
        HWY_UNROLL(8)
        for (size_t j = 0; j < kRadix; ++j) {
          if (j > 0) v[j] = Times<R>(v[j], hn::Set(d, tw[2 * j - 2]), hn::Set(d, tw[2 * j - 1]));
          hn::StoreU(v[j].re, d, y[b].re + to + q + columns * j);
          hn::StoreU(v[j].im, d, y[b].im + to + q + columns * j);
        }
      }
    }
  }
}

// The last pass of such blocks, with `rows` rows of `columns` numbers, whole vectors, to each of
// kRadix parts of the result; rows `stride` apart go to a tensor.
template <class R, size_t kRadix>
HWY_NOINLINE void LastPass(size_t rows, size_t columns, size_t blocks, size_t stride,
                           const Planes<R>* x, const Interleaved<R>& out) {
  const Tag<R> d;
  const Vec<R> re = hn::Set(d, out.scale), im = hn::Set(d, out.scale * out.sign);
  for (size_t t = 0; t < rows; ++t) {
    R* row = out.data + 2 * t * stride;
    for (size_t b = 0; b < blocks; ++b) {
      for (size_t q = 0; q < columns; q += kLanes<R>, row += 2 * kLanes<R>) {
        Cv<R> v[kRadix];
        HWY_UNROLL(8)
        for (size_t j = 0; j < kRadix; ++j) {
          const size_t at = (t + rows * j) * columns + q;
          v[j] = {hn::LoadU(d, x[b].re + at), hn::LoadU(d, x[b].im + at)};
        }
        Butterfly<R, kRadix>(v);
        HWY_UNROLL(8)
        for (size_t j = 0; j < kRadix; ++j) {
          R* const to = row + 2 * rows * j * stride;
          FetchAhead<R>(to, out.ahead);
          hn::StoreInterleaved2(hn::Mul(v[j].re, re), hn::Mul(v[j].im, im), d, to);
        }
      }
    }
  }
}

// Any odd radix, by the sums over pairs j, r - j; columns q of group p.
template <class R>
HWY_NOINLINE void GenericPass(const FftPass& pass, size_t s, const R* twiddles, Planes<const R> x,
                              Planes<R> y) {
  const Tag<R> d;
  const size_t lanes = hn::Lanes(d);
  const size_t r = pass.radix, half = r / 2, m = pass.count;
  const R* roots = twiddles + pass.roots;
  for (size_t p = 0; p < m; ++p) {
    const R* tw = twiddles + pass.compact + 2 * (r - 1) * p;
    for (size_t q = 0; q < s; q += lanes) {
      const size_t width = HWY_MIN(lanes, s - q);
      const size_t from = q + s * p, to = q + s * r * p;
      Cv<R> sum[kMaxRadix / 2 + 1], diff[kMaxRadix / 2 + 1];
      const Cv<R> first = {hn::LoadN(d, x.re + from, width), hn::LoadN(d, x.im + from, width)};
      Cv<R> total = first;
      for (size_t k = 1; k <= half; ++k) {
        const size_t lo = from + s * m * k, hi = from + s * m * (r - k);
        const Cv<R> a = {hn::LoadN(d, x.re + lo, width), hn::LoadN(d, x.im + lo, width)};
        const Cv<R> b = {hn::LoadN(d, x.re + hi, width), hn::LoadN(d, x.im + hi, width)};
        sum[k] = a + b;
        diff[k] = a - b;
        total = total + sum[k];
      }
      hn::StoreN(total.re, d, y.re + to, width);
      hn::StoreN(total.im, d, y.im + to, width);
      for (size_t j = 1; j <= half; ++j) {
        Cv<R> even = first, odd = {hn::Zero(d), hn::Zero(d)};
        size_t index = 0;
        for (size_t k = 1; k <= half; ++k) {
          index += j;
          if (index >= r) index -= r;
          even = AddScaled<R>(even, hn::Set(d, roots[2 * index]), sum[k]);
          odd = AddScaled<R>(odd, hn::Set(d, roots[2 * index + 1]), diff[k]);
        }
        // exp(-i t) a + exp(i t) b = cos t (a + b) - i sin t (a - b), and odd holds -sin t.
        const Cv<R> turned = {hn::Neg(odd.im), odd.re};
        const Cv<R> one =
            Times<R>(even + turned, hn::Set(d, tw[2 * j - 2]), hn::Set(d, tw[2 * j - 1]));
        const size_t i = r - j;
        const Cv<R> other =
            Times<R>(even - turned, hn::Set(d, tw[2 * i - 2]), hn::Set(d, tw[2 * i - 1]));
        hn::StoreN(one.re, d, y.re + to + s * j, width);
        hn::StoreN(one.im, d, y.im + to + s * j, width);
        hn::StoreN(other.re, d, y.re + to + s * i, width);
        hn::StoreN(other.im, d, y.im + to + s * i, width);
      }
    }
  }
}

// Whether the first pass can read the tensor, and the last one write to it.
template <class R>
bool ReadsTensor(const FftPlan<R>& plan, size_t columns) {
  if (plan.passes.size() < 2) return false;
  const FftPass& first = plan.passes.front();
  if (first.radix != 4 && first.radix != 8) return false;
  return columns == 1 ? first.count >= kLanes<R> : columns % kLanes<R> == 0;
}
template <class R>
bool WritesTensor(const FftPlan<R>& plan, size_t columns) {
  if (plan.passes.size() < 2) return false;
  const FftPass& last = plan.passes.back();
  if (last.radix != 4 && last.radix != 8) return false;
  return (columns == 1 ? last.stride : columns) % kLanes<R> == 0;
}

template <class R, size_t kRadix>
HWY_INLINE void RunPass(const FftPass& pass, size_t columns, const R* twiddles, Planes<const R> x,
                        Planes<R> y) {
  const size_t s = pass.stride * columns;
  if constexpr (kRadix == 4 || kRadix == 8) {
    if (s == 1 && pass.count > 1) return FirstPass<R, kRadix>(pass, twiddles, nullptr, x, y);
  }
  if constexpr (kRadix % 2 == 0 && kLanes<R> == 2 * kHalfStride) {
    if (columns == 1 && s == kHalfStride && pass.count > 1) {
      return HalfPass<R, kRadix>(pass, twiddles, x, y);
    }
  }
  if (pass.count == 1) {
    WidePass<R, kRadix, false>(s, 1, twiddles, x, y);
  } else {
    WidePass<R, kRadix, true>(s, pass.count, twiddles + pass.compact, x, y);
  }
}

// A pass from planes to planes.
template <class R>
HWY_INLINE void AnyPass(const FftPass& pass, size_t columns, const R* twiddles, Planes<const R> x,
                        Planes<R> y) {
  switch (pass.radix) {
    case 2:
      return RunPass<R, 2>(pass, columns, twiddles, x, y);
    case 3:
      return RunPass<R, 3>(pass, columns, twiddles, x, y);
    case 4:
      return RunPass<R, 4>(pass, columns, twiddles, x, y);
    case 5:
      return RunPass<R, 5>(pass, columns, twiddles, x, y);
    case 8:
      return RunPass<R, 8>(pass, columns, twiddles, x, y);
    default:
      return GenericPass<R>(pass, pass.stride * columns, twiddles, x, y);
  }
}

// The first pass from a tensor, the last one to it: see ReadsTensor and WritesTensor.
template <class R, size_t kRadix>
HWY_INLINE void ReadPass(const FftPass& pass, size_t columns, size_t blocks, const R* twiddles,
                         const Interleaved<R>& in, const Planes<R>* y) {
  if (columns == 1) return FirstPass<R, kRadix>(pass, twiddles, &in, {nullptr, nullptr}, *y);
  FirstColumns<R, kRadix>(columns, blocks, pass.count, twiddles + pass.compact, in, y);
}
template <class R, size_t kRadix>
HWY_INLINE void WritePass(const FftPass& pass, size_t columns, size_t blocks, const Planes<R>* x,
                          const Interleaved<R>& out) {
  const bool row = columns == 1;
  LastPass<R, kRadix>(row ? 1 : pass.stride, row ? pass.stride : columns, blocks,
                      row ? pass.stride : out.stride, x, out);
}

// Transforms `blocks` blocks of `columns` interleaved columns, each held in its planes; behind
// these lie spare ones. The results are in their places on return: pointers are exchanged as
// needed. The columns may come from `in` and go to `out`, the blocks side by side.
template <class R>
HWY_NOINLINE void RunPasses(const FftPlan<R>& plan, size_t columns, size_t blocks,
                            const Interleaved<R>* in, const Interleaved<R>* out,
                            Planes<R>* planes) {
  const R* tw = plan.twiddles.data();
  const FftPass* first = plan.passes.data();
  const FftPass* last = first + plan.passes.size();
  if (in != nullptr && first->radix == 8) {
    ReadPass<R, 8>(*first++, columns, blocks, tw, *in, planes);
  } else if (in != nullptr) {
    ReadPass<R, 4>(*first++, columns, blocks, tw, *in, planes);
  }
  if (out != nullptr) --last;
  Planes<R>& spare = planes[blocks];
  for (size_t b = 0; b < blocks; ++b) {
    for (const FftPass* pass = first; pass != last; ++pass) {
      AnyPass<R>(*pass, columns, tw, {planes[b].re, planes[b].im}, spare);
      std::swap(planes[b], spare);
    }
  }
  if (out != nullptr && last->radix == 8) {
    WritePass<R, 8>(*last, columns, blocks, planes, *out);
  } else if (out != nullptr) {
    WritePass<R, 4>(*last, columns, blocks, planes, *out);
  }
}

// a[k, q] *= t[k], k < n
template <class R>
HWY_NOINLINE void MultiplyTable(size_t n, size_t columns, const R* table, size_t table_size,
                                Planes<R> a) {
  const Tag<R> d;
  const size_t lanes = hn::Lanes(d);
  const size_t rows = columns == 1 ? 1 : n;
  const size_t width = columns == 1 ? n : columns;
  for (size_t k = 0; k < rows; ++k) {
    for (size_t q = 0; q < width; q += lanes) {
      const size_t w = HWY_MIN(lanes, width - q);
      const size_t i = k * columns + q;
      const Vec<R> re = columns == 1 ? hn::LoadN(d, table + q, w) : hn::Set(d, table[k]);
      const Vec<R> im = columns == 1 ? hn::LoadN(d, table + table_size + q, w)
                                     : hn::Set(d, table[table_size + k]);
      const Cv<R> v = Times<R>({hn::LoadN(d, a.re + i, w), hn::LoadN(d, a.im + i, w)}, re, im);
      hn::StoreN(v.re, d, a.re + i, w);
      hn::StoreN(v.im, d, a.im + i, w);
    }
  }
}

// Bluestein's convolution (1970).
template <class R>
HWY_NOINLINE void Convolve(const FftPlan<R>& plan, size_t columns, Planes<R>* planes) {
  const FftPlan<R>& inner = *plan.convolution;
  const size_t used = plan.core * columns, all = inner.n * columns;
  const auto swap = [planes] {  // exchanging real and imaginary parts makes the inverse
    for (size_t i = 0; i < 2; ++i) std::swap(planes[i].re, planes[i].im);
  };
  MultiplyTable<R>(plan.core, columns, plan.chirp.data(), plan.core, *planes);
  std::memset(planes->re + used, 0, (all - used) * sizeof(R));
  std::memset(planes->im + used, 0, (all - used) * sizeof(R));
  RunPasses<R>(inner, columns, 1, nullptr, nullptr, planes);
  MultiplyTable<R>(inner.n, columns, plan.kernel.data(), inner.n, *planes);
  swap();
  RunPasses<R>(inner, columns, 1, nullptr, nullptr, planes);
  swap();
  MultiplyTable<R>(plan.core, columns, plan.chirp.data(), plan.core, *planes);
}

// The forward transform of length plan.core, as RunPasses; with a convolution it has one block and
// no `in` or `out`.
template <class R>
HWY_INLINE void Transform(const FftPlan<R>& plan, size_t columns, size_t blocks,
                          const Interleaved<R>* in, const Interleaved<R>* out, Planes<R>* planes) {
  if (!plan.convolution) {
    RunPasses<R>(plan, columns, blocks, in, out, planes);
  } else {
    Convolve<R>(plan, columns, planes);
  }
}

}  // namespace opkit::signal::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target guard

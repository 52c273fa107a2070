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
#include <cstring>
#include <utility>

#include "hwy/highway.h"
#include "ops/signal/fft_plan.h"

HWY_BEFORE_NAMESPACE();
namespace opkit::signal::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

template <class R>
using Tag = hn::ScalableTag<R>;
template <class R>
using Vec = hn::Vec<Tag<R>>;
template <class R>
constexpr size_t kLanes = hn::MaxLanes(Tag<R>());

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

// One vector of columns q.. of group p, or `width` < lanes of it.
template <class R, size_t kRadix, bool kTwiddle, bool kPartial>
HWY_INLINE void Column(size_t width, size_t in_step, size_t out_step, Planes<const R> x,
                       Planes<R> y, const Vec<R>* twiddles) {
  const Tag<R> d;
  Cv<R> v[kRadix];
  HWY_UNROLL(8)
  for (size_t j = 0; j < kRadix; ++j) {
    if constexpr (kPartial) {
      v[j] = {hn::LoadN(d, x.re + j * in_step, width), hn::LoadN(d, x.im + j * in_step, width)};
    } else {
      v[j] = {hn::LoadU(d, x.re + j * in_step), hn::LoadU(d, x.im + j * in_step)};
    }
  }
  Butterfly<R, kRadix>(v);
  HWY_UNROLL(8)
  for (size_t j = 0; j < kRadix; ++j) {
    if (kTwiddle && j > 0) v[j] = Times<R>(v[j], twiddles[2 * j - 2], twiddles[2 * j - 1]);
    if constexpr (kPartial) {
      hn::StoreN(v[j].re, d, y.re + j * out_step, width);
      hn::StoreN(v[j].im, d, y.im + j * out_step, width);
    } else {
      hn::StoreU(v[j].re, d, y.re + j * out_step);
      hn::StoreU(v[j].im, d, y.im + j * out_step);
    }
  }
}

// Strides of at least a vector: one set of twiddles a group.
template <class R, size_t kRadix, bool kTwiddle>
HWY_NOINLINE void WidePass(size_t s, size_t m, const R* tw, Planes<const R> x, Planes<R> y) {
  const Tag<R> d;
  const size_t lanes = hn::Lanes(d);
  for (size_t p = 0; p < m; ++p, tw += 2 * (kRadix - 1)) {
    Vec<R> twiddles[2 * kRadix];
    if constexpr (kTwiddle) {
      HWY_UNROLL(16)
      for (size_t j = 0; j < 2 * (kRadix - 1); ++j) twiddles[j] = hn::Set(d, tw[j]);
    }
    const Planes<const R> from{x.re + s * p, x.im + s * p};
    const Planes<R> to{y.re + s * kRadix * p, y.im + s * kRadix * p};
    size_t q = 0;
    for (; q + lanes <= s; q += lanes) {
      Column<R, kRadix, kTwiddle, false>(lanes, s * m, s, {from.re + q, from.im + q},
                                         {to.re + q, to.im + q}, twiddles);
    }
    if (q < s) {
      Column<R, kRadix, kTwiddle, true>(s - q, s * m, s, {from.re + q, from.im + q},
                                        {to.re + q, to.im + q}, twiddles);
    }
  }
}

// Scatters lane e of vectors v[0..radix) to y[q + s (r p + j)] with q + s p = i + e.
template <class R, size_t kRadix, size_t kRun>
HWY_INLINE void StoreRuns(size_t i, size_t count, size_t s, const R* HWY_RESTRICT v, R* y) {
  size_t q = i % s;
  R* to = y + q + s * kRadix * (i / s);
  for (size_t e = 0; e < count;) {
    const size_t run = kRun != 0 ? kRun : HWY_MIN(s - q, count - e);
    HWY_UNROLL(8)
    for (size_t j = 0; j < kRadix; ++j) {
      if constexpr (kRun != 0) {
        std::memcpy(to + s * j, v + j * kLanes<R> + e, kRun * sizeof(R));
      } else {
        for (size_t k = 0; k < run; ++k) to[s * j + k] = v[j * kLanes<R> + e + k];
      }
    }
    e += run;
    to += s * kRadix - q;  // the next group starts at its first column
    q = 0;
  }
}

template <class R, size_t kRadix>
HWY_INLINE void StoreFlat(size_t i, size_t count, size_t s, const Vec<R>* v, R* y) {
  const Tag<R> d;
  if constexpr (kRadix == 4) {
    if (s == 1 && count == kLanes<R>) {
      hn::StoreInterleaved4(v[0], v[1], v[2], v[3], d, y + 4 * i);
      return;
    }
  }
  if constexpr (kRadix == 2) {
    if (s == 1 && count == kLanes<R>) {
      hn::StoreInterleaved2(v[0], v[1], d, y + 2 * i);
      return;
    }
  }
  HWY_ALIGN R buffer[kRadix * kLanes<R>];
  HWY_UNROLL(8)
  for (size_t j = 0; j < kRadix; ++j) hn::Store(v[j], d, buffer + j * kLanes<R>);
  if (s == 1) {
    StoreRuns<R, kRadix, 1>(i, count, s, buffer, y);
  } else if (s == 2 && count % 2 == 0) {
    StoreRuns<R, kRadix, 2>(i, count, s, buffer, y);
  } else if (s == 4 && count % 4 == 0) {
    StoreRuns<R, kRadix, 4>(i, count, s, buffer, y);
  } else if (s == 8 && count % 8 == 0) {
    StoreRuns<R, kRadix, 8>(i, count, s, buffer, y);
  } else {
    StoreRuns<R, kRadix, 0>(i, count, s, buffer, y);
  }
}

// Strides below a vector: vectors run over (p, q) together, with twiddles per element.
template <class R, size_t kRadix>
HWY_NOINLINE void FlatPass(const FftPass& pass, const R* twiddles, Planes<const R> x, Planes<R> y) {
  const Tag<R> d;
  const size_t lanes = hn::Lanes(d);
  const size_t size = pass.stride * pass.count, flat = pass.FlatSize();
  const R* tw = twiddles + pass.flat;
  for (size_t i = 0; i < size; i += lanes) {
    const size_t count = HWY_MIN(lanes, size - i);
    Cv<R> v[kRadix];
    if (count == lanes) {
      HWY_UNROLL(8)
      for (size_t j = 0; j < kRadix; ++j) {
        v[j] = {hn::LoadU(d, x.re + i + j * size), hn::LoadU(d, x.im + i + j * size)};
      }
    } else {
      HWY_UNROLL(8)
      for (size_t j = 0; j < kRadix; ++j) {
        v[j] = {hn::LoadN(d, x.re + i + j * size, count), hn::LoadN(d, x.im + i + j * size, count)};
      }
    }
    Butterfly<R, kRadix>(v);
    Vec<R> re[kRadix], im[kRadix];
    re[0] = v[0].re;
    im[0] = v[0].im;
    HWY_UNROLL(8)
    for (size_t j = 1; j < kRadix; ++j) {
      const R* t = tw + (j - 1) * 2 * flat + i;
      v[j] = Times<R>(v[j], hn::LoadU(d, t), hn::LoadU(d, t + flat));
      re[j] = v[j].re;
      im[j] = v[j].im;
    }
    StoreFlat<R, kRadix>(i, count, pass.stride, re, y.re);
    StoreFlat<R, kRadix>(i, count, pass.stride, im, y.im);
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

template <class R, size_t kRadix>
HWY_INLINE void RunPass(const FftPass& pass, size_t columns, const R* twiddles, Planes<const R> x,
                        Planes<R> y) {
  if (columns == 1 && 2 * pass.stride <= kLanes<R>) {
    FlatPass<R, kRadix>(pass, twiddles, x, y);
  } else if (pass.count == 1) {
    WidePass<R, kRadix, false>(pass.stride * columns, 1, twiddles, x, y);
  } else {
    WidePass<R, kRadix, true>(pass.stride * columns, pass.count, twiddles + pass.compact, x, y);
  }
}

// Transforms `columns` interleaved columns held in a; b is as large. The result is in *a on
// return: the pointers are exchanged as needed.
template <class R>
HWY_INLINE void RunPasses(const FftPlan<R>& plan, size_t columns, Planes<R>* a, Planes<R>* b) {
  const R* tw = plan.twiddles.data();
  for (const FftPass& pass : plan.passes) {
    const Planes<const R> x{a->re, a->im};
    switch (pass.radix) {
      case 2:
        RunPass<R, 2>(pass, columns, tw, x, *b);
        break;
      case 3:
        RunPass<R, 3>(pass, columns, tw, x, *b);
        break;
      case 4:
        RunPass<R, 4>(pass, columns, tw, x, *b);
        break;
      case 5:
        RunPass<R, 5>(pass, columns, tw, x, *b);
        break;
      case 8:
        RunPass<R, 8>(pass, columns, tw, x, *b);
        break;
      default:
        GenericPass<R>(pass, pass.stride * columns, tw, x, *b);
    }
    std::swap(*a, *b);
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

// The forward transform of length plan.core; exchanging the planes makes it the inverse.
template <class R>
HWY_NOINLINE void Transform(const FftPlan<R>& plan, size_t columns, Planes<R>* a, Planes<R>* b) {
  if (!plan.convolution) {
    RunPasses<R>(plan, columns, a, b);
    return;
  }
  const FftPlan<R>& inner = *plan.convolution;
  const size_t used = plan.core * columns, all = inner.n * columns;
  MultiplyTable<R>(plan.core, columns, plan.chirp.data(), plan.core, *a);
  std::memset(a->re + used, 0, (all - used) * sizeof(R));
  std::memset(a->im + used, 0, (all - used) * sizeof(R));
  RunPasses<R>(inner, columns, a, b);
  MultiplyTable<R>(inner.n, columns, plan.kernel.data(), inner.n, *a);
  std::swap(a->re, a->im);
  std::swap(b->re, b->im);
  RunPasses<R>(inner, columns, a, b);
  std::swap(a->re, a->im);
  std::swap(b->re, b->im);
  MultiplyTable<R>(plan.core, columns, plan.chirp.data(), plan.core, *a);
}

}  // namespace opkit::signal::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target guard

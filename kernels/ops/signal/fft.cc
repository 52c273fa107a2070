// FFT, IFFT, RFFT, IRFFT and their 2D and 3D forms: the last axis by rows, the others by blocks of
// columns. Conventions as in TF: forward unscaled, inverse divided by the number of elements;
// fft_length may crop the input but not exceed it.
#include <algorithm>
#include <memory>

#include "opkit/op.h"
#include "ops/signal/fft_kernels.h"

namespace opkit::signal {
namespace {

// Plans of the last three axes, remade when a length changes.
struct Plans {
  std::unique_ptr<FftPlan<float>> f[3];
  std::unique_ptr<FftPlan<double>> d[3];
};

template <class R>
const FftPlan<R>& PlanFor(Plans& plans, int axis, size_t n, bool real) {
  std::unique_ptr<FftPlan<R>>* slot;
  if constexpr (sizeof(R) == 4) {
    slot = plans.f + axis;
  } else {
    slot = plans.d + axis;
  }
  if (*slot == nullptr || (*slot)->n != n) *slot = MakeFftPlan<R>(n, real);
  return **slot;
}

// Sizes of the last three axes (1 where the transform has fewer), and what precedes them.
struct Layout {
  size_t batch = 1;
  size_t in[3] = {1, 1, 1};   // as stored
  size_t out[3] = {1, 1, 1};  // as stored; the last one differs from length for real transforms
  size_t length[3] = {1, 1, 1};
};

// Splits [0, n) over threads, each with its own piece of scratch.
template <class R, class F>
void Parallel(OpContext& ctx, size_t n, double work_each, size_t scratch_reals, const F& fn) {
  constexpr double kWorkPerThread = 30000;
  const double useful = std::max(1.0, static_cast<double>(n) * work_each / kWorkPerThread);
  size_t workers = std::min<size_t>(static_cast<size_t>(ctx.threads()), n);
  if (useful < static_cast<double>(workers)) workers = static_cast<size_t>(useful);
  const size_t stride = (scratch_reals + 15) / 16 * 16 + 16;
  R* scratch = ctx.ScratchOf<R>(static_cast<int64_t>(stride * workers));
  ctx.ParallelFor(static_cast<int64_t>(workers), 1, [&](int64_t first, int64_t last) {
    for (size_t w = static_cast<size_t>(first); w < static_cast<size_t>(last); ++w) {
      fn(n * w / workers, n * (w + 1) / workers, scratch + stride * w);
    }
  });
}

double WorkOf(size_t n) {
  double levels = 4;
  for (size_t k = n; k > 1; k /= 2) levels += 1;
  return static_cast<double>(n) * levels;
}

// The last axis. from and to are indexed by [batch, axis 0, axis 1] with their own extents.
template <class R>
void RowAxis(OpContext& ctx, RowKind kind, const FftPlan<R>& plan, bool inverse, R scale,
             size_t batch, const size_t* lines, const size_t* from_lines, const R* in,
             size_t in_stride, R* out, size_t out_stride) {
  const size_t in_parts = kind == RowKind::kRealToComplex ? 1 : 2;
  const size_t out_parts = kind == RowKind::kComplexToReal ? 1 : 2;
  const size_t rows = batch * lines[0] * lines[1];
  Parallel<R>(ctx, rows, WorkOf(plan.n), RowScratchReals(plan),
              [&](size_t begin, size_t end, R* scratch) {
                const bool dense = lines[0] == from_lines[0] && lines[1] == from_lines[1];
                if (dense) {
                  TransformRows<R>(kind, plan, inverse, scale, rows, end - begin,
                                   in + begin * in_stride * in_parts, in_stride,
                                   out + begin * out_stride * out_parts, out_stride, scratch);
                  return;
                }
                for (size_t row = begin; row < end;) {
                  const size_t i1 = row % lines[1], i0 = row / lines[1] % lines[0];
                  const size_t b = row / lines[1] / lines[0];
                  const size_t run = std::min(lines[1] - i1, end - row);
                  const size_t source = (b * from_lines[0] + i0) * from_lines[1] + i1;
                  TransformRows<R>(kind, plan, inverse, scale, lines[1], run,
                                   in + source * in_stride * in_parts, in_stride,
                                   out + row * out_stride * out_parts, out_stride, scratch);
                  row += run;
                }
              });
}

// An axis of length plan.n with `inner` complex columns behind it, in `outer` planes. Plane o of
// the input starts at in_plane(o) elements; the output is contiguous.
template <class R, class F>
void ColumnAxis(OpContext& ctx, const FftPlan<R>& plan, bool inverse, R scale, size_t outer,
                size_t inner, const R* in, size_t in_stride, const F& in_plane, R* out) {
  const size_t block = ColumnBlock(plan.n);
  const size_t each = outer * inner / (block * static_cast<size_t>(ctx.threads()));
  const size_t blocks = std::clamp(each, size_t{1}, ColumnBlocks(plan));
  const size_t width = block * blocks, pieces = (inner + width - 1) / width;
  Parallel<R>(ctx, outer * pieces, WorkOf(plan.n) * static_cast<double>(width),
              ColumnScratchReals(plan, blocks), [&](size_t begin, size_t end, R* scratch) {
                for (size_t i = begin; i < end; ++i) {
                  const size_t o = i / pieces, first = i % pieces * width;
                  const size_t w = std::min(width, inner - first);
                  TransformColumns<R>(plan, inverse, scale, w, in + 2 * (in_plane(o) + first),
                                      in_stride, out + 2 * (o * plan.n * inner + first), inner,
                                      scratch);
                }
              });
}

// Rows first, then the columns in place.
template <class R>
void Forward(OpContext& ctx, Plans& plans, int rank, RowKind kind, bool inverse, R scale,
             const Layout& t, const R* in, R* out) {
  const bool real = kind == RowKind::kRealToComplex;
  RowAxis<R>(ctx, kind, PlanFor<R>(plans, 2, t.length[2], real), inverse, rank == 1 ? scale : R(1),
             t.batch, t.length, t.in, in, t.in[2], out, t.out[2]);
  for (int axis = 1; axis > 2 - rank; --axis) {
    const size_t outer = axis == 1 ? t.batch * t.length[0] : t.batch;
    const size_t inner = axis == 1 ? t.out[2] : t.length[1] * t.out[2];
    const size_t plane = t.length[axis] * inner;
    ColumnAxis<R>(
        ctx, PlanFor<R>(plans, axis, t.length[axis], false), inverse,
        axis == 3 - rank ? scale : R(1), outer, inner, out, inner,
        [plane](size_t o) { return o * plane; }, out);
  }
}

// Complex to real: the columns first, into scratch, then the rows.
template <class R>
void Backward(OpContext& ctx, Plans& plans, int rank, R scale, const Layout& t, const R* in,
              R* out) {
  const size_t width = t.length[2] / 2 + 1;
  const FftPlan<R>& last = PlanFor<R>(plans, 2, t.length[2], true);
  if (rank == 1) {
    RowAxis<R>(ctx, RowKind::kComplexToReal, last, true, scale, t.batch, t.length, t.in, in,
               t.in[2], out, t.out[2]);
    return;
  }
  const size_t half = t.batch * t.length[0] * t.length[1] * width;
  R* middle = ctx.ScratchOf<R>(static_cast<int64_t>(2 * half), 1);
  if (rank == 3) {
    // Planes are (batch, i1): the columns of one i1 are `width` wide and in[1] * in[2] apart.
    const FftPlan<R>& plan = PlanFor<R>(plans, 0, t.length[0], false);
    for (size_t i1 = 0; i1 < t.length[1]; ++i1) {
      Parallel<R>(
          ctx, t.batch, WorkOf(plan.n) * static_cast<double>(width),
          ColumnScratchReals(plan, ColumnBlocks(plan)), [&](size_t begin, size_t end, R* scratch) {
            for (size_t b = begin; b < end; ++b) {
              TransformColumns<R>(
                  plan, true, R(1), width, in + 2 * (b * t.in[0] * t.in[1] + i1) * t.in[2],
                  t.in[1] * t.in[2], middle + 2 * (b * t.length[0] * t.length[1] + i1) * width,
                  t.length[1] * width, scratch);
            }
          });
    }
    in = middle;
  }
  const FftPlan<R>& plan = PlanFor<R>(plans, 1, t.length[1], false);
  const size_t in_plane = rank == 3 ? t.length[1] * width : t.in[1] * t.in[2];
  ColumnAxis<R>(
      ctx, plan, true, R(1), t.batch * t.length[0], width, in, rank == 3 ? width : t.in[2],
      [in_plane](size_t o) { return o * in_plane; }, middle);
  RowAxis<R>(ctx, RowKind::kComplexToReal, last, true, scale, t.batch, t.length, t.length, middle,
             width, out, t.out[2]);
}

template <int kRank>
Layout LayoutOf(const Shape& in, const Shape& out) {
  Layout t;
  const int lead = in.rank() - kRank;
  t.batch = static_cast<size_t>(in.size(0, lead));
  for (int i = 0; i < kRank; ++i) {
    t.in[3 - kRank + i] = static_cast<size_t>(in[lead + i]);
    t.out[3 - kRank + i] = static_cast<size_t>(out[lead + i]);
    t.length[3 - kRank + i] = static_cast<size_t>(out[lead + i]);
  }
  return t;
}

template <int kRank, bool kInverse>
Status RunComplex(OpContext& ctx) {
  const Shape& s = ctx.shape(0);
  if (s.size() == 0) return {};
  const Layout t = LayoutOf<kRank>(s, s);
  return ctx.Visit<Complex64, Complex128>(0, [&](auto tag) {
    using R = typename decltype(tag)::value_type;
    const R count = static_cast<R>(t.length[0] * t.length[1] * t.length[2]);
    Forward<R>(ctx, ctx.state<Plans>(), kRank, RowKind::kComplex, kInverse,
               kInverse ? R(1) / count : R(1), t, ctx.in<R>(0), ctx.out<R>(0));
    return Status();
  });
}

template <int kRank, bool kForward>
Status RealShape(OpContext& ctx) {
  const bool wide = ctx.dtype(0) == DType::kFloat64 || ctx.dtype(0) == DType::kComplex128;
  const DType out = kForward ? (wide ? DType::kComplex128 : DType::kComplex64)
                             : (wide ? DType::kFloat64 : DType::kFloat32);
  if (ctx.out_dtype(0) != out) {
    return Error("output is %s, want %s for an input of %s", DTypeName(ctx.out_dtype(0)),
                 DTypeName(out), DTypeName(ctx.dtype(0)));
  }
  const std::vector<int64_t> length = ctx.IntValues(1);
  const Shape& in = ctx.shape(0);
  const int lead = in.rank() - kRank;
  Shape s = in.slice(0, lead);
  for (int i = 0; i < kRank; ++i) {
    const int64_t n = length[static_cast<size_t>(i)];
    if (n < 0)
      return Error("fft_length[%d] must be >= 0, but got: %lld", i, static_cast<long long>(n));
    const bool last = i == kRank - 1;
    const int64_t needed = !kForward && last ? n / 2 + 1 : n;
    if (in[lead + i] != 0 && in[lead + i] < needed) {
      return Error("input dimension %d must have length of at least %lld but got: %lld", lead + i,
                   static_cast<long long>(needed), static_cast<long long>(in[lead + i]));
    }
    s.push_back(kForward && last && n != 0 ? n / 2 + 1 : n);
  }
  ctx.SetShape(0, s);
  return {};
}

template <int kRank, bool kForward>
Status RunReal(OpContext& ctx) {
  const Shape& in = ctx.shape(0);
  const Shape& out = ctx.out_shape(0);
  if (out.size() == 0) return {};
  const std::vector<int64_t> length = ctx.IntValues(1);
  Layout t = LayoutOf<kRank>(in, out);
  for (int i = 0; i < kRank; ++i) {
    t.length[3 - kRank + i] = static_cast<size_t>(length[static_cast<size_t>(i)]);
  }
  return ctx.Visit<float, double, Complex64, Complex128>(0, [&](auto tag) {
    using T = decltype(tag);
    using R = std::conditional_t<sizeof(T) == 4 || std::is_same_v<T, Complex64>, float, double>;
    if (in.size() == 0) {  // as for TF, an empty input passes; nothing to transform is zero
      std::fill_n(ctx.out<char>(0), static_cast<size_t>(out.size()) * DTypeSize(ctx.out_dtype(0)),
                  0);
      return Status();
    }
    Plans& plans = ctx.state<Plans>();
    if constexpr (kForward) {
      Forward<R>(ctx, plans, kRank, RowKind::kRealToComplex, false, R(1), t, ctx.in<R>(0),
                 ctx.out<R>(0));
    } else {
      const R count = static_cast<R>(t.length[0] * t.length[1] * t.length[2]);
      Backward<R>(ctx, plans, kRank, R(1) / count, t, ctx.in<R>(0), ctx.out<R>(0));
    }
    return Status();
  });
}

#define OPKIT_FFT_COMPLEX(name, rank, inverse, dims)                             \
  OPKIT_OP(name)                                                                 \
      .Signature("input: Tcomplex[..., " dims "] -> output: Tcomplex[..., " dims \
                 "]\n"                                                           \
                 "Tcomplex in {complex64, complex128}")                          \
      .State<Plans>()                                                            \
      .Run(RunComplex<rank, inverse>)

OPKIT_FFT_COMPLEX(FFT, 1, false, "n");
OPKIT_FFT_COMPLEX(IFFT, 1, true, "n");
OPKIT_FFT_COMPLEX(FFT2D, 2, false, "h, w");
OPKIT_FFT_COMPLEX(IFFT2D, 2, true, "h, w");
OPKIT_FFT_COMPLEX(FFT3D, 3, false, "d, h, w");
OPKIT_FFT_COMPLEX(IFFT3D, 3, true, "d, h, w");

#define OPKIT_FFT_REAL(name, rank, forward, from, to, dims)                                    \
  OPKIT_OP(name)                                                                               \
      .Signature("input: " from "[..., " dims "], fft_length: int32[" #rank "] -> output: " to \
                 "\n"                                                                          \
                 "Treal in {float32, float64}\n"                                               \
                 "Tcomplex in {complex64, complex128}")                                        \
      .State<Plans>()                                                                          \
      .Shape(RealShape<rank, forward>)                                                         \
      .ShapeFrom("fft_length")                                                                 \
      .Run(RunReal<rank, forward>)

OPKIT_FFT_REAL(RFFT, 1, true, "Treal", "Tcomplex", "n");
OPKIT_FFT_REAL(IRFFT, 1, false, "Tcomplex", "Treal", "n");
OPKIT_FFT_REAL(RFFT2D, 2, true, "Treal", "Tcomplex", "h, w");
OPKIT_FFT_REAL(IRFFT2D, 2, false, "Tcomplex", "Treal", "h, w");
OPKIT_FFT_REAL(RFFT3D, 3, true, "Treal", "Tcomplex", "d, h, w");
OPKIT_FFT_REAL(IRFFT3D, 3, false, "Tcomplex", "Treal", "d, h, w");

}  // namespace
}  // namespace opkit::signal

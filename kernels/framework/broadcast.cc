// Two inputs of different shapes as contiguous pieces of their broadcast.
#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "opkit/pointwise.h"

namespace opkit {
namespace {

// Two shapes against their broadcast, with neighbouring dimensions merged.
struct Plan {
  int rank = 0;  // at least 1
  int64_t dims[Shape::kMaxRank] = {};
  // Elements that a step along a dimension advances; 0 where the operand repeats.
  int64_t a[Shape::kMaxRank] = {};
  int64_t b[Shape::kMaxRank] = {};

  Plan(const Shape& out, const Shape& first, const Shape& second);
};

Plan::Plan(const Shape& out, const Shape& first, const Shape& second) {
  // Row-major strides of an operand, aligned to the right, 0 where it repeats.
  const auto strides = [&out](const Shape& s, int64_t* steps) {
    int64_t step = 1;
    for (int i = out.rank() - 1, k = s.rank() - 1; i >= 0; --i, --k) {
      const int64_t d = k >= 0 ? s[k] : 1;
      steps[i] = d == 1 ? 0 : step;
      step *= d;
    }
  };
  int64_t sa[Shape::kMaxRank] = {};
  int64_t sb[Shape::kMaxRank] = {};
  strides(first, sa);
  strides(second, sb);
  for (int i = 0; i < out.rank(); ++i) {
    if (out[i] == 1) continue;
    const int64_t d = out[i];
    // Merges with the dimension before when stepping that one equals d steps here.
    if (rank > 0 && a[rank - 1] == sa[i] * d && b[rank - 1] == sb[i] * d) {
      dims[rank - 1] *= d;
      a[rank - 1] = sa[i];
      b[rank - 1] = sb[i];
      continue;
    }
    dims[rank] = d;
    a[rank] = sa[i];
    b[rank] = sb[i];
    ++rank;
  }
  if (rank == 0) {
    dims[0] = 1;
    a[0] = b[0] = 1;
    rank = 1;
  }
}

// What is moved: only the size of an element matters, whatever its type.
template <size_t kSize>
struct Carrier;
template <>
struct Carrier<1> {
  using Type = unsigned char;
};
template <>
struct Carrier<2> {
  typedef uint16_t __attribute__((may_alias)) Type;
};
template <>
struct Carrier<4> {
  typedef uint32_t __attribute__((may_alias)) Type;
};
template <>
struct Carrier<8> {
  typedef uint64_t __attribute__((may_alias)) Type;
};
template <>
struct Carrier<16> {
  struct __attribute__((may_alias)) Type {
    uint64_t halves[2];
  };
};

constexpr int64_t kBlock = 1024;   // elements of a scratch block
constexpr int64_t kShortRow = 64;  // shorter rows are gathered into blocks

// dst[0, n) = the operand's elements for flat output positions [begin, begin + n).
template <typename T>
void Gather(const Plan& plan, const int64_t* steps, const T* src, int64_t begin, int64_t n,
            T* dst) {
  const int last = plan.rank - 1;
  int64_t index[Shape::kMaxRank];
  int64_t offset = 0;
  for (int i = last; i >= 0; --i) {
    index[i] = begin % plan.dims[i];
    offset += index[i] * steps[i];
    begin /= plan.dims[i];
  }
  while (n > 0) {
    const int64_t run = std::min(n, plan.dims[last] - index[last]);
    const T* from = src + offset;
    if (steps[last] == 0) {
      std::fill_n(dst, run, *from);
    } else {
      std::copy_n(from, run, dst);
    }
    dst += run;
    n -= run;
    // To the start of the next row.
    offset -= index[last] * steps[last];
    index[last] = 0;
    for (int i = last - 1; i >= 0; --i) {
      offset += steps[i];
      if (++index[i] < plan.dims[i]) break;
      offset -= plan.dims[i] * steps[i];
      index[i] = 0;
    }
  }
}

// fn for flat outputs [begin, end).
template <typename T>
void Pieces(const Plan& plan, const T* a, const T* b, int64_t begin, int64_t end,
            internal::PieceFn fn) {
  const int last = plan.rank - 1;
  const bool a_moves = plan.a[last] != 0;
  const bool b_moves = plan.b[last] != 0;
  if (plan.rank == 1 && a_moves && b_moves) {
    fn(a + begin, b + begin, begin, static_cast<size_t>(end - begin));
    return;
  }
  alignas(64) T block_a[kBlock];
  alignas(64) T block_b[kBlock];
  if (plan.rank > 1 && plan.dims[last] < kShortRow) {
    for (int64_t i = begin; i < end; i += kBlock) {
      const int64_t n = std::min(kBlock, end - i);
      Gather(plan, plan.a, a, i, n, block_a);
      Gather(plan, plan.b, b, i, n, block_b);
      fn(block_a, block_b, i, static_cast<size_t>(n));
    }
    return;
  }
  for (int64_t i = begin; i < end;) {
    int64_t rest = i / plan.dims[last];
    const int64_t column = i % plan.dims[last];
    int64_t offset_a = column * plan.a[last];
    int64_t offset_b = column * plan.b[last];
    for (int k = last - 1; k >= 0; --k) {
      offset_a += rest % plan.dims[k] * plan.a[k];
      offset_b += rest % plan.dims[k] * plan.b[k];
      rest /= plan.dims[k];
    }
    const int64_t row_end = std::min(end, i + plan.dims[last] - column);
    const T* pa = a + offset_a;
    const T* pb = b + offset_b;
    if (a_moves && b_moves) {
      fn(pa, pb, i, static_cast<size_t>(row_end - i));
      i = row_end;
      continue;
    }
    const int64_t widest = std::min(kBlock, row_end - i);
    if (!a_moves) std::fill_n(block_a, widest, *pa);
    if (!b_moves) std::fill_n(block_b, widest, *pb);
    while (i < row_end) {
      const int64_t n = std::min(kBlock, row_end - i);
      fn(a_moves ? pa : block_a, b_moves ? pb : block_b, i, static_cast<size_t>(n));
      if (a_moves) pa += n;
      if (b_moves) pb += n;
      i += n;
    }
  }
}

template <size_t kSize>
void Broadcast(OpContext& ctx, const Plan& plan, int64_t grain, internal::PieceFn fn) {
  using T = typename Carrier<kSize>::Type;
  const T* a = static_cast<const T*>(ctx.raw(0));
  const T* b = static_cast<const T*>(ctx.raw(1));
  ctx.ParallelFor(ctx.out_shape(0).size(), grain,
                  [&](int64_t begin, int64_t end) { Pieces(plan, a, b, begin, end, fn); });
}

}  // namespace

namespace internal {

void ForBroadcast(OpContext& ctx, int64_t grain, PieceFn fn) {
  if (ctx.out_shape(0).size() == 0) return;
  const Plan plan(ctx.out_shape(0), ctx.shape(0), ctx.shape(1));
  switch (DTypeSize(ctx.dtype(0))) {
    case 1:
      return Broadcast<1>(ctx, plan, grain, fn);
    case 2:
      return Broadcast<2>(ctx, plan, grain, fn);
    case 4:
      return Broadcast<4>(ctx, plan, grain, fn);
    case 8:
      return Broadcast<8>(ctx, plan, grain, fn);
    default:
      return Broadcast<16>(ctx, plan, grain, fn);
  }
}

}  // namespace internal
}  // namespace opkit

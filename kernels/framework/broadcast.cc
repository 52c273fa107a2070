// Two inputs of different shapes as contiguous pieces of their broadcast.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "opkit/pointwise.h"

namespace opkit {
namespace {

// An operand seen from the output: elements that a step along a dimension advances, 0 where it
// repeats.
struct Operand {
  const char* data = nullptr;
  int64_t steps[Shape::kMaxRank] = {};
  bool dense = false;    // the output's elements, one after the other
  bool one_row = false;  // each row of the output holds the same
};

// Two operands against their broadcast, with neighbouring dimensions merged.
struct Plan {
  int rank = 0;  // at least 1: an operand repeats
  int64_t dims[Shape::kMaxRank] = {};
  Operand operands[2];
  // Only this matters of an element, whatever its type.
  size_t element_bytes;

  Plan(const Shape& out, const Shape* const (&in)[2], size_t bytes);
};

Plan::Plan(const Shape& out, const Shape* const (&in)[2], size_t bytes) : element_bytes(bytes) {
  int64_t steps[2][Shape::kMaxRank] = {};  // before merging, aligned to the right
  for (int k = 0; k < 2; ++k) {
    int64_t step = 1;
    for (int i = out.rank() - 1, j = in[k]->rank() - 1; i >= 0; --i, --j) {
      const int64_t d = j >= 0 ? (*in[k])[j] : 1;
      steps[k][i] = d == 1 ? 0 : step;
      step *= d;
    }
  }
  for (int i = 0; i < out.rank(); ++i) {
    const int64_t d = out[i];
    if (d == 1) continue;
    // Merges with the dimension before when stepping that one equals d steps here.
    const bool merges = rank > 0 && operands[0].steps[rank - 1] == steps[0][i] * d &&
                        operands[1].steps[rank - 1] == steps[1][i] * d;
    if (!merges) dims[rank++] = 1;
    dims[rank - 1] *= d;
    for (int k = 0; k < 2; ++k) operands[k].steps[rank - 1] = steps[k][i];
  }
  for (Operand& o : operands) {
    o.dense = o.one_row = true;
    int64_t whole = 1;
    for (int i = rank - 1; i >= 0; whole *= dims[i--]) {
      o.dense = o.dense && o.steps[i] == whole;
      o.one_row = o.one_row && (i == rank - 1 || o.steps[i] == 0);
    }
  }
}

constexpr size_t kBlockBytes = 8192;
constexpr size_t kShortRowBytes = 1024;  // shorter rows are gathered into blocks

template <typename T>
void FillAs(const char* element, size_t n, char* dst) {
  T value;
  std::memcpy(&value, element, sizeof(T));
  for (size_t i = 0; i < n; ++i) std::memcpy(dst + i * sizeof(T), &value, sizeof(T));
}

// Fills dst with n times the element of `size` bytes.
void Fill(const char* element, size_t size, size_t n, char* dst) {
  const size_t few = std::min<size_t>(n, 16);  // from these on by copies of what is there
  switch (size) {
    case 1:
      std::memset(dst, *element, n);
      return;
    case 2:
      FillAs<uint16_t>(element, few, dst);
      break;
    case 4:
      FillAs<uint32_t>(element, few, dst);
      break;
    case 8:
      FillAs<uint64_t>(element, few, dst);
      break;
    default:
      FillAs<Complex128>(element, few, dst);
      break;
  }
  for (size_t done = few; done < n;) {
    const size_t more = std::min(done, n - done);
    std::memcpy(dst + done * size, dst, more * size);
    done += more;
  }
}

// What the operand holds for the flat outputs [begin, begin + n).
void Gather(const Plan& plan, const Operand& from, int64_t begin, int64_t n, char* dst) {
  const size_t size = plan.element_bytes;
  const int64_t bytes = static_cast<int64_t>(size);
  const int last = plan.rank - 1;
  int64_t index[Shape::kMaxRank];
  int64_t offset = 0;
  for (int i = last; i >= 0; --i) {
    index[i] = begin % plan.dims[i];
    offset += index[i] * from.steps[i];
    begin /= plan.dims[i];
  }
  while (n > 0) {
    const int64_t run = std::min(n, plan.dims[last] - index[last]);
    const char* source = from.data + offset * bytes;
    if (from.steps[last] == 0) {
      Fill(source, size, static_cast<size_t>(run), dst);
    } else {
      std::memcpy(dst, source, static_cast<size_t>(run) * size);
    }
    dst += run * bytes;
    n -= run;
    // To the start of the next row.
    offset -= index[last] * from.steps[last];
    index[last] = 0;
    for (int i = last - 1; i >= 0; --i) {
      offset += from.steps[i];
      if (++index[i] < plan.dims[i]) break;
      offset -= plan.dims[i] * from.steps[i];
      index[i] = 0;
    }
  }
}

// fn for flat outputs [begin, end) of many short rows, of which a block holds several.
void ShortRows(const Plan& plan, int64_t begin, int64_t end, char (*blocks)[kBlockBytes],
               internal::PieceFn fn) {
  const int64_t bytes = static_cast<int64_t>(plan.element_bytes);
  const int64_t row = plan.dims[plan.rank - 1];
  // Whole rows: what repeats with each row then repeats with each block.
  const int64_t block = static_cast<int64_t>(kBlockBytes) / bytes / row * row;
  for (int64_t i = begin; i < end; i += block) {
    const int64_t n = std::min(block, end - i);
    const char* pieces[2];
    for (int k = 0; k < 2; ++k) {
      const Operand& o = plan.operands[k];
      pieces[k] = o.dense ? o.data + i * bytes : blocks[k];
      if (!o.dense && (i == begin || !o.one_row)) Gather(plan, o, i, n, blocks[k]);
    }
    fn(pieces[0], pieces[1], i, static_cast<size_t>(n));
  }
}

// fn for flat outputs [begin, end), row by row; an element that repeats along it fills a block.
void LongRows(const Plan& plan, int64_t begin, int64_t end, char (*blocks)[kBlockBytes],
              internal::PieceFn fn) {
  const int64_t bytes = static_cast<int64_t>(plan.element_bytes);
  const int64_t block = static_cast<int64_t>(kBlockBytes) / bytes;
  const int last = plan.rank - 1;
  for (int64_t i = begin; i < end;) {
    const int64_t column = i % plan.dims[last];
    const int64_t row_end = std::min(end, i + plan.dims[last] - column);
    const char* pieces[2];
    bool repeats = false;
    for (int k = 0; k < 2; ++k) {
      const Operand& o = plan.operands[k];
      int64_t offset = column * o.steps[last];
      int64_t rest = i / plan.dims[last];
      for (int d = last - 1; d >= 0; rest /= plan.dims[d--]) {
        offset += rest % plan.dims[d] * o.steps[d];
      }
      pieces[k] = o.data + offset * bytes;
      if (o.steps[last] != 0) continue;
      repeats = true;
      const size_t n = static_cast<size_t>(std::min(block, row_end - i));
      Fill(pieces[k], plan.element_bytes, n, blocks[k]);
      pieces[k] = blocks[k];
    }
    while (i < row_end) {
      const int64_t n = repeats ? std::min(block, row_end - i) : row_end - i;
      fn(pieces[0], pieces[1], i, static_cast<size_t>(n));
      for (int k = 0; k < 2; ++k) pieces[k] += n * bytes * plan.operands[k].steps[last];
      i += n;
    }
  }
}

// fn for flat outputs [begin, end).
void Pieces(const Plan& plan, int64_t begin, int64_t end, internal::PieceFn fn) {
  alignas(64) char blocks[2][kBlockBytes];
  const int64_t row_bytes = plan.dims[plan.rank - 1] * static_cast<int64_t>(plan.element_bytes);
  const bool are_short = plan.rank > 1 && row_bytes < static_cast<int64_t>(kShortRowBytes);
  (are_short ? ShortRows : LongRows)(plan, begin, end, blocks, fn);
}

}  // namespace

namespace internal {

void ForBroadcast(OpContext& ctx, int64_t grain, PieceFn fn) {
  const int64_t n = ctx.out_shape(0).size();
  if (n == 0) return;
  const size_t bytes = DTypeSize(ctx.dtype(0));
  const char* a = static_cast<const char*>(ctx.raw(0));
  const char* b = static_cast<const char*>(ctx.raw(1));
  if (ctx.shape(0).size() == n && ctx.shape(1).size() == n) {  // nothing repeats
    ctx.ParallelFor(n, grain, [=](int64_t begin, int64_t end) {
      const size_t at = static_cast<size_t>(begin) * bytes;
      fn(a + at, b + at, begin, static_cast<size_t>(end - begin));
    });
    return;
  }
  Plan plan(ctx.out_shape(0), {&ctx.shape(0), &ctx.shape(1)}, bytes);
  plan.operands[0].data = a;
  plan.operands[1].data = b;
  ctx.ParallelFor(n, grain, [&](int64_t begin, int64_t end) { Pieces(plan, begin, end, fn); });
}

}  // namespace internal
}  // namespace opkit

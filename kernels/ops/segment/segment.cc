// UnsortedSegment{Sum,Prod,Max,Min} and Segment{Sum,Prod,Mean,Max,Min}.
//
// Every id is checked before the first write. Sums, products and means of 16-bit floats are
// computed in float32 and rounded once; TF rounds after every row.
#include <algorithm>
#include <cmath>
#include <complex>
#include <limits>
#include <string>
#include <type_traits>

#include "math/range.h"
#include "opkit/op.h"
#include "opkit/pointwise.h"
#include "ops/segment/reduce.h"

namespace opkit::segment {
namespace {

using NumericTypes = TypeList<float, double, Half, BFloat16, int8_t, int16_t, int32_t, int64_t,
                              uint8_t, uint16_t, uint32_t, uint64_t, Complex64, Complex128>;

// In what type T is combined.
template <typename T>
using Wide = std::conditional_t<kIsNarrowFloat<T>, float, T>;

enum class Kind { kSum, kProduct, kMean, kMax, kMin };

Combine CombineOf(Kind kind) {
  switch (kind) {
    case Kind::kSum:
    case Kind::kMean:
      return Combine::kSum;
    case Kind::kProduct:
      return Combine::kProduct;
    default:
      return Combine::kMax;
  }
}

// The value of a segment without rows in an unsorted op; with it all others start, too.
template <typename T>
Wide<T> Identity(Kind kind) {
  if (kind == Kind::kSum) return Wide<T>(0);
  if (kind == Kind::kProduct) return Wide<T>(1);
  if constexpr (std::is_same_v<T, Half>) {
    return kind == Kind::kMax ? -65504.0f : 65504.0f;
  } else if constexpr (std::is_same_v<T, BFloat16>) {
    return kind == Kind::kMax ? -0x1.fep127f : 0x1.fep127f;
  } else if constexpr (kIsComplex<T>) {
    return T(0);  // has no order
  } else {
    return kind == Kind::kMax ? std::numeric_limits<T>::lowest() : std::numeric_limits<T>::max();
  }
}

// What both families share once ids are checked: data seen as [rows, inner].
struct Task {
  Kind kind;
  DType type;
  const int32_t* ids;
  int64_t rows, inner, segments;
  // Sorted ids only: where each of the `runs` stretches of one id starts, then the number of rows.
  const int32_t* starts = nullptr;
  int64_t runs = 0;

  bool sorted() const { return starts != nullptr; }
};

// What the data are combined as: complex numbers are added as pairs of reals.
DType CombinedType(const Task& t) {
  switch (t.type) {
    case DType::kFloat16:
    case DType::kBFloat16:
      return DType::kFloat32;
    case DType::kComplex64:
      return t.kind == Kind::kProduct ? t.type : DType::kFloat32;
    case DType::kComplex128:
      return t.kind == Kind::kProduct ? t.type : DType::kFloat64;
    default:
      return t.type;
  }
}

// Whether rows are combined run by run: y needs no starting values, and means of floats are done.
// Short runs cost more than their rows one by one: a mispredicted branch each.
bool ByRuns(const Task& t) {
  return t.sorted() && HasRuns(CombineOf(t.kind), CombinedType(t)) &&
         (t.inner >= 16 || t.rows / 8 >= t.runs);
}

// Of 16-bit floats, as many at a time as the cache holds in float32.
void CombineNarrow(OpContext& ctx, const Task& t, uint64_t flip, float* y) {
  const Combine op = CombineOf(t.kind);
  const uint16_t* x = ctx.in<uint16_t>(0);
  const int64_t inner = t.inner;
  if (ByRuns(t)) {
    constexpr int64_t kElements = 16384;
    // Each thread widens to where its first row would stand: only those parts are ever touched.
    float* const wide = ctx.ScratchOf<float>(t.rows * inner, 2);
    const int64_t grain = std::max<int64_t>(1, 2 * kElements * t.runs / (t.rows * inner));
    ctx.ParallelFor(t.runs, grain, [&](int64_t k0, int64_t k1) {
      float* const part = wide + t.starts[k0] * inner;
      for (int64_t k = k0, next = k; k < k1; k = next) {
        const int64_t first = t.starts[k];
        do {
          ++next;
        } while (next < k1 && (t.starts[next + 1] - first) * inner <= kElements);
        const size_t n = static_cast<size_t>((t.starts[next] - first) * inner);
        ToFloat(t.type, x + first * inner, part, n);
        const bool mean = t.kind == Kind::kMean;
        const Runs runs{part, first, t.ids, t.starts, inner, 0, inner, y, flip, mean};
        CombineRuns(op, DType::kFloat32, runs, k, next);
      }
    });
    return;
  }
  constexpr int64_t kElements = 65536, kColumns = 64;
  const int64_t rows = std::max<int64_t>(1, kElements / inner);
  float* const wide = ctx.ScratchOf<float>(std::min(rows, t.rows) * inner, 2);
  for (int64_t first = 0; first < t.rows; first += rows) {
    const int64_t some = std::min(rows, t.rows - first);
    ToFloat(t.type, x + first * inner, wide, static_cast<size_t>(some * inner));
    // Columns are independent, so threads split them.
    ctx.ParallelFor((inner + kColumns - 1) / kColumns, 4, [&](int64_t b, int64_t e) {
      const int64_t c0 = b * kColumns, c1 = std::min(inner, e * kColumns);
      CombineRows(op, DType::kFloat32, Rows{wide, t.ids + first, some, inner, c0, c1, y, flip});
    });
  }
}

void CombineAll(OpContext& ctx, const Task& t, void* y) {
  const DType type = CombinedType(t);
  const Combine op = CombineOf(t.kind);
  const uint64_t flip = FlipFor(type, t.kind == Kind::kMin);
  if (DTypeSize(t.type) < DTypeSize(type)) {
    CombineNarrow(ctx, t, flip, static_cast<float*>(y));
    return;
  }
  const int64_t inner = DTypeSize(t.type) == 2 * DTypeSize(type) ? 2 * t.inner : t.inner;
  const void* x = ctx.raw(0);
  const bool mean = t.kind == Kind::kMean;
  constexpr int64_t kColumns = 64, kElements = 32768;
  if (ByRuns(t) && inner <= kColumns) {
    const int64_t grain = std::max<int64_t>(1, kElements * t.runs / (t.rows * inner));
    ctx.ParallelFor(t.runs, grain, [&](int64_t k0, int64_t k1) {
      CombineRuns(op, type, Runs{x, 0, t.ids, t.starts, inner, 0, inner, y, flip, mean}, k0, k1);
    });
    return;
  }
  // Columns are independent, so threads split them.
  ctx.ParallelFor((inner + kColumns - 1) / kColumns, 1, [&](int64_t b, int64_t e) {
    const int64_t c0 = b * kColumns, c1 = std::min(inner, e * kColumns);
    if (ByRuns(t)) {
      CombineRuns(op, type, Runs{x, 0, t.ids, t.starts, inner, c0, c1, y, flip, mean}, 0, t.runs);
    } else {
      CombineRows(op, type, Rows{x, t.ids, t.rows, inner, c0, c1, y, flip});
    }
  });
}

// Divides each segment's sum by its number of rows. Integers divide in 64 bits: a count beyond the
// type's range cannot become 0.
template <typename T>
void DivideByCounts(const Task& t, T* y) {
  for (int64_t k = 0; k < t.runs; ++k) {
    const int64_t count = t.starts[k + 1] - t.starts[k];
    T* out = y + t.ids[t.starts[k]] * t.inner;
    for (int64_t i = 0; i < t.inner; ++i) {
      if constexpr (std::is_same_v<T, uint64_t>) {
        out[i] /= static_cast<uint64_t>(count);
      } else if constexpr (std::is_integral_v<T>) {
        out[i] = static_cast<T>(int64_t{out[i]} / count);
      } else {
        out[i] /= static_cast<decltype(std::real(T()))>(count);
      }
    }
  }
}

// Fills y with the starting values. In sorted ops any first row stays as it is: a sum starts with
// -0, a maximum of floats with -infinity; and segments without rows are 0, of products 1.
template <typename T>
void Start(const Task& t, Wide<T>* y) {
  Wide<T> identity = Identity<T>(t.kind == Kind::kMean ? Kind::kSum : t.kind);
  if (t.sorted() && CombineOf(t.kind) == Combine::kSum) identity = -identity;
  if constexpr (std::is_floating_point_v<Wide<T>>) {
    if (t.sorted() && CombineOf(t.kind) == Combine::kMax) {
      identity = std::copysign(std::numeric_limits<Wide<T>>::infinity(), identity);
    }
  }
  std::fill_n(y, t.segments * t.inner, identity);
  const auto empty = Wide<T>(t.kind == Kind::kProduct ? 1 : 0);
  int64_t next = 0;
  for (int64_t k = 0; k < t.runs; ++k) {
    const int64_t id = t.ids[t.starts[k]];
    std::fill_n(y + next * t.inner, (id - next) * t.inner, empty);
    next = id + 1;
  }
}

Status Compute(OpContext& ctx, const Task& t) {
  const int64_t size = t.segments * t.inner;
  if (size == 0) return {};
  return ctx.Visit(0, NumericTypes{}, [&](auto tag) {
    using T = decltype(tag);
    Wide<T>* y = nullptr;
    if constexpr (kIsNarrowFloat<T>) {
      y = ctx.ScratchOf<float>(size, 1);
    } else {
      y = ctx.out<T>(0);
    }
    if (!ByRuns(t)) Start<T>(t, y);
    CombineAll(ctx, t, y);
    if (t.kind == Kind::kMean && (std::is_integral_v<T> || !ByRuns(t))) DivideByCounts(t, y);
    if constexpr (kIsNarrowFloat<T>) {
      FromFloat(y, ctx.out<T>(0), static_cast<size_t>(size));
    }
    return Status();
  });
}

// The ids as int32; those beyond its range stay out of any valid range: negative, or the greatest.
template <typename Id>
const int32_t* Narrow(OpContext& ctx, int64_t n) {
  const Id* ids = ctx.in<Id>(1);
  if constexpr (std::is_same_v<Id, int32_t>) {
    return ids;
  } else {
    int32_t* out = ctx.ScratchOf<int32_t>(n);
    for (int64_t i = 0; i < n; ++i) {
      const int64_t id = ids[i];
      out[i] = static_cast<int32_t>(std::min<int64_t>(id < 0 ? -1 : id, INT32_MAX));
    }
    return out;
  }
}

const int32_t* Ids(OpContext& ctx, int64_t n) {
  switch (ctx.dtype(1)) {
    case DType::kInt16:
      return Narrow<int16_t>(ctx, n);
    case DType::kInt32:
      return ctx.in<int32_t>(1);
    default:
      return Narrow<int64_t>(ctx, n);
  }
}

// The id as it came, for messages.
long long IdAt(OpContext& ctx, const int32_t* ids, int64_t i) {
  return ctx.dtype(1) == DType::kInt64 ? ctx.in<int64_t>(1)[i] : ids[i];
}

// Place of a flat index in `shape`: "[1,2]".
std::string Place(const Shape& shape, int64_t flat) {
  std::string out = "]";
  for (int i = shape.rank() - 1; i >= 0; --i) {
    out = (i > 0 ? "," : "") + std::to_string(flat % shape[i]) + out;
    flat /= shape[i];
  }
  return "[" + out;
}

// --- unsorted -------------------------------------------------------------------------------

Status UnsortedShape(OpContext& ctx) {
  const Shape& data = ctx.shape(0);
  const Shape& ids = ctx.shape(1);
  bool prefix = ids.rank() <= data.rank();
  for (int i = 0; prefix && i < ids.rank(); ++i) prefix = ids[i] == data[i];
  if (!prefix) {
    return Error("segment_ids of shape %s is no prefix of data's shape %s", ids.str().c_str(),
                 data.str().c_str());
  }
  const int64_t segments = ctx.ScalarInt(2);
  if (segments < 0) {
    return Error("num_segments is %lld, want 0 or more", static_cast<long long>(segments));
  }
  Shape out{segments};
  ctx.SetShape(0, out.concat(data.slice(ids.rank(), data.rank())));
  return {};
}

Status RunUnsorted(OpContext& ctx, Kind kind) {
  const int64_t segments = ctx.out_shape(0)[0];
  const Shape& id_shape = ctx.shape(1);
  const int64_t rows = id_shape.size();
  const int64_t inner = ctx.shape(0).size(id_shape.rank(), ctx.shape(0).rank());
  if (inner == 0) return {};  // as in TF, ids of rows without elements may be anything
  const int32_t* ids = Ids(ctx, rows);
  int32_t low = -1, high = -1;
  if (rows > 0) math::RangeOf(ids, rows, 0, &low, &high);
  if (high >= segments) {
    const int64_t at = std::max_element(ids, ids + rows) - ids;
    return Error("segment_ids%s = %lld is out of range [0, %lld)", Place(id_shape, at).c_str(),
                 IdAt(ctx, ids, at), static_cast<long long>(segments));
  }
  return Compute(ctx, Task{kind, ctx.dtype(0), ids, rows, inner, segments});
}

// --- sorted -----------------------------------------------------------------------------------

// Why the ids are refused.
Status BadIds(OpContext& ctx, const int32_t* ids, int64_t rows) {
  for (int64_t i = 0; i < rows; ++i) {
    const auto at = static_cast<long long>(i);
    if (ids[i] < 0) {
      return Error("segment ids must be >= 0, but segment_ids[%lld] is %lld", at,
                   IdAt(ctx, ids, i));
    }
    if (i > 0 && ids[i] < ids[i - 1]) {
      return Error("segment ids are not increasing at segment_ids[%lld]", at);
    }
  }
  return Error("segment id %lld is too large", IdAt(ctx, ids, rows - 1));
}

Status RunSorted(OpContext& ctx, Kind kind) {
  const Shape& data = ctx.shape(0);
  const int64_t rows = ctx.shape(1)[0];
  if (data.rank() < 1 || data[0] != rows) {
    return Error("segment_ids has %lld elements, want one for each row of data %s",
                 static_cast<long long>(rows), data.str().c_str());
  }
  const int64_t inner = data.size(1, data.rank());
  const int32_t* ids = Ids(ctx, rows);
  auto* starts = ctx.ScratchOf<int32_t>(rows + kSlack, 3);
  const int64_t runs = rows == 0 ? 0 : FindRuns(ids, rows, starts);
  if (rows > 0 && (runs == 0 || ids[0] < 0 || ids[rows - 1] == INT32_MAX)) {
    return BadIds(ctx, ids, rows);
  }
  const int64_t segments = rows == 0 ? 0 : int64_t{ids[rows - 1]} + 1;
  Shape out{segments};
  OPKIT_RETURN_IF_ERROR(ctx.Allocate(0, out.concat(data.slice(1, data.rank()))));
  return Compute(ctx, Task{kind, ctx.dtype(0), ids, rows, inner, segments, starts, runs});
}

#define OPKIT_SEGMENT(name, kind, group)                     \
  OPKIT_OP(name)                                             \
      .Signature(                                            \
          "data: T, segment_ids: Tindices[n] -> output: T\n" \
          "T in {" group                                     \
          "}\n"                                              \
          "Tindices in {int32, int64}\n")                    \
      .DataDependent()                                       \
      .Run([](OpContext& ctx) { return RunSorted(ctx, kind); })

#define OPKIT_UNSORTED(name, kind, group)                                \
  OPKIT_OP(name)                                                         \
      .Signature(                                                        \
          "data: T, segment_ids: Tindices, num_segments: Tnumsegments[]" \
          " -> output: T\n"                                              \
          "T in {" group                                                 \
          "}\n"                                                          \
          "Tindices in {int32, int64, int16}\n"                          \
          "Tnumsegments in {int32, int64}\n")                            \
      .Shape(UnsortedShape)                                              \
      .ShapeFrom("num_segments")                                         \
      .Run([](OpContext& ctx) { return RunUnsorted(ctx, kind); })

OPKIT_UNSORTED(UnsortedSegmentSum, Kind::kSum, "numeric");
OPKIT_UNSORTED(UnsortedSegmentProd, Kind::kProduct, "numeric");
OPKIT_UNSORTED(UnsortedSegmentMax, Kind::kMax, "floating, integral");
OPKIT_UNSORTED(UnsortedSegmentMin, Kind::kMin, "floating, integral");

OPKIT_SEGMENT(SegmentSum, Kind::kSum, "numeric");
OPKIT_SEGMENT(SegmentProd, Kind::kProduct, "numeric");
OPKIT_SEGMENT(SegmentMean, Kind::kMean, "numeric");
OPKIT_SEGMENT(SegmentMax, Kind::kMax, "floating, integral");
OPKIT_SEGMENT(SegmentMin, Kind::kMin, "floating, integral");

#undef OPKIT_SEGMENT
#undef OPKIT_UNSORTED

}  // namespace
}  // namespace opkit::segment

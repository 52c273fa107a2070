// UnsortedSegment{Sum,Prod,Max,Min} and Segment{Sum,Prod,Mean,Max,Min}.
//
// Every id is checked before the first write. Rows are combined in input order; a NaN in the new
// row replaces the running maximum or minimum, a NaN in the running one does not stay, as in TF.
#include <algorithm>
#include <cstring>
#include <limits>
#include <string>
#include <type_traits>

#include "math/wrap.h"
#include "opkit/op.h"

namespace opkit {
namespace {

template <typename T>
constexpr bool kIsComplex = std::is_same_v<T, Complex64> || std::is_same_v<T, Complex128>;
template <typename T>
constexpr bool kIsNarrowFloat = std::is_same_v<T, Half> || std::is_same_v<T, BFloat16>;

template <typename T>
T FromDouble(double v) {
  if constexpr (kIsNarrowFloat<T>) {
    return T(static_cast<float>(v));
  } else if constexpr (kIsComplex<T>) {
    return T(static_cast<typename T::value_type>(v));
  } else {
    return static_cast<T>(v);
  }
}

struct SumOp {
  static DType Storage(DType t) { return WrapType(t); }
  template <typename T>
  static T Initial() {
    return FromDouble<T>(0);
  }
  template <typename T>
  static T Apply(T acc, T x) {
    if constexpr (std::is_integral_v<T>) {
      return static_cast<T>(static_cast<uint64_t>(acc) + static_cast<uint64_t>(x));
    } else if constexpr (kIsNarrowFloat<T>) {
      return T(static_cast<float>(acc) + static_cast<float>(x));
    } else {
      return acc + x;
    }
  }
};

struct ProdOp {
  static DType Storage(DType t) { return WrapType(t); }
  template <typename T>
  static T Initial() {
    return FromDouble<T>(1);
  }
  template <typename T>
  static T Apply(T acc, T x) {
    if constexpr (kIsComplex<T>) {
      return T(acc.real() * x.real() - acc.imag() * x.imag(),
               acc.real() * x.imag() + acc.imag() * x.real());
    } else if constexpr (std::is_integral_v<T>) {
      return static_cast<T>(static_cast<uint64_t>(acc) * static_cast<uint64_t>(x));
    } else if constexpr (kIsNarrowFloat<T>) {
      return T(static_cast<float>(acc) * static_cast<float>(x));
    } else {
      return acc * x;
    }
  }
};

// Lowest (kSign < 0) or highest finite value.
template <typename T, int kSign>
T Extreme() {
  if constexpr (std::is_same_v<T, Half>) {
    return T(kSign < 0 ? -65504.0f : 65504.0f);
  } else if constexpr (std::is_same_v<T, BFloat16>) {
    T v;
    v.bits = kSign < 0 ? 0xff7f : 0x7f7f;
    return v;
  } else {
    return kSign < 0 ? std::numeric_limits<T>::lowest() : std::numeric_limits<T>::max();
  }
}

struct MaxOp {
  static DType Storage(DType t) { return t; }
  template <typename T>
  static T Initial() {
    return Extreme<T, -1>();
  }
  template <typename T>
  static T Apply(T acc, T x) {
    return x < acc ? acc : x;
  }
};

struct MinOp {
  static DType Storage(DType t) { return t; }
  template <typename T>
  static T Initial() {
    return Extreme<T, 1>();
  }
  template <typename T>
  static T Apply(T acc, T x) {
    return acc < x ? acc : x;
  }
};

// Columns that a compiler keeps in registers while rows stream by.
constexpr int64_t kBlock = 16;

// Out of line: these loops are vectorised, and most of this file's code.
template <typename Op, typename T>
__attribute__((noinline)) void CombineTail(const T* __restrict x, T* __restrict y, int64_t n) {
  for (int64_t i = 0; i < n; ++i) y[i] = Op::Apply(y[i], x[i]);
}

template <typename Op, typename T>
inline void CombineRow(const T* __restrict x, T* __restrict y, int64_t n) {
  int64_t i = 0;
  if constexpr (std::is_floating_point_v<T>) {
    for (; i + kBlock <= n; i += kBlock) {
      for (int64_t k = 0; k < kBlock; ++k) y[i + k] = Op::Apply(y[i + k], x[i + k]);
    }
  }
  if (i < n) CombineTail<Op, T>(x + i, y + i, n - i);
}

// Reduces `rows` >= 1 consecutive rows into `out`.
template <typename Op, typename T>
__attribute__((noinline)) void CombineRun(const T* x, int64_t rows, int64_t n, T* __restrict out) {
  int64_t i = 0;
  if constexpr (std::is_floating_point_v<T>) {
    for (; i + kBlock <= n; i += kBlock) {
      T acc[kBlock];
      for (int64_t k = 0; k < kBlock; ++k) acc[k] = x[i + k];
      for (int64_t r = 1; r < rows; ++r) {
        const T* row = x + r * n + i;
        for (int64_t k = 0; k < kBlock; ++k) acc[k] = Op::Apply(acc[k], row[k]);
      }
      for (int64_t k = 0; k < kBlock; ++k) out[i + k] = acc[k];
    }
  }
  if (i == n) return;
  std::copy_n(x + i, n - i, out + i);
  for (int64_t r = 1; r < rows; ++r) CombineRow<Op, T>(x + r * n + i, out + i, n - i);
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

using AllTypes = TypeList<float, double, Half, BFloat16, int8_t, int16_t, int32_t, int64_t, uint8_t,
                          uint16_t, uint32_t, uint64_t, Complex64, Complex128>;

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

// Checks the ids.
template <typename Id>
Status CheckIds(const Shape& shape, const Id* ids, int64_t n, int64_t segments) {
  Id highest = -1;
  for (int64_t i = 0; i < n; ++i) highest = std::max(highest, ids[i]);
  if (static_cast<int64_t>(highest) < segments) return {};
  const int64_t at = std::max_element(ids, ids + n) - ids;
  return Error("segment_ids%s = %lld is out of range [0, %lld)", Place(shape, at).c_str(),
               static_cast<long long>(ids[at]), static_cast<long long>(segments));
}

// The ids as rows of the output; dropped rows are negative.
template <typename Id>
const int32_t* Rows(OpContext& ctx, const Id* ids, int64_t n) {
  if constexpr (std::is_same_v<Id, int32_t>) {
    return ids;
  } else {
    int32_t* rows = ctx.ScratchOf<int32_t>(n);
    for (int64_t i = 0; i < n; ++i) rows[i] = ids[i] < 0 ? -1 : static_cast<int32_t>(ids[i]);
    return rows;
  }
}

// Columns [c0, c1) of all rows; columns are independent, so threads split them.
template <typename Op, typename T>
void Reduce(const T* x, const int32_t* ids, int64_t rows, int64_t inner, int64_t c0, int64_t c1,
            T* y) {
  if (inner == 1) {
    for (int64_t i = 0; i < rows; ++i) {
      if (ids[i] >= 0) y[ids[i]] = Op::Apply(y[ids[i]], x[i]);
    }
    return;
  }
  for (int64_t i = 0; i < rows; ++i) {
    if (ids[i] < 0) continue;
    CombineRow<Op, T>(x + i * inner + c0, y + ids[i] * inner + c0, c1 - c0);
  }
}

template <typename Op, typename Types>
Status RunUnsorted(OpContext& ctx, Types types) {
  const int64_t segments = ctx.out_shape(0)[0];
  const Shape& id_shape = ctx.shape(1);
  const int64_t rows = id_shape.size();
  const int64_t inner = ctx.shape(0).size(id_shape.rank(), ctx.shape(0).rank());
  const int32_t* ids = nullptr;
  Status checked = ctx.Visit<int16_t, int32_t, int64_t>(1, [&](auto tag) {
    using Id = decltype(tag);
    OPKIT_RETURN_IF_ERROR(CheckIds<Id>(id_shape, ctx.in<Id>(1), rows, segments));
    ids = Rows<Id>(ctx, ctx.in<Id>(1), rows);
    return Status();
  });
  if (!checked.ok()) return checked;
  return OpContext::VisitDType(Op::Storage(ctx.dtype(0)), types, [&](auto tag) {
    using T = decltype(tag);
    const T* x = ctx.in<T>(0);
    T* y = ctx.out<T>(0);
    std::fill_n(y, ctx.out_shape(0).size(), Op::template Initial<T>());
    if (inner == 0) return Status();
    constexpr int64_t kColumns = 64;
    ctx.ParallelFor((inner + kColumns - 1) / kColumns, 1, [&](int64_t b, int64_t e) {
      Reduce<Op>(x, ids, rows, inner, b * kColumns, std::min(inner, e * kColumns), y);
    });
    return Status();
  });
}

// --- sorted -----------------------------------------------------------------------------------

template <typename Op, typename T>
void ReduceSorted(const T* x, const int32_t* ids, int64_t rows, int64_t inner, int64_t segments,
                  T empty, T* y) {
  int64_t at = 0;
  for (int64_t s = 0; s < segments; ++s) {
    T* out = y + s * inner;
    if (at == rows || ids[at] != s) {
      std::fill_n(out, inner, empty);
      continue;
    }
    const int64_t first = at;
    while (at < rows && ids[at] == s) ++at;
    CombineRun<Op, T>(x + first * inner, at - first, inner, out);
  }
}

// Divides each segment's sum by its number of rows. Integers divide in 64 bits, so a count beyond
// the type's range cannot become 0.
template <typename T>
void DivideByCounts(const int32_t* ids, int64_t rows, int64_t inner, T* y) {
  for (int64_t at = 0; at < rows;) {
    const int64_t first = at;
    while (at < rows && ids[at] == ids[first]) ++at;
    const int64_t count = at - first;
    T* out = y + ids[first] * inner;
    for (int64_t i = 0; i < inner; ++i) {
      if constexpr (kIsNarrowFloat<T>) {
        out[i] = T(static_cast<float>(out[i]) / static_cast<float>(T(static_cast<float>(count))));
      } else if constexpr (kIsComplex<T>) {
        out[i] = out[i] / static_cast<typename T::value_type>(count);
      } else {
        using Wide = std::conditional_t<std::is_floating_point_v<T>, T,
                                        std::conditional_t<std::is_signed_v<T>, int64_t, uint64_t>>;
        out[i] = static_cast<T>(static_cast<Wide>(out[i]) / static_cast<Wide>(count));
      }
    }
  }
}

template <typename Id>
Status CheckSorted(const Id* ids, int64_t rows, int32_t* out) {
  Id last = 0;
  for (int64_t i = 0; i < rows; ++i) {
    if (ids[i] < 0) {
      return Error("segment ids must be >= 0, but segment_ids[%lld] is %lld",
                   static_cast<long long>(i), static_cast<long long>(ids[i]));
    }
    if (ids[i] < last) {
      return Error("segment ids are not increasing at segment_ids[%lld]",
                   static_cast<long long>(i));
    }
    if (static_cast<int64_t>(ids[i]) >= std::numeric_limits<int32_t>::max()) {
      return Error("segment id %lld is too large", static_cast<long long>(ids[i]));
    }
    last = ids[i];
    out[i] = static_cast<int32_t>(ids[i]);
  }
  return {};
}

template <typename Op, typename Types>
Status RunSorted(OpContext& ctx, Types types, double empty, bool mean) {
  const Shape& data = ctx.shape(0);
  const int64_t rows = ctx.shape(1)[0];
  if (data.rank() < 1 || data[0] != rows) {
    return Error("segment_ids has %lld elements, want one for each row of data %s",
                 static_cast<long long>(rows), data.str().c_str());
  }
  const int64_t inner = data.size(1, data.rank());
  int32_t* ids = ctx.ScratchOf<int32_t>(rows);
  OPKIT_RETURN_IF_ERROR(ctx.Visit(1, IndexTypes{}, [&](auto tag) {
    using Id = decltype(tag);
    return CheckSorted<Id>(ctx.in<Id>(1), rows, ids);
  }));
  const int64_t segments = rows > 0 ? int64_t{ids[rows - 1]} + 1 : 0;
  Shape out{segments};
  OPKIT_RETURN_IF_ERROR(ctx.Allocate(0, out.concat(data.slice(1, data.rank()))));
  OPKIT_RETURN_IF_ERROR(OpContext::VisitDType(Op::Storage(ctx.dtype(0)), types, [&](auto tag) {
    using T = decltype(tag);
    ReduceSorted<Op, T>(ctx.in<T>(0), ids, rows, inner, segments, FromDouble<T>(empty),
                        ctx.out<T>(0));
    return Status();
  }));
  if (!mean) return {};
  return ctx.Visit(0, AllTypes{}, [&](auto tag) {
    using T = decltype(tag);
    DivideByCounts<T>(ids, rows, inner, ctx.out<T>(0));
    return Status();
  });
}

using RealTypes = TypeList<float, double, Half, BFloat16, int8_t, int16_t, int32_t, int64_t,
                           uint8_t, uint16_t, uint32_t, uint64_t>;
using NumericTypes = TypeList<float, double, Half, BFloat16, uint8_t, uint16_t, uint32_t, uint64_t,
                              Complex64, Complex128>;

#define OPKIT_SEGMENT(name, Op, Types, group, mean, empty)                              \
  Status Run##name(OpContext& ctx) { return RunSorted<Op>(ctx, Types{}, empty, mean); } \
  OPKIT_OP(name)                                                                        \
      .Signature(                                                                       \
          "data: T, segment_ids: Tindices[n] -> output: T\n"                            \
          "T in {" group                                                                \
          "}\n"                                                                         \
          "Tindices in {int32, int64}\n")                                               \
      .DataDependent()                                                                  \
      .Run(Run##name)

#define OPKIT_UNSORTED(name, Op, Types, group)                               \
  Status Run##name(OpContext& ctx) { return RunUnsorted<Op>(ctx, Types{}); } \
  OPKIT_OP(name)                                                             \
      .Signature(                                                            \
          "data: T, segment_ids: Tindices, num_segments: Tnumsegments[]"     \
          " -> output: T\n"                                                  \
          "T in {" group                                                     \
          "}\n"                                                              \
          "Tindices in {int32, int64, int16}\n"                              \
          "Tnumsegments in {int32, int64}\n")                                \
      .Shape(UnsortedShape)                                                  \
      .ShapeFrom("num_segments")                                             \
      .Run(Run##name)

OPKIT_UNSORTED(UnsortedSegmentSum, SumOp, NumericTypes, "numeric");
OPKIT_UNSORTED(UnsortedSegmentProd, ProdOp, NumericTypes, "numeric");
OPKIT_UNSORTED(UnsortedSegmentMax, MaxOp, RealTypes, "floating, integral");
OPKIT_UNSORTED(UnsortedSegmentMin, MinOp, RealTypes, "floating, integral");

OPKIT_SEGMENT(SegmentSum, SumOp, NumericTypes, "numeric", false, 0);
OPKIT_SEGMENT(SegmentProd, ProdOp, NumericTypes, "numeric", false, 1);
OPKIT_SEGMENT(SegmentMean, SumOp, NumericTypes, "numeric", true, 0);
OPKIT_SEGMENT(SegmentMax, MaxOp, RealTypes, "floating, integral", false, 0);
OPKIT_SEGMENT(SegmentMin, MinOp, RealTypes, "floating, integral", false, 0);

#undef OPKIT_SEGMENT
#undef OPKIT_UNSORTED

}  // namespace
}  // namespace opkit

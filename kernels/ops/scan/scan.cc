// Cumprod and Cumsum.
#include "ops/scan/scan.h"

#include "math/wrap.h"

namespace opkit::scan {

Status ReadShape(OpContext& ctx, ScanShape* out) {
  const Shape& shape = ctx.shape(0);
  int64_t axis = ctx.ScalarInt(1);
  if (axis < -shape.rank() || axis >= shape.rank()) {
    return Error("axis is %lld, want a value in [%d, %d)", static_cast<long long>(axis),
                 -shape.rank(), shape.rank());
  }
  if (axis < 0) axis += shape.rank();
  const int a = static_cast<int>(axis);
  *out = {shape.size(0, a), shape[a], shape.size(a + 1, shape.rank()), ctx.attr_bool("exclusive"),
          ctx.attr_bool("reverse")};
  return {};
}

namespace {

template <typename Op>
Status Run(OpContext& ctx) {
  ScanShape s;
  OPKIT_RETURN_IF_ERROR(ReadShape(ctx, &s));
  if (ctx.shape(0).size() == 0) return {};
  const DType dtype = WrapType(ctx.dtype(0));
  switch (dtype) {
    case DType::kFloat32:
    case DType::kFloat64:
    case DType::kUInt32:
    case DType::kUInt64:
      return ScanAs<Op>(ctx, s, dtype, TypeList<float, double, uint32_t, uint64_t>{});
    case DType::kFloat16:
    case DType::kBFloat16:
      return ScanNarrow<Op>(ctx, s, dtype);
    default:
      return ScanRare<Op>(ctx, s, dtype);
  }
}

OPKIT_OP(Cumprod)
    .Signature(R"(
      x: T, axis: Tidx[] -> out: T
      T in {numeric}
      Tidx in {int32, int64}
      exclusive: bool = false
      reverse: bool = false
    )")
    .Shape(SameAs<0>)
    .Run(Run<Multiply>);

OPKIT_OP(Cumsum)
    .Signature(R"(
      x: T, axis: Tidx[] -> out: T
      T in {numeric}
      Tidx in {int32, int64}
      exclusive: bool = false
      reverse: bool = false
    )")
    .Shape(SameAs<0>)
    .Run(Run<Add>);

}  // namespace
}  // namespace opkit::scan

// Betainc: three tensors of one shape, scalars repeated; unlike the binary ops
// TensorFlow broadcasts nothing but scalars here.
#include <algorithm>

#include "math/special/special.h"
#include "opkit/op.h"

namespace opkit {
namespace {

constexpr int64_t kPiece = 1024;

Status SetShapes(OpContext& ctx) {
  int widest = 0;
  for (int i = 1; i < 3; ++i) {
    if (ctx.shape(widest).rank() == 0) widest = i;
  }
  const Shape& shape = ctx.shape(widest);
  for (int i = 0; i < 3; ++i) {
    if (ctx.shape(i).rank() != 0 && ctx.shape(i) != shape) {
      return Error("a, b and x must have one shape or be scalars");
    }
  }
  ctx.SetShape(0, shape);
  return {};
}

template <typename T>
void Compute(OpContext& ctx) {
  const T* in[3];
  bool scalar[3];
  for (int i = 0; i < 3; ++i) {
    in[i] = ctx.in<T>(i);
    scalar[i] = ctx.shape(i).rank() == 0;
  }
  T* y = ctx.out<T>(0);
  ctx.ParallelFor(ctx.out_shape(0).size(), kPiece, [&](int64_t begin, int64_t end) {
    T repeated[3][kPiece];
    const int64_t piece = std::min(kPiece, end - begin);
    for (int i = 0; i < 3; ++i) {
      if (scalar[i]) std::fill_n(repeated[i], piece, *in[i]);
    }
    for (int64_t at = begin; at < end; at += kPiece) {
      const T* p[3];
      for (int i = 0; i < 3; ++i) p[i] = scalar[i] ? repeated[i] : in[i] + at;
      special::Betainc(p[0], p[1], p[2], y + at, static_cast<size_t>(std::min(kPiece, end - at)));
    }
  });
}

Status Run(OpContext& ctx) {
  if (ctx.out_shape(0).size() == 0) return {};
  return ctx.Visit<float, double>(0, [&](auto tag) {
    Compute<decltype(tag)>(ctx);
    return Status();
  });
}

OPKIT_OP(Betainc)
    .Signature(R"(
      a: T, b: T, x: T -> z: T
      T in {float32, float64}
    )")
    .Shape(SetShapes)
    .Run(Run);

}  // namespace
}  // namespace opkit

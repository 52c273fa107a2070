// MatrixTriangularSolve: X with A X = B or A^H X = B for a triangular A; batch dimensions
// broadcast. As in TF a zero on the diagonal is no error: it divides.
#include <algorithm>
#include <vector>

#include "math/simd.h"
#include "opkit/op.h"
#include "ops/linalg/batch.h"
#include "ops/linalg/dense-inl.h"
#include "ops/linalg/scalar.h"
#include "ops/linalg/soa-inl.h"

HWY_BEFORE_NAMESPACE();
namespace opkit::linalg::HWY_NAMESPACE {

// b[n, m] <- inverse(A) b for groups.
template <class T>
HWY_NOINLINE void TriangularGroup(bool lower, size_t n, size_t m, const Real<T>* a, Real<T>* b) {
  using L = Lane<T>;
  for (size_t step = 0; step < n; ++step) {
    const size_t i = lower ? step : n - 1 - step;
    const Real<T>* row = a + i * n * L::kStride;
    const typename L::V diagonal = L::Load(row + i * L::kStride);
    const size_t first = lower ? 0 : i + 1, last = lower ? i : n;
    for (size_t j = 0; j < m; ++j) {
      typename L::V v = L::Load(b + (i * m + j) * L::kStride);
      for (size_t k = first; k < last; ++k) {
        v = L::MulSub(L::Load(row + k * L::kStride), L::Load(b + (k * m + j) * L::kStride), v);
      }
      L::Store(L::Div(v, diagonal), b + (i * m + j) * L::kStride);
    }
  }
}

template <class T>
void TriangularTyped(bool lower, bool adjoint, size_t n, size_t m, size_t count, const T* a,
                     const int64_t* a_index, const T* b, const int64_t* b_index, T* x,
                     void* scratch) {
  using L = Lane<T>;
  if (n <= kGroupOrder && m <= kGroupOrder) {
    Real<T>* ga = static_cast<Real<T>*>(scratch);
    Real<T>* gb = ga + n * n * L::kStride;
    for (size_t i = 0; i < count; i += L::kLanes) {
      const size_t some = HWY_MIN(L::kLanes, count - i);
      PackLanesAt<T>(a, a_index + i, some, n * n, ga);
      PackLanesAt<T>(b, b_index + i, some, n * m, gb);
      if (adjoint) AdjointLanes<T>(n, ga);
      TriangularGroup<T>(lower != adjoint, n, m, ga, gb);
      UnpackLanes<T>(gb, n * m, some, n * m, x + i * n * m);
    }
    return;
  }
  T* transposed = static_cast<T*>(scratch);
  int64_t held = -1;
  for (size_t i = 0; i < count; ++i) {
    const T* matrix = a + static_cast<size_t>(a_index[i]) * n * n;
    const T* rhs = b + static_cast<size_t>(b_index[i]) * n * m;
    std::copy(rhs, rhs + n * m, x + i * n * m);
    if (adjoint && held != a_index[i]) {
      for (size_t r = 0; r < n; ++r) {
        for (size_t c = 0; c < n; ++c) transposed[c * n + r] = Conj(matrix[r * n + c]);
      }
      held = a_index[i];
    }
    SolveTriangular<T>(lower != adjoint, false, false, n, m, adjoint ? transposed : matrix, n,
                       x + i * n * m, m);
  }
}

void TriangularBatch(DType dtype, bool lower, bool adjoint, size_t n, size_t m, size_t count,
                     const void* a, const int64_t* a_index, const void* b, const int64_t* b_index,
                     void* x, void* scratch) {
  OPKIT_LINALG_TARGET_SWITCH(
      dtype, T,
      TriangularTyped(lower, adjoint, n, m, count, static_cast<const T*>(a), a_index,
                      static_cast<const T*>(b), b_index, static_cast<T*>(x), scratch));
}

size_t TriangularScratch(DType dtype, bool adjoint, size_t n, size_t m) {
  size_t bytes = 0;
  OPKIT_LINALG_TARGET_SWITCH(dtype, T,
                             bytes = n <= kGroupOrder && m <= kGroupOrder
                                         ? n * (n + m) * Lane<T>::kStride * sizeof(Real<T>)
                                         : (adjoint ? n * n * sizeof(T) : 0));
  return bytes;
}

}  // namespace opkit::linalg::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace opkit::linalg {
namespace {
OPKIT_SIMD_EXPORT(TriangularBatch);
OPKIT_SIMD_EXPORT(TriangularScratch);

Status SetShapes(OpContext& ctx) {
  const Shape &a = ctx.shape(0), &b = ctx.shape(1);
  if (b.rank() < 2) return Error("rhs has rank %d, want at least 2", b.rank());
  if (a.back() != b[b.rank() - 2]) {
    return Error("matrix is %s and rhs %s: want as many rows in rhs", a.str().c_str(),
                 b.str().c_str());
  }
  Shape batch;
  if (!BroadcastShapes(BatchShape(a, 2), BatchShape(b, 2), &batch)) {
    return Error("batch dimensions of matrix %s and rhs %s do not broadcast", a.str().c_str(),
                 b.str().c_str());
  }
  ctx.SetShape(0, batch.concat({a.back(), b.back()}));
  return {};
}

// index[i]: which matrix of a tensor with these batch dimensions serves item i of the output.
void FillIndex(const Shape& batch, const Shape& own, int64_t* index) {
  int64_t strides[Shape::kMaxRank] = {};
  int64_t stride = 1;
  const int shift = batch.rank() - own.rank();
  for (int d = own.rank() - 1; d >= 0; --d) {
    strides[d + shift] = own[d] == 1 ? 0 : stride;
    stride *= own[d];
  }
  int64_t at[Shape::kMaxRank] = {};
  const int64_t count = batch.size();
  int64_t current = 0;
  for (int64_t i = 0; i < count; ++i) {
    index[i] = current;
    for (int d = batch.rank() - 1; d >= 0; --d) {
      current += strides[d];
      if (++at[d] < batch[d]) break;
      current -= strides[d] * batch[d];
      at[d] = 0;
    }
  }
}

Status Run(OpContext& ctx) {
  const Shape& out = ctx.out_shape(0);
  if (out.size() == 0) return {};
  const Shape batch = BatchShape(out, 2);
  const int64_t n = out[out.rank() - 2], m = out.back(), count = batch.size();
  const bool lower = ctx.attr_bool("lower"), adjoint = ctx.attr_bool("adjoint");
  const DType dtype = ctx.dtype(0);
  const size_t rows = static_cast<size_t>(n), columns = static_cast<size_t>(m);
  int64_t* index = ctx.ScratchOf<int64_t>(2 * count, 1);
  FillIndex(batch, BatchShape(ctx.shape(0), 2), index);
  FillIndex(batch, BatchShape(ctx.shape(1), 2), index + count);
  const size_t item = rows * columns * DTypeSize(dtype);
  const void* a = ctx.raw(0);
  const void* b = ctx.raw(1);
  char* x = ctx.out<char>(0);
  const auto solve = OPKIT_LINALG_CALL(TriangularBatch, dtype);
  ForBatch(ctx, count, kGroupUnit, static_cast<double>(n * n) * static_cast<double>(m) / 2,
           OPKIT_LINALG_CALL(TriangularScratch, dtype)(dtype, adjoint, rows, columns),
           [&](int64_t begin, int64_t end, void* scratch) {
             solve(dtype, lower, adjoint, rows, columns, static_cast<size_t>(end - begin), a,
                   index + begin, b, index + count + begin, x + static_cast<size_t>(begin) * item,
                   scratch);
           });
  return {};
}

OPKIT_OP(MatrixTriangularSolve)
    .Signature(R"(
      matrix: T[..., n, n], rhs: T -> output: T
      T in {float32, float64, complex64, complex128}
      lower: bool = true
      adjoint: bool = false
    )")
    .Shape(SetShapes)
    .Run(Run);

}  // namespace
}  // namespace opkit::linalg
#endif  // HWY_ONCE

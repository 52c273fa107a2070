// Implicit QR iteration on real bidiagonal and tridiagonal matrices, in double; the caller applies
// the rotations to its factors. Nothing here throws, so what calls it needs no unwind tables.
#ifndef OPKIT_OPS_LINALG_BIDIAGONAL_H_
#define OPKIT_OPS_LINALG_BIDIAGONAL_H_

#include <cstddef>

namespace opkit::linalg {

// Orders up to this run as groups of one matrix a lane in Svd, by Jacobi rotations: where Eigen
// does, too.
constexpr size_t kJacobiOrder = 15;

// Applies rotations to a factor, `right` or left: for k < count, in order, columns i = first + k
// step and j = i + step become c[k] i + s[k] j and c[k] j - s[k] i. None where apply is null.
struct Rotations {
  void* self;
  void (*apply)(void* self, bool right, size_t first, ptrdiff_t step, size_t count, const double* c,
                const double* s);
};

// Makes the upper bidiagonal matrix of diagonal d[n] and superdiagonal e[n - 1] diagonal, to the
// relative precision eps. Values keep their signs and order. False when it does not converge.
// Source: G. H. Golub and C. Reinsch, Numerische Mathematik 14 (1970), with the deflation tests
// of LINPACK's dsvdc.
bool DiagonaliseBidiagonal(size_t n, double* d, double* e, double eps,
                           const Rotations& rotations) noexcept;

// Makes the real symmetric tridiagonal matrix of diagonal d[n] and subdiagonal e[n - 1] diagonal by
// QR steps with Wilkinson's shift; entries are expected within [-1, 1] or so. The eigenvectors are
// the right factor.
bool DiagonaliseTridiagonal(size_t n, double* d, double* e, double eps,
                            const Rotations& rotations) noexcept;

// order[n]: the indices of values[n] from the smallest value up, those of equal ones as they are.
void AscendingOrder(size_t n, const double* values, size_t* order) noexcept;

}  // namespace opkit::linalg

#endif  // OPKIT_OPS_LINALG_BIDIAGONAL_H_

// Implicit QR iteration on real bidiagonal and tridiagonal matrices, in double; the caller applies
// the rotations to its factors.
#ifndef OPKIT_OPS_LINALG_BIDIAGONAL_H_
#define OPKIT_OPS_LINALG_BIDIAGONAL_H_

#include <cstddef>

namespace opkit::linalg {

// Orders up to this run as groups of one matrix a lane in Svd, by Jacobi rotations: where Eigen
// does, too.
constexpr size_t kJacobiOrder = 15;

// Columns i, j of a factor become c i + s j and -s i + c j.
struct BidiagonalCallbacks {
  void* self;
  void (*left)(void* self, size_t i, size_t j, double c, double s);
  void (*right)(void* self, size_t i, size_t j, double c, double s);
};

// Makes the upper bidiagonal matrix of diagonal d[n] and superdiagonal e[n - 1] diagonal, to the
// relative precision eps. Values keep their signs and order. False when it does not converge.
// Source: G. H. Golub and C. Reinsch, Numerische Mathematik 14 (1970), with the deflation tests
// of LINPACK's dsvdc.
bool DiagonaliseBidiagonal(size_t n, double* d, double* e, double eps,
                           const BidiagonalCallbacks& callbacks);

// Makes the real symmetric tridiagonal matrix of diagonal d[n] and subdiagonal e[n - 1] diagonal by
// QR steps with Wilkinson's shift; entries are expected within [-1, 1] or so. turn(i, j, c, s), if
// given, replaces columns i, j of the eigenvectors by c i - s j and s i + c j.
bool DiagonaliseTridiagonal(size_t n, double* d, double* e, double eps, void* self,
                            void (*turn)(void* self, size_t i, size_t j, double c, double s));

}  // namespace opkit::linalg

#endif  // OPKIT_OPS_LINALG_BIDIAGONAL_H_

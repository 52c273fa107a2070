"""Dense linear algebra on the last two dimensions: inverse, solve, Cholesky, LU, QR, SVD, eigh."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from opkit.ops._linalg_errors import (
    cholesky_error,
    conjugate_transpose,
    eigh_error,
    inverse_error,
    lu_error,
    qr_error,
    solve_error,
    svd_error,
    triangular_error,
)
from opkit.spec import AbsRel, Case, Custom, Peers, Reject, Spec, Types, draw, register

_SOURCE = "tensorflow/core/kernels/linalg"
_BATCHES: tuple[tuple[int, ...], ...] = ((), (1,), (17,), (2, 3), (0,))
_ORDERS = (1, 2, 3, 4, 5, 7, 8, 9, 16, 17, 31, 33, 65)


def _normal(rng: np.random.Generator, dtype: np.dtype, shape: Sequence[int]) -> np.ndarray:
    x = rng.standard_normal(tuple(shape))
    if dtype.kind == "c":
        x = x + 1j * rng.standard_normal(tuple(shape))
    return np.asarray(x)


def _matrix(*shape: int) -> Any:
    return draw(
        lambda rng, dtype: _normal(rng, dtype, shape).astype(dtype), f"normal {list(shape)}"
    )


def _regular(*shape: int) -> Any:
    """Square matrices far enough from singular for every dtype; rows need pivoting."""

    def make(rng: np.random.Generator, dtype: np.dtype) -> np.ndarray:
        x = _normal(rng, dtype, shape)
        n = shape[-1]
        if n:
            x = x + 1.5 * np.sqrt(n) * np.eye(n)[rng.permutation(n)]
        return x.astype(dtype)

    return draw(make, f"regular {list(shape)}")


def _positive(*shape: int) -> Any:
    """Hermitian positive definite; the strictly upper triangle is noise, which nobody may read."""

    def make(rng: np.random.Generator, dtype: np.dtype) -> np.ndarray:
        x = _normal(rng, dtype, shape)
        n = shape[-1]
        x = np.tril(x @ conjugate_transpose(x) + 0.5 * n * np.eye(n))
        return (x + np.triu(_normal(rng, dtype, shape), 1)).astype(dtype)

    return draw(make, f"positive definite {list(shape)}")


def _hermitian(*shape: int) -> Any:
    def make(rng: np.random.Generator, dtype: np.dtype) -> np.ndarray:
        x = _normal(rng, dtype, shape)
        return (x + conjugate_transpose(x)).astype(dtype)

    return draw(make, f"hermitian {list(shape)}")


def _nan_of_failures(parts: Sequence[Any], failed: np.ndarray, dtype: Any) -> list[np.ndarray]:
    """NaN in the failed matrices of complex results.

    TensorFlow means NaN there, too, but `numeric_limits<complex>::quiet_NaN()` is 0.
    """
    out = [np.array(p) for p in parts]
    if np.dtype(dtype).kind == "c":
        for p in out:
            p[failed] = np.nan
    return out


def _svd_reference(input: Any, compute_uv: bool = True, full_matrices: bool = False) -> Any:
    import tensorflow as tf

    out = tf.raw_ops.Svd(input=input, compute_uv=compute_uv, full_matrices=full_matrices)
    failed = ~np.isfinite(input).all(axis=(-2, -1))
    if compute_uv:
        return _nan_of_failures(out, failed, input.dtype)
    (s,) = _nan_of_failures([out.s], failed, input.dtype)
    # The op's shape function says [0]; its kernel leaves the outputs unset.
    return s, np.zeros(0, input.dtype), np.zeros(0, input.dtype)


def _eigh_reference(input: Any, compute_v: bool = True) -> Any:
    import tensorflow as tf

    out = tf.raw_ops.SelfAdjointEigV2(input=input, compute_v=compute_v)
    return out if compute_v else (out.e, np.zeros(0, input.dtype))


def _cholesky_reference(input: Any) -> Any:
    import tensorflow as tf

    # On failure TensorFlow fills the lower triangle with NaN and leaves the rest unset.
    out = np.tril(tf.raw_ops.Cholesky(input=input).numpy())
    if out.shape[-1]:
        (out,) = _nan_of_failures([out], out[..., 0, 0] == 0, out.dtype)
    return np.tril(out)


def _shape_id(shape: Sequence[int]) -> str:
    return "x".join(map(str, shape))


def _square_shapes(types: Types) -> Iterator[tuple[int, ...]]:
    for n in _ORDERS:
        if types.main == "float16" and n > 17:
            continue
        yield (3, n, n)
    for batch in _BATCHES:
        yield (*batch, 4, 4)
        yield (*batch, 10, 10)
    yield (0, 0)
    yield (2, 0, 0)


def _squares(make: Any, flag: str = "") -> Any:
    def cases(types: Types) -> Iterator[Case]:
        for shape in _square_shapes(types):
            yield Case(_shape_id(shape), {"input": make(*shape)})
            if flag and shape[-1] in (0, 3, 8, 17):
                yield Case(f"{_shape_id(shape)}-{flag}", {"input": make(*shape)}, {flag: True})

    return cases


def _special(values: Sequence[float]) -> np.ndarray:
    """Identity matrices with one of the values at (1, 1) each."""
    out = np.tile(np.eye(3), (len(values), 1, 1))
    out[:, 1, 1] = values
    return out


def _cholesky_cases(types: Types) -> Iterator[Case]:
    yield from _squares(_positive)(types)
    odd = [-1.0, 0.0, np.nan, np.inf, 1e-30, 4.0]
    yield Case("not-positive", {"input": _special(odd)})
    large = np.eye(40)
    large[33, 33] = -1
    yield Case("not-positive-40", {"input": large})


def _determinant_cases(types: Types) -> Iterator[Case]:
    yield from _squares(_regular)(types)
    yield Case("singular", {"input": np.ones((2, 3, 3))})
    yield Case("special", {"input": _special([0.0, -3.0, np.nan])})
    graded = np.diag([1e30, 1e30, 1e-30, 1e-30, 2.0])
    yield Case("graded", {"input": graded})


def _solve_cases(types: Types) -> Iterator[Case]:
    for n in _ORDERS:
        for m in (1, 3, 40):
            for adjoint in (False, True):
                name = f"{n}x{m}" + ("-adjoint" if adjoint else "")
                yield Case(
                    name,
                    {"matrix": _regular(3, n, n), "rhs": _matrix(3, n, m)},
                    {"adjoint": adjoint},
                )
    for batch in _BATCHES:
        yield Case(
            f"batch-{_shape_id(batch) or 'none'}",
            {"matrix": _regular(*batch, 4, 4), "rhs": _matrix(*batch, 4, 2)},
        )
    yield Case("no-columns", {"matrix": _regular(3, 3), "rhs": _matrix(3, 0)})


def _triangular_cases(types: Types) -> Iterator[Case]:
    for n in (1, 2, 4, 8, 9, 33, 65):
        for m in (1, 3, 40):
            for lower in (False, True):
                for adjoint in (False, True):
                    name = f"{n}x{m}-{'lower' if lower else 'upper'}"
                    yield Case(
                        name + ("-adjoint" if adjoint else ""),
                        {"matrix": _dominant(2, n, n), "rhs": _matrix(2, n, m)},
                        {"lower": lower, "adjoint": adjoint},
                    )
    for a, b in (((), (3,)), ((3,), ()), ((2, 1), (3,)), ((1, 3), (2, 1)), ((0,), (1,))):
        yield Case(
            f"broadcast-{_shape_id(a) or 'none'}-{_shape_id(b) or 'none'}",
            {"matrix": _dominant(*a, 4, 4), "rhs": _matrix(*b, 4, 2)},
            {"lower": True},
        )
    yield Case(
        "broadcast-12",
        {"matrix": _dominant(2, 1, 12, 12), "rhs": _matrix(3, 12, 2)},
        {"lower": True, "adjoint": True},
    )


def _dominant(*shape: int) -> Any:
    """Triangles with a strong diagonal: random ones are as ill-conditioned as can be."""

    def make(rng: np.random.Generator, dtype: np.dtype) -> np.ndarray:
        n = shape[-1]
        return (_normal(rng, dtype, shape) + 3 * np.sqrt(n) * np.eye(n)).astype(dtype)

    return draw(make, f"dominant {list(shape)}")


_RECTANGLES = ((3, 5), (5, 3), (1, 4), (4, 1), (8, 2), (9, 8), (40, 7), (7, 40), (33, 20))


def _rectangular_cases(flags: Sequence[str]) -> Any:
    def cases(types: Types) -> Iterator[Case]:
        shapes = [s for s in _square_shapes(types) if s[-1] <= 33]
        shapes += [(2, *r) for r in _RECTANGLES] + [(0, 3), (3, 0), (2, 0, 3)]
        for shape in shapes:
            yield Case(_shape_id(shape), {"input": _matrix(*shape)})
            for flag in flags:
                value = flag != "compute_uv"
                if shape[-1] in (0, 3, 4, 5, 7, 17, 40) or shape[-2] == 0:
                    yield Case(
                        f"{_shape_id(shape)}-{flag}", {"input": _matrix(*shape)}, {flag: value}
                    )
        yield Case("zero", {"input": np.zeros((2, 4, 4))})
        yield Case("ones", {"input": np.ones((2, 5, 5))})
        yield Case("ones-20", {"input": np.ones((20, 18))})
        if types.main != "float16":
            yield Case("small-numbers", {"input": draw(_scaled(1e-15, (2, 6, 6)), "tiny")})
            yield Case("large-numbers", {"input": draw(_scaled(1e15, (2, 20, 20)), "large")})

    return cases


def _scaled(factor: float, shape: tuple[int, ...]) -> Any:
    return lambda rng, dtype: (factor * _normal(rng, dtype, shape)).astype(dtype)


def _svd_cases(types: Types) -> Iterator[Case]:
    yield from _rectangular_cases(("full_matrices", "compute_uv"))(types)
    bad = np.tile(np.eye(4), (3, 1, 1))
    bad[1, 0, 2], bad[2, 3, 3] = np.nan, np.inf
    yield Case("not-finite", {"input": bad})
    yield Case("not-finite-20", {"input": np.full((20, 18), np.nan)})


def _eigh_cases(types: Types) -> Iterator[Case]:
    for shape in _square_shapes(types):
        yield Case(_shape_id(shape), {"input": _hermitian(*shape)})
        if shape[-1] in (0, 4, 17):
            yield Case(
                f"{_shape_id(shape)}-values", {"input": _hermitian(*shape)}, {"compute_v": False}
            )
    yield Case("lower-triangle", {"input": _matrix(2, 5, 5)}, dtypes=("float32", "float64"))
    yield Case("repeated", {"input": np.ones((2, 6, 6))})
    yield Case("diagonal", {"input": np.diag(np.arange(20.0)[::-1])})
    yield Case("zero", {"input": np.zeros((12, 12))})
    odd = np.reshape([np.nan, np.inf, -2.0, -np.inf], (4, 1, 1))
    for flag in (True, False):
        yield Case(f"one-by-one-{flag}", {"input": odd}, {"compute_v": flag})


_SINGULAR = np.ones((2, 3, 3))
_SQUARE = Reject("not-square", {"input": _matrix(2, 3)}, "input", at="load")
_RANK = Reject("rank-1", {"input": _matrix(3)}, "input", at="load")


def _bench_square(make: Any) -> Any:
    def cases(types: Types) -> Iterator[Case]:
        for shape in ((1000, 2, 2), (1000, 4, 4), (1000, 8, 8), (128, 128)):
            yield Case(_shape_id(shape), {"input": make(*shape)})

    return cases


def _bench_solve(types: Types) -> Iterator[Case]:
    yield Case("1000x4x4", {"matrix": _regular(1000, 4, 4), "rhs": _matrix(1000, 4, 1)})
    yield Case("1000x8x8", {"matrix": _regular(1000, 8, 8), "rhs": _matrix(1000, 8, 1)})
    yield Case("128x128", {"matrix": _regular(128, 128), "rhs": _matrix(128, 16)})


def _bench_triangular(types: Types) -> Iterator[Case]:
    yield Case("1000x4x4", {"matrix": _dominant(1000, 4, 4), "rhs": _matrix(1000, 4, 1)})
    yield Case("128x128", {"matrix": _dominant(128, 128), "rhs": _matrix(128, 128)})


_BENCH = ("float32", "float64")

register(
    Spec(
        "MatrixInverse",
        _squares(_regular, "adjoint"),
        {
            "float32": Custom(inverse_error, 4, "residual in eps"),
            "float16": AbsRel(0, 0.05, scale=True),
        },
        rejects=(
            Reject("singular", {"input": _SINGULAR}, "not invertible", at="run"),
            Reject("singular-12", {"input": np.ones((12, 12))}, "not invertible", at="run"),
            _SQUARE,
            _RANK,
        ),
        bench=_bench_square(_regular),
        bench_dtypes=_BENCH,
        peers=Peers(numpy="numpy.linalg.inv"),
        doc="Inverse by LU with partial pivoting; one matrix per SIMD lane up to 8 x 8. A pivot"
        " of 0 or NaN is refused.",
        source=f"{_SOURCE}/matrix_inverse_op.cc",
    ),
    Spec(
        "MatrixSolve",
        _solve_cases,
        Custom(solve_error, 4, "residual in eps"),
        rejects=(
            Reject(
                "singular",
                {"matrix": _SINGULAR, "rhs": np.ones((2, 3, 1))},
                "not invertible",
                at="run",
            ),
        ),
        bench=_bench_solve,
        bench_dtypes=_BENCH,
        peers=Peers(numpy="numpy.linalg.solve"),
        doc="Solves A X = B by LU with partial pivoting. A pivot of 0 or NaN is refused.",
        source=f"{_SOURCE}/matrix_solve_op.cc",
    ),
    Spec(
        "MatrixTriangularSolve",
        _triangular_cases,
        Custom(triangular_error, 4, "residual in eps"),
        bench=_bench_triangular,
        bench_dtypes=_BENCH,
        doc="Solves with a triangular matrix; batch dimensions broadcast.",
        source=f"{_SOURCE}/matrix_triangular_solve_op_impl.h",
    ),
    Spec(
        "Cholesky",
        _cholesky_cases,
        Custom(cholesky_error, 4, "residual in eps"),
        reference=_cholesky_reference,
        rejects=(_SQUARE, _RANK),
        bench=_bench_square(_positive),
        bench_dtypes=_BENCH,
        peers=Peers(numpy="numpy.linalg.cholesky"),
        doc="Lower Cholesky factor; NaN where the matrix is not positive definite (TensorFlow's"
        " complex kernels mean NaN, but store 0).",
        source=f"{_SOURCE}/cholesky_op.cc",
    ),
    Spec(
        "MatrixDeterminant",
        _determinant_cases,
        # TensorFlow takes the exponential of a sum of logarithms, which costs it digits.
        {"float32": AbsRel(0, 3e-4), "float64": AbsRel(0, 1e-11)},
        bench=_bench_square(_regular),
        bench_dtypes=_BENCH,
        peers=Peers(numpy="numpy.linalg.det"),
        doc="Determinant as the product of LU's pivots, kept in range by a separate exponent.",
        source=f"{_SOURCE}/determinant_op.cc",
    ),
    Spec(
        "LogMatrixDeterminant",
        _determinant_cases,
        {"float32": AbsRel(2e-4, 2e-5), "float64": AbsRel(1e-11, 1e-12)},
        bench=_bench_square(_regular),
        bench_dtypes=_BENCH,
        doc="Sign (phase) and logarithm of the magnitude of the determinant.",
        source=f"{_SOURCE}/determinant_op.cc",
    ),
    Spec(
        "Lu",
        _squares(_regular),
        Custom(lu_error, 4, "residual in eps"),
        rejects=(Reject("singular", {"input": _SINGULAR}, "not invertible", at="run"),),
        bench=_bench_square(_regular),
        bench_dtypes=_BENCH,
        doc="LU factors with partial pivoting, and the row permutation. A pivot of 0 or NaN is"
        " refused.",
        source=f"{_SOURCE}/lu_op.cc",
    ),
    Spec(
        "Qr",
        _rectangular_cases(("full_matrices",)),
        {"float32": Custom(qr_error, 20, "eps"), "float16": Custom(qr_error, 20, "eps")},
        rejects=(_RANK,),
        bench=_bench_square(_matrix),
        bench_dtypes=_BENCH,
        peers=Peers(numpy="numpy.linalg.qr"),
        doc="QR by Householder reflections, with TensorFlow's signs.",
        source=f"{_SOURCE}/qr_op_impl.h",
    ),
    Spec(
        "Svd",
        _svd_cases,
        Custom(svd_error, 20, "eps"),
        reference=_svd_reference,
        rejects=(_RANK,),
        bench=_bench_square(_matrix),
        bench_dtypes=_BENCH,
        peers=Peers(numpy="numpy.linalg.svd"),
        doc="Singular value decomposition. Real square matrices below 16 x 16 have TensorFlow's"
        " signs; other factors are unique up to a sign or phase per pair of vectors.",
        source=f"{_SOURCE}/svd_op_impl.h",
    ),
    Spec(
        "SelfAdjointEigV2",
        _eigh_cases,
        Custom(eigh_error, 20, "eps"),
        reference=_eigh_reference,
        rejects=(
            Reject("not-finite", {"input": np.full((3, 3), np.nan)}, "not successful", at="run"),
            Reject("not-finite-12", {"input": np.full((12, 12), np.inf)}, "not succ", at="run"),
            _SQUARE,
            _RANK,
        ),
        bench=_bench_square(_hermitian),
        bench_dtypes=_BENCH,
        peers=Peers(numpy="numpy.linalg.eigh"),
        doc="Eigenvalues in ascending order and eigenvectors, from the lower triangle; beyond 1 x 1"
        " it has to be finite.",
        source=f"{_SOURCE}/self_adjoint_eig_v2_op_impl.h",
    ),
)

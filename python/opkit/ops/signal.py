"""Fourier transforms: complex and real, over the last one, two or three dimensions.

Errors are judged against the spectrum's norm, as is usual for FFTs: each output element carries
rounding from all inputs. A transform of n elements with eps the dtype's stays below
eps * log2(n) by a wide margin.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from opkit.spec import Case, Custom, Peers, Reject, Spec, Types, draw, register

_SOURCE = "tensorflow/core/kernels/fft_ops.cc"
# Powers of two, products of small primes, primes below and above the generic radices' limit.
_LENGTHS: tuple[int, ...] = (1, 2, 3, 4, 5, 6, 7, 8, 9, 13, 15, 16, 24, 31, 32, 37, 60, 64, 65, 66)
_LENGTHS += (74, 96, 97, 100, 121, 127, 128, 169, 256, 331, 480, 500, 512, 1000, 1009, 1024, 4096)
_PLANES = (
    (1, 1),
    (2, 3),
    (4, 4),
    (5, 8),
    (8, 5),
    (16, 33),
    (33, 16),
    (37, 10),
    (64, 128),
    (128, 128),
)
_VOLUMES = ((1, 1, 1), (2, 3, 4), (4, 4, 4), (5, 6, 7), (8, 1, 9), (3, 37, 17), (16, 16, 16))


def _normal(*shape: int) -> Any:
    def make(rng: np.random.Generator, dtype: np.dtype) -> np.ndarray:
        x = rng.standard_normal(shape)
        if dtype.kind == "c":
            return np.asarray(x + 1j * rng.standard_normal(shape)).astype(dtype)
        return np.asarray(x).astype(dtype)

    return draw(make, f"normal {list(shape)}")


def _error(inputs: dict[str, Any], attrs: dict[str, Any], got: Any, want: Any) -> float:
    """Distance of a tensor from TensorFlow's over its norm, in eps."""
    g, w = got[0], want[0]
    if g.shape != w.shape or g.dtype != w.dtype:
        return float("inf")
    if w.size == 0:
        return 0.0
    if not np.isfinite(w).all():
        return 0.0 if not np.isfinite(g).all() else float("inf")
    eps = 2.0**-23 if w.dtype.name in ("float32", "complex64") else 2.0**-52
    wide = np.complex128 if w.dtype.kind == "c" else np.float64
    size = np.linalg.norm(w.astype(wide)) or 1.0
    return float(np.linalg.norm(g.astype(wide) - w.astype(wide)) / size / eps)


def _id(shape: Sequence[int]) -> str:
    return "x".join(map(str, shape))


def _shapes(rank: int) -> Iterator[tuple[int, ...]]:
    if rank == 1:
        for n in _LENGTHS:
            yield (3, n)
        yield from ((8,), (2, 3, 20), (17, 16), (2, 1, 4, 48), (0, 4), (3, 0))
        # Enough rows to go side by side, and some left over.
        yield from ((19, n) for n in (1, 2, 7, 9, 16, 25, 60, 64, 74, 331, 500))
        return
    sizes: tuple[tuple[int, ...], ...] = _PLANES if rank == 2 else _VOLUMES
    for size in sizes:
        yield (2, *size)
    yield sizes[3]
    yield (2, 2, *sizes[2])
    yield (0, *sizes[2])
    yield (2, *sizes[2][:-1], 0)


def _complex_cases(rank: int) -> Any:
    def cases(types: Types) -> Iterator[Case]:
        shapes = list(_shapes(rank))
        if rank == 2:  # more blocks of columns than go together, and a part of one
            shapes.append((64, 150))
        for shape in shapes:
            yield Case(_id(shape), {"input": _normal(*shape)})

    return cases


def _matching(types: Types) -> bool:
    return {"float32": "complex64", "float64": "complex128"}[types["Treal"]] == types["Tcomplex"]


def _real_cases(rank: int, forward: bool) -> Any:
    def given(length: Sequence[int]) -> tuple[int, ...]:
        return (*length[:-1], length[-1] if forward else length[-1] // 2 + 1)

    def cases(types: Types) -> Iterator[Case]:
        if not _matching(types):
            return
        for shape in _shapes(rank):
            if shape[-1] == 0:
                continue
            length = shape[-rank:]
            yield Case(
                _id(shape),
                {
                    "input": _normal(*shape[:-rank], *given(length)),
                    "fft_length": np.array(length),
                },
            )
        for n in (1, 7, 12, 66):  # shorter than the input
            length = (*(3,) * (rank - 1), n)
            yield Case(
                f"crop-{_id(length)}",
                {
                    "input": _normal(2, *(5,) * (rank - 1), 80),
                    "fft_length": np.array(length),
                },
            )
        length = (4,) * rank
        yield Case(
            "constant-length",
            {"input": _normal(3, *given(length)), "fft_length": np.array(length)},
            constant=("fft_length",),
        )

    return cases


def _rejects(rank: int) -> tuple[Reject, ...]:
    shape = (2, *(8,) * rank)
    too_long = (8,) * (rank - 1) + (20,)
    pairs = ("float32", "float64")
    return (
        Reject(
            "negative-length",
            {"input": _normal(*shape), "fft_length": np.full(rank, -1)},
            "fft_length|output is",
            dtypes=pairs,
        ),
        Reject(
            "too-long",
            {"input": _normal(*shape), "fft_length": np.array(too_long)},
            "must have length of at least|output is",
            dtypes=pairs,
        ),
        Reject(
            "wrong-count",
            {"input": _normal(*shape), "fft_length": np.full(rank + 1, 4)},
            "fft_length",
            dtypes=pairs,
        ),
    )


def _bench_complex(rank: int) -> Any:
    shapes = {
        1: ((100, 512), (100, 500), (1, 65536), (3200, 16)),
        2: ((64, 64), (1024, 1024)),
        3: ((32, 32, 32),),
    }[rank]

    def cases(types: Types) -> Iterator[Case]:
        for shape in shapes:
            yield Case(_id(shape), {"input": _normal(*shape)})

    return cases


def _bench_real(rank: int, forward: bool) -> Any:
    shapes = {
        1: ((100, 512), (100, 500), (3200, 16)),
        2: ((64, 64), (1024, 1024)),
        3: ((32, 32, 32),),
    }[rank]

    def cases(types: Types) -> Iterator[Case]:
        if not _matching(types):
            return
        for shape in shapes:
            last = shape[-1] if forward else shape[-1] // 2 + 1
            yield Case(
                _id(shape),
                {"input": _normal(*shape[:-1], last), "fft_length": np.array(shape[-rank:])},
                constant=("fft_length",),
            )

    return cases


def _complex_spec(name: str, rank: int, doc: str) -> Spec:
    return Spec(
        name,
        _complex_cases(rank),
        Custom(_error, 4, "eps of the norm"),
        rejects=(Reject("too-few-dimensions", {"input": _normal(*(4,) * (rank - 1))}, "input"),),
        bench=_bench_complex(rank),
        bench_dtypes=("complex64",),
        doc=doc,
        source=_SOURCE,
    )


def _real_spec(name: str, rank: int, forward: bool, doc: str) -> Spec:
    builtin = {"RFFT2D": "RFFT2D"}.get(name)
    return Spec(
        name,
        _real_cases(rank, forward),
        Custom(_error, 4, "eps of the norm"),
        rejects=_rejects(rank),
        bench=_bench_real(rank, forward),
        bench_dtypes=("float32",),
        peers=Peers(builtin=builtin),
        doc=doc,
        source=_SOURCE,
    )


for _rank, _suffix in ((1, ""), (2, "2D"), (3, "3D")):
    _axes = "the last dimension" if _rank == 1 else f"the last {_rank} dimensions"
    register(
        _complex_spec(f"FFT{_suffix}", _rank, f"Fourier transform over {_axes}."),
        _complex_spec(f"IFFT{_suffix}", _rank, f"Inverse Fourier transform over {_axes}."),
        _real_spec(
            f"RFFT{_suffix}", _rank, True, f"Fourier transform of real values over {_axes}."
        ),
        _real_spec(f"IRFFT{_suffix}", _rank, False, f"Inverse of RFFT{_suffix} over {_axes}."),
    )

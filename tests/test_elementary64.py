"""float64 and complex128 elementary functions against mpmath, for every instruction set.

Other truths of float64 kernels are float64 themselves and hide an error below one ULP.
"""

from __future__ import annotations

import ctypes
import math
from collections.abc import Callable, Iterator

import mpmath as mp
import numpy as np
import pytest

import opkit
from opkit import registry
from opkit.spec import specs
from opkit.verify import parity
from opkit.verify.execute import Runner
from opkit.verify.single_op import build

LEVELS = ("sse4", "avx2", "avx512", "neon")
_SCALE = mp.mpf("1.0507009873554804934193349852946")
_SCALE_ALPHA = mp.mpf("1.7580993408473768599402175208123")

Truth = Callable[[mp.mpf], mp.mpf]

# Worst errors in ULP of kernels/math/ACCURACY.md, rounded up, the range where the function has
# finite values, and the truth.
FUNCTIONS: dict[str, tuple[float, float, float, Truth]] = {
    "Acos": (1.2, -1, 1, mp.acos),
    "Acosh": (1.9, 1, math.inf, mp.acosh),
    "Asin": (1.7, -1, 1, mp.asin),
    "Asinh": (1.8, -math.inf, math.inf, mp.asinh),
    "Atan": (1.5, -math.inf, math.inf, mp.atan),
    "Atanh": (2.0, -1, 1, mp.atanh),
    "Cosh": (1.5, -710.4, 710.4, mp.cosh),
    "Elu": (1.5, -math.inf, math.inf, lambda x: mp.expm1(x) if x < 0 else x),
    "Erf": (2.5, -math.inf, math.inf, mp.erf),
    "Erfc": (3.7, -math.inf, 27.2, mp.erfc),
    "Expm1": (1.8, -math.inf, 709.7, mp.expm1),
    "Log1p": (1.5, -1, math.inf, mp.log1p),
    "Selu": (
        2.2,
        -math.inf,
        1e308,
        lambda x: _SCALE_ALPHA * mp.expm1(x) if x < 0 else _SCALE * x,
    ),
    "Sinh": (2.5, -710.4, 710.4, mp.sinh),
    "Softplus": (1.7, -math.inf, math.inf, lambda x: mp.log1p(mp.exp(x)) if x < 800 else x),
    "Softsign": (1.5, -1e308, 1e308, lambda x: x / (1 + abs(x))),
    "Tan": (1.7, -1e15, 1e15, mp.tan),
}

# The same for complex128: bound in ULP of the result's size, limit of the parts of the arguments.
COMPLEX: dict[str, tuple[float, float, Callable[[mp.mpc], mp.mpc]]] = {
    "Acos": (3, math.inf, mp.acos),
    "Acosh": (3, math.inf, mp.acosh),
    "Asin": (3, math.inf, mp.asin),
    "Asinh": (3, math.inf, mp.asinh),
    "Atan": (3, math.inf, mp.atan),
    "Atanh": (3, math.inf, mp.atanh),
    "Cosh": (3, 700, mp.cosh),
    "Expm1": (3, 700, lambda z: mp.exp(z) - 1),
    "Log1p": (3, math.inf, lambda z: mp.log(1 + z)),
    "Reciprocal": (3, math.inf, lambda z: 1 / z),
    "Sinh": (3, 700, mp.sinh),
    "Tan": (5, 700, mp.tan),
}


def _inputs(low: float, high: float) -> np.ndarray:
    """Values of every size and around the places where the kernels change their method."""
    rng = np.random.default_rng(0)
    sizes = np.ldexp(rng.uniform(0.5, 1, 400), rng.integers(-1070, 1024, 400))
    middle = np.ldexp(rng.uniform(0.5, 1, 900), rng.integers(-8, 11, 900))
    joints = np.array([0.25, 0.3466, 0.5, 1, 1.0397, 2, 5.93, 20, 38, 1048576, 2.0**54])
    spread = np.ldexp(rng.uniform(-1, 1, (30, 1)), -rng.integers(2, 52, (30, 1)))
    near = (joints * (1 + spread)).ravel()
    ones = 1 - np.ldexp(rng.uniform(0.5, 1, 100), -rng.integers(0, 53, 100))
    x = np.concatenate([sizes, middle, near, ones, joints])
    x = np.concatenate([x, -x])
    return x[(x > low) & (x < high)]


def _error(y: float, truth: mp.mpf) -> float:
    """|y - truth| in units of the last place of a double of truth's size."""
    if not math.isfinite(y):
        return math.inf
    size = float(abs(truth))
    unit = math.ulp(max(size, 2.0**-1022)) if size < 2.0**1023 else 2.0**971
    return float(abs(mp.mpf(y) - truth) / unit)


def _complex_error(y: complex, truth: mp.mpc) -> float:
    """|y - truth| in units of the last place of a double of truth's size."""
    if not (math.isfinite(y.real) and math.isfinite(y.imag)):
        return math.inf
    unit = math.ulp(max(float(abs(truth)), 2.0**-1022))
    return float(abs(mp.mpc(y) - truth) / unit)


@pytest.fixture(scope="module")
def library() -> Iterator[ctypes.CDLL]:
    """libopkit as the interpreter uses it; the best instruction set again afterwards."""
    lib = ctypes.CDLL(str(opkit.delegate_path()))
    yield lib
    assert lib.opkit_set_simd(b"auto") == 0


def _on_every_level(
    library: ctypes.CDLL, name: str, x: np.ndarray
) -> Iterator[tuple[str, np.ndarray]]:
    """Name and result of every instruction set for one input."""
    op = registry.declarations()[name]
    types = next(t for t in parity.combinations(specs()[name], op) if t.main == x.dtype.name)
    one = build(op, types, {op.inputs[0].name: x}, {})
    session = Runner("tensorflow", "resolver").load(one.to_bytes())
    levels = [v for v in LEVELS if library.opkit_set_simd(v.encode()) == 0]
    assert levels, "no instruction set is available"
    for level in levels:
        assert library.opkit_set_simd(level.encode()) == 0
        yield level, session.run(one.feeds)[0]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_true_error(library: ctypes.CDLL, name: str) -> None:
    bound, low, high, truth = FUNCTIONS[name]
    x = _inputs(low, high)
    with mp.workprec(400):
        exact = [truth(mp.mpf(v)) for v in x.tolist()]
    for level, got in _on_every_level(library, name, x):
        errors = [_error(y, t) for y, t in zip(got.tolist(), exact, strict=True)]
        worst = int(np.argmax(errors))
        assert errors[worst] <= bound, f"{level}: {errors[worst]:.2f} ulp at {x[worst]!r}"


@pytest.mark.parametrize("name", COMPLEX)
def test_true_complex_error(library: ctypes.CDLL, name: str) -> None:
    # Both the vector code and libm, which takes a vector with a number of extreme size.
    bound, limit, truth = COMPLEX[name]
    rng = np.random.default_rng(0)
    sizes = np.array([1e-290, 1e-20, 1e-8, 0.3, 1, 1.7, 30, 690, 1e9, 1e150])
    parts = sizes[sizes < limit]
    grid = (parts[:, None] + 1j * parts).ravel()
    square = rng.uniform(-3, 3, 600) + 1j * rng.uniform(-3, 3, 600)
    x = np.concatenate([square, grid, grid.conj(), -grid])
    exact = []
    for v in x.tolist():
        ordinary = min(abs(v.real), abs(v.imag)) > 1e-9 and abs(v) < 1e3
        with mp.workprec(300 if ordinary else 4000):
            exact.append(truth(mp.mpc(v)))
    for level, got in _on_every_level(library, name, x):
        errors = [_complex_error(y, t) for y, t in zip(got.tolist(), exact, strict=True)]
        worst = int(np.argmax(errors))
        assert errors[worst] <= bound, f"{level}: {errors[worst]:.2f} ulp at {x[worst]!r}"

"""Each instruction set computes within the same bounds, and capping it takes effect."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator

import numpy as np
import pytest

import opkit
from opkit import registry
from opkit.spec import specs
from opkit.verify import parity
from opkit.verify.execute import Runner
from opkit.verify.results import OK
from opkit.verify.single_op import build

LEVELS = ("sse4", "avx2", "avx512", "neon")
# One op per way of computing: tables, exponentials, reductions, divisions, conversions.
OPS = (
    "Erf",
    "Erfc",
    "Expm1",
    "Log1p",
    "Tan",
    "Softplus",
    "Atan",
    "Xlogy",
    "SeluGrad",
    "TruncateMod",
)


@pytest.fixture(scope="module")
def library() -> Iterator[ctypes.CDLL]:
    """libopkit as the interpreter uses it; the best instruction set again afterwards."""
    lib = ctypes.CDLL(str(opkit.delegate_path()))
    lib.opkit_get_simd.restype = ctypes.c_char_p
    yield lib
    assert lib.opkit_set_simd(b"auto") == 0


def _available(lib: ctypes.CDLL) -> list[str]:
    found = [name for name in LEVELS if lib.opkit_set_simd(name.encode()) == 0]
    lib.opkit_set_simd(b"auto")
    return found


def test_levels_can_be_chosen(library: ctypes.CDLL) -> None:
    found = _available(library)
    assert found, "no instruction set is available"
    for name in found:
        assert library.opkit_set_simd(name.encode()) == 0
        assert library.opkit_get_simd().decode() == name
    assert library.opkit_set_simd(b"mmx") == -1
    assert library.opkit_get_simd().decode() == found[-1], "a refused name changes nothing"
    assert library.opkit_set_simd(b"auto") == 0
    assert library.opkit_get_simd().decode() == found[-1], "auto is the best"


@pytest.mark.parametrize("op", OPS)
def test_parity_on_every_level(library: ctypes.CDLL, op: str, budget: int) -> None:
    spec, declaration = specs()[op], registry.declarations()[op]
    runner = Runner("tensorflow", "resolver")
    for name in _available(library):
        assert library.opkit_set_simd(name.encode()) == 0
        dtypes = ["float32", "float64", "float16", "bfloat16", *declaration.quantized[:1]]
        results = [
            run()
            for _, _, run in parity.checks(
                spec, declaration, dtypes=dtypes, budget=budget, runner=runner
            )
        ]
        bad = [f"{r.id}: {r.error:.4g} of {r.bound:.4g}, {r.message}" for r in results]
        bad = [b for b, r in zip(bad, results, strict=True) if r.status != OK]
        assert results and not bad, f"{name}: " + "\n".join(bad[:5])


@pytest.mark.parametrize(
    "op", ["Asin", "Asinh", "Atan", "Atanh", "Expm1", "Log1p", "Sinh", "Softsign", "Tan"]
)
def test_denormals_pass_functions_that_are_x_near_zero(library: ctypes.CDLL, op: str) -> None:
    bits = np.r_[0:64, 2 ** np.arange(6, 26)].astype(np.uint32)
    x = np.r_[bits, bits | 0x80000000].astype(np.uint32).view(np.float32)
    declaration = registry.declarations()[op]
    types = next(t for t in parity.combinations(specs()[op], declaration) if t.main == "float32")
    one = build(declaration, types, {declaration.inputs[0].name: x}, {})
    session = Runner("tensorflow", "resolver").load(one.to_bytes())
    for name in _available(library):
        assert library.opkit_set_simd(name.encode()) == 0
        np.testing.assert_array_equal(session.run(one.feeds)[0].view(np.uint32), x.view(np.uint32))


def test_levels_run_different_code(library: ctypes.CDLL) -> None:
    # Registers of 16 and of 8 floats hold different tables for erf.
    found = _available(library)
    if not {"sse4", "avx512"} <= set(found):
        pytest.skip(f"needs sse4 and avx512, the CPU has {found}")
    x = np.linspace(-4, 4, 100_003, dtype=np.float32)
    op = registry.declarations()["Erf"]
    types = next(t for t in parity.combinations(specs()["Erf"], op) if t.main == "float32")
    one = build(op, types, {"x": x}, {})
    session = Runner("tensorflow", "resolver").load(one.to_bytes())
    got = {}
    for name in ("sse4", "avx512"):
        assert library.opkit_set_simd(name.encode()) == 0
        got[name] = session.run(one.feeds)[0]
    assert np.max(np.abs(got["sse4"] - got["avx512"])) < 4e-7
    assert np.any(got["sse4"] != got["avx512"])

"""The comparison that parity rests on: what it accepts, and above all what it does not."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from opkit.spec import (
    AbsRel,
    Case,
    Domain,
    Exact,
    Spec,
    Steps,
    Types,
    Ulp,
    arr,
    materialise,
    resolve,
    seed_of,
    unary,
    walk,
)
from opkit.verify import quantized
from opkit.verify.compare import compare, ulp_error

F = np.float32


def f32(*values: float) -> np.ndarray:
    return np.array(values, dtype=np.float32)


def test_ulp_error_counts_units_of_the_wanted_value() -> None:
    want = f32(1.0, 2.0, 1e-38, 3e38, 0.0)
    got = np.nextafter(want, np.inf, dtype=np.float32)
    assert np.array_equal(ulp_error(got, want, "float32"), [1, 1, 1, 1, 1])
    assert ulp_error(f32(np.nan), f32(1.0), "float32")[0] == np.inf
    assert ulp_error(f32(np.nan), f32(np.nan), "float32")[0] == 0
    # A result that overflows just beyond the largest float is one unit off, not infinitely.
    assert ulp_error(f32(np.inf), f32(np.finfo(F).max), "float32")[0] == 1
    assert ulp_error(f32(np.inf), f32(1e30), "float32")[0] > 1e6


@pytest.mark.parametrize(
    ("got", "want"),
    [
        (np.nan, 1.0),
        (1.0, np.nan),
        (np.inf, -np.inf),
        (np.inf, 1e30),
        (1e30, np.inf),
        (-0.0, 0.0),
        (1.0000005, 1.0),
        (0.1, 0.0),
    ],
)
def test_ulp_rejects(got: float, want: float) -> None:
    assert not compare(f32(got), f32(want), Ulp(2), "float32").ok


def test_ulp_accepts_within_bounds_and_floor() -> None:
    assert compare(f32(1.0000001), f32(1.0), Ulp(2), "float32").ok
    assert not compare(f32(1e-6), f32(2e-6), Ulp(2), "float32").ok
    assert compare(f32(1e-6), f32(2e-6), Ulp(2, floor=1e-5), "float32").ok
    assert compare(f32(-0.0), f32(0.0), Ulp(2, signed_zero=False), "float32").ok


def test_the_worst_element_is_named() -> None:
    c = compare(f32(1, 2, 3.001, 4), f32(1, 2, 3, 4), Ulp(2), "float32")
    assert (c.where, c.failing, c.elements) == ((2,), 1, 4)
    assert c.got == "3.00099993"


def test_truth_decides_values_and_the_reference_decides_nan() -> None:
    truth = np.array([1.0 + 1e-9, np.inf, 5.0])
    want = f32(1.0002, np.nan, np.nan)
    # ours: right where TF is off; NaN where TF says NaN; the number where TF fails on one
    c = compare(f32(1.0, np.nan, 5.0), want, Ulp(1), "float32", truth=truth)
    assert c.ok
    assert c.disputed == 1
    assert c.reference_error is not None
    assert c.reference_error > 1000
    assert not compare(f32(1.0, np.inf, 5.0), want, Ulp(1), "float32", truth=truth).ok
    assert not compare(f32(1.0002, np.nan, 5.0), want, Ulp(1), "float32", truth=truth).ok


def test_known_elements_follow_the_truth() -> None:
    truth, want = np.array([2.0]), f32(np.inf)
    mask = np.array([True])
    assert compare(f32(2.0), want, Ulp(1), "float32", truth=truth, known=mask).ok
    assert not compare(f32(np.inf), want, Ulp(1), "float32", truth=truth, known=mask).ok


def test_denormals_may_be_flushed_but_not_invented() -> None:
    assert compare(f32(0.0), f32(1e-40), Ulp(1), "float32").ok
    assert not compare(f32(1e-37), f32(0.0), Ulp(1), "float32").ok


def test_exact_and_steps() -> None:
    assert compare(f32(np.nan, -0.0), f32(np.nan, -0.0), Exact(), "float32").ok
    assert not compare(f32(0.0), f32(-0.0), Exact(), "float32").ok
    codes = np.array([1, 2, 3], np.int8)
    assert compare(codes, codes + np.int8(1), Steps(1), "int8").ok
    assert not compare(codes, codes + np.int8(2), Steps(1), "int8").ok
    assert not compare(codes, codes + np.int8(1), Ulp(4), "int8").ok, "integers are exact"
    text = np.array([b"a", b"b"], dtype=object)
    assert compare(text, text.copy(), Exact(), "string").ok
    assert not compare(text, np.array([b"a", b"c"], dtype=object), Exact(), "string").ok


def test_absrel_shares_of_the_allowance() -> None:
    c = compare(f32(1.005), f32(1.0), AbsRel(rtol=0.01), "float32")
    assert c.ok
    assert c.error == pytest.approx(0.5, rel=1e-3)
    assert not compare(f32(np.inf), f32(1.0), AbsRel(rtol=0.01), "float32").ok
    assert not compare(f32(1e-3, 1), f32(0, 1), AbsRel(rtol=1e-4), "float32").ok
    assert compare(f32(1e-5, 1), f32(0, 1), AbsRel(rtol=1e-4, scale=True), "float32").ok


def test_complex() -> None:
    want = np.array([1 + 1j], np.complex64)
    assert compare(want + np.complex64(1e-7), want, Ulp(2), "complex64").ok
    assert not compare(want + np.complex64(1e-5j), want, Ulp(2), "complex64").ok
    assert not compare(np.array([np.nan + 1j], np.complex64), want, Ulp(2), "complex64").ok


def test_a_complex_truth_beyond_the_type() -> None:
    truth = np.array([1 - 3.9e38j])
    for got, ok in ((complex(1, -np.inf), True), (1 - 3.4e38j, False)):
        result = np.array([got], np.complex64)
        assert compare(result, result, Ulp(2), "complex64", truth=truth).ok == ok


def test_shape_and_dtype_must_agree() -> None:
    assert "shape [1], want [2]" in compare(f32(1), f32(1, 1), Ulp(9), "float32").summary()
    wide = compare(np.ones(1), f32(1), Ulp(9), "float32")
    assert not wide.ok
    assert "dtype float64" in wide.summary()


# --- specs ----------------------------------------------------------------------------------------


def test_values_are_seeded_by_text_not_by_order() -> None:
    first = materialise(arr(3, 4), "float32", "Erf/float32/a/x", 10)
    assert np.array_equal(first, materialise(arr(3, 4), "float32", "Erf/float32/a/x", 10))
    assert not np.array_equal(first, materialise(arr(3, 4), "float32", "Erf/float32/b/x", 10))
    # A literal, as a changed seed would change every case on every machine.
    assert seed_of("a", "b") == 1003126606879428512


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_walk_meets_all_magnitudes_edges_and_near_points(dtype: str) -> None:
    x = materialise(walk(Domain(-8.0, 1e30, near=(2.0,))), dtype, "s", 4000)
    assert x.dtype == dtype
    assert x.min() == -8
    assert x.max() == np.array(1e30, dtype)
    small = np.abs(x)
    for low, high in ((1e-37, 1e-30), (1e-10, 1e-5), (1, 10), (1e10, 1e20)):
        assert ((small > low) & (small < high)).any()
    assert np.nextafter(np.array(2, dtype), np.array(3, dtype)) in x


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_sixteen_bit_floats_are_walked_completely(dtype: str) -> None:
    x = materialise(walk(Domain(-4, 4)), dtype, "s", 10)
    assert np.unique(x.view(np.uint16)).size == 2 * int(np.array(4, x.dtype).view(np.uint16)) + 1


def test_case_ids_must_be_unique_and_plain() -> None:
    for ids in (("a", "a"), ("a b",), ("a/b",), ("",)):
        with pytest.raises(ValueError, match="case id"):
            Spec("X", [Case(i) for i in ids]).cases_for(Types({}))


def test_tolerances_fall_back_by_dtype() -> None:
    spec = unary("X", Domain(), {"float32": Ulp(4), "float64": Ulp(9)})
    assert spec.tolerance_for("complex64") == Ulp(4)
    assert spec.tolerance_for("complex128") == Ulp(9)
    assert spec.tolerance_for("float64") == Ulp(9)
    assert spec.tolerance_for("bfloat16") == Ulp(1)
    assert spec.tolerance_for("int32") == Exact()
    assert spec.tolerance_for("qint8") == Exact()
    assert Spec("Y", (), {"float32": Ulp(4)}).tolerance_for("qint8") == Steps(1)
    split = Spec("Z", (), {"float32": {"y": Ulp(4), "*": Exact()}})
    assert split.tolerance_for("float32", "y") == Ulp(4)
    assert split.tolerance_for("float32", "index") == Exact()


def test_resolve_names_what_is_missing() -> None:
    assert resolve("math.erf") is math.erf
    with pytest.raises(ImportError, match="no attribute 'erff'"):
        resolve("math.erff")
    with pytest.raises(ImportError):
        resolve("no_such_module.f")


# --- quantization ---------------------------------------------------------------------------------


def test_quantize_rounds_half_away_and_saturates() -> None:
    values = f32(0.5, -0.5, 1.5, 2.5, 1e9, -1e9, np.inf, -np.inf, np.nan)
    away: Any = quantized.quantize(values, (1.0, 0), "qint8")
    assert away.tolist() == [1, -1, 2, 3, 127, -128, 127, -128, 0]
    assert quantized.quantize(values[:4], (1.0, 0), "qint8", "even").tolist() == [0, 0, 2, 2]
    assert quantized.quantize(values[:1], (1.0, 128), "quint8").tolist() == [129]


def test_every_code_survives_a_round_trip() -> None:
    for dtype in ("qint8", "quint8", "qint16"):
        codes = quantized.all_codes(dtype)
        for params in quantized.input_params(Domain(-6, 6), dtype):
            real = quantized.dequantize(codes, params)
            assert real.dtype == np.float32
            assert np.array_equal(quantized.quantize(real, params, dtype), codes)

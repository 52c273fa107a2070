"""Gradients of convolutions where minimal filtering computes them: what it must not change."""

from __future__ import annotations

import numpy as np
import pytest

from opkit import registry
from opkit.spec import Types
from opkit.verify.execute import Runner
from opkit.verify.single_op import build

X, W = (5, 9, 11, 17), (3, 3, 17, 22)  # enough tiles, odd in everything


def _run(name: str, inputs: dict[str, np.ndarray], dtype: str, threads: int) -> np.ndarray:
    inputs = {k: v if v.dtype == np.int32 else v.astype(dtype) for k, v in inputs.items()}
    attrs = {"strides": [1, 1, 1, 1], "padding": "SAME"}
    one = build(registry.declarations()[name], Types({"T": dtype}), inputs, attrs)
    return Runner(threads=threads).load(one.to_bytes()).run(one.feeds)[0]


def _input_gradient(
    w: np.ndarray, dy: np.ndarray, dtype: str = "float32", threads: int = 1
) -> np.ndarray:
    inputs = {"input_sizes": np.array(X, np.int32), "filter": w, "out_backprop": dy}
    return _run("Conv2DBackpropInput", inputs, dtype, threads)


def _filter_gradient(
    x: np.ndarray, dy: np.ndarray, dtype: str = "float32", threads: int = 1
) -> np.ndarray:
    inputs = {"input": x, "filter_sizes": np.array(W, np.int32), "out_backprop": dy}
    return _run("Conv2DBackpropFilter", inputs, dtype, threads)


def _draw(seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.normal(size=W), rng.normal(size=(*X[:3], W[3]))


def test_close_to_float64() -> None:
    """Within a few roundings of the largest result."""
    w, dy = _draw(1)
    w, dy = w.astype(np.float32), dy.astype(np.float32)
    want = _input_gradient(w, dy, "float64")
    got = _input_gradient(w, dy)
    assert np.max(np.abs(got - want)) < 1e-6 * np.max(np.abs(want))


@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan, 3e38])
@pytest.mark.parametrize("place", [(0, 0, 0, 0), (2, 4, 5, 7), (4, 8, 10, 21)])
def test_what_is_not_finite_stays_where_it_is(value: float, place: tuple[int, ...]) -> None:
    """Tiles of results share transforms; only results that a value enters may show it."""
    w, dy = _draw(2)
    dy[place] = value
    got = _input_gradient(w, dy)
    with np.errstate(over="ignore"):
        want = _input_gradient(w, dy, "float64").astype(np.float32)
    np.testing.assert_array_equal(np.isfinite(got), np.isfinite(want))
    apart = np.ones(X[:3], bool)
    n, y, x = place[:3]
    apart[n, max(0, y - 1) : y + 2, max(0, x - 1) : x + 2] = False
    np.testing.assert_allclose(got[apart], want[apart], rtol=0, atol=1e-4)


def test_threads_change_nothing() -> None:
    w, dy = _draw(3)
    np.testing.assert_array_equal(_input_gradient(w, dy, threads=3), _input_gradient(w, dy))


def _draw_filter_side(seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.normal(size=X), rng.normal(size=(*X[:3], W[3]))


@pytest.mark.parametrize("threads", [1, 3])
def test_filter_close_to_float64(threads: int) -> None:
    x, dy = _draw_filter_side(1)
    x, dy = x.astype(np.float32), dy.astype(np.float32)
    want = _filter_gradient(x, dy, "float64")
    got = _filter_gradient(x, dy, threads=threads)
    assert np.max(np.abs(got - want)) < 1e-6 * np.max(np.abs(want))


@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan, 3e38])
@pytest.mark.parametrize("place", [(0, 0, 0, 0), (2, 4, 5, 7), (4, 8, 10, 16)])
@pytest.mark.parametrize("side", [0, 1])
def test_filter_of_what_is_not_finite(value: float, place: tuple[int, ...], side: int) -> None:
    """Only the taps, channels and filters that a value enters may show it."""
    given = _draw_filter_side(2)
    given[side][place] = value
    got = _filter_gradient(*given)
    with np.errstate(over="ignore"):
        want = _filter_gradient(*given, "float64").astype(np.float32)
    np.testing.assert_array_equal(np.isfinite(got), np.isfinite(want))
    apart = np.ones(W[2:], bool)
    apart[(place[3], slice(None)) if side == 0 else (slice(None), place[3])] = False
    np.testing.assert_allclose(got[:, :, apart], want[:, :, apart], rtol=0, atol=2e-4)

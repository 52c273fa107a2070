"""The wide families in one row: pointwise functions of one and of two arguments."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from opkit.spec.core import Case, Peers, Reject, Spec, Types
from opkit.spec.values import INTEGERS, QUANTIZED, Domain, Draw, arr, special, walk

SHAPES: tuple[tuple[int, ...], ...] = (
    (),
    (1,),
    (2,),
    (3, 5),
    (1, 17),
    (2, 3, 4),
    (2, 1, 3, 2),
    (1, 2, 1, 3, 2),
    (2, 1, 2, 1, 2, 3),
    (1, 2, 1, 2, 1, 2, 2),
    (2, 1, 2, 1, 1, 2, 1, 3),
)
SIZES = (3, 4, 7, 8, 9, 15, 16, 17, 31, 33, 63, 65, 127, 1023, 4099)
EMPTY = ((0,), (3, 0, 2))
BROADCASTS = (
    ((), ()),
    ((), (5,)),
    ((17,), ()),
    ((33,), (33,)),
    ((1,), (9,)),
    ((600,), (1,)),
    ((), (7, 100)),
    ((3, 1), (1, 4)),
    ((2, 3, 4), (4,)),
    ((5,), (3, 4, 5)),
    ((2, 1, 3, 1), (1, 4, 1, 5)),
    ((3, 4, 1, 2, 5), (4, 3, 1, 1)),
    ((2, 1, 2, 1, 2, 1, 2, 1), (1, 2, 1, 2, 1, 2, 1, 3)),
    ((2, 2, 2, 2, 2, 2, 2, 2), (2, 1, 2, 1, 2, 1, 2, 1)),
    # Rows so long that each is a piece of its own.
    ((2, 3, 1100), (2, 1, 1100)),
    ((2, 1, 1100), (1, 3, 1)),
    ((0,), (1,)),
    ((0, 3), (2, 1, 3)),
)
BENCH_SIZES = (1, 1000, 100_000, 1_000_000, 10_000_000)


def shape_id(shape: Sequence[int]) -> str:
    """(2, 3) -> "2x3", () -> "scalar"."""
    return "x".join(str(d) for d in shape) or "scalar"


def _finite(domain: Domain) -> tuple[float, float]:
    low = domain.low if domain.low > -math.inf else -10.0
    high = domain.high if domain.high < math.inf else max(10.0, low + 1)
    return (low if domain.low > -math.inf else min(low, high - 1)), high


def _codes_or(dtype: str, domain: Domain, shape: Sequence[int]) -> Draw:
    low, high = _finite(domain)
    if dtype in QUANTIZED:
        return arr(*shape)
    if dtype in INTEGERS:
        info = np.iinfo(dtype)
        low, high = max(low, info.min), min(high + 1, info.max)
        if high <= low:
            high = low + 1
    return arr(*shape, low=low, high=high)


def unary(
    name: str,
    domain: Domain = Domain(),  # noqa: B008 (frozen)
    tolerance: Any = None,
    *,
    arg: str = "x",
    truth: str | Callable[..., Any] | None = None,
    numpy: str | Callable[..., Any] | None = None,
    attrs: Sequence[Mapping[str, Any]] = ({},),
    reference: str | Callable[..., Any] | None = None,
    **more: Any,
) -> Spec:
    """A pointwise function of one argument, named `arg` in the signature.

    Cases: walk of the domain, special values, every small size around vector widths, rank 0 to 8,
    empty; for each of `attrs`. Quantized dtypes: all codes, several scales and zero points.
    """

    def cases(types: Types) -> Iterator[Case]:
        if types.quantized:
            return  # verify walks all codes of pointwise ops
        for i, a in enumerate(attrs):
            tag = "" if len(attrs) == 1 else "-" + (_attr_id(a) or str(i))
            yield Case(f"walk{tag}", {arg: walk(domain)}, a)
            yield Case(f"special{tag}", {arg: special(domain)}, a)
        for n in SIZES:
            yield Case(f"size{n}", {arg: _codes_or(types.main, domain, (n,))}, attrs[0])
        for shape in (*SHAPES, *EMPTY):
            draws = _codes_or(types.main, domain, shape)
            yield Case(f"shape{shape_id(shape)}", {arg: draws}, attrs[0])

    def bench(types: Types) -> Iterator[Case]:
        for n in BENCH_SIZES:
            yield Case(f"n{n}", {arg: _codes_or(types.main, domain, (n,))}, attrs[0])

    peers = more.pop("peers", Peers(numpy=numpy or (truth if _is_scipy(truth) else None)))
    return Spec(
        name,
        cases,
        {} if tolerance is None else tolerance,
        reference=reference,
        truth=truth,
        domain=(domain,),
        pointwise=True,
        bench=more.pop("bench", bench),
        peers=peers,
        **more,
    )


def binary(
    name: str,
    domains: tuple[Domain, Domain] = (Domain(), Domain()),
    tolerance: Any = None,
    *,
    args: tuple[str, str] = ("x", "y"),
    truth: str | Callable[..., Any] | None = None,
    numpy: str | Callable[..., Any] | None = None,
    attrs: Sequence[Mapping[str, Any]] = ({},),
    reference: str | Callable[..., Any] | None = None,
    broadcast: bool = True,
    **more: Any,
) -> Spec:
    """A pointwise function of two arguments with TF's broadcasting.

    Cases: pairs walked in bit space, all pairs of special values, broadcasts up to rank 8, sizes
    around vector widths, empty. Attributes as in `unary`.
    """
    first, second = args

    def cases(types: Types) -> Iterator[Case]:
        t = types.main
        shapes = [s for s in BROADCASTS if broadcast or s[0] == s[1]]
        if not types.quantized:
            for i, a in enumerate(attrs):
                tag = "" if len(attrs) == 1 else "-" + (_attr_id(a) or str(i))
                yield Case(f"walk{tag}", _pairs(args, domains), a)
                pairs = all_pairs(special(domains[0]), special(domains[1]))
                yield Case(f"special{tag}", dict(zip(args, pairs, strict=True)), a)
        for left, right in shapes:
            draws = {
                first: _codes_or(t, domains[0], left),
                second: _codes_or(t, domains[1], right),
            }
            yield Case(f"shape{shape_id(left)}-{shape_id(right)}", draws, attrs[0])
        for n in SIZES:
            draws = {first: _codes_or(t, domains[0], (n,)), second: _codes_or(t, domains[1], (n,))}
            yield Case(f"size{n}", draws, attrs[0])

    def bench(types: Types) -> Iterator[Case]:
        t = types.main
        for n in BENCH_SIZES:
            draws = {first: _codes_or(t, domains[0], (n,)), second: _codes_or(t, domains[1], (n,))}
            yield Case(f"n{n}", draws, attrs[0])
        if broadcast:
            row = {
                first: _codes_or(t, domains[0], (1000, 100)),
                second: _codes_or(t, domains[1], (100,)),
            }
            yield Case("row1000x100", row, attrs[0])

    rejects = list(more.pop("rejects", ()))
    if broadcast:
        bad = {first: arr(2, 3), second: arr(2, 4)}
        rejects.append(Reject("not-broadcastable", bad, r"(?i)broadcast", attrs[0], at="load"))
    peers = more.pop("peers", Peers(numpy=numpy or (truth if _is_scipy(truth) else None)))
    return Spec(
        name,
        cases,
        {} if tolerance is None else tolerance,
        reference=reference,
        truth=truth,
        domain=domains,
        pointwise=True,
        rejects=tuple(rejects),
        bench=more.pop("bench", bench),
        peers=peers,
        **more,
    )


def _is_scipy(truth: Any) -> bool:
    return isinstance(truth, str) and truth.startswith(("numpy.", "scipy."))


def _attr_id(attrs: Mapping[str, Any]) -> str:
    return "-".join(f"{k}={v}" for k, v in attrs.items()).replace(" ", "").replace("/", "_")


def _pairs(args: tuple[str, str], domains: tuple[Domain, Domain]) -> dict[str, Draw]:
    def side(k: int) -> Draw:
        def make(rng: np.random.Generator, dtype: np.dtype, budget: int) -> np.ndarray:
            values = walk(domains[k]).make(rng, dtype, budget)
            values = rng.permutation(values)
            return np.resize(values, max(budget, 4096))

        return Draw(make, f"walk pairs {args[k]}")

    return {args[0]: side(0), args[1]: side(1)}


def all_pairs(first: Draw, second: Draw) -> tuple[Draw, Draw]:
    """Two arrays that hold each value of `first` beside each of `second`."""

    def column(rng: np.random.Generator, dtype: np.dtype, budget: int) -> np.ndarray:
        values = first.make(rng, dtype, budget)
        return np.repeat(values, second.make(rng, dtype, budget).size)

    def row(rng: np.random.Generator, dtype: np.dtype, budget: int) -> np.ndarray:
        values = second.make(rng, dtype, budget)
        return np.tile(values, first.make(rng, dtype, budget).size)

    return Draw(column, "special pairs"), Draw(row, "special pairs")


def with_cases(spec: Spec, more: Callable[[Types], Iterable[Case]]) -> Spec:
    """The spec with more parity cases behind its own."""

    def cases(types: Types) -> Iterator[Case]:
        yield from spec.cases_for(types)
        yield from more(types)

    return replace(spec, cases=cases)

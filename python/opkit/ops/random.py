"""Stateless random numbers, bit-equal to TensorFlow's for the same seed or key and counter."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from opkit.spec import Case, Exact, Peers, Reject, Spec, Types, register

_SOURCE = (
    "Salmon, Moraes, Dror, Shaw: Parallel random numbers: as easy as 1, 2, 3 (SC 2011);"
    " tensorflow/core/kernels/stateless_random_ops_v2.cc"
)
_SHAPES = ((), (1,), (2,), (3,), (5,), (8,), (2, 3), (1023,), (3, 1, 701), (0,), (2, 0), (4, 2600))
_KEYS = (
    (0, 0, 0),
    (1, 2, 3),
    (0xFEDCBA9876543210, 0xFFFFFFFFFFFFFFF0, 0xFFFFFFFFFFFFFFFF),
    (12345, 0x00000000FFFFFFF0, 7),
)
_SEEDS = ((0, 0), (1, 2), (-1, 2**31 - 1), (-(2**31), 77))


def _v2(shape: tuple[int, ...], key: tuple[int, int, int], alg: int = 1) -> dict[str, Any]:
    return {
        "shape": np.array(shape, np.int64),
        "key": np.array([key[0]], np.uint64),
        "counter": np.array(key[1:], np.uint64),
        "alg": np.array(alg, np.int32),
    }


def _v1(shape: tuple[int, ...], seed: tuple[int, int]) -> dict[str, Any]:
    return {"shape": np.array(shape, np.int64), "seed": np.array(seed, np.int64)}


def _calls(v2: bool) -> Iterator[tuple[str, dict[str, Any]]]:
    for shape in _SHAPES:
        name = "x".join(map(str, shape)) or "scalar"
        yield f"shape{name}", _v2(shape, _KEYS[1]) if v2 else _v1(shape, _SEEDS[1])
    for i in range(4):
        yield f"key{i}", _v2((37, 11), _KEYS[i]) if v2 else _v1((37, 11), _SEEDS[i])
    if v2:
        yield "alg-auto", _v2((9,), _KEYS[1], alg=3)


def _cases(v2: bool) -> Any:
    def cases(types: Types) -> Iterator[Case]:
        for name, inputs in _calls(v2):
            yield Case(name, inputs)

    return cases


def _int_cases(v2: bool) -> Any:
    def cases(types: Types) -> Iterator[Case]:
        ranges = [(0, 10), (-5, 2), (-(2**31), 2**31 - 1), (7, 8)]
        for name, inputs in _calls(v2):
            for low, high in ranges if name.startswith("key") else ranges[:1]:
                bounds = {"minval": np.array(low), "maxval": np.array(high)}
                yield Case(f"{name}-{low}to{high}", {**inputs, **bounds})

    return cases


def _bench(v2: bool) -> Any:
    def cases(types: Types) -> Iterator[Case]:
        for n in (1000, 1_000_000):
            inputs = _v2((n,), _KEYS[1]) if v2 else _v1((n,), _SEEDS[1])
            if types.integral:
                inputs |= {"minval": np.array(0), "maxval": np.array(1000)}
            yield Case(f"n{n}", inputs)

    return cases


def _full_bench(v2: bool) -> Any:
    def cases(types: Types) -> Iterator[Case]:
        for n in (1000, 1_000_000):
            yield Case(f"n{n}", _v2((n,), _KEYS[1]) if v2 else _v1((n,), _SEEDS[1]))

    return cases


def _rejects(v2: bool, ints: bool) -> tuple[Reject, ...]:
    def bad(shape: tuple[int, ...], alg: int = 1, low: int = 0, high: int = 4) -> dict[str, Any]:
        inputs = _v2(shape, _KEYS[1], alg) if v2 else _v1(shape, _SEEDS[1])
        return inputs | ({"minval": np.array(low), "maxval": np.array(high)} if ints else {})

    found = [
        Reject("negative-size", bad((2, -1)), "negative dimension -1"),
        Reject("overflow", bad((2**31 - 1, 2**31 - 1, 2**31 - 1)), ".+"),
    ]
    if v2:
        found.append(Reject("threefry", bad((2,), alg=2), "unsupported algorithm 2"))
    if ints:
        found.append(Reject("empty-range", bad((2,), low=3, high=3), "minval < maxval"))
    return tuple(found)


def _pair(
    base: str, cases: Any, bench: Any, tolerance: Any, doc: str, ints: bool = False
) -> Iterator[Spec]:
    for v2 in (False, True):
        yield Spec(
            base + ("V2" if v2 else ""),
            cases(v2),
            tolerance,
            bench=bench(v2),
            rejects=_rejects(v2, ints),
            peers=Peers(lowering=False),
            doc=doc,
            source=_SOURCE,
        )


register(
    *_pair("StatelessRandomUniform", _cases, _bench, Exact(), "Uniform in [0, 1)."),
    *_pair(
        "StatelessRandomNormal",
        _cases,
        _bench,
        Exact(),
        "Normal, by Box and Muller; as with libm's log, sin and cos.",
    ),
    *_pair(
        "StatelessTruncatedNormal",
        _cases,
        _bench,
        Exact(),
        "Normal within two standard deviations, by rejection.",
    ),
    *_pair(
        "StatelessRandomUniformInt",
        _int_cases,
        _bench,
        Exact(),
        "Integers in [minval, maxval).",
        True,
    ),
    *_pair("StatelessRandomUniformFullInt", _cases, _full_bench, Exact(), "Integers of any value."),
)


def _seed_cases(types: Types) -> Iterator[Case]:
    for i, seed in enumerate(_SEEDS):
        yield Case(f"seed{i}", {"seed": np.array(seed)})


register(
    Spec(
        "StatelessRandomGetKeyCounter",
        _seed_cases,
        Exact(),
        doc="Philox key and counter of a seed.",
        source=_SOURCE,
    ),
    Spec(
        "StatelessRandomGetKeyCounterAlg",
        _seed_cases,
        Exact(),
        doc="Philox key, counter and the algorithm's number of a seed.",
        source=_SOURCE,
    ),
    Spec(
        "StatelessRandomGetAlg",
        (Case("only"),),
        Exact(),
        doc="Number of the algorithm: 1, Philox.",
        source=_SOURCE,
    ),
)

"""Running products, sums and log-sum-exps along an axis."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from opkit.spec import Case, Domain, Exact, Peers, Reject, Spec, Types, Ulp, arr, register, walk

_SOURCE = "tensorflow/core/kernels/scan_ops.h"


def _modes() -> Iterator[tuple[str, dict[str, bool]]]:
    for exclusive in (False, True):
        for reverse in (False, True):
            name = ("-exclusive" if exclusive else "") + ("-reverse" if reverse else "")
            yield name, {"exclusive": exclusive, "reverse": reverse}


def _cases(types: Types) -> Iterator[Case]:
    shapes = [((1,), 0), ((7,), 0), ((3, 5), 0), ((3, 5), 1), ((9, 33), -1), ((17, 4), 1)]
    shapes += [((2, 3, 4), 1), ((2, 3, 4), -3), ((1, 2, 1, 3, 2, 2, 1, 2), 5), ((5, 200), 0)]
    low, high = (0.5, 1.5) if types.floating or types.complex else (None, None)
    for shape, axis in shapes:
        for name, attrs in _modes():
            case = f"{'x'.join(map(str, shape))}-axis{axis}{name}"
            x = arr(*shape, low=low, high=high)
            yield Case(case, {"x": x, "axis": np.array(axis)}, attrs)
    for shape in ((0,), (3, 0), (0, 2, 3)):
        name = "x".join(map(str, shape))
        yield Case(f"empty-{name}", {"x": arr(*shape), "axis": np.array(0)})
    yield Case("constant-axis", {"x": arr(4, 6), "axis": np.array(1)}, constant=("axis",))
    if types.integral:
        yield Case("wraps", {"x": walk(), "axis": np.array(0)})


def _bench(types: Types) -> Iterator[Case]:
    for shape, axis in (((1000, 1000), 1), ((1000, 1000), 0), ((64, 128, 128), 1), ((100000,), 0)):
        name = "x".join(map(str, shape))
        x = arr(*shape, low=0.999, high=1.001) if types.floating else arr(*shape)
        yield Case(f"{name}-axis{axis}", {"x": x, "axis": np.array(axis)})


_REJECTS = (
    Reject("axis-too-large", {"x": arr(2, 3), "axis": np.array(2)}, r"axis is 2"),
    Reject("axis-too-small", {"x": arr(2, 3), "axis": np.array(-3)}, r"axis is -3"),
)


def _spec(name: str, tolerance: object, what: str) -> Spec:
    return Spec(
        name,
        _cases,
        tolerance,
        rejects=_REJECTS,
        bench=_bench,
        domain=(Domain(-2, 2),),
        peers=Peers(numpy={"Cumprod": "numpy.cumprod", "Cumsum": "numpy.cumsum"}.get(name)),
        doc=f"{what} along an axis, in order, so equal to TensorFlow's.",
        source=_SOURCE,
    )


register(
    _spec("Cumprod", Exact(), "Running product"),
    _spec("Cumsum", Exact(), "Running sum"),
    _spec(
        "CumulativeLogsumexp", {"float32": Ulp(2), "float64": Ulp(2)}, "Running log(sum(exp(x)))"
    ),
)

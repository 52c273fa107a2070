"""Softshrink for TensorFlow Lite: what it means, and its kernel, loaded by importing this."""

import pathlib
from typing import Any

import numpy as np

import opkit
from opkit.spec import Case, Domain, Peers, Reject, Types, Ulp, arr, register, unary

LIBRARY = pathlib.Path(__file__).with_name("softshrink_ops.so")
opkit.load_library(LIBRARY)


def reference(features: Any, **attrs: Any) -> np.ndarray:
    """Softshrink in NumPy, in the precision of `features`."""
    x = np.asarray(features)
    bound = x.dtype.type(np.float32(attrs.get("lambda", 0.5)))
    shrunk = np.where(x > bound, x - bound, np.where(x < -bound, x + bound, 0))
    return np.where(np.isnan(x), x, shrunk).astype(x.dtype)


def _bench(types: Types) -> list[Case]:
    return [Case(f"n{n}", {"features": arr(n, low=-2, high=2)}) for n in (1000, 100_000)]


register(
    unary(
        "Softshrink",
        Domain(-3, 3, near=(-0.5, 0.5)),
        {"float32": Ulp(0.5), "float64": Ulp(0.5)},
        arg="features",
        attrs=({}, {"lambda": 0.125}, {"lambda": 0.0}),
        reference=reference,
        bench=_bench,
        peers=Peers(numpy=reference, tf=False, flex=False, lowering=False),
        rejects=(
            Reject("lambda", {"features": arr(3)}, r"lambda is -1, want 0", {"lambda": -1.0}),
        ),
        doc="Moves each value towards 0 by lambda; what is nearer than that becomes 0.",
        source="One subtraction, correctly rounded.",
    )
)

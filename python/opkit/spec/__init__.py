"""What an op means, for verification and benchmarks: reference, domain, tolerance, cases.

A spec never repeats what the C++ declaration says (arity, dtypes, attributes, shapes): that comes
from the compiled library through `opkit.registry`. All declared dtypes are verified.

    register(
        unary("Erf", Domain(-6, 6), {"float32": Ulp(4)}, truth="scipy.special.erf"),
        Spec("Cumprod", cumprod_cases, {"float32": Ulp(4)}, doc="...", source="..."),
    )

Importing this module imports NumPy only; TensorFlow, SciPy and mpmath are named by dotted strings
and resolved when a check runs.
"""

from __future__ import annotations

from opkit.spec.core import Case, Known, Peers, Reject, Spec, Types
from opkit.spec.families import all_pairs, binary, shape_id, unary, with_cases
from opkit.spec.table import register, spec, specs
from opkit.spec.tolerance import AbsRel, Custom, Exact, Steps, Tolerance, Ulp
from opkit.spec.values import (
    COMPLEX,
    FLOATS,
    INTEGERS,
    QUANTIZED,
    STORAGE,
    Domain,
    Draw,
    arr,
    draw,
    float_limits,
    ints,
    materialise,
    numpy_dtype,
    resolve,
    seed_of,
    special,
    specials,
    walk,
)

__all__ = [
    "COMPLEX",
    "FLOATS",
    "INTEGERS",
    "QUANTIZED",
    "STORAGE",
    "AbsRel",
    "Case",
    "Custom",
    "Domain",
    "Draw",
    "Exact",
    "Known",
    "Peers",
    "Reject",
    "Spec",
    "Steps",
    "Tolerance",
    "Types",
    "Ulp",
    "all_pairs",
    "arr",
    "binary",
    "draw",
    "float_limits",
    "ints",
    "materialise",
    "numpy_dtype",
    "register",
    "resolve",
    "seed_of",
    "shape_id",
    "spec",
    "special",
    "specials",
    "specs",
    "unary",
    "walk",
    "with_cases",
]

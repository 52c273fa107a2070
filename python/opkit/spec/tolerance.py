"""How far a result may be from what is wanted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Ulp:
    """At most `n` units in the last place of the wanted value, or `floor` absolute error.

    The floor is for results near a zero of the function, where relative accuracy is lost. NaN and
    Inf must agree; with `signed_zero`, so must the sign of zero.
    """

    n: float
    floor: float = 0.0
    signed_zero: bool = True
    unit = "ulp"

    def __str__(self) -> str:
        return f"{self.n:g} ulp" + (f" or {self.floor:g}" if self.floor else "")


@dataclass(frozen=True)
class AbsRel:
    """|got - want| <= atol + rtol |want|; the error is given as a share of that allowance."""

    atol: float = 0.0
    rtol: float = 0.0
    scale: bool = False  # rtol times the largest |want| of the tensor (linear algebra, FFT)
    unit = "of allowance"

    def __str__(self) -> str:
        of = " max|want|" if self.scale else " |want|"
        return " + ".join(
            ([f"{self.atol:g}"] if self.atol else [])
            + ([f"{self.rtol:g}{of}"] if self.rtol else [])
        )


@dataclass(frozen=True)
class Exact:
    """Bit for bit, NaNs of any payload being equal; for strings, integers, indices, random bits."""

    unit = "differing"

    def __str__(self) -> str:
        return "exact"


@dataclass(frozen=True)
class Steps:
    """Stored codes differ by at most `n` from quantize(reference(dequantize(codes))).

    `rounding` says how the kernel rounds to a code: "away" (half away from zero, as TFLite's
    QUANTIZE) or "even".
    """

    n: int = 1
    rounding: str = "away"
    unit = "steps"

    def __str__(self) -> str:
        return f"{self.n} step" + ("s" if self.n != 1 else "") + f", half {self.rounding}"


@dataclass(frozen=True)
class Custom:
    """metric(inputs, attrs, got, want) -> error, at most `bound`.

    `inputs` maps names to arrays, `got` and `want` are lists with all outputs. For results that
    are not unique: the factors of an SVD are checked by reconstruction.
    by_inputs: the metric judges results by the inputs alone, so the report can show TensorFlow's
      own error by the same metric.
    """

    metric: Callable[[dict[str, Any], dict[str, Any], list[Any], list[Any]], float]
    bound: float
    name: str = "error"
    by_inputs: bool = False

    @property
    def unit(self) -> str:
        return self.name

    def __str__(self) -> str:
        return f"{self.name} <= {self.bound:g}"


Tolerance = Ulp | AbsRel | Exact | Steps | Custom

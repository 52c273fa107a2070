"""Spec: what an op means; Case: one call of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from opkit.spec.tolerance import Exact, Steps, Tolerance, Ulp
from opkit.spec.values import COMPLEX, FLOATS, INTEGERS, QUANTIZED, Domain


class Types(Mapping[str, str]):
    """Which dtype each type variable of the signature has in a run: `types["T"]`."""

    def __init__(self, names: Mapping[str, str] | Sequence[tuple[str, str]] = ()):
        self._names = dict(names)

    def __getitem__(self, key: str) -> str:
        return self._names[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    @property
    def main(self) -> str:
        """The dtype of the first type variable; "fixed" for a signature without any."""
        return next(iter(self._names.values()), "fixed")

    @property
    def quantized(self) -> bool:
        return self.main in QUANTIZED

    @property
    def floating(self) -> bool:
        return self.main in FLOATS

    @property
    def complex(self) -> bool:
        return self.main in COMPLEX

    @property
    def integral(self) -> bool:
        return self.main in INTEGERS

    def __str__(self) -> str:
        return ",".join(self._names.values()) or "fixed"


@dataclass(frozen=True)
class Case:
    """One call of the op.

    id: unique in the op, without spaces or slashes: "exclusive-axis1".
    inputs: name of the signature -> Draw, array, number, bytes, or nested list; None for an absent
      optional input; a Python list of those for a `*` input. Converted to the signature's dtype.
    attrs: attributes that differ from their defaults, and all required ones. Dtypes as strings,
      shapes as lists (-1 unknown; None: unknown rank).
    constant: inputs stored in the model as constants (True: all but the first); the rest are graph
      inputs. Default: scalars and 1-D integer inputs with at most 16 elements are graph inputs too.
    program: for ops that need others around them (lists, tables): `program(tf, **inputs)` returns
      outputs, is converted with tf.function and run with opkit's kernels; TF runs it eagerly.
    direct: with `program`: its graph becomes a model node by node, without the converter; for
      programs of nothing but kernels, with dtypes that the converter refuses.
    dynamic: with `program`, names of inputs whose dimensions are left open in the signature.
    dtypes: restricts the case to these main dtypes.
    """

    id: str
    inputs: Mapping[str, Any] = field(default_factory=dict)
    attrs: Mapping[str, Any] = field(default_factory=dict)
    constant: tuple[str, ...] | bool = ()
    program: Callable[..., Any] | None = None
    direct: bool = False
    dynamic: tuple[str, ...] = ()
    dtypes: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Reject:
    """A call that must be refused with a message matching the regular expression `says`.

    at: "load" (allocate_tensors), "run" (invoke), or "any".
    """

    id: str
    inputs: Mapping[str, Any]
    says: str
    attrs: Mapping[str, Any] = field(default_factory=dict)
    constant: tuple[str, ...] | bool = ()
    at: str = "any"
    dtypes: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Known:
    """Where TensorFlow itself is wrong or undefined, with the reason; the truth is used there.

    where(inputs) -> bool mask of the output (or a scalar for the whole case).
    """

    why: str
    where: Callable[[dict[str, Any]], Any]
    dtypes: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Peers:
    """Who is timed beside us; TF eager, Flex and the converter's lowering need no entry.

    numpy: dotted name or function(*inputs) in NumPy or SciPy.
    builtin: TFLite builtin that computes the same, by name, when one exists.
    tf, flex, lowering: False where that peer cannot compute the op.
    """

    numpy: str | Callable[..., Any] | None = None
    builtin: str | None = None
    tf: bool = True
    flex: bool = True
    lowering: bool = True


@dataclass(frozen=True)
class Spec:
    """What an op means.

    name: the TF op's name, as in OPKIT_OP.
    cases: function(types) -> cases, called once per combination of dtypes; or a plain sequence.
    tolerance: one tolerance, or a mapping from dtype (of the main type variable) to one, or to a
      mapping from output name. What is missing: see `tolerance_for`.
    reference: dotted name or function, called with inputs and attrs by name, without attrs that a
      case leaves out: a function has their defaults. Default is tf.raw_ops.<name>. Its result is
      one array or a sequence with one per output.
    truth: float64 (or mpmath) function of the inputs in signature order as float64 arrays, then
      attrs by name. Where it is given, the tolerance is measured against it and TensorFlow decides
      only NaN, Inf and the sign of zero; the report shows TensorFlow's own error beside ours.
    truth_limit: evaluate an expensive truth at no more than this many points of a case.
    pointwise: output element i depends on input element i only: quantized dtypes are then checked
      bit for bit against DEQUANTIZE -> float32 kernel -> QUANTIZE over all codes.
    via: only where TensorFlow's op lacks a dtype that the kernel has: {"float16": "float32"}
      computes the reference in float32 and rounds it.
    quant: {"same": True} when the output keeps the input's scale and zero point.

    Raises ValueError when the tolerance names a dtype that there is not.
    """

    name: str
    cases: Callable[[Types], Iterable[Case]] | Sequence[Case] = ()
    tolerance: Any = field(default_factory=Exact)
    reference: str | Callable[..., Any] | None = None
    truth: str | Callable[..., Any] | None = None
    truth_limit: int = 0
    domain: tuple[Domain, ...] = ()
    pointwise: bool = False
    rejects: Sequence[Reject] = ()
    known: Sequence[Known] = ()
    via: Mapping[str, str] = field(default_factory=dict)
    quant: Mapping[str, Any] = field(default_factory=dict)
    bench: Callable[[Types], Iterable[Case]] | Sequence[Case] = ()
    bench_dtypes: tuple[str, ...] = ()
    peers: Peers = field(default_factory=Peers)
    doc: str = ""
    source: str = ""

    def tolerance_for(self, dtype: str, output: str = "") -> Tolerance:
        """The bound for a main dtype and an output name.

        Missing entries: integers, bool and string are exact; quantized are Exact when pointwise,
        else Steps(1); float16 and bfloat16 are Ulp(1); float64 and complex dtypes take float32's,
        complex128 float64's first.
        """
        t = self.tolerance
        if isinstance(t, Mapping):
            for key in (dtype, *_FALLBACK.get(dtype, ())):
                if key in t:
                    t = t[key]
                    break
            else:
                t = _default_tolerance(dtype, self.pointwise)
        elif dtype in QUANTIZED:
            t = _default_tolerance(dtype, self.pointwise)
        if isinstance(t, Mapping):
            t = t[output] if output in t else t.get("*", Exact())
        return t

    def __post_init__(self) -> None:
        # A misspelt dtype would leave its dtype with another one's bound, or with none.
        for key in self.tolerance if isinstance(self.tolerance, Mapping) else ():
            if key not in _DTYPES:
                raise ValueError(
                    f"{self.name}: tolerance for {key!r}, which is no dtype; dtypes are "
                    f"{', '.join(sorted(_DTYPES))}"
                )

    def cases_for(self, types: Types) -> list[Case]:
        """All cases for one combination of dtypes.

        Raises:
          ValueError: two cases share an id, or an id holds a space or a slash.
        """
        made = list(self.cases(types) if callable(self.cases) else self.cases)
        made = [c for c in made if c.dtypes is None or types.main in c.dtypes]
        _check_ids(self.name, made)
        return made

    def bench_for(self, types: Types) -> list[Case]:
        """The cases that are timed for one combination of dtypes."""
        made = list(self.bench(types) if callable(self.bench) else self.bench)
        made = [c for c in made if c.dtypes is None or types.main in c.dtypes]
        _check_ids(self.name, made)
        return made

    def reference_name(self) -> str:
        """What results are compared with, for people."""
        if self.reference is None:
            return f"tf.raw_ops.{self.name}"
        if isinstance(self.reference, str):
            return self.reference
        return getattr(self.reference, "__name__", repr(self.reference))


#: "fixed": an op without a type variable.
_DTYPES = {*FLOATS, *INTEGERS, *COMPLEX, *QUANTIZED}
_DTYPES |= {"bool", "string", "resource", "variant", "fixed"}

_FALLBACK = {
    "float64": ("float32",),
    "complex64": ("float32",),
    "complex128": ("complex64", "float64", "float32"),
    "quint8": ("qint8",),
    "qint16": ("qint8",),
}


def _default_tolerance(dtype: str, pointwise: bool) -> Tolerance:
    if dtype in ("float16", "bfloat16"):
        return Ulp(1)
    if dtype in QUANTIZED:
        return Exact() if pointwise else Steps(1)
    return Exact()


def _check_ids(op: str, cases: Sequence[Case]) -> None:
    seen = set()
    for case in cases:
        if case.id in seen or not case.id or any(c in case.id for c in " /\t\n"):
            raise ValueError(
                f"{op}: case id {case.id!r} is empty, repeated or holds a space or slash"
            )
        seen.add(case.id)

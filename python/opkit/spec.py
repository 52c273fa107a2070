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

import hashlib
import importlib
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

FLOATS = ("float32", "float64", "float16", "bfloat16")
INTEGERS = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
COMPLEX = ("complex64", "complex128")
QUANTIZED = ("qint8", "quint8", "qint16")
STORAGE = {"qint8": "int8", "quint8": "uint8", "qint16": "int16"}


def numpy_dtype(name: str) -> np.dtype:
    """The NumPy dtype that stores `name` ("qint8" -> int8, "string" -> object of bytes)."""
    name = STORAGE.get(name, name)
    if name == "string":
        return np.dtype(object)
    if name == "bfloat16":
        import ml_dtypes

        return np.dtype(ml_dtypes.bfloat16)
    return np.dtype(name)


def resolve(dotted: str | Callable[..., Any]) -> Callable[..., Any]:
    """Imports "package.module.attribute"; "tf." is short for "tensorflow.".

    Raises:
      ImportError: the module is not installed, or it has no such attribute.
    """
    if callable(dotted):
        return dotted
    parts = dotted.split(".")
    if parts[0] == "tf":
        parts[0] = "tensorflow"
    module: Any = None
    rest = parts
    for cut in range(len(parts) - 1, 0, -1):
        try:
            module = importlib.import_module(".".join(parts[:cut]))
        except ModuleNotFoundError as e:
            if cut == 1 or not ".".join(parts[:cut]).startswith(e.name or "?"):
                raise
            continue
        rest = parts[cut:]
        break
    for name in rest:
        if not hasattr(module, name):
            raise ImportError(f"{dotted}: no attribute {name!r}")
        module = getattr(module, name)
    return module


# --- tolerances -----------------------------------------------------------------------------------


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
    """

    metric: Callable[[dict[str, Any], dict[str, Any], list[Any], list[Any]], float]
    bound: float
    name: str = "error"

    @property
    def unit(self) -> str:
        return self.name

    def __str__(self) -> str:
        return f"{self.name} <= {self.bound:g}"


Tolerance = Ulp | AbsRel | Exact | Steps | Custom


# --- values: recipes that a case's own seed turns into arrays -------------------------------------


@dataclass(frozen=True)
class Domain:
    """Where a function is checked.

    low, high: the closed interval that is walked (integers: clipped to the dtype).
    near: points whose neighbourhood is walked too (zeros, poles, branch points).
    special: also NaN, infinities, signed zeros, denormals, largest values, outside the interval.
    """

    low: float = -math.inf
    high: float = math.inf
    near: tuple[float, ...] = ()
    special: bool = True


@dataclass(frozen=True)
class Draw:
    """An array to be made by `make(rng, dtype, budget)` with the seed of its case."""

    make: Callable[[np.random.Generator, np.dtype, int], Any]
    text: str = "draw"

    def __repr__(self) -> str:
        return self.text


def draw(make: Callable[[np.random.Generator, np.dtype], Any], text: str = "draw") -> Draw:
    """An array from `make(rng, dtype)`, dtype being the NumPy dtype the signature gives it."""
    return Draw(lambda rng, dtype, budget: make(rng, dtype), text)


def arr(*shape: int, low: float | None = None, high: float | None = None) -> Draw:
    """Uniform values of a shape: `arr(3, 4)`, `arr(3, 4, low=0, high=10)`.

    Floats and complex parts default to [-1, 1), integers to [-8, 8) (unsigned: [0, 16)), both ends
    as NumPy's `uniform` and `integers`; bool and string need no range. Quantized inputs get codes
    over their whole range.
    """
    if len(shape) == 1 and isinstance(shape[0], (tuple, list)):
        shape = tuple(shape[0])

    def make(rng: np.random.Generator, dtype: np.dtype, budget: int) -> np.ndarray:
        if dtype == np.dtype(object):
            sizes = rng.integers(0, 12, size=shape)
            flat = [bytes(rng.integers(32, 127, size=n, dtype=np.uint8)) for n in sizes.ravel()]
            out = np.empty(len(flat), dtype=object)
            out[:] = flat
            return out.reshape(shape)
        if dtype == np.dtype(bool):
            return rng.integers(0, 2, size=shape).astype(bool)
        if dtype.kind in "iu":
            unsigned = dtype.kind == "u"
            lo = (0 if unsigned else -8) if low is None else int(low)
            hi = (16 if unsigned else 8) if high is None else int(high)
            return rng.integers(lo, hi, size=shape, dtype=dtype)
        lo, hi = (-1.0 if low is None else low), (1.0 if high is None else high)
        if dtype.kind == "c":
            return (rng.uniform(lo, hi, shape) + 1j * rng.uniform(lo, hi, shape)).astype(dtype)
        return np.asarray(rng.uniform(lo, hi, shape)).astype(dtype)

    span = "" if low is None and high is None else f" in [{low}, {high})"
    return Draw(make, f"{list(shape)}{span}")


def ints(*shape: int, low: int = 0, high: int = 8) -> Draw:
    """Integers in [low, high), whatever the dtype; for indices, sizes, segment ids."""
    if len(shape) == 1 and isinstance(shape[0], (tuple, list)):
        shape = tuple(shape[0])
    return Draw(
        lambda rng, dtype, budget: rng.integers(low, high, size=shape).astype(dtype),
        f"{list(shape)} integers in [{low}, {high})",
    )


def _ordered_bits(dtype: np.dtype) -> tuple[np.dtype, int]:
    unsigned = np.dtype(f"u{dtype.itemsize}")
    return unsigned, 8 * dtype.itemsize


def _to_order(x: np.ndarray) -> np.ndarray:
    """Float values -> int64 that count representable values from 0 (-0 and +0 both at 0)."""
    unsigned, bits = _ordered_bits(x.dtype)
    raw = np.ascontiguousarray(x).view(unsigned)
    magnitude = (raw & unsigned.type((1 << (bits - 1)) - 1)).astype(np.int64)
    return np.where(raw >> unsigned.type(bits - 1) != 0, -magnitude, magnitude)


def _from_order(order: np.ndarray, dtype: np.dtype) -> np.ndarray:
    unsigned, bits = _ordered_bits(dtype)
    raw = np.abs(order).astype(unsigned)
    return np.where(order < 0, raw | unsigned.type(1 << (bits - 1)), raw).view(dtype)


def float_limits(dtype: np.dtype) -> tuple[float, float, float]:
    """(smallest denormal, smallest normal, largest finite) of a float dtype, as Python floats."""
    if dtype.name == "bfloat16":
        import ml_dtypes

        info: Any = ml_dtypes.finfo(dtype)
    else:
        info = np.finfo(dtype)
    return float(info.smallest_subnormal), float(info.smallest_normal), float(info.max)


def specials(dtype: np.dtype) -> np.ndarray:
    """Values that break kernels: NaN, infinities, zeros, denormals, extremes; integer extremes."""
    if dtype.kind in "iu" and dtype.name != "bfloat16":
        info = np.iinfo(dtype)
        near = [info.min, info.min + 1, info.max, info.max - 1, 0, 1, 2, 3, 7, info.bits - 1]
        near += [info.bits, info.bits + 1] + ([-1, -2, -info.bits] if info.min < 0 else [])
        return np.array(sorted({v for v in near if info.min <= v <= info.max}), dtype=dtype)
    if dtype.kind == "b":
        return np.array([False, True])
    if dtype.kind == "O":
        texts = ["", "a", "A b", "\0", "\n", "é", "日本語", "ß" * 50]
        return np.array([*(t.encode() for t in texts), b"\xff\xfe", b"\xc3"], dtype=object)
    if dtype.kind == "c":
        part = specials(np.dtype("float32" if dtype.itemsize == 8 else "float64"))[:14]
        re, im = np.meshgrid(part, part)
        out = np.empty(re.size, dtype=dtype)
        out.real, out.imag = re.ravel(), im.ravel()
        return out
    tiny, normal, largest = float_limits(dtype)
    values = [0.0, -0.0, math.nan, math.inf, -math.inf, 1.0, -1.0, 0.5, -0.5, 2.0, -2.0]
    for v in (
        tiny,
        3 * tiny,
        normal - tiny,
        normal,
        largest,
        math.sqrt(normal),
        math.sqrt(largest),
    ):
        values += [v, -v]
    values += [sign * v for v in (3.0, 10.0, 100.0, 1e4, 1e-4, math.pi) for sign in (1, -1)]
    with np.errstate(over="ignore"):
        return np.array(values, dtype=np.float64).astype(dtype)


def walk(domain: Domain = Domain(), n: int | None = None, specials_too: bool = False) -> Draw:
    """A 1-D array that walks the dtype's bit patterns in the domain, its edges and `near` points.

    Evenly spaced in the order of representable values, each at a random place in its interval, so
    1e-30 and 1e30 get equal attention. 8- and 16-bit dtypes (float16, bfloat16, int8, ...) are
    walked completely. `n` defaults to the budget of the run.
    """

    def make(rng: np.random.Generator, dtype: np.dtype, budget: int) -> np.ndarray:
        count = n or budget
        if dtype == np.dtype(object) or dtype.kind in "bc":
            if dtype.kind != "c":
                return arr(count).make(rng, dtype, budget)
            half = np.dtype("float32" if dtype.itemsize == 8 else "float64")
            out = np.empty(count, dtype=dtype)
            out.real = rng.permutation(walk(domain, count).make(rng, half, budget))[:count]
            out.imag = rng.permutation(walk(domain, count).make(rng, half, budget))[:count]
            return out
        if dtype.kind in "iu" and dtype.name != "bfloat16":
            info = np.iinfo(dtype)
            lo = int(max(info.min, domain.low)) if domain.low > -math.inf else info.min
            hi = int(min(info.max, domain.high)) if domain.high < math.inf else info.max
            if hi - lo < max(count, 65536):
                return np.array(range(lo, hi + 1), dtype=dtype)
            out = rng.integers(lo, hi, size=count, dtype=dtype, endpoint=True)
            small = rng.integers(max(lo, -100), min(hi, 100), size=count // 4, endpoint=True)
            out[: small.size] = small.astype(dtype)
            edge = specials(dtype).astype(object)
            edge = [v for v in edge if lo <= v <= hi]
            return np.concatenate([out, np.array(edge, dtype=dtype)])
        _, _, largest = float_limits(dtype)
        ends = np.array([max(domain.low, -largest), min(domain.high, largest)]).astype(dtype)
        lo, hi = (int(v) for v in _to_order(ends))
        if dtype.itemsize == 2:
            order = np.arange(lo, hi + 1, dtype=np.int64)
        else:
            edges = np.linspace(lo, hi, count + 1)
            jitter = rng.random(count) * (edges[1] - edges[0])
            order = np.clip((edges[:-1] + jitter), lo, hi).astype(np.int64)
            order = np.clip(order, lo, hi)
        parts = [_from_order(order, dtype)]
        # evenly in value as well: a bit walk gives [1, 10] only 3 of 254 binades
        a = domain.low if domain.low > -math.inf else -20.0
        b = domain.high if domain.high < math.inf else 20.0
        if b - a < 1e300 and dtype.itemsize > 2:
            parts.append(rng.uniform(a, b, count // 2).astype(dtype))
        step = np.concatenate(
            [np.arange(-32, 33), (2 ** np.arange(6, 20)), -(2 ** np.arange(6, 20))]
        )
        for point in (*ends.astype(np.float64), *domain.near):
            centre = int(_to_order(np.array([point]).astype(dtype))[0])
            parts.append(_from_order(np.clip(centre + step, lo, hi), dtype))
        if specials_too:
            parts.append(specials(dtype))
        return np.concatenate(parts)

    return Draw(make, f"walk [{domain.low:g}, {domain.high:g}]")


def special(domain: Domain = Domain()) -> Draw:
    """The special values of the dtype; restricted to the domain unless it allows all of them."""

    def make(rng: np.random.Generator, dtype: np.dtype, budget: int) -> np.ndarray:
        values = specials(dtype)
        if domain.special or dtype.kind in "bcO":
            return values
        return np.array([v for v in values if domain.low <= float(v) <= domain.high], dtype=dtype)

    return Draw(make, "special values")


# --- cases ----------------------------------------------------------------------------------------


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
    dynamic: with `program`, names of inputs whose dimensions are left open in the signature.
    dtypes: restricts the case to these main dtypes.
    """

    id: str
    inputs: Mapping[str, Any] = field(default_factory=dict)
    attrs: Mapping[str, Any] = field(default_factory=dict)
    constant: tuple[str, ...] | bool = ()
    program: Callable[..., Any] | None = None
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
    reference: dotted name or function, called with inputs and attrs by name; default is
      tf.raw_ops.<name>. Its result is one array or a sequence with one per output.
    truth: float64 (or mpmath) function of the inputs in signature order as float64 arrays, then
      attrs by name. Where it is given, the tolerance is measured against it and TensorFlow decides
      only NaN, Inf and the sign of zero; the report shows TensorFlow's own error beside ours.
    truth_limit: evaluate an expensive truth at no more than this many points of a case.
    pointwise: output element i depends on input element i only: quantized dtypes are then checked
      bit for bit against DEQUANTIZE -> float32 kernel -> QUANTIZE over all codes.
    via: only where TensorFlow's op lacks a dtype that the kernel has: {"float16": "float32"}
      computes the reference in float32 and rounds it.
    quant: {"same": True} when the output keeps the input's scale and zero point.
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


# --- seeds and materialised inputs ----------------------------------------------------------------


def seed_of(*parts: str) -> int:
    """A stable 64-bit seed from text: same inputs on every machine and in every run."""
    return int.from_bytes(hashlib.blake2b("/".join(parts).encode(), digest_size=8).digest(), "big")


def materialise(value: Any, dtype: str, seed: str, budget: int) -> Any:
    """A case's value as an array of `dtype` (object array of bytes for "string").

    seed: text that names op, dtypes, case and input. budget: elements for `walk` without a size.
    """
    if value is None:
        return None
    storage = numpy_dtype(dtype)
    if isinstance(value, Draw):
        rng = np.random.default_rng(seed_of(seed))
        if dtype in QUANTIZED and value.text.startswith("["):
            info = np.iinfo(storage)
            shape = np.shape(value.make(rng, storage, budget))
            rng = np.random.default_rng(seed_of(seed))
            return rng.integers(info.min, info.max, size=shape, dtype=storage, endpoint=True)
        value = value.make(rng, storage, budget)
    if storage == np.dtype(object):
        flat = np.asarray(value, dtype=object)
        encode = [v.encode() if isinstance(v, str) else bytes(v) for v in flat.ravel()]
        out = np.empty(len(encode), dtype=object)
        out[:] = encode
        return out.reshape(flat.shape)
    made = np.asarray(value)
    if made.dtype == storage:
        return made
    with np.errstate(over="ignore", invalid="ignore"):
        return made.astype(storage)


# --- the wide families in one row -----------------------------------------------------------------

SHAPES = ((), (1,), (2,), (3, 5), (1, 17), (2, 3, 4), (2, 1, 3, 2), (1, 2, 1, 3, 2))
SHAPES += ((2, 1, 2, 1, 2, 3), (1, 2, 1, 2, 1, 2, 2), (2, 1, 2, 1, 1, 2, 1, 3))
SIZES = (3, 4, 7, 8, 9, 15, 16, 17, 31, 33, 63, 65, 127, 1023, 4099)
EMPTY = ((0,), (3, 0, 2))
BROADCASTS = (
    ((), ()),
    ((), (5,)),
    ((17,), ()),
    ((33,), (33,)),
    ((1,), (9,)),
    ((3, 1), (1, 4)),
    ((2, 3, 4), (4,)),
    ((5,), (3, 4, 5)),
    ((2, 1, 3, 1), (1, 4, 1, 5)),
    ((3, 4, 1, 2, 5), (4, 3, 1, 1)),
    ((2, 1, 2, 1, 2, 1, 2, 1), (1, 2, 1, 2, 1, 2, 1, 3)),
    ((2, 2, 2, 2, 2, 2, 2, 2), (2, 1, 2, 1, 2, 1, 2, 1)),
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
    if dtype in INTEGERS:
        info = np.iinfo(dtype)
        low, high = max(low, info.min), min(high + 1, info.max)
        if high <= low:
            high = low + 1
    return arr(*shape, low=low, high=high)


def unary(
    name: str,
    domain: Domain = Domain(),
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
                yield Case(f"special{tag}", _special_pairs(args, domains), a)
        for a, b in shapes:
            draws = {first: _codes_or(t, domains[0], a), second: _codes_or(t, domains[1], b)}
            yield Case(f"shape{shape_id(a)}-{shape_id(b)}", draws, attrs[0])
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


def _special_pairs(args: tuple[str, str], domains: tuple[Domain, Domain]) -> dict[str, Draw]:
    def column(rng: np.random.Generator, dtype: np.dtype, budget: int) -> np.ndarray:
        values = special(domains[0]).make(rng, dtype, budget)
        return np.repeat(values, special(domains[1]).make(rng, dtype, budget).size)

    def row(rng: np.random.Generator, dtype: np.dtype, budget: int) -> np.ndarray:
        values = special(domains[1]).make(rng, dtype, budget)
        return np.tile(values, special(domains[0]).make(rng, dtype, budget).size)

    return {args[0]: Draw(column, "special pairs"), args[1]: Draw(row, "special pairs")}


# --- registration ---------------------------------------------------------------------------------

_SPECS: dict[str, Spec] = {}


def register(*specs: Spec) -> None:
    """Adds specs to the process's table.

    Raises:
      ValueError: an op has a spec already.
    """
    for spec in specs:
        if spec.name in _SPECS and _SPECS[spec.name] is not spec:
            raise ValueError(f"{spec.name}: registered twice")
        _SPECS[spec.name] = spec


def specs() -> dict[str, Spec]:
    """Every registered spec by op name: this package's families and entry points `opkit.ops`."""
    from opkit import ops

    ops.load_all()
    return dict(sorted(_SPECS.items()))


def spec(name: str) -> Spec:
    """The spec of an op.

    Raises:
      KeyError: no spec has that name; the message names near misses.
    """
    table = specs()
    if name not in table:
        import difflib

        near = difflib.get_close_matches(name, table, n=3)
        hint = f"; did you mean {', '.join(near)}?" if near else "; `opkit ops` lists all"
        raise KeyError(f"no op named {name!r}{hint}")
    return table[name]

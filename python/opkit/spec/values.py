"""Values of inputs: recipes that the seed of a case turns into arrays."""

from __future__ import annotations

import hashlib
import importlib
import math
from collections.abc import Callable
from dataclasses import dataclass
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
    range: tuple[float, float] | None = None  # real values that quantized codes should cover
    codes: bool = False  # quantized inputs get codes over their whole range instead

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
        start, end = (-1.0 if low is None else low), (1.0 if high is None else high)
        if dtype.kind == "c":
            return (rng.uniform(start, end, shape) + 1j * rng.uniform(start, end, shape)).astype(
                dtype
            )
        with np.errstate(over="ignore"):  # 16-bit floats end early
            return np.asarray(rng.uniform(start, end, shape)).astype(dtype)

    span = "" if low is None and high is None else f" in [{low}, {high})"
    reach = (-1.0 if low is None else float(low), 1.0 if high is None else float(high))
    return Draw(make, f"{list(shape)}{span}", reach, codes=True)


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
            edge = [v for v in specials(dtype).tolist() if lo <= v <= hi]
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
        if dtype in QUANTIZED and value.codes:
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

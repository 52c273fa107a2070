"""Whether a node fits a kernel's declaration. A refusal says what came, what is taken and what
helps."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from opkit.declaration import QUANTIZED as STORAGE
from opkit.declaration import Arg, Declaration
from opkit.model import (
    Attr,
    DType,
    FuncValue,
    ModelError,
    Node,
    ShapeValue,
    Tensor,
    TensorValue,
    builtin_names,
)

__all__ = ["Kernels", "Refusal", "arguments", "refuses", "registered_kernels"]

#: Quantized type of each storage type, as declarations name them.
QUANTIZED = {storage: quantized for quantized, storage in STORAGE.items()}


@dataclass(frozen=True)
class Refusal:
    """Why a node cannot be served, and the nearest thing that helps."""

    reason: str
    next_step: str


def refuses(declaration: Declaration, node: Node) -> Refusal | None:
    """Why this kernel cannot run ``node``, or None if by all that the file says it can."""
    if node.is_custom and node.version != declaration.version:
        return Refusal(
            f"unknown version {node.version}; the kernel has version {declaration.version}",
            "convert the model again, or update opkit",
        )
    try:
        attrs = node.attrs(declaration.kinds())
    except ModelError as error:
        return Refusal(str(error), "convert the model again: its options are damaged")
    bound: dict[str, str] = {}
    return (
        _tensors(declaration, node.inputs, "input", bound)
        or _tensors(declaration, node.outputs, "output", bound)
        or _attributes(declaration, attrs)
    )


def arguments(declaration: Declaration, side: str, count: int) -> list[Arg] | Refusal:
    """The argument that each of ``count`` tensors of ``side`` ("input", "output") fills."""
    taken = declaration.inputs if side == "input" else declaration.outputs
    single = [a for a in taken if not a.list]
    lists = len(taken) - len(single)
    names = ", ".join(a.name for a in taken) or "none"
    wrong = Refusal(
        f"{count} {side}s; the kernel takes {names}", "check the op's definition in TensorFlow"
    )
    if lists:
        rest = count - len(single)
        if rest < 0 or rest % lists:
            return wrong
        each = rest // lists
        return [a for a in taken for _ in range(each if a.list else 1)]
    least = sum(not a.optional for a in taken)
    if not least <= count <= len(taken):
        return wrong
    return list(taken[:count])


def _tensors(
    declaration: Declaration,
    tensors: Sequence[Tensor | None],
    side: str,
    bound: dict[str, str],
) -> Refusal | None:
    placed = arguments(declaration, side, len(tensors))
    if isinstance(placed, Refusal):
        return placed
    for tensor, argument in zip(tensors, placed, strict=True):
        where = f"{side} {argument.name!r}"
        if tensor is None:
            if not argument.optional:
                return Refusal(f"{where} is left out", "give the input a value")
            continue
        dtype = _dtype(tensor, argument.dtypes)
        where += f" ({tensor.name!r})"
        taken = _listed(argument.dtypes)
        if dtype is None:
            return Refusal(
                f"{where} is {_described(tensor)}, the kernel takes {taken}",
                _dtype_advice(tensor, argument),
            )
        refusal = _rank_refusal(tensor, argument, where)
        if refusal:
            return refusal
        if argument.type_var is None or argument.mixed:
            continue
        expected = bound.setdefault(argument.type_var, dtype)
        if expected != dtype:
            return Refusal(
                f"{where} is {dtype}, but {argument.type_var} is {expected} here",
                "make the types agree, with tf.cast or by quantizing all of them",
            )
    return None


def _attributes(declaration: Declaration, attrs: Mapping[str, Attr]) -> Refusal | None:
    for name, value in attrs.items():
        if name.startswith("_") or name in declaration.types:
            continue
        declared = declaration.attr(name)
        known = ", ".join(a.name for a in declaration.attrs) or "none"
        if declared is None:
            return Refusal(
                f"unknown attribute {name!r}; the kernel takes {known}",
                "update opkit, or leave the attribute at its default",
            )
        if not _has_kind(value, declared.bare_kind):
            return Refusal(
                f"attribute {name!r} is {value!r}, want a {declared.bare_kind}",
                "convert the model again",
            )
        if declared.length is not None and len(value) != declared.length:  # type: ignore
            return Refusal(
                f"attribute {name!r} has {len(value)} values, "  # type: ignore
                f"want {declared.length}",
                "convert the model again",
            )
        if declared.choices and value not in declared.choices:
            return Refusal(
                f"attribute {name!r} is {value!r}, the kernel takes {', '.join(declared.choices)}",
                f"use one of {', '.join(declared.choices)}",
            )
    for declared in declaration.attrs:
        if declared.required and declared.name not in attrs:
            return Refusal(f"attribute {declared.name!r} is missing", "convert the model again")
    return None


def _dtype(tensor: Tensor, dtypes: tuple[str, ...]) -> str | None:
    """The declared dtype that ``tensor`` is taken as, or None."""
    quantized = QUANTIZED.get(tensor.dtype)
    if quantized in dtypes and tensor.quantization and tensor.quantization.is_per_tensor:
        return quantized
    return tensor.dtype if tensor.dtype in dtypes else None


def _described(tensor: Tensor) -> str:
    if tensor.dtype not in QUANTIZED:
        return tensor.dtype
    if not tensor.is_quantized:
        return f"{tensor.dtype} without quantization"
    assert tensor.quantization is not None
    return f"{tensor.dtype} quantized {'' if tensor.quantization.is_per_tensor else 'per channel'}"


def _listed(dtypes: Iterable[str]) -> str:
    return ", ".join(sorted(dtypes))


def _dtype_advice(tensor: Tensor, argument: Arg) -> str:
    if tensor.dtype in QUANTIZED and QUANTIZED[tensor.dtype] in argument.dtypes:
        return "quantize the tensor with one scale and zero point"
    floats = [d for d in ("float32", "float64", "float16") if d in argument.dtypes]
    ints = [d for d in ("int32", "int64") if d in argument.dtypes]
    options = floats + ints if tensor.dtype.startswith(("float", "bfloat")) else ints + floats
    if options and tensor.dtype not in ("string", "resource", "variant"):
        return f"tf.cast to {options[0]} before the op"
    return "write a kernel for this type: opkit new"


def _rank_refusal(tensor: Tensor, argument: Arg, where: str) -> Refusal | None:
    # A stored rank 0 may also mean that the converter did not know the rank.
    if argument.rank is None or tensor.dims is None or (not tensor.dims and not tensor.has_rank):
        return None
    if where.startswith("output"):
        return None
    rank = len(tensor.dims)
    wrong = rank < argument.rank if argument.ellipsis else rank != argument.rank
    if not wrong:
        return None
    least = "at least " if argument.ellipsis else ""
    return Refusal(
        f"{where} has rank {rank}, the kernel takes {least}{argument.rank}",
        "tf.reshape to that rank before the op",
    )


def _has_kind(value: Attr, kind: str) -> bool:
    if kind.startswith("list("):
        inner = kind[5 : kind.index(")")]
        return isinstance(value, list) and all(_has_kind(item, inner) for item in value)
    whole = isinstance(value, int) and not isinstance(value, bool)
    return {
        "int": whole,
        "float": whole or isinstance(value, float),
        "bool": isinstance(value, bool),
        "string": isinstance(value, (str, bytes)) and not isinstance(value, DType),
        "type": isinstance(value, DType),
        "shape": isinstance(value, ShapeValue),
        "func": isinstance(value, FuncValue),
        "tensor": isinstance(value, (TensorValue, str, bytes)),
    }.get(kind, False)


def _without_kernel(node: Node) -> Refusal:
    builtin = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", node.op).upper()
    if node.is_flex and builtin in builtin_names():
        return Refusal(
            f"the kit has no kernel for {node.op}, and the converter could not make it the builtin "
            f"{builtin}, which does not take these dtypes, ranks or attributes",
            "change this part of the model to what the builtin takes (for complex tensors, to the "
            f"real and the imaginary part), or write a kernel with: opkit new {node.op}",
        )
    own = "" if node.is_flex else "load the op's library (--ops, opkit.load_library), "
    return Refusal(
        f"the kit has no kernel for {node.op}",
        f"{own}write one with: opkit new {node.op}, or replace the op in the model",
    )


class Kernels:
    """The kernels a model may use, by op name and version."""

    def __init__(self, declarations: Iterable[Declaration] = ()) -> None:
        self._by_name: dict[str, dict[int, Declaration]] = {}
        for declaration in declarations:
            self._by_name.setdefault(declaration.name, {})[declaration.version] = declaration

    def get(self, name: str, version: int | None = None) -> Declaration | None:
        """The declaration of the op ``name`` (its newest, or that of ``version``), or None."""
        versions = self._by_name.get(name, {})
        return versions.get(max(versions, default=0) if version is None else version)

    def __contains__(self, name: str) -> bool:
        return name in self._by_name

    def __iter__(self) -> Iterator[Declaration]:
        for name in self._by_name:
            newest = self.get(name)
            if newest is not None:
                yield newest

    def refuses(self, node: Node) -> Refusal | None:
        """Why no kernel runs the custom or Flex ``node``, or None if one does."""
        newest = self.get(node.op)
        if newest is None:
            return _without_kernel(node)
        if node.is_flex:  # a Flex node has TensorFlow's semantics, which the newest one follows
            return refuses(newest, node)
        return refuses(self.get(node.op, node.version) or newest, node)


def registered_kernels() -> Kernels:
    """The kernels of the kit and of every loaded author's library."""
    # Not imported above: a model can be looked at where the library does not load.
    registry = importlib.import_module("opkit.registry")
    return Kernels(registry.every_version())

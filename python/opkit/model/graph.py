"""The graph of a .tflite file: tensors, nodes and subgraphs as objects that refer to each other.

Indices exist in the file only. In memory a node holds its tensors, a tensor its buffer; what
nothing refers to is not written, so an edit never has to renumber anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .attrs import (
    decode_custom_options,
    decode_flex_options,
    encode_custom_options,
    encode_flex_options,
)
from .dtypes import NUMPY_DTYPES, dtype_from_numpy
from .errors import ModelError
from .nodedef import NodeDef
from .strings import pack_strings, unpack_strings
from .values import Attr

__all__ = ["Buffer", "Node", "Quantization", "Signature", "Subgraph", "Tensor"]

CUSTOM = "CUSTOM"
FLEX_PREFIX = "Flex"


@dataclass(eq=False)
class Buffer:
    """Bytes that one or more tensors share: uint8[n], or None where the file stores none."""

    data: np.ndarray | None = None

    @property
    def size(self) -> int:
        """Number of bytes."""
        return 0 if self.data is None else int(self.data.size)


@dataclass
class Quantization:
    """Affine quantization ``real = scale * (q - zero_point)`` and, if stored, the float range.

    ``scale`` float32[n] and ``zero_point`` int64[n] have one element per tensor, or one per slice
    along ``axis``. ``details`` is the schema's object for a custom or blockwise scheme."""

    scale: np.ndarray = field(default_factory=lambda: np.zeros(0, np.float32))
    zero_point: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    axis: int = 0
    min: np.ndarray | None = None
    max: np.ndarray | None = None
    details: Any = None
    details_type: int = 0

    @classmethod
    def per_tensor(cls, scale: float, zero_point: int) -> Quantization:
        """Quantization with one scale and one zero point."""
        return cls(np.array([scale], np.float32), np.array([zero_point], np.int64))

    @property
    def is_per_tensor(self) -> bool:
        """Whether this is one positive scale and one zero point, and no other scheme."""
        return (
            self.scale.size == 1
            and self.zero_point.size <= 1
            and self.details_type == 0
            and bool(np.isfinite(self.scale[0]) and self.scale[0] > 0)
        )

    def params(self) -> tuple[float, int]:
        """(scale, zero point) of a per-tensor quantization. Raises ModelError for any other."""
        if not self.is_per_tensor:
            raise ModelError("the quantization is not per tensor")
        return float(self.scale[0]), int(self.zero_point[0]) if self.zero_point.size else 0

    def same_as(self, other: Quantization | None) -> bool:
        """Whether both are per tensor with equal scale and zero point."""
        if other is None or not (self.is_per_tensor and other.is_per_tensor):
            return False
        return self.params() == other.params()


@dataclass(eq=False)
class Tensor:
    """A tensor of one subgraph. ``shape`` is None for an unknown rank; ``shape_signature``, where
    the file has one, holds -1 for sizes that may change (``dims`` is the one to read)."""

    name: str
    dtype: str
    shape: tuple[int, ...] | None = None
    shape_signature: tuple[int, ...] | None = None
    quantization: Quantization | None = None
    buffer: Buffer | None = None
    is_variable: bool = False
    has_rank: bool = True
    sparsity: Any = None
    variant_tensors: Any = None

    @property
    def dims(self) -> tuple[int, ...] | None:
        """Shape with -1 for unknown sizes; None for an unknown rank."""
        return self.shape if self.shape_signature is None else self.shape_signature

    @property
    def is_quantized(self) -> bool:
        """Whether the tensor carries scales."""
        return self.quantization is not None and self.quantization.scale.size > 0

    @property
    def is_constant(self) -> bool:
        """Whether the file holds the tensor's value."""
        return self.buffer is not None and self.buffer.size > 0 and not self.is_variable

    def numpy(self) -> np.ndarray:
        """The constant value, a read-only array of ``shape`` (strings as objects of bytes).

        Raises ModelError if the tensor is no constant, its type has no numpy form or its bytes do
        not fill the shape."""
        if not self.is_constant:
            raise ModelError(f"tensor {self.name!r} is not a constant")
        assert self.buffer is not None and self.buffer.data is not None
        raw, shape = self.buffer.data, self.shape or ()
        if any(size < 0 for size in shape):
            raise ModelError(f"tensor {self.name!r} has the shape {list(shape)}")
        count = 1
        for size in shape:
            count *= int(size)
        if self.dtype == "string":
            values = unpack_strings(raw.tobytes(), self.name)
            if len(values) != count:
                raise ModelError(
                    f"tensor {self.name!r} holds {len(values)} strings, its shape {count}"
                )
            return np.array(values, dtype=object).reshape(shape)
        dtype = NUMPY_DTYPES.get(self.dtype)
        if dtype is None:
            raise ModelError(f"tensor {self.name!r} of {self.dtype} has no numpy form")
        if count * dtype.itemsize != raw.size:
            raise ModelError(
                f"tensor {self.name!r} holds {raw.size} bytes, {self.dtype}{list(shape)} takes "
                f"{count * dtype.itemsize}"
            )
        return raw.view(dtype).reshape(shape) if raw.size else np.zeros(shape, dtype)

    def set_numpy(self, value: np.ndarray) -> None:
        """Makes the tensor a constant of ``value``'s shape and dtype, in a buffer of its own."""
        value = np.asarray(value)
        self.dtype = dtype_from_numpy(value.dtype)
        self.shape, self.shape_signature = tuple(value.shape), None
        if self.dtype == "string":
            raw = np.frombuffer(pack_strings(value.reshape(-1).tolist()), np.uint8)
        else:
            raw = np.frombuffer(np.ascontiguousarray(value).tobytes(), np.uint8)
        self.buffer = Buffer(raw)

    def __repr__(self) -> str:
        dims = "?" if self.dims is None else ",".join(str(size) for size in self.dims)
        return f"<Tensor {self.name!r} {self.dtype}[{dims}]>"


@dataclass(eq=False)
class Node:
    """One operator. ``builtin`` is the BuiltinOperator's name ("CONV_2D"), "CUSTOM" for custom and
    Flex nodes, whose name is ``custom_code``. A None input is an optional one left out.

    Builtin options are the schema's objects, to be read; custom options are bytes, which
    :meth:`attrs` and :meth:`set_attrs` decode and encode."""

    builtin: str
    inputs: list[Tensor | None] = field(default_factory=list)
    outputs: list[Tensor] = field(default_factory=list)
    custom_code: str = ""
    version: int = 1
    custom_options: bytes = b""
    builtin_options: Any = None
    builtin_options_type: int = 0
    builtin_options_2: Any = None
    builtin_options_2_type: int = 0
    intermediates: list[Tensor] | None = None
    mutating_variable_inputs: list[bool] | None = None
    debug_metadata_index: int = -1

    @classmethod
    def custom(
        cls,
        name: str,
        inputs: Sequence[Tensor | None],
        outputs: Sequence[Tensor],
        attrs: dict[str, Attr] | None = None,
        version: int = 1,
    ) -> Node:
        """A custom node whose options are the FlexBuffer map of ``attrs``."""
        options = encode_custom_options(attrs or {})
        return cls(CUSTOM, list(inputs), list(outputs), name, version, options)

    @property
    def is_custom(self) -> bool:
        """Whether the node is a custom one that is not Flex."""
        return self.builtin == CUSTOM and not self.is_flex

    @property
    def is_flex(self) -> bool:
        """Whether the node runs TensorFlow's op through the Flex delegate."""
        return (
            self.builtin == CUSTOM
            and self.custom_code.startswith(FLEX_PREFIX)
            and len(self.custom_code) > len(FLEX_PREFIX)
        )

    @property
    def op(self) -> str:
        """The op's name: of the builtin, of the custom op, or of TensorFlow's op behind Flex."""
        if self.is_flex:
            return self.custom_code[len(FLEX_PREFIX) :]
        return self.custom_code if self.builtin == CUSTOM else self.builtin

    def nodedef(self) -> NodeDef:
        """The NodeDef of a Flex node. Raises ModelError for other nodes and malformed options."""
        if not self.is_flex:
            raise ModelError(f"{self.op} is no Flex node")
        node = decode_flex_options(self.custom_options)
        if node.op != self.op:
            raise ModelError(f"node {self.custom_code} holds the NodeDef of {node.op!r}")
        return node

    def attrs(self, kinds: dict[str, str] | None = None) -> dict[str, Attr]:
        """Attributes by name. ``kinds`` (see decode_custom_options) types a custom node's values;
        a Flex node knows its own. A builtin's options come as schema field names, to be read.

        Raises ModelError for malformed options."""
        if self.is_flex:
            return dict(self.nodedef().attrs)
        if self.builtin == CUSTOM:
            return decode_custom_options(self.custom_options, kinds)
        found: dict[str, Attr] = {}
        for options in (self.builtin_options, self.builtin_options_2):
            found.update(vars(options) if options is not None else {})
        return found

    def set_attrs(self, attrs: dict[str, Attr]) -> None:
        """Replaces a custom or Flex node's attributes. Raises ModelError for a builtin."""
        if self.is_flex:
            node = self.nodedef()
            node.attrs = dict(attrs)
            self.custom_options = encode_flex_options(node)
        elif self.builtin == CUSTOM:
            self.custom_options = encode_custom_options(attrs)
        else:
            raise ModelError(f"the options of the builtin {self.builtin} are read-only")

    def __repr__(self) -> str:
        return f"<Node {self.custom_code or self.builtin} -> {[t.name for t in self.outputs]}>"


@dataclass(eq=False)
class Signature:
    """A named entry point: argument and result names with the tensors behind them."""

    key: str
    subgraph: Subgraph
    inputs: dict[str, Tensor] = field(default_factory=dict)
    outputs: dict[str, Tensor] = field(default_factory=dict)


@dataclass(eq=False)
class Subgraph:
    """One graph of a model: tensors in file order, nodes in execution order."""

    name: str = ""
    tensors: list[Tensor] = field(default_factory=list)
    inputs: list[Tensor] = field(default_factory=list)
    outputs: list[Tensor] = field(default_factory=list)
    nodes: list[Node] = field(default_factory=list)
    debug_metadata_index: int = -1

    def producer(self, tensor: Tensor) -> Node | None:
        """The node that writes ``tensor``; None for inputs, constants and variables."""
        return next((node for node in self.nodes if tensor in node.outputs), None)

    def consumers(self, tensor: Tensor) -> list[Node]:
        """The nodes that read ``tensor``, in execution order."""
        return [node for node in self.nodes if tensor in node.inputs]

    def producers(self) -> dict[Tensor, Node]:
        """The producer of every tensor that has one: for passes over large graphs."""
        return {tensor: node for node in self.nodes for tensor in node.outputs}

    def uses(self) -> dict[Tensor, list[Node]]:
        """The consumers of every tensor that has any: for passes over large graphs."""
        found: dict[Tensor, list[Node]] = {}
        for node in self.nodes:
            for tensor in dict.fromkeys(t for t in node.inputs if t is not None):
                found.setdefault(tensor, []).append(node)
        return found

    def index(self, node: Node) -> int:
        """Position of ``node``. Raises ModelError if it is not in this subgraph."""
        for position, candidate in enumerate(self.nodes):
            if candidate is node:
                return position
        raise ModelError(f"{node!r} is not in subgraph {self.name!r}")

    def add_tensor(self, tensor: Tensor) -> Tensor:
        """Adds ``tensor``, renamed with a suffix if its name is taken, and returns it."""
        taken = {other.name for other in self.tensors}
        name, count = tensor.name, 0
        while tensor.name in taken:
            count += 1
            tensor.name = f"{name}_{count}"
        self.tensors.append(tensor)
        return tensor

    def insert(self, position: int, node: Node) -> Node:
        """Inserts ``node`` before the node at ``position``; new tensors of it are added."""
        present = set(self.tensors)
        for tensor in [*node.inputs, *node.outputs]:
            if tensor is not None and tensor not in present:
                self.add_tensor(tensor)
                present.add(tensor)
        self.nodes.insert(position, node)
        return node

    def remove(self, node: Node) -> None:
        """Takes ``node`` out. Its output tensors stay, without a producer, until pruned."""
        del self.nodes[self.index(node)]

    def replace(self, old: Node, new: Node) -> Node:
        """Puts ``new`` where ``old`` was."""
        position = self.index(old)
        del self.nodes[position]
        return self.insert(position, new)

    def rewire(self, old: Tensor, new: Tensor, nodes: Iterable[Node] | None = None) -> int:
        """Makes ``nodes`` (default: all nodes, and the graph's outputs) read ``new`` for ``old``.

        Returns how many uses changed."""
        changed = 0
        for node in self.nodes if nodes is None else nodes:
            for i, tensor in enumerate(node.inputs):
                if tensor is old:
                    node.inputs[i] = new
                    changed += 1
        if nodes is None:
            for i, tensor in enumerate(self.outputs):
                if tensor is old:
                    self.outputs[i] = new
                    changed += 1
        return changed

    def live_tensors(self) -> Iterator[Tensor]:
        """Tensors that inputs, outputs or a node refer to."""
        yield from self.inputs
        yield from self.outputs
        for node in self.nodes:
            yield from (tensor for tensor in node.inputs if tensor is not None)
            yield from node.outputs
            yield from node.intermediates or ()

    def check(self) -> None:
        """Raises ModelError if a node reads what only it or a later node computes.

        Variables keep their value between calls and are there before they are written."""
        produced = {t for node in self.nodes for t in node.outputs if not t.is_variable}
        pending = produced - set(self.inputs)
        for position, node in enumerate(self.nodes):
            for tensor in node.inputs:
                if tensor is not None and tensor in pending:
                    raise ModelError(
                        f"subgraph {self.name!r}: node {position} ({node.op}) reads "
                        f"{tensor.name!r} before it is computed"
                    )
            pending -= set(node.outputs)

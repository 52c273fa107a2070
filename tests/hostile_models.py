"""Graphs of kernels alone, damaged field by field: as the runtime has no part in them, whatever
does not survive one is the kit's. `python hostile_models.py SEED FIRST LAST` runs its mutants."""

from __future__ import annotations

import json
import random
import sys
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np

import opkit
from opkit.model import (
    DType,
    Model,
    Node,
    NodeDef,
    Quantization,
    Subgraph,
    Tensor,
    encode_flex_options,
)

SIZES = (-(2**31), -1000, -2, -1, 0, 1, 2, 3, 7, 255, 65536, 2**24, 2**30, 2**31 - 1)
SCALES = (0.0, -1.0, 0.5, 1e-45, 1e38, float("inf"), float("nan"))
TEXTS = (b"", b"\xff\xfe", b"\x00", b"x" * 3000, b"\xed\xa0\x80", b"[red]", b"a\nb")


class _Graph:
    def __init__(self) -> None:
        self.graph = Subgraph("main")

    def tensor(self, dtype: str, shape: tuple[int, ...], scale: float = 0) -> Tensor:
        tensor = Tensor(f"t{len(self.graph.tensors)}", dtype, shape)
        tensor.quantization = Quantization.per_tensor(scale, 3) if scale else None
        return self.graph.add_tensor(tensor)

    def constant(self, value: Any, dtype: str) -> Tensor:
        tensor = self.tensor(dtype, ())
        tensor.set_numpy(np.array(value, dtype))
        return tensor

    def node(self, op: str, inputs: list[Tensor], output: Tensor, **attrs: Any) -> Tensor:
        node = Node.custom(op, inputs, [output], {} if op.startswith("Flex") else attrs)
        if op.startswith("Flex"):
            node.custom_options = encode_flex_options(NodeDef(op[4:], attrs=attrs))
        self.graph.nodes.append(node)
        return output

    def done(self, source: Tensor, *results: Tensor) -> bytes:
        self.graph.inputs, self.graph.outputs = [source], list(results)
        return Model([self.graph]).to_bytes()


def _floats(prefix: str = "") -> bytes:
    g = _Graph()
    x, a, b = (g.tensor("float32", (4, 6)) for _ in range(3))
    c = g.tensor("float32", (3, 6))
    axis = g.constant(1, "int32")
    types = {"T": DType("float32")} if prefix else {}
    g.node(f"{prefix}Cumprod", [x, axis], a, exclusive=True, reverse=False)
    g.node(f"{prefix}Erf", [a], b, **types)
    g.node(f"{prefix}SegmentMean", [b, g.constant([0, 0, 2, 2], "int32")], c)
    return g.done(x, c)


def _int8() -> bytes:
    g = _Graph()
    x, a, b = (g.tensor("int8", (4, 6), scale) for scale in (0.02, 0.01, 0.03))
    g.node("Erf", [x], a)
    g.node("Softplus", [a], b)
    return g.done(x, b)


def _strings() -> bytes:
    g = _Graph()
    x, a = g.tensor("string", (3,)), g.tensor("string", (3,))
    b = g.tensor("int64", (3,))
    g.node("StringLower", [x], a, encoding="")
    g.node("StringToHashBucketFast", [a], b, num_buckets=100)
    return g.done(x, b)


def _lists() -> bytes:
    g = _Graph()
    x, y = g.tensor("float32", (4,)), g.tensor("float32", (3, 4))
    made, filled = g.tensor("variant", ()), g.tensor("variant", ())
    shape, count, at = (g.constant(v, "int32") for v in ([4], 3, 1))
    g.node("TensorListReserve", [shape, count], made, element_dtype=DType("float32"))
    g.node("TensorListSetItem", [made, at, x], filled, element_dtype=DType("float32"))
    g.node("TensorListStack", [filled, shape], y, element_dtype=DType("float32"))
    return g.done(x, y)


SEEDS: dict[str, Callable[[], bytes]] = {
    "float": _floats,
    "flex": lambda: _floats("Flex"),
    "int8": _int8,
    "string": _strings,
    "list": _lists,
}


def mutant(data: bytes, name: str, number: int) -> bytes:
    """The file with one or two of its fields changed; the same for the same number."""
    import flatbuffers

    from opkit.model.schema import schema

    rng = random.Random(f"{name} {number}")
    raw = schema().ModelT.InitFromPackedBuf(data)
    for _ in range(rng.randint(1, 2)):
        _change(rng, raw, schema())
    builder = flatbuffers.Builder(1024)
    try:
        builder.Finish(raw.Pack(builder), b"TFL3")
    except Exception:  # the change does not fit the file format
        return data[: rng.randrange(len(data))]
    return bytes(builder.Output())


def _change(rng: random.Random, raw: Any, schema: Any) -> None:
    graph = raw.subgraphs[0]
    node, tensor = rng.choice(graph.operators), rng.choice(graph.tensors)
    code, buffer = rng.choice(raw.operatorCodes), rng.choice(raw.buffers)
    what = rng.randrange(15)
    if what < 2:
        side = "inputs" if what else "outputs"
        values = [int(i) for i in getattr(node, side)]
        values[rng.randrange(len(values))] = rng.randrange(-2, len(graph.tensors) + 1)
        setattr(node, side, values[: rng.randint(1, 5)])
    elif what == 2:
        node.opcodeIndex = rng.randrange(len(raw.operatorCodes) + 1)
    elif what == 3:
        tensor.buffer = rng.randrange(len(raw.buffers) + 1)
    elif what < 6:
        tensor.shape = [rng.choice(SIZES) for _ in range(rng.randint(0, 9))]
        tensor.shapeSignature = None
    elif what == 6:
        tensor.type = rng.randrange(20)
    elif what == 7:
        count = rng.choice([0, 1, 2, 100])
        tensor.quantization = schema.QuantizationParametersT()
        tensor.quantization.scale = [rng.choice(SCALES) for _ in range(count)]
        tensor.quantization.zeroPoint = [rng.choice(SIZES) for _ in range(count)]
        tensor.quantization.quantizedDimension = rng.choice(SIZES)
    elif what == 8:
        tensor.name = rng.choice(TEXTS)
    elif what < 12 and node.customOptions is not None and len(node.customOptions):
        options = bytearray(node.customOptions)
        for _ in range(rng.randint(1, 3)):
            options[rng.randrange(len(options))] = rng.randrange(256)
        node.customOptions = list(options[: rng.choice([len(options), rng.randrange(999)])])
    elif what == 12:
        names = [other.customCode for other in raw.operatorCodes]
        code.customCode = rng.choice([*TEXTS, *names, b"Flex", b"Cholesky"])
    elif what == 13:
        code.version = rng.choice(SIZES)
    elif buffer.data is not None and len(buffer.data):
        content = bytearray(buffer.data)
        content[rng.randrange(len(content))] = rng.choice([0, 127, 128, 255])
        buffer.data = list(content[: rng.randint(1, len(content))])


def feed(interpreter: Any) -> None:
    """Sets the inputs; the mutant is too large to be run where that takes over 2**20 values."""
    for detail in interpreter.get_input_details():
        shape = detail["shape"]
        if np.prod(shape, dtype=np.float64) > 2**20:
            raise ValueError("too large for this test")
        text = detail["dtype"] in (np.bytes_, np.object_)
        value = np.full(shape, b"Ab", object) if text else np.ones(shape, detail["dtype"])
        interpreter.set_tensor(detail["index"], value)


def outcome(use: Callable[[bytes], None], data: bytes) -> str:
    """ "fine", or the kind of the error; other kinds than a user is to see go on."""
    try:
        use(data)
    except (ValueError, RuntimeError) as error:
        return type(error).__name__
    return "fine"


def convert(data: bytes) -> None:
    """The whole way of a .tflite file through the conversion."""
    opkit.convert(data, progress=False).to_bytes()


def invoke(data: bytes) -> None:
    """One run on ones."""
    interpreter = opkit.Interpreter(model_content=data)
    interpreter.allocate_tensors()
    feed(interpreter)
    interpreter.invoke()
    for detail in interpreter.get_output_details():
        interpreter.get_tensor(detail["index"])


def main(name: str, first: str, last: str) -> None:
    """Converts and runs mutants; each one's number goes to standard error before, counts of the
    outcomes to output after."""
    data = SEEDS[name]()
    invoke(data)
    counts: dict[str, Counter[str]] = {"convert": Counter(), "invoke": Counter()}
    for number in range(int(first), int(last)):
        print("mutant", name, number, file=sys.stderr, flush=True)
        damaged = mutant(data, name, number)
        counts["convert"][outcome(convert, damaged)] += 1
        counts["invoke"][outcome(invoke, damaged)] += 1
    print(json.dumps(counts))


if __name__ == "__main__":
    main(*sys.argv[1:])

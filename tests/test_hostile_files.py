"""opkit.model on files that are damaged or made to hurt: refused with a reason, quickly."""

from __future__ import annotations

import json
import random
import struct
import subprocess
import sys
import time
from typing import Any

import pytest

import hostile_models
import opkit
import tf_models
from opkit.model import Model, ModelError, Node, Subgraph, Tensor


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", "too few"),
        (b"PK\x03\x04 not a model", "identifier"),
        (b"\xff\xff\xff\xffTFL3", "outside the file"),
        (b"\x00\x00\x00\x00TFL3" + bytes(64), "not a valid TFLite file"),
    ],
)
def test_refuses_what_is_no_model(data: bytes, text: str) -> None:
    with pytest.raises(ModelError, match=text):
        Model.load(data)


def test_every_truncation_is_refused_or_read() -> None:
    data = tf_models.erf_flex()
    for size in range(len(data)):
        _survives(data[:size])


@pytest.mark.parametrize("name", ["erf_in_while", "strings_flex", "convolution_int8"])
def test_mutated_files_never_crash_or_hang(name: str) -> None:
    rng = random.Random(f"opkit {name}")
    original = tf_models.ALL[name]()
    start, outcomes = time.monotonic(), set()
    for _ in range(1200):
        data = bytearray(original)
        for _ in range(rng.randint(1, 4)):
            where = rng.randrange(len(data))
            data[where] = rng.choice([0, 1, 127, 128, 255, data[where] ^ 1 << rng.randrange(8)])
        outcomes.add(_survives(bytes(data)))
    assert outcomes >= {True, False}  # both happen, or the test tests nothing
    assert time.monotonic() - start < 60


def _survives(data: bytes) -> bool:
    """Loads, decodes all attributes and constants and saves; False if refused on the way."""
    try:
        model = Model.load(data)
        model.to_bytes()
        for _, _, node in model.nodes():
            node.attrs()
        for graph in model.subgraphs:
            for tensor in graph.tensors:
                if tensor.is_constant:
                    tensor.numpy()
    except ModelError:
        return False
    return True


def _edited(change: Any) -> bytes:
    """The Erf model with its raw objects changed by ``change``."""
    import flatbuffers

    from opkit.model.schema import schema

    raw = schema().ModelT.InitFromPackedBuf(tf_models.erf_custom())
    change(raw)
    builder = flatbuffers.Builder(1024)
    builder.Finish(raw.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def _self_loop(raw: Any) -> None:
    raw.subgraphs[0].operators[1].inputs = raw.subgraphs[0].operators[1].outputs


def _no_nodes(raw: Any) -> None:
    raw.subgraphs[0].operators = []


def _no_constant(raw: Any) -> None:
    raw.subgraphs[0].tensors[1].buffer = 0


def _two_writers(raw: Any) -> None:
    raw.subgraphs[0].operators[1].outputs = raw.subgraphs[0].operators[2].outputs
    raw.subgraphs[0].operators[2].inputs = raw.subgraphs[0].operators[0].inputs


def _constant_result(raw: Any) -> None:
    (y,) = raw.subgraphs[0].operators[1].outputs
    raw.subgraphs[0].tensors[y].buffer = raw.subgraphs[0].tensors[1].buffer


def _stray_string(raw: Any) -> None:
    constant = raw.subgraphs[0].tensors[1]
    constant.type = 5  # STRING, whose four bytes are the float that was there


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (_self_loop, r"node 1 \(Erf\) reads .* before it is computed"),
        (_no_nodes, "nothing gives a value to .*, which is an output"),
        (_no_constant, "nothing gives a value to .*, which node ADD reads"),
        (_two_writers, "node ADD writes to .*, which is computed already"),
        (_constant_result, "holds a constant, which a node would write to"),
        (_stray_string, "string tensor .* claims"),
    ],
)
def test_what_runtimes_do_not_survive_is_refused_before(change: Any, text: str) -> None:
    """Each of these ends a stock interpreter's process, or makes it read what is not its own."""
    with pytest.raises(ModelError, match=text):
        opkit.Interpreter(model_content=_edited(change))


@pytest.mark.parametrize(("host", "op"), [("litert", "ABS"), ("tensorflow", "Unique")])
def test_kernels_look_whether_their_output_is_still_theirs(host: str, op: str) -> None:
    """Another node resizes, or takes, what a kernel got in prepare."""
    x, y, z = (Tensor(name, "float32", (4096,)) for name in "xyz")
    few, index = Tensor("few", "float32", (2,)), Tensor("index", "int32", (2,))
    graph = Subgraph("main", [x, y, z, few, index], [x, few], [z])
    unique = Node.custom("Unique", [few], [y, index], {})
    again = unique if op == "Unique" else Node(op, [few], [y])
    graph.nodes += [Node.custom("Erf", [x], [y], {}), again, Node.custom("Expm1", [y], [z], {})]
    model = Model([graph]).to_bytes()
    interpreter = opkit.Interpreter(model_content=model, host=host, check=False)
    interpreter.allocate_tensors()
    with pytest.raises(RuntimeError, match=r"Erf .*output 'y' has lost the memory"):
        interpreter.invoke()


@pytest.mark.parametrize("name", hostile_models.SEEDS)
def test_damaged_graphs_of_kernels_end_in_a_result_or_an_error(name: str) -> None:
    """In a process of its own, as what is looked for may be a crash."""
    command = [sys.executable, hostile_models.__file__, name, "0", "250"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, f"{done.returncode}: {done.stderr[-2000:]}"
    counts = json.loads(done.stdout)
    for use in ("convert", "invoke"):
        assert counts[use]["fine"] > 10
        assert counts[use]["ModelError"] > 10
        assert sum(counts[use].values()) == 250


def test_a_variable_is_there_before_it_is_written() -> None:
    x, state, y = (Tensor(n, "float32", (4,)) for n in ("x", "state", "y"))
    state.is_variable = True
    graph = Subgraph("main", [x, state, y], [x], [y])
    graph.nodes += [Node("ADD", [x, state], [y]), Node("MUL", [x, x], [state])]
    graph.check()
    state.is_variable = False
    with pytest.raises(ModelError, match="'state' before it is computed"):
        graph.check()


def _set(path: str, value: Any) -> Any:
    def change(raw: Any) -> None:
        scope = {"raw": raw, "value": value}
        exec(f"raw.{path} = value", {}, scope)

    return change


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (_set("subgraphs[0].operators[1].inputs", [99]), r"node 1 \(Erf\)'s input 0 is 99"),
        (_set("subgraphs[0].operators[1].outputs", [-1]), r"output 0 is -1, outside"),
        (_set("subgraphs[0].operators[0].opcodeIndex", 7), r"operator code is 7"),
        (_set("subgraphs[0].tensors[0].buffer", 1000), r"tensor 0 .*buffer is 1000"),
        (_set("subgraphs[0].tensors[0].type", 77), r"unknown TFLite tensor type 77"),
        (_set("subgraphs[0].inputs", [-2]), r"subgraph 0's input is -2"),
        (_set("operatorCodes[0].builtinCode", 30000), r"builtin number 30000"),
        (_set("subgraphs", []), r"no subgraph"),
        (_set("metadata[0].buffer", 500), r"buffer is 500"),
        (_set("subgraphs[0].tensors[0].externalBuffer", 1), r"external file"),
    ],
)
def test_bad_indices_name_the_place(change: Any, text: str) -> None:
    with pytest.raises(ModelError, match=text):
        Model.load(_edited(change))


def test_shared_tables_cannot_multiply() -> None:
    """A vector whose elements are all one big table is refused quickly."""
    data = bytearray(tf_models.strings_flex())
    from opkit.model.schema import schema

    module = schema()
    root = module.Model.GetRootAs(bytes(data))
    table = root._tab
    vector = table.Vector(table.Offset(8))  # subgraphs
    target = table.Indirect(vector)
    tail = len(data)
    count = 100_000
    offset_at = table.Pos + table.Offset(8)
    tail += -tail % 4
    data += bytes(tail - len(data))
    data += struct.pack("<I", count)
    # Unsigned offsets only point forward: a copy of the file's tables follows the vector.
    body = bytes(data[: len(tf_models.strings_flex())])
    base = tail + 4 + 4 * count
    for i in range(count):
        data += struct.pack("<I", base + target - (tail + 4 + 4 * i))
    data += body
    struct.pack_into("<I", data, offset_at, tail - offset_at)
    start = time.monotonic()
    with pytest.raises(ModelError, match="over and over"):
        Model.load(bytes(data))
    assert time.monotonic() - start < 30

"""opkit.model: files survive a round trip, hostile ones are refused, attributes are exact."""

from __future__ import annotations

import io
import json
import random
import struct
import subprocess
import sys
import time
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tf_models
from opkit.model import (
    DType,
    FuncValue,
    Model,
    ModelError,
    Node,
    NodeDef,
    Quantization,
    ShapeValue,
    Tensor,
    TensorValue,
    decode_custom_options,
    decode_flex_options,
    encode_custom_options,
    encode_flex_options,
    flexbuffer,
)

PROFILE = settings(max_examples=200, deadline=None, derandomize=True)


# ---- round trips -------------------------------------------------------------------------------


@pytest.mark.parametrize("name", tf_models.ALL)
def test_round_trip_keeps_everything(name: str) -> None:
    original = Model.load(tf_models.ALL[name]())
    again = Model.load(original.to_bytes())
    assert again.to_bytes() == original.to_bytes()
    assert _described(again) == _described(original)


def _described(model: Model) -> Any:
    graphs = []
    for graph in model.subgraphs:
        index = {tensor: i for i, tensor in enumerate(graph.tensors)}

        def at(tensors: Any, index: dict = index) -> list[int]:
            return [-1 if t is None else index[t] for t in tensors]

        graphs.append(
            (
                graph.name,
                at(graph.inputs),
                at(graph.outputs),
                [_tensor(t) for t in graph.tensors],
                [
                    (
                        n.builtin,
                        n.custom_code,
                        n.version,
                        at(n.inputs),
                        at(n.outputs),
                        n.custom_options,
                        n.builtin_options_type,
                        _plain(n.builtin_options),
                    )
                    for n in graph.nodes
                ],
            )
        )
    signatures = [
        (
            s.key,
            model.subgraphs.index(s.subgraph),
            *tuple({k: v.name for k, v in names.items()} for names in (s.inputs, s.outputs)),
        )
        for s in model.signatures
    ]
    return graphs, signatures, model.metadata, model.description, model.version


def _tensor(tensor: Tensor) -> Any:
    q = tensor.quantization
    buffer = None if tensor.buffer is None or tensor.buffer.data is None else tensor.buffer.data
    return (
        tensor.name,
        tensor.dtype,
        tensor.shape,
        tensor.shape_signature,
        tensor.is_variable,
        tensor.has_rank,
        None if buffer is None else buffer.tobytes(),
        None if q is None else (q.scale.tolist(), q.zero_point.tolist(), q.axis),
    )


def _plain(options: Any) -> Any:
    if options is None:
        return None
    return {
        key: value.tolist() if isinstance(value, np.ndarray) else value
        for key, value in vars(options).items()
    }


@pytest.mark.parametrize("name", ["convolution", "convolution_int8"])
def test_saved_models_compute_the_same(name: str) -> None:
    data = tf_models.ALL[name]()
    assert np.array_equal(_run(data), _run(Model.load(data).to_bytes()))


def _run(data: bytes) -> np.ndarray:
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_content=data)
    interpreter.allocate_tensors()
    (detail,) = interpreter.get_input_details()
    values = np.random.default_rng(7).standard_normal(detail["shape"])
    interpreter.set_tensor(detail["index"], values.astype(detail["dtype"]))
    interpreter.invoke()
    return interpreter.get_tensor(interpreter.get_output_details()[0]["index"])


def test_buffers_are_aligned_in_the_file() -> None:
    data = Model.load(tf_models.convolution()).to_bytes()
    start = np.frombuffer(data, np.uint8).__array_interface__["data"][0]
    positions = [
        tensor.buffer.data.__array_interface__["data"][0] - start
        for tensor in Model.load(data).subgraphs[0].tensors
        if tensor.is_constant
    ]
    assert len(positions) == 2
    assert [position % 16 for position in positions] == [0, 0]
    assert all(0 < position < len(data) for position in positions)


def test_works_without_importing_a_runtime() -> None:
    code = (
        "import sys; from opkit.model import Model; Model.load(sys.stdin.buffer.read());"
        "bad = {'tensorflow', 'ai_edge_litert'} & set(sys.modules); assert not bad, bad"
    )
    done = subprocess.run([sys.executable, "-c", code], input=tf_models.erf_flex(), check=False)
    assert done.returncode == 0


def test_quantization_survives() -> None:
    model = Model.load(tf_models.convolution_int8())
    (node,) = (n for n in model.subgraphs[0].nodes if n.builtin == "CONV_2D")
    weights = node.inputs[1]
    assert weights.dtype == "int8"
    assert weights.quantization.scale.size == 8
    assert not weights.quantization.is_per_tensor
    with pytest.raises(ModelError, match="not per tensor"):
        weights.quantization.params()
    assert node.outputs[0].quantization.is_per_tensor


def test_associated_files_are_kept(tmp_path: Path) -> None:
    stream = io.BytesIO(tf_models.convolution())
    with zipfile.ZipFile(stream, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("labels.txt", "cat\ndog\n" * 50)
    model = Model.load(stream.getvalue())
    assert model.associated_files == {"labels.txt": b"cat\ndog\n" * 50}
    path = model.save(tmp_path / "m.tflite")
    with zipfile.ZipFile(path) as archive:
        assert archive.read("labels.txt") == b"cat\ndog\n" * 50
    assert np.array_equal(_run(path.read_bytes()), _run(tf_models.convolution()))


def test_metadata_is_set_and_replaced() -> None:
    model = Model.load(tf_models.convolution())
    model.set_metadata("X", b"1")
    model.set_metadata("X", b"22")
    again = Model.load(model.to_bytes())
    assert again.get_metadata("X") == b"22"
    assert [name for name, _ in again.metadata].count("X") == 1
    assert again.get_metadata("absent") is None


def test_buffers_behind_the_flatbuffer_are_read() -> None:
    """The form of files over 2 GB: a buffer gives the offset and size of its data."""
    from opkit.model.schema import schema

    data = tf_models.convolution()
    module = schema()
    raw = module.ModelT.InitFromPackedBuf(data)
    position = max(
        range(len(raw.buffers)),
        key=lambda i: 0 if raw.buffers[i].data is None else len(raw.buffers[i].data),
    )
    weights = bytes(bytearray(raw.buffers[position].data))
    model = Model.load(data)
    tensor = next(
        t
        for t in model.subgraphs[0].tensors
        if t.is_constant and t.buffer.data.tobytes() == weights
    )
    file = _with_offset(model, tensor, len(weights))
    loaded = Model.load(file + weights)
    found = next(t for t in loaded.subgraphs[0].tensors if t.name == tensor.name)
    assert found.buffer.data.tobytes() == weights
    with pytest.raises(ModelError, match="outside the"):
        Model.load(file + weights[:-1])


def _with_offset(model: Model, tensor: Tensor, size: int) -> bytes:
    """The file of ``model`` with one buffer that claims ``size`` bytes behind the file's end."""
    import flatbuffers

    from opkit.model.schema import schema

    module = schema()
    raw = module.ModelT.InitFromPackedBuf(model.to_bytes())
    target = next(t for t in raw.subgraphs[0].tensors if t.name == tensor.name.encode())
    pack = module.BufferT.Pack

    def packed(self: Any, builder: Any) -> int:
        if not self.offset:
            return pack(self, builder)
        module.BufferStart(builder)
        module.BufferAddOffset(builder, self.offset)
        module.BufferAddSize(builder, self.size)
        return module.BufferEnd(builder)

    buffer = raw.buffers[target.buffer]
    buffer.data, buffer.size = None, size
    module.BufferT.Pack = packed
    try:
        length = 2
        for _ in range(3):  # the offset is the file's own length
            buffer.offset = length
            builder = flatbuffers.Builder(1024)
            builder.Finish(raw.Pack(builder), b"TFL3")
            length = len(builder.Output())
    finally:
        module.BufferT.Pack = pack
    assert buffer.offset == length
    return bytes(builder.Output())


def test_refuses_models_over_two_gigabytes(monkeypatch: pytest.MonkeyPatch) -> None:
    from opkit.model import writer

    monkeypatch.setattr(writer, "_LIMIT", 1000)
    with pytest.raises(ModelError, match="larger than 2 GB"):
        Model.load(tf_models.convolution()).to_bytes()


# ---- saving ------------------------------------------------------------------------------------


def test_save_never_replaces_unless_asked(tmp_path: Path) -> None:
    path = tmp_path / "m.tflite"
    path.write_bytes(tf_models.erf_flex())
    model = Model.load(path)
    with pytest.raises(FileExistsError, match="overwrite=True"):
        model.save(path)
    assert path.read_bytes() == tf_models.erf_flex()
    model.save(path, overwrite=True)
    assert path.read_bytes() == model.to_bytes()
    assert [p.name for p in tmp_path.iterdir()] == ["m.tflite"]


def test_a_failed_save_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from opkit.model import writer

    path = tmp_path / "m.tflite"
    path.write_bytes(b"precious")

    def broken(*_: Any) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(writer.os, "fsync", broken)
    with pytest.raises(OSError, match="disk full"):
        Model.load(tf_models.erf_flex()).save(path, overwrite=True)
    assert path.read_bytes() == b"precious"
    assert [p.name for p in tmp_path.iterdir()] == ["m.tflite"]


# ---- edits -------------------------------------------------------------------------------------


def test_edits_need_no_renumbering() -> None:
    model = Model.load(tf_models.convolution())
    graph = model.subgraphs[0]
    (output,) = graph.outputs
    extra = Tensor(output.name, output.dtype, output.shape)
    graph.insert(len(graph.nodes), Node.custom("Erf", [output], [extra], {"T": DType("float32")}))
    graph.outputs = [extra]
    assert extra.name != output.name
    again = Model.load(model.to_bytes())
    node = again.subgraphs[0].nodes[-1]
    assert (node.op, node.inputs[0].name, again.subgraphs[0].outputs) == (
        "Erf",
        output.name,
        node.outputs,
    )
    assert node.attrs({"T": "type"}) == {"T": "float32"}


def test_unused_tensors_buffers_and_codes_are_dropped() -> None:
    model = Model.load(tf_models.erf_custom())
    graph = model.subgraphs[0]
    erf = next(node for node in graph.nodes if node.op == "Erf")
    graph.rewire(erf.outputs[0], erf.inputs[0])
    graph.remove(erf)
    assert b"Erf" not in _codes(model.to_bytes())
    assert model.prune() == 1
    assert erf.outputs[0] not in graph.tensors


def _codes(data: bytes) -> list[bytes]:
    from opkit.model.schema import schema

    return [code.customCode for code in schema().ModelT.InitFromPackedBuf(data).operatorCodes]


def test_broken_edits_are_refused() -> None:
    model = Model.load(tf_models.erf_custom())
    graph = model.subgraphs[0]
    graph.nodes.reverse()
    with pytest.raises(ModelError, match="before it is computed"):
        model.to_bytes()
    graph.nodes.reverse()
    graph.nodes[0].inputs[0] = Tensor("stray", "float32", (1,))
    with pytest.raises(ModelError, match="stray"):
        model.to_bytes()


def test_constants_can_be_replaced() -> None:
    tensor = Tensor("c", "float32", ())
    for value in (np.arange(6, dtype=np.int64).reshape(2, 3), np.float32(3), np.zeros((0, 2))):
        tensor.set_numpy(value)
        if np.asarray(value).size:
            assert np.array_equal(tensor.numpy(), value)
        assert tensor.shape == np.shape(value)
    tensor.set_numpy(np.array([b"a", b"", b"xyz"], dtype=object))
    assert tensor.numpy().tolist() == [b"a", b"", b"xyz"]


# ---- hostile files -----------------------------------------------------------------------------


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


# ---- attributes --------------------------------------------------------------------------------

_text = st.text(st.characters(blacklist_characters="\0", blacklist_categories=("Cs",)), max_size=12)
_ints = st.integers(-(2**63), 2**63 - 1)
_floats32 = st.floats(width=32, allow_nan=False)
_dtypes = st.sampled_from(["float32", "int64", "string", "bfloat16", "variant"]).map(DType)
_shapes = st.one_of(
    st.just(ShapeValue(None)),
    st.lists(st.integers(-1, 2**31), max_size=5).map(lambda d: ShapeValue(tuple(d))),
)
_scalars = st.one_of(_ints, _floats32, st.booleans(), _text)
_lists = st.one_of(
    st.lists(_ints, max_size=6),
    st.lists(_floats32, max_size=6),
    st.lists(st.booleans(), max_size=6),
    st.lists(_text, max_size=6),
)
_names = _text.filter(bool)


def _trees(keys: Any) -> Any:
    return st.recursive(
        st.one_of(st.none(), _scalars, st.floats(allow_nan=False)),
        lambda inner: st.one_of(
            st.lists(inner, max_size=5), st.dictionaries(keys, inner, max_size=5)
        ),
        max_leaves=20,
    )


@PROFILE
@given(_trees(_text))
def test_flexbuffers_round_trip(value: Any) -> None:
    decoded = flexbuffer.loads(flexbuffer.dumps(value))
    assert decoded == value
    assert _types(decoded) == _types(value)


def _types(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _types(item) for key, item in value.items()}
    return [_types(item) for item in value] if isinstance(value, list) else type(value)


@PROFILE
@given(_trees(st.text("abc_xyz", max_size=6)))  # that reader takes ASCII keys only
def test_flexbuffers_agree_with_the_reference_reader(value: Any) -> None:
    from flatbuffers import flexbuffers

    assert flexbuffers.Loads(flexbuffer.dumps(value)) == value


@PROFILE
@given(
    st.dictionaries(
        _names,
        st.one_of(
            _scalars,
            _lists,
            _dtypes,
            _shapes,
            st.lists(_dtypes, min_size=1, max_size=4),
            st.binary(max_size=9).map(TensorValue),
        ),
        max_size=6,
    )
)
def test_custom_options_round_trip(attrs: dict[str, Any]) -> None:
    kinds = {name: kind for name, value in attrs.items() if (kind := _kind(value))}
    assert decode_custom_options(encode_custom_options(attrs), kinds) == attrs


def _kind(value: Any) -> str | None:
    if isinstance(value, ShapeValue):
        return "shape"
    if isinstance(value, TensorValue):
        return "tensor"
    if isinstance(value, DType):
        return "type"
    if isinstance(value, list) and value and isinstance(value[0], DType):
        return "list(type)"
    return None


@PROFILE
@given(
    st.dictionaries(
        _text,
        st.one_of(
            _scalars,
            _lists,
            _dtypes,
            _shapes,
            st.binary(max_size=8).filter(lambda b: not _is_text(b)),
            st.lists(_dtypes, max_size=4),
            st.lists(_shapes, max_size=4),
            _names.map(FuncValue),
        ),
        max_size=6,
    ),
    _names,
)
def test_flex_options_round_trip_and_tensorflow_reads_them(attrs: dict[str, Any], op: str) -> None:
    node = NodeDef(op, attrs)
    data = encode_flex_options(node)
    assert decode_flex_options(data) == node
    from tensorflow.core.framework import node_def_pb2

    blob = flexbuffer.loads(data)[1]
    proto = node_def_pb2.NodeDef.FromString(blob.encode() if isinstance(blob, str) else blob)
    assert proto.op == op
    assert set(proto.attr) == set(attrs)
    for name, value in attrs.items():
        if type(value) is int:
            assert proto.attr[name].i == value
        elif isinstance(value, ShapeValue):
            assert proto.attr[name].shape.unknown_rank == (value.dims is None)
            assert [d.size for d in proto.attr[name].shape.dim] == list(value.dims or ())
        elif isinstance(value, DType):
            from tensorflow import as_dtype

            assert as_dtype(proto.attr[name].type).name == value


def _is_text(raw: bytes) -> bool:
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return True


def test_attributes_of_real_nodes() -> None:
    split, *_, ragged = (n for _, _, n in Model.load(tf_models.strings_flex()).nodes() if n.is_flex)
    assert split.attrs() == {"maxsplit": -1}
    assert ragged.attrs() == {
        "T": DType("string"),
        "Tindex": DType("int64"),
        "Tshape": DType("int64"),
        "num_row_partition_tensors": 2,
        "row_partition_types": ["FIRST_DIM_SIZE", "VALUE_ROWIDS"],
    }
    (custom,) = (n for _, _, n in Model.load(tf_models.erf_custom()).nodes() if n.is_custom)
    assert custom.attrs() == {"T": 0}
    assert custom.attrs({"T": "type"}) == {"T": DType("float32")}
    with pytest.raises(ModelError, match="want a shape"):
        custom.attrs({"T": "shape"})


def test_attributes_can_be_edited() -> None:
    model = Model.load(tf_models.cumprod_flex())
    (node,) = (n for _, _, n in model.nodes() if n.is_flex)
    node.set_attrs({**node.attrs(), "exclusive": True})
    (again,) = (n for _, _, n in Model.load(model.to_bytes()).nodes() if n.is_flex)
    assert again.attrs() == {
        "T": DType("float32"),
        "Tidx": DType("int32"),
        "exclusive": True,
        "reverse": True,
    }
    builtin = next(n for _, _, n in Model.load(tf_models.convolution()).nodes())
    assert builtin.attrs()["strideH"] == 1
    with pytest.raises(ModelError, match="read-only"):
        builtin.set_attrs({})


@pytest.mark.parametrize("seed", range(4))
def test_hostile_options_never_crash_or_hang(seed: int) -> None:
    rng = random.Random(seed)
    nodes = [n for _, _, n in Model.load(tf_models.strings_flex()).nodes() if n.is_flex]
    tree = {"a": [1, 2.5, "x", {"b": [True, None]}], "c": "text" * 9, "d": [1.5, 2.5]}
    originals = [node.custom_options for node in nodes] + [flexbuffer.dumps(tree)]
    start, refused = time.monotonic(), 0
    for _ in range(2000):
        data = bytearray(rng.choice(originals))
        for _ in range(rng.randint(1, 3)):
            data[rng.randrange(len(data))] = rng.choice([0, 1, 0x28, 0x24, 255, rng.randrange(256)])
        data = data[: rng.randint(0, len(data))] if rng.random() < 0.2 else data
        for decode in (decode_custom_options, decode_flex_options):
            try:
                decode(bytes(data))
            except ModelError:
                refused += 1
    assert refused > 500
    assert time.monotonic() - start < 30


def test_self_containing_options_are_refused_quickly() -> None:
    # Each of 120 untyped elements is the vector itself: the stock reader never comes back.
    count = 120
    offsets = bytes(range(count))  # back to the first element
    vector = bytes([count]) + offsets + bytes([10 << 2]) * count
    data = vector + bytes([2 * count, 10 << 2, 1])
    start = time.monotonic()
    with pytest.raises(ModelError, match=r"over and over|nested deeper"):
        flexbuffer.loads(data)
    assert time.monotonic() - start < 5


def test_quantization_compares_parameters() -> None:
    assert Quantization.per_tensor(0.5, 3).same_as(Quantization.per_tensor(0.5, 3))
    assert not Quantization.per_tensor(0.5, 3).same_as(Quantization.per_tensor(0.5, 4))
    assert not Quantization.per_tensor(float("nan"), 0).is_per_tensor
    assert not Quantization.per_tensor(0.5, 3).same_as(None)


def test_file_names_are_json_safe(tmp_path: Path) -> None:
    """Tensor names that are not UTF-8 survive, byte for byte."""
    model = Model.load(tf_models.erf_custom())
    model.subgraphs[0].tensors[0].name = b"\xff\xfe".decode("utf-8", "surrogateescape")
    again = Model.load(model.to_bytes())
    assert again.subgraphs[0].tensors[0].name.encode("utf-8", "surrogateescape") == b"\xff\xfe"
    json.dumps(again.subgraphs[0].tensors[0].name)

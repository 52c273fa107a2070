"""opkit.model: files survive a round trip, saving is safe, edits need no renumbering."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tf_models
from opkit.model import (
    DType,
    Model,
    ModelError,
    Node,
    Quantization,
    Tensor,
)


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


# ---- saving -------------------------------------------------------------------------------------


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


# ---- edits --------------------------------------------------------------------------------------


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

"""Whole models against a reference: errors per output, the op at fault, samples, quantization."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import special

import opkit
from opkit.model import Model, Node, Quantization, Signature, Subgraph, Tensor
from opkit.spec import spec, table
from opkit.verify.samples import feed_of, read_samples

X = np.linspace(-3, 3, 40, dtype=np.float32).reshape(10, 4)


def two_kernels(quantized: bool = False) -> bytes:
    """x -> Erf -> Softplus -> y, float32 or int8 in and out."""
    dtype = "int8" if quantized else "float32"
    x, m, y = (Tensor(n, dtype, (1, 4)) for n in ("x", "middle", "y"))
    if quantized:
        for tensor, scale, zero in ((x, 6 / 255, 0), (m, 2 / 255, 0), (y, 1.4 / 255, -128)):
            tensor.quantization = Quantization.per_tensor(scale, zero)
    graph = Subgraph("main", [x, m, y], [x], [y])
    graph.nodes += [Node.custom("Erf", [x], [m]), Node.custom("Softplus", [m], [y])]
    signature = Signature("serving_default", graph, {"x": x}, {"y": y})
    return Model([graph], [signature]).to_bytes()


def right(x: np.ndarray) -> dict[str, np.ndarray]:
    """What the model computes."""
    return {"y": np.logaddexp(0, special.erf(np.asarray(x))).astype(np.float32)}


def test_a_model_that_agrees() -> None:
    report = opkit.verify(two_kernels(), right, X)
    assert report.ok, report.summary()
    assert [k.op for k in report.kernels] == ["Erf", "Softplus"]
    assert report.samples == 10
    assert 0 < report.outputs[0].relative < 1e-6
    assert report.outputs[0].name == "y"
    assert report.to_json()["ok"] is True


def test_a_model_that_differs_though_its_kernels_are_right() -> None:
    report = opkit.verify(two_kernels(), lambda x: {"y": 1.01 * right(x)["y"]}, X)
    assert not report.ok
    assert report.outputs[0].relative == pytest.approx(0.01, rel=0.1)
    assert all(k.status == "ok" for k in report.kernels)
    assert "every kernel agrees with TensorFlow" in report.first_divergence


def test_the_first_diverging_op_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = replace(spec("Softplus"), reference=lambda features: np.asarray(features), truth=None)
    monkeypatch.setitem(table._SPECS, "Softplus", wrong)
    report = opkit.verify(two_kernels(), right, X)
    assert not report.ok
    assert "first diverging op: node 1, Softplus float32" in report.first_divergence
    assert report.kernels[0].status == "ok"


def test_an_int8_model_is_compared_in_real_units() -> None:
    report = opkit.verify(two_kernels(quantized=True), right, X)
    assert report.ok, report.summary()
    assert [k.types for k in report.kernels] == ["qint8", "qint8"]
    assert all((k.status, k.error) == ("ok", 0) for k in report.kernels)
    assert 1e-4 < report.outputs[0].relative < 0.05
    tight = opkit.verify(two_kernels(quantized=True), right, X, share=1e-4)
    assert not tight.ok


def test_outputs_must_match_in_number_and_shape() -> None:
    with pytest.raises(ValueError, match="the reference has 2 outputs, the model 1"):
        opkit.verify(two_kernels(), lambda x: (x, x), X)
    report = opkit.verify(two_kernels(), lambda x: {"y": right(x)["y"][0]}, X)
    assert not report.ok
    assert report.outputs[0].note == "shape [1, 4], want [4]"


def test_samples(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", X)
    assert [s.shape for s in read_samples(tmp_path / "a.npy")] == [(1, 4)] * 10
    np.savez(tmp_path / "b.npz", x=X, z=X[:, :1])
    assert read_samples(tmp_path / "b.npz")[3]["z"].shape == (1, 1)
    np.savez(tmp_path / "c.npz", x=X, z=X[:2])
    with pytest.raises(ValueError, match="differ in their first axis"):
        read_samples(tmp_path / "c.npz")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "no .npy or .npz file"),
        (b"some text", "no .npy or .npz file"),
        (b"PK\x03\x04" + bytes(30), "no .npy or .npz file"),
        (np.float32(1), "no axis of samples"),
        ({}, "it is empty"),
        ({"x": np.float32(1)}, "'x' has no axis of samples"),
        (np.array([{}], dtype=object), "no .npy or .npz file of plain arrays"),
    ],
)
def test_samples_of_no_use_are_refused(tmp_path: Path, content: Any, says: str) -> None:
    path = tmp_path / "s"
    with path.open("wb") as file:
        if isinstance(content, bytes):
            file.write(content)
        elif isinstance(content, dict):
            np.savez(file, **content)
        else:
            np.save(file, content)
    with pytest.raises(ValueError, match=says) as refused:
        read_samples(path)
    assert "allow_pickle" not in str(refused.value)
    with pytest.raises(ValueError, match="a sample lacks the inputs"):
        feed_of({"p": X}, ["x", "y"])
    with pytest.raises(ValueError, match="a sample has 1 arrays, the model 2 inputs"):
        feed_of([X], ["x", "y"])
    with pytest.raises(ValueError, match="samples are needed"):
        opkit.verify(two_kernels(), right)
    with pytest.raises(ValueError, match="not a single sample"):
        opkit.verify(two_kernels(), right, [])


def test_verify_takes_op_names() -> None:
    report = opkit.verify("Erf", host="litert", by="delegate", dtypes=["qint8"], contract=False)
    assert report.ok
    assert {r.types for r in report.results} == {"qint8"}

"""The demo's network, briefly trained: no op is left to Flex, int8 runs where kernels have it."""

from __future__ import annotations

import sys

import numpy as np
import pytest

import opkit
from built import ROOT

sys.path.insert(0, str(ROOT / "examples" / "digits"))

BLOCKING = {"Asinh", "Cholesky", "CropAndResize", "Cumprod", "Erfc", "FFT2D", "MaxPool3D"}


@pytest.fixture(scope="module")
def trained():
    import keras
    import network

    keras.utils.set_random_seed(0)
    train_x, train_y, test_x, test_y = network.load_data()
    model = network.build_network()
    network.train(model, train_x, train_y, epochs=4)
    return model, train_x, test_x, test_y


@pytest.fixture(scope="module")
def converted(trained):
    model, train_x, _, _ = trained
    samples = [train_x[i : i + 1] for i in range(100)]
    return opkit.convert(
        model, int8=True, representative_dataset=samples, verify=False, progress=False
    )


def accuracy(data: bytes, images: np.ndarray, labels: np.ndarray, host: str) -> float:
    import latency

    interpreter = latency.loaded(data, [images], host=host)
    interpreter.invoke()
    result = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
    return float(np.mean(np.argmax(result, axis=1) == labels))


def test_kernels(converted) -> None:
    assert set(converted.kernels) >= BLOCKING
    assert not [n for _, _, n in converted.model.nodes() if n.is_flex]
    dtypes = {n.op: n.inputs[0].dtype for _, _, n in converted.model.nodes() if n.is_custom}
    for op in ("Asinh", "Erfc", "MaxPool3D"):
        assert dtypes[op] == "int8", op


def test_parity(trained, converted) -> None:
    model, _, test_x, _ = trained
    for made in (converted.float_model, converted.model):
        report = opkit.verify(made, model, test_x[:20])
        assert report.ok, f"{report.summary()}\n{report.first_divergence}"


@pytest.mark.parametrize("host", ["tensorflow", "litert"])
def test_accuracy(trained, converted, host: str) -> None:
    model, _, test_x, test_y = trained
    want = float(np.mean(np.argmax(model.predict(test_x, verbose=0), axis=1) == test_y))
    in_float = accuracy(converted.float_model.to_bytes(), test_x, test_y, host)
    in_int8 = accuracy(converted.to_bytes(), test_x, test_y, host)
    assert want > 0.85
    assert abs(in_float - want) <= 1 / len(test_y)
    assert in_int8 >= in_float - 0.01


def test_latency_cuts_every_kernel_out(trained, converted) -> None:
    import latency

    _, _, test_x, _ = trained
    found = latency.kernels(converted.to_bytes(), test_x[:1])
    nodes = [n for _, _, n in converted.model.nodes() if n.is_custom]
    assert [k.op for k in found] == [n.op for n in nodes]
    times = latency.race({k.op: k.interpreter for k in found[:2]}, rounds=3)
    assert all(t.median > 0 for t in times.values())

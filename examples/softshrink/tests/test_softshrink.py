"""Softshrink on every installed runtime: its spec, its declaration, and int8 bit for bit."""

import numpy as np
import opkit_softshrink
import pytest

import opkit
import opkit.verify
from opkit.runtime import installed_hosts
from opkit.spec import Types
from opkit.verify.execute import Runner
from opkit.verify.single_op import build

HOSTS = [host.name for host in installed_hosts()]


@pytest.mark.parametrize("host", HOSTS)
def test_op(host):
    report = opkit.verify.verify_ops(["Softshrink"], runner=Runner(host=host), budget=5000)
    assert report.ok, "\n".join(f"{r.message}\n  {r.replay}" for r in report.failures())


@pytest.mark.parametrize("host", HOSTS)
def test_int8_is_the_rounded_float(host):
    """Every code: DEQUANTIZE, the reference, QUANTIZE."""
    codes = np.arange(-128, 128).astype(np.int8)
    scale, zero, out_scale, out_zero = 0.03, -7, 0.025, 3
    quant = {"features": (scale, zero), "activations": (out_scale, out_zero)}
    declaration = opkit.declarations()["Softshrink"]
    model = build(declaration, Types({"T": "qint8"}), {"features": codes}, {}, quant=quant)
    interpreter = opkit.Interpreter(model_content=model.to_bytes(), host=host)
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], codes)
    interpreter.invoke()
    got = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])

    real = (np.float64(np.float32(scale)) * (codes.astype(int) - zero)).astype(np.float32)
    value = opkit_softshrink.reference(real) / np.float32(out_scale)
    steps = np.copysign(np.floor(np.abs(value) + np.float32(0.5)), value)
    want = np.clip(steps + out_zero, -128, 127).astype(np.int8)
    np.testing.assert_array_equal(got, want)


@pytest.fixture(scope="module")
def model():
    """A small model with the op between dense layers, float and int8, and samples for it."""
    import tensorflow as tf
    from opkit_softshrink.layers import softshrink

    rng = np.random.default_rng(0)
    first, second = (tf.constant(rng.normal(size=(8, 8)).astype(np.float32)) for _ in range(2))

    @tf.function(input_signature=[tf.TensorSpec((None, 8), tf.float32)])
    def f(x):
        return tf.matmul(softshrink(tf.matmul(x, first), 0.25), second)

    samples = [rng.normal(size=(1, 8)).astype(np.float32) for _ in range(100)]
    return f, samples


@pytest.mark.parametrize("int8", [False, True])
@pytest.mark.parametrize("host", HOSTS)
def test_in_a_model(model, host, int8):
    """The converter keeps the TensorFlow function whole; int8 runs through the int8 kernel."""
    f, samples = model
    result = opkit.convert(f, int8=int8, representative_dataset=samples, progress=False)
    assert result.kernels == {"Softshrink": 1}
    node = next(n for _, _, n in result.model.nodes() if n.op == "Softshrink")
    assert node.attrs()["lambda"] == pytest.approx(0.25)
    assert node.inputs[0].dtype == ("int8" if int8 else "float32")
    interpreter = opkit.Interpreter(model_content=result.to_bytes(), host=host)
    interpreter.allocate_tensors()
    worst = largest = 0.0
    for sample in samples[:20]:
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], sample)
        interpreter.invoke()
        got = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
        want = f(sample).numpy()
        worst = max(worst, float(np.abs(got - want).max()))
        largest = max(largest, float(np.abs(want).max()))
    assert worst <= (0.03 if int8 else 1e-6) * largest

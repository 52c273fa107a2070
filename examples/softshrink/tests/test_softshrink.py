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

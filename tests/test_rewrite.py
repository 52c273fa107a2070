"""opkit.rewrite: Flex nodes become kernels or a refusal says why, and the scan."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import tf_models
from hand_built import ERF, Builder, argument, declared, invoke
from opkit.model import (
    Buffer,
    DType,
    Model,
    Node,
    Subgraph,
    Tensor,
)
from opkit.rewrite import (
    CleanUp,
    Declaration,
    FlexToKernel,
    Kernels,
    registered_kernels,
    run_passes,
    scan,
)


def _cumprod(**changes: Any) -> Declaration:
    return Declaration.from_json(
        {
            "name": "Cumprod",
            "version": 1,
            "inputs": [
                argument("x", "T", ["float32"]),
                argument("axis", "Tidx", ["int32", "int64"], shape="[]"),
            ],
            "outputs": [argument("out", "T", ["float32"])],
            "types": {"T": ["float32"], "Tidx": ["int32", "int64"]},
            "attrs": [
                {"name": "exclusive", "kind": "bool", "required": False, "default": False},
                {"name": "reverse", "kind": "bool", "required": False, "default": False},
            ],
            **changes,
        }
    )


def test_flex_becomes_the_custom_op_the_converter_writes() -> None:
    model = Model.load(tf_models.erf_flex())
    report = run_passes(model, [FlexToKernel()], ERF)
    (change,) = report.changes
    assert (change.before, change.after, change.node, change.subgraph) == ("FlexErf", "Erf", 1, 0)
    assert change.tensors == ("Erf",)
    (custom,) = (n for _, _, n in Model.load(tf_models.erf_custom()).nodes() if n.is_custom)
    (made,) = (n for _, _, n in Model.load(model.to_bytes()).nodes() if n.is_custom)
    assert (made.op, made.version) == (custom.op, custom.version)
    assert made.custom_options == custom.custom_options


def test_flex_attributes_become_the_map() -> None:
    model = Model.load(tf_models.cumprod_flex())
    flex = model.subgraphs[0].nodes[0]
    flex.set_attrs({**flex.attrs(), "_output_shapes": [1], "Tq": DType("qint8")})
    run_passes(model, [FlexToKernel()], Kernels([_cumprod()]))
    assert model.subgraphs[0].nodes[0].is_flex  # Tq is unknown to the declaration
    attrs = dict(flex.attrs())
    del attrs["Tq"]
    flex.set_attrs(attrs)
    declaration = _cumprod()
    run_passes(model, [FlexToKernel()], Kernels([declaration]))
    (node,) = model.subgraphs[0].nodes
    assert node.attrs(declaration.kinds()) == {
        "T": DType("float32"),
        "Tidx": DType("int32"),
        "exclusive": False,
        "reverse": True,
    }


def test_flex_in_bodies_of_while_is_rewritten() -> None:
    model = Model.load(tf_models.erf_in_while())
    report = run_passes(model, [FlexToKernel(), CleanUp()], ERF)
    assert [c.subgraph for c in report.changes if c.rewrite == "flex-to-kernel"] == [2]
    assert not any(node.is_flex for _, _, node in model.nodes())


@pytest.mark.parametrize(
    ("declaration", "reason", "next_step"),
    [
        (declared("Other", ["float32"]), "no kernel for Cumprod", "opkit new Cumprod"),
        (
            _cumprod(inputs=[argument("x", "T", ["float64"]), argument("axis", "Tidx", ["int32"])]),
            r"input 'x' \('x'\) is float32, the kernel takes float64",
            "tf.cast to float64",
        ),
        (
            _cumprod(inputs=[argument("x", "T", ["float32"])]),
            "2 inputs; the kernel takes x",
            "definition",
        ),
        (
            _cumprod(
                inputs=[
                    argument("x", "T", ["float32"], shape="[..., a, b, c]"),
                    argument("axis", "Tidx", ["int32"]),
                ]
            ),
            "rank 2, the kernel takes at least 3",
            "tf.reshape",
        ),
        (
            _cumprod(attrs=[{"name": "exclusive", "kind": "bool", "required": False}]),
            "unknown attribute 'reverse'",
            "update opkit",
        ),
        (
            _cumprod(
                attrs=[
                    {"name": n, "kind": k, "required": True}
                    for n, k in (("exclusive", "bool"), ("reverse", "bool"), ("n", "int"))
                ]
            ),
            "attribute 'n' is missing",
            "convert",
        ),
        (
            _cumprod(
                attrs=[
                    {"name": "exclusive", "kind": "int", "required": False},
                    {"name": "reverse", "kind": "bool", "required": False},
                ]
            ),
            "attribute 'exclusive' is False, want a int",
            "convert",
        ),
    ],
)
def test_refusals_say_why_and_change_nothing(
    declaration: Declaration, reason: str, next_step: str
) -> None:
    model = Model.load(tf_models.cumprod_flex())
    before = model.to_bytes()
    report = run_passes(model, [FlexToKernel()], Kernels([declaration]))
    (refused,) = report.refused
    assert not report.changes
    assert re.search(reason, refused.reason), refused.reason
    assert next_step in refused.next_step
    assert (refused.op, refused.node) == ("FlexCumprod", 0)
    assert model.to_bytes() == before
    json.dumps(report.to_json())


def test_rewritten_flex_model_computes_erf() -> None:
    from scipy.special import erf

    model = Model.load(tf_models.erf_in_while())
    report = run_passes(model, [FlexToKernel(), CleanUp()], registered_kernels())
    assert not report.refused
    x = np.random.default_rng(3).standard_normal((2, 3)).astype(np.float32)
    want = x.astype(np.float64)
    for _ in range(3):
        want = erf(want) + 1
    assert np.abs(invoke(model, x) - want).max() < 1e-6


# ---- scan ---------------------------------------------------------------------------------------


def test_scan_reports_flex_and_custom_nodes() -> None:
    result = scan(tf_models.erf_flex(), ERF)
    (node,) = result.nodes
    assert (node.op, node.found_as, node.node, node.served) == ("Erf", "flex", 1, True)
    assert [str(t) for t in node.inputs] == ["float32[?,4]"]
    assert result.node_count == 3
    result = scan(tf_models.strings_flex(), ERF)
    assert [n.op for n in result.unserved] == ["StringSplitV2", "RaggedTensorToTensor"]
    assert "no kernel" in result.unserved[0].reason
    assert "opkit new StringSplitV2" in result.unserved[0].next_step
    json.dumps(result.to_json())


def test_scan_checks_versions() -> None:
    model = Model.load(tf_models.erf_custom())
    node = next(n for _, _, n in model.nodes() if n.is_custom)
    node.version = 3
    (found,) = scan(model, ERF).nodes
    assert found.reason == "unknown version 3; the kernel has version 1"
    both = Kernels([declared("Erf", ["float32"]), declared("Erf", ["float32"], version=3)])
    assert scan(model, both).unserved == []


def test_scan_reports_damaged_options() -> None:
    model = Model.load(tf_models.erf_custom())
    node = next(n for _, _, n in model.nodes() if n.is_custom)
    node.custom_options = b"\xff\xff\xff\xff"
    (found,) = scan(model, ERF).unserved
    assert "malformed FlexBuffer" in found.reason


def test_scan_accepts_paths_and_stock_custom_ops(tmp_path: Any) -> None:
    model = Model.load(tf_models.erf_custom())
    path = model.save(tmp_path / "m.tflite")
    assert len(scan(path, ERF).nodes) == len(scan(str(path), ERF).nodes) == 1
    next(n for _, _, n in model.nodes() if n.is_custom).custom_code = "TFLite_Detection_PostProcess"
    assert scan(model, ERF).nodes == []


def _holes() -> Iterator[Any]:
    def constant(values: Any, dtype: Any) -> Tensor:
        tensor = Tensor("c", "int32", ())
        tensor.set_numpy(np.array(values, dtype))
        return tensor

    x3 = Tensor("x", "float32", (2, 2, 2))
    b5 = [Tensor("x", "bool", (2, 2, 2, 2, 2)), Tensor("y", "bool", (2, 1, 1, 1, 1))]
    x7 = [Tensor("x", "float32", (2,) * 7), Tensor("y", "float32", (2,) * 7)]
    rfft = [Tensor("x", "float32", (2, 1, 6)), constant([1, 6], np.int32)]
    rows = [Tensor("x", "float32", (2, 3)), constant([0, 2], np.int32)]
    yield "REVERSE_V2", [x3, constant([0, 2], np.int32)], "adjacent axes"
    yield "REVERSE_V2", [x3, constant([1, 2], np.int32)], ""
    yield "REVERSE_V2", [x3, constant([-1, 1], np.int32)], ""
    yield "LOGICAL_AND", b5, "rank 5"
    yield "LOGICAL_AND", [b5[0], b5[0]], ""
    yield "CONCATENATION", x7, "rank 7"
    yield "RFFT2D", rfft, "powers of two, the length is 6"
    yield "RFFT2D", [rfft[0], constant([1, 8], np.int32)], ""
    yield "SEGMENT_SUM", rows, "without gaps"
    yield "SEGMENT_SUM", [rows[0], constant([0, 1], np.int32)], ""
    yield "SEGMENT_SUM", [rows[0], Tensor("ids", "int32", (2,))], ""


@pytest.mark.parametrize(("builtin", "inputs", "text"), list(_holes()))
def test_scan_reports_builtins_that_will_not_run(
    builtin: str, inputs: list[Tensor], text: str
) -> None:
    output = Tensor("out", "float32", (1,))
    graph = Subgraph("main", [*dict.fromkeys(inputs), output])
    graph.inputs = [t for t in dict.fromkeys(inputs) if not t.is_constant]
    graph.outputs = [output]
    graph.nodes = [Node(builtin, list(inputs), [output])]
    nodes = scan(Model([graph]), Kernels()).nodes
    if not text:
        assert nodes == []
        return
    (node,) = nodes
    assert node.found_as == "builtin-hole" and not node.served
    assert text in node.reason and node.next_step


_RUN = """
import sys
import numpy as np
HOST
interpreter = Interpreter(model_content=sys.stdin.buffer.read())
interpreter.allocate_tensors()
for detail in interpreter.get_input_details():
    interpreter.set_tensor(detail["index"], np.ones(detail["shape"], detail["dtype"]))
interpreter.invoke()
"""


_LITERT = "from ai_edge_litert.interpreter import Interpreter"
_TENSORFLOW = "import tensorflow; Interpreter = tensorflow.lite.Interpreter"


@pytest.mark.parametrize(
    ("builtin", "host"),
    [
        ("REVERSE_V2", _LITERT),
        ("RFFT2D", _LITERT),
        ("SEGMENT_SUM", _LITERT),
        ("CONCATENATION", _LITERT),
        ("LOGICAL_AND", _TENSORFLOW),  # LiteRT 2.3 has learned it
    ],
)
def test_reported_builtins_do_fail_in_the_runtime(builtin: str, host: str) -> None:
    """In a child process: the runtime may abort. When one starts to work, its check must go."""
    data = tf_models.hole(builtin)
    assert [node.op for node in scan(data, Kernels()).nodes] == [builtin]
    done = subprocess.run(
        [sys.executable, "-c", _RUN.replace("HOST", host)], input=data, capture_output=True
    )
    assert done.returncode != 0
    assert b"ImportError" not in done.stderr


def test_scan_uses_the_kits_kernels_by_default() -> None:
    assert "Erf" in registered_kernels()
    assert scan(tf_models.erf_flex()).unserved == []


def test_shared_buffers_stay_shared() -> None:
    b = Builder()
    shared = Buffer(np.arange(24, dtype=np.uint8))
    tensors = [b.tensor(f"t{i}") for i in range(3)]
    for tensor in tensors:
        tensor.buffer = shared
    b.graph.outputs = tensors
    again = Model.load(b.model.to_bytes())
    assert len({t.buffer for t in again.subgraphs[0].tensors}) == 1

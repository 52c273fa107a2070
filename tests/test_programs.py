"""Cases that are programs: by the converter, and node by node."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from opkit.model import Model
from opkit.spec import Case
from opkit.verify.execute import RunError, Runner
from opkit.verify.graphs import model_of, run_program

X = {"x": np.arange(6, dtype=np.float32).reshape(3, 2)}


def reversed_rows(tf: Any, x: Any) -> Any:
    """The rows of x from last to first, and how many there are."""
    shape = tf.constant(-1, tf.int32)
    handle = tf.raw_ops.TensorListFromTensor(tensor=x, element_shape=shape)
    rows = tf.raw_ops.TensorListGather(
        input_handle=handle,
        indices=tf.constant([2, 1, 0], tf.int32),
        element_shape=shape,
        element_dtype=x.dtype,
    )
    return rows, tf.raw_ops.TensorListLength(input_handle=handle)


def doubled(tf: Any, x: Any) -> Any:
    return x + x


def empty_constant(tf: Any, x: Any) -> Any:
    return tf.raw_ops.AddN(inputs=[tf.zeros([0, 2]), tf.zeros([0, 2])])


@pytest.mark.parametrize("direct", [False, True])
def test_a_program_runs_and_agrees(direct: bool) -> None:
    case = Case("reversed", X, program=reversed_rows, direct=direct)
    got, want = run_program("TensorListGather", case, X, Runner())
    for g, w in zip(got, want, strict=True):
        np.testing.assert_array_equal(g, w)
    np.testing.assert_array_equal(got[0], X["x"][::-1])


def test_a_direct_program_has_the_nodes_of_the_graph() -> None:
    model = Model.load(model_of(Case("r", X, program=reversed_rows, direct=True), X))
    ops = [node.custom_code for _, _, node in model.nodes()]
    assert ops == ["FlexTensorListFromTensor", "FlexTensorListGather", "FlexTensorListLength"]


@pytest.mark.parametrize(
    ("program", "says"),
    [
        (doubled, r"AddV2 \(add\) is no kernel: convert the program instead"),
        (empty_constant, "is an empty constant: make it an input"),
    ],
)
def test_what_cannot_be_direct_is_refused(program: Any, says: str) -> None:
    with pytest.raises(RunError, match=says):
        model_of(Case("c", X, program=program, direct=True), X)


def test_a_program_without_the_op_proves_nothing() -> None:
    case = Case("reversed", X, program=reversed_rows, direct=True)
    with pytest.raises(RunError, match="no TensorListStack is left in the program"):
        run_program("TensorListStack", case, X, Runner())

"""Small programs over tensor lists, run eagerly by TensorFlow and as a model by the kernels.

A program takes the module `tf`, tensors by the names of `INPUTS`, and, where a list op lets its
shapes be of either index type, `index`. Rows come in as tensors of their own: slicing them off
inside would ask builtins for dtypes they lack. `inputs_of` and `bound` make cases of them.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from opkit.spec import Types, arr

Program = Callable[..., Any]

INPUTS: dict[str, Any] = {
    "x": arr(3, 2, 3),
    "pair": arr(2, 3, 2, 3),  # two tensors like x
    "part": arr(2, 2, 3),  # fewer rows than x
    "a": arr(2, 3),  # rows of x
    "b": arr(2, 3),
    "c": arr(2, 3),
    "no_indices": np.zeros(0, np.int32),
    "no_dims": np.zeros(0, np.int64),
}


def inputs_of(program: Program) -> dict[str, Any]:
    """Recipes for what the program takes, by its parameters' names."""
    return {n: INPUTS[n] for n in inspect.signature(program).parameters if n in INPUTS}


def bound(program: Program, types: Types) -> Program:
    """The program with shapes of the index type a run is about."""
    if "index" not in inspect.signature(program).parameters:
        return program
    index = types.get("shape_type") or types.get("Tshape") or "int32"
    return functools.partial(program, index=index)


def from_tensor(tf: Any, x: Any, shape: Any = -1, index: str = "int32") -> Any:
    """A list of the slices of x."""
    return tf.raw_ops.TensorListFromTensor(tensor=x, element_shape=tf.constant(shape, index))


def stack(tf: Any, handle: Any, dtype: Any, shape: Any = -1) -> Any:
    """All items as one tensor."""
    return tf.raw_ops.TensorListStack(
        input_handle=handle, element_shape=tf.constant(shape, tf.int32), element_dtype=dtype
    )


def reserve(tf: Any, count: Any, dtype: Any, shape: Any = -1, index: str = "int32") -> Any:
    """A list of unset items."""
    return tf.raw_ops.TensorListReserve(
        element_shape=tf.constant(shape, index),
        num_elements=tf.convert_to_tensor(count, tf.int32),
        element_dtype=dtype,
    )


def get(tf: Any, handle: Any, at: Any, dtype: Any, shape: Any = -1, index: str = "int32") -> Any:
    """One item."""
    return tf.raw_ops.TensorListGetItem(
        input_handle=handle,
        index=at,
        element_shape=tf.constant(shape, index),
        element_dtype=dtype,
    )


def put(tf: Any, handle: Any, at: Any, item: Any, grow: bool = False) -> Any:
    """The list with an item set."""
    args = {"resize_if_index_out_of_bounds": True} if grow else {}
    return tf.raw_ops.TensorListSetItem(input_handle=handle, index=at, item=item, **args)


def pop(tf: Any, handle: Any, dtype: Any, shape: Any = -1) -> Any:
    """(list, last item)."""
    return tf.raw_ops.TensorListPopBack(
        input_handle=handle, element_shape=tf.constant(shape, tf.int32), element_dtype=dtype
    )


def roundtrip(tf: Any, x: Any, index: str = "int32") -> Any:
    return stack(tf, from_tensor(tf, x, -1, index), x.dtype)


def set_items(tf: Any, a: Any, b: Any, c: Any, index: str = "int32") -> Any:
    """Items set out of order, one twice, one never."""
    shape = list(a.shape)
    handle = reserve(tf, 5, a.dtype, shape, index)
    for at, row in ((3, a), (0, b), (4, c), (0, c), (2, a)):
        handle = put(tf, handle, at, row)
    return stack(tf, handle, a.dtype, shape)


def set_keeps_old(tf: Any, x: Any, a: Any) -> Any:
    """Setting an item leaves the list it came from as it was."""
    old = from_tensor(tf, x)
    new = put(tf, old, 1, a)
    return [stack(tf, old, x.dtype), stack(tf, new, x.dtype)]


def set_grows(tf: Any, x: Any, a: Any) -> Any:
    handle = put(tf, from_tensor(tf, x), 6, a, grow=True)
    return [stack(tf, handle, x.dtype), tf.raw_ops.TensorListLength(input_handle=handle)]


def get_items(tf: Any, x: Any, index: str = "int32") -> Any:
    # Resized, so that the converter cannot see through to the tensor.
    handle = tf.raw_ops.TensorListResize(input_handle=from_tensor(tf, x), size=4)
    return [get(tf, handle, i, x.dtype, -1, index) for i in (0, 2, 1)]


def get_unset(tf: Any, a: Any, index: str = "int32") -> Any:
    """An item never set is zeros of the others' shape, or of element_shape."""
    handle = put(tf, reserve(tf, 3, a.dtype), 2, a)
    return [get(tf, handle, 1, a.dtype, shape, index) for shape in (-1, list(a.shape))]


def push_pop(tf: Any, a: Any, b: Any, c: Any, index: str = "int32") -> Any:
    handle = tf.raw_ops.EmptyTensorList(
        element_shape=tf.constant(list(a.shape), index), max_num_elements=4, element_dtype=a.dtype
    )
    for row in (a, b, c, b):
        handle = tf.raw_ops.TensorListPushBack(input_handle=handle, tensor=row)
    outs = [tf.raw_ops.TensorListLength(input_handle=handle)]
    for _ in range(2):
        handle, item = pop(tf, handle, a.dtype)
        outs.append(item)
    return [*outs, stack(tf, handle, a.dtype)]


def pop_unset(tf: Any, x: Any, a: Any) -> Any:
    shape = list(a.shape)
    handle, item = pop(tf, reserve(tf, 2, x.dtype, shape), x.dtype, shape)
    return [item, tf.raw_ops.TensorListLength(input_handle=handle), stack(tf, handle, x.dtype)]


def shape_of(tf: Any, **shapes: Any) -> Any:
    """Element shapes known only at run time, of a list the converter cannot see through."""
    outs = []
    for shape in shapes.values():
        handle = tf.raw_ops.TensorListReserve(
            element_shape=shape, num_elements=2, element_dtype=tf.float32
        )
        handle = tf.raw_ops.TensorListConcatLists(
            input_a=handle, input_b=handle, element_dtype=tf.float32
        )
        for index in (tf.int32, tf.int64):
            outs.append(tf.raw_ops.TensorListElementShape(input_handle=handle, shape_type=index))
    return outs


def resize(tf: Any, x: Any, index: str = "int32") -> Any:
    """Shrinking forgets items; growing adds unset ones."""
    shape = list(x.shape[1:])
    handle = from_tensor(tf, x, shape, index)
    outs = []
    for size in (2, 4, 0, 1, 40):
        handle = tf.raw_ops.TensorListResize(input_handle=handle, size=size)
        outs.append(stack(tf, handle, x.dtype, shape))
    return outs


def gather(tf: Any, x: Any, no_indices: Any) -> Any:
    handle = tf.raw_ops.TensorListResize(input_handle=from_tensor(tf, x), size=5)

    def items(indices: Any, shape: Any) -> Any:
        return tf.raw_ops.TensorListGather(
            input_handle=handle,
            indices=indices,
            element_shape=tf.constant(shape, tf.int32),
            element_dtype=x.dtype,
        )

    some = tf.constant([2, 0, 4, 2], tf.int32)
    one = tf.constant([1], tf.int32)
    return [items(some, -1), items(no_indices, list(x.shape[1:])), items(one, -1)]


def scatter(version: int) -> Program:
    """The program of TensorListScatter (1) or TensorListScatterV2 (2)."""

    def program(tf: Any, x: Any, index: str = "int32") -> Any:
        shape = list(x.shape[1:])
        args = {
            "tensor": x,
            "indices": tf.constant([4, 0, 4], tf.int32),
            "element_shape": tf.constant(shape, index),
        }
        if version == 1:
            return stack(tf, tf.raw_ops.TensorListScatter(**args), x.dtype, shape)
        return [
            stack(tf, tf.raw_ops.TensorListScatterV2(**args, num_elements=n), x.dtype, shape)
            for n in (-1, 7)
        ]

    return program


def scatter_into(tf: Any, x: Any) -> Any:
    old = from_tensor(tf, x)
    new = tf.raw_ops.TensorListScatterIntoExistingList(
        input_handle=old, tensor=x, indices=tf.constant([1, 3, 1], tf.int32)
    )
    return [stack(tf, old, x.dtype), stack(tf, new, x.dtype, list(x.shape[1:]))]


def scatter_other(tf: Any, x: Any, pair: Any) -> Any:
    """Slices of another rank than the list's: nothing looks at that before the items are joined."""
    handle = tf.raw_ops.TensorListScatterIntoExistingList(
        input_handle=reserve(tf, 2, x.dtype, list(x.shape[1:])),
        tensor=pair,
        indices=tf.constant([1, 0], tf.int32),
    )
    return [get(tf, handle, i, x.dtype) for i in range(2)]


def concat_all(tf: Any, handle: Any, dtype: Any, shape: Any, leading: Any, index: str) -> list[Any]:
    """(items joined, lengths)."""
    return list(
        tf.raw_ops.TensorListConcatV2(
            input_handle=handle,
            element_shape=tf.constant(shape, index),
            leading_dims=leading,
            element_dtype=dtype,
        )
    )


def split(tf: Any, x: Any, no_dims: Any, index: str = "int32") -> Any:
    handle = tf.raw_ops.TensorListSplit(
        tensor=x,
        element_shape=tf.constant([-1, *x.shape[1:]], index),
        lengths=tf.constant([2, 0, 1], tf.int64),
    )
    outs = [get(tf, handle, i, x.dtype) for i in range(3)]
    return [*outs, *concat_all(tf, handle, x.dtype, -1, no_dims, index)]


def concat(tf: Any, x: Any, part: Any, index: str = "int32") -> Any:
    """Items of different lengths, and unset ones of the given lengths."""
    shape = [-1, *x.shape[1:]]
    handle = put(tf, put(tf, reserve(tf, 4, x.dtype, shape), 1, part), 3, x)
    given = tf.constant([1, 9, 2, 9], tf.int64)
    return concat_all(tf, handle, x.dtype, shape, given, index)


def concat_same(tf: Any, x: Any, no_dims: Any, index: str = "int32") -> Any:
    """Items of one length: unset ones take it."""
    handle = put(tf, reserve(tf, 3, x.dtype, list(x.shape)), 1, x)
    return concat_all(tf, handle, x.dtype, -1, no_dims, index)


def concat_v1(tf: Any, pair: Any, x: Any) -> Any:
    """Items of one length; and of lengths that element_shape's first dimension is not."""
    uneven = tf.raw_ops.TensorListSplit(
        tensor=x,
        element_shape=tf.constant([-1, *x.shape[1:]], tf.int32),
        lengths=tf.constant([2, 0, 1], tf.int64),
    )
    outs = []
    for handle, rows in ((from_tensor(tf, pair, list(pair.shape[1:])), None), (uneven, 2)):
        outs += tf.raw_ops.TensorListConcat(
            input_handle=handle, element_dtype=x.dtype, element_shape=[rows, *x.shape[1:]]
        )
    return outs


def concat_lists(tf: Any, x: Any, part: Any) -> Any:
    a, b = from_tensor(tf, x), from_tensor(tf, part)
    handle = tf.raw_ops.TensorListConcatLists(input_a=a, input_b=b, element_dtype=x.dtype)
    return [stack(tf, handle, x.dtype), stack(tf, a, x.dtype)]


def nested(tf: Any, x: Any, part: Any, pair: Any) -> Any:
    """A list of lists, items set, pushed, read and popped."""
    outer = tf.raw_ops.EmptyTensorList(
        element_shape=tf.constant(-1, tf.int32), max_num_elements=-1, element_dtype=tf.variant
    )
    for rows in (x, part, pair):
        outer = tf.raw_ops.TensorListPushBack(input_handle=outer, tensor=from_tensor(tf, rows))
    outer = put(tf, outer, 1, from_tensor(tf, x))
    outer, last = pop(tf, outer, tf.variant)
    inner = [get(tf, outer, i, tf.variant) for i in range(2)]
    return [stack(tf, handle, x.dtype) for handle in (last, *inner)]


def loop(tf: Any, x: Any) -> Any:
    """A TensorArray read and written in a While loop of as many steps as x has rows."""
    read = tf.TensorArray(x.dtype, size=0, dynamic_size=True, element_shape=x.shape[1:]).unstack(x)
    write = tf.TensorArray(x.dtype, size=tf.shape(x)[0], element_shape=x.shape[1:])

    def body(i: Any, out: Any) -> Any:
        return i + 1, out.write(tf.shape(x)[0] - 1 - i, read.read(i))

    _, write = tf.while_loop(lambda i, out: i < tf.shape(x)[0], body, [0, write])
    return write.stack()


def add_lists(tf: Any, x: Any, a: Any, b: Any) -> Any:
    """Sum and zeros of lists with items unset in one, the other, and both."""
    shape = list(a.shape)
    handles = []
    for at, row in ((0, a), (2, b), (0, b)):
        handle = put(tf, reserve(tf, 4, x.dtype, shape), at, row)
        handles.append(put(tf, handle, 1, a))
    total = tf.raw_ops.AddN(inputs=handles)
    zeros = tf.raw_ops.ZerosLike(x=total)
    return [stack(tf, total, x.dtype, shape), stack(tf, zeros, x.dtype, shape)]


# --- programs that are timed ----------------------------------------------------------------------


def stack_all(tf: Any, x: Any) -> Any:
    handle = tf.raw_ops.TensorListResize(input_handle=from_tensor(tf, x), size=x.shape[0])
    return stack(tf, handle, x.dtype)


def gather_all(tf: Any, x: Any) -> Any:
    handle = tf.raw_ops.TensorListResize(input_handle=from_tensor(tf, x), size=x.shape[0])
    return tf.raw_ops.TensorListGather(
        input_handle=handle,
        indices=tf.constant(np.arange(x.shape[0])[::-1], tf.int32),
        element_shape=tf.constant(-1, tf.int32),
        element_dtype=x.dtype,
    )


def split_concat(tf: Any, x: Any) -> Any:
    """Items of 0, 1, 2, ... rows, and back."""
    lengths = np.arange(x.shape[0])
    lengths = lengths[np.cumsum(lengths) <= x.shape[0]]
    lengths = np.append(lengths, x.shape[0] - lengths.sum())
    handle = tf.raw_ops.TensorListSplit(
        tensor=x,
        element_shape=tf.constant([-1, *x.shape[1:]], tf.int32),
        lengths=tf.constant(lengths, tf.int64),
    )
    given = tf.constant(lengths, tf.int64)
    return concat_all(tf, handle, x.dtype, [-1, *x.shape[1:]], given, "int32")


def push_loop(tf: Any, x: Any) -> Any:
    """A list that grows by a row a step, and is then emptied from its end."""
    steps, shape = x.shape[0], tf.constant(list(x.shape[1:]), tf.int32)
    full = tf.raw_ops.EmptyTensorList(
        element_shape=shape, max_num_elements=-1, element_dtype=x.dtype
    )

    def push(i: Any, handle: Any) -> Any:
        return i + 1, tf.raw_ops.TensorListPushBack(input_handle=handle, tensor=x[i])

    _, full = tf.while_loop(lambda i, _: i < steps, push, [0, full])

    def take(i: Any, handle: Any, total: Any) -> Any:
        handle, item = tf.raw_ops.TensorListPopBack(
            input_handle=handle, element_shape=shape, element_dtype=x.dtype
        )
        return i + 1, handle, total + item

    total = tf.zeros(x.shape[1:], x.dtype)
    return tf.while_loop(lambda i, *_: i < steps, take, [0, full, total])[2]

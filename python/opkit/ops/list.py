"""Tensor lists: what TensorArray, Keras RNNs and their gradients are made of.

Every case is a small program that is run eagerly by TensorFlow and, converted, by the kernels.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from opkit.spec import Case, Peers, Reject, Spec, Types, arr, register

_SOURCE = "tensorflow/core/kernels/list_kernels.h, list_kernels.cc"
_PARTIAL = (
    "A list op is verified inside a program, and the runtime's builtins around it take few dtypes. "
    "Items of a fixed size share one code path, which the dtypes that have cases cover; strings "
    "have their own, verified through TensorListFromTensor and TensorListStack."
)

Program = Callable[..., Any]


def _from(tf: Any, x: Any, shape: Any = -1) -> Any:
    """A list of the slices of x."""
    return tf.raw_ops.TensorListFromTensor(tensor=x, element_shape=tf.constant(shape, tf.int32))


def _stack(tf: Any, handle: Any, dtype: Any, shape: Any = -1, count: int = -1) -> Any:
    return tf.raw_ops.TensorListStack(
        input_handle=handle,
        element_shape=tf.constant(shape, tf.int32),
        element_dtype=dtype,
        num_elements=count,
    )


def _reserve(tf: Any, count: Any, dtype: Any, shape: Any = -1, wide: bool = False) -> Any:
    return tf.raw_ops.TensorListReserve(
        element_shape=tf.constant(shape, tf.int64 if wide else tf.int32),
        num_elements=tf.convert_to_tensor(count, tf.int32),
        element_dtype=dtype,
    )


def _roundtrip(tf: Any, x: Any) -> Any:
    return _stack(tf, _from(tf, x), x.dtype)


def _set_items(tf: Any, x: Any) -> Any:
    """Items set out of order, one twice, one never."""
    shape = list(x.shape[1:])
    handle = _reserve(tf, 5, x.dtype, shape)
    for index, row in ((3, 0), (0, 1), (4, 2), (0, 2), (2, 0)):
        handle = tf.raw_ops.TensorListSetItem(input_handle=handle, index=index, item=x[row])
    return _stack(tf, handle, x.dtype, shape)


def _set_keeps_old(tf: Any, x: Any) -> Any:
    """Setting an item leaves the list it came from as it was."""
    old = _from(tf, x)
    new = tf.raw_ops.TensorListSetItem(input_handle=old, index=1, item=x[0])
    return [_stack(tf, old, x.dtype), _stack(tf, new, x.dtype)]


def _set_grows(tf: Any, x: Any) -> Any:
    handle = tf.raw_ops.TensorListSetItem(
        input_handle=_from(tf, x), index=6, item=x[0], resize_if_index_out_of_bounds=True
    )
    return [_stack(tf, handle, x.dtype), tf.raw_ops.TensorListLength(input_handle=handle)]


def _get_items(tf: Any, x: Any) -> Any:
    # Resized, so that the converter cannot see through to the tensor.
    handle = tf.raw_ops.TensorListResize(input_handle=_from(tf, x), size=4)

    def get(index: int) -> Any:
        return tf.raw_ops.TensorListGetItem(
            input_handle=handle,
            index=index,
            element_shape=tf.constant(-1, tf.int32),
            element_dtype=x.dtype,
        )

    return [get(0), get(2), get(1)]


def _get_unset(tf: Any, x: Any) -> Any:
    """An item never set is zeros of the others' shape, or of element_shape."""
    handle = _reserve(tf, 3, x.dtype)
    handle = tf.raw_ops.TensorListSetItem(input_handle=handle, index=2, item=x[0])
    outs = []
    for shape in (-1, list(x.shape[1:])):
        outs.append(
            tf.raw_ops.TensorListGetItem(
                input_handle=handle,
                index=1,
                element_shape=tf.constant(shape, tf.int32),
                element_dtype=x.dtype,
            )
        )
    return outs


def _push_pop(tf: Any, x: Any) -> Any:
    handle = tf.raw_ops.EmptyTensorList(
        element_shape=tf.constant(list(x.shape[1:]), tf.int32),
        max_num_elements=4,
        element_dtype=x.dtype,
    )
    for row in (0, 1, 2, 1):
        handle = tf.raw_ops.TensorListPushBack(input_handle=handle, tensor=x[row])
    outs = [tf.raw_ops.TensorListLength(input_handle=handle)]
    for _ in range(2):
        handle, item = tf.raw_ops.TensorListPopBack(
            input_handle=handle,
            element_shape=tf.constant(-1, tf.int32),
            element_dtype=x.dtype,
        )
        outs.append(item)
    return [*outs, _stack(tf, handle, x.dtype)]


def _pop_unset(tf: Any, x: Any) -> Any:
    shape = list(x.shape[1:])
    handle, item = tf.raw_ops.TensorListPopBack(
        input_handle=_reserve(tf, 2, x.dtype, shape),
        element_shape=tf.constant(shape, tf.int32),
        element_dtype=x.dtype,
    )
    return [item, tf.raw_ops.TensorListLength(input_handle=handle)]


def _shape_of(tf: Any, **shapes: Any) -> Any:
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


def _resize(tf: Any, x: Any) -> Any:
    """Shrinking forgets items; growing adds unset ones."""
    handle = _from(tf, x, list(x.shape[1:]))
    outs = []
    for size in (2, 4, 0, 1, 40):
        handle = tf.raw_ops.TensorListResize(input_handle=handle, size=size)
        outs.append(_stack(tf, handle, x.dtype, list(x.shape[1:])))
    return outs


def _gather(tf: Any, x: Any) -> Any:
    handle = tf.raw_ops.TensorListResize(input_handle=_from(tf, x), size=5)

    def gather(indices: list[int], shape: Any) -> Any:
        return tf.raw_ops.TensorListGather(
            input_handle=handle,
            indices=tf.constant(indices, tf.int32),
            element_shape=tf.constant(shape, tf.int32),
            element_dtype=x.dtype,
        )

    return [gather([2, 0, 4, 2], -1), gather([], list(x.shape[1:])), gather([1], -1)]


def _scatter(version: int) -> Program:
    def program(tf: Any, x: Any) -> Any:
        args = {
            "tensor": x,
            "indices": tf.constant([4, 0, 4], tf.int32),
            "element_shape": tf.constant(list(x.shape[1:]), tf.int32),
        }
        if version == 1:
            handle = tf.raw_ops.TensorListScatter(**args)
            return _stack(tf, handle, x.dtype, list(x.shape[1:]))
        outs = []
        for count in (-1, 7):
            handle = tf.raw_ops.TensorListScatterV2(**args, num_elements=count)
            outs.append(_stack(tf, handle, x.dtype, list(x.shape[1:])))
        return outs

    return program


def _scatter_into(tf: Any, x: Any) -> Any:
    old = _from(tf, x)
    new = tf.raw_ops.TensorListScatterIntoExistingList(
        input_handle=old, tensor=x, indices=tf.constant([1, 3, 1], tf.int32)
    )
    return [_stack(tf, old, x.dtype), _stack(tf, new, x.dtype)]


def _split(tf: Any, x: Any) -> Any:
    handle = tf.raw_ops.TensorListSplit(
        tensor=x,
        element_shape=tf.constant([-1, *x.shape[1:]], tf.int32),
        lengths=tf.constant([2, 0, 1], tf.int64),
    )
    outs = [
        tf.raw_ops.TensorListGetItem(
            input_handle=handle,
            index=i,
            element_shape=tf.constant(-1, tf.int32),
            element_dtype=x.dtype,
        )
        for i in range(3)
    ]
    return [*outs, *_concat_all(tf, handle, x.dtype, -1, [])]


def _concat_all(tf: Any, handle: Any, dtype: Any, shape: Any, leading: list[int]) -> list[Any]:
    return list(
        tf.raw_ops.TensorListConcatV2(
            input_handle=handle,
            element_shape=tf.constant(shape, tf.int32),
            leading_dims=tf.constant(leading, tf.int64),
            element_dtype=dtype,
        )
    )


def _concat(tf: Any, x: Any) -> Any:
    """Items of different lengths, and unset ones of the given lengths."""
    tail = list(x.shape[1:])
    handle = _reserve(tf, 4, x.dtype, [-1, *tail])
    handle = tf.raw_ops.TensorListSetItem(input_handle=handle, index=1, item=x[:2])
    handle = tf.raw_ops.TensorListSetItem(input_handle=handle, index=3, item=x)
    return _concat_all(tf, handle, x.dtype, [-1, *tail], [1, 9, 2, 9])


def _concat_same(tf: Any, x: Any) -> Any:
    """Items of one length: unset ones take it."""
    handle = _reserve(tf, 3, x.dtype, list(x.shape))
    handle = tf.raw_ops.TensorListSetItem(input_handle=handle, index=1, item=x)
    return _concat_all(tf, handle, x.dtype, -1, [])


def _concat_v1(tf: Any, x: Any) -> Any:
    handle = _from(tf, tf.stack([x, x]), list(x.shape))
    return list(
        tf.raw_ops.TensorListConcat(
            input_handle=handle, element_dtype=x.dtype, element_shape=[None, *x.shape[1:]]
        )
    )


def _concat_lists(tf: Any, x: Any) -> Any:
    a, b = _from(tf, x), _from(tf, x[:1])
    handle = tf.raw_ops.TensorListConcatLists(input_a=a, input_b=b, element_dtype=x.dtype)
    return [_stack(tf, handle, x.dtype), _stack(tf, a, x.dtype)]


def _nested(tf: Any, x: Any) -> Any:
    """A list of lists, items set, pushed, read and popped."""
    outer = tf.raw_ops.EmptyTensorList(
        element_shape=tf.constant([], tf.int32), max_num_elements=-1, element_dtype=tf.variant
    )
    for rows in (x, x[:1], x[:2]):
        outer = tf.raw_ops.TensorListPushBack(input_handle=outer, tensor=_from(tf, rows))
    outer = tf.raw_ops.TensorListSetItem(input_handle=outer, index=1, item=_from(tf, x[1:]))
    outer, last = tf.raw_ops.TensorListPopBack(
        input_handle=outer, element_shape=tf.constant([], tf.int32), element_dtype=tf.variant
    )
    inner = [
        tf.raw_ops.TensorListGetItem(
            input_handle=outer,
            index=i,
            element_shape=tf.constant([], tf.int32),
            element_dtype=tf.variant,
        )
        for i in range(2)
    ]
    return [_stack(tf, handle, x.dtype) for handle in (last, *inner)]


def _loop(tf: Any, x: Any) -> Any:
    """A TensorArray read and written in a While loop of as many steps as x has rows."""
    read = tf.TensorArray(x.dtype, size=0, dynamic_size=True, element_shape=x.shape[1:]).unstack(x)
    write = tf.TensorArray(x.dtype, size=tf.shape(x)[0], element_shape=x.shape[1:])

    def body(i: Any, out: Any) -> Any:
        return i + 1, out.write(tf.shape(x)[0] - 1 - i, read.read(i))

    _, write = tf.while_loop(lambda i, out: i < tf.shape(x)[0], body, [0, write])
    return write.stack()


def _add_lists(tf: Any, x: Any) -> Any:
    """Sum and zeros of lists with items unset in one, the other, and both."""
    handles = []
    for index in (0, 2, 0):
        handle = _reserve(tf, 4, x.dtype, list(x.shape[1:]))
        handle = tf.raw_ops.TensorListSetItem(input_handle=handle, index=index, item=x[index])
        handle = tf.raw_ops.TensorListSetItem(input_handle=handle, index=1, item=x[0])
        handles.append(handle)
    total = tf.raw_ops.AddN(inputs=handles)
    zeros = tf.raw_ops.ZerosLike(x=total)
    shape = list(x.shape[1:])
    return [_stack(tf, total, x.dtype, shape), _stack(tf, zeros, x.dtype, shape)]


def _add_cases(types: Types) -> Iterator[Case]:
    if types.main == "variant":
        rows = np.arange(18, dtype=np.float32).reshape(3, 2, 3) / 7
        yield Case("lists", {"x": rows}, program=_add_lists)
        return
    for count in (1, 2, 5, 8, 9, 10, 12, 27):
        yield Case(f"{count}-matrices", {"inputs": [arr(7, 33) for _ in range(count)]})
    yield Case("scalars", {"inputs": [arr(), arr(), arr()]})
    yield Case("empty", {"inputs": [arr(0, 3), arr(0, 3)]})
    yield Case("long", {"inputs": [arr(40_000), arr(40_000), arr(40_000)]})


def _zeros_cases(types: Types) -> Iterator[Case]:
    if types.main == "variant":
        rows = np.arange(18, dtype=np.float32).reshape(3, 2, 3)
        yield Case("lists", {"x": rows}, program=_add_lists)
        return
    for shape in ((), (5,), (2, 0), (2, 3, 4)):
        if types.main != "string" or shape:
            yield Case("x".join(map(str, shape)) or "scalar", {"x": arr(*shape)})


def _gradient_args(types: Types) -> Iterator[Case]:
    pairs = {
        "equal": ([2, 3], [2, 3]),
        "row": ([2, 3], [3]),
        "column": ([2, 1], [2, 3]),
        "both": ([2, 1, 4], [1, 3, 1]),
        "ones": ([1, 1, 2], [1, 2]),
        "same-ones": ([1, 1], [1, 1]),
        "zero": ([0, 1], [1, 5]),
        "long": ([3], [4, 1, 1, 2, 3]),
    }
    for name, (a, b) in pairs.items():
        yield Case(name, {"s0": a, "s1": b})


# dtypes whose rows the converter can slice and stack with builtins around the list
_SLICED = ("float32", "int32", "int64", "uint8", "int8", "bool", "int16")


def _rows() -> dict[str, Any]:
    return {"x": arr(3, 2, 3)}


def _cases(
    *programs: tuple[str, Program], nested: bool = False
) -> Callable[[Types], Iterator[Case]]:
    def make(types: Types) -> Iterator[Case]:
        if types.main == "variant" and nested:
            rows = np.arange(6, dtype=np.float32).reshape(3, 2)
            yield Case("nested", {"x": rows}, program=_nested)
        if types.main in ("variant", "resource"):
            return
        for name, program in programs:
            sliced = program not in (_roundtrip, _resize)
            only = _SLICED if sliced and types.main not in ("fixed",) else None
            yield Case(name, _rows(), program=program, dtypes=only)

    return make


def _plain(*programs: tuple[str, Program]) -> Callable[[Types], Iterator[Case]]:
    """Cases of ops without a dtype of their own."""

    def make(types: Types) -> Iterator[Case]:
        for name, program in programs:
            yield Case(name, _rows(), program=program)

    return make


def _list_spec(name: str, cases: Any, doc: str) -> Spec:
    return Spec(name, cases, peers=Peers(lowering=False), partial=_PARTIAL, doc=doc, source=_SOURCE)


register(
    _list_spec(
        "TensorListReserve", _plain(("set", _set_items), ("loop", _loop)), "A list of unset items."
    ),
    _list_spec("EmptyTensorList", _plain(("push-pop", _push_pop)), "An empty list."),
    _list_spec(
        "TensorListSetItem",
        _cases(
            ("set", _set_items), ("old-kept", _set_keeps_old), ("grow", _set_grows), nested=True
        ),
        "A list with one item changed; the old list stays as it was. Costs the same for any "
        "number of items.",
    ),
    _list_spec(
        "TensorListGetItem",
        _cases(("get", _get_items), ("unset", _get_unset), nested=True),
        "One item.",
    ),
    _list_spec(
        "TensorListPushBack",
        _cases(("push-pop", _push_pop), nested=True),
        "A list with one item more.",
    ),
    _list_spec(
        "TensorListPopBack",
        _cases(("push-pop", _push_pop), ("unset", _pop_unset), nested=True),
        "The last item, and the list without it.",
    ),
    _list_spec("TensorListLength", _plain(("push-pop", _push_pop)), "Number of items."),
    _list_spec(
        "TensorListElementShape",
        [
            Case(
                f"from-{index}",
                {
                    "partial": np.array([-1, 3], index),
                    "full": np.array([2, 3], index),
                },
                program=_shape_of,
            )
            for index in ("int32", "int64")
        ],
        "The shape all items share, -1 where open.",
    ),
    _list_spec("TensorListResize", _plain(("resize", _resize)), "A list cut off or filled up."),
    _list_spec(
        "TensorListStack",
        _cases(("roundtrip", _roundtrip), ("set", _set_items)),
        "All items as one tensor; unset ones are zeros.",
    ),
    _list_spec("TensorListGather", _cases(("gather", _gather)), "Some items as one tensor."),
    _list_spec("TensorListConcat", _cases(("concat", _concat_v1)), "Items joined, with lengths."),
    _list_spec(
        "TensorListConcatV2",
        _cases(("concat", _concat), ("same", _concat_same), ("split", _split)),
        "Items joined along their first dimension, with lengths.",
    ),
    _list_spec(
        "TensorListFromTensor",
        _cases(("roundtrip", _roundtrip), ("resize", _resize)),
        "The slices of a tensor.",
    ),
    _list_spec("TensorListSplit", _cases(("split", _split)), "Parts of a tensor of given lengths."),
    _list_spec("TensorListScatter", _cases(("scatter", _scatter(1))), "Slices at indices."),
    _list_spec("TensorListScatterV2", _cases(("scatter", _scatter(2))), "Slices at indices."),
    _list_spec(
        "TensorListScatterIntoExistingList",
        _cases(("scatter", _scatter_into)),
        "A list with slices put at indices.",
    ),
    _list_spec("TensorListConcatLists", _plain(("concat", _concat_lists)), "Two lists as one."),
    Spec(
        "AddN",
        _add_cases,
        rejects=(Reject("shapes", {"inputs": [arr(2), arr(3)]}, "shape", dtypes=("float32",)),),
        peers=Peers(lowering=False),
        doc="Sum of tensors in their order, or of lists item by item.",
        source="tensorflow/core/kernels/aggregate_ops.cc; list_kernels.h",
    ),
    Spec(
        "ZerosLike",
        _zeros_cases,
        peers=Peers(lowering=False),
        doc="Zeros (empty strings, lists of zeros) of the same shape.",
        source="tensorflow/core/kernels/constant_op.cc; list_kernels.h",
    ),
    Spec(
        "BroadcastGradientArgs",
        _gradient_args,
        rejects=(Reject("no-broadcast", {"s0": [2, 3], "s1": [2, 4]}, "do not broadcast"),),
        peers=Peers(lowering=False),
        doc="The dimensions that gradients of broadcast operands are summed over.",
        source="tensorflow/core/kernels/bcast_ops.cc",
    ),
)

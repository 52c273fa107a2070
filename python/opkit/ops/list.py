"""Tensor lists: what TensorArray, Keras RNNs and their gradients are made of.

Every case is a small program of `opkit.ops._list_programs`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from opkit.ops import _list_programs as p
from opkit.spec import (
    Case,
    Peers,
    Reject,
    Spec,
    Types,
    all_pairs,
    arr,
    draw,
    float_limits,
    numpy_dtype,
    register,
    specials,
)

_SOURCE = "tensorflow/core/kernels/list_kernels.h, list_kernels.cc"
_CONVERTED = ("float32", "bool", "string")
"""Dtypes whose programs go through the converter; those of others are built node by node."""


def _case(name: str, program: p.Program, types: Types, direct: bool, inputs: Any = None) -> Case:
    made = p.inputs_of(program) if inputs is None else inputs
    return Case(name, made, program=p.bound(program, types), direct=direct)


def _cases(
    *programs: tuple[str, p.Program], nested: bool = False
) -> Callable[[Types], Iterator[Case]]:
    """The programs with items of a run's dtype; for lists as items, `nested`."""

    def make(types: Types) -> Iterator[Case]:
        if types.main == "variant":
            for inner in ("float32", "complex128", "string") if nested else ():
                yield _case(f"nested-{inner}", p.nested, types, True, _arrays(p.nested, inner))
            return
        for name, program in programs:
            yield _case(name, program, types, types.main not in _CONVERTED)

    return make


def _plain(*programs: tuple[str, p.Program]) -> Callable[[Types], Iterator[Case]]:
    """Cases of ops without a dtype for items: with float32 ones."""

    def make(types: Types) -> Iterator[Case]:
        for name, program in programs:
            inputs = _arrays(program, "float32")
            yield _case(name, program, types, False, inputs)

    return make


def _arrays(program: p.Program, dtype: str) -> dict[str, np.ndarray]:
    """Inputs of a program whose dtype is not the run's."""
    made = {}
    for name, recipe in p.inputs_of(program).items():
        if isinstance(recipe, np.ndarray):
            made[name] = recipe
        else:
            rng = np.random.default_rng(len(name) + ord(name[0]))
            made[name] = recipe.make(rng, numpy_dtype(dtype), 0)
    return made


_SUMS = ("float32", "float64", "float16", "bfloat16", "int8", "uint64", "complex64", "complex128")


def _list_sums() -> Iterator[Case]:
    for dtype in _SUMS:
        inputs = _arrays(p.add_lists, dtype)
        yield Case(f"lists-{dtype}", inputs, program=p.add_lists, direct=True)


def _add_cases(types: Types) -> Iterator[Case]:
    if types.main == "variant":
        yield from _list_sums()
        return
    for count in (1, 2, 5, 8, 9, 10, 12, 27):
        yield Case(f"{count}-matrices", {"inputs": [arr(7, 33) for _ in range(count)]})
    yield Case("scalars", {"inputs": [arr(), arr(), arr()]})
    yield Case("empty", {"inputs": [arr(0, 3), arr(0, 3)]})
    for count, n in ((3, 40_000), (19, 5_000)):
        yield Case(f"{count}-long", {"inputs": [arr(n) for _ in range(count)]})
    if types.floating:
        values = draw(_without_denormals)
        yield Case("special", {"inputs": list(all_pairs(values, values))})


def _without_denormals(_: np.random.Generator, dtype: np.dtype) -> np.ndarray:
    """The special values but denormals, which TF's threads take for 0."""
    values = specials(dtype)
    return values[~((values != 0) & (np.abs(values) < float_limits(dtype)[1]))]


def _add_bench(types: Types) -> Iterator[Case]:
    for count, n in ((2, 1000), (2, 1_000_000), (9, 100_000)):
        yield Case(f"{count}-n{n}", {"inputs": [arr(n) for _ in range(count)]})


def _zeros_cases(types: Types) -> Iterator[Case]:
    if types.main == "variant":
        yield from _list_sums()
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


def _bench(name: str, program: p.Program, *shape: int) -> Any:
    """A program over the rows of x, float32, through the converter."""
    rows = arr(*shape) if shape else arr(100, 64)
    return [Case(name, {"x": rows}, program=program, dtypes=("float32",))]


def _list_spec(name: str, cases: Any, doc: str, **more: Any) -> Spec:
    return Spec(name, cases, peers=Peers(lowering=False), doc=doc, source=_SOURCE, **more)


register(
    _list_spec(
        "TensorListReserve",
        _plain(("set", p.set_items), ("loop", p.loop)),
        "A list of unset items.",
    ),
    _list_spec("EmptyTensorList", _plain(("push-pop", p.push_pop)), "An empty list."),
    _list_spec(
        "TensorListSetItem",
        _cases(
            ("set", p.set_items), ("old-kept", p.set_keeps_old), ("grow", p.set_grows), nested=True
        ),
        "A list with one item changed; the old list stays as it was. Costs the same for any "
        "number of items.",
        bench=_bench("loop-100", p.loop),
    ),
    _list_spec(
        "TensorListGetItem",
        _cases(("get", p.get_items), ("unset", p.get_unset), nested=True),
        "One item.",
        bench=_bench("loop-100", p.loop),
    ),
    _list_spec(
        "TensorListPushBack",
        _cases(("push-pop", p.push_pop), nested=True),
        "A list with one item more.",
        bench=_bench("loop-100", p.push_loop),
    ),
    _list_spec(
        "TensorListPopBack",
        _cases(("push-pop", p.push_pop), ("unset", p.pop_unset), nested=True),
        "The last item, and the list without it.",
        bench=_bench("loop-100", p.push_loop),
    ),
    _list_spec("TensorListLength", _plain(("push-pop", p.push_pop)), "Number of items."),
    _list_spec(
        "TensorListElementShape",
        [
            Case(
                f"from-{index}",
                {
                    "partial": np.array([-1, 3], index),
                    "full": np.array([2, 3], index),
                },
                program=p.shape_of,
            )
            for index in ("int32", "int64")
        ],
        "The shape all items share, -1 where open.",
    ),
    _list_spec("TensorListResize", _plain(("resize", p.resize)), "A list cut off or filled up."),
    _list_spec(
        "TensorListStack",
        _cases(("roundtrip", p.roundtrip), ("set", p.set_items)),
        "All items as one tensor; unset ones are zeros.",
        bench=_bench("stack-100", p.stack_all),
    ),
    _list_spec(
        "TensorListGather",
        _cases(("gather", p.gather)),
        "Some items as one tensor.",
        bench=_bench("gather-100", p.gather_all),
    ),
    _list_spec("TensorListConcat", _cases(("concat", p.concat_v1)), "Items joined, with lengths."),
    _list_spec(
        "TensorListConcatV2",
        _cases(("concat", p.concat), ("same", p.concat_same), ("split", p.split)),
        "Items joined along their first dimension, with lengths.",
        bench=_bench("split-100", p.split_concat),
    ),
    _list_spec(
        "TensorListFromTensor",
        _cases(("roundtrip", p.roundtrip), ("resize", p.resize)),
        "The slices of a tensor.",
    ),
    _list_spec(
        "TensorListSplit", _cases(("split", p.split)), "Parts of a tensor of given lengths."
    ),
    _list_spec("TensorListScatter", _cases(("scatter", p.scatter(1))), "Slices at indices."),
    _list_spec("TensorListScatterV2", _cases(("scatter", p.scatter(2))), "Slices at indices."),
    _list_spec(
        "TensorListScatterIntoExistingList",
        _cases(("scatter", p.scatter_into), ("other-shape", p.scatter_other)),
        "A list with slices put at indices.",
    ),
    _list_spec("TensorListConcatLists", _plain(("concat", p.concat_lists)), "Two lists as one."),
    Spec(
        "AddN",
        _add_cases,
        rejects=(Reject("shapes", {"inputs": [arr(2), arr(3)]}, "shape", dtypes=("float32",)),),
        bench=_add_bench,
        peers=Peers(lowering=False),
        doc="Sum of tensors in their order, or of lists item by item.",
        source="tensorflow/core/kernels/aggregate_ops.cc; list_kernels.h",
    ),
    Spec(
        "ZerosLike",
        _zeros_cases,
        bench=(Case("n1000000", {"x": arr(1_000_000)}),),
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

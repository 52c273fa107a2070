"""Attributes of custom and Flex nodes: decoding and encoding are exact and safe."""

from __future__ import annotations

import random
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tf_models
from opkit.model import (
    DType,
    FuncValue,
    Model,
    ModelError,
    NodeDef,
    ShapeValue,
    TensorValue,
    decode_custom_options,
    decode_flex_options,
    encode_custom_options,
    encode_flex_options,
    flexbuffer,
)

PROFILE = settings(max_examples=200, deadline=None, derandomize=True)

_text = st.text(st.characters(blacklist_characters="\0", blacklist_categories=("Cs",)), max_size=12)
_ints = st.integers(-(2**63), 2**63 - 1)
_floats32 = st.floats(width=32, allow_nan=False)
_dtypes = st.sampled_from(["float32", "int64", "string", "bfloat16", "variant"]).map(DType)
_shapes = st.one_of(
    st.just(ShapeValue(None)),
    st.lists(st.integers(-1, 2**31), max_size=5).map(lambda d: ShapeValue(tuple(d))),
)
_scalars = st.one_of(_ints, _floats32, st.booleans(), _text)
_lists = st.one_of(
    st.lists(_ints, max_size=6),
    st.lists(_floats32, max_size=6),
    st.lists(st.booleans(), max_size=6),
    st.lists(_text, max_size=6),
)
_names = _text.filter(bool)


def _trees(keys: Any) -> Any:
    return st.recursive(
        st.one_of(st.none(), _scalars, st.floats(allow_nan=False)),
        lambda inner: st.one_of(
            st.lists(inner, max_size=5), st.dictionaries(keys, inner, max_size=5)
        ),
        max_leaves=20,
    )


@PROFILE
@given(_trees(_text))
def test_flexbuffers_round_trip(value: Any) -> None:
    decoded = flexbuffer.loads(flexbuffer.dumps(value))
    assert decoded == value
    assert _types(decoded) == _types(value)


def _types(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _types(item) for key, item in value.items()}
    return [_types(item) for item in value] if isinstance(value, list) else type(value)


@PROFILE
@given(_trees(st.text("abc_xyz", max_size=6)))  # that reader takes ASCII keys only
def test_flexbuffers_agree_with_the_reference_reader(value: Any) -> None:
    from flatbuffers import flexbuffers

    assert flexbuffers.Loads(flexbuffer.dumps(value)) == value


@PROFILE
@given(
    st.dictionaries(
        _names,
        st.one_of(
            _scalars,
            _lists,
            _dtypes,
            _shapes,
            st.lists(_dtypes, min_size=1, max_size=4),
            st.binary(max_size=9).map(TensorValue),
        ),
        max_size=6,
    )
)
def test_custom_options_round_trip(attrs: dict[str, Any]) -> None:
    kinds = {name: kind for name, value in attrs.items() if (kind := _kind(value))}
    assert decode_custom_options(encode_custom_options(attrs), kinds) == attrs


def _kind(value: Any) -> str | None:
    if isinstance(value, ShapeValue):
        return "shape"
    if isinstance(value, TensorValue):
        return "tensor"
    if isinstance(value, DType):
        return "type"
    if isinstance(value, list) and value and isinstance(value[0], DType):
        return "list(type)"
    return None


@PROFILE
@given(
    st.dictionaries(
        _text,
        st.one_of(
            _scalars,
            _lists,
            _dtypes,
            _shapes,
            st.binary(max_size=8).filter(lambda b: not _is_text(b)),
            st.lists(_dtypes, max_size=4),
            st.lists(_shapes, max_size=4),
            _names.map(FuncValue),
        ),
        max_size=6,
    ),
    _names,
)
def test_flex_options_round_trip_and_tensorflow_reads_them(attrs: dict[str, Any], op: str) -> None:
    node = NodeDef(op, attrs)
    data = encode_flex_options(node)
    assert decode_flex_options(data) == node
    from tensorflow.core.framework import node_def_pb2

    blob = flexbuffer.loads(data)[1]
    proto = node_def_pb2.NodeDef.FromString(blob.encode() if isinstance(blob, str) else blob)
    assert proto.op == op
    assert set(proto.attr) == set(attrs)
    for name, value in attrs.items():
        if type(value) is int:
            assert proto.attr[name].i == value
        elif isinstance(value, ShapeValue):
            assert proto.attr[name].shape.unknown_rank == (value.dims is None)
            assert [d.size for d in proto.attr[name].shape.dim] == list(value.dims or ())
        elif isinstance(value, DType):
            from tensorflow import as_dtype

            assert as_dtype(proto.attr[name].type).name == value


def _is_text(raw: bytes) -> bool:
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return True


def test_attributes_of_real_nodes() -> None:
    split, *_, ragged = (n for _, _, n in Model.load(tf_models.strings_flex()).nodes() if n.is_flex)
    assert split.attrs() == {"maxsplit": -1}
    assert ragged.attrs() == {
        "T": DType("string"),
        "Tindex": DType("int64"),
        "Tshape": DType("int64"),
        "num_row_partition_tensors": 2,
        "row_partition_types": ["FIRST_DIM_SIZE", "VALUE_ROWIDS"],
    }
    (custom,) = (n for _, _, n in Model.load(tf_models.erf_custom()).nodes() if n.is_custom)
    assert custom.attrs() == {"T": 0}
    assert custom.attrs({"T": "type"}) == {"T": DType("float32")}
    with pytest.raises(ModelError, match="want a shape"):
        custom.attrs({"T": "shape"})


def test_attributes_can_be_edited() -> None:
    model = Model.load(tf_models.cumprod_flex())
    (node,) = (n for _, _, n in model.nodes() if n.is_flex)
    node.set_attrs({**node.attrs(), "exclusive": True})
    (again,) = (n for _, _, n in Model.load(model.to_bytes()).nodes() if n.is_flex)
    assert again.attrs() == {
        "T": DType("float32"),
        "Tidx": DType("int32"),
        "exclusive": True,
        "reverse": True,
    }
    builtin = next(n for _, _, n in Model.load(tf_models.convolution()).nodes())
    assert builtin.attrs()["strideH"] == 1
    with pytest.raises(ModelError, match="read-only"):
        builtin.set_attrs({})


@pytest.mark.parametrize("seed", range(4))
def test_hostile_options_never_crash_or_hang(seed: int) -> None:
    rng = random.Random(seed)
    nodes = [n for _, _, n in Model.load(tf_models.strings_flex()).nodes() if n.is_flex]
    tree = {"a": [1, 2.5, "x", {"b": [True, None]}], "c": "text" * 9, "d": [1.5, 2.5]}
    originals = [node.custom_options for node in nodes] + [flexbuffer.dumps(tree)]
    start, refused = time.monotonic(), 0
    for _ in range(2000):
        data = bytearray(rng.choice(originals))
        for _ in range(rng.randint(1, 3)):
            data[rng.randrange(len(data))] = rng.choice([0, 1, 0x28, 0x24, 255, rng.randrange(256)])
        data = data[: rng.randint(0, len(data))] if rng.random() < 0.2 else data
        for decode in (decode_custom_options, decode_flex_options):
            try:
                decode(bytes(data))
            except ModelError:
                refused += 1
    assert refused > 500
    assert time.monotonic() - start < 30


def test_self_containing_options_are_refused_quickly() -> None:
    # Each of 120 untyped elements is the vector itself: the stock reader never comes back.
    count = 120
    offsets = bytes(range(count))  # back to the first element
    vector = bytes([count]) + offsets + bytes([10 << 2]) * count
    data = vector + bytes([2 * count, 10 << 2, 1])
    start = time.monotonic()
    with pytest.raises(ModelError, match=r"over and over|nested deeper"):
        flexbuffer.loads(data)
    assert time.monotonic() - start < 5

"""Checkpoint files: read by TensorFlow, written by TensorFlow, damaged, forged."""

from __future__ import annotations

import pathlib
import struct
from typing import Any

import numpy as np
import pytest

from opkit import registry
from opkit.spec import Types
from opkit.verify.execute import RunError, Runner
from opkit.verify.single_op import build

tf = pytest.importorskip("tensorflow", reason="TensorFlow is not installed")

VALUES = {
    "kernel": np.linspace(-1, 1, 4000, dtype=np.float32).reshape(50, 80),
    "bias": np.array([1.5, -0.0, np.inf, np.nan], np.float32),
    "step": np.array(-7, np.int64),
    "large": np.arange(200_000, dtype=np.float64),  # more than one block
    "flags": np.array([True, False, True]),
    "words": np.array([b"", b"a\0b", b"x" * 300], dtype=object),
    "": np.array([3], np.int32),
    "odd\0\xffname".encode(): np.array([9, 8], np.int16),
}


def _strings(*values: bytes | str) -> np.ndarray:
    out = np.empty(len(values), dtype=object)
    out[:] = [v.encode() if isinstance(v, str) else v for v in values]
    return out


def _run(op: str, inputs: dict[str, Any], types: dict[str, str], outputs: int = 1) -> list[Any]:
    """One node of `op` in an interpreter. Raises RunError."""
    one = build(registry.declarations()[op], Types(types), inputs, {}, outputs=outputs)
    session = Runner().load(one.to_bytes())
    return session.run(one.feeds)


def _save(path: pathlib.Path, values: dict[Any, np.ndarray], op: str = "Save") -> None:
    names = _strings(*values)
    data = list(values.values())
    if op == "Save":
        inputs = {"filename": _strings(str(path)), "tensor_names": names, "data": data}
        _run("Save", inputs, {"T": "float32"}, outputs=0)
    else:
        inputs = {
            "prefix": _strings(str(path)),
            "tensor_names": names,
            "shape_and_slices": _strings(*[""] * len(values)),
            "tensors": data,
        }
        _run("SaveV2", inputs, {"dtypes": "float32"}, outputs=0)


def _restore(path: pathlib.Path | str, name: bytes | str, dtype: str) -> np.ndarray:
    inputs = {"file_pattern": _strings(str(path)), "tensor_name": _strings(name)}
    return _run("Restore", inputs, {"dt": dtype})[0]


def _dtype(value: np.ndarray) -> str:
    return "string" if value.dtype == object else value.dtype.name


@pytest.mark.parametrize("op", ["Save", "SaveV2"])
def test_tensorflow_reads_our_files(op: str, tmp_path: pathlib.Path) -> None:
    values = {k: v for k, v in VALUES.items() if k or op == "Save"}
    _save(tmp_path / "c", values, op)
    for name, value in values.items():
        if op == "Save":
            got = tf.raw_ops.Restore(
                file_pattern=str(tmp_path / "c"), tensor_name=name, dt=_tf_dtype(value)
            )
        else:
            (got,) = tf.raw_ops.RestoreV2(
                prefix=str(tmp_path / "c"),
                tensor_names=[name],
                shape_and_slices=[""],
                dtypes=[_tf_dtype(value)],
            )
        np.testing.assert_array_equal(got.numpy(), value)


def _tf_dtype(value: np.ndarray) -> Any:
    return tf.string if value.dtype == object else tf.as_dtype(value.dtype)


@pytest.mark.parametrize("op", ["Save", "SaveV2"])
def test_we_read_tensorflows_files(op: str, tmp_path: pathlib.Path) -> None:
    values = {k: v for k, v in VALUES.items() if k or op == "Save"}
    path = str(tmp_path / "c")
    data = [tf.constant(v) for v in values.values()]
    if op == "Save":
        tf.raw_ops.Save(filename=path, tensor_names=list(values), data=data)
    else:
        tf.raw_ops.SaveV2(
            prefix=path,
            tensor_names=list(values),
            shape_and_slices=[""] * len(values),
            tensors=data,
        )
    for name, value in values.items():
        np.testing.assert_array_equal(_restore(path, name, _dtype(value)), value)


@pytest.mark.parametrize("row", ["-", "0,10"])
def test_partitioned_variables(row: str, tmp_path: pathlib.Path) -> None:
    """Slices of one tensor, each way, in both formats; whole rows in both spellings."""
    whole = np.arange(60, dtype=np.float32).reshape(6, 10)
    parts = {
        f"6 10 0,2:{row}": whole[:2],
        "6 10 2,4:0,3": whole[2:, :3],
        "6 10 2,4:3,7": whole[2:, 3:],
    }
    names, specs, data = ["t"] * 3, list(parts), [np.ascontiguousarray(v) for v in parts.values()]
    tf.raw_ops.SaveV2(
        prefix=str(tmp_path / "tf2"), tensor_names=names, shape_and_slices=specs, tensors=data
    )
    tf.raw_ops.SaveSlices(
        filename=str(tmp_path / "tf1"), tensor_names=names, shapes_and_slices=specs, data=data
    )
    inputs = {"tensor_names": _strings(*names)}
    ours = {"prefix": _strings(str(tmp_path / "our2")), **inputs}
    ours |= {"shape_and_slices": _strings(*specs), "tensors": data}
    _run("SaveV2", ours, {"dtypes": "float32"}, outputs=0)
    ours = {"filename": _strings(str(tmp_path / "our1")), **inputs}
    ours |= {"shapes_and_slices": _strings(*specs), "data": data}
    _run("SaveSlices", ours, {"T": "float32"}, outputs=0)
    for name in ("tf1", "tf2", "our1", "our2"):
        np.testing.assert_array_equal(_restore(tmp_path / name, "t", "float32"), whole)
        part = _run(
            "RestoreSlice",
            {
                "file_pattern": _strings(str(tmp_path / name)),
                "tensor_name": _strings("t"),
                "shape_and_slice": _strings("6 10 1,3:2,5"),
            },
            {"dt": "float32"},
        )[0]
        np.testing.assert_array_equal(part, whole[1:4, 2:7])
        (theirs,) = tf.raw_ops.RestoreV2(
            prefix=str(tmp_path / name),
            tensor_names=["t"],
            shape_and_slices=[""],
            dtypes=[tf.float32],
        )
        np.testing.assert_array_equal(theirs.numpy(), whole)


def test_a_failed_save_leaves_the_old_file(tmp_path: pathlib.Path) -> None:
    _save(tmp_path / "c", {"a": np.array([1.0], np.float32)})
    before = (tmp_path / "c").read_bytes()
    (tmp_path / "blocked").mkdir()
    with pytest.raises(RunError, match="rename"):
        _save(tmp_path / "blocked", {"a": np.array([2.0], np.float32)})
    with pytest.raises(RunError, match="cannot write"):
        _save(tmp_path / "absent" / "c", {"a": np.array([2.0], np.float32)})
    assert (tmp_path / "c").read_bytes() == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["blocked", "c"]


def test_errors_say_what_is_missing(tmp_path: pathlib.Path) -> None:
    _save(tmp_path / "c", {"a": np.array([1.0], np.float32)})
    with pytest.raises(RunError, match='"b" not found in checkpoint'):
        _restore(tmp_path / "c", "b", "float32")
    with pytest.raises(RunError, match='"a" is float32 in the checkpoint, want int32'):
        _restore(tmp_path / "c", "a", "int32")
    (tmp_path / "text").write_text("no checkpoint at all, but longer than a footer of 48 bytes")
    with pytest.raises(RunError, match="no checkpoint or is damaged"):
        _restore(tmp_path / "text", "a", "float32")


# --- damaged and forged files ---------------------------------------------------------------------


def _refused_or_right(path: pathlib.Path, name: str, value: np.ndarray) -> bool:
    """True when refused with an error; a result has to be the right one."""
    try:
        got = _restore(path, name, _dtype(value))
    except RunError:
        return True
    np.testing.assert_array_equal(got, value)
    return False


def test_damaged_files_are_refused(tmp_path: pathlib.Path) -> None:
    """Truncation at every length and a flipped byte at every place of small files."""
    value = np.array([1.0, 2.0, 3.0], np.float32)
    _save(tmp_path / "v1", {"a": value, "b": value})
    good = (tmp_path / "v1").read_bytes()
    refused = 0
    for cut in range(len(good)):
        (tmp_path / "bad").write_bytes(good[:cut])
        refused += _refused_or_right(tmp_path / "bad", "a", value)
    assert refused == len(good)
    refused = 0
    for at in range(len(good)):
        changed = bytearray(good)
        changed[at] ^= 0xFF
        (tmp_path / "bad").write_bytes(changed)
        refused += _refused_or_right(tmp_path / "bad", "a", value)
    assert refused > 0.7 * len(good), "most bytes matter; the footer's padding does not"

    _save(tmp_path / "v2", {"a": value}, "SaveV2")
    data = tmp_path / "v2.data-00000-of-00001"
    bytes_before = data.read_bytes()
    for broken in (bytes_before[:-1], bytes_before[:-1] + b"\x7f", b""):
        data.write_bytes(broken)
        with pytest.raises(RunError, match=r"lies outside the file|checksum"):
            _restore(tmp_path / "v2", "a", "float32")


def _crc32c(data: bytes) -> int:
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def _varint(value: int) -> bytes:
    value &= 2**64 - 1
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def _field(number: int, value: int | bytes) -> bytes:
    if isinstance(value, int):
        return _varint(number << 3) + _varint(value)
    return _varint(number << 3 | 2) + _varint(len(value)) + value


def _block(body: bytes, compression: int = 0) -> bytes:
    crc = _crc32c(body + bytes([compression]))
    masked = ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF
    return body + bytes([compression]) + struct.pack("<I", masked)


def _entries(entries: list[tuple[bytes, bytes]]) -> bytes:
    body = b"".join(_varint(0) + _varint(len(k)) + _varint(len(v)) + k + v for k, v in entries)
    return body + struct.pack("<II", 0, 1)


def _table(body: bytes, last_key: bytes, compression: int = 0) -> bytes:
    """A table of one block, checksums right whatever it holds."""
    file = _block(body, compression)
    handle = _varint(0) + _varint(len(body))
    meta_at = len(file)
    file += _block(_entries([]))
    index = _entries([(last_key, handle)])
    footer = _varint(meta_at) + _varint(8) + _varint(len(file)) + _varint(len(index))
    file += _block(index)
    return file + footer.ljust(40, b"\0") + struct.pack("<Q", 0xDB4775248B80FB57)


def _forged_v1(
    shape: list[int], values: bytes, extents: list[bytes] | None = None, dtype: int = 1
) -> tuple[bytes, bytes]:
    """(body, last key) of a V1 table with one tensor "a" that may be nonsense."""
    dims = b"".join(_field(2, _field(1, d)) for d in shape)
    whole = b"".join(_field(1, e) for e in extents or [b""] * len(shape))
    tensor = _field(1, b"a") + _field(2, dims) + _field(3, dtype) + _field(4, whole)
    meta = _field(1, _field(1, tensor))
    slice_ = _field(1, b"a") + _field(2, whole) + _field(3, values)
    key = b"\0a\0\1\1" + bytes([len(shape)])
    return _entries([(b"", meta), (key, _field(2, slice_))]), key


def _floats(*values: float) -> bytes:
    return _field(5, struct.pack(f"<{len(values)}f", *values))


def test_a_made_up_file_is_read(tmp_path: pathlib.Path) -> None:
    """The maker of forged files makes good ones, too; and Snappy blocks are read."""
    body, key = _forged_v1([3], _floats(1, 2, 3))
    (tmp_path / "plain").write_bytes(_table(body, key))
    np.testing.assert_array_equal(_restore(tmp_path / "plain", "a", "float32"), [1, 2, 3])
    (tmp_path / "snappy").write_bytes(_table(_snappy(body), key, compression=1))
    np.testing.assert_array_equal(_restore(tmp_path / "snappy", "a", "float32"), [1, 2, 3])


def _snappy(plain: bytes) -> bytes:
    """Literals, and back references for runs of zeros."""
    out = _varint(len(plain))
    at = 0
    while at < len(plain):
        run = 0
        while at + run < len(plain) and plain[at + run] == 0 and run < 11:
            run += 1
        if at > 0 and plain[at - 1] == 0 and run >= 4:
            out += bytes([1 | (run - 4) << 2, 1])
            at += run
            continue
        out += bytes([0]) + plain[at : at + 1]
        at += 1
    return out


FORGED = {
    "too-few-values": _forged_v1([3], _floats(1, 2)),
    "too-many-values": _forged_v1([3], _floats(1, 2, 3, 4)),
    "no-values": _forged_v1([3], b""),
    "huge-shape": _forged_v1([2**31 - 1, 2**31 - 1, 2**31 - 1], _floats(1)),
    "large-shape": _forged_v1([2**30], _floats(1)),
    "negative-shape": _forged_v1([-5], _floats(1)),
    "rank-9": _forged_v1([1] * 9, _floats(1)),
    "slice-outside": _forged_v1([3], _floats(1), [_field(1, 5) + _field(2, 1)]),
    "slice-negative": _forged_v1([3], _floats(1), [_field(1, -1) + _field(2, 1)]),
    "slice-too-long": _forged_v1([3], _floats(1), [_field(1, 1) + _field(2, 2**62)]),
    "slice-gap": _forged_v1([3], _floats(1), [_field(1, 1) + _field(2, 1)]),
    "slice-rank": _forged_v1([3], _floats(1, 2, 3), [b"", b""]),
    "wrong-dtype": _forged_v1([3], _floats(1, 2, 3), dtype=9),
    "unknown-dtype": _forged_v1([3], _floats(1, 2, 3), dtype=99),
    "cut-values": _forged_v1([3], b"\x2a\x40\0\0"),
    "endless-varint": _forged_v1([3], b"\xff" * 20),
}


@pytest.mark.parametrize("name", FORGED)
def test_forged_tables_are_refused(name: str, tmp_path: pathlib.Path) -> None:
    body, key = FORGED[name]
    (tmp_path / "forged").write_bytes(_table(body, key))
    with pytest.raises(RunError, match="opkit: Restore"):
        _restore(tmp_path / "forged", "a", "float32")


def test_forged_blocks_are_refused(tmp_path: pathlib.Path) -> None:
    """Random changes with checksums that fit, so that the parsers behind them see the bytes."""
    body, key = _forged_v1([3], _floats(1, 2, 3))
    rng = np.random.default_rng(5)
    for compression, source in ((0, body), (1, _snappy(body))):
        refused = 0
        for _ in range(300):
            changed = bytearray(source)
            for at in rng.integers(0, len(changed), rng.integers(1, 4)):
                changed[at] = rng.integers(0, 256)
            (tmp_path / "bad").write_bytes(_table(bytes(changed), key, compression))
            try:
                got = _restore(tmp_path / "bad", "a", "float32")
                assert got.dtype == np.float32
            except RunError:
                refused += 1
        assert refused > 100
    for forged in (b"", b"\0", b"\xff" * 8, struct.pack("<I", 2**31), _varint(2**40) + b"\0a"):
        for compression in (0, 1, 2):
            (tmp_path / "bad").write_bytes(_table(forged, key, compression))
            with pytest.raises(RunError, match="opkit: Restore"):
                _restore(tmp_path / "bad", "a", "float32")

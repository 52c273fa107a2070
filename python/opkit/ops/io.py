"""Checkpoints: Save and Restore (V1), SaveV2 and RestoreV2 (V2), slices of both.

Saving is checked by programs that save with the kernel and restore; that TensorFlow reads the
files, and hostile files are refused, is in tests/test_training.py.
"""

from __future__ import annotations

import atexit
import functools
import pathlib
import shutil
import tempfile
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from opkit.spec import Case, Exact, Peers, Reject, Spec, Types, arr, numpy_dtype, register

_SOURCE = "tensorflow/core/util/tensor_slice_writer.cc, tensor_bundle.cc; lib/io/table_format.txt"
_SHAPES = ((), (1,), (3, 4), (2, 3, 5), (0,), (2, 0, 3))


@functools.cache
def _folder() -> pathlib.Path:
    """A folder for checkpoints, gone when the process ends."""
    path = pathlib.Path(tempfile.mkdtemp(prefix="opkit-io-"))
    atexit.register(shutil.rmtree, path, ignore_errors=True)
    return path


def _values(dtype: str, shape: tuple[int, ...]) -> np.ndarray:
    n = int(np.prod(shape, dtype=int))
    if dtype == "string":
        flat = np.empty(n, dtype=object)
        flat[:] = [bytes([i % 256]) * i for i in range(n)]
        return flat.reshape(shape)
    rng = np.random.default_rng(n)
    if dtype == "bool":
        return rng.integers(0, 2, shape).astype(bool)
    target = numpy_dtype(dtype)
    if target.kind in "iu":
        info = np.iinfo(target)
        return rng.integers(info.min, info.max, shape, dtype=target, endpoint=True)
    if target.kind == "c":
        return (rng.normal(size=shape) + 1j * rng.normal(size=shape)).astype(target)
    return np.asarray(rng.normal(size=shape)).astype(target)


def _strings(*values: bytes) -> np.ndarray:
    out = np.empty(len(values), dtype=object)
    out[:] = values
    return out


# --- saving ---------------------------------------------------------------------------------------


def _save_program(op: str, name: str) -> Callable[..., Any]:
    """Saves with the op and restores; eager TensorFlow and the converted program use two files."""

    def program(tf: Any, x: Any) -> Any:
        side = "eager" if tf.executing_eagerly() else "lite"
        path = str(_folder() / f"{op}-{name}-{side}")
        more = tf.constant([1.0, 2.5])
        if op == "Save":
            saved = tf.raw_ops.Save(filename=path, tensor_names=["x", "more"], data=[x, more])
        elif op == "SaveSlices":
            spec = " ".join([*(str(d + 1) for d in x.shape), ""])
            spec += ":".join(f"1,{d}" for d in x.shape)
            specs = [spec if x.shape.rank and x.shape.num_elements() else "", ""]
            saved = tf.raw_ops.SaveSlices(
                filename=path, tensor_names=["x", "more"], shapes_and_slices=specs, data=[x, more]
            )
        else:
            specs = ["", ""]
            saved = tf.raw_ops.SaveV2(
                prefix=path,
                tensor_names=["x", "more"],
                shape_and_slices=specs,
                tensors=[x, more],
            )
        with tf.control_dependencies([] if saved is None else [saved]):
            if op == "SaveV2":
                return tf.raw_ops.RestoreV2(
                    prefix=path,
                    tensor_names=["x", "more"],
                    shape_and_slices=specs,
                    dtypes=[x.dtype, tf.float32],
                )
            if op == "SaveSlices":
                return tf.raw_ops.RestoreSlice(
                    file_pattern=path, tensor_name="x", shape_and_slice=specs[0], dt=x.dtype
                )
            return tf.raw_ops.Restore(file_pattern=path, tensor_name="x", dt=x.dtype)

    return program


def _save_cases(op: str) -> Callable[[Types], Iterator[Case]]:
    def cases(types: Types) -> Iterator[Case]:
        for shape in _SHAPES:
            if types.main == "string" and shape == ():
                continue  # interpreters take no 0-d array of Python strings as an input
            name = "x".join(map(str, shape)) or "scalar"
            program = _save_program(op, f"{types.main}-{name}")
            yield Case(name, {"x": _values(types.main, shape)}, program=program)

    return cases


def _save_bench(op: str) -> Callable[[Types], Iterator[Case]]:
    """1 MB saved and restored."""

    def cases(types: Types) -> Iterator[Case]:
        yield Case("1MB", {"x": arr(512, 512)}, program=_save_program(op, "bench"))

    return cases


_SAVE_REJECTS = (
    Reject(
        "no-such-folder",
        {
            "filename": _strings(b"no-such-folder/checkpoint"),
            "tensor_names": _strings(b"a"),
            "data": [arr(2)],
        },
        "cannot write no-such-folder",
    ),
    Reject(
        "names-and-tensors",
        {
            "filename": _strings(b"checkpoint"),
            "tensor_names": _strings(b"a", b"b"),
            "data": [arr(2)],
        },
        "2 tensor names for 1 tensors",
    ),
)


# --- restoring ------------------------------------------------------------------------------------


@functools.cache
def _written(dtype: str, v2: bool, shapes: tuple[tuple[int, ...], ...] = _SHAPES) -> str:
    """Path of a checkpoint that TensorFlow wrote, holding one tensor of each of the shapes."""
    import tensorflow as tf

    path = str(_folder() / f"tf-{dtype}-{'v2' if v2 else 'v1'}-{len(shapes)}")
    tensors = [tf.constant(_values(dtype, s)) for s in shapes]
    names = [f"t{i}" for i in range(len(shapes))]
    if v2:
        specs = [""] * len(names)
        tf.raw_ops.SaveV2(prefix=path, tensor_names=names, shape_and_slices=specs, tensors=tensors)
    else:
        tf.raw_ops.Save(filename=path, tensor_names=names, data=tensors)
    return path


_NOT_IN_V1 = ("bfloat16", "uint32", "uint64")  # TF's Save refuses these


def _restore_cases(with_slice: bool) -> Callable[[Types], Iterator[Case]]:
    def cases(types: Types) -> Iterator[Case]:
        if types.main in _NOT_IN_V1:
            # The kernel reads V2 files too, which is where these dtypes can be.
            yield Case("v2", program=_restore_v2_program(types.main, with_slice))
            return
        # One-element vectors: interpreters take no 0-d array of Python strings as an input.
        path = _strings(_written(types.main, False).encode())
        for i, shape in enumerate(_SHAPES):
            name = "x".join(map(str, shape)) or "scalar"
            inputs: dict[str, Any] = {
                "file_pattern": path,
                "tensor_name": _strings(f"t{i}".encode()),
            }
            if with_slice:
                inputs["shape_and_slice"] = _strings(b"")
            yield Case(name, inputs)
        if with_slice:
            for spec in (b"3 4 1,2:-", b"3 4 -:2,2", b"3 4 0,1:3,1"):
                inputs = {
                    "file_pattern": path,
                    "tensor_name": _strings(b"t2"),
                    "shape_and_slice": _strings(spec),
                }
                yield Case("slice-" + spec.decode().replace(" ", "_"), inputs)
        else:
            pattern = _strings(path[0][:-1] + b"[0-9]")
            yield Case("pattern", {"file_pattern": pattern, "tensor_name": _strings(b"t1")})

    return cases


def _restore_bench(types: Types) -> Iterator[Case]:
    path = _strings(_written("float32", False, ((512, 512),)).encode())
    inputs = {"file_pattern": path, "tensor_name": _strings(b"t0")}
    yield Case("1MB", inputs, dtypes=("float32",))


def _restore_v2_bench(types: Types) -> Iterator[Case]:
    path = _written("float32", True, ((512, 512),))

    def program(tf: Any) -> Any:  # the converter writes the dtypes into the node
        return tf.raw_ops.RestoreV2(
            prefix=path, tensor_names=["t0"], shape_and_slices=[""], dtypes=["float32"]
        )

    yield Case("1MB", program=program, dtypes=("float32",))


def _restore_v2_program(dtype: str, with_slice: bool) -> Callable[..., Any]:
    def program(tf: Any) -> Any:
        path = _written(dtype, True)
        if tf.executing_eagerly():  # TF's V1 op does not read V2 files
            return tf.raw_ops.RestoreV2(
                prefix=path, tensor_names=["t2"], shape_and_slices=[""], dtypes=[dtype]
            )
        call = {"file_pattern": path, "tensor_name": "t2", "dt": tf.as_dtype(dtype)}
        if with_slice:
            return tf.raw_ops.RestoreSlice(shape_and_slice="", **call)
        return tf.raw_ops.Restore(**call)

    return program


def _restore_v2(prefix: Any, tensor_names: Any, shape_and_slices: Any) -> Any:
    """RestoreV2 with the dtypes that the checkpoint names."""
    import tensorflow as tf

    reader = tf.train.load_checkpoint(bytes(prefix[0]).decode())
    kinds = reader.get_variable_to_dtype_map()
    return tf.raw_ops.RestoreV2(
        prefix=prefix[0],
        tensor_names=tensor_names,
        shape_and_slices=shape_and_slices,
        dtypes=[kinds[n.decode()] for n in tensor_names],
    )


def _restore_v2_cases(types: Types) -> Iterator[Case]:
    path = _written(types.main, True).encode()
    for i, shape in enumerate(_SHAPES):
        name = "x".join(map(str, shape)) or "scalar"
        yield Case(name, _v2_inputs(path, [f"t{i}".encode()], [b""]))
    yield Case("two", _v2_inputs(path, [b"t3", b"t1"], [b"", b""]))
    if types.main not in ("string", "float16", "uint16", "uint32", "uint64"):  # TF's own limit
        yield Case("slices", _v2_inputs(path, [b"t2", b"t2"], [b"3 4 1,2:-", b"3 4 -:2,2"]))


def _v2_inputs(path: bytes, names: list[bytes], specs: list[bytes]) -> dict[str, Any]:
    return {
        "prefix": _strings(path),
        "tensor_names": _strings(*names),
        "shape_and_slices": _strings(*specs),
    }


def _spec(name: str, cases: Any, doc: str, **more: Any) -> Spec:
    peers = Peers(lowering=False)
    return Spec(name, cases, Exact(), peers=peers, doc=doc, source=_SOURCE, **more)


register(
    _spec(
        "Save",
        _save_cases("Save"),
        "Writes tensors to one file in the V1 format; the file appears when it is complete.",
        bench=_save_bench("Save"),
        rejects=_SAVE_REJECTS,
    ),
    _spec("SaveSlices", _save_cases("SaveSlices"), "Save, each tensor a part of a larger one."),
    _spec(
        "SaveV2",
        _save_cases("SaveV2"),
        "Writes tensors to <prefix>.index and <prefix>.data-00000-of-00001.",
        bench=_save_bench("SaveV2"),
    ),
    _spec(
        "Restore",
        _restore_cases(False),
        "Reads a tensor from V1 files that a pattern names, or from a V2 prefix.",
        bench=_restore_bench,
        rejects=(
            Reject(
                "no-file",
                {"file_pattern": _strings(b"no-such-file"), "tensor_name": _strings(b"a")},
                "no file matches no-such-file",
            ),
        ),
    ),
    _spec(
        "RestoreSlice",
        _restore_cases(True),
        "Restore, of a part of a tensor.",
        rejects=(
            Reject(
                "no-file",
                {
                    "file_pattern": _strings(b"no-such-file"),
                    "tensor_name": _strings(b"a"),
                    "shape_and_slice": _strings(b""),
                },
                "no file matches no-such-file",
            ),
        ),
    ),
    _spec(
        "RestoreV2",
        _restore_v2_cases,
        "Reads tensors, or parts of them, from a V2 prefix, or from a V1 file.",
        bench=_restore_v2_bench,
        reference=_restore_v2,
        rejects=(
            Reject(
                "no-file",
                _v2_inputs(b"no-such-file", [b"a"], [b""]),
                "no file matches no-such-file",
            ),
            Reject(
                "names-and-slices",
                _v2_inputs(b"no-such-file", [b"a"], [b"", b""]),
                "1 names and 2 slices",
            ),
        ),
    ),
)

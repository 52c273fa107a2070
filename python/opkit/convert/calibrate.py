"""Runs samples through a float model and records the range of every tensor."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sized
from contextlib import contextmanager
from typing import Any

import numpy as np

from opkit.model import Model, Node, Tensor
from opkit.model.dtypes import NUMPY_DTYPES

from .errors import CalibrationWarning, ConversionError

__all__ = ["GOOD_SAMPLES", "Calibration", "Feed", "Samples", "calibrate"]

#: Numbers of samples that calibrate well: fewer miss parts of the range, more add only outliers.
GOOD_SAMPLES = (100, 500)

Samples = Callable[[], Iterable[Any]] | Iterable[Any]


class Calibration:
    """A calibrated model (bytes, for TF's quantizer), the ranges in it, the number of samples, and
    TF's Calibrator that holds the statistics."""

    def __init__(self, model: bytes, samples: int, runner: Any) -> None:
        self.model = model
        self.samples = samples
        self.runner = runner
        self.ranges = _ranges(Model.load(model))


def _ranges(model: Model) -> dict[tuple[int, str], tuple[float, float]]:
    found = {}
    for number, graph in enumerate(model.subgraphs):
        for tensor in graph.tensors:
            quantization = tensor.quantization
            if quantization is None or quantization.min is None or quantization.max is None:
                continue
            if quantization.min.size == 1 and quantization.max.size == 1:
                found[number, tensor.name] = (
                    float(quantization.min[0]),
                    float(quantization.max[0]),
                )
    return found


def calibrate(data: bytes, samples: Samples, registerer: Any, progress: bool) -> Calibration:
    """Feeds ``samples`` to the float model ``data``, its custom ops run by ``registerer``.

    A sample is a list of arrays in the order of the model's inputs, one array if there is one
    input, or a dict by input name; with several signatures a (key, dict) pair. Warns with
    CalibrationWarning outside 100 to 500 samples. Raises ConversionError if there are none or one
    does not fit, naming it, or if an input holds strings."""
    try:
        from tensorflow.lite.python.optimize import calibrator as tf_calibrator
    except ImportError as error:
        raise ConversionError(
            "int8 needs TensorFlow's calibrator and quantizer: pip install tensorflow"
        ) from error

    model = Model.load(data)
    for tensor in model.subgraphs[0].inputs:
        if tensor.dtype == "string":
            raise ConversionError(
                f"input {tensor.name!r} holds strings, which TensorFlow's calibrator cannot "
                f"feed; convert the part of the model behind them, or all of it in float"
            )
    feed = Feed(model, samples, progress)
    named = [entry for entry in model.metadata if entry[0]]
    if _add_readers(model) or named != model.metadata:
        model.metadata = named  # TF's quantizer does not survive an entry without a name
        data = model.to_bytes()
    # Stock code opens an interpreter of its own for named inputs; the feed names none.
    try:
        runner = tf_calibrator.Calibrator(
            tf_calibrator.add_intermediate_tensors(data), custom_op_registerers_by_func=[registerer]
        )
    except (ValueError, RuntimeError) as error:
        raise ConversionError(f"TensorFlow's calibrator refuses the model: {error}") from error
    try:
        calibrated = bytes(runner.calibrate(feed))
    except ConversionError:
        raise
    except (ValueError, RuntimeError) as error:
        raise ConversionError(f"calibration failed at sample {feed.count}: {error}") from error
    if not feed.count:
        raise ConversionError("the representative dataset is empty")
    low, high = GOOD_SAMPLES
    if not low <= feed.count <= high:
        warnings.warn(
            f"calibrated with {feed.count} samples; {low} to {high} are recommended",
            CalibrationWarning,
            stacklevel=2,
        )
    return Calibration(calibrated, feed.count, runner)


#: Builtins whose kernels may write their output over an input.
_IN_PLACE = frozenset({"ADD", "DIV", "DYNAMIC_UPDATE_SLICE", "MUL", "SUB"})


def _add_readers(model: Model) -> int:
    """Gives some float tensors one more reader, and returns how many: float results of WHILE that
    nobody reads, and what kernels may overwrite.

    The runtime leaves such a result without memory, and TF's calibrator reads it all the same: the
    process would crash. It also looks at a node's inputs once more after the node ran, so that a
    result written over an input would count among the input's values. A reader at the end keeps
    the memory. The readers are dead nodes, which quantization drops."""
    added = 0
    for graph in model.subgraphs:
        read = {*graph.outputs, *graph.uses()}
        kept: dict[Tensor, None] = {}
        for node in graph.nodes:
            if node.builtin == "WHILE":
                kept.update({tensor: None for tensor in node.outputs if tensor not in read})
            elif node.builtin in _IN_PLACE:
                kept.update({t: None for t in node.inputs if t is not None and not t.is_constant})
        for tensor in kept:
            if tensor.dtype == "float32":
                rank = Tensor(f"{tensor.name}_rank", "int32", ())
                graph.insert(len(graph.nodes), Node("RANK", [tensor], [rank]))
                added += 1
    return added


def is_keyed(item: Any) -> bool:
    """Whether a sample is a pair of a signature's key and its inputs."""
    return isinstance(item, tuple) and len(item) == 2 and isinstance(item[0], str)


class Feed:
    """The samples as the calibrator takes them, checked, converted and counted."""

    def __init__(self, model: Model, samples: Samples, progress: bool) -> None:
        self.model = model
        self.samples = samples
        self.progress = progress
        self.count = 0

    def __call__(self) -> Iterator[list[np.ndarray]]:
        items = self.samples() if callable(self.samples) else self.samples
        total = len(items) if isinstance(items, Sized) else None
        with _advance(total, self.progress) as advance:
            for item in items:
                self.count += 1
                yield self._arrays(item)
                advance()

    def _arrays(self, item: Any) -> list[np.ndarray]:
        where = f"sample {self.count}"
        if is_keyed(item):
            self._check_signature(item[0], where)
            item = item[1]
        inputs = self.model.subgraphs[0].inputs
        if isinstance(item, Mapping):
            values = self._by_name(item, inputs, where)
        else:
            values = list(item) if isinstance(item, (list, tuple)) else [item]
        if len(values) != len(inputs):
            raise ConversionError(
                f"{where} has {len(values)} arrays, the model {len(inputs)} inputs: "
                f"{', '.join(tensor.name for tensor in inputs)}"
            )
        return [_fitted(v, t, where) for v, t in zip(values, inputs, strict=True)]

    def _check_signature(self, key: str, where: str) -> None:
        for signature in self.model.signatures:
            if signature.key != key:
                continue
            if signature.subgraph is not self.model.subgraphs[0]:
                raise ConversionError(
                    f"{where} is for signature {key!r}; only the first signature, "
                    f"{self.model.signatures[0].key!r}, can be calibrated"
                )
            return
        known = ", ".join(signature.key for signature in self.model.signatures) or "none"
        raise ConversionError(f"{where} is for signature {key!r}; the model has: {known}")

    def _by_name(self, item: Mapping[str, Any], inputs: list[Tensor], where: str) -> list[Any]:
        names = {tensor: tensor.name for tensor in inputs}
        for signature in self.model.signatures:
            if signature.subgraph is self.model.subgraphs[0]:
                names.update({tensor: name for name, tensor in signature.inputs.items()})
        wanted = [names[tensor] for tensor in inputs]
        if sorted(wanted) != sorted(item):
            raise ConversionError(
                f"{where} names {', '.join(item) or 'nothing'}; the model's inputs are "
                f"{', '.join(wanted)}"
            )
        return [item[name] for name in wanted]


def _fitted(value: Any, tensor: Tensor, where: str) -> np.ndarray:
    array = np.asarray(value)
    dtype = NUMPY_DTYPES.get(tensor.dtype)
    if dtype is not None and array.dtype != dtype:
        if not np.can_cast(array.dtype, dtype, "same_kind"):
            raise ConversionError(
                f"{where}, input {tensor.name!r}: {array.dtype} given, want {tensor.dtype}"
            )
        array = array.astype(dtype)
    dims = tensor.dims
    fits = dims is None or (
        len(dims) == array.ndim
        and all(d in (-1, s) for d, s in zip(dims, array.shape, strict=True))
    )
    if not fits:
        raise ConversionError(
            f"{where}, input {tensor.name!r}: shape {list(array.shape)} given, want "
            f"{['any' if d < 0 else d for d in dims or ()]}"
        )
    return array


@contextmanager
def _advance(total: int | None, show: bool) -> Iterator[Callable[[], None]]:
    """A progress bar, if there is a terminal to show it on; a call advances it."""
    if not show:
        yield lambda: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    console = Console(stderr=True)
    columns = (TextColumn("calibrating"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task("calibrating", total=total)
        yield lambda: bar.advance(task)

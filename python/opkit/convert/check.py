"""Does the converted model compute what the TensorFlow model computes? One row per output."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from itertools import islice
from typing import Any

import numpy as np

from opkit.model import Model, Signature, Tensor
from opkit.model.dtypes import NUMPY_DTYPES

from .calibrate import Feed, Samples, is_keyed
from .errors import ConversionError
from .sources import TfSource

__all__ = ["Comparison", "OutputRow", "compare", "compare_models"]

_SAMPLES = 8
_FREE = 2  # size given to free dimensions of made-up inputs


@dataclass(frozen=True)
class OutputRow:
    """Differences of one output over all samples: the greatest absolute one, the root mean square
    of all, the greatest magnitude TF gave (for scale), and how many values are NaN or infinite in
    one and not in the other. Other than numbers: how many elements differ."""

    signature: str
    output: str
    dtype: str
    elements: int
    max_abs: float
    rms: float
    scale: float
    mismatched: int

    @property
    def measured(self) -> bool:
        """Whether values are measured; integers, bools and strings are equal or not."""
        return self.dtype.startswith(("float", "complex", "bfloat")) or self.rms > 0


@dataclass
class Comparison:
    """What verification saw: rows by output, the number of samples and where they came from; or,
    without rows, why nothing could be compared."""

    rows: list[OutputRow] = field(default_factory=list)
    samples: int = 0
    inputs: str = ""
    skipped: str = ""
    reference: str = "TensorFlow"

    def __str__(self) -> str:
        if self.skipped:
            return f"not compared: {self.skipped}"
        if not self.rows:
            return "not compared: the model has no outputs"
        strays = sum(row.mismatched for row in self.rows)
        against = f"{self.samples} samples against {self.reference}"
        measured = [row for row in self.rows if row.measured]
        if not measured:
            return f"{against}, {f'{strays} mismatched' if strays else 'all values equal'}"
        worst = max(measured, key=lambda row: row.max_abs / max(row.scale, 1e-30))
        return (
            f"{against}, worst difference {worst.max_abs:.3g} of values up to {worst.scale:.3g} "
            f"({worst.output}), {strays} mismatched"
        )

    def view(self) -> Any:
        """A rich table with one row per output."""
        from rich.table import Table

        if self.skipped:
            return str(self)
        table = Table(title=f"against {self.reference}, {self.samples} {self.inputs}", box=None)
        for name in ("signature", "output", "dtype"):
            table.add_column(name)
        for name in ("elements", "max error", "rms", "largest value", "mismatched"):
            table.add_column(name, justify="right")
        for row in self.rows:
            numbers = (
                f"{x:.3g}" if row.measured else "-" for x in (row.max_abs, row.rms, row.scale)
            )
            table.add_row(
                row.signature,
                row.output,
                row.dtype,
                str(row.elements),
                *numbers,
                str(row.mismatched),
            )
        return table

    def to_json(self) -> dict[str, Any]:
        """As plain dicts and lists."""
        return asdict(self)


def compare(source: TfSource, model: Model, samples: Samples | None) -> Comparison:
    """Runs the first signature of ``source`` in TensorFlow and ``model`` in the runtime.

    Inputs are the first samples of the representative dataset, else seeded normal numbers (floats)
    and zeros (all else)."""
    if not model.signatures:
        return Comparison(skipped="the converted model has no signature to match inputs by")
    signature = model.signatures[0]
    function = source.functions.get(signature.key)
    if function is None:
        return Comparison(skipped=f"the source has no signature {signature.key!r}")
    from .freeze import changes_state

    if changes_state(function):
        return Comparison(skipped="running the source would change its variables")
    inputs, origin = _inputs(signature, model, samples)
    if inputs is None:
        return Comparison(skipped=origin)
    comparison = Comparison(samples=len(inputs), inputs=origin)
    try:
        wanted = [_run_tf(function, sample) for sample in inputs]
    except Exception as error:  # whatever TF raises for inputs that are not of the model's domain
        return Comparison(skipped=f"TensorFlow cannot run the model on {origin}: {error}")
    try:
        got = _run_lite(model, signature.key, inputs)
    except (RuntimeError, ValueError) as error:
        raise _does_not_run(error) from error
    for name, tensor in signature.outputs.items():
        if name in wanted[0]:
            pairs = [(w[name], g[name]) for w, g in zip(wanted, got, strict=True)]
            comparison.rows.append(_row(signature.key, name, tensor.dtype, pairs))
    if not comparison.rows:
        return Comparison(skipped="no output of the converted model has a name of the source's")
    return comparison


def compare_models(reference: Model, model: Model, samples: Samples) -> Comparison:
    """Runs the main graphs of two models, a float one and what was made of it, on the first
    samples; for sources that TensorFlow cannot run."""
    inputs = list(islice(Feed(reference, samples, False)(), _SAMPLES))
    if not inputs:
        return Comparison(skipped="there are no samples left")
    try:
        wanted, got = _run_main(reference, inputs), _run_main(model, inputs)
    except (RuntimeError, ValueError) as error:
        raise _does_not_run(error) from error
    rows = []
    for i, tensor in enumerate(model.subgraphs[0].outputs):
        pairs = [(w[i], g[i]) for w, g in zip(wanted, got, strict=True)]
        rows.append(_row("", tensor.name, tensor.dtype, pairs))
    return Comparison(
        rows, len(inputs), "samples of the representative dataset", reference="the float model"
    )


def _does_not_run(error: Exception) -> ConversionError:
    return ConversionError(
        f"the converted model does not run: {error}; verify=False converts it all the same"
    )


def _run_main(model: Model, inputs: list[list[np.ndarray]]) -> list[list[np.ndarray]]:
    import opkit

    interpreter = opkit.Interpreter(model_content=model.to_bytes())
    graph = model.subgraphs[0]
    results = []
    for sample in inputs:
        details = interpreter.get_input_details()
        for detail, value in zip(details, sample, strict=True):
            interpreter.resize_tensor_input(detail["index"], value.shape)
        interpreter.allocate_tensors()
        for detail, value, tensor in zip(details, sample, graph.inputs, strict=True):
            interpreter.set_tensor(detail["index"], _to_codes(value, tensor))
        interpreter.invoke()
        values = [interpreter.get_tensor(d["index"]) for d in interpreter.get_output_details()]
        results.append([_to_real(v, t) for v, t in zip(values, graph.outputs, strict=True)])
    return results


def _inputs(
    signature: Signature, model: Model, samples: Samples | None
) -> tuple[list[dict[str, np.ndarray]] | None, str]:
    named = signature.inputs
    order = [
        name for tensor in model.subgraphs[0].inputs for name, t in named.items() if t is tensor
    ]
    if samples is not None:
        items: Iterable[Any] = samples() if callable(samples) else samples
        fitting = (item for item in items if not is_keyed(item) or item[0] == signature.key)
        chosen = [_named(item, order, signature) for item in islice(fitting, _SAMPLES)]
        if chosen:
            return chosen, "samples of the representative dataset"
    strange = [name for name, tensor in named.items() if tensor.dtype not in NUMPY_DTYPES]
    if strange:
        return None, f"no values can be made up for input {strange[0]!r}; give samples"
    rng = np.random.default_rng(0)
    made = []
    for _ in range(_SAMPLES):
        sample = {}
        for name in order:
            tensor = named[name]
            shape = [_FREE if size < 0 else size for size in tensor.dims or ()]
            dtype = NUMPY_DTYPES[_real_type(tensor)]
            value = rng.standard_normal(shape) if dtype.kind in "fc" else np.zeros(shape)
            sample[name] = np.asarray(value).astype(dtype)
        made.append(sample)
    return made, "made-up inputs (seeded normal numbers, zeros for integers)"


def _real_type(tensor: Tensor) -> str:
    return "float32" if tensor.is_quantized else tensor.dtype


def _named(item: Any, order: list[str], signature: Signature) -> dict[str, np.ndarray]:
    named = signature.inputs
    if is_keyed(item):
        item = item[1]
    if isinstance(item, Mapping):
        by_tensor = {named[name].name: name for name in order}
        values = {by_tensor.get(str(key), str(key)): value for key, value in item.items()}
    else:
        listed = list(item) if isinstance(item, (list, tuple)) else [item]
        if len(listed) != len(order):
            raise _strange_sample(f"{len(listed)} arrays", order, signature)
        values = dict(zip(order, listed, strict=True))
    if set(values) != set(order):
        raise _strange_sample(", ".join(values) or "nothing", order, signature)
    return {
        name: np.asarray(value, NUMPY_DTYPES.get(_real_type(named[name])))
        for name, value in values.items()
    }


def _strange_sample(has: str, order: list[str], signature: Signature) -> ConversionError:
    return ConversionError(
        f"a sample has {has}; the inputs of signature {signature.key!r}, the one that is compared, "
        f"are {', '.join(order)}"
    )


def _run_tf(function: Any, sample: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    import tensorflow as tf

    from .freeze import argument_names, result_names

    names = argument_names(function)
    positional, keywords = function.structured_input_signature
    dtypes = dict(zip(names, (tensor.dtype for tensor in function.inputs), strict=False))
    tensors = {name: tf.constant(sample[name], dtypes[name]) for name in names}
    if positional and not keywords:
        outputs = function(*tensors.values())
    else:
        outputs = function(**tensors)
    flat = tf.nest.flatten(outputs)
    return {
        name: np.asarray(value) for name, value in zip(result_names(function), flat, strict=True)
    }


def _run_lite(
    model: Model, key: str, inputs: list[dict[str, np.ndarray]]
) -> list[dict[str, np.ndarray]]:
    import opkit

    interpreter = opkit.Interpreter(model_content=model.to_bytes(), host="tensorflow")
    runner = interpreter.get_signature_runner(key)
    signature = next(s for s in model.signatures if s.key == key)
    results = []
    for sample in inputs:
        values = {name: _to_codes(value, signature.inputs[name]) for name, value in sample.items()}
        outputs = runner(**values)
        results.append(
            {name: _to_real(value, signature.outputs[name]) for name, value in outputs.items()}
        )
    return results


def _to_codes(value: np.ndarray, tensor: Tensor) -> np.ndarray:
    if not tensor.is_quantized or tensor.quantization is None:
        return value
    from opkit.rewrite.affine import quantize_array

    scale, zero_point = tensor.quantization.params()
    return quantize_array(value, scale, zero_point, tensor.dtype)


def _to_real(value: np.ndarray, tensor: Tensor) -> np.ndarray:
    if not tensor.is_quantized or tensor.quantization is None:
        return value
    scale, zero_point = tensor.quantization.params()
    return (value.astype(np.float32) - zero_point) * np.float32(scale)


def _row(key: str, name: str, dtype: str, pairs: list[tuple[np.ndarray, np.ndarray]]) -> OutputRow:
    elements = mismatched = 0
    worst = scale = squares = 0.0
    for want, got in pairs:
        elements += int(want.size)
        if want.shape != got.shape:
            mismatched += int(max(want.size, got.size, 1))
        elif want.dtype.kind not in "fc" and got.dtype.kind not in "fc":
            mismatched += int(np.sum(want != got))
        else:
            finite = np.isfinite(want) & np.isfinite(got)
            same = (want == got) | (np.isnan(want) & np.isnan(got))
            mismatched += int(np.sum(~finite & ~same))
            wide = np.complex128 if want.dtype.kind == "c" else np.float64
            difference = np.abs(want[finite].astype(wide) - got[finite].astype(wide))
            if difference.size:
                worst = max(worst, float(difference.max()))
                scale = max(scale, float(np.abs(want[finite]).max()))
                squares += float(np.sum(difference**2))
    rms = float(np.sqrt(squares / elements)) if elements else 0.0
    return OutputRow(key, name, dtype, elements, worst, rms, scale, mismatched)

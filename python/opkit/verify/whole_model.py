"""A whole model against its TensorFlow original: errors per output, then the op at fault."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from opkit.model import Model
from opkit.verify.bisect import KernelResult, against_builtins, check_nodes
from opkit.verify.execute import Runner
from opkit.verify.feeding import detail_names, match_names, run_named
from opkit.verify.reference import tensorflow, to_numpy
from opkit.verify.results import ERROR, FAIL, OK, SCHEMA, SKIPPED
from opkit.verify.samples import each_sample, feed_of

FLOAT_SHARE, INT8_SHARE = 1e-5, 0.1


@dataclass
class OutputResult:
    """One output over all samples; errors in real (dequantized) units.

    relative: max_error over the largest |reference| of all samples. allowed: for `relative`.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    max_error: float
    relative: float
    rms: float
    allowed: float
    ok: bool
    note: str = ""


@dataclass
class ModelReport:
    """What verify_model found. `ok`: every output is within its bound, and so is every kernel."""

    outputs: list[OutputResult] = field(default_factory=list)
    kernels: list[KernelResult] = field(default_factory=list)
    samples: int = 0
    first_divergence: str = ""
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Whether everything compared agrees (and something was compared)."""
        good = all(o.ok for o in self.outputs)
        return good and bool(self.outputs) and all(k.status in (OK, SKIPPED) for k in self.kernels)

    def summary(self) -> str:
        """One line."""
        bad = [o.name for o in self.outputs if not o.ok]
        skipped = sum(k.status == SKIPPED for k in self.kernels)
        counts = {"output": len(self.outputs), "kernel": len(self.kernels), "sample": self.samples}
        text = ", ".join(f"{n} {what}{'s' * (n != 1)}" for what, n in counts.items()) + ": "
        text += "agree" if self.ok else f"differ ({', '.join(bad) or 'a kernel'})"
        return text + (f", {skipped} kernels not checked" if skipped else "")

    def to_json(self) -> dict[str, Any]:
        """A plain object for `json.dumps`."""
        return {
            "schema": SCHEMA,
            "kind": "verify-model",
            "ok": self.ok,
            "samples": self.samples,
            "outputs": [asdict(o) for o in self.outputs],
            "kernels": [asdict(k) for k in self.kernels],
            "first_divergence": self.first_divergence,
            "environment": self.environment,
        }

    def view(self) -> Any:
        """The rich table of this report."""
        from opkit.report.tables import model_view

        return model_view(self)

    def __str__(self) -> str:
        return self.summary()


Reference = Callable[[dict[str, np.ndarray]], dict[str, np.ndarray]]


def _as_bytes(model: Any) -> bytes:
    if isinstance(model, (bytes, bytearray, memoryview)):
        return bytes(model)
    if hasattr(model, "to_bytes"):
        return model.to_bytes()
    return Path(os.fspath(model)).read_bytes()


def _named(result: Any) -> dict[str, np.ndarray]:
    if isinstance(result, Mapping):
        return {str(k): to_numpy(v) for k, v in result.items()}
    items = list(result) if isinstance(result, (list, tuple)) else [result]
    return {f"output_{i}": to_numpy(v) for i, v in enumerate(items)}


def reference_function(reference: Any) -> Reference:
    """A function from inputs by name to outputs by name.

    reference: a SavedModel folder, .keras or .tflite file, Keras model, tf.function, concrete
    function, or a plain function of keyword or positional arrays.

    Raises:
      FileNotFoundError: there is nothing at that path. MissingReference: TensorFlow is missing.
    """
    if isinstance(reference, (str, os.PathLike)):
        path = Path(reference)
        if not path.exists():
            raise FileNotFoundError(f"{path} does not exist")
        if path.suffix == ".tflite":
            return _tflite_reference(path.read_bytes())
        tf = tensorflow()
        if path.suffix in (".keras", ".h5"):
            reference = tf.keras.models.load_model(path, compile=False)
        else:
            loaded = tf.saved_model.load(str(path))
            signatures = dict(loaded.signatures)
            function = signatures.get("serving_default") or next(iter(signatures.values()))
            keep = loaded  # a signature does not keep its variables alive

            def call_signature(feeds: dict[str, np.ndarray], keep: Any = keep) -> dict[str, Any]:
                del keep
                wanted = function.structured_input_signature[1]
                named = match_names(feeds, list(wanted))
                return _named(function(**{k: tf.constant(v) for k, v in named.items()}))

            return call_signature
    if isinstance(reference, (bytes, Model)):
        return _tflite_reference(_as_bytes(reference))
    names = getattr(reference, "input_names", None)
    if names is not None or type(reference).__module__.split(".")[0] in ("keras", "tf_keras"):

        def call_keras(feeds: dict[str, np.ndarray]) -> dict[str, Any]:
            ordered = match_names(feeds, list(names)) if names else feeds
            values = list(ordered.values())
            result = reference(values[0] if len(values) == 1 else values, training=False)
            return _named(result)

        return call_keras

    def call(feeds: dict[str, np.ndarray]) -> dict[str, Any]:
        tf = tensorflow()
        tensors = {k: tf.constant(v) for k, v in feeds.items()}
        try:
            return _named(reference(**tensors))
        except TypeError:
            return _named(reference(*tensors.values()))

    return call


def _tflite_reference(data: bytes) -> Reference:
    session = Runner().load(data)

    def call(feeds: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        got = run_named(session, feeds)
        names = detail_names(session, "outputs")
        reals = [_real(v, d) for v, d in zip(got, session.outputs, strict=True)]
        return dict(zip(names, reals, strict=True))

    return call


def _real(value: np.ndarray, detail: dict[str, Any]) -> np.ndarray:
    scale, zero = detail["quantization"]
    if scale and value.dtype.kind in "iu":
        return (value.astype(np.float64) - zero) * scale
    return value


def _pair(names: list[str], want: dict[str, np.ndarray]) -> dict[str, str]:
    if set(names) <= set(want):
        return {n: n for n in names}
    return dict(zip(names, want, strict=True))


def verify_model(
    model: Any,
    reference: Any = None,
    samples: Any = None,
    *,
    share: float | None = None,
    runner: Runner | None = None,
    limit: int = 200,
) -> ModelReport:
    """Compares a model with its original on samples; recomputes each of the kit's nodes.

    Args:
      model: .tflite path, bytes, or opkit.Model.
      reference: what it must agree with; see `reference_function`. None checks the kernels only.
      samples: arrays for the inputs: one array (samples along its first axis), or an iterable of
        arrays, lists in input order, or dicts by input name.
      share: allowed error as a share of the output's largest |value|; default 1e-5, and 0.1 for
        models with quantized tensors.
      limit: at most so many samples.

    Raises:
      ValueError: no samples, or they do not fit the inputs.
      LoadError, RunError: the model does not run.
    """
    if samples is None:
        raise ValueError("samples are needed: arrays for the model's inputs")
    runner = runner or Runner(check=True)
    data = _as_bytes(model)
    graph = Model.load(data)
    quantized = any(t.is_quantized for g in graph.subgraphs for t in g.tensors)
    allowed = share if share is not None else (INT8_SHARE if quantized else FLOAT_SHARE)
    session = runner.load(data)
    function = reference_function(reference) if reference is not None else None
    names = detail_names(session, "outputs")
    total: dict[str, list[tuple[float, float, float, int]]] = {n: [] for n in names}
    notes: dict[str, str] = {}
    count = 0
    first: dict[str, np.ndarray] | None = None
    for sample in each_sample(samples):
        if count == limit:
            break
        feeds = feed_of(sample, detail_names(session, "inputs"))
        first = first or feeds
        got = run_named(session, feeds)
        count += 1
        if function is None:
            continue
        want = function(feeds)
        if len(want) != len(names):
            raise ValueError(f"the reference has {len(want)} outputs, the model {len(names)}")
        pairs = _pair(names, want)
        for name, value, detail in zip(names, got, session.outputs, strict=True):
            notes[name] = notes.get(name) or _one(
                total[name], _real(value, detail), want[pairs[name]]
            )
    if first is None:
        raise ValueError("there is not a single sample")
    from opkit.verify import environment

    report = ModelReport(samples=count, environment=environment(runner))
    if function is not None:
        for name, detail in zip(names, session.outputs, strict=True):
            report.outputs.append(_total(name, detail, total[name], allowed, notes[name]))
    report.kernels = check_nodes(graph, data, first, runner)
    bad = next((k for k in report.kernels if k.status in (FAIL, ERROR)), None)
    if bad is not None:
        report.first_divergence = (
            f"first diverging op: node {bad.node}, {bad.op} {bad.types}: {bad.message}"
        )
    elif any(not o.ok for o in report.outputs):
        report.first_divergence = against_builtins(data, first, runner)
    if function is None:
        for name, detail in zip(names, session.outputs, strict=True):
            ok = all(k.status in (OK, SKIPPED) for k in report.kernels)
            shape = tuple(int(d) for d in detail["shape"])
            dtype = np.dtype(detail["dtype"]).name
            report.outputs.append(OutputResult(name, dtype, shape, 0.0, 0.0, 0.0, allowed, ok))
    return report


def _one(rows: list[tuple[float, float, float, int]], got: np.ndarray, want: np.ndarray) -> str:
    if got.shape != want.shape:
        return f"shape {list(got.shape)}, want {list(want.shape)}"
    if got.dtype == object or want.dtype == object:
        same = [bytes(v) for v in got.ravel()] == [bytes(v) for v in want.ravel()]
        return "" if same else "strings differ"
    wide = np.complex128 if want.dtype.kind == "c" else np.float64
    g, w = got.astype(wide), want.astype(wide)
    if not np.array_equal(np.isnan(g), np.isnan(w)):
        return "NaN in different places"
    with np.errstate(invalid="ignore"):
        error = np.abs(np.where(g == w, 0, g - w))
    error = np.where(np.isnan(g), 0.0, error)
    finite = np.abs(w[np.isfinite(w)])
    rows.append(
        (
            float(error.max(initial=0.0)),
            float(finite.max(initial=0.0)),
            float((error**2).sum()),
            int(error.size),
        )
    )
    return ""


def _total(
    name: str, detail: dict[str, Any], rows: list[Any], allowed: float, note: str
) -> OutputResult:
    worst = max((r[0] for r in rows), default=0.0)
    size = max((r[1] for r in rows), default=0.0)
    elements = sum(r[3] for r in rows)
    rms = float(np.sqrt(sum(r[2] for r in rows) / elements)) if elements else 0.0
    relative = worst / size if size else (0.0 if worst == 0 else float("inf"))
    dtype = np.dtype(detail["dtype"]).name
    shape = tuple(int(d) for d in detail["shape"])
    ok = not note and relative <= allowed
    return OutputResult(name, dtype, shape, worst, relative, rms, allowed, ok, note)

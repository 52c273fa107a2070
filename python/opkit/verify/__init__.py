"""Proof: kernels against TensorFlow, kernels against their declarations, models against TF models.

    opkit.verify("model.tflite", keras_model, samples)   # a whole model, per output
    opkit.verify(["Erf", "Roll"])                        # parity and contract of ops

The module itself is callable: `opkit.verify("Erf")`, `opkit.verify(model, reference, samples)`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from opkit.callable_module import make_callable
from opkit.verify.results import CaseResult, Group, Report

if TYPE_CHECKING:
    from opkit.verify.execute import Runner
    from opkit.verify.whole_model import ModelReport

__all__ = [
    "CaseResult",
    "Group",
    "Report",
    "environment",
    "verify_any",
    "verify_model",
    "verify_ops",
]


_NO_KERNEL = (
    "has a spec but no kernel: no loaded library declares {0}; see that OPKIT_OP has this very "
    "name and that its file is built into the library"
)
_NO_SPEC = (
    "has a kernel but no spec: register(Spec({0!r}, ...)) in a Python file and pass it with --ops"
)


def environment(runner: Runner | None = None) -> dict[str, str]:
    """Versions and instruction set of a run, for reports."""
    import platform

    import numpy as np

    import opkit
    from opkit.runtime import get_simd, select_host

    return {
        "opkit": opkit.__version__,
        "host": str(select_host(runner.host if runner else "auto")),
        "by": runner.by if runner else "auto",
        "simd": get_simd(),
        "numpy": np.__version__,
        "python": platform.python_version(),
        "machine": platform.machine(),
    }


def verify_ops(
    names: Sequence[str] | None = None,
    *,
    dtypes: Sequence[str] | None = None,
    case: str | None = None,
    parity: bool = True,
    contract: bool = True,
    budget: int | None = None,
    runner: Runner | None = None,
    full: bool = False,
    progress: Callable[[str, int, int], None] | None = None,
) -> Report:
    """Checks ops against TensorFlow and against their declarations.

    Args:
      names: TF op names; None for every op that has a kernel.
      dtypes: only these main dtypes.
      case: "float32/walk", "float32", or "contract/resize".
      budget: elements of a bit-pattern walk (default 100,000).
      runner: host and way of registration.
      full: every combination of dtypes instead of each one once.
      progress: called with (label, done, total) before each check.

    Raises:
      KeyError: no spec has that name.
    """
    from opkit import registry
    from opkit.spec import spec as spec_of
    from opkit.spec import specs
    from opkit.verify import contract as contracts
    from opkit.verify import parity as parities
    from opkit.verify.crash import named
    from opkit.verify.execute import Runner as MadeRunner

    runner = runner or MadeRunner()
    start = time.perf_counter()
    declared = registry.declarations()
    chosen = list(names) if names is not None else sorted(declared)
    report = Report("ops", environment=environment(runner))
    todo: list[tuple[str, Callable[[], CaseResult]]] = []
    for name in chosen:
        if name not in declared:
            spec_of(name)  # KeyError with near misses when there is no spec either
            report.results.append(
                CaseResult(name, "-", "kernel", "error", message=_NO_KERNEL.format(name))
            )
            continue
        if name not in specs():
            report.results.append(
                CaseResult(name, "-", "spec", "error", message=_NO_SPEC.format(name))
            )
            continue
        spec, declaration = specs()[name], declared[name]
        which, _, rest = (case or "").partition("/")
        if parity and which != "contract":
            todo += [
                (f"{name}/{t}/{label}", run)
                for t, label, run in parities.checks(
                    spec,
                    declaration,
                    dtypes=dtypes,
                    only=case,
                    budget=budget or parities.FULL,
                    runner=runner,
                    full=full,
                )
            ]
        if contract and (case is None or which == "contract"):
            todo += [
                (f"{name}/contract/{label}", run)
                for label, run in contracts.checks(
                    spec, declaration, only=rest or None, runner=runner
                )
            ]
    for i, (label, run) in enumerate(todo):
        if progress is not None:
            progress(label, i, len(todo))
        report.results.append(named(label, run)())
    if progress is not None:
        progress("", len(todo), len(todo))
    report.seconds = time.perf_counter() - start
    return report


def verify_model(
    model: Any, reference: Any = None, samples: Any = None, **options: Any
) -> ModelReport:
    """Compares a whole model with its TensorFlow original; see `whole_model.verify_model`."""
    from opkit.verify.whole_model import verify_model as run

    return run(model, reference, samples, **options)


def verify_any(
    subject: Any, *args: Any, host: str = "auto", by: str = "auto", **options: Any
) -> Any:
    """`opkit.verify(...)`: an op by its name, or a model.

    subject: an op's name or a list of names (see `verify_ops`), or a .tflite path, bytes or
      opkit.Model (see `verify_model`).
    host, by: where it runs, as in opkit.Interpreter.
    """
    from opkit import registry
    from opkit.spec import specs
    from opkit.verify.execute import Runner as MadeRunner

    options.setdefault("runner", MadeRunner(host, by))
    names = [subject] if isinstance(subject, str) else subject
    known = set(registry.declarations()) | set(specs())
    if isinstance(names, (list, tuple)) and all(isinstance(n, str) and n in known for n in names):
        return verify_ops(list(names), *args, **options)
    return verify_model(subject, *args, **options)


make_callable(__name__, verify_any)

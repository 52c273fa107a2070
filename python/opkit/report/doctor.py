"""What is installed here, whether it works, and how to get what is missing."""

from __future__ import annotations

import importlib.metadata
import platform
import shutil
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

OK, WARN, FAIL = "ok", "warn", "fail"


@dataclass(frozen=True)
class Finding:
    """One line: what was looked at, "ok"/"warn"/"fail", what was found, what to do about it."""

    name: str
    status: str
    found: str
    next_step: str = ""


@dataclass
class Diagnosis:
    """All findings. `ok` unless one failed; a warning only means that some verb cannot be used."""

    findings: list[Finding] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether nothing failed."""
        return all(f.status != FAIL for f in self.findings)

    def to_json(self) -> dict[str, Any]:
        """A plain object for `json.dumps`."""
        return {"ok": self.ok, "findings": [asdict(f) for f in self.findings]}


def _version(*names: str) -> str | None:
    for name in names:
        try:
            return importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return None


def _cpu() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return platform.processor() or platform.machine()
    names = [ln.split(":", 1)[1].strip() for ln in text.splitlines() if ln.startswith("model name")]
    return names[0] if names else platform.machine()


def _library() -> list[Finding]:
    import opkit

    try:
        from opkit import _native, registry
    except ImportError as e:
        step = "install the package: pip install ., or build the checkout: make build"
        return [Finding("kernel library", FAIL, f"opkit._native does not load: {e}", step)]
    try:
        declared = registry.declarations()
    except RuntimeError as e:
        return [Finding("kernel library", FAIL, str(e), "rebuild: make build")]
    path = Path(_native.library_path())
    size = path.stat().st_size / 1e6 if path.exists() else 0.0
    found = f"{len(declared)} ops, opkit {opkit.__version__}, {path.name} {size:.1f} MB"
    lines = [Finding("kernel library", OK, found)]
    lines.append(Finding("instruction set", OK, f"{_native.get_simd()} on {_cpu()}"))
    from opkit import ops
    from opkit.spec import specs

    for entry, problem in ops.failures().items():
        step = f"reinstall or remove the package behind the entry point {entry!r}"
        lines.append(Finding("op package", FAIL, problem, step))
    missing = sorted(set(declared) - set(specs()))
    if missing:
        lines.append(
            Finding("specs", WARN, f"no spec: {', '.join(missing[:8])}", "register one in Python")
        )
    return lines


def _self_check(host: str, by: str) -> str:
    """Runs one kernel; "" when its result is right."""
    from opkit import registry
    from opkit.spec import Case, Types, specs
    from opkit.verify.execute import LoadError, RunError, Runner
    from opkit.verify.single_op import build

    declared = registry.declarations()
    pointwise = [n for n, s in specs().items() if s.pointwise and len(s.domain) == 1 and s.truth]
    pointwise = [n for n in pointwise if n in declared and "float32" in declared[n].dtypes]
    from opkit.verify.reference import MissingReference, call_truth

    x = np.linspace(0.1, 0.9, 37, dtype=np.float32)
    for name in sorted(pointwise, key=lambda n: n != "Erf"):
        d = declared[name]
        inputs = {d.inputs[0].name: x}
        try:
            want = call_truth(specs()[name], d, inputs, {})[0]
        except MissingReference:
            continue  # SciPy is not needed to run kernels: another op will do
        try:
            one = build(d, Types({next(iter(d.types)): "float32"}), inputs, Case("check").attrs)
            got = Runner(host, by).load(one.to_bytes()).run([x])[0]
        except (LoadError, RunError) as e:
            return str(e)
        right = np.allclose(got, want, rtol=1e-5, atol=1e-6, equal_nan=True)
        return "" if right else f"{name} gives {got[:2]}, want {want[:2]}"
    return "no pointwise op to check with"


def _hosts() -> list[Finding]:
    try:
        from opkit.runtime import installed_hosts
    except ImportError:
        return []
    hosts = installed_hosts()
    if not hosts:
        step = "pip install ai-edge-litert (small), or tensorflow (also converts)"
        return [Finding("runtime", FAIL, "no TensorFlow Lite runtime is installed", step)]
    lines = []
    for host in hosts:
        for by in ("resolver", "delegate") if host.has_resolver else ("delegate",):
            try:
                problem = _self_check(host.name, by)
            except Exception as e:
                problem = f"{type(e).__name__}: {e}"
            step = "update the runtime; opkit.Interpreter(by=...) takes another way"
            text = problem or "self-check passed"
            status = FAIL if problem else OK
            lines.append(Finding(f"{host}, {by}", status, text, step if problem else ""))
    return lines


def _extras() -> list[Finding]:
    lines = []
    wanted = (
        (("tensorflow", "tensorflow-cpu"), "verify and convert need it", "pip install tensorflow"),
        (("scipy",), "truths of special functions need it", "pip install scipy"),
        (("mpmath",), "truths of some functions need it", "pip install mpmath"),
    )
    for names, why, step in wanted:
        version = _version(*names)
        if version:
            lines.append(Finding(names[0], OK, version))
        else:
            lines.append(Finding(names[0], WARN, f"not installed; {why}", step))
    from opkit.bench.flex import find_flex_python

    python = find_flex_python()
    if python:
        lines.append(Finding("Flex peer", OK, "an environment with TensorFlow 2.17 or 2.18"))
    else:
        step = "make test-hosts builds one; or set OPKIT_FLEX_PYTHON to its python"
        lines.append(Finding("Flex peer", WARN, "none; bench has no Flex figures without it", step))
    from opkit.scaffold import paths

    try:
        paths()
        lines.append(Finding("CMake package", OK, "headers, library and opkit-config.cmake"))
    except FileNotFoundError as e:
        lines.append(Finding("CMake package", WARN, str(e), "pip install . (needed by opkit new)"))
    compiler = next((c for c in ("c++", "g++", "clang++") if shutil.which(c)), None)
    if compiler:
        lines.append(Finding("C++ compiler", OK, compiler))
    else:
        step = "install g++ 12 or clang 14 to build ops of your own"
        lines.append(Finding("C++ compiler", WARN, "none on PATH", step))
    return lines


def diagnose() -> Diagnosis:
    """Looks at the installation; runs one kernel on each host and way of registration."""
    python = Finding("Python", OK, f"{platform.python_version()} on {platform.platform()}")
    library = _library()
    if any(f.status == FAIL for f in library):
        return Diagnosis([python, *library])
    return Diagnosis([python, *library, *_hosts(), *_extras()])

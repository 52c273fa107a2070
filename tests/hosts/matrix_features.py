"""Every feature of the host matrix for one way of registration on the installed runtime.

    python tests/hosts/matrix_features.py --golden FOLDER --host tensorflow --by resolver --out FILE

Writes one JSON line when a feature starts and one when it ends, so that a crash has a name. Needs
opkit and the runtime; no pytest, and no TensorFlow beside LiteRT.
"""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import re
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")

WAYS = ("resolver", "delegate", "install")
NO_RESOLVER = "hides the functions an op resolver is filled with"
OWN_FLEX = "has its own Flex delegate, which install"
FLEX_FIRST = "hands Flex ops to its own Flex delegate"


class Refused(Exception):
    """The kit said no, with a reason; whether it should is the feature's `refused`."""


@dataclass
class Golden:
    """A model with its inputs and TensorFlow's results."""

    model: bytes
    inputs: list[np.ndarray]
    outputs: list[np.ndarray]


class Here:
    """The runtime and way under test."""

    def __init__(self, host: str, by: str, folder: pathlib.Path):
        from opkit.runtime import select_host

        self.host = select_host(host)
        self.by = by
        self.folder = folder
        self._reason = ""
        if by == "install":
            import opkit

            try:
                opkit.install(host)
            except opkit.HostError as e:
                self._reason = str(e)

    def golden(self, name: str, flex: bool) -> Golden:
        model = (self.folder / f"{name}{'.flex' if flex else ''}.tflite").read_bytes()
        with np.load(self.folder / f"{name}.npz") as data:
            arrays = {k: data[k] for k in data.files}

        def side(prefix: str) -> list[np.ndarray]:
            found = [arrays[f"{prefix}{i}"] for i in range(len(arrays)) if f"{prefix}{i}" in arrays]
            return [a.astype(object) if a.dtype.kind == "S" else a for a in found]

        return Golden(model, side("in"), side("out"))

    def interpreter(self, model: bytes, **options: Any) -> Any:
        """An interpreter of this host that runs the model in this way. Raises Refused."""
        import opkit

        if self._reason:
            raise Refused(self._reason)
        if self.by == "install":
            options.pop("check", None)
            return self.host.module.Interpreter(model_content=model, **options)
        try:
            return opkit.Interpreter(
                model_content=model, host=self.host.name, by=self.by, **options
            )
        except (opkit.HostError, opkit.UnsupportedOpError) as e:
            raise Refused(str(e)) from None


def run(interpreter: Any, inputs: list[np.ndarray]) -> list[np.ndarray]:
    """Resizes, allocates, feeds, invokes and reads."""
    details = interpreter.get_input_details()
    for detail, value in zip(details, inputs, strict=True):
        if tuple(detail["shape"]) != value.shape:
            interpreter.resize_tensor_input(detail["index"], value.shape)
    interpreter.allocate_tensors()
    return again(interpreter, inputs)


def again(interpreter: Any, inputs: list[np.ndarray]) -> list[np.ndarray]:
    """Feeds, invokes and reads an allocated interpreter."""
    for detail, value in zip(interpreter.get_input_details(), inputs, strict=True):
        interpreter.set_tensor(detail["index"], value)
    interpreter.invoke()
    return [interpreter.get_tensor(d["index"]) for d in interpreter.get_output_details()]


def same(got: list[np.ndarray], want: list[np.ndarray], exact: bool = False) -> None:
    """Raises AssertionError unless results agree with TensorFlow's."""
    assert len(got) == len(want), f"{len(got)} outputs, want {len(want)}"
    for g, w in zip(got, want, strict=True):
        assert g.shape == w.shape, f"shape {g.shape}, want {w.shape}"
        assert g.dtype == w.dtype, f"dtype {g.dtype}, want {w.dtype}"
        if w.dtype.kind == "f" and not exact:
            np.testing.assert_allclose(g, w, rtol=2e-5, atol=2e-6)
        else:
            assert (g == w).all(), f"got {g!r:.200}, want {w!r:.200}"


# --- what is tried ------------------------------------------------------------------------------


def runs(name: str, flex: bool) -> Callable[[Here], None]:
    """The golden model gives TensorFlow's results, twice."""

    def check(here: Here) -> None:
        golden = here.golden(name, flex)
        interpreter = here.interpreter(golden.model)
        same(run(interpreter, golden.inputs), golden.outputs)
        same(again(interpreter, golden.inputs), golden.outputs)

    return check


def both(*checks: Callable[[Here], None]) -> Callable[[Here], None]:
    def check(here: Here) -> None:
        for one in checks:
            one(here)

    return check


def resizes(flex: bool) -> Callable[[Here], None]:
    """Larger, smaller, empty and back, in one interpreter."""

    def check(here: Here) -> None:
        five, eleven = here.golden("rows", flex), here.golden("rows_other", flex)
        interpreter = here.interpreter(five.model)
        for golden in (five, eleven, five):
            same(run(interpreter, golden.inputs), golden.outputs)
        empty = run(interpreter, [np.zeros((0, 8), np.float32)])
        assert empty[0].shape == (0, 8), empty[0].shape
        same(run(interpreter, eleven.inputs), eleven.outputs)

    return check


def threads(flex: bool) -> Callable[[Here], None]:
    """num_threads=4 gives the bits of num_threads=1."""

    def check(here: Here) -> None:
        golden = here.golden("chain", flex)
        one = run(here.interpreter(golden.model, num_threads=1), golden.inputs)
        four = run(here.interpreter(golden.model, num_threads=4), golden.inputs)
        same(four, one, exact=True)

    return check


def xnnpack(flex: bool) -> Callable[[Here], None]:
    """Between builtins, with XNNPACK and without."""

    def check(here: Here) -> None:
        kinds = here.host.module.OpResolverType
        golden = here.golden("mixed", flex)
        for kind in (kinds.BUILTIN, kinds.BUILTIN_WITHOUT_DEFAULT_DELEGATES):
            interpreter = here.interpreter(golden.model, experimental_op_resolver_type=kind)
            same(run(interpreter, golden.inputs), golden.outputs)

    return check


def reference_resolver(flex: bool) -> Callable[[Here], None]:
    def check(here: Here) -> None:
        kind = here.host.module.OpResolverType.BUILTIN_REF
        golden = here.golden("mixed", flex)
        interpreter = here.interpreter(golden.model, experimental_op_resolver_type=kind)
        same(run(interpreter, golden.inputs), golden.outputs)

    return check


def two_at_once(flex: bool) -> Callable[[Here], None]:
    """Two interpreters in two threads do not disturb each other."""

    def check(here: Here) -> None:
        work = [
            (here.interpreter(g.model, num_threads=2), g)
            for g in (here.golden("rows", flex), here.golden("rows_other", flex))
        ]
        problems: list[BaseException] = []

        def loop(interpreter: Any, golden: Golden) -> None:
            try:
                same(run(interpreter, golden.inputs), golden.outputs)
                for _ in range(200):
                    same(again(interpreter, golden.inputs), golden.outputs)
            except BaseException as e:
                problems.append(e)

        pool = [threading.Thread(target=loop, args=item) for item in work]
        for thread in pool:
            thread.start()
        for thread in pool:
            thread.join()
        if problems:
            raise problems[0]

    return check


def steady_memory(flex: bool) -> Callable[[Here], None]:
    """10,000 invokes with dynamic outputs and 100 loads leave the process as large as it was."""

    def resident() -> float:
        pages = int(pathlib.Path("/proc/self/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 1e6

    def check(here: Here) -> None:
        golden = here.golden("distinct", flex)
        interpreter = here.interpreter(golden.model)
        run(interpreter, golden.inputs)

        def work(invokes: int, loads: int) -> None:
            for _ in range(invokes):
                interpreter.invoke()
            for _ in range(loads):
                run(here.interpreter(golden.model), golden.inputs)

        work(1000, 50)
        before = resident()
        work(10_000, 100)
        grown = resident() - before
        assert grown < 5, f"the process grew by {grown:.1f} MB"

    return check


def signature(flex: bool) -> Callable[[Here], None]:
    def check(here: Here) -> None:
        golden = here.golden("int8", flex)
        interpreter = here.interpreter(golden.model)
        runner = interpreter.get_signature_runner()
        (name,) = runner.get_input_details()
        (value,) = runner(**{name: golden.inputs[0]}).values()
        same([value], golden.outputs)

    return check


def stock_api(here: Here) -> None:
    """The host's own classes with the kit's resolver or delegate, without opkit.Interpreter."""
    import opkit

    golden = here.golden("chain", flex=False)
    if here.by == "resolver":
        if not here.host.has_resolver:
            try:
                opkit.OpResolver()(1)
            except RuntimeError as e:
                raise Refused(str(e)) from None
        make = here.host.module.InterpreterWithCustomOps
        interpreter = make(model_content=golden.model, custom_op_registerers=[opkit.OpResolver()])
    else:
        delegate = here.host.module.load_delegate(str(opkit.delegate_path()))
        interpreter = here.host.module.Interpreter(
            model_content=golden.model, experimental_delegates=[delegate]
        )
    same(run(interpreter, golden.inputs), golden.outputs)


def refuses(name: str, native: str = "") -> Callable[[Here], None]:
    """Loading is refused before the runtime sees the model; and with the check switched off, by
    the kernel, with a text that matches `native`."""

    def check(here: Here) -> None:
        model = (here.folder / f"{name}.tflite").read_bytes()
        if native:
            try:
                here.interpreter(model, check=False).allocate_tensors()
            except Refused:
                raise
            except (RuntimeError, ValueError) as e:
                assert re.search(native, str(e), re.S), f"the kernel's text is {e}"
            else:
                raise AssertionError("with check=False nothing refused the model")
        here.interpreter(model).allocate_tensors()

    return check


# --- the list -----------------------------------------------------------------------------------


@dataclass
class Feature:
    """A row of the matrix. `refused`: what the reason must match, where a refusal is right."""

    name: str
    check: Callable[[Here], None]
    refused: str = ""


def features(here: Here) -> Iterator[Feature]:
    """The rows for this way of registration, with what is expected on this host."""
    no_way = ""
    if here.by == "resolver" and not here.host.has_resolver:
        no_way = NO_RESOLVER
    if here.by == "install" and here.host.runs_flex:
        no_way = OWN_FLEX
    for flex in (True,) if here.by == "install" else (False, True):
        naming = "Flex" if flex else "custom"
        taken = flex and here.by == "delegate" and here.host.runs_flex
        flex_first = FLEX_FIRST if taken else ""
        for name, check in (
            ("float", runs("chain", flex)),
            ("int8", runs("int8", flex)),
            ("resize, empty", resizes(flex)),
            ("dynamic outputs", runs("distinct", flex)),
            ("strings", both(runs("lower", flex), runs("split", flex))),
            ("While body", runs("loop", flex)),
            ("If branches", runs("branch", flex)),
            ("LSTM, TensorLists", runs("lstm", flex)),
            ("num_threads", threads(flex)),
            ("XNNPACK on, off", xnnpack(flex)),
            ("two threads", two_at_once(flex)),
            ("signature runner", signature(flex)),
            ("steady memory", steady_memory(flex)),
        ):
            yield Feature(f"{name} ({naming})", check, no_way or flex_first)
        if here.by != "install":
            answered = flex and here.by == "resolver"
            reference = "BUILTIN_REF answers" if answered else flex_first
            reason = no_way or reference
            yield Feature(f"BUILTIN_REF ({naming})", reference_resolver(flex), reason)
    if here.by == "install":
        return
    stock = "LiteRT hides it" if no_way else ""
    yield Feature("host's own classes", stock_api, stock)
    text = r"Erf.*'x'.*"
    for feature in (
        Feature("unknown op", refuses("unknown"), "NobodyHasThis"),
        Feature("unknown version", refuses("future"), r"Erf.*99"),
        Feature("dtype", refuses("dtype", text + "int32.*takes"), r"Erf.*int32"),
        Feature("missing quantization", refuses("unscaled", text + "quant"), r"Erf.*quant"),
        Feature("malformed options", refuses("options", "Erf"), "Erf"),
        Feature("unknown attribute", refuses("attribute", "Erf.*alpha"), "Erf.*alpha"),
    ):
        # Whichever comes first: the host that cannot, or the model that should not.
        reasons = f"{no_way}|{feature.refused}" if no_way else feature.refused
        yield Feature(feature.name, feature.check, reasons)


def attempt(feature: Feature, here: Here) -> dict[str, Any]:
    """One cell: status "ok", "refused" or "failed", and whether that is what should be."""
    start = time.perf_counter()
    status, reason = "ok", ""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            feature.check(here)
    except Refused as e:
        status, reason = "refused", str(e)
    except Exception as e:
        status, reason = "failed", f"{type(e).__name__}: {e}"
    right = status == ("refused" if feature.refused else "ok")
    if right and feature.refused:
        right = re.search(feature.refused, reason, re.S) is not None
    return {
        "feature": feature.name,
        "status": status,
        "expected": "refused" if feature.refused else "ok",
        "right": right,
        "reason": reason,
        "seconds": round(time.perf_counter() - start, 3),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--golden", type=pathlib.Path, required=True)
    parser.add_argument("--host", required=True)
    parser.add_argument("--by", choices=WAYS, required=True)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    options = parser.parse_args()
    with options.out.open("w", encoding="utf-8") as out:

        def line(item: dict[str, Any]) -> None:
            out.write(json.dumps(item) + "\n")
            out.flush()

        here = Here(options.host, options.by, options.golden)
        import opkit

        line({"host": str(here.host), "by": here.by, "opkit": opkit.__version__})
        for feature in features(here):
            line({"start": feature.name, "expected": "refused" if feature.refused else "ok"})
            line(attempt(feature, here))


if __name__ == "__main__":
    main()

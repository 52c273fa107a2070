"""Runs models through an interpreter with the kit's kernels."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np


class LoadError(Exception):
    """The runtime refused the model when loading it; the text is the runtime's."""


class RunError(Exception):
    """The model loaded, and a run failed; the text is the runtime's."""


@dataclass(frozen=True)
class Runner:
    """Where models run.

    host: "tensorflow", "litert" or "auto"; by: "resolver", "delegate" or "auto"; as the names of
      opkit.Interpreter.
    """

    host: str = "auto"
    by: str = "auto"
    threads: int = 1
    check: bool = False  # the kit's own look at the model first, as opkit.Interpreter does

    def load(self, model: bytes, shapes: Sequence[Sequence[int]] | None = None) -> Session:
        """An allocated interpreter.

        shapes: resizes graph inputs first, in order.

        Raises:
          LoadError: the runtime, or the kit's check before it, refuses the model.
        """
        from opkit.runtime import Interpreter

        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
        try:
            interpreter = Interpreter(
                model_content=model,
                host=self.host,
                by=self.by,
                num_threads=self.threads,
                check=self.check,
            )
            if shapes is not None:
                for detail, shape in zip(interpreter.get_input_details(), shapes, strict=True):
                    interpreter.resize_tensor_input(detail["index"], list(shape))
            interpreter.allocate_tensors()
        except (RuntimeError, ValueError) as e:
            raise LoadError(str(e)) from None
        return Session(interpreter)


class Session:
    """One allocated interpreter, fed by position."""

    def __init__(self, interpreter: Any):
        self.interpreter = interpreter
        self.inputs = interpreter.get_input_details()
        self.outputs = interpreter.get_output_details()

    def feed(self, arrays: Sequence[np.ndarray]) -> None:
        """Sets the graph inputs. Raises RunError when the runtime refuses a value."""
        for detail, value in zip(self.inputs, arrays, strict=True):
            try:
                self.interpreter.set_tensor(detail["index"], value)
            except (RuntimeError, ValueError) as e:
                raise RunError(f"input {detail['name']}: {e}") from None

    def invoke(self) -> None:
        """Runs the model. Raises RunError."""
        try:
            self.interpreter.invoke()
        except (RuntimeError, ValueError) as e:
            raise RunError(str(e)) from None

    def fetch(self) -> list[np.ndarray]:
        """Copies of the outputs; strings as objects of bytes. Raises RunError."""
        found = []
        for detail in self.outputs:
            try:
                value = self.interpreter.get_tensor(detail["index"])
            except (RuntimeError, ValueError) as e:
                value = self._empty(detail)  # which runtimes refuse to hand out
                if value is None:
                    raise RunError(f"output {detail['name']}: {e}") from None
            if value.dtype.kind in "SUO":
                flat = np.empty(value.size, dtype=object)
                flat[:] = [bytes(v) for v in value.ravel()]
                value = flat.reshape(value.shape)
            found.append(value)
        return found

    def _empty(self, detail: Any) -> np.ndarray | None:
        """An output without elements; None when it has some."""
        for now in self.interpreter.get_output_details():
            if now["index"] == detail["index"] and 0 in now["shape"]:
                dtype = object if now["dtype"] in (np.bytes_, np.str_) else now["dtype"]
                return np.zeros(now["shape"], dtype)
        return None

    def run(self, arrays: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Feeds, runs and fetches."""
        self.feed(arrays)
        self.invoke()
        return self.fetch()

    def resize(self, shapes: Sequence[Sequence[int]]) -> None:
        """Gives the graph inputs new shapes. Raises LoadError."""
        try:
            for detail, shape in zip(self.inputs, shapes, strict=True):
                self.interpreter.resize_tensor_input(detail["index"], list(shape))
            self.interpreter.allocate_tensors()
        except (RuntimeError, ValueError) as e:
            raise LoadError(str(e)) from None
        self.inputs = self.interpreter.get_input_details()
        self.outputs = self.interpreter.get_output_details()

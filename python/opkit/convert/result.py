"""What a conversion gives back."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from opkit.model import Model
from opkit.rewrite import Report, ScanResult

__all__ = ["METADATA_NAME", "ConvertResult", "Step", "kernels_in", "record_kernels"]

#: Metadata entry that names the kernels a file needs.
METADATA_NAME = "OPKIT"


@dataclass(frozen=True)
class Step:
    """One step of a conversion: what it was, how long it took, what came of it."""

    name: str
    seconds: float
    detail: str = ""


@dataclass
class ConvertResult:
    """A converted model and how it came about.

    ``kernels`` are the kit's ops that the file needs, with their versions. ``sizes`` holds bytes of
    "source" (a .tflite source, else of the converter's output), "float" and, if made, "quantized".
    ``comparison`` is what verification found, or None."""

    model: Model
    kernels: dict[str, int] = field(default_factory=dict)
    steps: list[Step] = field(default_factory=list)
    report: Report = field(default_factory=Report)
    scan: ScanResult = field(default_factory=ScanResult)
    sizes: dict[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    samples: int = 0
    path: Path | None = None
    float_model: Model | None = None
    comparison: Any = None

    def save(self, path: str | os.PathLike[str], overwrite: bool = False) -> Path:
        """Writes the model; see Model.save."""
        self.path = self.model.save(path, overwrite)
        return self.path

    def to_bytes(self) -> bytes:
        """The model as the bytes of a .tflite file."""
        return self.model.to_bytes()

    def to_json(self) -> dict[str, Any]:
        """Everything but the models, as plain dicts and lists."""
        comparison = self.comparison
        if hasattr(comparison, "to_json"):
            comparison = comparison.to_json()
        return {
            "path": None if self.path is None else str(self.path),
            "kernels": self.kernels,
            "sizes": self.sizes,
            "samples": self.samples,
            "steps": [asdict(step) for step in self.steps],
            "notes": self.notes,
            "scan": self.scan.to_json(),
            "report": self.report.to_json(),
            "comparison": comparison,
        }


def kernels_in(model: Model) -> dict[str, int]:
    """Custom ops of ``model`` with their versions, in the order of their names."""
    found = {(node.op, node.version) for _, _, node in model.nodes() if node.is_custom}
    return dict(sorted(found))


def record_kernels(model: Model) -> dict[str, int]:
    """Writes the kernels that ``model`` needs into its metadata; returns them."""
    import opkit

    kernels = kernels_in(model)
    entry = {"opkit": getattr(opkit, "__version__", "0"), "kernels": kernels}
    model.set_metadata(METADATA_NAME, json.dumps(entry, sort_keys=True).encode())
    return kernels

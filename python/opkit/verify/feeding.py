"""Feeds and fetches of a whole model by the names of its signature."""

from __future__ import annotations

import numpy as np

from opkit.verify.execute import Session


def match_names(feeds: dict[str, np.ndarray], names: list[str]) -> dict[str, np.ndarray]:
    """The feeds under these names; by position where the names differ."""
    if set(names) <= set(feeds):
        return {n: feeds[n] for n in names}
    return dict(zip(names, feeds.values(), strict=True))


def detail_names(session: Session, side: str) -> list[str]:
    """Signature names of graph inputs or outputs, in graph order where these can be told apart."""
    details = session.inputs if side == "inputs" else session.outputs
    listed = session.interpreter.get_signature_list()
    key = "serving_default" if "serving_default" in listed else next(iter(listed), None)
    if key is None or len(listed[key][side]) != len(details):
        return [d["name"] for d in details]
    runner = session.interpreter.get_signature_runner(key)
    found = runner.get_input_details() if side == "inputs" else runner.get_output_details()
    by_index = {v["index"]: k for k, v in found.items()}
    return [by_index.get(d["index"], d["name"]) for d in details]


def run_named(session: Session, feeds: dict[str, np.ndarray]) -> list[np.ndarray]:
    """Runs the model on real values; quantized inputs are quantized, shapes are resized to fit."""
    names = detail_names(session, "inputs")
    ordered = match_names(feeds, names)
    arrays = []
    for detail, name in zip(session.inputs, names, strict=True):
        value = ordered[name]
        scale, zero = detail["quantization"]
        if scale and value.dtype.kind == "f" and np.dtype(detail["dtype"]).kind in "iu":
            info = np.iinfo(detail["dtype"])
            value = np.clip(np.round(value / scale) + zero, info.min, info.max)
        wanted = np.dtype(detail["dtype"])
        strings = wanted.kind in "SUO" or value.dtype == object
        arrays.append(value if strings else value.astype(wanted))
    shapes = [a.shape for a in arrays]
    if any(tuple(d["shape"]) != s for d, s in zip(session.inputs, shapes, strict=True)):
        session.resize(shapes)
    return session.run(arrays)

"""Samples of a model's inputs from files, and their shape in memory."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np


def read_samples(path: str | os.PathLike[str]) -> list[Any]:
    """Samples from a .npy or .npz file, one per entry of the first axis, each with a batch of 1.

    A .npy gives arrays; an .npz gives dicts by input name.

    Raises:
      OSError: the file cannot be read. ValueError: it is no such file, the arrays differ in
        length or have no first axis, or hold objects.
    """
    loaded = _load(path)
    named = {"": loaded} if isinstance(loaded, np.ndarray) else loaded
    scalars = [k for k, v in named.items() if v.ndim == 0]
    if scalars or not named:
        what = f"the array {scalars[0]!r} has no axis of samples" if scalars else "it is empty"
        raise ValueError(f"{path}: {what}")
    if isinstance(loaded, np.ndarray):
        return [loaded[i : i + 1] for i in range(len(loaded))]
    arrays = loaded
    sizes = {k: len(v) for k, v in arrays.items()}
    if len(set(sizes.values())) != 1:
        raise ValueError(
            f"{path}: arrays differ in their first axis, which counts the samples: {sizes}; "
            "samples of any shape can be given in Python: [{name: array, ...}, ...]"
        )
    count = next(iter(sizes.values()))
    return [{k: v[i : i + 1] for k, v in arrays.items()} for i in range(count)]


def read_batch(path: str | os.PathLike[str]) -> Any:
    """One sample from a whole file: the array of a .npy, or the arrays of an .npz by name.

    Raises:
      OSError: the file cannot be read. ValueError: it is no such file, or the arrays hold objects.
    """
    return _load(path)


def _load(path: str | os.PathLike[str]) -> Any:
    """The array of a .npy, or a dict of the arrays of an .npz."""
    try:
        loaded = np.load(path, allow_pickle=False)
        return loaded if isinstance(loaded, np.ndarray) else dict(loaded)
    except (ValueError, EOFError, zipfile.BadZipFile, MemoryError) as error:
        # NumPy takes whatever it does not know for a pickle, and advises to load it unsafely.
        why = "it is no .npy or .npz file of plain arrays"
        detail = "" if "pickle" in str(error) else f" ({error})"
        raise ValueError(f"{path}: {why}{detail}; write it with numpy.save or savez") from error


def each_sample(samples: Any) -> Iterator[Any]:
    """One sample at a time from an array (first axis), a function, or an iterable of samples."""
    if callable(samples):
        samples = samples()
    if isinstance(samples, np.ndarray):
        samples = [samples[i : i + 1] for i in range(len(samples))]
    elif isinstance(samples, Mapping):
        samples = [samples]
    assert isinstance(samples, Iterable)
    yield from samples


def feed_of(sample: Any, names: list[str]) -> dict[str, np.ndarray]:
    """A sample as arrays by input name: a dict, a list in input order, or one array.

    Raises:
      ValueError: it does not have the model's inputs.
    """
    if isinstance(sample, Mapping):
        missing = [n for n in names if n not in sample]
        if missing and len(sample) == len(names) == 1:
            return {names[0]: np.asarray(next(iter(sample.values())))}
        if missing:
            raise ValueError(f"a sample lacks the inputs {missing}; it has {sorted(sample)}")
        return {n: np.asarray(sample[n]) for n in names}
    values = list(sample) if isinstance(sample, (list, tuple)) else [sample]
    if len(values) != len(names):
        raise ValueError(
            f"a sample has {len(values)} arrays, the model {len(names)} inputs: {names}"
        )
    return {n: np.asarray(v) for n, v in zip(names, values, strict=True)}

"""Element types under one name each, with the codes that TFLite and TensorFlow use for them."""

from __future__ import annotations

import numpy as np

from .errors import ModelError

__all__ = [
    "NUMPY_DTYPES",
    "dtype_from_numpy",
    "dtype_from_tensorflow",
    "dtype_from_tflite",
    "dtype_to_tensorflow",
    "dtype_to_tflite",
    "itemsize",
]

# name: (code of TFLite's TensorType, number of TensorFlow's DataType); None where it has none.
_CODES: dict[str, tuple[int | None, int | None]] = {
    "float32": (0, 1),
    "float16": (1, 19),
    "int32": (2, 3),
    "uint8": (3, 4),
    "int64": (4, 9),
    "string": (5, 7),
    "bool": (6, 10),
    "int16": (7, 5),
    "complex64": (8, 8),
    "int8": (9, 6),
    "float64": (10, 2),
    "complex128": (11, 18),
    "uint64": (12, 23),
    "resource": (13, 20),
    "variant": (14, 21),
    "uint32": (15, 22),
    "uint16": (16, 17),
    "int4": (17, 29),
    "bfloat16": (18, 14),
    "int2": (19, None),
    "uint4": (20, 30),
    "float8_e4m3fn": (21, 25),
    "float8_e5m2": (22, 24),
    "qint8": (None, 11),
    "quint8": (None, 12),
    "qint32": (None, 13),
    "qint16": (None, 15),
    "quint16": (None, 16),
}

_FROM_TFLITE = {codes[0]: name for name, codes in _CODES.items() if codes[0] is not None}
_FROM_TENSORFLOW = {codes[1]: name for name, codes in _CODES.items() if codes[1] is not None}

#: numpy types of the element types that have one; bfloat16 and the packed types have none.
NUMPY_DTYPES: dict[str, np.dtype] = {
    name: np.dtype(name)
    for name in [
        "float16",
        "float32",
        "float64",
        "int8",
        "int16",
        "int32",
        "int64",
        "uint8",
        "uint16",
        "uint32",
        "uint64",
        "bool",
        "complex64",
        "complex128",
    ]
}


def dtype_from_tflite(code: int) -> str:
    """Name of a TFLite ``TensorType`` code. Raises ModelError for an unknown code."""
    try:
        return _FROM_TFLITE[int(code)]
    except KeyError:
        raise ModelError(f"unknown TFLite tensor type {code}") from None


def dtype_to_tflite(name: str) -> int:
    """TFLite ``TensorType`` code of a dtype name. Raises ModelError if TFLite has no such type."""
    code = _CODES.get(str(name), (None, None))[0]
    if code is None:
        raise ModelError(f"TFLite has no tensor type {name!r}")
    return code


def dtype_from_tensorflow(number: int) -> str:
    """Name of a TensorFlow ``DataType`` number. Raises ModelError for an unknown number."""
    try:
        return _FROM_TENSORFLOW[int(number)]
    except KeyError:
        raise ModelError(f"unknown TensorFlow data type {number}") from None


def dtype_to_tensorflow(name: str) -> int:
    """TensorFlow ``DataType`` number of a dtype name. Raises ModelError if there is none."""
    number = _CODES.get(str(name), (None, None))[1]
    if number is None:
        raise ModelError(f"TensorFlow has no data type {name!r}")
    return number


def dtype_from_numpy(dtype: object) -> str:
    """Name of a numpy dtype (``object``, ``bytes`` and ``str`` arrays are "string")."""
    resolved = np.dtype(dtype)  # type: ignore[call-overload]
    if resolved.kind in "OSU":
        return "string"
    if resolved.name not in _CODES:
        raise ModelError(f"TFLite has no tensor type for numpy's {resolved.name}")
    return str(resolved.name)


def itemsize(name: str) -> int | None:
    """Bytes per element; None for strings, variants, resources and sub-byte types."""
    if name in ("bfloat16",):
        return 2
    if name.startswith("float8"):
        return 1
    dtype = NUMPY_DTYPES.get(name)
    return None if dtype is None else int(dtype.itemsize)

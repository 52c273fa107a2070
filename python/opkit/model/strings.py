"""TFLite's layout of string tensors: int32 count, count + 1 int32 offsets, then the bytes."""

from __future__ import annotations

import itertools
import struct
from collections.abc import Iterable

from .errors import ModelError

__all__ = ["pack_strings", "unpack_strings"]


def unpack_strings(raw: bytes, name: str) -> list[bytes]:
    """Strings in a tensor's bytes. Raises ModelError, naming the tensor, if they are malformed."""
    if len(raw) < 4:
        raise ModelError(f"string tensor {name!r} of {len(raw)} bytes is too short")
    (count,) = struct.unpack_from("<i", raw)
    if count < 0 or 4 * (count + 2) > len(raw):
        raise ModelError(f"string tensor {name!r} claims {count} strings in {len(raw)} bytes")
    offsets = struct.unpack_from(f"<{count + 1}i", raw, 4)
    if any(b < a for a, b in itertools.pairwise(offsets)) or (
        offsets[0] < 0 or offsets[-1] > len(raw)
    ):
        raise ModelError(f"string tensor {name!r} has offsets outside its {len(raw)} bytes")
    return [raw[a:b] for a, b in itertools.pairwise(offsets)]


def pack_strings(values: Iterable[str | bytes]) -> bytes:
    """Bytes of a string tensor; text is stored as UTF-8."""
    encoded = [v.encode("utf-8") if isinstance(v, str) else bytes(v) for v in values]
    offsets = [4 * (len(encoded) + 2)]
    for value in encoded:
        offsets.append(offsets[-1] + len(value))
    if offsets[-1] >= 2**31:
        raise ModelError("a string tensor holds at most 2 GB")
    return struct.pack(f"<{len(offsets) + 1}i", len(encoded), *offsets) + b"".join(encoded)

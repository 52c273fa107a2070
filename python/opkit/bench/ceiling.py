"""Peers held to the instruction set a run is capped to, as they would be on such a machine.

`opkit bench --simd avx2` on a machine with AVX-512 measures our AVX2 kernels. XNNPACK and oneDNN
choose by the processor, so without a cap of their own they would be timed with AVX-512. oneDNN
takes its cap from the environment when it starts. XNNPACK asks the library cpuinfo, which notes
once, in a table of flags, what the processor can do; the runtimes carry that table, so AVX-512 is
struck out in it before XNNPACK looks. NumPy chooses when it is imported and keeps its choice.
"""

from __future__ import annotations

import ctypes
import os
from pathlib import Path

from opkit.runtime import Host, get_simd, set_simd

# The start of cpuinfo's flags, in its order, under the names of /proc/cpuinfo; "" is not there.
FLAGS = (
    *("rdtscp", "rdpid", "", "msr", "clzero", "clflush", "clflushopt", "", "", "fxsr", "", ""),
    *("", "", "", "", "pni", "ssse3", "sse4_1", "sse4_2", "sse4a", "misalignsse", "", "avx_vnni"),
    *("fma", "fma4", "", "f16c", "avx2", "avx512f", "avx512pf", "avx512er", "avx512cd"),
    *("avx512dq", "avx512bw", "avx512vl", "avx512ifma", "avx512vbmi", "avx512_vbmi2"),
    *("avx512_bitalg", "avx512_vpopcntdq", "avx512_vnni", "avx512_bf16"),
)
LIBRARIES = ("libpywrap_tflite_common.so", "libpywrap_litert_common.so")
_held: set[str] = set()


def hold_peers(host: Host) -> str:
    """Holds peers to AVX2 where our kernels are capped to it on a machine with AVX-512.

    For good, in this process and its children, as peers look only once: to be called before the
    first interpreter is made and before TensorFlow computes.

    Args:
      host: the runtime whose builtins are peers; it is imported.

    Returns:
      A phrase for the report: which peers are held, and why another is not. Empty where there is
      nothing to hold.
    """
    level = get_simd()
    set_simd("auto")
    best = get_simd()
    set_simd(level)
    if (level, best) != ("avx2", "avx512"):
        return ""
    os.environ["ONEDNN_MAX_CPU_ISA"] = "AVX2"
    assert host.module
    try:
        for path in _loaded():
            _hold(path)
        xnnpack = "XNNPACK" if _held else "not XNNPACK (its library was not found)"
    except CannotHold as e:
        xnnpack = f"not XNNPACK ({e})"
    return f"oneDNN, {xnnpack} held to AVX2; not NumPy"


class CannotHold(RuntimeError):
    """The flags of cpuinfo are not as expected; the text says what was seen."""


def _loaded() -> list[Path]:
    """The runtimes' libraries this process has mapped."""
    maps = Path("/proc/self/maps")
    lines = maps.read_text().splitlines() if maps.exists() else []
    paths = {Path(line.split(maxsplit=5)[-1]) for line in lines if "/" in line}
    return sorted(p for p in paths if p.name in LIBRARIES)


def _hold(path: Path) -> None:
    """Strikes AVX-512 out of the flags in one library."""
    if str(path) in _held:
        return
    symbols = _symbols(path, ("cpuinfo_initialize", "cpuinfo_is_initialized", "cpuinfo_isa"))
    base = _base(path)
    if ctypes.c_bool.from_address(base + symbols["cpuinfo_is_initialized"]).value:
        raise CannotHold("it had looked at the processor before the run")
    ctypes.CFUNCTYPE(ctypes.c_bool)(base + symbols["cpuinfo_initialize"])()
    strike_out((ctypes.c_uint8 * len(FLAGS)).from_address(base + symbols["cpuinfo_isa"]))
    _held.add(str(path))


def strike_out(flags: ctypes.Array[ctypes.c_uint8]) -> None:
    """Clears the flags of AVX-512, once all flags are seen to be those of this machine.

    Raises:
      CannotHold: they are not, so their order is another one.
    """
    machine = _machine_flags()
    for name, value in zip(FLAGS, flags, strict=True):
        if name and value != (name in machine):
            raise CannotHold(f"its flag {name} is {value}, unlike /proc/cpuinfo")
    for i, name in enumerate(FLAGS):
        if name.startswith("avx512"):
            flags[i] = 0


def _machine_flags() -> set[str]:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("flags"):
            return set(line.split(":", 1)[1].split())
    raise CannotHold("no flags in /proc/cpuinfo")


def _symbols(path: Path, names: tuple[str, ...]) -> dict[str, int]:
    """Offsets of symbols that are not exported."""
    try:
        from elftools.elf.elffile import ELFFile
        from elftools.elf.sections import SymbolTableSection
    except ImportError:
        raise CannotHold("pip install pyelftools") from None
    with path.open("rb") as file:
        table = ELFFile(file).get_section_by_name(".symtab")
        symbols = table.iter_symbols() if isinstance(table, SymbolTableSection) else ()
        found = {s.name: s["st_value"] for s in symbols}
    if missing := [n for n in names if n not in found]:
        raise CannotHold(f"{path.name} has no symbol {missing[0]}")
    return {n: found[n] for n in names}


def _base(path: Path) -> int:
    """Where the library begins in memory."""
    lines = Path("/proc/self/maps").read_text().splitlines()
    return min(int(line.split("-")[0], 16) for line in lines if line.endswith(str(path)))

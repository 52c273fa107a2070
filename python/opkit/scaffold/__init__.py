"""An op of your own, outside this repository: files to start from, and where the kit's files lie.

from opkit.scaffold import new_op, paths

new_op("SquaredRelu", "my_ops")     # .cc, .py, CMakeLists.txt and a test
paths()["cmake"]                    # for find_package(opkit)
"""

from __future__ import annotations

import difflib
import importlib
import importlib.util
import keyword
import pathlib
import re
import sys
import tempfile

from opkit.registry import Declaration, declarations, load_library
from opkit.runtime.libraries import delegate_path, flex_hook_path

__all__ = ["load_ops", "new_op", "paths", "snake_case"]

_TEMPLATES = pathlib.Path(__file__).parent / "templates"
_FILES = {
    "op.cc.in": "{file}.cc",
    "op.py.in": "{file}.py",
    "CMakeLists.txt.in": "CMakeLists.txt",
    "test_op.py.in": "test_{file}.py",
}
#: What the spec and its test import.
_IMPORTED = frozenset({"numpy", "opkit", "pytest", "conftest", "tensorflow", "ai_edge_litert"})
_NAME = re.compile(r"[A-Z][A-Za-z0-9]*(?:_[A-Za-z0-9]+)*")


def snake_case(name: str) -> str:
    """ "SquaredRelu" -> "squared_relu", "FFT2D" -> "fft2d"."""
    words = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", name)
    words = re.sub(r"([a-z])([A-Z])", r"\1_\2", words)
    return re.sub(r"_+", "_", words).lower()


def new_op(
    name: str, directory: str | pathlib.Path = ".", *, overwrite: bool = False
) -> list[pathlib.Path]:
    """Writes an op that builds, runs and verifies as it is, to be made into another one.

    The kernel (.cc) is a pointwise function in float32, float64 and the quantized dtypes; the spec
    (.py) says what it means; CMakeLists.txt builds it against the installed kit; the test verifies
    it. A folder may hold several ops: its CMakeLists.txt takes every .cc and is kept as it is.

    Args:
        name: Name of the op, in CamelCase as TF names ops: "SquaredRelu".
        directory: Folder for the files; made if need be.
        overwrite: Replace files that are there.

    Returns:
        The files written.

    Raises:
        ValueError: The name is malformed, taken by a kernel that is there already, or that of a
            module which the files need.
        FileExistsError: A file is there, and `overwrite` is not set; nothing was written.
    """
    if not _NAME.fullmatch(name) or name.startswith("Flex"):
        raise ValueError(
            f"op name is {name!r}, want CamelCase letters and digits, not starting with Flex, "
            "such as 'SquaredRelu'"
        )
    taken = declarations()
    if name in taken:
        raise ValueError(f"there is a kernel for {name} already; choose another name")
    near = difflib.get_close_matches(name.lower(), [n.lower() for n in taken], n=1, cutoff=1.0)
    if near:
        raise ValueError(f"{name} differs from the kit's op only in upper and lower case")
    stem = snake_case(name)
    if keyword.iskeyword(stem) or stem in sys.stdlib_module_names or stem in _IMPORTED:
        raise ValueError(
            f"{stem} is a word or a module of Python's, so {stem}.py could not be imported; choose "
            "another name"
        )
    folder = pathlib.Path(directory)
    words = {"NAME": name, "FILE": stem, "FOLDER": _library_name(folder)}
    cmake = folder / "CMakeLists.txt"
    if cmake.exists() and not overwrite:
        text = cmake.read_text(encoding="utf-8")
        found = re.search(r"opkit_add_ops\(\s*(\w+)\s*\)", text)
        if found is None:
            raise FileExistsError(
                f"{cmake} is there and has no opkit_add_ops(<library>) that takes every .cc of "
                "its folder; nothing was written"
            )
        words["FOLDER"] = found.group(1)
    made: dict[pathlib.Path, str] = {}
    for template, target in _FILES.items():
        path = folder / target.format(file=words["FILE"])
        if path == cmake and path.exists() and not overwrite:
            continue
        if path.exists() and not overwrite:
            raise FileExistsError(f"{path} is there already; nothing was written")
        text = (_TEMPLATES / template).read_text(encoding="utf-8")
        made[path] = re.sub(r"@([A-Z]+)@", lambda m: words[m[1]], text)
    folder.mkdir(parents=True, exist_ok=True)
    for path, text in made.items():
        _write(path, text)
    return list(made)


def _library_name(folder: pathlib.Path) -> str:
    """A CMake target name from a folder's name."""
    stem = re.sub(r"\W+", "_", folder.resolve().name).strip("_").lower() or "my"
    if not stem[0].isalpha():
        stem = "ops_" + stem
    return stem if stem.endswith("ops") else stem + "_ops"


def _write(path: pathlib.Path, text: str) -> None:
    # Written beside and moved, so that a full disk leaves no half file.
    with tempfile.NamedTemporaryFile(
        "w", encoding="utf-8", dir=path.parent, prefix=f".{path.name}.", delete=False
    ) as file:
        file.write(text)
    temporary = pathlib.Path(file.name)
    temporary.chmod(0o644)
    temporary.replace(path)


def paths() -> dict[str, pathlib.Path]:
    """Where the installed kit keeps what other builds and runtimes need.

    Returns:
        "cmake": folder for find_package(opkit); "include": C++ headers; "lib": folder of the
        libraries; "framework": static library that an op library links; "library": libopkit,
        also the delegate for any TFLite or LiteRT runtime; "flex_hook": the library behind
        `opkit.install()`.

    Raises:
        FileNotFoundError: A file of the installation is missing.
    """
    library = delegate_path()
    root = library.parent.parent
    found = {
        "cmake": root / "cmake",
        "include": root / "include",
        "lib": library.parent,
        "framework": library.parent / "libopkit_framework.a",
        "library": library,
        "flex_hook": flex_hook_path(),
    }
    for what, path in found.items():
        if not path.exists():
            raise FileNotFoundError(
                f"{what} of the kit is missing at {path}; reinstall tflite-opkit"
            )
    return found


def load_ops(source: str | pathlib.Path) -> tuple[Declaration, ...]:
    """Adds ops from a library (.so), a Python file (its import loads and registers them), or a
    module's dotted name, and returns the declarations that came with it.

    Raises:
        FileNotFoundError: There is no such file.
        ImportError: The module or file cannot be imported.
        RuntimeError: The library is none of ops; see `opkit.load_library`.
    """
    text = str(source)
    if text.endswith((".so", ".dylib")):
        return load_library(text)
    before = set(declarations())
    if text.endswith(".py"):
        path = pathlib.Path(text).resolve()
        if not path.is_file():
            raise FileNotFoundError(f"there is no file {path}")
        loaded = sys.modules.get(path.stem)
        file = getattr(loaded, "__file__", None)
        if loaded is not None and (file is None or pathlib.Path(file).resolve() != path):
            raise ImportError(f"the module {path.stem!r} is loaded from {file}; rename {path}")
        if loaded is None:
            spec = importlib.util.spec_from_file_location(path.stem, path)
            assert spec is not None and spec.loader is not None
            module = importlib.util.module_from_spec(spec)
            sys.modules[path.stem] = module
            try:
                spec.loader.exec_module(module)
            except BaseException:
                del sys.modules[path.stem]
                raise
    else:
        importlib.import_module(text)
    return tuple(d for name, d in declarations().items() if name not in before)

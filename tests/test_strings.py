"""Strings and unique in real models, against Python and TensorFlow; and calls that are refused."""

from __future__ import annotations

import time
import unicodedata

import numpy as np
import pytest

from opkit.model.values import DType
from opkit.runtime import Interpreter
from state_models import PLACES, Graph, call, from_function, tf


def _words(*texts: bytes) -> np.ndarray:
    return np.array([*texts, b"end"], dtype=object)[:-1]


def _bag_of_words(text):
    """Lower-cased words of a text, hashed into ten buckets and counted."""
    words = tf().strings.split(tf().strings.strip(tf().strings.lower(text)), " ").values
    buckets = tf().strings.to_hash_bucket_fast(words, 10)
    found, _, counts = tf().unique_with_counts(buckets)
    lengths = tf().strings.length(words, unit="UTF8_CHAR")
    return found, counts, tf().strings.join([words, tf().strings.substr(words, 0, 1)]), lengths


def test_bag_of_words() -> None:
    data = from_function(_bag_of_words, tf().TensorSpec([None], tf().string))
    texts = _words(b"  The quick brown fox and the Quick dog ", "die Füchse und die Gänse".encode())
    want = [y.numpy() for y in _bag_of_words(tf().constant(texts))]
    for host, by in PLACES:
        interpreter = Interpreter(model_content=data, host=host, by=by)
        for _ in range(2):
            for g, w in zip(call(interpreter, texts), want, strict=True):
                np.testing.assert_array_equal(g, w)


def _map(op: str, texts: list[str], **attrs: object) -> list[str]:
    g = Graph()
    words = g.input("string", [len(texts)])
    (out,) = g.node(op, [words], ["string"], **attrs)
    feed = np.array([t.encode() for t in texts], dtype=object)
    return [bytes(v).decode() for v in g.run([out], {words.name: feed})[0]]


@pytest.mark.parametrize(("op", "python"), [("StringLower", str.lower), ("StringUpper", str.upper)])
def test_case_of_every_code_point_against_python(op: str, python) -> None:
    """Python's tables are newer: they may differ only where Unicode 14 or later added letters."""
    points = [chr(c) for c in range(1, 0x110000) if not 0xD800 <= c < 0xE000]
    got = _map(op, points, encoding="utf-8")
    differ = [p for p, g in zip(points, got, strict=True) if g != python(p)]
    assert all(unicodedata.name(p)[:5] in ("LATIN", "GLAGO", "VITHK") for p in differ)
    assert len(differ) < 60


@pytest.mark.parametrize(
    ("text", "want"),
    [
        ("ΟΔΥΣΣΕΥΣ", "οδυσσευς"),
        ("Σ", "σ"),
        ("ΑΣ Σ ΣΑ", "ας σ σα"),
        ("ΑΣ\u0301", "ας\u0301"),
        ("ΑΣ\u00adΒ", "ασ\u00adβ"),
        ("İI", "i\u0307i"),
    ],
)
def test_special_lower_case(text: str, want: str) -> None:
    assert _map("StringLower", [text], encoding="utf-8") == [want]


@pytest.mark.parametrize(
    ("text", "want"),
    [("straße", "STRASSE"), ("ﬃ", "FFI"), ("ŉ", "ʼN"), ("ΐ", "\u0399\u0308\u0301"), ("ς", "Σ")],
)
def test_special_upper_case(text: str, want: str) -> None:
    assert _map("StringUpper", [text], encoding="utf-8") == [want]


def test_text_ends_at_nul_only_with_an_encoding() -> None:
    assert _map("StringLower", ["A\0B"], encoding="utf-8") == ["a"]
    assert _map("StringLower", ["A\0B"], encoding="") == ["a\0b"]


def test_unknown_encoding_is_refused() -> None:
    for host, by in PLACES:
        g = Graph()
        out = g.node("StringLower", [g.input("string", [1])], ["string"], encoding="latin-1")
        with pytest.raises((RuntimeError, ValueError), match="encoding"):
            g.load(out, host=host, by=by).allocate_tensors()


def test_a_string_tensor_with_offsets_beyond_its_buffer_is_refused() -> None:
    g = Graph()
    words = g.constant([b"abc", b"de"], "string")
    raw = np.array(words.buffer.data)
    raw[8:12] = list((2**31 - 1).to_bytes(4, "little"))
    words.buffer.data = raw
    (out,) = g.node("StringStrip", [words], ["string"])
    with pytest.raises((RuntimeError, ValueError), match="offset"):
        g.run([out])


def _unique(dtype: str, n: int) -> tuple[Graph, list]:
    g = Graph()
    outs = g.node(
        "Unique",
        [g.input(dtype, [n])],
        [dtype, "int32"],
        T=DType(dtype),
        out_idx=DType("int32"),
    )
    return g, outs


def test_unique_of_adversarial_keys_stays_fast() -> None:
    """Keys that agree in their low, or high, bits must not pile up in one place."""
    n = 100_000
    best = {}
    for name, keys in {
        "random": np.random.default_rng(0).integers(-(2**62), 2**62, n),
        "low bits equal": np.arange(n, dtype=np.int64) << 40,
        "multiples": np.arange(n, dtype=np.int64) * (2**20 + 2**40),
    }.items():
        g, outs = _unique("int64", n)
        interpreter = g.load(outs)
        interpreter.allocate_tensors()
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], keys)
        seconds = []
        for _ in range(5):
            start = time.process_time()
            interpreter.invoke()
            seconds.append(time.process_time() - start)
        best[name] = min(seconds)
        values = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
        assert len(values) == len(np.unique(keys))
    assert max(best.values()) < 4 * best["random"], best

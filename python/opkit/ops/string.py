"""Strings: case, splitting, stripping, joining, length, hashing, parts."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from opkit.spec import Case, Draw, Peers, Reject, Spec, Types, arr, draw, register

# Words in several alphabets, special casing, combining marks, and bytes that are no UTF-8.
TEXTS: tuple[bytes, ...] = (
    b"",
    b"Hello, World!",
    b"  padded\t\r\n",
    b"\x0b\x0c \t",
    "Grüße aus Gießen, Ärger".encode(),
    "ΟΔΥΣΣΕΥΣ ΚΑΙ ΣΟΦΟΣ. Σ".encode(),
    "ΑΣ\u0301 ΑΣ\u00adΒ ΑΣ'Σ".encode(),
    "İstanbul ıI ﬁ ﬃ ŉ ǰ ΐ և ᾳ ᾼ".encode(),
    "Ж Ш ё Ѐ Ӏ ӏ Ꙁ Ⱥ ⱥ".encode(),
    "ა Ა Ꭰ ꭰ 𐐀𐐨 𞤀𞤢 ⓐⒶ Ⅳⅳ".encode(),
    "日本語テキスト 한국어 😀👍🏽".encode(),
    b"\xff\xfe bad \xc3\x28 \xe2\x82 \xf0\x9f\x98 end\xc3",
    b"\xed\xa0\x80 surrogate \xc0\xaf \xf4\x90\x80\x80",
    b"before\x00AFTER",
    b"a" * 200 + "Ü".encode() * 60,
)


def _texts() -> Draw:
    return draw(lambda rng, dtype: np.array([*TEXTS, b"end"], dtype=object)[:-1], "texts")


def _bytes(n: int, high: int = 256, longest: int = 40, low: int = 0, shortest: int = 0) -> Draw:
    """`n` random byte strings."""

    def make(rng: np.random.Generator, dtype: np.dtype) -> np.ndarray:
        out = np.empty(n, dtype=object)
        for i, size in enumerate(rng.integers(shortest, longest, n)):
            out[i] = bytes(rng.integers(low, high, size).astype(np.uint8))
        return out

    return draw(make, f"{n} byte strings below {high}")


def _words(n: int) -> Draw:
    """`n` strings of 4 to 19 printable characters: as they travel to every peer."""
    return _bytes(n, 127, 20, 32, 4)


def _points(first: int, last: int) -> Draw:
    """One string per code point."""
    points = [c for c in range(first, last) if not 0xD800 <= c < 0xE000]
    return draw(
        lambda rng, dtype: np.array([chr(c).encode() for c in points] + [b""], dtype=object)[:-1],
        f"code points {first:#x} to {last:#x}",
    )


def _mixed_letters(n: int) -> Draw:
    """Strings of random letters around sigmas, for the rule of the final sigma."""
    letters = "AbΣΣσς.'\u00ad\u0301ͅ\u02b0 1Ж日"

    def make(rng: np.random.Generator, dtype: np.dtype) -> np.ndarray:
        out = np.empty(n, dtype=object)
        for i, size in enumerate(rng.integers(1, 9, n)):
            out[i] = "".join(rng.choice(list(letters), size)).encode()
        return out

    return draw(make, f"{n} strings around sigmas")


def _case_cases(types: Types) -> Iterator[Case]:
    for encoding in ("", "utf-8"):
        attrs = {"encoding": encoding}
        tag = encoding or "bytes"
        yield Case(f"{tag}-texts", {"input": _texts()}, attrs)
        yield Case(f"{tag}-random", {"input": _bytes(300)}, attrs)
        scalar = {"input": np.array(b"ABC def", dtype=object)}
        yield Case(f"{tag}-scalar", scalar, attrs, constant=("input",))
        yield Case(f"{tag}-empty", {"input": arr(0)}, attrs)
        yield Case(f"{tag}-matrix", {"input": arr(3, 4)}, attrs)
    utf8 = {"encoding": "utf-8"}
    yield Case("every-code-point", {"input": _points(1, 0x110000)}, utf8)
    yield Case("sigmas", {"input": _mixed_letters(3000)}, utf8)


def _case_bench(types: Types) -> Iterator[Case]:
    for encoding in ("", "utf-8"):
        tag = encoding or "bytes"
        yield Case(f"{tag}-ascii-10000", {"input": _words(10_000)}, {"encoding": encoding})
        words = np.array([TEXTS[4], TEXTS[5], TEXTS[8], TEXTS[10]] * 250, dtype=object)
        yield Case(f"{tag}-letters-1000", {"input": words}, {"encoding": encoding})


def _simple_cases(types: Types) -> Iterator[Case]:
    yield Case("texts", {"input": _texts()})
    yield Case("random", {"input": _bytes(500)})
    yield Case("scalar", {"input": np.array(b" \tx y\n", dtype=object)}, constant=("input",))
    yield Case("empty", {"input": arr(0)})
    yield Case("rank3", {"input": arr(2, 3, 2)})


_SIMPLE_BENCH = (Case("words-10000", {"input": _words(10_000)}),)


def _strip_cases(types: Types) -> Iterator[Case]:
    yield from _simple_cases(types)
    yield Case("all-bytes", {"input": np.array([bytes([b, 65, b]) for b in range(256)], object)})


def _length_cases(types: Types) -> Iterator[Case]:
    for unit in ("BYTE", "UTF8_CHAR"):
        for case in _simple_cases(types):
            yield Case(f"{unit}-{case.id}", case.inputs, {"unit": unit}, constant=case.constant)


def _split_cases(types: Types) -> Iterator[Case]:
    texts = np.array(
        [
            *(b"a b  c", b"", b" ", b" lead", b"trail ", b"\t\na\x0b\x0cb\r", b"a,b,,c,", b","),
            *(b"a<>b<>", b"one two three four", b"\xc2\xa0nbsp \xe3\x80\x80wide", b"aaa"),
        ],
        dtype=object,
    )
    for sep in (b"", b" ", b",", b"<>", b"aa", b"\x00"):
        for limit in (-1, 0, 1, 2, 100):
            tag = sep.hex() or "space"
            inputs = {"input": texts, "sep": sep}
            yield Case(f"sep-{tag}-max{limit}", inputs, {"maxsplit": limit}, constant=("sep",))
        yield Case(f"sep-{tag}-random", {"input": _bytes(200, 70), "sep": sep}, constant=("sep",))
    blank = np.array([b" ", b""], dtype=object)
    yield Case("no-strings", {"input": arr(0), "sep": b""}, constant=("sep",))
    yield Case("only-spaces", {"input": blank, "sep": b""}, constant=("sep",))


def _split_bench(types: Types) -> Iterator[Case]:
    line = b"the quick brown fox jumps over the lazy dog"
    for n in (1, 1000):
        lines = np.array([line] * n, dtype=object)
        yield Case(f"spaces-{n}", {"input": lines, "sep": b""}, constant=("sep",))
        yield Case(f"sep-{n}", {"input": lines, "sep": b" "}, constant=("sep",))


def _join_cases(types: Types) -> Iterator[Case]:
    scalar = np.array(b"x", dtype=object)
    for separator in ("", ", ", "\0"):
        attrs = {"separator": separator}
        tag = str(len(separator)) + ("n" if separator == "\0" else "")
        yield Case(f"one-{tag}", {"inputs": [arr(5)]}, attrs)
        yield Case(f"two-{tag}", {"inputs": [arr(2, 3), arr(2, 3)]}, attrs)
        mixed = {"inputs": [scalar, np.array([b"", b"ab", b"c"], dtype=object), scalar]}
        yield Case(f"scalar-{tag}", mixed, attrs, constant=("inputs",))
        yield Case(f"scalars-{tag}", {"inputs": [scalar, scalar]}, attrs, constant=("inputs",))
        yield Case(f"empty-{tag}", {"inputs": [arr(0), arr(0)]}, attrs)


def _hash_cases(types: Types) -> Iterator[Case]:
    every_length = draw(
        lambda rng, dtype: np.array(
            [bytes(rng.integers(0, 256, n).astype(np.uint8)) for n in range(300)], dtype=object
        ),
        "one string of every length below 300",
    )
    for buckets in (1, 2, 1000, 2**31 + 11, 2**63 - 1):
        yield Case(f"lengths-{buckets}", {"input": every_length}, {"num_buckets": buckets})
    for case in _simple_cases(types):
        yield Case(case.id, case.inputs, {"num_buckets": 97}, constant=case.constant)


def _substr_cases(types: Types) -> Iterator[Case]:
    words = np.array(["Hellö".encode(), "日本語x".encode(), b"abcdef"], dtype=object)
    for unit in ("BYTE", "UTF8_CHAR"):
        attrs = {"unit": unit}
        for pos, count in ((0, 2), (1, 1), (-2, 1), (-3, 9), (3, 0), (4, 100), (0, -1), (-4, 4)):
            inputs = {"input": words, "pos": np.array(pos), "len": np.array(count)}
            yield Case(f"{unit}-pos{pos}-len{count}", inputs, attrs)
        each = {"input": words, "pos": np.array([0, 1, -1]), "len": np.array([3, 2, 1])}
        yield Case(f"{unit}-each", each, attrs)
        grid = np.array([words, words], dtype=object)
        yield Case(
            f"{unit}-row-broadcast",
            {"input": grid, "pos": np.array([0, 1, 2]), "len": np.array([1, 2, 3])},
            attrs,
        )
        yield Case(
            f"{unit}-column-broadcast",
            {"input": grid, "pos": np.array([[0], [1]]), "len": np.array([[3], [2]])},
            attrs,
        )
        for shape in ((0,), (2, 0), (0, 1, 7)):
            none = np.zeros(shape, np.int64)
            of_none = {"input": arr(*shape), "pos": none, "len": none}
            yield Case(f"{unit}-empty{len(shape)}", of_none, attrs)
        yield Case(
            f"{unit}-word-broadcast",
            {"input": words[:1], "pos": np.array([0, 1, 2, 3]), "len": np.array([1, 1, 2, 2])},
            attrs,
        )
        yield Case(
            f"{unit}-bad-utf8", {"input": _texts(), "pos": np.array(0), "len": np.array(7)}, attrs
        )
        scalar = {"input": np.array(b"scalar", dtype=object), "pos": np.array(-3)}
        yield Case(f"{unit}-scalar", {**scalar, "len": np.array(2)}, attrs, constant=("input",))


def _substr_bench(types: Types) -> Iterator[Case]:
    for unit in ("BYTE", "UTF8_CHAR"):
        inputs = {"input": _words(10_000), "pos": np.array(2), "len": np.array(5)}
        yield Case(f"{unit}-10000", inputs, {"unit": unit})


_KERNELS = "tensorflow/core/kernels/"

register(
    *(
        Spec(
            name,
            _case_cases,
            rejects=(Reject("encoding", {"input": arr(2)}, "encoding", {"encoding": "latin-1"}),),
            bench=_case_bench,
            peers=Peers(lowering=False),
            doc="ASCII letters only, or with encoding utf-8 Unicode 13.0's full case mapping with "
            "the final sigma, as TensorFlow's ICU 69 does it; a text then ends at its first NUL, "
            "as there. Agreement is checked over every code point.",
            source=_KERNELS + file,
        )
        for name, file in (
            ("StringLower", "string_lower_op.cc"),
            ("StringUpper", "string_upper_op.cc"),
        )
    ),
    Spec(
        "StringStrip",
        _strip_cases,
        bench=_SIMPLE_BENCH,
        peers=Peers(lowering=False),
        doc="ASCII white space off both ends.",
        source=_KERNELS + "string_strip_op.cc",
    ),
    Spec(
        "StringLength",
        _length_cases,
        rejects=(Reject("unit", {"input": arr(2)}, "unit", {"unit": "CHAR"}),),
        bench=[
            Case(f"{unit}-10000", {"input": _words(10_000)}, {"unit": unit})
            for unit in ("BYTE", "UTF8_CHAR")
        ],
        peers=Peers(lowering=False),
        doc="Bytes, or bytes that do not continue a UTF-8 character.",
        source=_KERNELS + "string_length_op.cc",
    ),
    Spec(
        "StringSplitV2",
        _split_cases,
        rejects=(
            Reject("matrix", {"input": arr(2, 2), "sep": b""}, "rank|shape"),
            Reject("two-separators", {"input": arr(2), "sep": arr(2)}, "rank|shape"),
            Reject("limit", {"input": arr(2), "sep": b""}, "maxsplit is", {"maxsplit": 2**31}),
        ),
        bench=_split_bench,
        peers=Peers(lowering=False),
        doc="Python's str.split into a sparse tensor.",
        source=_KERNELS + "string_split_op.cc",
    ),
    Spec(
        "StringJoin",
        _join_cases,
        rejects=(Reject("shapes", {"inputs": [arr(2), arr(3)]}, "shape"),),
        bench=(
            Case(
                "two-10000",
                {"inputs": [_words(10_000), _words(10_000)]},
                {"separator": " "},
            ),
        ),
        peers=Peers(lowering=False),
        doc="Elementwise concatenation with a separator; scalars repeat.",
        source=_KERNELS + "string_join_op.cc",
    ),
    Spec(
        "StringToHashBucketFast",
        _hash_cases,
        rejects=(
            Reject("no-buckets", {"input": arr(2)}, "num_buckets is 0", {"num_buckets": 0}),
            Reject("negative", {"input": arr(2)}, "num_buckets is -5", {"num_buckets": -5}),
        ),
        bench=(Case("words-10000", {"input": _words(10_000)}, {"num_buckets": 100_000}),),
        peers=Peers(lowering=False),
        doc="FarmHash Fingerprint64 modulo the number of buckets.",
        source=_KERNELS + "string_to_hash_bucket_fast_op.cc; G. Pike, FarmHash, 2014",
    ),
    Spec(
        "Substr",
        _substr_cases,
        rejects=(
            Reject("shapes", {"input": arr(2), "pos": [0, 1], "len": [1]}, "equal shapes"),
            Reject("beyond", {"input": np.array([b"ab"], object), "pos": 3, "len": 1}, "out of"),
            Reject("before", {"input": np.array([b"ab"], object), "pos": -3, "len": 1}, "out of"),
            Reject(
                "int-min",
                {"input": np.array([b"ab"], object), "pos": -(2**31), "len": -(2**31)},
                "out of",
                {"unit": "UTF8_CHAR"},
            ),
            Reject("no-broadcast", {"input": arr(2), "pos": [0] * 3, "len": [1] * 3}, "broadcast"),
        ),
        bench=_substr_bench,
        peers=Peers(lowering=False),
        doc="Part of each string by bytes or UTF-8 characters; also broadcasts beyond the two "
        "dimensions TensorFlow implements.",
        source=_KERNELS + "substr_op.cc",
    ),
)

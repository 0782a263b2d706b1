"""The YAML reader takes small, plain files only, reads texts as texts, and knows every line."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.errors import ConfigError
from bot.settings.tree import MAX_BYTES, MAX_DEPTH, parse


def _read(text: str) -> object:
    return parse(f"key: {text}\n".encode(), "f.yaml").data["key"]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("no", "no"),
        ("on", "on"),
        ("off", "off"),
        ("y", "y"),
        ("1.10", "1.10"),
        ("1e3", "1e3"),
        ("010", "010"),
        ("0x1f", "0x1f"),
        ("1_000", "1_000"),
        ("12:30:45", "12:30:45"),
        ("2026-01-31", "2026-01-31"),
        ("=", "="),
        ("60s", "60s"),
        ("v*", "v*"),
        (".inf", ".inf"),
        ("'true'", "true"),
        ('"8930"', "8930"),
        ('""', ""),
        ("true", True),
        ("FALSE", False),
        ("8930", 8930),
        ("-1", -1),
        ("0", 0),
        ("null", None),
        ("~", None),
        ("", None),
        ("[a, {b: c}]", ["a", {"b": "c"}]),
        ("|\n  two\n  lines", "two\nlines\n"),
    ],
)
def test_a_scalar_is_text_unless_nobody_could_mean_anything_else(written: str, meant: object) -> None:
    value = _read(written)
    assert (value, type(value)) == (meant, type(meant))


@pytest.mark.parametrize(
    ("text", "line", "part"),
    [
        ("a: 1\nb: &x 2\n", 2, "anchor"),
        ("a: 1\nb: [*x]\n", 2, "alias"),
        ("a:\n  <<: {b: 1}\n", 2, "merge key"),
        ("a: 1\nb: !!python/object:os.system {}\n", 2, "tag"),
        ("a: !secret x\n", 1, "tag"),
        ("a: !!str 1\n", 1, "tag"),
        ("%TAG ! tag:x,2000:\n---\na: 1\n", 1, "%TAG"),
        ("a: 1\n---\nb: 2\n", 2, "second document"),
        ("a: 1\nb:\n  c: 1\n  d: 2\n  c: 3\n", 5, "first on line 3"),
        ("a: 1\n'a': 2\n", 2, "first on line 1"),
        ("a: 1\n? [b]\n: 2\n", 2, "plain word"),
        ("- a\n", 1, "a list"),
        ("just words\n", 1, "a text"),
        ("a: 1\n\tb: 2\n", 2, "spaces"),
        ("a: 'open\n", 2, "not valid YAML"),
        ("a: b: c\n", 1, "not valid YAML"),
        ("a: 1\nb: \x07\n", 2, "U+0007"),
    ],
)
def test_what_a_configuration_has_no_use_for_is_refused_at_its_line(text: str, line: int, part: str) -> None:
    with pytest.raises(ConfigError) as refusal:
        parse(text.encode(), "f.yaml")
    assert refusal.value.where == f"f.yaml:{line}"
    assert part in str(refusal.value)


def test_bytes_that_are_not_utf8_are_refused_at_their_line() -> None:
    with pytest.raises(ConfigError) as refusal:
        parse(b"a: 1\nb: \xff\n", "f.yaml")
    assert refusal.value.where == "f.yaml:2"


def test_a_file_above_64_kib_is_refused_and_one_of_64_kib_is_read() -> None:
    with pytest.raises(ConfigError, match="more than the 65536"):
        parse(b"#" * (MAX_BYTES + 1), "f.yaml")
    assert parse(b"#" * MAX_BYTES, "f.yaml").data == {}


@pytest.mark.parametrize("unit", ["[", "{a: ", "- ", "a:\n", "? "])
def test_no_file_within_the_limit_takes_long(unit: str) -> None:
    began = time.monotonic()
    try:
        parse((unit * (MAX_BYTES // len(unit))).encode(), "f.yaml")
    except ConfigError as refusal:
        assert refusal.where.startswith("f.yaml:")
    assert time.monotonic() - began < 5


def test_nesting_is_bounded() -> None:
    def nested(depth: int) -> bytes:
        return b"a: " + b"[" * depth + b"]" * depth

    assert parse(nested(MAX_DEPTH - 1), "f.yaml").data
    with pytest.raises(ConfigError, match="deeper"):
        parse(nested(MAX_DEPTH), "f.yaml")


def test_every_key_and_item_has_its_line() -> None:
    tree = parse(b"# a comment\na:\n  b: 1\n\n  c:\n    - x\n    - y\nd: {e: 2}\n", "f.yaml")
    assert {path: tree.where(path) for path in tree.lines} == {
        ("a",): "f.yaml:2",
        ("a", "b"): "f.yaml:3",
        ("a", "c"): "f.yaml:5",
        ("a", "c", 0): "f.yaml:6",
        ("a", "c", 1): "f.yaml:7",
        ("d",): "f.yaml:8",
        ("d", "e"): "f.yaml:8",
    }
    assert tree.where(("a", "c", 5, "missing")) == "f.yaml:5"
    assert tree.where(("nowhere",)) == "f.yaml:1"


@given(st.binary(max_size=400) | st.text(alphabet="ab:-[]{}&*!|>'\"#%@`,? \n\t<~0=", max_size=200).map(str.encode))
def test_any_bytes_are_read_or_refused_with_a_place(raw: bytes) -> None:
    try:
        tree = parse(raw, "f.yaml")
    except ConfigError as refusal:
        label, _, line = refusal.where.partition(":")
        assert label == "f.yaml"
        assert int(line) >= 1
    else:
        assert isinstance(tree.data, dict)

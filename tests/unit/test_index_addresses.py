"""Whose an address is: what two parsers read differently is nobody's, so no credential ever goes there."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from urllib3.exceptions import LocationParseError
from urllib3.util import parse_url

from bot.adapters.index.addresses import origin, same_origin

HOME = ("https", "index.example", 443)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://index.example/simple/", HOME),
        ("https://index.example:443", HOME),
        ("HTTPS://Index.Example/x?y#z", HOME),
        ("http://index.example:8080/x", ("http", "index.example", 8080)),
        ("http://[::1]:3141/", ("http", "[::1]", 3141)),
        ("https://evil\\@index.example/", None),
        ("https://evil\\.index.example/", None),
        ("https://evil@index.example/", None),
        ("https://index.example@evil/", None),
        ("https://index.example:x/", None),
        ("https://index.example:99999/", None),
        ("https://index.example\t/", None),
        (" https://index.example/", None),
        ("https://index.example/\u200b", None),
        ("https:///index.example/", None),
        ("https:index.example", None),
        ("//index.example/", None),
        ("ftp://index.example/", None),
        ("::", None),
        ("", None),
    ],
)
def test_an_address_is_whom_it_plainly_names_or_nobodys(url: str, expected: tuple[str, str, int] | None) -> None:
    assert origin(url) == expected


def test_what_is_nobodys_is_of_no_origin_not_even_its_own() -> None:
    assert same_origin("https://index.example/a", "https://index.example:443/b")
    assert not same_origin("https://index.example/a", "http://index.example/a")
    assert not same_origin("https://a\\@b/", "https://a\\@b/")


@given(st.text(alphabet="htps:/\\@.#?[]%evilndxam0123456789 \t", max_size=40))
def test_whoever_is_named_is_who_would_be_connected_to(text: str) -> None:
    """The library that connects must go to that host, whatever is written around it."""
    found = origin(f"http://{text}")
    if found is None:
        return
    try:
        used = parse_url(f"http://{text}")
    except LocationParseError:
        pytest.fail("an address that cannot be connected to is somebody's")
    assert used.host is not None
    assert (found[1], found[2]) == (used.host.lower(), used.port or 80)
    assert used.auth is None

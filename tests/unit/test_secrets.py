"""Secrets do not show, and no form of one survives redaction."""

from __future__ import annotations

import base64
import copy
import json
import pickle
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.secrets import HIDDEN, SHORTEST_SECRET, Redactor, Secret

VALUE = "correct horse battery"
# What tokens and passwords are made of, quotes, blanks, umlauts and beyond the first plane included. No NUL: neither
# an environment variable nor a line of a file holds one.
VALUES = st.text(
    st.sampled_from(" /+\"'\\%&=?é\n") | st.characters(exclude_categories=["Cs"], exclude_characters="\0"),
    min_size=SHORTEST_SECRET,
    max_size=40,
).filter(lambda value: len(set(value)) > 4 and HIDDEN not in value and value not in HIDDEN)
AROUND = st.text(st.sampled_from("xyz {}:,=&"), max_size=5)


@pytest.mark.parametrize(
    "show",
    [repr, str, "{}".format, "{!r}".format, "{!s}".format, lambda s: f"{s}", lambda s: str([s]), lambda s: str({1: s})],
)
def test_a_secret_never_shows_itself(show: Callable[[Secret], str]) -> None:
    shown = show(Secret(VALUE))
    assert VALUE not in shown
    assert HIDDEN in shown


def test_data_that_holds_a_secret_does_not_show_it_either() -> None:
    @dataclass
    class Login:
        password: Secret

    assert VALUE not in repr(Login(Secret(VALUE)))


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_secret_is_never_pickled(protocol: int) -> None:
    with pytest.raises(TypeError, match="never pickled"):
        pickle.dumps([Secret(VALUE)], protocol)


def test_a_secret_is_never_copied_by_the_way_pickles_go() -> None:
    with pytest.raises(TypeError, match="never pickled"):
        copy.deepcopy(Secret(VALUE))


def test_a_secret_cannot_become_json() -> None:
    with pytest.raises(TypeError):
        json.dumps({"password": Secret(VALUE)})


def test_secrets_are_compared_by_value_and_only_with_secrets() -> None:
    assert Secret(VALUE) == Secret(VALUE)
    assert hash(Secret(VALUE)) == hash(Secret(VALUE))
    assert Secret(VALUE) != Secret("other")
    assert Secret(VALUE) != VALUE
    assert not Secret("")


FORMS: dict[str, Callable[[str], str]] = {
    "raw": str,
    "json": lambda v: json.dumps(v)[1:-1],
    "json in utf-8": lambda v: json.dumps(v, ensure_ascii=False)[1:-1],
    "double json": lambda v: json.dumps(json.dumps(v)[1:-1])[1:-1],
    "double json in utf-8": lambda v: json.dumps(json.dumps(v, ensure_ascii=False)[1:-1], ensure_ascii=False)[1:-1],
    "repr": lambda v: repr(v)[1:-1],
    "repr of bytes": lambda v: repr(v.encode())[2:-1],
    "url": lambda v: quote(v, safe=""),
    "url path": quote,
    "url form": quote_plus,
    "hex": lambda v: v.encode().hex(),
    "upper-case hex": lambda v: v.encode().hex().upper(),
}


@given(VALUES, AROUND, AROUND)
@pytest.mark.parametrize("form", FORMS)
def test_no_written_form_of_a_known_secret_survives(form: str, value: str, before: str, after: str) -> None:
    written = FORMS[form](value)
    redacted = Redactor([Secret(value)]).redact(before + written + after)
    assert written not in redacted
    assert HIDDEN in redacted


@given(VALUES, st.binary(max_size=6), st.binary(max_size=6), st.booleans())
def test_no_base64_holds_a_known_secret_wherever_it_begins(value: str, before: bytes, after: bytes, url: bool) -> None:
    encode = base64.urlsafe_b64encode if url else base64.b64encode
    redacted = Redactor([Secret(value)]).redact(encode(before + value.encode() + after).decode())
    assert HIDDEN in redacted
    remains = redacted.replace(HIDDEN, "").rstrip("=")
    # What is left are the neighbours' digits, those that also hold bits of the secret's ends included.
    assert len(remains) <= -(-len(before) * 8 // 6) + -(-len(after) * 8 // 6) + 1


@given(st.lists(VALUES, min_size=2, max_size=4))
def test_several_secrets_are_all_taken_out(values: list[str]) -> None:
    redactor = Redactor(map(Secret, values[:1]))
    redactor.add(*map(Secret, values[1:]))
    redacted = redactor.redact(" | ".join(values))
    assert not any(value in redacted for value in values)


@given(st.text(max_size=SHORTEST_SECRET - 1), st.text(st.sampled_from("abc 123\n"), max_size=30))
def test_short_values_blank_out_nothing(value: str, text: str) -> None:
    assert Redactor([Secret(value)]).redact(text) == text


def test_a_secret_that_is_no_unicode_is_learnt_all_the_same() -> None:
    value = b"caf\xe9 au lait".decode(errors="surrogateescape")
    assert value not in Redactor([Secret(value)]).redact(f"password {value}!")


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        ("glpat-abcdefgh0123", HIDDEN),
        ("private_token%3Dglpat-abcdefgh0123&x", f"private_token%3D{HIDDEN}&x"),
        ("TOKEN_glpat-abcdefgh0123", f"TOKEN_{HIDDEN}"),
        ("see pypi-AgEIcHlwaS5vcmcCJDEx.", f"see {HIDDEN}."),
        ("whsec_c2VjcmV0c2VjcmV0", HIDDEN),
        ("https://user:hunter2@index.example.com/simple", f"https://{HIDDEN}@index.example.com/simple"),
        ("https://index.example.com/a@b", "https://index.example.com/a@b"),
        ("mail ada@example.com", "mail ada@example.com"),
        ("acme/widget@v1.2.3", "acme/widget@v1.2.3"),
        ("pypi-server", "pypi-server"),
        ("acme/pypi-uploader-service/-/releases", "acme/pypi-uploader-service/-/releases"),
    ],
)
def test_tokens_of_known_shape_and_credentials_of_urls_go(text: str, redacted: str) -> None:
    assert Redactor().redact(text) == redacted


@given(st.text(max_size=60))
def test_redacting_twice_changes_nothing_more(text: str) -> None:
    redactor = Redactor([Secret(VALUE)])
    assert redactor.redact(redactor.redact(text)) == redactor.redact(text)

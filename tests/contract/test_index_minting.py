"""Trusted Publishing: an ID token is exchanged by twine's own code, in a child that is given nothing else."""

from __future__ import annotations

import base64
import json
import socket
import ssl
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from bot.adapters.index.children import Children
from bot.domain.errors import CredentialsError, RopewalkError, TransientError
from bot.domain.secrets import Redactor, Secret
from tests.contract.index_parts import Request, Scripted, make_adapter, says, simple_spec
from tests.contract.test_index_tls import certificate as certificate

MINTED = "pypi-AgEIcHlwaS5vcmcCJDAx"
VARIABLE = "PYPI_ID_TOKEN"
Answer = Callable[[Request, socket.socket], None]


def id_token(**claims: object) -> Secret:
    """As GitLab makes them, but for the signature."""
    parts = ({"alg": "RS256"}, {"iss": "https://gitlab.com", "aud": "pypi", **claims})
    head, body = (base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts)
    return Secret(f"{head}.{body}.c2lnbmF0dXJl")


def warehouse(exchange: Answer, audience: Answer | None = None) -> Answer:
    """An index that answers the two requests of an exchange."""
    said = audience or says("200 OK", '{"audience": "pypi"}', Content_Type="application/json")

    def answer(request: Request, connection: socket.socket) -> None:
        (said if request.path == "/_/oidc/audience" else exchange)(request, connection)

    return answer


def minted(tmp_path: Path, children: Children, ca_file: Path, answer: Answer, token: Secret) -> tuple[Secret, Scripted]:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(ca_file)
    adapter = make_adapter(tmp_path / "state", children, redactor=Redactor([token]))
    with Scripted(answer, tls=tls).running() as server:
        spec = replace(simple_spec(server.url, username=None, password=None), ca_file=str(ca_file), mend="Mend it")
        return adapter.mint(adapter.place(spec, 1, "widget"), VARIABLE, token), server


def test_an_id_token_is_exchanged_once(tmp_path: Path, children: Children, certificate: Path) -> None:
    exchange = says("200 OK", json.dumps({"success": True, "token": MINTED}), Content_Type="application/json")
    token = id_token()
    got, server = minted(tmp_path, children, certificate, warehouse(exchange), token)
    assert got == Secret(MINTED)
    assert [request.path for request in server.requests] == ["/_/oidc/audience", "/_/oidc/mint-token"]
    assert json.loads(server.requests[1].body) == {"token": token.reveal()}


def refusal(code: str, description: str) -> Answer:
    body = json.dumps({"message": "Token request failed", "errors": [{"code": code, "description": description}]})
    return says("422 Unprocessable Entity", body, Content_Type="application/json")


UNTRUSTED = "valid token, but no corresponding publisher"
CASES: list[tuple[str, Answer, Secret, type[RopewalkError], str]] = [
    ("not trusted", warehouse(refusal("invalid-publisher", UNTRUSTED)), id_token(), CredentialsError, UNTRUSTED),
    ("for another audience", warehouse(says("500 Never")), id_token(aud="vault"), CredentialsError, "audience"),
    ("no token at all", warehouse(says("500 Never")), Secret("not.a-token"), CredentialsError, "Malformed token"),
    ("a web page", warehouse(says("200 OK", "<html>")), id_token(), CredentialsError, "invalid JSON"),
    ("no reasons", warehouse(says("403 No", "{}")), id_token(), CredentialsError, "something else than a token"),
    ("no token in it", warehouse(says("200 OK", '{"ok": 1}')), id_token(), CredentialsError, "something else than"),
    ("knows no exchange", warehouse(says("200 OK"), says("404 Not Found")), id_token(), CredentialsError, "404"),
    ("closed", warehouse(lambda _, connection: connection.close()), id_token(), TransientError, "connection failed"),
]


@pytest.mark.parametrize(
    ("answer", "token", "error", "words"), [row[1:] for row in CASES], ids=[row[0] for row in CASES]
)
def test_what_goes_wrong_is_one_sentence_without_the_token(
    tmp_path: Path,
    children: Children,
    certificate: Path,
    answer: Answer,
    token: Secret,
    error: type[RopewalkError],
    words: str,
) -> None:
    with pytest.raises(error) as caught:
        minted(tmp_path, children, certificate, answer, token)
    said = str(caught.value)
    assert words in said and "\n" not in said and "indexes.inhouse" in said
    assert token.reveal() not in said
    assert said.endswith("Mend it") is (error is CredentialsError)

"""A browser without a screen, and a client that is careful about nothing: what tests of OAuth are made with."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from html import unescape
from urllib.parse import parse_qsl, urlsplit

import httpx

from bot.sandbox.world.applications import Application
from tests.contract.sandbox_org import WAIT, Org

CALLBACK = "http://127.0.0.1:8931/sign-in/callback"
VERIFIER = "v" * 50
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
_FORM = re.compile(r"<form[^>]*action=\"([^\"]*)\"[^>]*>(.*?)</form>", re.DOTALL)
_FIELD = re.compile(r"<input[^>]*name=\"([^\"]*)\"[^>]*value=\"([^\"]*)\"")


def forms(page: str) -> list[tuple[str, dict[str, str]]]:
    """The action and the filled-in fields of each form of a page."""
    return [
        (unescape(action), {name: unescape(value) for name, value in _FIELD.findall(inner)})
        for action, inner in _FORM.findall(page)
    ]


@contextmanager
def browser() -> Iterator[httpx.Client]:
    """Keeps cookies, follows nothing by itself."""
    with httpx.Client(trust_env=False, verify=False, timeout=WAIT) as client:
        yield client


def signed_in(client: httpx.Client, org: Org, who: str, address: str) -> httpx.Response:
    """Open an address of the embedded GitLab as somebody who signs in when asked to."""
    answer = client.get(address)
    if answer.status_code == 302 and answer.headers["location"] == "/users/sign_in":
        (_, fields), *_ = forms(client.get(f"{org.url}/users/sign_in").text)
        sent = {**fields, "user[login]": who, "user[password]": org.world.applications.password}
        answer = client.post(f"{org.url}/users/sign_in", data=sent)
        assert answer.status_code == 302, answer.text
        answer = client.get(f"{org.url}{answer.headers['location']}")
    return answer


def consented(client: httpx.Client, org: Org, who: str, address: str, *, button: int = 0) -> str:
    """Where the browser is sent after the person pressed a button (0: yes, 1: no), or was not asked again."""
    answer = signed_in(client, org, who, address)
    again = re.search(r"0;url=([^\"]*)", answer.text)
    if again is not None:
        return unescape(again[1])
    action, fields = forms(answer.text)[button]
    answer = client.post(f"{org.url}{action}", data=fields)
    assert answer.status_code == 302, answer.text
    return answer.headers["location"]


def query(address: str) -> dict[str, str]:
    """The query of an address."""
    return dict(parse_qsl(urlsplit(address).query, keep_blank_values=True))


@dataclass(frozen=True, kw_only=True)
class Client:
    """An application, speaking for itself."""

    org: Org
    application: Application

    def asking(self, **changed: str | None) -> str:
        """The address of its request; None leaves a parameter out."""
        usual: dict[str, str | None] = {
            "client_id": self.application.uid,
            "redirect_uri": CALLBACK,
            "response_type": "code",
            "scope": "read_api",
            "state": "s",
            "code_challenge": CHALLENGE,
            "code_challenge_method": "S256",
        }
        sent = {name: value for name, value in (usual | changed).items() if value is not None}
        return str(httpx.URL(f"{self.org.url}/oauth/authorize", params=sent))

    def code(self, who: str = "maintainer", **changed: str | None) -> str:
        """A new code of somebody who says yes."""
        with browser() as client:
            return query(consented(client, self.org, who, self.asking(**changed)))["code"]

    def post(self, path: str, **changed: str | None) -> httpx.Response:
        """A request of the application, with its secret."""
        usual: dict[str, str | None] = {"client_id": self.application.uid, "client_secret": self.application.secret}
        sent = {name: value for name, value in (usual | changed).items() if value is not None}
        return httpx.post(f"{self.org.url}{path}", data=sent, trust_env=False, verify=False)

    def token(self, good: str, /, **changed: str | None) -> httpx.Response:
        """A code exchanged."""
        usual: dict[str, str | None] = {
            "grant_type": "authorization_code",
            "code": good,
            "redirect_uri": CALLBACK,
            "code_verifier": VERIFIER,
        }
        return self.post("/oauth/token", **(usual | changed))

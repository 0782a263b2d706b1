"""Branches moved as git does it: each only if it still stands where it was seen, which the API has no way to say.

What is pushed is there already, so the pack is empty. Source: gitprotocol-pack(5), "Reference Update Request" and
"Report Status"; gitprotocol-http(5).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import islice

import requests

from bot.adapters.gitlab.client import Api
from bot.domain.errors import RefusedError, TransientError
from bot.domain.proposals import Move
from bot.domain.refs import Project
from bot.domain.secrets import Secret

NONE = "0" * 40
"""Stands for "no such branch"."""
USER = "oauth2"  # beside it GitLab takes access tokens of every kind
_SERVICE = "git-receive-pack"
_HEAD = b"PACK" + (2).to_bytes(4) + (0).to_bytes(4)  # version 2, no objects
_EMPTY_PACK = _HEAD + hashlib.sha1(_HEAD, usedforsecurity=False).digest()
_PIECE, _MOST_PIECES = 4096, 16  # bytes of a report that are read
_FLUSH = b"0000"


class GitLabPushes:
    """See bot.ports.proposals.Pushes. `token` is the API's own."""

    def __init__(self, api: Api, token: Secret) -> None:
        self._api = api
        self._token = token

    def taken(self, project: Project) -> bool:
        """What git asks first. Raises: TransientError, RefusedError."""
        with self._asked("get", f"{self._place(project)}/info/refs?service={_SERVICE}") as response:
            if response.status_code == 429 or response.status_code >= 500:
                self._must_be(response, "advertisement")
            return response.status_code == 200 and self._is(response, "advertisement")

    def push(self, project: Project, moves: Sequence[Move]) -> None:
        """One push. Raises: RefusedError if one of the moves is not taken, TransientError."""
        url = f"{self._place(project)}/{_SERVICE}"
        with self._api.writing("post", url.removeprefix(self._api.url)):
            with self._asked("post", url, request_of(moves)) as response:
                self._must_be(response, "result")
                report = b"".join(islice(response.iter_content(_PIECE), _MOST_PIECES))
            refused = not_taken(report, moves)
            if refused:
                raise RefusedError(what=f"a push is not taken: {'; '.join(refused)}", where=self._api.where)

    def _place(self, project: Project) -> str:
        return f"{self._api.url}/{project.full_path}.git"

    @contextmanager
    def _asked(self, method: str, url: str, body: bytes | None = None) -> Iterator[requests.Response]:
        """The answer, its body unread. Raises: TransientError, RefusedError."""
        session, _ = self._api.download_session()
        headers = {} if body is None else {"Content-Type": f"application/x-{_SERVICE}-request"}
        credentials = (USER, self._token.reveal())
        send = partial(session.request, method, url, data=body, headers=headers, auth=credentials, stream=True)
        with session:
            try:
                with self._api.asking.request(method, url) as asked:
                    response = send(allow_redirects=False, timeout=self._api.limits.silence)
                    asked.answer = self._api.answer(response)
                with response:
                    yield response
            except requests.RequestException as error:
                raise self._api.unreachable(error) from None

    @staticmethod
    def _is(response: requests.Response, what: str) -> bool:
        kind = response.headers.get("Content-Type", "").partition(";")[0].strip()
        return kind == f"application/x-{_SERVICE}-{what}"

    def _must_be(self, response: requests.Response, what: str) -> None:
        if response.status_code != 200:
            after = response.headers.get("Retry-After")
            raise self._api.refused(response.status_code, "", f"a push ({what})", after)
        if not self._is(response, what):
            raise TransientError(what="answered a push with something else than git", where=self._api.where)


def request_of(moves: Sequence[Move]) -> bytes:
    """The body of a push that brings no objects."""
    lines = [f"{one.before or NONE} {one.after or NONE} refs/heads/{one.branch}".encode() for one in moves]
    lines[0] += b"\0report-status agent=ropewalk"
    brings = any(one.after is not None for one in moves)  # a push that only removes has no pack at all
    return b"".join(map(_packet, lines)) + _FLUSH + (_EMPTY_PACK if brings else b"")


def not_taken(report: bytes, moves: Sequence[Move]) -> list[str]:
    """What the other side did not do, a sentence each; empty where it says of every branch that it did."""
    said = _lines(report)
    if not said or said[0] != "unpack ok":
        return [said[0] if said else "no report came back"]
    done = {line.removeprefix("ok ") for line in said if line.startswith("ok ")}
    why = dict(line.removeprefix("ng ").partition(" ")[::2] for line in said if line.startswith("ng "))
    refs = [f"refs/heads/{one.branch}" for one in moves]
    return [f"{ref}: {why.get(ref, 'nothing is said of it')}"[:300] for ref in refs if ref not in done]


def _packet(data: bytes) -> bytes:
    return f"{len(data) + 4:04x}".encode() + data


def _lines(report: bytes) -> list[str]:
    """The packets up to the first flush; none of what is no packet."""
    lines = []
    at = 0
    while report[at : at + 4] not in (b"", _FLUSH):
        try:
            size = int(report[at : at + 4], 16)
        except ValueError:
            return []
        if size <= 4 or at + size > len(report):
            return []
        lines.append(report[at + 4 : at + size].decode("utf-8", "replace").rstrip("\n"))
        at += size
    return lines

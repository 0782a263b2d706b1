"""Looking: what an index lists, and every way in which it may fail to say so."""

from __future__ import annotations

import fcntl
import hashlib
import json
import socket
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote

import pytest

from bot.adapters.index.children import Children
from bot.adapters.index.locks import UploadLocks
from bot.adapters.index.places import install_line, make_place
from bot.adapters.index.service import IndexAdapter
from bot.domain.distributions import IndexFile
from bot.domain.errors import ConfigError, CredentialsError, RefusedError, TransientError
from bot.domain.policy import IndexKind, IndexSpec
from bot.domain.secrets import Secret
from tests.contract.index_parts import (
    PASSWORD,
    TOKEN,
    Request,
    Scripted,
    make_adapter,
    pypiserver,
    says,
    simple_spec,
    wheel_bytes,
)

Answer = Callable[[Request, socket.socket], None]
WHEEL = "widget-1.0-py3-none-any.whl"
SHA = hashlib.sha256(wheel_bytes()).hexdigest()
HTML = f'<!DOCTYPE html><title>Links for widget</title><a href="../../files/{WHEEL}#sha256={SHA}">{WHEEL}</a>'
JSON = "application/vnd.pypi.simple.v1+json"
VERSION = '<meta name="pypi:repository-version" content="1.0">'
GITLAB_PATH = "/api/v4/projects/42/packages/pypi/simple/widget/"
GITLAB = IndexSpec(name="registry", kind=IndexKind.GITLAB)


def page(body: str | bytes, content_type: str = "text/html; charset=utf-8") -> Answer:
    return says("200 OK", body, Content_Type=content_type)


def routed(routes: dict[str, Answer]) -> Answer:
    return lambda request, connection: routes.get(request.path, says("404 Not Found"))(request, connection)


LISTED: list[tuple[str, Answer, list[tuple[str, str | None]]]] = [
    ("html", page(HTML), [(WHEEL, SHA)]),
    (
        "html of PEP 629",
        page(f'{VERSION}<a href="/x/{WHEEL}#sha256={SHA}">w</a>'),
        [(WHEEL, SHA)],
    ),
    ("upper-case digest", page(HTML.replace(SHA, SHA.upper())), [(WHEEL, SHA)]),
    ("yanked", page(HTML.replace("<a ", '<a data-yanked="bad" ')), [(WHEEL, SHA)]),
    ("no file yet", page("<html><h1>Links for widget</h1></html>"), []),
    ("twice the same", page(HTML + HTML), [(WHEEL, SHA)]),
    ("twice with other bytes", page(HTML + HTML.replace(SHA, "a" * 64)), [(WHEEL, SHA), (WHEEL, "a" * 64)]),
    (
        "json",
        page(
            f'{{"meta":{{"api-version":"1.0"}},"name":"widget","files":[{{"filename":"{WHEEL}","url":"/f","hashes":{{"sha256":"{SHA}"}}}}]}}',
            JSON,
        ),
        [(WHEEL, SHA)],
    ),
    (
        "base href, signature and requirement",
        page(
            f'<base href="http://files.invalid/deep/"><a href="../{WHEEL}#sha256={SHA}" data-gpg-sig="true" '
            f'data-requires-python="&gt;=3.9">{WHEEL}</a>'
        ),
        [(WHEEL, SHA)],
    ),
    ("a name that is escaped", page(HTML.replace(f"files/{WHEEL}", f"files/{quote(WHEEL, safe='')}")), [(WHEEL, SHA)]),
    (
        "json with all that PEP 691, 700 and 740 know",
        page(
            json.dumps(
                {
                    "meta": {"api-version": "1.3", "_last-serial": 7},
                    "name": "widget",
                    "versions": ["0.9", "1.0"],
                    "files": [
                        {
                            "filename": WHEEL,
                            "url": f"../../files/{WHEEL}",
                            "hashes": {"sha256": SHA, "blake2b": "00"},
                            "yanked": "because",
                            "gpg-sig": False,
                            "size": 9,
                            "upload-time": "2026-01-01T00:00:00Z",
                            "core-metadata": {"sha256": "00"},
                            "provenance": None,
                        }
                    ],
                }
            ),
            JSON,
        ),
        [(WHEEL, SHA)],
    ),
    (
        "other files are none of ours",
        page(HTML + '<a href="/w-1.0.exe">w-1.0.exe</a><a href="/x.asc">x</a>'),
        [(WHEEL, SHA)],
    ),
    ("unknown name", says("404 Not Found"), []),
    ("forwarded to another index", says("302 Found", Location="http://index.invalid/simple/widget/"), []),
]


@pytest.mark.parametrize(("answer", "expected"), [row[1:] for row in LISTED], ids=[row[0] for row in LISTED])
@pytest.mark.parametrize("kind", ["gitlab", "simple"])
def test_a_listing_is_read(
    kind: str, answer: Answer, expected: list[tuple[str, str | None]], tmp_path: Path, children: Children
) -> None:
    with Scripted(answer).running() as server:
        adapter = make_adapter(tmp_path / "state", children, gitlab_url=server.url)
        place = adapter.place(GITLAB if kind == "gitlab" else simple_spec(server.url), 42, "widget")
        assert [(file.filename, file.sha256) for file in adapter.files(place, "Widget")] == expected
        (request,) = server.requests
    assert (
        request.path
        == {"gitlab": "/api/v4/projects/42/packages/pypi/simple/widget/", "simple": "/simple/widget/"}[kind]
    )
    assert request.headers["authorization"].startswith("Basic ")


def hang(_: Request, connection: socket.socket) -> None:
    connection.recv(1)


def cut(_: Request, connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 99\r\n\r\n<a")


REFUSALS: list[tuple[str, Answer, type[Exception], str]] = [
    ("401", says("401 Unauthorized"), CredentialsError, "401 Unauthorized"),
    ("403", says("403 Forbidden"), CredentialsError, "403 Forbidden"),
    ("429", says("429 Slow", Retry_After="7"), TransientError, "429 Slow"),
    ("500", says("500 Oops"), TransientError, "500 Oops"),
    ("503", says("503 Busy", Retry_After="soon"), TransientError, "503 Busy"),
    ("reset", lambda _, c: None, TransientError, "the connection failed"),
    (
        "cut",
        cut,
        TransientError,
        "connection failed",
    ),
    ("silence", hang, TransientError, "no answer in time"),
    ("410", says("410 Gone"), RefusedError, "410 Gone"),
    ("418", says("418 Teapot"), RefusedError, "418 Teapot"),
    ("204", says("204 No Content"), RefusedError, "204 No Content"),
    ("sign-in page", page("<html><form action=/login></form></html>"), RefusedError, "no list of files"),
    ("empty page", page(""), RefusedError, "no list of files"),
    (
        "page of links elsewhere",
        page('<h1>Links for x</h1><a href="/help">?</a>'),
        RefusedError,
        "no list of files",
    ),
    ("plain text", page("hello", "text/plain"), RefusedError, "text/plain instead of a list"),
    ("no type", says("200 OK", HTML), RefusedError, "no content type instead of a list"),
    ("broken json", page('{"files":', JSON), RefusedError, "cannot be read"),
    ("foreign json", page('{"files": 7}', JSON), RefusedError, "cannot be read"),
    ("new major version", page(VERSION.replace("1.0", "2.0")), RefusedError, "cannot be read"),
    (
        "moved for good",
        says("301 Moved", Location="http://index.invalid/simple/widget/"),
        RefusedError,
        "redirects to http://index.invalid/simple/widget/",
    ),
    (
        "redirect with credentials",
        says("302 Found", Location="http://a:b@index.invalid/sign_in"),
        RefusedError,
        "redirects to http://index.invalid/sign_in",
    ),
]


@pytest.mark.parametrize(("answer", "kind", "words"), [row[1:] for row in REFUSALS], ids=[row[0] for row in REFUSALS])
def test_a_page_that_is_no_listing_is_an_error_and_never_empty(
    answer: Answer, kind: type[Exception], words: str, adapter: IndexAdapter
) -> None:
    with Scripted(answer).running() as server:
        place = adapter.place(simple_spec(server.url), 42, "widget")
        with pytest.raises(kind) as caught:
            adapter.files(place, "widget")
    assert type(caught.value) is kind
    text = str(caught.value)
    assert words in text
    assert "inhouse" in text
    assert PASSWORD not in text


def test_retry_after_is_handed_on(adapter: IndexAdapter) -> None:
    with Scripted(says("429 Slow", Retry_After="7")).running() as server, pytest.raises(TransientError) as caught:
        adapter.files(adapter.place(simple_spec(server.url), 42, "widget"), "widget")
    assert (caught.value.retry_after, caught.value.status) == (timedelta(seconds=7), 429)


GITLAB_REFUSALS: list[tuple[str, Answer, str]] = [
    ("sign-in redirect", says("302 Found", Location="/users/sign_in"), "redirects to"),
    ("redirect to itself with TLS", says("302 Found", Location=f"https://gitlab.invalid{GITLAB_PATH}"), "redirects to"),
    ("project hidden", says("404 Not Found", '{"message":"404 Project Not Found"}'), "the project is not visible"),
]


@pytest.mark.parametrize(
    ("answer", "words"), [row[1:] for row in GITLAB_REFUSALS], ids=[row[0] for row in GITLAB_REFUSALS]
)
def test_gitlab_says_absent_only_by_forwarding_or_by_naming_the_package(
    answer: Answer, words: str, tmp_path: Path, children: Children
) -> None:
    with Scripted(answer).running() as server:
        adapter = make_adapter(tmp_path / "state", children, gitlab_url=server.url)
        with pytest.raises(RefusedError, match=words):
            adapter.files(adapter.place(GITLAB, 42, "widget"), "widget")
        assert len(server.requests) == 1


def test_a_page_of_html_in_place_of_gitlabs_own_list_passes_by_itself(tmp_path: Path, children: Children) -> None:
    """A proxy's page of excuse: the address is GitLab's own, so nobody has anything to correct."""
    with Scripted(page("<html><h1>Back soon</h1></html>")).running() as server:
        adapter = make_adapter(tmp_path / "state", children, gitlab_url=server.url)
        with pytest.raises(TransientError, match="no list of files"):
            adapter.files(adapter.place(GITLAB, 42, "widget"), "widget")


def test_a_redirect_within_the_origin_is_followed_three_times_and_no_more(adapter: IndexAdapter) -> None:
    def hop(request: Request, connection: socket.socket) -> None:
        step = int(request.path.rpartition("=")[2] or 0) if "=" in request.path else 0
        answer = page(HTML) if step == goal else says("301 Moved", Location=f"/simple/widget/?s={step + 1}")
        answer(request, connection)

    with Scripted(hop).running() as server:
        place = adapter.place(simple_spec(server.url), 42, "widget")
        goal = 3
        assert [file.filename for file in adapter.files(place, "widget")] == [WHEEL]
        assert all("authorization" in request.headers for request in server.requests)
        goal = 4
        with pytest.raises(RefusedError, match="more than 3 times"):
            adapter.files(place, "widget")


def test_credentials_never_follow_to_another_origin(adapter: IndexAdapter) -> None:
    with Scripted(page(HTML)).running() as other:
        answer = says("302 Found", Location=f"{other.url}/elsewhere")
        with Scripted(answer).running() as server, pytest.raises(RefusedError):
            adapter.files(adapter.place(simple_spec(server.url), 42, "widget"), "widget")
        assert other.requests == []


def test_a_file_shown_without_sha256_is_read_and_hashed_once(adapter: IndexAdapter) -> None:
    listing = f'<a href="/files/{WHEEL}#md5=0123">{WHEEL}</a><a href="/files/old-1.tar.gz#md5=9">old-1.tar.gz</a>'
    with Scripted(
        routed({"/simple/widget/": page(listing), f"/files/{WHEEL}": page(wheel_bytes())})
    ).running() as server:
        place = adapter.place(simple_spec(server.url), 42, "widget")
        for _ in range(2):
            files = adapter.files(place, "widget", wanted=[WHEEL])
            assert {file.filename: file.sha256 for file in files} == {WHEEL: SHA, "old-1.tar.gz": None}
        paths = [request.path for request in server.requests]
    assert paths == ["/simple/widget/", "/simple/widget/", f"/files/{WHEEL}", "/simple/widget/"]


def test_a_file_on_another_host_is_not_read(adapter: IndexAdapter) -> None:
    with Scripted(page(wheel_bytes())).running() as other:
        with Scripted(page(f'<a href="{other.url}/{WHEEL}">{WHEEL}</a>')).running() as server:
            files = adapter.files(adapter.place(simple_spec(server.url), 42, "widget"), "widget")
        assert files == (IndexFile(filename=WHEEL, sha256=None, url=f"{other.url}/{WHEEL}"),)
        assert other.requests == []


def test_a_real_index_that_shows_md5_only_is_read_too(adapter: IndexAdapter, tmp_path: Path) -> None:
    packages = tmp_path / "packages"
    packages.mkdir()
    (packages / WHEEL).write_bytes(wheel_bytes())
    with pypiserver(packages, hash_algo="md5") as root:
        place = adapter.place(simple_spec(root), 1, "widget")
        assert [(file.filename, file.sha256) for file in adapter.files(place, "widget")] == [(WHEEL, SHA)]


@pytest.mark.slow
def test_a_page_that_drips_or_never_ends_stops_within_its_bounds(tmp_path: Path, children: Children) -> None:
    def drip(_: Request, connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\n")
        while True:
            connection.settimeout(0.3)
            try:
                connection.recv(1)
                return
            except TimeoutError:
                connection.sendall(b"X: y\r\n")

    def flood(_: Request, connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n")
        while True:
            connection.sendall(b"<a href=x>" * 6000)

    adapter = make_adapter(tmp_path / "state", children)
    with Scripted(drip).running() as server, pytest.raises(TransientError, match="no end within the time"):
        adapter.files(adapter.place(simple_spec(server.url), 42, "widget"), "widget")
    with Scripted(flood).running() as server, pytest.raises(RefusedError, match="exceeds 16 MiB"):
        adapter.files(adapter.place(simple_spec(server.url), 42, "widget"), "widget")


def test_a_look_waits_for_an_upload_that_may_be_under_way(adapter: IndexAdapter, tmp_path: Path) -> None:
    with Scripted(page(HTML)).running() as server:
        place = adapter.place(simple_spec(server.url), 42, "widget")
        with UploadLocks(tmp_path / "state" / "locks").path(place.upload_url, "Widget").open("w") as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            with pytest.raises(TransientError, match="an upload of widget is still under way"):
                adapter.files(place, "widget")
            assert server.requests == []
        assert adapter.files(place, "widget") != ()


def test_requests_to_gitlab_are_counted_and_to_others_not(tmp_path: Path, children: Children) -> None:
    counted: list[str] = []
    with Scripted(page(HTML)).running() as server:
        adapter = make_adapter(tmp_path / "state", children, gitlab_url=server.url, on_request=counted.append)
        adapter.files(adapter.place(simple_spec(server.url), 42, "widget"), "widget")
        assert counted == []
        adapter.files(adapter.place(GITLAB, 42, "widget"), "widget")
        assert counted == ["simple"]


def test_places_say_where_an_index_is() -> None:
    def place(spec: IndexSpec) -> tuple[str, str, str | None, bool]:
        made = make_place(spec, gitlab_url="https://gitlab.example/", project_id=42, name="My.Widget")
        return made.upload_url, made.simple_url, made.page_url, made.immediate

    root = "https://gitlab.example/api/v4/projects/42/packages/pypi"
    assert place(GITLAB) == (root, f"{root}/simple/", None, True)
    spec = simple_spec("https://index.example")
    assert place(spec) == ("https://index.example/", "https://index.example/simple/", None, True)
    for kind in (IndexKind.PYPI, IndexKind.TESTPYPI):
        upload, simple, shown, immediate = place(IndexSpec(name="p", kind=kind, password=Secret(TOKEN)))
        assert upload.endswith("/legacy/")
        assert simple.endswith("/simple/")
        assert shown is not None
        assert shown.endswith("/project/my-widget/")
        assert not immediate
    with pytest.raises(ConfigError, match="upload_url"):
        place(IndexSpec(name="half", kind=IndexKind.SIMPLE, upload_url="https://index.example/"))


def test_the_install_line_names_index_and_version_but_no_credentials() -> None:
    def line(spec: IndexSpec) -> str:
        made = make_place(spec, gitlab_url="https://gitlab.example", project_id=42, name="widget")
        return install_line(made, "widget", "1!2.0+local")

    assert line(IndexSpec(name="p", kind=IndexKind.PYPI)) == "pip install 'widget==1!2.0+local'"
    shown = line(simple_spec("https://index.example"))
    assert shown == "pip install --index-url https://index.example/simple/ 'widget==1!2.0+local'"

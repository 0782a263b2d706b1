"""What distributions hold: kept ones and published ones, read in children, by real servers and by hostile ones."""

from __future__ import annotations

import base64
import hashlib
import io
import socket
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from bot.adapters.index.service import IndexAdapter
from bot.domain.anatomy import Anatomy
from bot.domain.distributions import DistributionKind, IndexFile
from bot.domain.errors import CredentialsError, RefusedError, TransientError
from bot.domain.policy import IndexKind
from bot.ports.index import IndexPlace
from tests.contract.index_parts import (
    PASSWORD,
    Request,
    Scripted,
    keep,
    pypiserver,
    says,
    sdist_bytes,
    simple_spec,
    wheel_bytes,
)

WHEEL, SDIST = "widget-1.0-py3-none-any.whl", "widget-1.0.tar.gz"
METADATA = """\
Metadata-Version: 2.4
Name: widget
Version: 1.0
Summary: s
License-Expression: MIT
Requires-Python: >=3.9
Requires-Dist: requests (>=2)
Requires-Dist: tomli; python_version<"3.11"
Requires-Dist: \x1b[31mnonsense
Description-Content-Type: text/markdown

A widget.
"""


def rich_wheel() -> bytes:
    """A wheel with something of everything that is compared."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, text in {
            "widget/__init__.py": "x = 1\n",
            "widget/fast.so": "machine code",
            "start.pth": "import widget",
            "single.py": "",
            "widget-1.0.data/purelib/gadget/__init__.py": "",
            "widget-1.0.data/scripts/run": "#!python",
            "widget-1.0.dist-info/METADATA": METADATA,
            "widget-1.0.dist-info/WHEEL": "Wheel-Version: 1.0\nTag: py3-none-any\n",
            "widget-1.0.dist-info/entry_points.txt": "[console_scripts]\nWidget = widget:main\n[a.b]\nx=y:z\n",
            "widget-1.0.dist-info/RECORD": "",
        }.items():
            archive.writestr(zipfile.ZipInfo(path), text)
    return out.getvalue()


def published(adapter: IndexAdapter, root: str, data: bytes, filename: str = WHEEL, url: str = "") -> Anatomy:
    """What the adapter says of a file that an index at `root` lists with the digest of `data`."""
    place: IndexPlace = adapter.place(simple_spec(root), 1, "widget")
    file = IndexFile(filename=filename, sha256=hashlib.sha256(data).hexdigest(), url=url or f"{root}/files/{filename}")
    return adapter.anatomist.published(place, file)


def test_all_that_is_compared_is_read_from_a_wheel(adapter: IndexAdapter, tmp_path: Path) -> None:
    data = rich_wheel()
    assert adapter.anatomist.kept(keep(adapter, tmp_path, data)) == Anatomy(
        filename=WHEEL,
        kind=DistributionKind.WHEEL,
        size=len(data),
        files=(
            *("*.data/purelib/gadget/__init__.py", "*.data/scripts/run", "*.dist-info/METADATA"),
            *("*.dist-info/RECORD", "*.dist-info/WHEEL", "*.dist-info/entry_points.txt", "single.py", "start.pth"),
            *("widget/__init__.py", "widget/fast.so"),
        ),
        top_levels=("gadget", "single", "start.pth", "widget"),
        requires=("?[31mnonsense", "requests>=2", 'tomli; python_version < "3.11"'),
        requires_python=">=3.9",
        entry_points=("a.b: x = y:z", "console_scripts: Widget = widget:main"),
        license="MIT",
    )


def test_an_sdist_is_read_without_its_top_folder(adapter: IndexAdapter, tmp_path: Path) -> None:
    read = adapter.anatomist.kept(keep(adapter, tmp_path, sdist_bytes(), SDIST))
    assert (read.kind, read.files, read.top_levels) == (DistributionKind.SDIST, ("PKG-INFO", "pyproject.toml"), ())


def test_a_published_file_is_downloaded_once_with_the_index_credentials(adapter: IndexAdapter, tmp_path: Path) -> None:
    """From a real index that wants a password for every download; the second time it is remembered."""
    packages = tmp_path / "packages"
    packages.mkdir()
    (packages / WHEEL).write_bytes(wheel_bytes())
    (packages / SDIST).write_bytes(sdist_bytes())
    with pypiserver(packages) as root:
        place = adapter.place(simple_spec(root), 1, "widget")
        read = [adapter.anatomist.published(place, file) for file in adapter.files(place, "widget")]
        assert {one.filename: one.size for one in read} == {WHEEL: len(wheel_bytes()), SDIST: len(sdist_bytes())}
        (packages / WHEEL).unlink()
        again = published(adapter, root, wheel_bytes())
    assert again in read


Answer = Callable[[Request, socket.socket], None]
LINK = f"http://127.0.0.1:1/{WHEEL}"
FAILURES: list[tuple[str, Answer, type[Exception], str]] = [
    ("gone", says("404 Not Found"), RefusedError, "its download answers 404 Not Found"),
    ("denied", says("403 Forbidden"), CredentialsError, "its download answers 403 Forbidden"),
    ("busy", says("503 Busy"), TransientError, "its download answers 503 Busy"),
    ("cut", lambda _, c: None, TransientError, "the connection failed"),
    ("other bytes", says("200 OK", b"something else"), RefusedError, "its bytes are not what the index lists"),
    ("for ever", says("302 Found", Location=f"/files/{WHEEL}"), RefusedError, "redirects more than 3 times"),
    ("plain http elsewhere", says("302 Found", Location="http://index.invalid/x"), RefusedError, "is not followed"),
    ("another scheme", says("302 Found", Location="file:///etc/passwd"), RefusedError, "is not followed"),
    ("credentials", says("302 Found", Location="https://a:b@index.invalid/"), RefusedError, "is not followed"),
    ("a private network", says("302 Found", Location="https://10.0.0.1/x"), RefusedError, "is not followed"),
    ("the link-local address", says("302 Found", Location="https://169.254.169.254/"), RefusedError, "not followed"),
]


@pytest.mark.parametrize(("answer", "kind", "words"), [row[1:] for row in FAILURES], ids=[row[0] for row in FAILURES])
def test_a_download_that_fails_or_leads_astray_is_an_error_in_plain_words(
    answer: Answer, kind: type[Exception], words: str, adapter: IndexAdapter
) -> None:
    with Scripted(answer).running() as server, pytest.raises(kind) as caught:
        published(adapter, server.url, wheel_bytes())
    assert type(caught.value) is kind
    assert words in str(caught.value)
    assert PASSWORD not in str(caught.value)


def test_a_storage_on_the_same_host_is_followed_without_credentials(adapter: IndexAdapter) -> None:
    """As GitLab redirects to its object storage."""
    with Scripted(says("200 OK", wheel_bytes())).running() as storage:
        with Scripted(says("302 Found", Location=f"{storage.url}/signed")).running() as server:
            assert published(adapter, server.url, wheel_bytes()).top_levels == ("widget",)
            assert server.requests[0].headers["authorization"] == _basic()
        assert "authorization" not in storage.requests[0].headers


def test_gitlab_alone_may_send_on_to_a_storage_in_a_private_network(adapter: IndexAdapter) -> None:
    """Self-managed ones have theirs beside them; what comes is compared with the listed digest all the same."""
    with Scripted(says("200 OK", wheel_bytes())).running() as storage:
        elsewhere = storage.url.replace("127.0.0.1", "localhost")
        with Scripted(says("302 Found", Location=f"{elsewhere}/signed")).running() as server:
            with pytest.raises(RefusedError, match="is not followed"):
                published(adapter, server.url, wheel_bytes())
            place = adapter.place(simple_spec(server.url), 1, "widget")
            registry = replace(place, spec=replace(place.spec, kind=IndexKind.GITLAB))
            sha256 = hashlib.sha256(wheel_bytes()).hexdigest()
            file = IndexFile(filename=WHEEL, sha256=sha256, url=f"{server.url}/files/{WHEEL}")
            assert adapter.anatomist.published(registry, file).top_levels == ("widget",)
        assert "authorization" not in storage.requests[0].headers


def _basic() -> str:
    return f"Basic {base64.b64encode(f'robot:{PASSWORD}'.encode()).decode()}"


def test_a_published_archive_that_lies_is_refused(adapter: IndexAdapter) -> None:
    """An old file need not be one that we would take."""
    data = wheel_bytes() + b"more"
    with Scripted(says("200 OK", data)).running() as server, pytest.raises(RefusedError, match="after its end"):
        published(adapter, server.url, data)


def test_a_file_listed_without_a_digest_is_not_read(adapter: IndexAdapter) -> None:
    with Scripted(says("200 OK", wheel_bytes())).running() as server:
        place = adapter.place(simple_spec(server.url), 1, "widget")
        bare = IndexFile(filename=WHEEL, sha256=None, url=f"{server.url}/files/{WHEEL}")
        with pytest.raises(RefusedError, match="listed without a sha256"):
            adapter.anatomist.published(place, bare)
        assert server.requests == []

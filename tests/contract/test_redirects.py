"""Five hundred redirects that lead somewhere else: our credentials go to nobody but whom they are for."""

from __future__ import annotations

import hashlib
import io
import random
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from bot.adapters.gitlab.pipelines import GitLabPipelines
from bot.adapters.index.children import Children
from bot.adapters.index.fetching import FetchError, fetch
from bot.adapters.index.messages import Access, Fetch
from bot.domain.errors import RopewalkError
from tests.contract.hostile import CALLS, TOKEN, Asked, Pieces, api, hostile, reply
from tests.contract.index_parts import PASSWORD, keep, make_adapter, simple_spec, wheel_bytes

CASES = 500
# Pages and uploads cost a child process each, the others do not.
ORDER = ("calls", "artifacts", "downloads", "calls", "downloads", "artifacts", "calls", "downloads", "pages", "uploads")
WHEEL = wheel_bytes()
FILENAME = "widget-1.0-py3-none-any.whl"
SHA256 = hashlib.sha256(WHEEL).hexdigest()
ACCESS = Access(username="robot", password=PASSWORD, ca_file=None, proxy=None, connect=2, silence=2)
# What must never be in a request to anybody else, in any of the forms that credentials travel in.
_BASIC = (b"cm9ib3Q6", b"Y29ycmVjdCBob3Jz")


@dataclass(slots=True)
class Town:
    """A server that is ours to speak to, and a thief beside it on another port; both remember what they were sent."""

    location: str = ""
    status: int = 302
    hops: int = 0
    stolen: list[Asked] = field(default_factory=list)

    def answer(self, asked: Asked) -> bytes:
        """Send it on, perhaps around our own house first."""
        hop = asked.target.count("hop")
        if hop < self.hops:
            return reply(self.status, Location=f"/{'hop' * (hop + 1)}/{FILENAME}")
        return reply(self.status, Location=self.location)


def wrong_places(thief: str, home: str) -> list[str]:
    """Addresses that lead to the thief, or would if they were read carelessly."""
    port, own = urlsplit(thief).port, urlsplit(home).netloc
    return [
        f"{thief}/simple/widget/",
        f"//127.0.0.1:{port}/simple/widget/",
        f"///127.0.0.1:{port}/x",
        f"http://localhost:{port}/simple/widget/",
        f"HTTP://127.0.0.1:{port}/x",
        f"http:127.0.0.1:{port}/x",
        f"http://{own}@127.0.0.1:{port}/x",
        f"http://robot:secret@127.0.0.1:{port}/x",
        f"http://127.0.0.1:{port}\\@{own}/x",
        f"http://127.0.0.1:{port}#@{own}/",
        f"http://127.0.0.1:{port}?{own}/simple/widget/",
        f"http://127.1:{port}/x",
        f"http://2130706433:{port}/x",
        f"http://[::ffff:127.0.0.1]:{port}/x",
        f"\thttp://127.0.0.1:{port}/x",
        f"http://127.0.0.1:{port}/simple/widget/#sha256={SHA256}",
        "https://127.0.0.1:1/x",
        "file:///etc/passwd",
        "http://",
        "::",
    ]


Kind = Callable[[random.Random], object]


def kinds_of_requests(url: str, folder: Path, children: Children) -> dict[str, Kind]:
    """Each kind of request that carries credentials, as a call to make."""
    gitlab = api(url)
    adapter = make_adapter(folder / "state", children)
    place = adapter.place(simple_spec(url), 1, "widget")
    kept = keep(adapter, folder, WHEEL)
    job = Fetch(url=f"{url}/files/{FILENAME}", home=f"{url}/simple/", sha256=SHA256, most=1 << 20, access=ACCESS)
    return {
        "calls": lambda draw: draw.choice(CALLS)(gitlab),
        "artifacts": lambda _: GitLabPipelines(gitlab, folder).artifacts(7, 9),
        "downloads": lambda _: fetch(job, io.BytesIO()),
        "pages": lambda _: adapter.files(place, "widget"),
        "uploads": lambda _: adapter.send(place, kept),
    }


@pytest.mark.slow
def test_no_credential_leaves_whatever_redirects_us(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Calls to GitLab, artifacts, downloads from an index, its pages, uploads; five statuses, twenty wrong places."""
    draw = random.Random(20)
    made: Counter[str] = Counter()
    reached = 0
    town = Town()

    def stolen(asked: Asked) -> Pieces:
        town.stolen.append(asked)
        return reply(200, WHEEL, Content_Type="text/html")

    children = Children()
    try:
        with hostile(town.answer) as server, hostile(stolen) as thief:
            kinds = kinds_of_requests(server.url, tmp_path, children)
            for number in range(CASES):
                name = ORDER[number % len(ORDER)]
                town.status = draw.choice([301, 302, 303, 307, 308])
                town.location = draw.choice(wrong_places(thief.url, server.url))
                town.hops = draw.choice([0, 0, 1, 2])
                with suppress(RopewalkError, FetchError):
                    kinds[name](draw)
                made[name] += 1
            reached = len(town.stolen)
            ours = server.asked
    finally:
        children.close()
    leaked = [asked for asked in town.stolen if _carries(asked)]
    with capsys.disabled():
        told = ", ".join(f"{count} {name}" for name, count in made.items())
        print(f"\nredirects: {CASES} ({told}), {reached} reached the other place, {len(leaked)} credentials left")
    assert leaked == []
    assert reached > 0, "some are followed: an object storage is such a place"
    assert any(_carries(asked) for asked in ours), "our own place gets them"


def _carries(asked: Asked) -> bool:
    told = b"\n".join([asked.body, *(f"{name}: {value}".encode() for name, value in asked.headers.items())])
    named = {"authorization", "private-token", "job-token", "cookie"} & set(asked.headers)
    return bool(named) or any(word in told for word in (TOKEN.encode(), PASSWORD.encode(), *_BASIC))

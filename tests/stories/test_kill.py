"""kill -9 at any moment, start again: every release ends as one clean run would, and nothing happens twice."""

from __future__ import annotations

import random
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.adapters.store.begun import OVER_AFTER
from bot.adapters.store.open import open_state
from bot.adapters.store.store import Store
from bot.domain.ledger import EntryKind
from bot.domain.releases import ReleaseState
from bot.sandbox.world.places import Group
from tests.bounds import FULL, IN_FULL
from tests.seeds import drawn, seeds
from tests.stories.bot import Bot, alive, make_bot
from tests.stories.endings import ending
from tests.stories.town import TAG, VERSION, Package, Town
from tests.waiting import until

pytestmark = [pytest.mark.slow, pytest.mark.chaos]

RELEASES, KILLS = (50, 200) if FULL else (4, 6)
BUSY = 2.5  # seconds after it is ready in which a daemon with one new tag has something to do
WORDS = "# By hand\n\nThanks to everybody!"


@dataclass(frozen=True, slots=True)
class Step:
    """One kind of request at which the daemon is killed. `prepare` makes the project such that it comes to it."""

    name: str
    method: str
    path: str
    prepare: Callable[[Package], None] = lambda package: None


def _by_hand(package: Package) -> None:
    """A person wrote the GitLab Release: ours is an edit, and links are added one by one."""
    body = {"tag_name": TAG, "ref": "main", "name": "By hand", "description": WORDS}
    # Before the tag is there a Release makes it: the story's own tag push is this one.
    response = package.town.api("POST", f"/projects/{package.project.id}/releases", json=body)
    assert response.status_code == 201, response.text


READS = (
    Step("tag", "GET", r"/projects/{id}/repository/tags/v1\.1\.0$"),
    Step("pipelines", "GET", r"/projects/{id}/pipelines\?"),
    Step("jobs", "GET", r"/projects/{id}/pipelines/\d+/jobs"),
    Step("artifacts", "GET", r"/projects/{id}/jobs/\d+/artifacts$"),
    Step("index", "GET", r"/projects/{id}/packages/pypi/simple/"),
    Step("changes", "GET", r"/projects/{id}/repository/commits/[0-9a-f]+/merge_requests"),
    Step("notes", "GET", r"/projects/{id}/merge_requests/1/notes"),
)
WRITES = (
    Step("first upload", "POST", r"/projects/{id}/packages/pypi$"),
    Step("release", "POST", r"/projects/{id}/releases$"),
    Step("note", "POST", r"/projects/{id}/merge_requests/1/notes$"),
    Step("second note", "POST", r"/projects/{id}/merge_requests/2/notes$"),
    Step("description", "PUT", r"/projects/{id}/releases/v1\.1\.0$", _by_hand),
    Step("link", "POST", r"/projects/{id}/releases/v1\.1\.0/assets/links$", _by_hand),
)


@pytest.mark.parametrize(
    ("steps", "after_effect"),
    [
        pytest.param(READS, False, id="reading-before its effect", marks=IN_FULL),
        pytest.param(READS, True, id="reading-after its effect", marks=IN_FULL),
        pytest.param(WRITES, False, id="writing-before its effect", marks=IN_FULL),
        pytest.param(WRITES, True, id="writing-after its effect"),
    ],
)
def test_killed_at_each_kind_of_step(
    bot: Bot, town: Town, group: Group, steps: tuple[Step, ...], after_effect: bool
) -> None:
    """One release is held at each step, all at once; the daemon dies there; the next one ends them all."""
    bot.config["watch"] |= {"since": "all"}
    bot.config["releases"][0]["tags"] = ["v1.1.*"]
    clean = {step.prepare: town.package(group, changes=2) for step in steps}
    for prepare, package in clean.items():
        _tagged(package, prepare)
    with bot.serving():
        bot.ended(*(package.project.full_path for package in clean.values()))
    since = town.mark()
    held = {step: town.package(group, changes=2) for step in steps}
    for step, package in held.items():
        _tagged(package, step.prepare)
        path = step.path.replace("{id}", str(package.project.id))
        town.fault(kind="hold", method=step.method, path=path, after_effect=after_effect)

    _kill_where_held(bot, town, len(held))
    with bot.serving():
        ended = bot.ended(*(package.project.full_path for package in held.values()))

    assert {release.state for release in ended} == {ReleaseState.PUBLISHED}
    for step, package in held.items():
        assert ending(bot, package) == ending(bot, clean[step.prepare]), step.name
        _once(town, package, since, lost=step if after_effect else None)
    _all_told(bot, town, since)


@pytest.mark.parametrize(
    "after_effect",
    [pytest.param(False, id="before its effect", marks=IN_FULL), pytest.param(True, id="after its effect")],
)
def test_killed_while_it_asks_for_variables_or_edits_a_note(
    bot: Bot, town: Town, group: Group, after_effect: bool
) -> None:
    """A query names no project in its path, and a note is edited only by a second run: a step of its own each."""
    blocked, asking = town.package(group), town.package(group)
    town.world.set_variable(blocked.project, "TWINE_PASSWORD", "hunter2-hunter2")
    _tagged(blocked)
    assert bot.release("apply", blocked.target).code == 5
    town.world.set_variable(blocked.project, "TWINE_PASSWORD", "hunter2-hunter2", masked=True, protected=True)
    since = town.mark()
    notes = f"/projects/{blocked.project.id}/merge_requests/1/notes/"
    town.fault(kind="hold", method="PUT", path=notes, after_effect=after_effect)
    _resume(bot, blocked)
    _kill_where_held(bot, town, 1)
    _tagged(asking)
    town.fault(kind="hold", method="POST", path="/graphql$", after_effect=after_effect)
    bot.config["watch"] |= {"since": "all"}
    bot.config["releases"][0]["tags"] = ["v1.1.*"]
    _kill_where_held(bot, town, 1)
    with bot.serving():
        ended = bot.ended(blocked.project.full_path, asking.project.full_path)
    assert {release.state for release in ended} == {ReleaseState.PUBLISHED}
    blocked.complete()
    asking.complete()
    assert (town.writes(since)).count(("POST", f"/api/v4/projects/{blocked.project.id}/merge_requests/1/notes")) == 0
    (note,) = blocked.notes()[1]
    assert "not masked" not in note.body


def test_killed_while_the_other_index_receives(bot: Bot, town: Town, group: Group) -> None:
    """An upload that hangs in an index of another make: its sender dies with the daemon, and is not doubled."""
    package = town.package(group)
    _tagged(package)
    bot.config["watch"] |= {"since": "all"}
    bot.config["releases"][0]["tags"] = ["v1.1.*"]
    town.index.hold_uploads()
    try:
        daemon = bot.daemon()
        assert town.index.wait_held(60)
        below = daemon.kill()
        until(lambda: not any(map(alive, below)), 10)
    finally:
        town.index.release()
    uploads = town.index.uploads()
    with bot.serving():
        (release,) = bot.ended(package.project.full_path)
    assert release.state is ReleaseState.PUBLISHED
    package.complete()
    # What the index had received whole it stored after the kill: only the other file was still to be sent.
    assert town.index.uploads() - uploads == 1


@seeds("kills")
def test_killed_at_random_moments(
    tmp_path: Path, town: Town, seed: int | None, record_property: Callable[[str, object], None]
) -> None:
    """Six kills over four releases; ROPEWALK_SEED repeats a run, ROPEWALK_CHAOS=full makes it 200 over 50."""
    seed = drawn(seed, record_property)
    chance = random.Random(seed)
    group = town.group()
    bot = make_bot(tmp_path / "bot", town, group.full_path, since="all")
    bot.config["releases"][0]["tags"] = ["v1.1.*"]
    packages = [town.package(group, changes=2) for _ in range(RELEASES)]
    since = town.mark()
    moment = threading.Event()
    began = time.monotonic()
    with bot.serving():
        start_up = time.monotonic() - began
    for number in range(KILLS):
        if number * RELEASES // KILLS != (number - 1) * RELEASES // KILLS:
            packages[number * RELEASES // KILLS].tag()
        daemon = bot.daemon()
        moment.wait(chance.uniform(start_up / 2, start_up + BUSY))
        assert daemon.process.poll() is None, bot.log.read_text()[-2000:]
        below = daemon.kill()
        until(lambda below=below: not any(map(alive, below)), 10)  # type: ignore[misc]  # bound now
        _sound(bot)
    with bot.serving():
        ended = bot.ended(*(package.project.full_path for package in packages))
    assert {release.project: release.state.value for release in ended} == dict.fromkeys(
        (package.project.full_path for package in packages), "published"
    ), f"ROPEWALK_SEED={seed}"
    first = ending(bot, packages[0])
    for package in packages:
        assert ending(bot, package) == first, f"ROPEWALK_SEED={seed}"
        package.complete()
        _once(town, package, since, lost=None, cut=True)
    said = bot.log.read_text()
    assert "Traceback" not in said
    assert town.token not in said


def _tagged(package: Package, prepare: Callable[[Package], None] = lambda package: None) -> None:
    """Push the tag, wait for its pipeline, then let a person do what the story wants of them."""
    package.tag()
    package.pipeline_over()
    prepare(package)


def _kill_where_held(bot: Bot, town: Town, number: int) -> None:
    """Start a daemon, kill it when so many requests are held, and see that it leaves nothing behind but the truth."""
    daemon = bot.daemon()
    until(lambda: len(town.control("GET", "held").json()) == number)
    below = daemon.kill()
    assert below, "the fork server is a child"
    until(lambda: not any(map(alive, below)), 10)
    town.control("POST", "held/release", json={"reset": True})
    town.control("DELETE", "faults")
    _sound(bot)


def _sound(bot: Bot) -> None:
    """The killed daemon's database opens and is whole."""
    if bot.state.exists():
        with closing(sqlite3.connect(bot.state)) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def _resume(bot: Bot, package: Package) -> None:
    """Ask for the release again, as `release resume` does beside a daemon."""
    store = Store(open_state(bot.state), str)
    try:
        release = store.releases.find(package.project.full_path, TAG)
        assert release is not None
        assert store.releases.wake(release.key, datetime.now(UTC), reopen=True)
    finally:
        store.close()


def _all_told(bot: Bot, town: Town, since: int) -> None:
    """Every write to GitLab is in the ledger, those at which the daemon died among them, once they must be over."""
    with bot.store() as store:
        store.journal.settle(datetime.now(UTC) + OVER_AFTER)
        entries = [row.written for row in store.journal.entries()]
        assert store.journal.verify()[1] is None
    told = Counter(one.words for one in entries if one.kind is EntryKind.REQUEST)
    uploads = "/packages/pypi"  # told as tries
    sent = Counter(f"{method} {path.removeprefix('/api/v4')}" for method, path in town.writes(since))
    assert [one for one in sent if not one.endswith(uploads) and told[one] < sent[one]] == []


def _once(town: Town, package: Package, since: int, *, lost: Step | None, cut: bool = False) -> None:
    """GitLab's own log: each write took effect once, and none had to be refused for being there already.

    An answer cut off is logged as status 0; whether it had its effect is known of the step that was held.
    """
    at = f"/api/v4/projects/{package.project.id}"
    rows = [one for one in town.requests(since) if one.method == "POST" and one.path.startswith(f"{at}/")]
    assert [one for one in rows if one.status not in (0, 201)] == []
    done = Counter(one.path for one in rows if one.status == 201)
    if lost is not None and lost.method == "POST":
        done += Counter(one.path for one in rows if one.status == 0)
    expected = {f"{at}/packages/pypi": 2, f"{at}/releases": 1, **{f"{at}/merge_requests/{i}/notes": 1 for i in (1, 2)}}
    for path, times in expected.items():
        most = done[path] + (sum(one.path == path and one.status == 0 for one in rows) if cut else 0)
        assert done[path] <= times <= most or package.releases()[0].name == "By hand", (path, done[path], most)
    assert package.registry() == package.index()
    assert VERSION in package.registry()[0]

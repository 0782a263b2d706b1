"""`ropewalk demo`: the story comes out, and one that does not is told as such."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.cli.demo import KILLED, PARTS
from bot.cli.story import guided
from bot.cli.story.guided import GUIDED
from bot.cli.story.proof import Seen
from bot.cli.story.verdict import FILES, Ending, as_json, check, table
from bot.domain.policy import Source
from bot.domain.refs import RefKind
from bot.domain.releases import Release, ReleaseId, ReleaseState
from tests.bounds import ONLY_IN_FULL

PATIENCE = 180  # seconds; the promise is 90 on an idle machine
ESCAPE = "\x1b["


def _demo(folder: Path, *arguments: str, environ: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    environment = {
        "PATH": f"{Path(sys.executable).parent}:{os.environ.get('PATH', os.defpath)}",
        "HOME": str(folder),
        "LANG": "C.UTF-8",
        "TMPDIR": str(folder),
    }
    return subprocess.run(
        [sys.executable, "-m", "bot", "demo", *arguments],
        env=environment | (environ or {}),
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


@pytest.mark.slow
def test_the_story_comes_out(tmp_path: Path) -> None:
    """Exit 0, every part and every end is told, no token is; colour only where it is wanted; nothing stays behind."""
    done = _demo(tmp_path, environ={"FORCE_COLOR": "1"})
    assert done.returncode == 0, done.stdout + done.stderr
    for told in (done.stdout, done.stderr):
        assert ESCAPE in told
        for part in (*PARTS, KILLED, *GUIDED):
            assert part.name in told
        for ending in {part.ending.value for part in (*PARTS, KILLED)}:
            assert ending in told
    assert "kill -9" in done.stderr
    assert "nothing happened twice" in done.stderr
    assert "then resume" in done.stderr, "a pipe gets the whole of each remedy"
    assert "Traceback" not in done.stdout + done.stderr
    assert "glpat-" not in done.stdout + done.stderr
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith("ropewalk-")] == []


@pytest.mark.chaos
@ONLY_IN_FULL
@pytest.mark.slow
def test_the_result_is_one_document_for_programs(tmp_path: Path) -> None:
    """--format json: stdout holds it and nothing else, --quiet leaves nothing beside it."""
    done = _demo(tmp_path, "--quiet", "--format", "json")
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    document = json.loads(done.stdout)
    assert (document["schema"], document["ok"]) == ("ropewalk.demo/1", True)
    assert ESCAPE not in done.stdout
    expected = {part.project: part.ending.value for part in (*PARTS, KILLED)} | {
        part.project: "published" for part in GUIDED
    }
    assert {one["project"]: one["state"] for one in document["releases"]} == expected
    assert all(one["told"] and not one["faults"] for one in document["releases"])


@pytest.mark.slow
def test_a_demo_that_cannot_be_told_fails(tmp_path: Path) -> None:
    """Without git nobody can push a tag: one sentence, no success."""
    done = _demo(tmp_path, environ={"PATH": "/nonexistent"})
    assert done.returncode != 0
    assert "nothing happened twice" not in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr


# The verdict at the end

SHA = "a" * 40
WHEEL, SDIST = "widget-1.1.0-py3-none-any.whl", "widget-1.1.0.tar.gz"
BOTH = {WHEEL: "1" * 64, SDIST: "2" * 64}
API = "/api/v4/projects/7"
GOOD = Seen(registry=BOTH, index=BOTH, releases=1, links=2 * FILES, notes={1: 1, 2: 1}, note_text="released")
GOOD_WRITES = Counter(
    {
        ("POST", f"{API}/packages/pypi"): 2,
        ("POST", f"{API}/releases"): 1,
        ("POST", f"{API}/merge_requests/1/notes"): 1,
        ("POST", f"{API}/merge_requests/2/notes"): 1,
    }
)
STOPPED = Seen(registry={}, index={}, releases=0, links=0, notes={1: 1}, note_text="TWINE_PASSWORD is not masked")
STOPPED_WRITES = Counter({("POST", f"{API}/merge_requests/1/notes"): 1})


def _release(state: ReleaseState) -> Release:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    return Release(
        id=ReleaseId(project_id=7, kind=RefKind.TAG, ref="v1.1.0", sha=SHA),
        project="acme/tools/widget",
        state=state,
        created_at=now,
        updated_at=now,
        asked_at=now,
        due_at=None,
        source=Source.ARTIFACTS,
        next="because",
    )


def _check(seen: Seen, writes: Counter[tuple[str, str]], state: ReleaseState, expected: ReleaseState) -> Ending:
    return check(_release(state), seen, writes, name="widget", expected=expected, remedy="TWINE_PASSWORD", seconds=1.0)


PUBLISHED, BLOCKED, CONFLICT = ReleaseState.PUBLISHED, ReleaseState.BLOCKED, ReleaseState.CONFLICT


@pytest.mark.parametrize(
    ("seen", "writes", "state", "expected"),
    [
        (GOOD, GOOD_WRITES, PUBLISHED, PUBLISHED),
        (STOPPED, STOPPED_WRITES, BLOCKED, BLOCKED),
        (replace(STOPPED, index={WHEEL: "3" * 64}), STOPPED_WRITES, CONFLICT, CONFLICT),
    ],
)
def test_what_came_out_has_no_faults(
    seen: Seen, writes: Counter[tuple[str, str]], state: ReleaseState, expected: ReleaseState
) -> None:
    """A release that ended as the story wants it."""
    assert _check(seen, writes, state, expected).faults == ()


def test_the_last_picture_names_every_end_and_its_proof() -> None:
    """The table for people and the document for programs tell the same."""
    endings = [_check(GOOD, GOOD_WRITES, PUBLISHED, PUBLISHED), _check(STOPPED, STOPPED_WRITES, BLOCKED, PUBLISHED)]
    drawn = table(endings, color=False)
    assert all(word in drawn for word in ("published", "blocked", "!1, !2", "1" * 16))
    document = as_json(endings, 12.34)
    assert (document["ok"], document["seconds"]) == (False, 12.3)
    rows = document["releases"]
    assert isinstance(rows, list)
    first, second = rows
    assert (first["proof"], first["told"], first["faults"]) == (BOTH, [1, 2], [])
    assert (second["state"], second["where"]["registry"]) == ("blocked", [])
    assert second["faults"]


@pytest.mark.parametrize(
    ("seen", "writes", "state", "expected", "word"),
    [
        (GOOD, GOOD_WRITES, BLOCKED, PUBLISHED, "ended blocked instead of published"),
        (replace(GOOD, index={}), GOOD_WRITES, PUBLISHED, PUBLISHED, "indexes differ"),
        (replace(GOOD, index=BOTH | {WHEEL: "3" * 64}), GOOD_WRITES, PUBLISHED, PUBLISHED, "indexes differ"),
        (
            replace(GOOD, registry={WHEEL: "1" * 64}, index={WHEEL: "1" * 64}),
            GOOD_WRITES,
            PUBLISHED,
            PUBLISHED,
            "lack files",
        ),
        (replace(GOOD, releases=0), GOOD_WRITES, PUBLISHED, PUBLISHED, "0 GitLab Releases"),
        (replace(GOOD, links=3), GOOD_WRITES, PUBLISHED, PUBLISHED, "3 links"),
        (replace(GOOD, notes={1: 1, 2: 0}), GOOD_WRITES, PUBLISHED, PUBLISHED, "!2 has 0 notes"),
        (replace(GOOD, notes={1: 2, 2: 1}), GOOD_WRITES, PUBLISHED, PUBLISHED, "!1 has 2 notes"),
        *(
            (GOOD, GOOD_WRITES + Counter([write]), PUBLISHED, PUBLISHED, f"{write[1]} was done")
            for write in GOOD_WRITES
        ),
        (replace(STOPPED, registry=BOTH), STOPPED_WRITES, BLOCKED, BLOCKED, "something was published"),
        (replace(STOPPED, index=BOTH), STOPPED_WRITES, BLOCKED, BLOCKED, "something was published"),
        (replace(STOPPED, releases=1), STOPPED_WRITES, BLOCKED, BLOCKED, "there is a GitLab Release"),
        (replace(STOPPED, note_text="no"), STOPPED_WRITES, BLOCKED, BLOCKED, "does not speak of 'TWINE_PASSWORD'"),
        (STOPPED, Counter(), BLOCKED, BLOCKED, "was done 0 times instead of 1"),
        (
            STOPPED,
            STOPPED_WRITES + Counter([("POST", f"{API}/packages/pypi")]),
            BLOCKED,
            BLOCKED,
            "was done 1 times instead of 0",
        ),
    ],
)
def test_what_did_not_come_out_is_named(
    seen: Seen, writes: Counter[tuple[str, str]], state: ReleaseState, expected: ReleaseState, word: str
) -> None:
    """Each fault is found, and one sentence says which."""
    faults = _check(seen, writes, state, expected).faults
    assert len([fault for fault in faults if word in fault]) == 1, faults


PENNANT, HALYARD = GUIDED
TOLD = Counter({("POST", f"{API}/merge_requests/1/notes"): 1})
UPLOADED = {
    PENNANT: Seen(registry={}, index=BOTH, releases=0, links=0, notes={1: 1}, note_text=""),
    HALYARD: Seen(registry=BOTH, index={}, releases=0, links=0, notes={1: 1}, note_text=""),
}
PROVEN = replace(_release(PUBLISHED), source=Source.PIPELINE, version="1.1.0")


@pytest.mark.parametrize("part", GUIDED)
def test_what_the_guides_jobs_uploaded_has_no_faults(part: guided.Guided) -> None:
    """Two files where the job uploads, none elsewhere, and nothing that the bot sent."""
    assert guided.check(PROVEN, UPLOADED[part], TOLD, part) == []


@pytest.mark.parametrize(
    ("release", "seen", "writes", "word"),
    [
        (replace(PROVEN, source=Source.ARTIFACTS), {}, TOLD, "from source artifacts"),
        (replace(PROVEN, state=BLOCKED), {}, TOLD, "ended blocked"),
        (replace(PROVEN, version=None), {}, TOLD, "its version is None"),
        (PROVEN, {"registry": BOTH}, TOLD, "elsewhere"),
        (PROVEN, {"index": {}}, TOLD, "the job left [] where it uploads"),
        (PROVEN, {"notes": {1: 0}}, TOLD, "has 0 notes"),
        *(
            (PROVEN, {}, TOLD + Counter([("POST", f"{API}/{path}")]), f"the bot sent {path}")
            for path in ("packages/pypi", "releases", "pipeline")
        ),
    ],
)
def test_what_the_guides_jobs_did_not_do_is_named(
    release: Release, seen: dict[str, dict[str, str]], writes: Counter[tuple[str, str]], word: str
) -> None:
    """Each fault is found, and one sentence says which."""
    shown = replace(UPLOADED[PENNANT], **seen)  # type: ignore[arg-type]  # a test's shorthand
    faults = guided.check(release, shown, writes, PENNANT)
    assert len([fault for fault in faults if word in fault]) == 1, faults

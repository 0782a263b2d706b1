"""The words of a plan, and what moved between two of them."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from bot.cli.output import Json
from bot.cli.planned import moved, read_plan
from bot.domain.errors import ConfigError
from bot.domain.releases import AttemptOutcome, Receipt, TargetState
from bot.ports.index import Gathered
from bot.release.actions import CreateRelease, Upload
from bot.release.facts import Seen, Unreadable
from bot.release.forecast import Course, forecast
from bot.release.plan import prove
from bot.release.targets import Assessment
from bot.release.targets.index import assess
from tests.unit.release_facts import (
    NOON,
    PUBLIC,
    REGISTRY,
    SDIST,
    WHEEL,
    PlainTexts,
    attempt,
    changes,
    distribution,
    good_facts,
    index,
    listed,
    wanted,
)

CREATE = CreateRelease(tag="v1.1.0", name="v1.1.0", description="", links=())
REFUSED = Unreadable("indexes.public (https://s/): it answers 403 Forbidden", 403)


def test_a_plan_says_of_every_file_and_index_what_would_happen() -> None:
    """Index by index, wheels first, then what has to do with no index."""
    facts = replace(
        good_facts(),
        indexes={
            "registry": Seen(index(REGISTRY, listed(WHEEL))),
            "public": Seen(index(PUBLIC, listed(SDIST, "ee" * 32))),
        },
    )
    actions = (Upload(index="registry", filename=SDIST), Upload(index="public", filename=WHEEL), CREATE)
    steps = forecast(wanted(), facts, actions)
    assert [(step.target, step.course, step.sentence) for step in steps] == [
        ("index:registry", Course.SKIP, f"would skip {WHEEL} (identical on registry)"),
        ("index:registry", Course.UPLOAD, f"would upload {SDIST} to registry"),
        ("index:public", Course.UPLOAD, f"would upload {WHEEL} to public"),
        ("index:public", Course.STOP, f"would stop (other bytes of {SDIST} on public)"),
        ("gitlab_release", Course.ACT, "would create the GitLab Release v1.1.0"),
    ]


@pytest.mark.parametrize(
    ("seen", "sentence"),
    [
        (REFUSED, "cannot tell (403 on public: indexes.public (https://s/): it answers 403 Forbidden)"),
        (Unreadable("no hash is shown"), "cannot tell (public: no hash is shown)"),
    ],
)
def test_an_index_that_cannot_be_read_is_said_once_with_its_status(seen: Unreadable, sentence: str) -> None:
    facts = replace(good_facts(), indexes={"registry": Seen(index(REGISTRY)), "public": seen})
    (step,) = forecast(wanted(), facts, ())
    assert (step.course, step.file, step.sentence) == (Course.CANNOT_TELL, None, sentence)


@pytest.mark.parametrize(
    ("files", "tries", "reason"),
    [
        ((WHEEL, SDIST), (), "nothing uploaded: all 2 files stood there already, identical"),
        ((WHEEL,), (), "nothing uploaded: the file stood there already, identical"),
        ((WHEEL, SDIST), (AttemptOutcome.PUT_OFF,), "nothing uploaded: all 2 files stood there already, identical"),
        ((WHEEL, SDIST), (AttemptOutcome.ACCEPTED,), ""),
        ((WHEEL, SDIST), (AttemptOutcome.UNCLEAR,), ""),
    ],
)
def test_an_index_that_had_everything_is_a_result_of_its_own(
    files: tuple[str, ...], tries: tuple[AttemptOutcome, ...], reason: str
) -> None:
    """What we may have sent ourselves is not called found."""
    facts = replace(
        good_facts(),
        files=Seen(Gathered(files=tuple(map(distribution, files)))),
        indexes={"registry": Seen(index(REGISTRY, *map(listed, files)))},
        attempts=tuple(attempt(outcome) for outcome in tries),
    )
    said = assess(wanted(), facts, "registry")
    assert isinstance(said, Assessment)
    assert (said.status.state, said.status.reason) == (TargetState.DONE, reason)


@pytest.mark.parametrize("proven", [False, True])
def test_a_file_that_was_seen_and_is_gone_is_not_called_late(proven: bool) -> None:
    facts = replace(good_facts(), attempts=(attempt(AttemptOutcome.ACCEPTED, at=NOON - timedelta(seconds=1)),))
    receipt = Receipt(target="index:registry", kind="upload", where="https://r/", at=NOON, file=WHEEL, sha256="1" * 64)
    said = assess(
        wanted(),
        replace(
            facts,
            receipts=(receipt,) if proven else (),
            files=Seen(Gathered(files=(distribution(WHEEL),))),
        ),
        "registry",
    )
    assert isinstance(said, Assessment)
    what = "stood there and is not listed any more" if proven else "was accepted and is not listed yet"
    assert said.status.reason == f"{WHEEL} {what}"


@pytest.mark.parametrize(
    ("minutes", "state"), [(1, TargetState.PENDING), (9, TargetState.PENDING), (11, TargetState.FAILED)]
)
def test_a_file_that_is_refused_because_it_stands_there_already_unlisted_is_waited_for(
    minutes: int, state: TargetState
) -> None:
    """The list of an index behind a cache comes late; after ten minutes it is no matter of that any more."""
    tries = (
        attempt(AttemptOutcome.ACCEPTED, at=NOON),
        attempt(AttemptOutcome.REFUSED, at=NOON + timedelta(seconds=30), again=False, reason="409 exists", number=2),
    )
    now = NOON + timedelta(minutes=minutes)
    facts = replace(good_facts(), now=now, attempts=tries, indexes={"registry": Seen(index(REGISTRY, at=now))})
    said = assess(wanted(), facts, "registry")
    assert isinstance(said, Assessment)
    assert (said.status.state, said.actions) == (state, ())
    assert "409 exists" in said.status.reason


@pytest.mark.parametrize(
    ("seconds", "hours", "reason"),
    [
        (20, 0, "429 slow down"),
        (5400, 0, "429 slow down; looked at again at 2026-08-03 13:30 UTC"),
        (20, 1, "429 slow down; retried until 2026-08-03 13:00 UTC"),
        (600, 1, "429 slow down; retried at 2026-08-03 12:10 UTC, and until 2026-08-03 13:00 UTC"),
        (5400, 1, "429 slow down; retried at 2026-08-03 13:30 UTC, and until 2026-08-03 13:30 UTC"),
    ],
)
def test_a_wait_for_an_index_says_how_long_it_may_go_on_and_a_long_one_when_it_does(
    seconds: float, hours: int, reason: str
) -> None:
    slow = attempt(AttemptOutcome.REFUSED, retry_after=seconds, reason="429 slow down", at=NOON)
    spec = replace(REGISTRY, retry_for=timedelta(hours=hours))
    seen = index(spec, at=NOON + timedelta(seconds=1))
    said = assess(wanted(), replace(good_facts(), attempts=(slow,), indexes={"registry": Seen(seen)}), "registry")
    assert isinstance(said, Assessment)
    assert said.status.reason == reason


def compared(version: str | None) -> Json:
    return {"since": version, "index": "registry" if version else None, "digest": "d", "found": [], "unread": []}


def places(*indexes: str) -> list[Json]:
    return [{"index": one, "address": f"https://{one}.example.com/"} for one in indexes]


def document(**fields: object) -> Json:
    return {
        "project": "acme/widget",
        "ref": "v1.1.0",
        "sha": "a" * 40,
        "version": "1.1.0",
        "gates": [{"name": "hygiene", "verdict": "pass", "reason": "masked and protected"}],
        "files": [{"file": WHEEL, "sha256": "1" * 64}, {"file": SDIST, "sha256": "2" * 64}],
        "actions": [
            {"target": "index:registry", "file": WHEEL, "would": "w", "text": f"would upload {WHEEL} to registry"},
            {"target": "gitlab_release", "file": None, "would": "create it", "text": "would create it"},
        ],
        "indexes": places("registry", "public"),
        "differences": compared("1.0.0"),
        **fields,
    }


GOOD = document()["gates"]
MOVES: list[tuple[str, Json, list[str]]] = [
    ("nothing", {}, []),
    (
        "a gate that policy asks for since",
        {"gates": [*GOOD, {"name": "expected_files", "verdict": "fail", "reason": "policy expects an sdist"}]},  # type: ignore[misc]
        ["gate expected_files is fail now, planned was without it: policy expects an sdist"],
    ),
    (
        "a gate that policy asks for since and that passes",
        {"gates": [*GOOD, {"name": "expected_files", "verdict": "pass", "reason": "all is there"}]},  # type: ignore[misc]
        [],
    ),
    (
        "an index of the same name elsewhere",
        {"indexes": [{"index": "registry", "address": "https://elsewhere.example.com/"}]},
        ["index registry is https://elsewhere.example.com/ now, planned was https://registry.example.com/"],
    ),
    (
        "the indexes in another order",
        {"indexes": places("public", "more", "registry")},
        ["the indexes come as public, registry now, planned was registry, public"],
    ),
    (
        "another release to compare with",
        {"differences": compared("1.0.1")},
        ["the files are compared with 1.0.1 on registry now, planned was 1.0.0 on registry"],
    ),
    (
        "the release that it was compared with is gone",
        {"differences": compared(None)},
        ["the files are compared with nothing now, planned was 1.0.0 on registry"],
    ),
    ("nobody could compare", {"differences": None}, []),
    ("commit", {"sha": "b" * 40}, [f"v1.1.0 is at {'b' * 40} now, the plan was for {'a' * 40}"]),
    ("project", {"project": "acme/gadget"}, ["the project is acme/gadget now, the plan was for acme/widget"]),
    ("version", {"version": "1.2"}, ["the version is 1.2 now, planned was 1.1.0"]),
    (
        "files",
        {"files": [{"file": WHEEL, "sha256": "3" * 64}, {"file": "new.whl", "sha256": "4" * 64}]},
        [
            f"{WHEEL} has other bytes now, sha256 333333333333… instead of 111111111111…",
            f"{SDIST} is not there any more",
            "new.whl is new, sha256 444444444444…",
        ],
    ),
    (
        "gate",
        {"gates": [{"name": "hygiene", "verdict": "fail", "reason": "TWINE_PASSWORD is not masked"}], "actions": []},
        [
            "gate hygiene is fail now, planned was pass: TWINE_PASSWORD is not masked",
            f"planned was: would upload {WHEEL} to registry; now: nothing",
            "planned was: would create it; now: nothing",
        ],
    ),
    (
        "stopped before its files",
        {
            "version": None,
            "files": [],
            "gates": [{"name": "hygiene", "verdict": "fail", "reason": "TWINE_PASSWORD is not masked"}],
            "actions": [{"target": "note:!1", "file": None, "would": "tell", "text": "would tell"}],
        },
        [
            "gate hygiene is fail now, planned was pass: TWINE_PASSWORD is not masked",
            "planned was: nothing; now: would tell",
        ],
    ),
    (
        "index",
        {"actions": [{"target": "index:registry", "file": WHEEL, "would": "s", "text": "would skip it"}]},
        [
            f"planned was: would upload {WHEEL} to registry; now: would skip it",
            "planned was: would create it; now: nothing",
        ],
    ),
]


def test_what_is_gone_is_named_and_not_how_its_upload_once_went() -> None:
    """`verify` tells what an index lacks now: that a try failed before has nothing to do with it."""
    lost = attempt(AttemptOutcome.UNCLEAR, at=NOON - timedelta(seconds=1), reason="the connection failed")
    proof = Receipt(target="index:registry", kind="upload", where="x", file=WHEEL, sha256="a" * 64, at=NOON)
    seen = {"registry": Seen(index(REGISTRY, listed(SDIST))), "public": Seen(index(PUBLIC))}
    facts = replace(good_facts(), attempts=(lost,), receipts=(proof,), indexes=seen, release=Seen(None))
    facts = replace(facts, changes=Seen(changes(1)), changelog=Seen(""), changelog_file=Unreadable("it is gone", 404))
    said = prove(wanted(indexes=(REGISTRY,)), facts, PlainTexts()).next or ""
    assert f"index:registry ({WHEEL} is not listed)" in said
    assert "the connection failed" not in said


@pytest.mark.parametrize(("fields", "sentences"), [row[1:] for row in MOVES], ids=[row[0] for row in MOVES])
def test_what_moved_is_named_in_plain_words(fields: Json, sentences: list[str]) -> None:
    assert list(moved(document(), document(**fields))) == sentences


def test_a_plan_of_an_older_version_is_compared_by_what_it_says() -> None:
    """It knew neither files nor gates, and its actions had no text."""
    old = copy.deepcopy(document())
    del old["files"], old["gates"], old["indexes"], old["differences"]
    old["actions"] = [{"target": "gitlab_release", "would": "create it"}]
    assert list(moved(old, document())) == [f"planned was: nothing; now: would upload {WHEEL} to registry"]


@pytest.mark.parametrize(
    "fields",
    [
        {"gates": None},
        {"gates": [{}]},
        {"gates": ["hygiene"]},
        {"files": [1]},
        {"files": {"file": WHEEL}},
        {"indexes": [{}]},
        {"actions": None},
    ],
    ids=str,
)
def test_a_plan_that_somebody_spoilt_is_no_plan(fields: Json, tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    path.write_text(json.dumps(document()))
    assert read_plan(path) == document()
    path.write_text(json.dumps(document(**fields)))
    with pytest.raises(ConfigError, match="is not a plan"):
        read_plan(path)

"""What people say of a release under way, heard by the desk: over the fakes, with turns in between."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from bot.domain.consents import Approval, ApprovalRule, Approver, Author, Hold
from bot.domain.releases import Receipt, Release, ReleaseState
from bot.engine.consents import Desk, Refused
from bot.release.facts import Wanted
from tests.contract.turn_bench import MOVED, Bench, planned
from tests.fake_store import FakeReleaseRows
from tests.unit.release_facts import NOON, PROJECT, SHA, merge_request, wanted

HOUR = timedelta(hours=1)
ROBOT = 7
TARGET = f"{PROJECT.full_path}@v1.1.0"
ADA = Approver(user_id=5, username="ada", level=None, emails=frozenset({"ada@example.com"}))
WAITING = replace(planned(), state=ReleaseState.WAITING, due_at=NOON + HOUR)
PROOF = Receipt(target="index:registry", kind="upload", where="there", at=NOON, file="f", sha256="00" * 32)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    bench = Bench(folder=tmp_path)
    bench.people.roles[ADA.user_id] = 40
    return bench


def desk(bench: Bench, *rows: Release) -> tuple[Desk, FakeReleaseRows]:
    store = FakeReleaseRows(*rows)
    return Desk(eyes=bench.tools.eyes, queue=store, register=store, robot=lambda: ROBOT, clock=bench.clock), store


def row(store: FakeReleaseRows) -> Release:
    found = store.release(planned().key)
    assert found is not None
    return found


def approve(bench: Bench, approver: Approver = ADA, rule: ApprovalRule | None = None) -> Approval | Refused:
    want = replace(wanted(), rule=replace(wanted().rule, approval=rule or ApprovalRule()))
    return heard(desk(bench, WAITING)[0], want, approver)


def heard(here: Desk, want: Wanted, approver: Approver) -> Approval | Refused:
    said = here.weigh(want, approver)
    return said if isinstance(said, Refused) else here.record(WAITING, said)


def test_a_yes_is_recorded_with_who_when_and_what_for_and_wakes_the_release(bench: Bench) -> None:
    here, store = desk(bench, WAITING)
    want = replace(wanted(), rule=replace(wanted().rule, approval=ApprovalRule()))
    said = heard(here, want, ADA)
    assert isinstance(said, Approval)
    assert (said.user_id, said.username, said.level, said.sha) == (5, "ada", 40, SHA)
    assert bench.approvals.approvals(WAITING.key) == (said,)
    due = row(store).due_at
    assert due is not None
    assert due <= bench.clock.now
    assert heard(here, want, replace(ADA, username="renamed")) == said, "once is enough"


def test_who_may_not_approve_leaves_no_trace(bench: Bench) -> None:
    cases: list[tuple[str, Approver, ApprovalRule]] = [
        ("ada is the bot itself", replace(ADA, user_id=ROBOT), ApprovalRule()),
        ("ada is no person but a robot's user", replace(ADA, robot=True), ApprovalRule()),
        ("ada is no active member of the project", replace(ADA, user_id=6), ApprovalRule()),
        ("ada is not among those whom policy names", ADA, ApprovalRule(users=("grace",))),
    ]
    for words, approver, rule in cases:
        said = approve(bench, approver, rule)
        assert isinstance(said, Refused)
        assert words in said.why
    assert bench.approvals.given == {}


@pytest.mark.parametrize(
    ("author", "words"),
    [
        (Author(what="pushed tag v1.1.0", user_id=5), "ada pushed tag v1.1.0, and nobody approves their own work"),
        (Author(what="is author of commit 0a1b2c3d", email="Ada@Example.com"), "ada is author of commit 0a1b2c3d"),
    ],
)
def test_an_author_is_known_by_id_or_address(bench: Bench, author: Author, words: str) -> None:
    bench.people.made = (author,)
    said = approve(bench)
    assert isinstance(said, Refused)
    assert words in said.why


def test_the_author_of_something_shipped_may_not_unless_policy_asks_for_the_commit_alone(bench: Bench) -> None:
    bench.history.merged[SHA] = (replace(merge_request(3), author_id=5),)
    said = approve(bench)
    assert isinstance(said, Refused)
    assert said.why == "ada wrote !3, and nobody approves their own work"
    assert isinstance(approve(bench, rule=ApprovalRule(all_authors=False)), Approval)


@pytest.mark.parametrize("there", [MOVED, None])
def test_a_tag_that_is_elsewhere_is_not_approved(bench: Bench, there: object) -> None:
    bench.move_tag(MOVED if there else None)
    said = approve(bench)
    assert isinstance(said, Refused)
    assert said.why == "tag v1.1.0 is not at 0a1b2c3d any more"


@pytest.mark.parametrize(
    ("until", "receipts", "state"),
    [
        (None, [], ReleaseState.BLOCKED),
        (None, [PROOF], ReleaseState.PARTIAL),
        (None, [replace(PROOF, kind="published")], ReleaseState.PARTIAL),
        (None, [replace(PROOF, kind="found")], ReleaseState.BLOCKED),
        (NOON + HOUR, [PROOF], ReleaseState.WAITING),
    ],
)
def test_a_hold_takes_the_turn_away_and_lifted_gives_it_back(
    bench: Bench, until: datetime | None, receipts: list[Receipt], state: ReleaseState
) -> None:
    bench.ledger.record(planned().key, receipts)
    here, store = desk(bench, planned())
    said = here.hold(PROJECT.id, TARGET, "v1.1.0", Hold(by="ada", since=NOON, until=until))
    held = row(store)
    assert (held.state, held.next, held.gates[-1], held.turn) == (state, said.reason, said, 1)
    assert not store.finish(replace(planned(), state=ReleaseState.PUBLISHED), wake_seen=0), "its turn is over"
    assert here.lift(PROJECT.id, "v1.1.0") is not None
    assert row(store).state is (ReleaseState.WAITING if until else ReleaseState.PLANNED)
    assert here.lift(PROJECT.id, "v1.1.0") is None


@pytest.mark.parametrize("state", [ReleaseState.PUBLISHED, ReleaseState.FAILED])
def test_what_came_to_its_end_stays_as_it_is_and_the_hold_is_for_what_comes(bench: Bench, state: ReleaseState) -> None:
    ended = replace(planned(), state=state, due_at=None)
    here, store = desk(bench, ended)
    here.hold(PROJECT.id, TARGET, "v1.1.0", Hold(by="ada", since=NOON))
    assert row(store) == ended
    assert bench.holds.hold(PROJECT.id, "v1.1.0") is not None
    here.lift(PROJECT.id, "v1.1.0")
    assert row(store) == ended

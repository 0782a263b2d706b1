"""The promises of bot.ports.store, held by the fakes, by SQLite on a real file and by a real PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from bot.domain.policy import Source
from bot.domain.refs import ChangeSource, KnownRefs, RefAction, RefChange, RefKind
from bot.domain.releases import STOPPED, AttemptOutcome, Receipt, Release, ReleaseState, TargetState, TargetStatus
from bot.domain.verdicts import Consequence, GateResult, Verdict
from bot.ports.store import Enrolment, Hints, Intake, Kept, Ledger, Queue, Register, Spread, Taken, Urgency, Waker
from tests.contract.comparisons import comparison
from tests.contract.states import BOTH, store_on
from tests.contract.turn_bench import planned
from tests.fake_store import FakeIntake, FakeKept, FakeLedger, FakeReleaseRows
from tests.unit.release_facts import NOON, OTHER_SHA, PROJECT, SDIST, SHA, WHEEL, attempt, distribution

HOUR, MINUTE, SECOND = timedelta(hours=1), timedelta(minutes=1), timedelta(seconds=1)
KEY = planned().key


@dataclass(frozen=True, slots=True)
class State:
    """One store, by its ports."""

    ledger: Ledger
    kept: Kept
    queue: Queue
    waker: Waker
    intake: Intake
    register: Register
    enrolment: Enrolment
    hints: Hints


@pytest.fixture(params=["fake", *BOTH])
def state(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[State]:
    if request.param == "fake":
        rows = FakeReleaseRows()
        intake = FakeIntake(rows=rows)
        yield State(
            ledger=FakeLedger(),
            kept=FakeKept(),
            queue=rows,
            waker=rows,
            intake=intake,
            register=rows,
            enrolment=intake,
            hints=intake,
        )
        return
    store = store_on(request.param, request, tmp_path)
    yield State(
        ledger=store.ledger,
        kept=store.kept,
        queue=store.releases,
        waker=store.releases,
        intake=store.intake,
        register=store.releases,
        enrolment=store.enrolment,
        hints=store.enrolment,
    )
    store.close()


def row(state: State, key: str = KEY) -> Release:
    found = state.queue.release(key)
    assert found is not None
    return found


def change(ref: str = "v1.1.0", sha: str = SHA, action: RefAction = RefAction.CREATED) -> RefChange:
    return RefChange(
        project_id=42,
        project=PROJECT.full_path,
        kind=RefKind.TAG,
        ref=ref,
        sha=sha,
        action=action,
        source=ChangeSource.POLL,
    )


# The ledger.


def test_a_claim_and_its_outcome_are_one_try(state: State) -> None:
    state.ledger.attempt(KEY, attempt(AttemptOutcome.CLAIMED, number=1, reason=""))
    state.ledger.attempt(KEY, attempt(AttemptOutcome.CLAIMED, number=2, item=SDIST, reason=""))
    outcome = attempt(AttemptOutcome.REFUSED, number=1, retry_after=90, again=False, at=NOON + HOUR)
    state.ledger.attempt(KEY, outcome)
    assert state.ledger.attempts(KEY) == (outcome, attempt(AttemptOutcome.CLAIMED, number=2, item=SDIST, reason=""))


def test_tries_come_back_in_the_order_of_their_numbers_and_by_release(state: State) -> None:
    for number in (10, 2, 1):
        state.ledger.attempt(KEY, attempt(number=number))
    state.ledger.attempt("another", attempt(number=3))
    assert [found.number for found in state.ledger.attempts(KEY)] == [1, 2, 10]
    assert state.ledger.attempts("nobody") == ()


def test_a_proof_stays_as_it_was_first_written(state: State) -> None:
    first = Receipt(target="index:registry", kind="upload", where="https://x/a", at=NOON, file=WHEEL, sha256="a" * 64)
    note = Receipt(target="note:!1", kind="note", where="https://x/n", at=NOON)
    state.ledger.record(KEY, [first, note])
    other_bytes = replace(first, sha256="b" * 64)
    state.ledger.record(KEY, [replace(first, kind="found", at=NOON + HOUR), replace(note, at=NOON + HOUR), other_bytes])
    assert state.ledger.receipts(KEY) == (first, note, other_bytes)
    assert state.ledger.receipts("nobody") == ()


# Kept files.


def test_kept_files_are_replaced_as_a_whole(state: State) -> None:
    files = (distribution(SDIST), distribution(WHEEL, problem="odd"))
    state.kept.keep(KEY, files)
    assert set(state.kept.files(KEY)) == set(files)
    state.kept.keep(KEY, files[:1])
    assert state.kept.files(KEY) == files[:1]
    assert state.kept.files("nobody") == ()


def test_the_first_owner_of_a_name_stays(state: State) -> None:
    assert state.kept.owner("acme-widget") is None
    state.kept.own("acme-widget", 42)
    state.kept.own("acme-widget", 7)
    assert state.kept.owner("acme-widget") == 42


# The queue.


def test_a_release_comes_back_as_it_was_finished(state: State) -> None:
    state.register.add(planned())
    full = replace(
        row(state),
        state=ReleaseState.PARTIAL,
        updated_at=NOON + timedelta(microseconds=1),
        due_at=NOON + HOUR,
        faults=3,
        version="1.1.0",
        source=Source.ARTIFACTS,
        source_reason="because",
        next="resume",
        gates=(
            GateResult(name="hygiene", verdict=Verdict.PASS, reason="fine"),
            GateResult(
                name="pipeline_green",
                verdict=Verdict.UNKNOWN,
                reason="runs",
                consequence=Consequence.WAIT,
                look_again=timedelta(seconds=2.5),
            ),
        ),
        targets=(TargetStatus(name="note:!1", state=TargetState.FAILED, reason="403", attempts=2),),
        requests=(("tag", 3), ("index write", 4)),
    )
    assert state.queue.finish(full, wake_seen=0)
    assert row(state) == replace(full, turn=1)


def test_an_unknown_release_is_none(state: State) -> None:
    assert state.queue.release("nobody") is None


def test_what_is_due_comes_longest_overdue_first_and_no_more_than_asked_for(state: State) -> None:
    for number, late in ((1, 1), (2, 3), (3, 2), (4, 0), (5, -1)):
        state.register.add(planned(number, due_at=NOON - late * HOUR))
    state.register.add(planned(6, due_at=None))
    assert [found.project_id for found in state.queue.due(NOON, limit=10)] == [2, 3, 1, 4]
    assert [found.project_id for found in state.queue.due(NOON, limit=2)] == [2, 3]


def test_times_are_compared_as_moments_whatever_their_zone(state: State) -> None:
    zone = timezone(timedelta(hours=5))
    state.register.add(planned(1, due_at=NOON.astimezone(zone)))
    assert state.queue.due(NOON - timedelta(seconds=1), limit=1) == ()
    assert [found.due_at for found in state.queue.due(NOON, limit=1)] == [NOON]


def test_only_the_first_to_end_a_turn_writes_it(state: State) -> None:
    state.register.add(planned())
    mine = row(state)
    assert state.queue.finish(replace(mine, state=ReleaseState.WAITING), wake_seen=0)
    assert not state.queue.finish(replace(mine, state=ReleaseState.FAILED), wake_seen=0)
    assert (row(state).state, row(state).turn) == (ReleaseState.WAITING, 1)


def ended(state: State, release: Release, verdict: ReleaseState, due_at: datetime | None) -> Release:
    now = NOON + timedelta(minutes=5)
    assert state.queue.finish(replace(release, state=verdict, updated_at=now, due_at=due_at), wake_seen=release.wake)
    return row(state)


def test_a_wake_up_during_a_turn_makes_an_open_release_due_at_once(state: State) -> None:
    state.register.add(planned())
    begun = row(state)
    assert state.queue.wake(KEY, NOON + timedelta(minutes=1))
    after = ended(state, begun, ReleaseState.WAITING, NOON + HOUR)
    assert after.due_at == NOON + timedelta(minutes=5)
    assert after.woken
    # `due` must find it too: what is stored has to sort as every other time does.
    assert [found.key for found in state.queue.due(NOON + timedelta(minutes=5), limit=1)] == [KEY]
    assert state.queue.due(NOON + timedelta(minutes=4), limit=1) == ()


def test_a_wake_up_before_a_turn_is_spent_with_it(state: State) -> None:
    state.register.add(planned())
    state.queue.wake(KEY, NOON)
    after = ended(state, row(state), ReleaseState.WAITING, NOON + HOUR)
    assert (after.due_at, after.woken) == (NOON + HOUR, False)


def test_a_wake_up_during_the_turn_that_ends_a_release_starts_no_other(state: State) -> None:
    state.register.add(planned())
    begun = row(state)
    state.queue.wake(KEY, NOON)
    assert ended(state, begun, ReleaseState.PUBLISHED, None).due_at is None


def test_a_resume_during_the_turn_that_ends_a_release_is_not_lost(state: State) -> None:
    state.register.add(planned())
    begun = row(state)
    assert state.queue.wake(KEY, NOON + timedelta(minutes=1), reopen=True)
    after = ended(state, begun, ReleaseState.FAILED, None)
    assert after.due_at == NOON + timedelta(minutes=5)
    assert after.asked_at == NOON + timedelta(minutes=1)


def test_a_hook_wakes_only_a_release_that_waits_for_a_turn(state: State) -> None:
    state.register.add(planned(1, due_at=NOON + HOUR))
    state.register.add(planned(2, due_at=None))
    assert state.queue.wake(planned(1).key, NOON)
    assert not state.queue.wake(planned(2).key, NOON)
    assert not state.queue.wake("nobody", NOON)
    assert [found.project_id for found in state.queue.due(NOON, limit=9)] == [1]


def test_reopening_asks_anew_and_forgets_faults(state: State) -> None:
    state.register.add(planned())
    ended(state, replace(row(state), faults=4), ReleaseState.FAILED, None)
    assert state.queue.wake(KEY, NOON + HOUR, reopen=True)
    found = row(state)
    assert (found.state, found.faults, found.asked_at, found.due_at) == (
        ReleaseState.PLANNED,
        0,
        NOON + HOUR,
        NOON + HOUR,
    )
    assert not state.queue.wake("nobody", NOON, reopen=True)


# Intake.


def test_a_ref_change_is_new_once_whoever_tells_it(state: State) -> None:
    told = replace(change(), source=ChangeSource.HOOK)
    assert state.intake.take([change()], [planned()], NOON).changes == 1
    assert state.intake.take([told, change(action=RefAction.MOVED)], [planned()], NOON + HOUR).changes == 1
    assert row(state).created_at == NOON
    assert len(state.register.releases()) == 1


def test_a_known_release_is_left_alone(state: State) -> None:
    state.register.add(planned())
    published = ended(state, row(state), ReleaseState.PUBLISHED, None)
    state.intake.take([change()], [planned()], NOON + HOUR)
    assert row(state) == published


def test_a_withdrawn_release_begins_anew_when_its_tag_is_back(state: State) -> None:
    state.register.add(planned())
    ended(state, row(state), ReleaseState.WITHDRAWN, None)
    state.intake.take([change()], [planned()], NOON + HOUR)
    found = row(state)
    assert (found.state, found.due_at, found.asked_at) == (ReleaseState.PLANNED, NOON + HOUR, NOON + HOUR)


def test_a_baseline_is_stored_with_what_its_comparison_found(state: State) -> None:
    assert state.intake.known(42) == KnownRefs()
    assert state.intake.compared(comparison({})) == Taken(changes=0, begun=frozenset())
    assert state.intake.known(42).tags == {}
    tags = {"v1.1.0": SHA, "v1.0.0": OTHER_SHA}
    found = comparison(tags, basis={}, changes=(change(),), releases=(planned(),), branches={"main": SHA})
    assert state.intake.compared(found) == Taken(changes=1, begun=frozenset({KEY}))
    assert state.intake.known(42) == KnownRefs(tags=tags, branches={"main": SHA}, patterns=frozenset({"main"}))
    state.intake.compared(comparison({"v1.1.0": OTHER_SHA}, basis=tags))
    assert state.intake.known(42) == KnownRefs(tags={"v1.1.0": OTHER_SHA})
    assert state.intake.known(7).tags is None
    assert row(state).state is ReleaseState.PLANNED


def test_a_comparison_with_a_baseline_that_has_moved_since_is_not_stored(state: State) -> None:
    state.intake.compared(comparison({"v1.1.0": SHA}))
    for basis in (None, {}, {"v1.1.0": OTHER_SHA}):
        assert state.intake.compared(comparison({}, basis=basis, changes=(change(),), releases=(planned(),))) is None
    assert state.intake.known(42).tags == {"v1.1.0": SHA}
    assert state.register.releases() == ()


def test_a_renamed_project_keeps_its_baseline(state: State) -> None:
    tags = {"v1.1.0": SHA}
    state.intake.compared(comparison(tags))
    renamed = replace(PROJECT, full_path="acme/new/widget")
    state.intake.compared(comparison(tags, basis=tags, project=renamed))
    assert state.intake.known(42).tags == tags


def test_a_branch_is_known_by_what_it_was_moved_to(state: State) -> None:
    state.intake.compared(comparison({}, branches={"main": SHA}))
    moved = replace(change(), kind=RefKind.BRANCH, ref="main", sha=OTHER_SHA, action=RefAction.MOVED)
    state.intake.take([moved], (), NOON)
    assert state.intake.known(42).branches == {"main": OTHER_SHA}
    state.intake.take([replace(moved, action=RefAction.DELETED)], (), NOON)
    assert state.intake.known(42).branches == {}


def test_a_cursor_is_what_was_stored_last(state: State) -> None:
    assert state.intake.cursor("poll") is None
    assert state.intake.cursor("poll", NOON) == NOON
    assert state.intake.cursor("poll", NOON + HOUR) == NOON + HOUR
    assert state.intake.cursor("poll") == NOON + HOUR
    assert state.intake.cursor("another") is None
    assert state.intake.cursor("poll", NOON, keep=True) == NOON + HOUR
    assert state.intake.cursor("another", NOON, keep=True) == NOON


# Enrolment.


def due(state: State, now: datetime = NOON, limit: int = 10) -> list[tuple[int, int, bool]]:
    return [(one.project.id, one.tries, one.hinted) for one in state.enrolment.due(now, limit)]


def test_projects_are_looked_at_by_urgency_and_only_the_new_for_a_baseline(state: State) -> None:
    some = [replace(PROJECT, id=number, full_path=f"acme/p{number}") for number in (1, 2, 3)]
    state.enrolment.enrolled(some, NOON, Urgency.BASELINE)
    state.enrolment.enrolled(some[2:], NOON, Urgency.ACTIVE)
    state.hints.ask(2, "acme/p2", NOON)
    assert due(state) == [(2, 0, True), (3, 0, False), (1, 0, False)]
    assert due(state, limit=1) == [(2, 0, True)]
    state.intake.compared(comparison({}, project=some[0]))
    state.enrolment.enrolled(some, NOON + HOUR, Urgency.BASELINE)
    assert due(state, NOON + HOUR) == [(2, 0, True), (3, 0, False)]


def test_a_look_that_failed_comes_again_at_its_time_however_often_it_is_asked_for(state: State) -> None:
    state.enrolment.enrolled([PROJECT], NOON, Urgency.ACTIVE)
    state.enrolment.put_off(42, NOON + HOUR)
    state.enrolment.enrolled([PROJECT], NOON, Urgency.ACTIVE)
    assert due(state) == []
    assert due(state, NOON + HOUR) == [(42, 1, False)]
    state.enrolment.put_off(42, None)
    assert due(state, NOON + HOUR) == []


def test_looks_of_projects_whose_hooks_arrive_follow_each_other_at_a_distance(state: State) -> None:
    names = {1: "heard", 2: "silent", 3: "heard too long ago", 4: "compared before we listened", 5: "never compared"}
    some = {number: replace(PROJECT, id=number, full_path=f"acme/p{number}") for number in names}
    state.enrolment.enrolled(list(some.values()), NOON)
    for number in (1, 2, 3, 4):
        now = NOON - HOUR if number == 4 else NOON + MINUTE
        state.intake.compared(replace(comparison({}, project=some[number]), now=now))
    for number, at in ((1, NOON), (3, NOON - HOUR), (4, NOON), (5, NOON), (99, NOON)):
        state.hints.heard(number, at)
    assert state.enrolment.heard_of(NOON - MINUTE) == 3
    spread = Spread(heard_since=NOON - MINUTE, compared_since=NOON, apart=HOUR)
    state.enrolment.enrolled(list(some.values()), NOON + MINUTE, Urgency.ACTIVE, spread)
    now = NOON + MINUTE
    assert [one[0] for one in due(state, now)] == [2, 3, 4, 5]
    assert [one[0] for one in due(state, now + HOUR - SECOND)] == [2, 3, 4, 5]
    assert [one[0] for one in due(state, now + HOUR)] == [2, 3, 4, 5, 1]


@pytest.mark.parametrize("how", ["hint", "poll"])
def test_a_look_that_was_to_come_later_comes_at_once_where_somebody_asks_for_it(state: State, how: str) -> None:
    state.enrolment.enrolled([PROJECT], NOON)
    state.intake.compared(comparison({}))
    state.hints.heard(PROJECT.id, NOON)
    spread = Spread(heard_since=NOON - HOUR, compared_since=NOON - HOUR, apart=HOUR)
    state.enrolment.enrolled([PROJECT], NOON + MINUTE, Urgency.ACTIVE, spread)
    state.enrolment.enrolled([PROJECT], NOON + MINUTE, Urgency.ACTIVE, replace(spread, apart=HOUR * 2))
    assert due(state, NOON + MINUTE) == []
    if how == "hint":
        state.hints.ask(PROJECT.id, PROJECT.full_path, NOON + MINUTE)
    else:
        state.enrolment.enrolled([PROJECT], NOON + MINUTE, Urgency.ACTIVE)
    assert due(state, NOON + MINUTE) == [(PROJECT.id, 0, how == "hint")]
    state.enrolment.enrolled([PROJECT], NOON + MINUTE, Urgency.ACTIVE, spread)
    assert due(state, NOON + MINUTE) == [(PROJECT.id, 0, how == "hint")], "what is due stays due"


def test_a_look_that_is_asked_for_while_one_is_under_way_is_not_answered_by_it(state: State) -> None:
    state.enrolment.enrolled([PROJECT], NOON + HOUR, Urgency.ACTIVE)
    state.intake.compared(comparison({}))  # began at noon
    assert due(state, NOON + HOUR) == [(42, 0, False)]
    state.intake.compared(replace(comparison({}, basis={}), began=NOON + HOUR))
    assert due(state, NOON + HOUR) == []


def test_a_project_that_left_is_not_looked_at_until_it_is_back_and_keeps_its_baseline(state: State) -> None:
    other = replace(PROJECT, id=43, full_path="acme/rope")
    state.enrolment.enrolled([PROJECT, other], NOON, Urgency.ACTIVE)
    state.intake.compared(replace(comparison({"v1.1.0": SHA}), began=NOON - HOUR))
    state.enrolment.enrolled([other], NOON + HOUR)
    assert state.enrolment.left(NOON + HOUR, unseen_since=NOON + HOUR) == ("acme/tools/widget",)
    assert state.enrolment.left(NOON + HOUR, unseen_since=NOON + HOUR) == ()
    assert not state.hints.watched(42)
    assert due(state) == [(43, 0, False)]
    assert state.enrolment.left(NOON, ids=[43, 44]) == ("acme/rope",)
    state.enrolment.enrolled([PROJECT], NOON, Urgency.ACTIVE)
    assert state.hints.watched(42)
    assert due(state) == [(42, 0, False)]
    assert state.intake.known(42).tags == {"v1.1.0": SHA}


def test_a_hint_at_an_unknown_project_is_looked_at_by_its_id(state: State) -> None:
    state.hints.ask(99, "who/knows", NOON)
    assert due(state) == [(99, 0, True)]


# The register.


def test_the_newest_release_of_a_ref_is_found_by_path_or_id(state: State) -> None:
    old = planned()
    new = replace(planned(), id=replace(old.id, sha=OTHER_SHA), created_at=NOON + HOUR)
    assert state.register.add(old)
    assert state.register.add(new)
    assert not state.register.add(old)
    for project in ("acme/tools/widget", "42"):
        found = state.register.find(project, "v1.1.0")
        assert found is not None
        assert found.id.sha == OTHER_SHA
        assert [release.id.sha for release in state.register.releases(project)] == [OTHER_SHA, SHA]
    assert state.register.find("acme/tools/widget", "v9") is None
    assert len(state.register.releases()) == 2


@pytest.mark.parametrize("project", ["", "nobody", "43", "²", "٣", "9" * 30, "42'; drop table releases; --"])
def test_a_project_that_is_none_has_no_releases(state: State, project: str) -> None:
    state.register.add(planned())
    assert state.register.find(project, "v1.1.0") is None
    assert state.register.releases(project) == ()


def test_a_deleted_tag_counts_as_new_when_it_comes_back(state: State) -> None:
    state.intake.compared(comparison({"v1.1.0": SHA, "v1.0.0": OTHER_SHA}))
    state.intake.take([change(action=RefAction.DELETED)], (), NOON)
    assert state.intake.known(PROJECT.id).tags == {"v1.0.0": OTHER_SHA}


def test_all_waiting_releases_of_a_ref_are_woken_whatever_their_commit(state: State) -> None:
    waiting = planned()
    ended = replace(waiting, id=replace(waiting.id, sha=OTHER_SHA), due_at=None, state=ReleaseState.PUBLISHED)
    for release in (waiting, ended):
        state.register.add(release)
    gone = change(action=RefAction.DELETED)
    assert state.waker.wake_ref(gone, NOON + HOUR) == 1
    assert row(state, waiting.key).due_at == NOON + HOUR
    assert row(state, ended.key).due_at is None
    assert state.waker.wake_ref(replace(gone, ref="v9"), NOON) == 0


@pytest.mark.parametrize("stopped", sorted(STOPPED))
@pytest.mark.parametrize(
    ("kind", "told", "woken"),
    [
        (RefKind.TAG, change(action=RefAction.DELETED), True),
        (RefKind.TAG, change(action=RefAction.MOVED, sha=OTHER_SHA), True),
        (RefKind.TAG, change(action=RefAction.MOVED), False),
        (RefKind.TAG, replace(change(action=RefAction.DELETED), kind=RefKind.BRANCH), False),
        (RefKind.BRANCH, replace(change(action=RefAction.DELETED), kind=RefKind.BRANCH), True),
        (RefKind.BRANCH, replace(change(action=RefAction.MOVED, sha=OTHER_SHA), kind=RefKind.BRANCH), False),
    ],
)
def test_a_release_that_stopped_is_woken_when_its_ref_has_left_it(
    state: State, stopped: ReleaseState, kind: RefKind, told: RefChange, woken: bool
) -> None:
    """A branch that moves on has not left its commits: they stay in it."""
    still = replace(planned(), id=replace(planned().id, kind=kind), due_at=None, state=stopped)
    state.register.add(still)
    assert state.waker.wake_ref(told, NOON + HOUR) == woken
    found = row(state, still.key)
    assert (found.due_at, found.state) == (NOON + HOUR if woken else None, stopped)


def test_a_release_that_a_person_stops_has_no_turn_left_and_the_one_under_way_writes_nothing(state: State) -> None:
    state.register.add(planned())
    stopped = replace(planned(), state=ReleaseState.BLOCKED, next="cancelled", due_at=None)
    assert state.register.stop(stopped, NOON)
    found = row(state)
    assert (found.state, found.next, found.due_at, found.turn) == (ReleaseState.BLOCKED, "cancelled", None, 1)
    assert not state.queue.finish(replace(planned(), state=ReleaseState.PUBLISHED), wake_seen=0)
    assert not state.register.stop(stopped, NOON), "it is at its end"
    assert row(state) == found
    assert state.queue.wake(KEY, NOON, reopen=True)
    assert [found.key for found in state.queue.due(NOON, 1)] == [KEY]
    assert row(state).state is ReleaseState.PLANNED


def test_a_turn_that_ends_without_a_wake_up_is_not_due_before_its_time(state: State) -> None:
    state.register.add(planned())
    state.queue.finish(replace(planned(), due_at=NOON + HOUR, state=ReleaseState.WAITING), wake_seen=0)
    assert state.queue.due(NOON + HOUR - timedelta(seconds=1), 10) == ()
    assert [found.key for found in state.queue.due(NOON + HOUR, 10)] == [KEY]


def test_what_a_clock_wrote_that_was_set_back_is_due_at_once(state: State) -> None:
    """Not what waits for a moment to come that was named by a clock that was right."""
    later = NOON + HOUR
    for ref, due, at in (
        ("v1", later + HOUR, later),  # waits for its pipeline, written while the clock was an hour ahead
        ("v2", later, NOON),  # held for an hour
        ("v3", None, later),  # over
        ("v4", NOON, NOON),
    ):
        state.register.add(replace(planned(ref=ref), due_at=due, updated_at=at, asked_at=min(at, NOON)))
    state.register.add(replace(planned(ref="v5", due_at=later), asked_at=later))  # asked for and not begun
    assert state.waker.wake_misdated(NOON) == 2
    assert state.waker.wake_misdated(NOON + 2 * HOUR) == 0
    found = {one.id.ref: one.due_at for one in state.register.releases()}
    assert found == {"v1": NOON, "v2": later, "v3": None, "v4": NOON, "v5": NOON}

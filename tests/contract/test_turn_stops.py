"""Turns that are interrupted, and tags that move under them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.cli.exits import Exit, exit_of_release
from bot.domain.consents import Approval, ApprovalRule, Author, Hold
from bot.domain.errors import TransientError
from bot.domain.freezes import Freeze, Span
from bot.domain.refs import Tag
from bot.domain.releases import Attempt, AttemptOutcome, ReleaseState
from bot.engine.preview import preview
from bot.ports.index import Gathered, Sent
from tests.contract.turn_bench import MOVED, PUBLIC_WRITES, WRITES, Bench, planned
from tests.unit.release_facts import NOON, PROJECT, SDIST, SHA, WHEEL, distribution, job, tag

CALLS = 30  # to GitLab and the indexes, for one release with two merge requests


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(folder=tmp_path)


@pytest.mark.parametrize("landed", [False, True])
def test_an_upload_that_a_stop_interrupted_is_looked_for_and_given_time_to_land(bench: Bench, landed: bool) -> None:
    claim = Attempt(target="index:registry", item=WHEEL, number=1, outcome=AttemptOutcome.CLAIMED, at=NOON)
    bench.ledger.attempt(planned().key, claim)
    bench.kept.keep(planned().key, (distribution(WHEEL), distribution(SDIST)))
    bench.distributions.kept |= {distribution(f).sha256 for f in (WHEEL, SDIST)}
    first = bench.turn(planned())
    assert bench.wire.writes == [], "the interrupted upload may still arrive"
    assert bench.ledger.attempts(planned().key)[0].outcome is AttemptOutcome.UNCLEAR
    if landed:
        bench.index.files_on["registry"] = {WHEEL: distribution(WHEEL).sha256}
    assert first.due_at is not None
    bench.clock.wait(first.due_at - bench.clock.now)
    assert bench.to_the_end(first).state is ReleaseState.PUBLISHED
    assert bench.wire.writes == (WRITES[1:] if landed else WRITES)
    assert "artifacts" not in bench.wire.calls, "kept bytes are not made anew once an upload may have begun"


class Killed(BaseException):
    """The process dies: nothing catches it."""


@pytest.mark.parametrize("number", range(1, len(WRITES) + 1))
def test_a_kill_right_after_any_write_doubles_nothing(bench: Bench, number: int) -> None:
    def kill(done: int) -> None:
        if done == number:
            raise Killed

    bench.wire.wrote = kill
    with pytest.raises(Killed):
        bench.turn(planned())
    assert bench.to_the_end().state is ReleaseState.PUBLISHED
    assert bench.wire.writes == WRITES


@pytest.mark.parametrize("number", range(len(WRITES)))
def test_once_a_person_stops_it_a_turn_does_nothing_more_and_resumed_it_does_what_is_missing(
    bench: Bench, number: int
) -> None:
    bench.stopped_after = number
    release = bench.turn(planned())
    assert bench.wire.writes == WRITES[:number]
    assert replace(release, turn=0) == planned(), "the row belongs to whoever stopped it"
    bench.stopped_after = None
    assert bench.to_the_end().state is ReleaseState.PUBLISHED
    assert bench.wire.writes == WRITES


def test_a_clean_release_takes_so_many_calls(bench: Bench) -> None:
    bench.turn(planned())
    assert len(bench.wire.calls) == CALLS


@pytest.mark.parametrize("number", range(1, CALLS + 1))
def test_a_kill_before_any_call_loses_nothing_and_doubles_nothing(bench: Bench, number: int) -> None:
    def kill(_: str) -> None:
        if len(bench.wire.calls) == number:
            raise Killed

    bench.wire.coming = kill
    with pytest.raises(Killed):
        bench.turn(planned())
    assert bench.to_the_end().state is ReleaseState.PUBLISHED
    assert sorted(bench.wire.writes) == sorted(WRITES)


def test_bytes_that_were_sent_somewhere_are_not_replaced_by_those_of_a_job_run_again(bench: Bench) -> None:
    bench.index.refusals["public", WHEEL] = [Sent(outcome=AttemptOutcome.REFUSED, reason="502", again=True)]
    first = bench.turn(planned())
    bench.pipelines.jobs_of[7] = (job(99),)
    bench.pipelines.archives = {99: b"another archive"}
    other = (distribution(WHEEL, digest="aa" * 32), distribution(SDIST, digest="bb" * 32))
    bench.distributions.inside[b"another archive"] = Gathered(files=other)
    assert first.due_at is not None
    bench.clock.wait(first.due_at - bench.clock.now)
    assert bench.to_the_end(first).state is ReleaseState.PUBLISHED
    assert bench.index.files_on["public"] == {f: distribution(f).sha256 for f in (WHEEL, SDIST)}


# Names that two projects want.


@pytest.mark.parametrize("call", ["file", "files registry", "files public", "tag"])
def test_of_two_projects_with_one_new_name_the_second_sends_nothing(bench: Bench, call: str) -> None:
    """Another project is recorded for it at whatever moment before the first file is sent."""

    def take(name: str) -> None:
        if name == call:
            bench.kept.own("acme-widget", 7)

    bench.wire.coming = take
    ended = bench.to_the_end()
    assert (ended.state, bench.public_writes) == (ReleaseState.BLOCKED, [])
    assert "acme-widget is published by project 7" in (ended.next or "")


def test_a_name_that_is_anothers_is_told_with_the_path_of_that_project(bench: Bench) -> None:
    other = replace(PROJECT, id=7, full_path="acme/other/widget")
    bench.projects[7] = other
    bench.kept.own("acme-widget", 7)
    ended = bench.to_the_end()
    assert (ended.state, bench.public_writes) == (ReleaseState.BLOCKED, [])
    assert (ended.next or "").startswith("acme-widget is published by acme/other/widget; a project may")


def test_a_name_is_recorded_before_its_first_file_is_sent(bench: Bench) -> None:
    owners: list[int | None] = []
    bench.wire.coming = lambda name: owners.append(bench.kept.owner("acme-widget")) if "upload" in name else None
    bench.turn(planned())
    assert owners == [PROJECT.id] * 4


# People who say stop, and people who have to say yes.


@pytest.mark.parametrize("until", [None, NOON + timedelta(hours=1)], ids=["for good", "for an hour"])
@pytest.mark.parametrize("number", range(len(PUBLIC_WRITES)))
def test_a_hold_stops_before_the_next_public_write_and_lifted_the_rest_is_done(
    bench: Bench, number: int, until: datetime | None
) -> None:
    hold = Hold(by="ada", since=NOON, until=until)

    def held(done: int) -> None:
        if done == number:
            bench.holds.put(PROJECT.id, "v1.1.0", hold)

    bench.wire.wrote = held
    held(0)
    release = bench.turn(planned())
    assert bench.public_writes == PUBLIC_WRITES[:number]
    stopped = ReleaseState.PARTIAL if number else ReleaseState.BLOCKED
    assert release.state is (stopped if until is None else ReleaseState.WAITING)
    assert "held by ada" in (release.next or "")
    if until is None:
        bench.holds.lift(PROJECT.id, "v1.1.0")
        release = replace(release, state=ReleaseState.PLANNED, due_at=NOON)
    bench.wire.wrote = lambda _: None
    assert bench.to_the_end(release).state is ReleaseState.PUBLISHED
    assert bench.public_writes == PUBLIC_WRITES


def test_waiting_for_a_yes_asks_nobody_and_the_yes_is_judged_by_what_gitlab_says_then(bench: Bench) -> None:
    bench.wants = lambda wanted: replace(wanted, rule=replace(wanted.rule, approval=ApprovalRule()))
    release = bench.turn(planned())
    assert (release.state, bench.public_writes) == (ReleaseState.WAITING, [])
    assert all("approvals missing" in bench.told(iid)[0].body for iid in (1, 2)), "those who merged are told"
    before = len(bench.wire.calls)
    for _ in range(3):
        assert release.due_at is not None
        bench.clock.wait(release.due_at - bench.clock.now)
        release = bench.turn(release)
    assert (release.state, bench.wire.calls[before:]) == (ReleaseState.WAITING, [])
    bench.approvals.approve(release.key, Approval(user_id=5, username="ada", level=40, at=NOON, sha=SHA))
    release = bench.turn(replace(release, woken=True))
    assert release.state is ReleaseState.WAITING, "she is no member any more"
    bench.people.roles[5] = 40
    bench.people.made = (Author(what="pushed tag v1.1.0", user_id=5),)
    release = bench.turn(replace(release, woken=True))
    assert "pushed tag v1.1.0" in (release.next or "")
    assert bench.public_writes == []
    bench.people.made = ()
    assert bench.turn(replace(release, woken=True)).state is ReleaseState.PUBLISHED


def test_a_freeze_is_waited_out_without_asking_anybody_and_all_is_judged_anew_after_it(bench: Bench) -> None:
    end = NOON + timedelta(hours=1)
    year_end = Freeze(name="year end", window=Span(start=NOON, end=end), zone=UTC)
    bench.wants = lambda wanted: replace(wanted, freezes=(year_end,))
    release = bench.turn(planned())
    assert (release.state, bench.public_writes) == (ReleaseState.WAITING, [])
    assert "frozen until" in bench.told(1)[0].body
    before = len(bench.wire.calls)
    while bench.clock.now < end:
        assert len(bench.wire.calls) == before
        assert release.due_at is not None
        assert release.due_at <= end + timedelta(seconds=1)
        bench.clock.wait(release.due_at - bench.clock.now)
        bench.move_tag(MOVED)
        release = bench.turn(release)
    assert (release.state, bench.public_writes) == (ReleaseState.WITHDRAWN, [])


def test_a_plan_of_a_release_that_waits_for_a_date_says_all_that_a_plan_says(bench: Bench) -> None:
    year_end = Freeze(name="year end", window=Span(start=NOON, end=NOON + timedelta(hours=1)), zone=UTC)
    bench.wants = lambda wanted: replace(wanted, freezes=(year_end,))
    release = bench.turn(planned())
    seen = preview(bench.tools, bench.wanted(release), release, proof=False)
    assert seen.release.state is ReleaseState.WAITING
    assert [file.filename for file in seen.files] == [WHEEL, SDIST]
    assert {"tag_unmoved", "index_guard", "freeze"} <= {gate.name for gate in seen.release.gates}


def test_a_plan_says_of_an_index_that_does_not_answer_that_it_cannot_tell(bench: Bench) -> None:
    """All else that is known is said all the same; a run would wait, a proof ends without one."""
    release = planned()
    down = TransientError(what="it answers 503", where="indexes.public", status=503)
    bench.wire.before["files public"] = [down, down]
    seen = preview(bench.tools, bench.wanted(release), release, proof=False)
    told = [step.sentence for step in seen.steps if step.index == "public"]
    assert told == ["cannot tell (503 on public: indexes.public: it answers 503; try again later)"]
    gates = {gate.name: gate.verdict.value for gate in seen.release.gates}
    assert (gates["twine_check"], gates["index_guard"], seen.release.state) == (
        "pass",
        "unknown",
        ReleaseState.BLOCKED,
    )
    assert exit_of_release(seen.release, public=False) is Exit.UNREACHABLE
    with pytest.raises(TransientError):
        preview(bench.tools, bench.wanted(release), release, proof=True)


# Tags that move.


@pytest.mark.parametrize("there", [MOVED, None], ids=["moved", "deleted"])
@pytest.mark.parametrize("number", range(1, len(PUBLIC_WRITES)))
def test_after_a_tag_moved_between_two_writes_nothing_more_is_made_public(
    bench: Bench, number: int, there: Tag | None
) -> None:
    def move(done: int) -> None:
        if done == number:
            bench.move_tag(there)

    bench.wire.wrote = move
    ended = bench.to_the_end()
    assert ended.state is ReleaseState.WITHDRAWN
    assert bench.public_writes == PUBLIC_WRITES[:number]


@pytest.mark.parametrize("there", [MOVED, None], ids=["moved", "deleted"])
@pytest.mark.parametrize(
    "call", ["variables", "pipelines", "jobs", "artifacts", "file", "files registry", "files public"]
)
def test_a_tag_that_moves_while_the_facts_are_read_makes_nothing_public(
    bench: Bench, call: str, there: Tag | None
) -> None:
    def move(name: str) -> None:
        if name == call and "v1.1.0" in bench.refs.heads[PROJECT.id]:
            bench.move_tag(there)

    bench.wire.coming = move
    ended = bench.to_the_end()
    assert ended.state is ReleaseState.WITHDRAWN
    assert bench.public_writes == []


def test_protection_taken_away_between_two_uploads_stops_the_second(bench: Bench) -> None:
    bench.wire.wrote = lambda done: bench.move_tag(tag(protected=False)) if done == 1 else None
    ended = bench.to_the_end()
    assert ended.state is ReleaseState.PARTIAL
    assert bench.public_writes == PUBLIC_WRITES[:1]


def test_every_public_write_follows_a_look_at_the_tag_with_nothing_in_between(bench: Bench) -> None:
    bench.turn(planned())
    calls = bench.wire.calls
    for number, call in enumerate(calls):
        if call in PUBLIC_WRITES:
            assert calls[number - 1] == "tag", calls[: number + 1]

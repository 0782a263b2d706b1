"""A turn, with every port a fake: what it does, puts off, refuses, and never does."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import NoReturn

import pytest

from bot.domain.errors import CredentialsError, PutOffError, RefusedError, TransientError
from bot.domain.gitlab import PipelineStatus, Variables
from bot.domain.releases import AttemptOutcome, ReleaseState, TargetState
from bot.domain.verdicts import Severity
from bot.engine.turn import CREDENTIALS_RETRY, LONGEST_RETRY, run_turn
from bot.ports.index import Sent
from bot.release.facts import Wanted
from tests.contract.turn_bench import PUBLIC_WRITES, WRITES, Bench, planned
from tests.unit.release_facts import (
    NOON,
    OTHER_SHA,
    PROJECT,
    SDIST,
    SHA,
    WHEEL,
    distribution,
    job,
    merge_request,
    tag,
    variable,
)

DOWN = TransientError(what="503 for GET", where="GitLab")


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(folder=tmp_path)


def test_a_turn_releases_proves_and_tells(bench: Bench) -> None:
    ended = bench.turn(planned())
    assert ended.state is ReleaseState.PUBLISHED
    assert (ended.due_at, ended.next, ended.faults, ended.version) == (None, None, 0, "1.1.0")
    assert bench.wire.writes == WRITES
    assert {gate.name: gate.verdict.value for gate in ended.gates} == dict.fromkeys(
        [
            "tag_unmoved",
            "ref_protected",
            "hold",
            "hygiene",
            "pipeline_green",
            "tag_reachable",
            "version_matches",
            "name_allowed",
            "twine_check",
            "index_guard",
        ],
        "pass",
    ) | dict.fromkeys(["approval", "freeze"], "not_applicable")
    assert [(target.name, target.state.value, target.attempts) for target in ended.targets] == [
        ("distributions", "done", 0),
        ("index:registry", "done", 2),
        ("index:public", "done", 2),
        ("gitlab_release", "done", 1),
        ("note:!1", "done", 1),
        ("note:!2", "done", 1),
    ]
    proofs = [(receipt.target, receipt.kind, receipt.file) for receipt in bench.ledger.receipts(ended.key)]
    assert proofs == [
        ("index:registry", "upload", WHEEL),
        ("index:registry", "upload", SDIST),
        ("index:public", "upload", WHEEL),
        ("index:public", "upload", SDIST),
        ("gitlab_release", "release", None),
        ("note:!1", "note", None),
        ("note:!2", "note", None),
    ]
    assert bench.kept.owner("acme-widget") == PROJECT.id
    assert list(bench.folder.iterdir()) == [], "downloads are deleted"


def test_another_turn_of_a_published_release_writes_nothing(bench: Bench) -> None:
    bench.turn(bench.turn(planned()))
    assert bench.wire.writes == WRITES


def test_requests_are_charged_to_what_they_were_for_and_add_up(bench: Bench) -> None:
    ended = bench.turn(planned())
    costs = dict(ended.requests)
    assert sum(costs.values()) == bench.wire.requests
    assert {phase: costs[phase] for phase in ("project", "variables", "pipeline", "files", "changes")} == {
        "project": 1,
        "variables": 1,
        "pipeline": 2,
        "files": 1,
        "changes": 2,
    }
    assert costs["index write"] == 4
    assert costs["gitlab_release write"] == 1
    assert costs["note write"] == 2
    again = bench.turn(ended)
    assert sum(dict(again.requests).values()) == bench.wire.requests


def test_waiting_costs_one_request_a_turn_and_ever_fewer_turns(bench: Bench) -> None:
    """Three merge requests and a pipeline of 75 s: forty requests at most, and it shows what waiting took of them."""
    bench.history.merged[SHA] = tuple(merge_request(iid) for iid in (1, 2, 3))
    bench.refs.heads[PROJECT.id]["v1.0.0"] = tag("v1.0.0", sha=OTHER_SHA)
    bench.set_pipeline(PipelineStatus.RUNNING)
    release, waits = bench.turn(planned()), list[timedelta]()
    while release.state is ReleaseState.WAITING:
        assert release.due_at is not None
        waits.append(release.due_at - bench.clock.now)
        bench.clock.wait(waits[-1])
        if bench.clock.now - NOON >= timedelta(seconds=75):
            bench.set_pipeline(PipelineStatus.SUCCESS)
        before = bench.wire.requests
        release = bench.turn(release)
        if release.state is ReleaseState.WAITING:
            assert bench.wire.requests - before == 1
    assert release.state is ReleaseState.PUBLISHED
    assert waits == sorted(waits)
    assert dict(release.requests)["waiting"] == len(waits) - 1
    elsewhere = sum("public" in call for call in bench.wire.calls)  # the index beside GitLab
    assert sum(dict(release.requests).values()) - elsewhere <= 40


def test_files_that_stand_already_are_found_not_sent(bench: Bench) -> None:
    bench.index.files_on = {
        name: {f: distribution(f).sha256 for f in (WHEEL, SDIST)} for name in ("registry", "public")
    }
    ended = bench.turn(planned())
    assert ended.state is ReleaseState.PUBLISHED
    assert not any(write.startswith("upload") for write in bench.wire.writes)
    assert {r.kind for r in bench.ledger.receipts(ended.key) if r.file} == {"found"}
    assert bench.kept.owner("acme-widget") is None, "what others put there makes nobody the owner"


def test_a_file_listed_without_a_hash_that_nobody_can_read_blocks(bench: Bench) -> None:
    bench.index.files_on = {"public": {SDIST: None}}
    ended = bench.turn(planned())
    assert ended.state is ReleaseState.BLOCKED
    assert bench.public_writes == []


# What passes by itself.


@pytest.mark.parametrize(
    "call",
    ["tag", "variables", "pipelines", "jobs", "artifacts", "file", "files registry", "files public", "tags", "changes"],
)
def test_what_passes_by_itself_puts_the_release_off_and_the_next_turn_completes_it(bench: Bench, call: str) -> None:
    bench.wire.before[call] = [DOWN]
    ended = bench.turn(planned())
    assert ended.faults == 1
    assert ended.next == "GitLab: 503 for GET; try again later"
    assert ended.state.open
    assert ended.due_at is not None
    assert timedelta(seconds=2) <= ended.due_at - bench.clock.now <= timedelta(seconds=3)
    assert bench.to_the_end(ended).state is ReleaseState.PUBLISHED
    assert bench.wire.writes == WRITES


def test_a_project_that_cannot_be_looked_up_now_puts_the_release_off(bench: Bench) -> None:
    def want(sparing: bool) -> NoReturn:
        raise DOWN

    ended = run_turn(bench.tools, want, planned())
    assert (ended.state, ended.faults) == (ReleaseState.PLANNED, 1)


def test_back_off_doubles_up_to_ten_minutes_and_a_good_turn_ends_it(bench: Bench) -> None:
    release, delays = planned(), []
    bench.wire.before["tag"] = [DOWN] * 14
    for fault in range(14):
        release = bench.turn(release)
        assert release.due_at is not None
        delays.append(release.due_at - bench.clock.now)
        assert release.faults == fault + 1
        bench.clock.wait(delays[-1])
    assert all(later >= 1.9 * sooner for sooner, later in pairwise(delays[:8]))
    assert LONGEST_RETRY <= delays[-1] <= 1.3 * LONGEST_RETRY
    assert bench.turn(release).faults == 0


def test_no_release_comes_back_sooner_than_the_server_asked(bench: Bench) -> None:
    bench.wire.before["pipelines"] = [TransientError(what="429", where="GitLab", retry_after=timedelta(minutes=17))]
    ended = bench.turn(planned())
    assert ended.due_at is not None
    assert ended.due_at - bench.clock.now >= timedelta(minutes=17) - timedelta(seconds=1)


def test_those_who_were_told_the_same_moment_do_not_all_come_back_at_it(bench: Bench) -> None:
    moments = set()
    for number in range(30):
        bench.wire.before["tag"] = [PutOffError(what="429", where="GitLab", retry_after=timedelta(minutes=1))]
        now = bench.clock.now
        ended = bench.turn(planned(ref=f"v1.{number}.0"))
        assert ended.due_at is not None
        assert timedelta(minutes=1) <= ended.due_at - now <= timedelta(seconds=91)
        moments.add(round((ended.due_at - now).total_seconds()))
    assert len(moments) > 5


@pytest.mark.parametrize("call", ["create_release", "create_note"])
def test_a_write_that_is_put_off_again_and_again_is_no_failed_try(bench: Bench, call: str) -> None:
    """Under a limit that lasts longer than all our patience with failures, the release still comes to its end."""
    bench.wire.before[call] = [PutOffError(what="429", where="GitLab", retry_after=timedelta(minutes=1))] * 20
    began = bench.clock.now
    ended = bench.to_the_end()
    assert (ended.state, ended.due_at) == (ReleaseState.PUBLISHED, None)
    assert sorted(bench.wire.writes) == sorted(WRITES)
    assert [target.attempts for target in ended.targets if target.name in ("gitlab_release", "note:!1")] == [1, 1]
    assert bench.clock.now - began >= timedelta(minutes=10)


def test_telling_that_is_put_off_leaves_the_verdict_standing(bench: Bench) -> None:
    bench.wire.before["notes"] = [DOWN]
    ended = bench.turn(planned())
    assert ended.state is ReleaseState.PUBLISHED
    assert [t.state for t in ended.targets] == [TargetState.DONE] * 4
    assert ended.due_at is not None
    assert bench.to_the_end(ended).due_at is None
    assert bench.wire.writes == WRITES


@pytest.mark.parametrize(
    "call", ["create_release", "create_note", f"upload registry {WHEEL}", f"upload public {SDIST}"]
)
@pytest.mark.parametrize("stage", ["before", "lost"])
def test_a_write_whose_reply_is_lost_is_looked_for_before_it_is_made_again(bench: Bench, call: str, stage: str) -> None:
    getattr(bench.wire, stage)[call] = [TransientError(what="connection reset", where="GitLab")]
    assert bench.to_the_end().state is ReleaseState.PUBLISHED
    assert sorted(bench.wire.writes) == sorted(WRITES)
    assert [len(bench.told(iid)) for iid in (1, 2)] == [1, 1]


def test_what_an_index_asks_to_wait_for_is_waited_for(bench: Bench) -> None:
    busy = Sent(outcome=AttemptOutcome.REFUSED, reason="429 Too Many Requests", retry_after=90.0)
    bench.index.refusals["registry", WHEEL] = [busy]
    ended = bench.turn(planned())
    said = "429 Too Many Requests; looked at again at 2026-08-03 12:01 UTC"
    assert (ended.state, ended.next) == (ReleaseState.VERIFYING, said)
    assert ended.due_at is not None
    assert timedelta(seconds=89) < ended.due_at - bench.clock.now <= timedelta(seconds=90)
    assert bench.to_the_end(ended).state is ReleaseState.PUBLISHED
    assert bench.wire.writes == WRITES


# What does not pass by itself.


@pytest.mark.parametrize("call", ["tag", "pipelines", "jobs", "artifacts"])
def test_refused_credentials_make_the_release_wait_for_the_token(bench: Bench, call: str) -> None:
    bench.wire.before[call] = [CredentialsError(what="401", where="GitLab", remedy="Check the token", status=401)]
    ended = bench.turn(planned())
    assert (ended.state, ended.next) == (ReleaseState.WAITING, "GitLab: 401. Check the token")
    assert ended.due_at is not None
    assert ended.due_at - bench.clock.now <= CREDENTIALS_RETRY
    assert bench.to_the_end(ended).state is ReleaseState.PUBLISHED


def test_a_refusal_before_any_public_write_fails_the_release(bench: Bench) -> None:
    bench.wire.before["tag"] = [RefusedError(what="GitLab answered with HTML", where="GitLab")]
    ended = bench.turn(planned())
    assert (ended.state, ended.due_at) == (ReleaseState.FAILED, None)
    assert ended.next == "GitLab: GitLab answered with HTML"


def test_a_refusal_after_a_public_write_leaves_it_partial(bench: Bench) -> None:
    def refuse_the_next_look(_: int) -> None:
        bench.wire.before["tag"] = [RefusedError(what="410 Gone", where="GitLab")]

    bench.wire.wrote = refuse_the_next_look
    ended = bench.turn(planned())
    assert (ended.state, ended.due_at) == (ReleaseState.PARTIAL, None)
    assert bench.wire.writes == WRITES[:1]


@pytest.mark.parametrize(
    ("index", "file", "state"),
    [
        ("registry", WHEEL, ReleaseState.FAILED),
        ("registry", SDIST, ReleaseState.PARTIAL),
        ("public", WHEEL, ReleaseState.PARTIAL),
    ],
)
def test_a_file_that_an_index_refuses_for_good_ends_the_release_and_is_told(
    bench: Bench, index: str, file: str, state: ReleaseState
) -> None:
    bench.index.refusals[index, file] = [Sent(outcome=AttemptOutcome.REFUSED, reason="400 Invalid", again=False)]
    ended = bench.to_the_end()
    assert ended.state is state
    assert "400 Invalid" in (ended.next or "")
    assert "create_release" not in bench.wire.writes
    assert all(f"> {state.value}:" in bench.told(iid)[0].body for iid in (1, 2))


def test_resume_completes_what_was_left_and_edits_the_notes(bench: Bench) -> None:
    bench.index.refusals["public", WHEEL] = [Sent(outcome=AttemptOutcome.REFUSED, reason="400 Invalid", again=False)]
    stopped = bench.to_the_end()
    bench.clock.wait(timedelta(minutes=1))
    resumed = replace(stopped, asked_at=bench.clock.now, due_at=bench.clock.now, state=ReleaseState.PLANNED)
    assert bench.to_the_end(resumed).state is ReleaseState.PUBLISHED
    assert bench.wire.writes.count(f"upload registry {WHEEL}") == 1
    assert [len(bench.told(iid)) for iid in (1, 2)] == [1, 1]
    assert all("> published:" in bench.told(iid)[0].body for iid in (1, 2))


@pytest.mark.parametrize(
    ("spoil", "state"),
    [
        (lambda b: b.move_tag(tag(protected=False)), ReleaseState.BLOCKED),
        (lambda b: b.variables.flags.update({PROJECT.full_path: Variables(flags=(variable(masked=False),))}),
         ReleaseState.BLOCKED),
        (lambda b: b.set_pipeline(PipelineStatus.FAILED), ReleaseState.FAILED),
        (lambda b: b.pipelines.archives.clear(), ReleaseState.FAILED),
        (lambda b: b.pipelines.jobs_of.update({7: (job(has_artifacts=False),)}), ReleaseState.FAILED),
        (lambda b: b.kept.own("acme-widget", 7), ReleaseState.BLOCKED),
        (lambda b: b.index.files_on.update({"public": {SDIST: "ee" * 32}}), ReleaseState.CONFLICT),
    ],
)  # fmt: skip
def test_a_release_that_is_stopped_writes_nothing_public_and_tells_every_merge_request_once(
    bench: Bench, spoil: object, state: ReleaseState
) -> None:
    assert callable(spoil)
    spoil(bench)
    ended = bench.to_the_end()
    assert ended.state is state
    assert bench.public_writes == []
    assert [len(bench.told(iid)) for iid in (1, 2)] == [1, 1]
    assert bench.wire.writes == ["create_note", "create_note"]


def test_what_is_wanted_is_asked_for_anew_before_a_release_that_waited_goes_on(bench: Bench) -> None:
    """As long as it waits, what a project's own file said at some time does; it may forbid everything by now."""
    asked: list[bool] = []

    def want(sparing: bool) -> Wanted:
        asked.append(sparing)
        found = bench.wanted(waiting)
        spared = sparing and found.waiting_for is not None
        hygiene = replace(found.hygiene, block_at=None if spared else Severity.HIGH)
        return replace(found, spared=spared, hygiene=hygiene)

    bench.set_pipeline(PipelineStatus.RUNNING)
    waiting = bench.turn(planned())
    waiting = replace(run_turn(bench.tools, want, waiting), turn=2)
    assert (waiting.state, asked) == (ReleaseState.WAITING, [True])
    bench.set_pipeline(PipelineStatus.SUCCESS)
    bench.variables.flags[PROJECT.full_path] = Variables(flags=(variable(masked=False),))
    asked.clear()
    ended = run_turn(bench.tools, want, waiting)
    assert (ended.state, asked) == (ReleaseState.BLOCKED, [True, False])
    assert not set(PUBLIC_WRITES).intersection(bench.wire.writes)


def test_a_release_that_waits_for_its_pipeline_reads_nothing_behind_it_and_tells_nobody(bench: Bench) -> None:
    bench.set_pipeline(PipelineStatus.RUNNING)
    ended = bench.turn(planned())
    assert (ended.state, ended.next) == (ReleaseState.WAITING, "pipeline 7 is running")
    assert bench.wire.writes == []
    assert not {"artifacts", "tags", "files registry"} & set(bench.wire.calls)
    assert ended.due_at is not None
    bench.set_pipeline(PipelineStatus.SUCCESS)
    assert bench.to_the_end(ended).state is ReleaseState.PUBLISHED


# Patience within a turn.


@pytest.mark.parametrize("call", ["tag", "variables", "pipelines", "artifacts", "files registry", "notes"])
def test_a_look_that_fails_is_repeated_within_the_turn(bench: Bench, call: str) -> None:
    """A turn that is put off would begin all its looks anew, and at one failure in five hardly ever come to its end."""
    bench.patience = (0.2, 0.6, 1.5)
    bench.wire.before[call] = [DOWN] * 3
    assert bench.turn(planned()).state is ReleaseState.PUBLISHED
    assert bench.wire.writes == WRITES


def test_a_server_that_asks_for_a_moment_gets_it_and_one_that_asks_for_longer_puts_the_turn_off(bench: Bench) -> None:
    bench.patience = (0.2,)
    bench.wire.before["tag"] = [TransientError(what="429", where="GitLab", retry_after=timedelta(seconds=2))]
    before = bench.clock.now
    assert bench.turn(planned()).state is ReleaseState.PUBLISHED
    assert bench.clock.now - before >= timedelta(seconds=2)
    bench.wire.before["tag"] = [TransientError(what="429", where="GitLab", retry_after=timedelta(seconds=3))]
    put_off = bench.turn(planned())
    assert put_off.due_at is not None
    assert put_off.due_at - bench.clock.now >= timedelta(seconds=3)

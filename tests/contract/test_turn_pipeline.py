"""Turns of a release whose own pipeline publishes, with every port a fake: one start, one play, and proof or none."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from random import Random

import pytest

from bot.domain.ci_plan import PlannedJob, PlannedPipeline, Start
from bot.domain.consents import ApprovalRule, Hold
from bot.domain.errors import PutOffError, RefusedError, TransientError
from bot.domain.gitlab import Job, PipelineStatus
from bot.domain.policy import IndexSpec, PipelinePolicy, Source
from bot.domain.refs import Branch, RefKind
from bot.domain.releases import AttemptOutcome, Release, ReleaseId, ReleaseState, TargetStatus
from bot.ports.index import Gathered
from bot.release.facts import Wanted
from tests.contract.turn_bench import Bench, planned
from tests.unit.release_facts import (
    NOON,
    OTHER_SHA,
    PROJECT,
    PUBLIC,
    REGISTRY,
    SDIST,
    SHA,
    WHEEL,
    digest_of,
    distribution,
    job,
    pipeline,
)

S = PipelineStatus
DOWN = TransientError(what="the answer broke off", where="GitLab")
TWINE = PlannedPipeline(
    jobs=(
        PlannedJob(name="build", start=Start.ITSELF, keeps=True),
        PlannedJob(name="publish", start=Start.ITSELF, uploads_with="twine"),
    )
)
BOTH: dict[str, str | None] = {WHEEL: digest_of(WHEEL), SDIST: digest_of(SDIST)}


class OwnBench(Bench):
    """A bench whose project uploads by itself. `policy` is the rule's, `source` what the release is begun with."""

    policy = PipelinePolicy()
    at: ReleaseId | None = None
    indexes: tuple[IndexSpec, ...] = (REGISTRY,)

    def wanted(self, release: Release) -> Wanted:
        """What the rule wants, from the source on record."""
        plain = super().wanted(release)
        rule = replace(plain.rule, pipeline=self.policy, indexes=tuple(spec.name for spec in self.indexes))
        return replace(plain, id=self.at or plain.id, rule=rule, indexes=self.indexes, source=release.source)

    def lay(self, status: PipelineStatus, *jobs: Job) -> None:
        """The pipeline stands there, with these jobs."""
        self.pipelines.rows[PROJECT.id] = (pipeline(status).pipeline,)
        self.pipelines.jobs_of[7] = jobs

    @property
    def steering(self) -> list[str]:
        """What was started and played, in order."""
        return [write for write in self.wire.writes if write.startswith(("start", "play"))]


def publish(status: PipelineStatus = S.SUCCESS, number: int = 32, ended: float | None = 0) -> Job:
    """The job that publishes; `ended` in seconds after noon."""
    finished = None if ended is None or not status.complete else NOON + timedelta(seconds=ended)
    return replace(job(number, "publish", status, has_artifacts=False), finished_at=finished)


def own(source: Source = Source.PIPELINE) -> Release:
    """A release that nobody has worked on yet."""
    return replace(planned(), source=source, source_reason="because")


def target(release: Release, name: str) -> TargetStatus:
    return next(one for one in release.targets if one.name == name)


@pytest.fixture
def bench(tmp_path: Path) -> OwnBench:
    made = OwnBench(folder=tmp_path)
    made.planner.files[SHA] = TWINE
    made.lay(S.SUCCESS, job(), publish())
    made.index.files_on["registry"] = dict(BOTH)
    return made


def test_what_the_pipeline_uploaded_is_proven_and_told(bench: OwnBench) -> None:
    ended = bench.turn(own())
    assert (ended.state, ended.version, ended.due_at) == (ReleaseState.PUBLISHED, "1.1.0", None)
    assert bench.wire.writes == ["create_release", "create_note", "create_note"]
    assert [(r.target, r.kind, r.file) for r in bench.ledger.receipts(ended.key)][:2] == [
        ("index:registry", "published", WHEEL),
        ("index:registry", "published", SDIST),
    ]
    assert target(ended, "distributions").reason == (
        "publish of pipeline 7 uploaded them (the CI file says that it uploads with twine)"
    )
    assert bench.kept.owner("acme-widget") == PROJECT.id
    links = {link.name for link in bench.releases.there[PROJECT.id, "v1.1.0"].links}
    assert links == {WHEEL, SDIST}


def test_where_no_job_kept_files_the_index_names_them(bench: OwnBench) -> None:
    bench.lay(S.SUCCESS, publish())
    bench.index.files_on["registry"]["acme_widget-1.0.0.tar.gz"] = digest_of("older")
    ended = bench.turn(own())
    assert (ended.state, ended.version) == (ReleaseState.PUBLISHED, "1.1.0")
    assert {r.file: r.sha256 for r in bench.ledger.receipts(ended.key) if r.file} == BOTH
    verdicts = {gate.name: gate.verdict.value for gate in ended.gates}
    assert {verdicts[name] for name in ("twine_check", "version_matches")} == {"not_applicable"}


def test_archives_without_distributions_are_no_problem_here(bench: OwnBench) -> None:
    bench.pipelines.archives[31] = b"a report"
    bench.distributions.inside[b"a report"] = Gathered(files=(), problems=("No job made a wheel",), empty=True)
    assert bench.turn(own()).state is ReleaseState.PUBLISHED


@pytest.mark.parametrize("index_files", [{}, {"acme_widget-1.0.0.tar.gz": "1" * 64}, {"other-1.1.0.tar.gz": "1" * 64}])
def test_nothing_uploaded_is_never_success(bench: OwnBench, index_files: dict[str, str | None]) -> None:
    bench.lay(S.SUCCESS, publish())
    bench.index.files_on["registry"] = index_files
    ended = bench.to_the_end(own())
    assert ended.state is ReleaseState.FAILED
    assert "nothing of acme-widget 1.1.0 is there, although publish (" in (ended.next or "")
    assert bench.public_writes == []


def test_an_index_behind_a_cache_is_given_minutes(bench: OwnBench) -> None:
    bench.indexes = (PUBLIC,)
    bench.index.files_on["public"] = {}
    release = bench.turn(own())
    assert (release.state, release.due_at is not None) == (ReleaseState.VERIFYING, True)
    assert release.next == f"{WHEEL}, {SDIST} is not there yet"
    bench.clock.wait(timedelta(minutes=5))
    bench.index.files_on["public"] = dict(BOTH)
    assert bench.turn(release).state is ReleaseState.PUBLISHED


@pytest.mark.parametrize("kept", [True, False])
def test_one_index_of_two_is_partial(bench: OwnBench, kept: bool) -> None:
    bench.indexes = (REGISTRY, PUBLIC)
    bench.lay(S.SUCCESS, *((job(),) if kept else ()), publish())
    bench.clock.wait(timedelta(minutes=11))
    ended = bench.to_the_end(own())
    assert ended.state is ReleaseState.PARTIAL
    assert target(ended, "index:registry").state.value == "done"
    assert target(ended, "index:public").state.value == "failed"


def test_other_bytes_than_the_jobs_kept_conflict(bench: OwnBench) -> None:
    bench.index.files_on["registry"][SDIST] = "0" * 64
    ended = bench.turn(own())
    assert (ended.state, bench.public_writes) == (ReleaseState.CONFLICT, [])
    assert f"{SDIST} already stands on registry with other bytes" in (ended.next or "")


def test_two_jobs_that_build_for_themselves_are_told_of(bench: OwnBench) -> None:
    bench.indexes = (REGISTRY, PUBLIC)
    bench.lay(S.SUCCESS, publish())
    bench.index.files_on["public"] = {**BOTH, SDIST: "0" * 64}
    ended = bench.turn(own())
    assert ended.state is ReleaseState.PUBLISHED
    assert f"{SDIST} with other bytes than on registry" in target(ended, "index:public").reason


class TestNoPipeline:
    """GitLab made none, for example for the fifth ref of one push."""

    @pytest.fixture(autouse=True)
    def none(self, bench: OwnBench) -> None:
        """No pipeline; one that is started runs, and uploads once `finish` lets it."""
        bench.pipelines.rows[PROJECT.id] = ()
        bench.index.files_on["registry"] = {}
        bench.pipelines.starting["v1.1.0"] = replace(pipeline(S.RUNNING).pipeline, source="api")
        bench.policy = PipelinePolicy(inputs={"to": "pypi"})

    @staticmethod
    def finish(bench: OwnBench, release: Release) -> Release:
        """The pipeline's job uploads and ends; then turn after turn."""
        bench.lay(S.SUCCESS, publish(ended=None))
        bench.index.files_on["registry"] = dict(BOTH)
        return bench.to_the_end(release)

    def test_one_is_started_after_patience_and_followed(self, bench: OwnBench) -> None:
        release = bench.turn(own())
        assert (release.state, bench.steering) == (ReleaseState.WAITING, [])
        assert "in 10 min the bot starts one" in (release.next or "")
        bench.clock.wait(timedelta(minutes=10))
        release = bench.turn(release)
        assert (release.state, bench.steering) == (ReleaseState.WAITING, ["start_pipeline"])
        assert bench.pipelines.given == [{"to": "pypi"}]
        assert self.finish(bench, release).state is ReleaseState.PUBLISHED
        assert bench.steering == ["start_pipeline"]

    def test_gates_speak_before(self, bench: OwnBench) -> None:
        bench.refs.texts[PROJECT.id, "pyproject.toml", SHA] = '[project]\nname = "acme-widget"\nversion = "1.0.9"\n'
        bench.clock.wait(timedelta(minutes=10))
        ended = bench.turn(own())
        assert (ended.state, bench.steering) == (ReleaseState.BLOCKED, [])
        assert "tag v1.1.0 says 1.1.0, but pyproject.toml says 1.0.9" in (ended.next or "")

    def test_a_tag_that_moves_at_the_last_moment_starts_nothing(self, bench: OwnBench) -> None:
        bench.clock.wait(timedelta(minutes=10))
        bench.wire.coming = lambda name: (
            bench.move_tag(None) if name == "files registry" and bench.refs.heads[PROJECT.id] else None
        )
        ended = bench.turn(own())
        assert (ended.state, bench.steering) == (ReleaseState.WITHDRAWN, [])

    def test_a_pipeline_of_another_commit_is_none_of_the_releases(self, bench: OwnBench) -> None:
        """GitLab takes a ref and no commit: a tag may move between our last look and its pipeline."""
        bench.policy = replace(bench.policy, patience=timedelta())
        moved = bench.pipelines.starting["v1.1.0"]
        bench.pipelines.starting["v1.1.0"] = replace(moved, sha=OTHER_SHA)
        ended = bench.turn(own())
        assert (ended.state, bench.steering) == (ReleaseState.FAILED, ["start_pipeline"])
        assert "was started for 9f8e7d6c: v1.1.0 moved at that moment" in (ended.next or "")

    def test_a_branch_that_has_moved_on_gets_none(self, bench: OwnBench) -> None:
        """A pipeline for its newest commit would publish that one."""
        bench.policy = replace(bench.policy, patience=timedelta())
        bench.refs.texts[PROJECT.id, "pyproject.toml", SHA] = '[project]\nname = "acme-widget"\nversion = "1.1.0"\n'
        bench.refs.lines[PROJECT.id] = {"main": Branch(name="main", sha=OTHER_SHA, protected=True)}
        bench.refs.history[OTHER_SHA] = frozenset({SHA})
        release = replace(own(), id=ReleaseId(project_id=PROJECT.id, kind=RefKind.BRANCH, ref="main", sha=SHA))
        bench.at = release.id
        ended = bench.turn(release)
        assert (ended.state, bench.steering) == (ReleaseState.FAILED, [])
        assert "main is at 9f8e7d6c by now" in (ended.next or "")

    def test_a_lost_reply_leads_to_the_pipeline_that_exists(self, bench: OwnBench) -> None:
        bench.policy = replace(bench.policy, patience=timedelta())
        bench.wire.lost["start_pipeline"] = [DOWN]
        release = bench.turn(own())
        assert (release.state, bench.steering) == (ReleaseState.WAITING, ["start_pipeline"])
        assert self.finish(bench, release).state is ReleaseState.PUBLISHED
        assert bench.steering == ["start_pipeline"]

    def test_a_call_that_never_arrived_is_made_again_after_it_could_have(self, bench: OwnBench) -> None:
        bench.policy = replace(bench.policy, patience=timedelta())
        bench.wire.before["start_pipeline"] = [DOWN]
        release = bench.turn(own())
        assert (release.state.open, bench.steering) == (True, [])
        for _ in range(40):
            if bench.steering:
                break
            assert release.due_at is not None
            bench.clock.wait(release.due_at - bench.clock.now)
            release = bench.turn(release)
        assert bench.steering == ["start_pipeline"]
        assert bench.clock.now - NOON > timedelta(minutes=2), "GitLab may have been creating it for that long"

    def test_one_that_is_listed_late_is_waited_for(self, bench: OwnBench) -> None:
        bench.policy = replace(bench.policy, patience=timedelta())
        bench.wire.wrote = lambda _: bench.pipelines.rows.update({PROJECT.id: ()})
        release = bench.turn(own())
        bench.clock.wait(timedelta(seconds=30))
        release = bench.turn(release)
        assert (bench.steering, target(release, "distributions").reason) == (
            ["start_pipeline"],
            "the pipeline is not listed yet",
        )

    def test_too_many_is_waited_out_and_counts_as_no_try(self, bench: OwnBench) -> None:
        bench.policy = replace(bench.policy, patience=timedelta())
        many = PutOffError(what="too many", where="GitLab", retry_after=timedelta(minutes=1))
        bench.wire.before["start_pipeline"] = [many]
        release = bench.turn(own())
        assert (release.state.open, bench.steering) == (True, [])
        bench.clock.wait(timedelta(minutes=1))
        bench.turn(release)
        assert bench.steering == ["start_pipeline"]
        assert [one.number for one in bench.ledger.attempts(release.key)] == [1]

    def test_a_refusal_fails_with_what_to_do_and_resume_tries_again(self, bench: OwnBench) -> None:
        bench.policy = replace(bench.policy, patience=timedelta())
        bench.wire.before["start_pipeline"] = [RefusedError(what="400", where="GitLab", remedy="Mend the inputs")]
        ended = bench.turn(own())
        assert (ended.state, ended.due_at) == (ReleaseState.FAILED, None)
        assert "Mend the inputs" in (ended.next or "")
        bench.clock.wait(timedelta(minutes=1))
        bench.turn(replace(ended, state=ReleaseState.PLANNED, asked_at=bench.clock.now))
        assert bench.steering == ["start_pipeline"]

    def test_policy_may_forbid_it(self, bench: OwnBench) -> None:
        bench.policy = PipelinePolicy(start=False)
        bench.clock.wait(timedelta(minutes=10))
        ended = bench.turn(own())
        assert (ended.state, bench.steering) == (ReleaseState.BLOCKED, [])
        assert "run one, then resume" in (ended.next or "")

    def test_what_stands_on_every_index_already_is_not_uploaded_again(self, bench: OwnBench) -> None:
        bench.index.files_on["registry"] = dict(BOTH)
        bench.clock.wait(timedelta(minutes=10))
        ended = bench.turn(own())
        assert (ended.state, bench.steering) == (ReleaseState.PUBLISHED, [])
        assert {r.kind for r in bench.ledger.receipts(ended.key) if r.file} == {"found"}

    def test_a_killed_bot_adopts_what_it_started(self, bench: OwnBench) -> None:
        bench.policy = replace(bench.policy, patience=timedelta())

        def die(_: int) -> None:
            bench.wire.wrote = lambda _: None
            raise KeyboardInterrupt

        bench.wire.wrote = die
        with pytest.raises(KeyboardInterrupt):
            bench.turn(own())
        assert [one.outcome for one in bench.ledger.attempts(own().key)] == [AttemptOutcome.CLAIMED]
        release = bench.turn(own())
        assert (release.state, bench.steering) == (ReleaseState.WAITING, ["start_pipeline"])
        assert self.finish(bench, release).state is ReleaseState.PUBLISHED


class TestByHand:
    """The publishing job waits for a person."""

    @pytest.fixture(autouse=True)
    def manual(self, bench: OwnBench) -> None:
        """The build is done, nothing is uploaded."""
        bench.lay(S.MANUAL, job(), publish(S.MANUAL))
        bench.index.files_on["registry"] = {}

    def test_without_leave_it_waits_and_names_the_job(self, bench: OwnBench) -> None:
        release = bench.turn(own())
        assert (release.state, bench.steering) == (ReleaseState.WAITING, [])
        assert release.next is not None
        assert release.next.startswith("pipeline 7 waits for a person: play publish (https://gitlab.example.com/")

    def test_waiting_for_hours_costs_two_requests_a_turn(self, bench: OwnBench) -> None:
        release = bench.turn(own())
        before = bench.wire.requests
        for _ in range(100):
            bench.clock.wait(timedelta(minutes=3))
            release = bench.turn(release)
        assert release.state is ReleaseState.WAITING
        assert release.due_at is not None
        assert release.due_at - bench.clock.now > timedelta(minutes=9), "a hook tells when the person has acted"
        # The pipeline and its jobs; the CI file of a commit is read once, which only the adapter remembers.
        calls = bench.wire.calls[-300:]
        assert bench.wire.requests - before == 300
        assert set(calls) == {"pipelines", "jobs", "planned"}

    def test_a_running_pipeline_costs_one(self, bench: OwnBench) -> None:
        bench.lay(S.RUNNING, job(), publish(S.RUNNING))
        release = bench.turn(own())
        before = bench.wire.requests
        for _ in range(100):
            bench.clock.wait(timedelta(minutes=3))
            release = bench.turn(release)
        assert (release.state, bench.wire.requests - before) == (ReleaseState.WAITING, 100)

    @pytest.mark.parametrize("lost", [False, True])
    def test_with_leave_it_is_played_once(self, bench: OwnBench, lost: bool) -> None:
        bench.policy = PipelinePolicy(play=True)
        if lost:
            bench.wire.lost["play 32"] = [DOWN]
        release = bench.turn(own())
        assert (release.state, bench.steering) == (ReleaseState.WAITING, ["play 32"])
        bench.lay(S.SUCCESS, job(), publish())
        bench.index.files_on["registry"] = dict(BOTH)
        assert bench.to_the_end(release).state is ReleaseState.PUBLISHED
        assert bench.steering == ["play 32"]

    def test_an_optional_job_is_played_though_the_pipeline_is_green(self, bench: OwnBench) -> None:
        bench.policy = PipelinePolicy(play=True)
        bench.lay(S.SUCCESS, job(), publish(S.MANUAL))
        bench.turn(own())
        assert bench.steering == ["play 32"]

    def test_two_jobs_are_both_played(self, bench: OwnBench) -> None:
        bench.policy = PipelinePolicy(play=True, job="publish*")
        bench.lay(S.MANUAL, job(), publish(S.MANUAL), replace(publish(S.MANUAL, 33), name="publish-pypi"))
        release = bench.turn(own())
        bench.lay(S.MANUAL, job(), publish(), replace(publish(S.MANUAL, 33), name="publish-pypi"))
        bench.clock.wait(timedelta(minutes=1))
        bench.turn(release)
        assert bench.steering == ["play 32", "play 33"]

    def test_the_files_that_were_built_are_judged_before(self, bench: OwnBench) -> None:
        bench.policy = PipelinePolicy(play=True)
        wrong = distribution("acme_widget-1.0.9-py3-none-any.whl", version="1.0.9")
        (archive,) = (bytes_ for number, bytes_ in bench.pipelines.archives.items() if number == 31)
        bench.distributions.inside[archive] = Gathered(files=(wrong,))
        ended = bench.turn(own())
        assert (ended.state, bench.steering) == (ReleaseState.BLOCKED, [])

    @pytest.mark.parametrize("gate", ["approval", "hold"])
    def test_nothing_is_played_without_the_people_whom_policy_asks(self, bench: OwnBench, gate: str) -> None:
        bench.policy = PipelinePolicy(play=True)
        if gate == "hold":
            bench.holds.put(PROJECT.id, "v1.1.0", Hold(by="grace", reason="not today", since=NOON))
        else:
            bench.wants = lambda one: replace(one, rule=replace(one.rule, approval=ApprovalRule()))
        release = bench.turn(own())
        state = {"approval": ReleaseState.WAITING, "hold": ReleaseState.BLOCKED}[gate]
        assert (release.state, bench.steering) == (state, [])
        assert next(one.verdict.value for one in release.gates if one.name == gate) == "fail"

    def test_another_job_before_it_is_waited_for(self, bench: OwnBench) -> None:
        bench.policy = PipelinePolicy(play=True)
        bench.lay(S.MANUAL, job(30, "agree", S.MANUAL), publish(S.CREATED))
        release = bench.turn(own())
        assert (release.state, bench.steering) == (ReleaseState.WAITING, [])
        assert "waits for a person: play agree (" in (release.next or "")
        assert "behind which publish runs" in (release.next or "")


class TestFailed:
    """The publishing job did not succeed."""

    @pytest.mark.parametrize(
        ("status", "words"),
        [(S.FAILED, "job publish failed: "), (S.CANCELED, "job publish was canceled: ")],
    )
    @pytest.mark.parametrize("arrived", [True, False])
    def test_with_its_page_and_what_arrived(
        self, bench: OwnBench, status: PipelineStatus, words: str, arrived: bool
    ) -> None:
        bench.lay(status, job(), publish(status))
        bench.index.files_on["registry"] = {WHEEL: digest_of(WHEEL)} if arrived else {}
        ended = bench.turn(own())
        assert (ended.state, ended.due_at) == (ReleaseState.PARTIAL if arrived else ReleaseState.FAILED, None)
        assert f"{words}https://gitlab.example.com/-/jobs/32. Retry it in GitLab, then resume" in (ended.next or "")
        assert bench.public_writes == []

    def test_a_job_that_may_fail_counts_all_the_same(self, bench: OwnBench) -> None:
        bench.lay(S.SUCCESS, job(), replace(publish(S.FAILED), allow_failure=True))
        bench.index.files_on["registry"] = {}
        assert bench.turn(own()).state is ReleaseState.FAILED

    def test_a_job_that_failed_after_everything_had_arrived_is_told_and_no_more(self, bench: OwnBench) -> None:
        bench.lay(S.FAILED, job(), publish(S.FAILED))
        ended = bench.turn(own())
        assert ended.state is ReleaseState.PUBLISHED
        assert "yet every file stands on every index" in target(ended, "distributions").reason

    def test_after_a_retry_the_new_job_counts(self, bench: OwnBench) -> None:
        bench.lay(S.FAILED, job(), publish(S.FAILED))
        bench.index.files_on["registry"] = {WHEEL: digest_of(WHEEL)}
        ended = bench.turn(own())
        bench.lay(S.SUCCESS, job(), publish(S.SUCCESS, number=40))
        bench.index.files_on["registry"] = dict(BOTH)
        again = bench.to_the_end(replace(ended, state=ReleaseState.PLANNED, due_at=NOON, asked_at=bench.clock.now))
        assert again.state is ReleaseState.PUBLISHED

    def test_another_job_that_failed_before_it_stops_the_release(self, bench: OwnBench) -> None:
        bench.lay(S.FAILED, job(30, "test", S.FAILED), publish(S.SKIPPED))
        ended = bench.turn(own())
        assert (ended.state, bench.index.wire.calls.count("files registry")) == (ReleaseState.FAILED, 0)
        assert "failed in test" in (ended.next or "")

    def test_another_job_that_failed_after_it_is_told_and_no_more(self, bench: OwnBench) -> None:
        bench.lay(S.FAILED, job(), publish(), job(33, "announce", S.FAILED))
        ended = bench.turn(own())
        assert ended.state is ReleaseState.PUBLISHED
        (gate,) = (gate for gate in ended.gates if gate.name == "pipeline_green")
        assert (gate.verdict.value, "failed in announce" in gate.reason) == ("fail", True)


class TestWhoPublishes:
    """Policy, the CI file, a name that says it, nobody."""

    @pytest.mark.parametrize(
        ("pattern", "planned", "name", "words"),
        [
            ("pub*", None, "publish", "policy names pub*"),
            (None, TWINE, "publish", "the CI file says that it uploads with twine"),
            (None, TWINE, "publish: [one]", "the CI file says that it uploads with twine"),
            (None, TWINE, "publish 1/2", "the CI file says that it uploads with twine"),
            (None, None, "to-pypi", "its name or stage says so, and nothing else tells"),
        ],
    )
    def test_is_told(
        self, bench: OwnBench, pattern: str | None, planned: PlannedPipeline | None, name: str, words: str
    ) -> None:
        bench.policy = PipelinePolicy(job=pattern)
        bench.planner.files = {SHA: planned} if planned else {}
        bench.lay(S.SUCCESS, job(), replace(publish(), name=name))
        ended = bench.turn(own())
        assert ended.state is ReleaseState.PUBLISHED
        assert f"{name} of pipeline 7 uploaded them ({words})" == target(ended, "distributions").reason

    def test_a_pattern_that_fits_no_job_is_said(self, bench: OwnBench) -> None:
        bench.policy = PipelinePolicy(job="ship*")
        ended = bench.turn(own())
        assert ended.state is ReleaseState.FAILED
        assert "no job of pipeline 7 is called ship* (build, publish)" in (ended.next or "")

    def test_where_nobody_is_known_the_index_decides(self, bench: OwnBench) -> None:
        bench.planner.files = {}
        bench.lay(S.SUCCESS, job())
        assert bench.turn(own()).state is ReleaseState.PUBLISHED
        bench.index.files_on["registry"] = {}
        ended = bench.to_the_end(replace(own(), turn=1))
        assert "neither policy nor the CI file nor any job's name tells" in (ended.next or "")


class TestAuto:
    """The source is decided once."""

    def test_it_is_recorded_with_its_reason_and_kept(self, bench: OwnBench) -> None:
        bench.indexes = (PUBLIC,)
        bench.index.files_on["public"] = {}
        release = bench.turn(own(Source.AUTO))
        assert (release.state, release.source) == (ReleaseState.VERIFYING, Source.PIPELINE)
        assert release.source_reason == "auto: job publish uploads by itself"
        bench.planner.files = {}
        bench.index.files_on["public"] = dict(BOTH)
        bench.clock.wait(timedelta(minutes=1))
        assert bench.turn(release).state is ReleaseState.PUBLISHED
        assert bench.wire.writes[0] == "create_release", "the bot uploads nothing"

    def test_a_turn_that_is_put_off_records_it_too(self, bench: OwnBench) -> None:
        bench.wire.before["files registry"] = [DOWN]
        release = bench.turn(own(Source.AUTO))
        assert (release.source, release.faults) == (Source.PIPELINE, 1)

    def test_jobs_that_only_keep_files_leave_the_upload_to_the_bot(self, bench: OwnBench) -> None:
        bench.planner.files[SHA] = PlannedPipeline(jobs=TWINE.jobs[:1])
        bench.lay(S.SUCCESS, job())
        bench.index.files_on["registry"] = {}
        ended = bench.turn(own(Source.AUTO))
        assert (ended.state, ended.source) == (ReleaseState.PUBLISHED, Source.ARTIFACTS)
        assert bench.wire.writes[:2] == [f"upload registry {WHEEL}", f"upload registry {SDIST}"]

    def test_nothing_is_asked_of_the_file_while_the_pipeline_runs(self, bench: OwnBench) -> None:
        bench.lay(S.RUNNING)
        release = bench.turn(own(Source.AUTO))
        assert (release.state, release.source) == (ReleaseState.WAITING, Source.AUTO)
        assert "planned" not in bench.wire.calls


@pytest.mark.parametrize("seed", range(25))
def test_whatever_fails_on_the_way_nothing_is_steered_twice(bench: OwnBench, seed: int) -> None:
    """A fifth of all calls fails before its effect, a fifth of all writes loses its reply: one start, one play."""
    chance = Random(seed)
    bench.policy = PipelinePolicy(play=True)
    bench.pipelines.rows[PROJECT.id] = ()
    bench.index.files_on["registry"] = {}
    bench.pipelines.starting["v1.1.0"] = pipeline(S.RUNNING).pipeline

    def fail(_: object) -> None:
        if chance.random() < 0.2:
            raise DOWN

    bench.wire.coming = bench.wire.wrote = fail
    release = own(Source.AUTO)
    for _ in range(300):
        release = bench.turn(release)
        if release.due_at is None:
            break
        bench.clock.wait(max(release.due_at - bench.clock.now, timedelta()))
        if bench.steering == ["start_pipeline"]:
            bench.lay(S.MANUAL, job(), publish(S.MANUAL))
        elif bench.steering:
            bench.lay(S.SUCCESS, job(), publish(ended=None))
            bench.index.files_on["registry"] = dict(BOTH)
    assert (release.state, release.source, release.due_at) == (ReleaseState.PUBLISHED, Source.PIPELINE, None)
    assert bench.steering == ["start_pipeline", "play 32"]
    assert bench.wire.writes.count("create_release") == 1

"""Turns of a release from artifacts that are not all there any more, with every port a fake."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from bot.domain.ci import CiUnknown
from bot.domain.ci_plan import PlannedJob, PlannedPipeline, Start
from bot.domain.consents import ApprovalRule, Hold
from bot.domain.gitlab import Job, PipelineStatus
from bot.domain.left_out import LeftOut
from bot.domain.releases import Release, ReleaseState
from bot.ports.index import Gathered
from tests.contract.turn_bench import ARCHIVE, PUBLIC_WRITES, WRITES, Bench, planned
from tests.unit.release_facts import NOON, PROJECT, SDIST, SHA, WHEEL, distribution, job

LINUX = PlannedJob(name="linux", start=Start.ITSELF, keeps=True)
LINT = PlannedJob(name="lint", start=Start.ITSELF)
YESTERDAY = NOON - timedelta(days=1)


def expired(name: str, number: int = 30) -> Job:
    """A job that succeeded and whose artifacts GitLab has cleared away."""
    plain = job(number, name, has_artifacts=False)
    return replace(plain, artifacts_expire_at=YESTERDAY)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    made = Bench(folder=tmp_path)
    made.planner.files[SHA] = PlannedPipeline(jobs=(LINUX, LINT, replace(LINUX, name="build")))
    return made


def lay(bench: Bench, *jobs: Job) -> None:
    bench.pipelines.jobs_of[7] = jobs


@pytest.mark.parametrize("name", ["linux", "linux: [cp311]", "linux 1/2"])
def test_wheels_that_expired_stop_the_release_though_other_jobs_files_are_there(bench: Bench, name: str) -> None:
    lay(bench, job(), expired(name))
    ended = bench.turn(planned())
    assert (ended.state, bench.public_writes) == (ReleaseState.FAILED, [])
    assert (
        f"the artifacts of job 30 ({name}) expired on 2026-08-02: run the job again "
        "(https://gitlab.example.com/-/jobs/30), then resume"
    ) in (ended.next or "")


def test_a_report_that_expired_stops_nothing_and_costs_a_look_at_the_file(bench: Bench) -> None:
    lay(bench, job(), expired("lint"))
    assert bench.turn(planned()).state is ReleaseState.PUBLISHED
    assert bench.wire.writes == WRITES
    assert bench.wire.calls.count("planned") == 1


@pytest.mark.parametrize("known", [True, False])
def test_where_nobody_knows_what_expired_it_may_have_been_wheels(bench: Bench, known: bool) -> None:
    bench.planner.files = {SHA: CiUnknown(reason="too large")} if known else {}
    lay(bench, job(), expired("lint"))
    assert bench.turn(planned()).state is ReleaseState.FAILED


def test_where_all_expired_nothing_else_needs_to_be_asked(bench: Bench) -> None:
    lay(bench, expired("lint"))
    ended = bench.turn(planned())
    assert "job 30 (lint) expired on 2026-08-02" in (ended.next or "")
    assert "planned" not in bench.wire.calls


def test_what_was_left_out_stays_told_while_the_files_are_kept(bench: Bench) -> None:
    """Only the turn that gathers them can see it, and a release may take many turns."""
    odd = LeftOut(filename="acme_widget-1.1.0.zip", origin="job 31 (build)", name="acme-widget", why="it is no .tar.gz")
    told = "acme_widget-1.1.0.zip of job 31 (build) is left out: it is no .tar.gz"
    bench.distributions.inside[ARCHIVE] = Gathered(files=(distribution(WHEEL),), left_out=(odd,))
    ended = bench.turn(planned())
    assert ended.state is ReleaseState.PUBLISHED
    bench.holds.put(PROJECT.id, "v1.1.0", Hold(by="ada", since=NOON))
    held = bench.turn(replace(ended, state=ReleaseState.PLANNED))
    assert held.state is ReleaseState.PARTIAL
    bench.holds.lift(PROJECT.id, "v1.1.0")
    again = bench.turn(replace(held, state=ReleaseState.PLANNED))
    assert bench.wire.calls.count("artifacts") == 1
    for release in (ended, held, again):
        assert [gate.reason for gate in release.gates if gate.name == "left_out"] == [told]


def test_after_the_job_ran_again_its_new_files_are_released(bench: Bench) -> None:
    lay(bench, expired("build"))
    ended = bench.turn(planned())
    lay(bench, job(31, "build"))
    again = bench.turn(replace(ended, state=ReleaseState.PLANNED, asked_at=bench.clock.now))
    assert again.state is ReleaseState.PUBLISHED


def test_what_gitlab_lists_and_does_not_give_is_gone_with_the_day_it_was_kept_until(bench: Bench) -> None:
    lay(bench, replace(job(), artifacts_expire_at=YESTERDAY), job(32, "other"))
    bench.pipelines.archives = {32: ARCHIVE}
    ended = bench.turn(planned())
    assert "the artifacts of job 31 (build) are gone (kept until 2026-08-02 12:00 UTC): run the job again" in (
        ended.next or ""
    )


def test_a_failed_job_of_a_pipeline_that_succeeded_contributes_nothing(bench: Bench) -> None:
    lay(bench, job(), job(32, "flaky", PipelineStatus.FAILED, allow_failure=True))
    bench.pipelines.archives[32] = b"never asked for"
    assert bench.turn(planned()).state is ReleaseState.PUBLISHED
    assert bench.wire.calls.count("artifacts") == 1


def test_several_jobs_contribute(bench: Bench) -> None:
    lay(bench, job(31, "linux: [cp311]"), job(32, "sdist"))
    bench.pipelines.archives = {31: b"wheel", 32: b"sdist"}
    bench.distributions.inside = {
        b"wheel": Gathered(files=(distribution(WHEEL),)),
        b"sdist": Gathered(files=(replace(distribution(SDIST), job_id=32),)),
    }
    assert bench.turn(planned()).state is ReleaseState.PUBLISHED
    assert bench.wire.writes == WRITES


def stopped_with_the_wheel(bench: Bench, *more: Job) -> Release:
    """A release whose first job left a wheel, which is kept, and that somebody's approval is missing of."""
    bench.wants = lambda want: replace(want, rule=replace(want.rule, approval=ApprovalRule()))
    lay(bench, at(job(31, "linux"), 10), *more)
    bench.pipelines.archives = {31: b"wheel", 32: b"sdist"}
    bench.distributions.inside = {
        b"wheel": Gathered(files=(distribution(WHEEL),)),
        b"sdist": Gathered(files=(replace(distribution(SDIST), job_id=32),)),
    }
    ended = bench.turn(planned())
    assert [file.filename for file in bench.kept.files(ended.key)] == [WHEEL]
    bench.wants = lambda want: want
    return replace(ended, state=ReleaseState.PLANNED, asked_at=bench.clock.now)


def at(one: Job, minutes: int) -> Job:
    """A job that ended so many minutes after noon."""
    return replace(one, finished_at=NOON + timedelta(minutes=minutes))


@pytest.mark.parametrize("known", [True, False])
def test_a_job_that_a_person_played_before_the_first_upload_contributes_too(bench: Bench, known: bool) -> None:
    """Whether the CI file says that it leaves distributions, or nobody can tell."""
    bench.planner.files = {SHA: PlannedPipeline(jobs=(LINUX, replace(LINUX, name="sdist")))} if known else {}
    release = stopped_with_the_wheel(bench)
    lay(bench, at(job(31, "linux"), 10), at(job(32, "sdist"), 20))
    assert bench.turn(release).state is ReleaseState.PUBLISHED
    assert bench.public_writes == PUBLIC_WRITES


def test_a_report_that_came_later_makes_nothing_be_downloaded_again(bench: Bench) -> None:
    release = stopped_with_the_wheel(bench, at(job(33, "lint", has_artifacts=False), 15))
    lay(bench, at(job(31, "linux"), 10), at(job(33, "lint"), 15))
    assert bench.turn(release).state is ReleaseState.PUBLISHED
    assert bench.wire.calls.count("artifacts") == 1


@pytest.mark.parametrize(("name", "state"), [("acme-widget", "published"), ("acme-gadget", "blocked")])
def test_a_name_that_only_a_literal_of_setup_py_declares_is_the_projects(bench: Bench, name: str, state: str) -> None:
    """The project is called otherwise; nothing of the program runs."""
    del bench.refs.texts[PROJECT.id, "pyproject.toml", SHA]
    bench.refs.texts[PROJECT.id, "setup.py", SHA] = f'from setuptools import setup\nsetup(name="{name}")\n'
    assert bench.turn(planned()).state.value == state

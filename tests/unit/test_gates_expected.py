"""The files that policy expects of a release: all that is missing or too much is said at once."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.domain.ci_plan import PlannedJob, PlannedPipeline, Start
from bot.domain.gitlab import Job, PipelineStatus
from bot.domain.policy import ExpectedFiles
from bot.domain.verdicts import Consequence, GateResult, Verdict
from bot.ports.index import Gathered
from bot.release.facts import Facts, Look, LookKind, Seen, Unreadable, Wanted
from bot.release.gates import expected_files
from tests.unit.release_facts import SDIST, WHEEL, distribution, good_facts, job, pipeline, wanted

WINDOWS = "acme_widget-1.1.0-cp311-cp311-win_amd64.whl"


def expecting(expected: ExpectedFiles | None) -> Wanted:
    plain = wanted()
    return replace(plain, rule=replace(plain.rule, expect=expected))


def having(*filenames: str) -> Facts:
    return replace(good_facts(), files=Seen(Gathered(files=tuple(map(distribution, filenames)))))


CASES: list[tuple[ExpectedFiles, tuple[str, ...], str]] = [
    (ExpectedFiles(), (SDIST,), "all is there: no wheels and 1 sdist"),
    (ExpectedFiles(wheels=1, sdist=True), (WHEEL, SDIST), "all is there: 1 wheel and 1 sdist"),
    (ExpectedFiles(sdist=False), (WHEEL, WINDOWS), "all is there: 2 wheels and no sdists"),
    (ExpectedFiles(files=("*win_amd64.whl", "*.tar.gz")), (WINDOWS, SDIST), "all is there: 1 wheel and 1 sdist"),
    (ExpectedFiles(wheels=2), (WHEEL,), "policy expects 2 wheels. The jobs made 1 wheel and no sdists."),
    (ExpectedFiles(wheels=1), (WHEEL, WINDOWS), "policy expects 1 wheel. The jobs made 2 wheels and no sdists."),
    (ExpectedFiles(sdist=True), (WHEEL,), "policy expects an sdist. The jobs made 1 wheel and no sdists."),
    (ExpectedFiles(sdist=False), (WHEEL, SDIST), "policy allows no sdist. The jobs made 1 wheel and 1 sdist."),
    (
        ExpectedFiles(wheels=3, sdist=True, files=("*-win_amd64.whl", "*-any.whl")),
        (WHEEL,),
        "policy expects 3 wheels; policy expects an sdist; policy expects a file like *-win_amd64.whl. The jobs made "
        "1 wheel and no sdists.",
    ),
]


@pytest.mark.parametrize(("expected", "filenames", "reason"), CASES)
def test_a_set_of_files_is_whole_or_says_what_is_wrong(
    expected: ExpectedFiles, filenames: tuple[str, ...], reason: str
) -> None:
    whole = reason.startswith("all")
    said = expected_files.judge(expecting(expected), having(*filenames))
    way_out = "" if whole else " Mend them and push a new tag; nothing was uploaded"
    assert said == GateResult(
        name="expected_files",
        verdict=Verdict.PASS if whole else Verdict.FAIL,
        reason=reason + way_out,
        consequence=Consequence.NONE if whole else Consequence.BLOCK,
    )


def test_it_is_silent_unless_policy_expects_something_and_looks_for_the_files_first() -> None:
    assert expected_files.judge(expecting(None), having(WHEEL)) is None
    asked = expecting(ExpectedFiles(sdist=True))
    assert expected_files.judge(asked, replace(good_facts(), files=None)) == Look(LookKind.FILES)
    for spoilt in (Gathered(files=(), problems=("broken",)), Gathered(files=())):
        said = expected_files.judge(asked, replace(good_facts(), files=Seen(spoilt)))
        assert isinstance(said, GateResult)
        assert said.verdict is Verdict.NOT_APPLICABLE


def made(name: str, status: PipelineStatus, number: int) -> Job:
    return job(number, name, status, has_artifacts=False)


BUILD = PlannedJob(name="build", start=Start.ITSELF, keeps=True)
WHEELS = PlannedJob(name="wheels", start=Start.BY_HAND, keeps=True)
LINT = PlannedJob(name="lint", start=Start.BY_HAND)
FILE: Seen[PlannedPipeline | None] = Seen(PlannedPipeline(jobs=(BUILD, WHEELS, LINT)))
TWO = ExpectedFiles(wheels=2)
AND_ELSE = "then resume; else mend them and push a new tag; nothing was uploaded"
URL = "https://gitlab.example.com/-/jobs"
LEFT: list[tuple[str, tuple[Job, ...], Seen[PlannedPipeline | None] | Unreadable, str]] = [
    (
        "to be played",
        (made("wheels: [windows]", PipelineStatus.MANUAL, 40),),
        FILE,
        f"Job wheels: [windows] waits to be played: play it ({URL}/40), {AND_ELSE}",
    ),
    (
        "failed and canceled",
        (made("wheels 1/2", PipelineStatus.FAILED, 41), made("wheels 2/2", PipelineStatus.CANCELED, 42)),
        FILE,
        f"Job wheels 1/2 failed: run it again ({URL}/41). Job wheels 2/2 was canceled: run it again ({URL}/42), "
        + AND_ELSE,
    ),
    (
        "many",
        tuple(made(f"wheels {n}/5", PipelineStatus.SKIPPED, n) for n in range(1, 6)),
        FILE,
        ". ".join(f"Job wheels {n}/5 was skipped: let it run ({URL}/{n})" for n in (1, 2, 3))
        + f". 2 more like them, {AND_ELSE}",
    ),
    ("makes no files", (made("lint", PipelineStatus.MANUAL, 43),), FILE, "Mend them and push a new tag"),
    ("nobody knows", (made("wheels", PipelineStatus.MANUAL, 44),), Unreadable("403"), "Mend them and push a new tag"),
]


@pytest.mark.parametrize(("jobs", "planned", "way_out"), [row[1:] for row in LEFT], ids=[row[0] for row in LEFT])
def test_the_job_that_would_leave_what_is_missing_is_named_with_what_to_do(
    jobs: tuple[Job, ...], planned: Seen[PlannedPipeline | None] | Unreadable, way_out: str
) -> None:
    facts = replace(having(WHEEL), pipeline=Seen(pipeline(PipelineStatus.SUCCESS, job(), *jobs)), planned=planned)
    said = expected_files.judge(expecting(TWO), facts)
    assert isinstance(said, GateResult)
    assert said.reason.startswith(f"policy expects 2 wheels. The jobs made 1 wheel and no sdists. {way_out}")


def test_the_ci_file_is_asked_only_where_a_job_may_still_make_what_is_missing() -> None:
    idle = pipeline(PipelineStatus.SUCCESS, job(), made("wheels", PipelineStatus.MANUAL, 40))
    for found, expected, look in (
        (idle, TWO, LookKind.CI_FILE),
        (idle, ExpectedFiles(sdist=False, wheels=0), None),
        (idle, ExpectedFiles(sdist=True, files=(WHEEL,)), LookKind.CI_FILE),
        (pipeline(), TWO, None),
        (None, TWO, None),
    ):
        said = expected_files.judge(expecting(expected), replace(having(WHEEL), pipeline=Seen(found), planned=None))
        assert (said.kind if isinstance(said, Look) else None) is look

"""Which source `auto` chooses: the table of docs/sources.md, row by row, and what its columns are read from."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest

from bot.domain.ci_plan import PlannedJob, PlannedPipeline, Start
from bot.domain.gitlab import PipelineStatus
from bot.domain.policy import PipelinePolicy, Source
from bot.domain.releases import AttemptOutcome
from bot.release.facts import Facts, PipelineFacts, Seen, Unreadable
from bot.release.sources import Signs, Uploading, begun_with, choose_source, read_signs
from tests.unit.release_facts import attempt, distribution, good_facts, job, pipeline, wanted

PAGE = Path(__file__).parents[2] / "docs" / "sources.md"
S = PipelineStatus


def _rows() -> list[tuple[str, ...]]:
    """The rows of the page's decision table, and nothing else. Raises: ValueError if there is no such table."""
    lines = PAGE.read_text().splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith("| a job uploads |"))
    table = []
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            break
        table.append(tuple(cell.strip() for cell in line.strip("|").split("|")))
    return table


def _either(cell: str) -> tuple[bool, ...]:
    return {"yes": (True,), "no": (False,), "-": (True, False)}[cell]


@pytest.mark.parametrize("row", _rows(), ids=lambda row: " ".join(row[:4]))
def test_each_row_of_the_table_is_what_is_done(row: tuple[str, ...]) -> None:
    uploads, plays, keeps, builds, source, because = row
    for play, keep, build in product(_either(plays), _either(keeps), _either(builds)):
        signs = Signs(
            uploading=Uploading(uploads),
            jobs="job publish",
            keepers="job build" if keep else "",
            plays=play,
            may_build=build,
            why_unknown="no word",
        )
        chosen = choose_source(signs)
        assert (chosen.source.value, chosen.reason) == (source, f"auto: {because}")


def test_the_table_leaves_nothing_open() -> None:
    seen = []
    for row in _rows():
        for combination in product(_either(row[1]), _either(row[2]), _either(row[3])):
            seen.append((row[0], *combination))
    assert sorted(seen) == sorted(product([one.value for one in Uploading], *[(True, False)] * 3))


PUBLISH = PlannedJob(name="publish", start=Start.ITSELF, uploads_with="twine")
BUILD = PlannedJob(name="build", start=Start.ITSELF, keeps=True)
TEST = PlannedJob(name="test", start=Start.ITSELF)


def _signs(
    planned: PlannedPipeline | Unreadable | None, found: PipelineFacts | None, *, play: bool = False
) -> tuple[str, str, str]:
    seen = planned if isinstance(planned, Unreadable) else Seen(planned)
    facts: Facts = replace(good_facts(), planned=seen, pipeline=Seen(found))
    rule = replace(wanted().rule, pipeline=PipelinePolicy(play=play))
    signs = read_signs(replace(wanted(), rule=rule, source=Source.AUTO), facts)
    assert signs.plays == play
    return signs.uploading.value, signs.jobs, signs.keepers


def _file(*jobs: PlannedJob, whole: bool = True) -> PlannedPipeline:
    return PlannedPipeline(jobs=jobs, whole=whole)


def _started(start: Start) -> PlannedJob:
    return replace(PUBLISH, start=start)


@pytest.mark.parametrize(
    ("planned", "found", "signs"),
    [
        # no pipeline: what the file would run for the ref
        (_file(PUBLISH, BUILD), None, ("by itself", "job publish", "job build")),
        (_file(_started(Start.BY_HAND)), None, ("by hand", "job publish", "")),
        (_file(_started(Start.NEVER), BUILD), None, ("none", "", "job build")),
        (_file(_started(Start.OPEN), BUILD), None, ("cannot tell", "", "job build")),
        (_file(TEST, replace(BUILD, start=Start.NEVER)), None, ("none", "", "")),
        (_file(TEST, whole=False), None, ("cannot tell", "", "")),
        (_file(PUBLISH, whole=False), None, ("by itself", "job publish", "")),
        (None, None, ("cannot tell", "", "")),
        (Unreadable("too large"), pipeline(S.SUCCESS, job()), ("cannot tell", "", "job build")),
        # a pipeline that stands still: its own jobs
        (
            _file(PUBLISH),
            pipeline(S.SUCCESS, job(32, "publish", has_artifacts=False)),
            ("by itself", "job publish", ""),
        ),
        (
            _file(_started(Start.OPEN)),
            pipeline(S.MANUAL, job(), job(32, "publish", S.MANUAL, has_artifacts=False)),
            ("by hand", "job publish", "job build"),
        ),
        (_file(PUBLISH, BUILD), pipeline(S.SUCCESS, job()), ("none", "", "job build")),
        (
            _file(PUBLISH),
            pipeline(S.SUCCESS, job(33, "publish: [registry]"), job(34, "publish: [pypi]")),
            ("by itself", "job publish: [registry], publish: [pypi]", "job publish: [registry], publish: [pypi]"),
        ),
        # what keeps distributions is told from what keeps a report, where the file says so
        (_file(BUILD, TEST), pipeline(S.SUCCESS, job(), job(35, "test")), ("none", "", "job build")),
        (_file(TEST), pipeline(S.SUCCESS, job(35, "test")), ("none", "", "job test")),
        # one that runs says nothing yet
        (_file(PUBLISH), pipeline(S.RUNNING, job(32, "other")), ("by itself", "job publish", "")),
    ],
)
def test_signs_are_read_from_the_file_and_from_what_really_ran(
    planned: PlannedPipeline | Unreadable | None, found: PipelineFacts | None, signs: tuple[str, str, str]
) -> None:
    assert _signs(planned, found) == signs
    assert _signs(planned, found, play=True) == signs


def test_what_cannot_be_told_has_its_reason() -> None:
    cases: dict[str, Seen[PlannedPipeline | None] | Unreadable] = {
        "there is no CI file": Seen(None),
        "too large": Unreadable("too large"),
        "what the CI file includes cannot be read": Seen(_file(whole=False)),
        "the rules of the job that could depend on variables": Seen(_file(_started(Start.OPEN))),
    }
    for reason, planned in cases.items():
        facts: Facts = replace(good_facts(), planned=planned, pipeline=Seen(None))
        assert read_signs(wanted(), facts).why_unknown == reason


@pytest.mark.parametrize(
    ("target", "item", "source"),
    [
        ("distributions", "pipeline", Source.PIPELINE),
        ("distributions", "job 7", Source.PIPELINE),
        ("index:registry", "a.whl", Source.ARTIFACTS),
        ("gitlab_release", "-", None),
        ("note:!1", "-", None),
    ],
)
def test_a_decision_that_was_lost_follows_from_what_was_tried(target: str, item: str, source: Source | None) -> None:
    begun = begun_with((attempt(AttemptOutcome.UNCLEAR, target=target, item=item),), (distribution(),))
    assert (begun.source if begun else None) == source


def test_a_lost_decision_to_build_follows_from_files_that_no_job_made() -> None:
    built = replace(distribution(), job_id=None)
    begun = begun_with((attempt(AttemptOutcome.UNCLEAR, target="index:registry", item=built.filename),), (built,))
    assert begun is not None
    assert begun.source is Source.BUILD

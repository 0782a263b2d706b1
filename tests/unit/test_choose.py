"""Which pipeline and which artifacts are the release's."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.gitlab import Pipeline, PipelineStatus
from bot.release.choose import FOREIGN_SOURCES, choose_pipeline, jobs_with_files
from tests.unit.release_facts import OTHER_SHA, SHA, job


def of(number: int, *, ref: str = "v1.1.0", sha: str = SHA, source: str = "push") -> Pipeline:
    return Pipeline(id=number, ref=ref, sha=sha, source=source, status=PipelineStatus.SUCCESS, web_url="")


PIPELINES = st.builds(
    of,
    st.integers(1, 50),
    ref=st.sampled_from(["v1.1.0", "v1.1.1", "main"]),
    sha=st.sampled_from([SHA, OTHER_SHA]),
    source=st.sampled_from(["push", "web", "api", "trigger", "pipeline", *FOREIGN_SOURCES]),
)


@pytest.mark.parametrize(
    ("pipelines", "chosen"),
    [
        ((), None),
        ((of(1),), 1),
        ((of(1), of(3), of(2)), 3),
        ((of(1), of(9, ref="main")), 1),
        ((of(1), of(9, ref="v1.1.1")), 1),
        ((of(1), of(9, sha=OTHER_SHA)), 1),
        ((of(1), of(9, source="merge_request_event")), 1),
        ((of(1), of(9, source="schedule")), 1),
        ((of(9, source="parent_pipeline"),), None),
        ((of(1), of(2, source="web")), 2),
    ],
)
def test_it_is_the_newest_of_that_commit_and_ref_that_could_be_the_releases(
    pipelines: tuple[Pipeline, ...], chosen: int | None
) -> None:
    found = choose_pipeline(pipelines, ref="v1.1.0", sha=SHA)
    assert (found.id if found else None) == chosen


@given(st.lists(PIPELINES, max_size=8))
def test_the_choice_fits_is_the_newest_and_does_not_depend_on_the_order(pipelines: list[Pipeline]) -> None:
    found = choose_pipeline(pipelines, ref="v1.1.0", sha=SHA)
    fit = [p for p in pipelines if (p.ref, p.sha) == ("v1.1.0", SHA) and p.source not in FOREIGN_SOURCES]
    again = choose_pipeline(reversed(pipelines), ref="v1.1.0", sha=SHA)
    assert (found is None) == (not fit)
    assert (found.id if found else None) == max((p.id for p in fit), default=None) == (again.id if again else None)


def test_only_jobs_that_succeeded_and_left_an_archive_count_in_order_of_their_ids() -> None:
    jobs = [
        job(5, "sdist"),
        job(3, "wheel"),
        job(1, "lint", has_artifacts=False),
        job(2, "slow", PipelineStatus.FAILED, allow_failure=True),
        job(4, "publish", PipelineStatus.MANUAL),
    ]
    assert [found.name for found in jobs_with_files(jobs)] == ["wheel", "sdist"]

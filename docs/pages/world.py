"""A made-up release, of which the tables replace what they are about."""

from __future__ import annotations

from datetime import UTC, datetime

from bot.domain.distributions import Distribution, DistributionKind, IndexFile, Metadata
from bot.domain.gitlab import Job, Level, Pipeline, PipelineStatus, VariableFlags
from bot.domain.policy import HygienePolicy, IndexKind, IndexSpec, ReleaseRule, Source
from bot.domain.refs import Project, RefKind
from bot.domain.releases import Attempt, AttemptOutcome, Release, ReleaseId, ReleaseState
from bot.domain.report import IndexPage
from bot.domain.running_job import RunningJob
from bot.domain.verdicts import Severity
from bot.ports.index import IndexPlace
from bot.release.facts import IndexFacts, PipelineFacts, Wanted

NOON = datetime(2026, 8, 3, 12, 0, tzinfo=UTC)
SHA = "0a1b2c3d" * 5
PROJECT = Project(id=42, full_path="acme/tools/widget", web_url="https://gitlab.example.com/w", default_branch="main")
ID = ReleaseId(project_id=PROJECT.id, kind=RefKind.TAG, ref="v1.2.0", sha=SHA)
REGISTRY = IndexSpec(name="registry", kind=IndexKind.GITLAB)
PYPI = IndexSpec(name="pypi", kind=IndexKind.PYPI)
WHEEL = "widget-1.2.0-py3-none-any.whl"


def wanted(block_at: Severity | None = Severity.HIGH) -> Wanted:
    """What policy wants of it."""
    rule = ReleaseRule(projects=("acme/**",), tags=("v*",), indexes=(REGISTRY.name,))
    hygiene = HygienePolicy(block_at=block_at)
    return Wanted(id=ID, project=PROJECT, rule=rule, indexes=(REGISTRY,), hygiene=hygiene, asked=NOON)


def pipeline(status: PipelineStatus, *jobs: PipelineStatus) -> PipelineFacts:
    """Its pipeline and the jobs of it."""
    made = Pipeline(id=7, ref=ID.ref, sha=SHA, source="push", status=status, web_url="")
    return PipelineFacts(pipeline=made, jobs=tuple(_job(n, one) for n, one in enumerate(jobs or (status,))))


def _job(number: int, status: PipelineStatus) -> Job:
    return Job(
        id=number,
        name=f"job {number}",
        stage="test",
        status=status,
        allow_failure=False,
        has_artifacts=False,
        artifacts_expire_at=None,
        web_url="",
    )


def variable(key: str, *, masked: bool, protected: bool) -> VariableFlags:
    """A variable of the project."""
    return VariableFlags(
        key=key,
        level=Level.PROJECT,
        owner=PROJECT.full_path,
        protected=protected,
        masked=masked,
        hidden=False,
        raw=False,
        environment_scope="*",
    )


def wheel() -> Distribution:
    """The file that is released."""
    return Distribution(
        filename=WHEEL,
        kind=DistributionKind.WHEEL,
        sha256="a" * 64,
        size=1,
        metadata=Metadata(name="widget", version="1.2.0"),
        origin="job 1 (build)",
        job_id=1,
    )


def listing(*files: IndexFile) -> IndexFacts:
    """What the registry lists."""
    place = IndexPlace(spec=REGISTRY, upload_url="", simple_url="", page_url=None, immediate=True)
    page = IndexPage(name=REGISTRY.name, page_url=None, install="")
    return IndexFacts(place=place, page=page, files=files, at=NOON)


def attempt(outcome: AttemptOutcome, *, again: bool = True, number: int = 1) -> Attempt:
    """A try at uploading the file."""
    return Attempt(
        target="index:registry", item=WHEEL, number=number, outcome=outcome, at=NOON, reason="what it said", again=again
    )


def release(state: ReleaseState) -> Release:
    """Its record."""
    return Release(
        id=ID,
        project=PROJECT.full_path,
        state=state,
        created_at=NOON,
        updated_at=NOON,
        asked_at=NOON,
        due_at=None,
        source=Source.ARTIFACTS,
    )


def job(*, protected: bool, fork: bool) -> RunningJob:
    """A job of it that publishes by itself."""
    return RunningJob(
        id=31,
        name="publish",
        project_id=PROJECT.id,
        project=PROJECT.full_path,
        project_url=PROJECT.web_url,
        gitlab_url="https://gitlab.example.com",
        kind=RefKind.TAG,
        ref=ID.ref,
        sha=SHA,
        ref_protected=protected,
        from_fork=fork,
    )

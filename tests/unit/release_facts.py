"""A release whose every fact is good: tests replace what they are about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from bot.domain.distributions import Distribution, DistributionKind, IndexFile, Metadata
from bot.domain.gitlab import (
    Changes,
    GitLabRelease,
    Issue,
    Job,
    Level,
    MergeRequest,
    Note,
    Pipeline,
    PipelineStatus,
    VariableFlags,
    Variables,
)
from bot.domain.policy import HygienePolicy, IndexKind, IndexSpec, ReleaseRule
from bot.domain.refs import Head, Project, RefKind, Tag
from bot.domain.releases import STOPPED, Attempt, AttemptOutcome, ReleaseId
from bot.domain.report import IndexPage, ReleaseReport
from bot.ports.index import Gathered, IndexPlace
from bot.ports.texts import FailureText
from bot.release.facts import ApprovalFacts, Facts, IndexFacts, NameFacts, PipelineFacts, Seen, Wanted

NOON = datetime(2026, 8, 3, 12, 0, tzinfo=UTC)
SHA = "0a1b2c3d" * 5
OTHER_SHA = "9f8e7d6c" * 5
PROJECT = Project(
    id=42,
    full_path="acme/tools/widget",
    web_url="https://gitlab.example.com/acme/tools/widget",
    default_branch="main",
)
WHEEL = "acme_widget-1.1.0-py3-none-any.whl"
SDIST = "acme_widget-1.1.0.tar.gz"
REGISTRY = IndexSpec(name="registry", kind=IndexKind.GITLAB)
PUBLIC = IndexSpec(name="public", kind=IndexKind.SIMPLE, upload_url="https://up.example.com/", simple_url="https://s/")


def tag(name: str = "v1.1.0", *, sha: str = SHA, protected: bool = True) -> Tag:
    """A tag as GitLab shows it."""
    return Tag(name=name, sha=sha, target=sha, protected=protected)


def head(*, sha: str = SHA, protected: bool = True, holds: bool | None = None) -> Head:
    """The release's ref as it is now; a tag holds the release's commit only where it points."""
    return Head(sha=sha, protected=protected, holds=sha == SHA if holds is None else holds)


def distribution(
    filename: str = WHEEL, *, name: str = "acme-widget", version: str = "1.1.0", digest: str = "", problem: str = ""
) -> Distribution:
    """A kept file; its digest is made up from its name."""
    return Distribution(
        filename=filename,
        kind=DistributionKind.WHEEL if filename.endswith(".whl") else DistributionKind.SDIST,
        sha256=digest or digest_of(filename),
        size=len(filename),
        metadata=Metadata(name=name, version=version),
        origin="job 31 (build)",
        job_id=31,
        problem=problem,
    )


def digest_of(filename: str) -> str:
    """64 hex digits that belong to a name."""
    return filename.encode().hex().ljust(64, "0")[-64:]


def job(number: int = 31, name: str = "build", status: PipelineStatus = PipelineStatus.SUCCESS, **fields: bool) -> Job:
    """A job that left artifacts unless told otherwise."""
    return Job(
        id=number,
        name=name,
        stage="build",
        status=status,
        allow_failure=fields.get("allow_failure", False),
        has_artifacts=fields.get("has_artifacts", True),
        artifacts_expire_at=None,
        web_url=f"https://gitlab.example.com/-/jobs/{number}",
    )


def pipeline(status: PipelineStatus = PipelineStatus.SUCCESS, *jobs: Job, number: int = 7) -> PipelineFacts:
    """A pipeline of the tag with its jobs."""
    return PipelineFacts(
        pipeline=Pipeline(
            id=number,
            ref="v1.1.0",
            sha=SHA,
            source="push",
            status=status,
            web_url=f"https://gitlab.example.com/-/pipelines/{number}",
        ),
        jobs=jobs or (job(),),
    )


def variable(
    key: str = "TWINE_PASSWORD", *, masked: bool = True, protected: bool = True, scope: str = "*"
) -> VariableFlags:
    """A project's variable without its value."""
    return VariableFlags(
        key=key,
        level=Level.PROJECT,
        owner="acme/tools/widget",
        protected=protected,
        masked=masked,
        hidden=False,
        raw=False,
        environment_scope=scope,
    )


def listed(filename: str, sha256: str | None = "", where: str = "registry") -> IndexFile:
    """A file as an index lists it, with our bytes unless told otherwise."""
    digest = digest_of(filename) if sha256 == "" else sha256
    return IndexFile(filename=filename, sha256=digest, url=f"https://{where}.example.com/{filename}")


def place(spec: IndexSpec) -> IndexPlace:
    """An index as the project sees it; the registry lists at once, others later."""
    return IndexPlace(
        spec=spec,
        upload_url=f"https://{spec.name}.example.com/upload",
        simple_url=f"https://{spec.name}.example.com/simple",
        page_url=None,
        immediate=spec.kind is IndexKind.GITLAB,
    )


def index(spec: IndexSpec, *files: IndexFile, at: datetime = NOON) -> IndexFacts:
    """What was seen on one index."""
    page = IndexPage(name=spec.name, page_url=None, install="pip install acme-widget==1.1.0")
    return IndexFacts(place=place(spec), page=page, files=files, at=at)


def merge_request(iid: int) -> MergeRequest:
    """A merged merge request."""
    return MergeRequest(iid=iid, title=f"Change {iid}", web_url=f"https://gitlab.example.com/!{iid}", author="ada")


def changes(*iids: int) -> Changes:
    """What the release ships."""
    return Changes(previous_tag="v1.0.0", merge_requests=tuple(map(merge_request, iids)))


def wanted(
    *,
    ref: str = "v1.1.0",
    indexes: tuple[IndexSpec, ...] = (REGISTRY, PUBLIC),
    names: tuple[str, ...] = (),
    hygiene: HygienePolicy | None = None,
    project: Project = PROJECT,
    asked: datetime = NOON,
) -> Wanted:
    """The wanted state of v1.1.0 of acme/tools/widget."""
    return Wanted(
        id=ReleaseId(project_id=project.id, kind=RefKind.TAG, ref=ref, sha=SHA),
        project=project,
        rule=ReleaseRule(projects=("acme/**",), tags=("v*",), indexes=tuple(i.name for i in indexes), names=names),
        indexes=indexes,
        hygiene=hygiene or HygienePolicy(),
        asked=asked,
    )


def good_facts() -> Facts:
    """Everything looked at, nothing published yet, every gate passes."""
    return Facts(
        now=NOON,
        ref=Seen(head()),
        ref_fresh=True,
        variables=Seen(Variables(flags=(variable(),))),
        pipeline=Seen(pipeline()),
        files=Seen(Gathered(files=(distribution(WHEEL), distribution(SDIST)))),
        names=Seen(NameFacts(declared="acme-widget", owner=None)),
        indexes={"registry": Seen(index(REGISTRY)), "public": Seen(index(PUBLIC))},
        hold=Seen(None),
        reach=Seen("main"),
        approvals=Seen(ApprovalFacts()),
    )


def attempt(
    outcome: AttemptOutcome = AttemptOutcome.REFUSED,
    *,
    at: datetime = NOON,
    number: int = 1,
    target: str = "index:registry",
    item: str = WHEEL,
    again: bool = True,
    retry_after: float | None = None,
    reason: str = "502 Bad Gateway",
) -> Attempt:
    """One try."""
    return Attempt(
        target=target,
        item=item,
        number=number,
        outcome=outcome,
        at=at,
        reason=reason,
        again=again,
        retry_at=None if retry_after is None else at + timedelta(seconds=retry_after),
    )


class PlainTexts:
    """Texts that say just enough to be told apart: implements bot.ports.texts.Texts."""

    OURS = 7  # the user id of the bot

    def description(self, report: ReleaseReport, existing: str | None) -> str:
        """What people wrote, then one line of ours that changes with the files."""
        people = (existing or "").split("<ours>")[0]
        return f"{people}<ours>{report.version} {len(report.files)} files</ours>"

    def note(self, report: ReleaseReport, merge_request: MergeRequest) -> str:
        """A line that changes with the state and the reasons."""
        return f"<note {report.ref} !{merge_request.iid}> {report.state.value}: {report.next}"

    def issue_note(self, report: ReleaseReport, issue: Issue, merge_request: MergeRequest) -> str:
        """A line that changes with the state."""
        return f"<note {report.ref} #{issue.iid}> {report.state.value} by !{merge_request.iid}"

    def own(self, notes: Sequence[Note], report: ReleaseReport, place: MergeRequest | Issue) -> tuple[Note, ...]:
        """By our user and with our mark."""
        mark = f"<note {report.ref} {'#' if isinstance(place, Issue) else '!'}{place.iid}>"
        return tuple(n for n in notes if n.author_id == self.OURS and n.body.startswith(mark))

    def reply(
        self, report: ReleaseReport, merge_request: MergeRequest, sticky: Note, notes: Sequence[Note]
    ) -> str | None:
        """A call once for each state that stops a release."""
        del sticky
        body = f"<reply {report.ref} !{merge_request.iid}> {report.state.value}"
        due = report.state in STOPPED and all(note.body != body for note in notes)
        return body if due else None

    def failure_title(self, report: ReleaseReport) -> str:
        """The same for all."""
        del report
        return "stopped"

    def failure(self, report: ReleaseReport, existing: str | None, *, stopped: bool) -> FailureText:
        """One line for each ref that stopped."""
        lines = [line for line in (existing or "<failures>").split("\n") if not line.startswith(f"{report.ref} ")]
        lines += [f"{report.ref} {report.state.value}"] if stopped else []
        return FailureText(text="\n".join(lines), open=len(lines) > 1)

    def own_issues(self, issues: Sequence[Issue], report: ReleaseReport) -> tuple[Issue, ...]:
        """By our mark."""
        del report
        return tuple(one for one in issues if one.description.startswith("<failures>"))


def release_of(**fields: object) -> GitLabRelease:
    """A GitLab Release that people made."""
    plain = GitLabRelease(tag="v1.1.0", name="v1.1.0", description="", links=(), web_url="https://gitlab.example.com/r")
    return replace(plain, **fields)  # type: ignore[arg-type]  # a test's shorthand

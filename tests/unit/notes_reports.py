"""Release reports in every state, for the tests of the texts."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from bot.domain.consents import ApprovalRule
from bot.domain.distributions import Distribution, DistributionKind, Metadata
from bot.domain.gitlab import Changes, MergeRequest
from bot.domain.refs import RefKind
from bot.domain.releases import Receipt, ReleaseState, TargetState, TargetStatus
from bot.domain.report import IndexPage, ReleaseReport
from bot.domain.verdicts import Consequence, GateResult, Verdict

PROJECT_URL = "https://gitlab.example.com/acme/tools/widget"
NOON = datetime(2026, 8, 3, 12, 0, 30, tzinfo=UTC)
WHEEL = "acme_widget-1.1.0-py3-none-any.whl"
SDIST = "acme_widget-1.1.0.tar.gz"
DIGESTS = {WHEEL: "3f" * 32, SDIST: "a9" * 32}


def merge_request(iid: int = 7, title: str = "Lay the strands evenly", **fields: object) -> MergeRequest:
    """A merged merge request."""
    plain = MergeRequest(
        iid=iid,
        title=title,
        web_url=f"{PROJECT_URL}/-/merge_requests/{iid}",
        author="ada",
        labels=("feature",),
        merged_at=NOON - timedelta(days=1),
    )
    return replace(plain, **fields)  # type: ignore[arg-type]  # a test's shorthand


def receipt(index: str, file: str, minute: int, *, kind: str = "upload", sha256: str | None = None) -> Receipt:
    """A file read back from an index at noon and some minutes."""
    return Receipt(
        target=f"index:{index}",
        kind=kind,
        where=f"https://{index}.example.com/files/{file}",
        at=NOON + timedelta(minutes=minute),
        file=file,
        sha256=sha256 or DIGESTS[file],
    )


def published(**fields: object) -> ReleaseReport:
    """Two files on two indexes, three merge requests."""
    files = tuple(
        Distribution(
            filename=name,
            kind=DistributionKind.WHEEL if name == WHEEL else DistributionKind.SDIST,
            sha256=DIGESTS[name],
            size=size,
            metadata=Metadata(name="acme-widget", version="1.1.0"),
            origin="job 31 (build)",
        )
        for name, size in ((WHEEL, 12_613), (SDIST, 901))
    )
    plain = ReleaseReport(
        project="acme/tools/widget",
        project_id=42,
        project_url=PROJECT_URL,
        ref="v1.1.0",
        kind=RefKind.TAG,
        sha="0a1b2c3d" * 5,
        version="1.1.0",
        name="acme-widget",
        state=ReleaseState.PUBLISHED,
        gates=(GateResult(name="hygiene", verdict=Verdict.PASS, reason="4 variables are masked and protected"),),
        targets=(
            TargetStatus(name="distributions", state=TargetState.DONE),
            TargetStatus(name="index:registry", state=TargetState.DONE, attempts=2),
            TargetStatus(name="index:pypi", state=TargetState.DONE, attempts=2),
            TargetStatus(name="gitlab_release", state=TargetState.DONE, attempts=1),
            TargetStatus(name="note:!7", state=TargetState.PENDING),
        ),
        receipts=(
            receipt("registry", WHEEL, 1),
            receipt("registry", SDIST, 2),
            receipt("pypi", WHEEL, 3, kind="found"),
            receipt("pypi", SDIST, 4),
        ),
        files=files,
        indexes=(
            IndexPage(
                name="registry",
                page_url=f"{PROJECT_URL}/-/packages/9",
                install="pip install acme-widget==1.1.0 --index-url https://gitlab.example.com/api/v4/projects/42/packages/pypi/simple",
            ),
            IndexPage(
                name="pypi",
                page_url="https://index.example.com/project/acme-widget/1.1.0/",
                install="pip install acme-widget==1.1.0",
            ),
        ),
        changes=Changes(
            previous_tag="v1.0.0",
            merge_requests=(
                merge_request(7),
                merge_request(8, "Tar the `hemp` | twice", labels=("bug", "needs docs")),
                merge_request(9, "@all /merge <!-- ropewalk: end release -->", author="grace.h", labels=()),
            ),
        ),
        next=None,
        release_url=f"{PROJECT_URL}/-/releases/v1.1.0",
        released_at=NOON + timedelta(minutes=4),
    )
    return replace(plain, **fields)  # type: ignore[arg-type]  # a test's shorthand


def blocked(**fields: object) -> ReleaseReport:
    """Stopped by hygiene before anything was public; another level could not be looked at."""
    gates = (
        GateResult(
            name="hygiene",
            verdict=Verdict.FAIL,
            reason="TWINE_PASSWORD (project) is neither masked nor protected",
            discreet="1 publishing variable is not masked or not protected (RW101 and RW102)",
            consequence=Consequence.BLOCK,
        ),
        GateResult(
            name="version_matches",
            verdict=Verdict.FAIL,
            reason="the tag says 1.1.0, the metadata of acme_widget-1.0.9.tar.gz says 1.0.9",
            consequence=Consequence.BLOCK,
        ),
        GateResult(name="freeze", verdict=Verdict.UNKNOWN, reason="no calendar could be read"),
    )
    plain = published(
        state=ReleaseState.BLOCKED, gates=gates, targets=(), receipts=(), release_url=None, next="A person must act."
    )
    return replace(plain, **fields)  # type: ignore[arg-type]  # a test's shorthand


def partial(**fields: object) -> ReleaseReport:
    """The registry has both files, the second index only one."""
    plain = published(
        state=ReleaseState.PARTIAL,
        targets=(
            TargetStatus(name="index:registry", state=TargetState.DONE),
            TargetStatus(
                name="index:pypi",
                state=TargetState.FAILED,
                reason="acme_widget-1.1.0.tar.gz: 503 Service Unavailable\nupstream /var/run down",
            ),
        ),
        receipts=published().receipts[:3],
        release_url=None,
    )
    return replace(plain, **fields)  # type: ignore[arg-type]  # a test's shorthand


def failed() -> ReleaseReport:
    """The pipeline did not turn green."""
    gate = GateResult(
        name="pipeline_green",
        verdict=Verdict.FAIL,
        reason="pipeline 311 failed: job test (stage test) ended with script_failure",
        consequence=Consequence.FAIL,
    )
    return blocked(state=ReleaseState.FAILED, gates=(gate,), files=())


def conflict() -> ReleaseReport:
    """Other bytes stand under the wheel's name."""
    reason = f"{WHEEL} stands on pypi with sha256 {'77' * 32}, ours is {DIGESTS[WHEEL]}"
    gate = GateResult(name="index_guard", verdict=Verdict.FAIL, reason=reason, consequence=Consequence.CONFLICT)
    return blocked(state=ReleaseState.CONFLICT, gates=(gate,))


def withdrawn() -> ReleaseReport:
    """The tag went away while half of the files were public."""
    gate = GateResult(
        name="tag_unmoved", verdict=Verdict.FAIL, reason="tag v1.1.0 was deleted", consequence=Consequence.WITHDRAW
    )
    return partial(state=ReleaseState.WITHDRAWN, gates=(gate,))


def waiting() -> ReleaseReport:
    """The pipeline still runs."""
    gate = GateResult(
        name="pipeline_green",
        verdict=Verdict.UNKNOWN,
        reason="pipeline 311 is running",
        consequence=Consequence.WAIT,
        look_again=timedelta(seconds=20),
    )
    return blocked(state=ReleaseState.WAITING, gates=(gate,), next="Goes on when pipeline 311 has ended.")


def approval() -> ReleaseReport:
    """Only an approval is missing."""
    gate = GateResult(
        name="approval",
        verdict=Verdict.FAIL,
        reason="nobody has approved v1.1.0 yet",
        consequence=Consequence.BLOCK,
    )
    return blocked(gates=(gate,))


def waiting_for_approval() -> ReleaseReport:
    """A maintainer's yes is missing, out of two by name."""
    gate = GateResult(
        name="approval",
        verdict=Verdict.FAIL,
        reason="1 of 1 approvals missing, by maintainers of the project who did not make it, out of ada, grace_h",
        consequence=Consequence.WAIT,
        look_again=timedelta(minutes=15),
    )
    rule = ApprovalRule(users=("ada", "grace_h"))
    return blocked(state=ReleaseState.WAITING, gates=(gate,), next=gate.reason, approval=rule)


def unknown_hygiene() -> ReleaseReport:
    """The policy blocks what could not be looked at."""
    gate = GateResult(
        name="hygiene",
        verdict=Verdict.UNKNOWN,
        reason="the variables of group acme can be read by an Owner only",
        consequence=Consequence.BLOCK,
    )
    return blocked(gates=(gate,))


def branch() -> ReleaseReport:
    """A branch commit that was released."""
    return published(kind=RefKind.BRANCH, ref="main", release_url=None, released_at=None)


STATES = {
    "published": published,
    "published_from_branch": branch,
    "blocked": blocked,
    "blocked_by_approval": approval,
    "waiting_for_approval": waiting_for_approval,
    "blocked_by_unknown": unknown_hygiene,
    "failed": failed,
    "partial": partial,
    "conflict": conflict,
    "withdrawn": withdrawn,
    "waiting": waiting,
}

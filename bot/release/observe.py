"""Look at one thing and add it to the facts. Nothing here writes to GitLab or an index.

A refusal becomes a fact (`Unreadable`) where a gate or target can say what follows from it; where nothing can be said
without the answer (the ref, the pipeline) it is raised, and so is whatever may pass by itself.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from packaging.utils import canonicalize_name

from bot.domain.ci import CiUnknown
from bot.domain.ci_plan import PlannedJob, PlannedPipeline
from bot.domain.commits import forms_of
from bot.domain.distributions import Distribution, same_name
from bot.domain.errors import RefusedError
from bot.domain.gitlab import Job
from bot.domain.policy import Source
from bot.domain.refs import Head, RefKind
from bot.domain.report import IndexPage
from bot.ports.index import Gathered, Index
from bot.release.artifacts import lost
from bot.release.belonging import belonging, metadata_paths, package_of
from bot.release.building import builds, built_files
from bot.release.changing import milestone_titles, see_changelog, see_changelog_file, see_changes
from bot.release.choose import choose_pipeline, expired_jobs, jobs_with_files
from bot.release.comparing import see_differences
from bot.release.consenting import approved, held, reached
from bot.release.eyes import Eyes
from bot.release.facts import (
    Facts,
    IndexFacts,
    Look,
    LookKind,
    NameFacts,
    PipelineFacts,
    Seen,
    Unreadable,
    Wanted,
)
from bot.release.identity import identity, of_version
from bot.release.names import Stated, stated
from bot.release.proofs import has, proven_now
from bot.release.sources import begun_with, choose_source, read_signs, source_of

T = TypeVar("T")


def observe(eyes: Eyes, wanted: Wanted, facts: Facts, look: Look) -> Facts:
    """`facts` with the answer to `look`. Raises: TransientError, RefusedError, CredentialsError."""
    # Whatever is looked at next takes its time, downloads minutes: the ref may move meanwhile.
    facts = replace(facts, now=eyes.clock(), ref_fresh=False)
    match look.kind:
        case LookKind.REF:
            head = Seen(_head(eyes, wanted))
            return replace(facts, ref=head, hold=Seen(held(eyes.consents, wanted)), ref_fresh=True)
        case LookKind.HOLD:
            return replace(facts, hold=Seen(held(eyes.consents, wanted)))
        case LookKind.REACH:
            return replace(facts, reach=_try(lambda: reached(eyes.refs, eyes.contents, wanted)))
        case LookKind.APPROVALS:
            return replace(facts, approvals=_try(lambda: approved(eyes.consents, wanted)))
        case LookKind.FREEZES:
            seen_freezes = _try(lambda: eyes.freezes.freezes(wanted.id.project_id, facts.now))
            return replace(facts, freezes=seen_freezes)
        case LookKind.VARIABLES:
            return replace(facts, variables=_try(lambda: eyes.variables.variables(wanted.project.full_path)))
        case LookKind.PIPELINE:
            return replace(facts, pipeline=Seen(_pipeline(eyes, wanted)))
        case LookKind.CI_FILE:
            return replace(facts, planned=_planned(eyes, wanted, facts))
        case LookKind.SOURCE:
            return _decide(eyes, wanted, facts)
        case LookKind.FILES:
            return replace(facts, files=Seen(belonging(wanted, _files(eyes, wanted, facts))))
        case LookKind.NAMES:
            return replace(facts, names=Seen(_names(eyes, wanted, facts)))
        case LookKind.INDEX:
            indexes = {**facts.indexes, look.index: on_index(eyes.index, wanted, facts, look.index)}
            return _with_receipts(replace(facts, indexes=indexes), eyes, wanted)
        case LookKind.DIFFERENCES:
            return replace(facts, differences=Seen(see_differences(eyes.anatomist, wanted, facts)))
        case LookKind.RELEASE:
            seen = _try(lambda: eyes.releases.release(wanted.id.project_id, wanted.id.ref))
            return _with_receipts(replace(facts, release=seen), eyes, wanted)
        case _:
            return _observe_told(eyes, wanted, facts, look)


def _observe_told(eyes: Eyes, wanted: Wanted, facts: Facts, look: Look) -> Facts:
    """Look at what people are told, and at what it is made from."""
    project, iid = wanted.id.project_id, look.iid
    match look.kind:
        case LookKind.CHANGES:
            changes = _try(lambda: see_changes(eyes.refs, eyes.history, wanted))
            forms = forms_of(changes.value.commits) if isinstance(changes, Seen) else None
            return replace(facts, changes=changes, forms=forms)
        case LookKind.CHANGELOG_FILE:
            return replace(facts, changelog_file=_try(lambda: see_changelog_file(eyes.contents, wanted, facts)))
        case LookKind.CHANGELOG:
            return replace(facts, changelog=_try(lambda: see_changelog(eyes.history, wanted, facts)))
        case LookKind.MILESTONES:
            titles = milestone_titles(wanted, facts)
            return replace(facts, milestones=_try(lambda: eyes.milestones.milestones(project, titles)))
        case LookKind.CLOSED_ISSUES:
            return replace(facts, closed={**facts.closed, iid: _try(lambda: eyes.history.closed_issues(project, iid))})
        case LookKind.ISSUE_NOTES:
            on_issues = {**facts.issue_notes, iid: _try(lambda: eyes.issue_notes.notes(project, iid))}
            return replace(facts, issue_notes=on_issues)
        case LookKind.ISSUES:
            return replace(facts, issues=_try(lambda: eyes.issues.by(project, eyes.user_id)))
        case LookKind.NOTES:
            return replace(facts, notes={**facts.notes, iid: _try(lambda: eyes.notes.notes(project, iid))})
    raise AssertionError(f"{look.kind} is looked at by nobody")


def _try(read: Callable[[], T]) -> Seen[T] | Unreadable:
    try:
        return Seen(read())
    except RefusedError as error:
        return Unreadable(str(error), error.status)


def _head(eyes: Eyes, wanted: Wanted) -> Head | None:
    """The ref as it is now. A branch moves on with every merge: what counts is that it still contains the commit."""
    project, name, sha = wanted.id.project_id, wanted.id.ref, wanted.id.sha
    if wanted.id.kind is RefKind.TAG:
        tag = eyes.refs.tag(project, name)
        return None if tag is None else Head(sha=tag.sha, protected=tag.protected, holds=tag.sha == sha)
    branch = eyes.refs.branch(project, name)
    if branch is None:
        return None
    holds = branch.sha == sha or eyes.contents.contains(project, branch.sha, sha)
    return Head(sha=branch.sha, protected=branch.protected, holds=holds)


def _pipeline(eyes: Eyes, wanted: Wanted) -> PipelineFacts | None:
    """The release's pipeline; its jobs only once it stands still, since nothing is decided by them before."""
    found = eyes.pipelines.pipelines(wanted.id.project_id, sha=wanted.id.sha, ref=wanted.id.ref)
    pipeline = choose_pipeline(found, ref=wanted.id.ref, sha=wanted.id.sha)
    if pipeline is None:
        return None
    jobs = eyes.pipelines.jobs(wanted.id.project_id, pipeline.id) if pipeline.status.still else ()
    return PipelineFacts(pipeline=pipeline, jobs=jobs)


def _planned(eyes: Eyes, wanted: Wanted, facts: Facts) -> Seen[PlannedPipeline | None] | Unreadable:
    """What the CI file would run in the pipeline that is there, or in one that the bot starts."""
    found = facts.pipeline.value if facts.pipeline else None
    source = found.pipeline.source if found else "api"
    read = _try(lambda: eyes.planner.planned(wanted.project, wanted.id, source))
    if isinstance(read, Unreadable):
        return read
    planned = read.value
    return Unreadable(planned.reason) if isinstance(planned, CiUnknown) else Seen(planned)


def _decide(eyes: Eyes, wanted: Wanted, facts: Facts) -> Facts:
    """Decide what `auto` is for this release, once: a turn keeps it, and so does the record."""
    begun = begun_with(facts.attempts, eyes.kept.files(wanted.id.key))
    if begun is not None:
        return replace(facts, source=begun)
    planned = facts.planned or _planned(eyes, wanted, facts)
    facts = replace(facts, planned=planned)
    return replace(facts, source=choose_source(read_signs(wanted, facts)))


def _files(eyes: Eyes, wanted: Wanted, facts: Facts) -> Gathered:
    """The kept files, or those of the pipeline's artifacts, or what the bot builds itself.

    Bytes are kept once an upload may have begun: a job that ran again makes other bytes of the same name.
    """
    if builds(wanted, facts):
        return built_files(eyes, wanted, facts)
    key = wanted.id.key
    found = facts.pipeline.value if facts.pipeline else None
    jobs = jobs_with_files(found.jobs) if found else ()
    kept = eyes.kept.files(key)
    if source_of(wanted, facts) is Source.PIPELINE:
        return eyes.artifacts.left(wanted.id, found, kept)
    sent = any(attempt.target.startswith("index:") for attempt in facts.attempts)
    same_jobs = {file.job_id for file in kept} <= {job.id for job in jobs}
    at_hand = not eyes.need_bytes or all(eyes.distributions.has(file.sha256) for file in kept)
    settled = sent or not eyes.need_bytes
    if kept and at_hand and (settled or (same_jobs and not _more(eyes, wanted, facts, kept, jobs))):
        return Gathered(files=kept, left_out=None)
    expired = expired_jobs(found.jobs, facts.now) if found else ()
    if expired and (missing := lost(expired, _keepers(eyes, wanted, facts) if jobs else None)):
        return Gathered(files=(), problems=missing, again=True)
    gathered = eyes.artifacts.gather(wanted.id.project_id, jobs)
    if not gathered.problems:
        eyes.kept.keep(key, gathered.files)
    return gathered


def _more(eyes: Eyes, wanted: Wanted, facts: Facts, kept: tuple[Distribution, ...], jobs: tuple[Job, ...]) -> bool:
    """Whether a job that a person played or ran again has left distributions since those were kept.

    Reports come later than what is built, too: the CI file is asked before anything is downloaded anew.
    """
    ours = {file.job_id for file in kept}
    newest = max((job.finished_at for job in jobs if job.id in ours and job.finished_at is not None), default=None)
    others = [job for job in jobs if job.id not in ours]
    later = [job for job in others if newest is None or job.finished_at is None or job.finished_at > newest]
    if not later:
        return False
    keepers = _keepers(eyes, wanted, facts)
    return keepers is None or any(keeper.made(job.name) for keeper in keepers for job in later)


def _keepers(eyes: Eyes, wanted: Wanted, facts: Facts) -> tuple[PlannedJob, ...] | None:
    """The jobs that leave distributions, by the CI file; None where it does not tell."""
    planned = facts.planned or _planned(eyes, wanted, facts)
    if isinstance(planned, Unreadable) or planned.value is None:
        return None
    return tuple(job for job in planned.value.jobs if job.keeps)


def _names(eyes: Eyes, wanted: Wanted, facts: Facts) -> NameFacts:
    """Who owns the files' name; where there are no files, the name they will have, and the version stated for it."""
    files = facts.files.value.files if facts.files else ()
    owner = eyes.kept.owner(canonicalize_name(files[0].metadata.name)) if files else None
    if owner is not None:
        return NameFacts(declared=None, owner=owner, name=files[0].metadata.name, owner_path=_path(eyes, wanted, owner))
    if files:
        name = files[0].metadata.name
        found, _ = _stated(eyes, wanted, name)
        return NameFacts(declared=found.name, owner=None, name=name)
    found, path = _stated(eyes, wanted, package_of(wanted))
    given = [name for name in wanted.rule.names if "*" not in name]
    slug = wanted.project.full_path.rsplit("/", 1)[-1]
    name = wanted.rule.package or found.name or (given[0] if len(given) == 1 else slug)
    owner = eyes.kept.owner(canonicalize_name(name))
    of = _path(eyes, wanted, owner)
    return NameFacts(declared=found.name, owner=owner, name=name, version=found.version, stated_in=path, owner_path=of)


def _path(eyes: Eyes, wanted: Wanted, owner: int | None) -> str | None:
    """Where another project is that owns a name; None if it is none, or is not there any more."""
    there = eyes.project(owner) if owner not in (None, wanted.id.project_id) else None
    return there.full_path if there else None


def _stated(eyes: Eyes, wanted: Wanted, name: str) -> tuple[Stated, str]:
    """What the project's metadata states of that name, else of the first that it states, and in which file."""
    first, where = Stated(), ""
    for path in metadata_paths(wanted.id):
        text = eyes.contents.file(wanted.id.project_id, path, wanted.id.sha)
        found = stated(path.rpartition("/")[2], text) if text is not None else Stated()
        if found.name is not None and same_name(found.name, name):
            return found, path
        if found.name is not None and first.name is None:
            first, where = found, path
            if not name:
                break
    return first, where


def on_index(indexes: Index, wanted: Wanted, facts: Facts, index: str) -> Seen[IndexFacts] | Unreadable:
    """What one index lists under the name of the files at hand. Raises: TransientError."""
    spec = next(spec for spec in wanted.indexes if spec.name == index)
    metadata = identity(wanted, facts)
    assert metadata is not None, "an index is looked at for files, or for a name and a version"
    place = indexes.place(spec, wanted.id.project_id, metadata.name)
    install = indexes.install_line(place, metadata.name, metadata.version)
    page = IndexPage(name=index, page_url=place.page_url, install=install)
    names = {file.filename for file in facts.files.value.files} if facts.files else set()
    listed = _try(lambda: indexes.files(place, metadata.name, names))
    if facts.bare and isinstance(listed, Seen):
        seen = IndexFacts(place=place, page=page, files=listed.value, at=facts.now)
        names = {file.filename for file in of_version(metadata, seen)}
        if any(file.sha256 is None and file.filename in names for file in listed.value):
            listed = _try(lambda: indexes.files(place, metadata.name, names))
    if isinstance(listed, Unreadable):
        return listed
    blind = sorted(file.filename for file in listed.value if file.filename in names and file.sha256 is None)
    if blind:
        return Unreadable(f"{index} lists {', '.join(blind)} without a hash, and the bytes cannot be read")
    return Seen(IndexFacts(place=place, page=page, files=listed.value, at=facts.now))


def _with_receipts(facts: Facts, eyes: Eyes, wanted: Wanted) -> Facts:
    """Write down what was just proven, and who owns the name from now on."""
    proven = proven_now(facts, wanted)
    new = [receipt for receipt in proven if not has(facts.receipts, receipt)]
    if not new:
        return facts
    eyes.ledger.record(wanted.id.key, new)
    metadata = identity(wanted, facts)
    if metadata is not None and any(receipt.kind in ("upload", "published") for receipt in new):
        eyes.kept.own(canonicalize_name(metadata.name), wanted.id.project_id)
    return replace(facts, receipts=(*facts.receipts, *new))

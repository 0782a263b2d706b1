"""Look at one thing and add it to the facts. Nothing here writes to GitLab or an index.

A refusal becomes a fact (`Unreadable`) where a gate or target can say what follows from it; where nothing can be said
without the answer (the ref, the pipeline) it is raised, and so is whatever may pass by itself.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeVar, assert_never

from packaging.utils import canonicalize_name
from packaging.version import Version

from bot.domain.distributions import read_tag, same_name
from bot.domain.errors import RefusedError
from bot.domain.gitlab import Changes, Job
from bot.domain.refs import Head, RefKind, Tag
from bot.domain.releases import Receipt
from bot.domain.report import IndexPage
from bot.ports.gitlab import Contents, History, Notes, Pipelines, Refs, Releases, VariableReader
from bot.ports.index import Anatomist, Distributions, Gathered, Index
from bot.ports.store import Kept, Ledger
from bot.release.belonging import belonging, metadata_paths
from bot.release.choose import choose_pipeline, jobs_with_files
from bot.release.comparing import see_differences
from bot.release.consenting import Consents, approved, held, reached
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
from bot.release.names import declared_name

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Eyes:
    """All that observing needs. Without `need_bytes` the digests of kept files suffice (nothing will be sent)."""

    refs: Refs
    contents: Contents
    pipelines: Pipelines
    variables: VariableReader
    history: History
    releases: Releases
    notes: Notes
    index: Index
    anatomist: Anatomist
    distributions: Distributions
    kept: Kept
    ledger: Ledger
    consents: Consents
    clock: Callable[[], datetime]
    need_bytes: bool = True


def observe(eyes: Eyes, wanted: Wanted, facts: Facts, look: Look) -> Facts:
    """`facts` with the answer to `look`. Raises: TransientError, RefusedError, CredentialsError."""
    # Whatever is looked at next takes its time, downloads minutes: the ref may move meanwhile.
    facts = replace(facts, now=eyes.clock(), ref_fresh=False)
    project = wanted.id.project_id
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
        case LookKind.VARIABLES:
            return replace(facts, variables=_try(lambda: eyes.variables.variables(wanted.project.full_path)))
        case LookKind.PIPELINE:
            return replace(facts, pipeline=Seen(_pipeline(eyes, wanted)))
        case LookKind.FILES:
            return replace(facts, files=Seen(belonging(wanted, _files(eyes, wanted, facts))))
        case LookKind.NAMES:
            return replace(facts, names=Seen(_names(eyes, wanted, facts)))
        case LookKind.INDEX:
            indexes = {**facts.indexes, look.index: _index(eyes, wanted, facts, look.index)}
            return _with_receipts(replace(facts, indexes=indexes), eyes, wanted)
        case LookKind.CHANGES:
            return replace(facts, changes=_try(lambda: _changes(eyes, wanted)))
        case LookKind.RELEASE:
            seen = _try(lambda: eyes.releases.release(project, wanted.id.ref))
            return _with_receipts(replace(facts, release=seen), eyes, wanted)
        case LookKind.NOTES:
            notes = {**facts.notes, look.iid: _try(lambda: eyes.notes.notes(project, look.iid))}
            return replace(facts, notes=notes)
        case LookKind.DIFFERENCES:
            return replace(facts, differences=Seen(see_differences(eyes.anatomist, wanted, facts)))
    assert_never(look.kind)


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
    still = pipeline.status.complete or pipeline.status.value == "manual"
    jobs = eyes.pipelines.jobs(wanted.id.project_id, pipeline.id) if still else ()
    return PipelineFacts(pipeline=pipeline, jobs=jobs)


def _files(eyes: Eyes, wanted: Wanted, facts: Facts) -> Gathered:
    """The kept files, or those of the pipeline's artifacts.

    Bytes are kept once an upload may have begun: a job that ran again makes other bytes of the same name.
    """
    key = wanted.id.key
    found = facts.pipeline.value if facts.pipeline else None
    jobs = jobs_with_files(found.jobs) if found else ()
    kept = eyes.kept.files(key)
    sent = any(attempt.target.startswith("index:") for attempt in facts.attempts)
    same_jobs = {file.job_id for file in kept} <= {job.id for job in jobs}
    at_hand = not eyes.need_bytes or all(eyes.distributions.has(file.sha256) for file in kept)
    if kept and (sent or same_jobs or not eyes.need_bytes) and at_hand:
        return Gathered(files=kept)
    gathered = _gather(eyes, wanted, jobs)
    if not gathered.problems:
        eyes.kept.keep(key, gathered.files)
    return gathered


def _gather(eyes: Eyes, wanted: Wanted, jobs: tuple[Job, ...]) -> Gathered:
    if not jobs:
        nothing = "no successful job of the pipeline left artifacts: declare artifacts: paths: [dist/] in the build job"
        return Gathered(files=(), problems=(nothing,))
    archives = []
    problems = []
    try:
        for job in jobs:
            archive = eyes.pipelines.artifacts(wanted.id.project_id, job.id)
            if archive is None:
                problems.append(f"the artifacts of job {job.id} ({job.name}) are gone: run the job again, then resume")
            else:
                archives.append((job.id, job.name, archive))
        if problems:
            return Gathered(files=(), problems=tuple(problems), again=True)
        return eyes.distributions.gather(archives)
    finally:
        for _, _, archive in archives:
            archive.unlink(missing_ok=True)


def _names(eyes: Eyes, wanted: Wanted, facts: Facts) -> NameFacts:
    files = facts.files.value.files if facts.files else ()
    owner = eyes.kept.owner(canonicalize_name(files[0].metadata.name)) if files else None
    declared = None
    if owner is None and files:
        name = files[0].metadata.name
        for path in metadata_paths(wanted.id):
            text = eyes.contents.file(wanted.id.project_id, path, wanted.id.sha)
            said = declared_name(path.rpartition("/")[2], text) if text is not None else None
            declared = said if declared is None or (said is not None and same_name(said, name)) else declared
            if declared is not None and same_name(declared, name):
                break
    return NameFacts(declared=declared, owner=owner)


def _index(eyes: Eyes, wanted: Wanted, facts: Facts, index: str) -> Seen[IndexFacts] | Unreadable:
    spec = next(spec for spec in wanted.indexes if spec.name == index)
    assert facts.files is not None, "an index is looked at for files"
    ours = facts.files.value.files
    metadata = ours[0].metadata
    place = eyes.index.place(spec, wanted.id.project_id, metadata.name)
    install = eyes.index.install_line(place, metadata.name, metadata.version)
    page = IndexPage(name=index, page_url=place.page_url, install=install)
    names = {file.filename for file in ours}
    listed = _try(lambda: eyes.index.files(place, metadata.name, names))
    if isinstance(listed, Unreadable):
        return listed
    blind = sorted(file.filename for file in listed.value if file.filename in names and file.sha256 is None)
    if blind:
        return Unreadable(f"{index} lists {', '.join(blind)} without a hash, and the bytes cannot be read")
    return Seen(IndexFacts(place=place, page=page, files=listed.value, at=facts.now))


def _changes(eyes: Eyes, wanted: Wanted) -> Changes:
    """What is new since the previous release: for a tag the highest lower version among the tags that its rule
    releases, for a branch the commit that it published last.
    """
    if wanted.id.kind is RefKind.BRANCH:
        if wanted.previous is None:
            return eyes.history.of_commit(wanted.id.project_id, wanted.id.sha)
        before, after = (_commit(wanted, sha) for sha in (wanted.previous, wanted.id.sha))
        return eyes.history.changes(wanted.id.project_id, tag=after, previous=before)
    tags = eyes.refs.tags(wanted.id.project_id)
    named = next((tag for tag in tags if tag.name == wanted.id.ref), None)
    # The release is pinned to its commit, wherever the tag may be by now.
    here = Tag(name=wanted.id.ref, sha=wanted.id.sha, target=wanted.id.sha, protected=bool(named and named.protected))
    return eyes.history.changes(wanted.id.project_id, tag=here, previous=previous_tag(wanted, here, tags))


def _commit(wanted: Wanted, sha: str) -> Tag:
    return Tag(name=f"{wanted.id.ref} at {sha[:8]}", sha=sha, target=sha, protected=True)


def previous_tag(wanted: Wanted, here: Tag, tags: tuple[Tag, ...]) -> Tag | None:
    """The tag of the release before: same prefix, same rule, the highest version below ours (PEP 440)."""
    ours = read_tag(here.name)
    older: list[tuple[Version, Tag]] = []
    for tag in tags:
        theirs = read_tag(tag.name)
        if ours.version is None or theirs.version is None or theirs.version >= ours.version:
            continue
        if theirs.prefix == ours.prefix and wanted.rule.matches(wanted.project.full_path, wanted.id.kind, tag.name):
            older.append((theirs.version, tag))
    return max(older, key=lambda pair: pair[0], default=(None, None))[1]


def _with_receipts(facts: Facts, eyes: Eyes, wanted: Wanted) -> Facts:
    """Write down what was just proven, and who owns the name from now on."""
    proven = proven_now(facts, wanted)
    new = [receipt for receipt in proven if not _has(facts.receipts, receipt)]
    if not new:
        return facts
    eyes.ledger.record(wanted.id.key, new)
    if facts.files and any(receipt.kind == "upload" for receipt in new):
        eyes.kept.own(canonicalize_name(facts.files.value.files[0].metadata.name), wanted.id.project_id)
    return replace(facts, receipts=(*facts.receipts, *new))


def standing(facts: Facts, wanted: Wanted) -> tuple[Receipt, ...]:
    """The receipts of what the looks so far found in its place; the others prove nothing any more."""
    proven = proven_now(facts, wanted)
    return tuple(receipt for receipt in facts.receipts if _has(proven, receipt))


def proven_now(facts: Facts, wanted: Wanted) -> tuple[Receipt, ...]:
    """Receipts of all that the looks so far prove, made anew."""
    proven: list[Receipt] = []
    for spec in wanted.indexes:
        seen = facts.indexes.get(spec.name)
        if not isinstance(seen, Seen) or facts.files is None:
            continue
        target = f"index:{spec.name}"
        for file in facts.files.value.files:
            listed = seen.value.lists(file)
            if listed is not None:
                kind = "upload" if facts.wrote(target, file.filename) else "found"
                proven.append(
                    Receipt(
                        target=target, kind=kind, where=listed.url, at=facts.now, file=file.filename, sha256=file.sha256
                    )
                )
    if isinstance(facts.release, Seen) and facts.release.value and facts.wrote("gitlab_release"):
        there = facts.release.value
        proven.append(Receipt(target="gitlab_release", kind="release", where=there.web_url, at=facts.now))
    return tuple(proven)


def _has(receipts: tuple[Receipt, ...], new: Receipt) -> bool:
    return any((r.target, r.file, r.sha256) == (new.target, new.file, new.sha256) for r in receipts)

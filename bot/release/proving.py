"""What a release's own pipeline put on one index: exactly its version, with the bytes its jobs kept."""

from __future__ import annotations

from datetime import datetime, timedelta

from bot.domain.distributions import IndexFile, Metadata
from bot.domain.policy import IndexKind
from bot.domain.releases import TargetState, TargetStatus
from bot.release.facts import Facts, IndexFacts, Look, LookKind, Seen, Unreadable, Wanted
from bot.release.identity import identity, of_version
from bot.release.publishing import Publishers, publishers
from bot.release.targets import Assessment

# How long an uploaded file may take to be listed: indexes behind a cache (PyPI) take minutes, others list at once.
VISIBLE_CACHED = timedelta(minutes=10)
VISIBLE_IMMEDIATE = timedelta(seconds=20)
# GitLab lists a file before it answers the upload, and the job ended after that.
VISIBLE_REGISTRY = timedelta(seconds=5)
LOOK_AGAIN_FIRST = timedelta(seconds=3)
LOOK_AGAIN_MOST = timedelta(seconds=60)


def assess(wanted: Wanted, facts: Facts, index: str) -> Assessment | Look:
    """Done once the index lists what the pipeline uploaded; what is not there in time was not published."""
    if facts.files is None:
        return Look(LookKind.FILES)
    if facts.bare and facts.names is None:
        return Look(LookKind.NAMES)
    metadata = identity(wanted, facts)
    if metadata is None:
        return _said(index, TargetState.FAILED, f"nothing says which version {wanted.id.ref} is")
    seen = facts.indexes.get(index)
    if seen is None:
        return Look(LookKind.INDEX, index=index)
    if isinstance(seen, Unreadable):
        return _said(index, TargetState.FAILED, f"cannot look: {seen.reason}")
    there = of_version(metadata, seen.value)
    clash = _clash(facts, there)
    if clash is not None:
        reason = f"{clash} stands there with other bytes than the pipeline's jobs kept"
        return _said(index, TargetState.CONFLICT, reason)
    missing = _missing(facts, there)
    if there and not missing:
        return _said(index, TargetState.DONE, _proof(wanted, facts, index, there))
    return _absent(wanted, facts, seen.value, metadata, missing)


def _clash(facts: Facts, there: tuple[IndexFile, ...]) -> str | None:
    ours = {file.filename: file.sha256 for file in facts.files.value.files} if facts.files else {}
    return next((one.filename for one in there if ours.get(one.filename, one.sha256) != one.sha256), None)


def _missing(facts: Facts, there: tuple[IndexFile, ...]) -> tuple[str, ...]:
    listed = {file.filename for file in there}
    ours = facts.files.value.files if facts.files else ()
    return tuple(file.filename for file in ours if file.filename not in listed)


def _proof(wanted: Wanted, facts: Facts, index: str, there: tuple[IndexFile, ...]) -> str:
    """What was found, where that is not what the jobs kept anyway."""
    if not facts.bare:
        return ""
    names = ", ".join(file.filename for file in there)
    first = wanted.indexes[0].name
    before = facts.indexes.get(first)
    if index == first or not isinstance(before, Seen):
        return names
    digests = {file.filename: file.sha256 for file in before.value.files}
    other = [file.filename for file in there if digests.get(file.filename, file.sha256) != file.sha256]
    return f"{names}; {', '.join(other)} with other bytes than on {first}: each job built its own" if other else names


def _absent(
    wanted: Wanted, facts: Facts, seen: IndexFacts, metadata: Metadata, missing: tuple[str, ...]
) -> Assessment | Look:
    index = seen.place.spec.name
    found = facts.pipeline.value if facts.pipeline else None
    who = publishers(wanted, facts, found) if found is not None else None
    if isinstance(who, Look):
        return who
    lacking = (
        f"{', '.join(missing)} is not there" if missing else f"nothing of {metadata.name} {metadata.version} is there"
    )
    if found is not None and (who is None or not who.done):
        return _said(index, TargetState.PENDING, "looked at once the pipeline has uploaded")
    since = _finished(wanted, who)
    window = VISIBLE_IMMEDIATE if seen.place.immediate else VISIBLE_CACHED
    if seen.place.spec.kind is IndexKind.GITLAB:
        window = VISIBLE_REGISTRY
    waited = facts.now - since
    if waited < window and found is not None:
        again = min(max(waited / 2, LOOK_AGAIN_FIRST), LOOK_AGAIN_MOST)
        return _said(index, TargetState.PENDING, f"{lacking} yet", again)
    return _said(index, TargetState.FAILED, f"{lacking}{_although(who)}")


def _finished(wanted: Wanted, who: Publishers | None) -> datetime:
    """When the last job that publishes ended, or a person asked again after that."""
    ended = [job.finished_at for job in who.jobs if job.finished_at is not None] if who else []
    return max([wanted.asked, *ended])


def _although(who: Publishers | None) -> str:
    if who is None:
        return ", and there is no pipeline any more"
    if not who.jobs:
        return f", and {who.why} which job should have uploaded it: name it in releases[].pipeline.job"
    pages = ", ".join(f"{job.name} ({job.web_url})" for job in who.jobs)
    return f", although {pages} succeeded: look in its log where it uploaded to, if at all"


def _said(index: str, state: TargetState, reason: str, again: timedelta | None = None) -> Assessment:
    return Assessment(status=TargetStatus(name=f"index:{index}", state=state, reason=reason), again=again)

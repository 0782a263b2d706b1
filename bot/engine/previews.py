"""Looking at an open merge request: what it merges as, told in one note that is edited when that changes."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from bot.domain.commits import forms_of, has_changelog_trailer, parse_message, told
from bot.domain.distributions import parse_version, version_of_tag
from bot.domain.gitlab import Changes, Commit, MergeRequest
from bot.domain.merge_requests import DiffRefs, OpenMergeRequest
from bot.domain.notes import NotesPolicy, NotesSource, NotesStrategy
from bot.domain.policy import Policy, ReleaseRule
from bot.domain.previews import MergePreview, Missing, Outlook
from bot.domain.refs import Project, RefKind, Tag, matches_wildcard
from bot.domain.releases import ReleaseId, ReleaseState
from bot.domain.report import ReleaseReport
from bot.engine.noting import Question, draft
from bot.hygiene.reviews import QUIET, TOLD, Outcome
from bot.notes.merging import PreviewNotes
from bot.ports.gitlab import Notes
from bot.ports.merge_requests import MergeRequests, ReviewRecords
from bot.ports.stickies import keep_note
from bot.release.eyes import Eyes
from bot.release.names import METADATA_FILES, stated
from bot.release.unreleased import added


@dataclass(frozen=True, slots=True, kw_only=True)
class Ahead:
    """A merge request, and the rule that releases what it is merged into: by tag, or commit by commit."""

    request: OpenMergeRequest
    refs: DiffRefs
    project: Project
    rule: ReleaseRule
    kind: RefKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Previewer:
    """All that looking ahead needs. `project` gives an enrolled project by its id; `now` is our clock."""

    requests: MergeRequests
    notes: Notes
    records: ReviewRecords
    texts: PreviewNotes
    eyes: Eyes
    policy: Policy
    project: Callable[[int], Project | None]
    now: Callable[[], datetime]

    def review(self, request: OpenMergeRequest) -> Outcome:
        """Look once at each head, target, title and set of labels. What fails is looked at again.

        Raises: TransientError, RefusedError.
        """
        found = self._rule(request)
        if found is None or self._seen(request):
            return Outcome.SEEN
        refs = self.requests.refs(request.project_id, request.iid)
        project = self.project(request.project_id)
        if refs is None or project is None:
            return Outcome.UNPREPARED
        rule, kind = found
        if kind is RefKind.TAG and not self._released_from(request, project):
            self._keep(request, QUIET)
            return Outcome.UNTOUCHED
        outcome = self._told(
            request, self.preview(Ahead(request=request, refs=refs, project=project, rule=rule, kind=kind))
        )
        self._keep(request, TOLD)
        return outcome

    def give_up(self, request: OpenMergeRequest) -> None:
        """Do not look at this again: GitLab will not have it."""
        self._keep(request, TOLD)

    def preview(self, ahead: Ahead) -> MergePreview:
        """What it merges as. Raises: TransientError, RefusedError."""
        tags = self.eyes.refs.tags(ahead.project.id) if ahead.kind is RefKind.TAG else ()
        released = _released(ahead.rule, tags)
        version = self._version(ahead.project, ahead.refs.head)
        strategy, reason = self._strategy(ahead)
        commits = self._commits(ahead.request) if strategy in _BY_COMMIT else ()
        source, missing = self._source(ahead, strategy, commits)
        return MergePreview(
            report=replace(
                _report(ahead, version),
                notes=ahead.rule.notes,
                source=replace(source, reason=source.reason or reason),
                changes=_as_merged(ahead.request, commits),
            ),
            outlook=self._outlook(ahead, version, released),
            missing=missing,
            released=next(iter(released), None),
        )

    def _outlook(self, ahead: Ahead, version: str | None, released: Sequence[str]) -> Outlook:
        if version is None:
            return Outlook.COMPUTED
        if ahead.kind is RefKind.TAG:
            old = any(version_of_tag(name) == parse_version(version) for name in released)
        else:
            old = self._version(ahead.project, ahead.refs.base) == version
        return Outlook.OLD if old else Outlook.NEW

    def _rule(self, request: OpenMergeRequest) -> tuple[ReleaseRule, RefKind] | None:
        """What releases it: the rule for its target branch, else the first one for tags of its project."""
        rule = self.policy.rule_for(request.project, RefKind.BRANCH, request.target_branch)
        kind = RefKind.BRANCH
        if rule is None:
            kind = RefKind.TAG
            rules = (self.policy.rule_for(request.project, kind, tag) for tag in self.policy.tags_of(request.project))
            rule = next((one for one in rules if one is not None), None)
        return None if rule is None or not rule.notes.previews else (rule, kind)

    def _released_from(self, request: OpenMergeRequest, project: Project) -> bool:
        """Whether tags may be set on the target: the default branch, or a protected one."""
        if request.target_branch == project.default_branch:
            return True
        branch = self.eyes.refs.branch(project.id, request.target_branch)
        return branch is not None and branch.protected

    def _version(self, project: Project, sha: str) -> str | None:
        """The version that the metadata states in plain words at a commit."""
        for path in METADATA_FILES:
            text = self.eyes.contents.file(project.id, path, sha)
            found = None if text is None else stated(path, text)
            if found is not None and found.version is not None:
                return found.version
        return None

    def _strategy(self, ahead: Ahead) -> tuple[NotesStrategy, str]:
        """What the notes will be made from; `auto` is decided by all that is new since the last release."""
        notes, project, ref = ahead.rule.notes, ahead.project, ahead.request.target_branch
        if notes.strategy is not NotesStrategy.AUTO:
            return notes.strategy, ""
        id_ = ReleaseId(project_id=project.id, kind=RefKind.BRANCH, ref=ref, sha=ahead.refs.head)
        drawn = draft(self.eyes, self.policy, Question(project=project, id=id_), self.now())
        assert drawn.source is not None, "a draft says what it is made from"
        commits = drawn.changes.commits if drawn.changes else ()
        if not drawn.source.fallback and drawn.source.strategy is NotesStrategy.FILE:
            return NotesStrategy.FILE, drawn.source.reason
        if ahead.kind is RefKind.TAG and forms_of(commits).trailers:
            return NotesStrategy.CHANGELOG_API, "commits carry Changelog trailers"
        return drawn.source.strategy, drawn.source.reason

    def _commits(self, request: OpenMergeRequest) -> tuple[Commit, ...]:
        commits = self.requests.commits(request.project_id, request.iid)
        return tuple(replace(commit, merge_request=request.iid) for commit in commits)

    def _source(
        self, ahead: Ahead, strategy: NotesStrategy, commits: Sequence[Commit]
    ) -> tuple[NotesSource, tuple[Missing, ...]]:
        """The source of this merge request's own entry, and what it lacks."""
        request, notes = ahead.request, ahead.rule.notes
        source = NotesSource(strategy=strategy, reason="")
        match strategy:
            case NotesStrategy.CONVENTIONAL:
                spoken = (
                    [Commit(sha="", message=_DRAFT.sub("", request.title), author="")]
                    if request.squash
                    else told(commits)
                )
                good = any(parse_message(commit.message) is not None for commit in spoken)
                return source, () if good else (Missing.CONVENTION,)
            case NotesStrategy.CHANGELOG_API:
                trailers = [commit for commit in told(commits) if has_changelog_trailer(commit.message)]
                if request.squash and len(commits) > 1:
                    return source, (Missing.SQUASHED if trailers else Missing.TRAILER,)
                if not trailers:
                    return source, (Missing.TRAILER,)
                return replace(source, markdown=_changelog(trailers)), ()
            case NotesStrategy.FILE:
                found = added(self.eyes.contents, ahead.project.id, notes.file, ahead.refs.base, ahead.refs.head)
                if found.markdown is not None:
                    return replace(source, markdown=found.markdown), ()
                return replace(source, reason=found.kept), (Missing.FRAGMENT if found.fragments else Missing.ENTRY,)
            case _:
                lacking = not _placed(request, notes)
                return source, (Missing.LABEL,) if lacking else ()

    def _told(self, request: OpenMergeRequest, preview: MergePreview) -> Outcome:
        notes = self.notes.notes(request.project_id, request.iid)
        body = self.texts.note(request, preview, notes)
        return Outcome(keep_note(self.notes, request.project_id, request.iid, self.texts.own(notes, request), body))

    def _seen(self, request: OpenMergeRequest) -> bool:
        seen = self.records.seen(_key(request))
        return seen is not None and seen.rpartition(" ")[0] == _mark(request)

    def _keep(self, request: OpenMergeRequest, how: str) -> None:
        self.records.keep(_key(request), f"{_mark(request)} {how}", self.now())


# GitLab merges no draft: the prefix is gone by then. Source: app/models/merge_request.rb.
_DRAFT = re.compile(r"^(?:\s*(?:\[draft\]|\(draft\)|draft:|draft\s-\s))+\s*", re.IGNORECASE)
_BY_COMMIT = frozenset({NotesStrategy.CONVENTIONAL, NotesStrategy.CHANGELOG_API})


def _key(request: OpenMergeRequest) -> str:
    return f"{request.key} preview"


def _mark(request: OpenMergeRequest) -> str:
    """All of the merge request that its preview is made of."""
    words = "\0".join([request.target_branch, request.title, str(request.squash), *sorted(request.labels)])
    return f"{request.sha} {hashlib.sha256(words.encode(errors='surrogateescape')).hexdigest()[:16]}"


def _released(rule: ReleaseRule, tags: Sequence[Tag]) -> tuple[str, ...]:
    """Names of the tags that the rule releases, highest version first."""
    known = [
        (version, tag.name)
        for tag in tags
        if (version := version_of_tag(tag.name)) is not None
        and any(matches_wildcard(pattern, tag.name) for pattern in rule.tags)
    ]
    return tuple(name for _, name in sorted(known, reverse=True))


def _placed(request: OpenMergeRequest, notes: NotesPolicy) -> bool:
    """Whether a heading of the notes takes it: by label, or by the type that its title begins with."""
    parsed = parse_message(_DRAFT.sub("", request.title))
    labels = {label.casefold() for label in request.labels}
    return any(
        labels & {label.casefold() for label in group.labels}
        or (parsed is not None and (parsed.type in group.types or (group.breaking and parsed.breaking)))
        for group in notes.groups
    )


def _as_merged(request: OpenMergeRequest, commits: tuple[Commit, ...]) -> Changes:
    """The merge request as the only change."""
    if request.squash and commits:
        commits = (replace(commits[0], message=_DRAFT.sub("", request.title), merge=False),)
    one = MergeRequest(
        iid=request.iid,
        title=_DRAFT.sub("", request.title),
        web_url=request.web_url,
        author=request.author,
        labels=request.labels,
        merged_at=None,
    )
    return Changes(previous_tag=None, merge_requests=(one,), commits=commits)


def _changelog(commits: Sequence[Commit]) -> str:
    """As GitLab's changelog will list them, in the order in which they came. Foreign: it is rewritten."""
    subjects = (commit.message.strip().partition("\n")[0] for commit in reversed(commits))
    return "\n".join(["## next", "", *(f"- {subject}" for subject in subjects)])


def _report(ahead: Ahead, version: str | None) -> ReleaseReport:
    """Of the release that would be."""
    return ReleaseReport(
        project=ahead.project.full_path,
        project_id=ahead.project.id,
        project_url=ahead.project.web_url,
        ref=ahead.request.target_branch,
        kind=ahead.kind,
        sha=ahead.refs.head,
        version=version,
        name=None,
        state=ReleaseState.PLANNED,
        gates=(),
        targets=(),
        receipts=(),
        files=(),
        indexes=(),
        changes=None,
        next=None,
    )

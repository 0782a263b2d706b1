"""Look at one project: read its refs, compare them with those known, take in what changed.

Every time in here that is compared with GitLab's is GitLab's (the `Date` of its answers), never ours.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.domain.errors import RefusedError, TransientError
from bot.domain.policy import Policy
from bot.domain.refs import Branch, KnownRefs, Project, RefAction, RefChange, RefKind, Tag, matches_wildcard
from bot.domain.versioning import NewHead
from bot.ports.gitlab import Events, Refs
from bot.ports.store import Comparison, Intake, Taken, Waker
from bot.watch.compare import Proven, compare, compare_branches, releases_of, younger

# How often another process may be quicker with the same project before we leave it for later.
MOST_RACES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """A ref change and what follows from it: `release`, `known`, `withdraw`, `tag` or `none`, and why."""

    change: RefChange
    decision: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Looker:
    """All that looking at a project needs."""

    refs: Refs
    events: Events
    intake: Intake
    waker: Waker
    policy: Policy
    clock: Callable[[], datetime]

    def look(self, project: Project, since: datetime | None) -> tuple[Decided, ...]:
        """Compare the project's refs with those known; `since` (GitLab's clock) is for refs without a baseline.

        Raises: TransientError, RefusedError.
        """
        for _ in range(MOST_RACES):
            comparison = self._compare(project, self.intake.known(project.id), since)
            taken = self.intake.compared(comparison)
            if taken is None:
                continue
            for change in comparison.changes:
                if change.action is not RefAction.CREATED:
                    # A release of the ref as it was has nothing to wait for any more.
                    self.waker.wake_ref(change, comparison.now)
            return tuple(_decided(comparison, taken, change) for change in comparison.changes)
        raise TransientError(what="its refs are being compared elsewhere", where=project.full_path)

    def _compare(self, project: Project, known: KnownRefs, since: datetime | None) -> Comparison:
        began = self.clock()
        tags = self.refs.tags(project.id)
        tagged = self.policy.watched_head(project.full_path, project.default_branch)
        patterns = self.policy.branch_patterns(project.full_path) | ({tagged} if tagged else set())
        branches = tuple(self._branches(project.id, patterns))
        proven = self._proven(project, known, (*tags, *branches), since)
        changes = (
            *compare(project, known.tags, tags, since=since, proven=proven),
            *compare_branches(project, _only(known, patterns), branches, since=since, proven=proven),
        )
        now = self.clock()
        return Comparison(
            project=project,
            basis_tags=known.tags,
            tags={tag.name: tag.sha for tag in tags},
            branches={branch.name: branch.sha for branch in branches},
            patterns=patterns,
            changes=changes,
            releases=releases_of(changes, self.policy, now),
            began=began,
            now=now,
            head=_head(changes, tagged, now),
        )

    def _branches(self, project_id: int, patterns: frozenset[str]) -> Iterator[Branch]:
        """Those that a pattern covers; one with a plain name is asked for by it, which never is half a minute old."""
        plain = sorted(pattern for pattern in patterns if "*" not in pattern)
        for name in plain:
            branch = self.refs.branch(project_id, name)
            if branch is not None:
                yield branch
        wild = patterns.difference(plain)
        if wild:
            for branch in self.refs.branches(project_id):
                if branch.name not in plain and any(matches_wildcard(pattern, branch.name) for pattern in wild):
                    yield branch

    def _proven(
        self, project: Project, known: KnownRefs, refs: Sequence[Tag | Branch], since: datetime | None
    ) -> Proven:
        """Refs without a baseline that an event proves to be new, though they have no time of their own that does.

        Only asked where a rule covers such a ref. That the project was quiet when it was listed says nothing: the ref
        may be younger than the list.
        """
        if known.tags is not None or since is None:
            return frozenset()
        if not any(self._doubtful(project, ref, since) for ref in refs):
            return frozenset()
        try:
            pushed = {(event.kind, event.ref, event.sha) for event in self.events.pushed(project.id, since)}
        except RefusedError:  # without events nothing is proven, and what is not proven is not released
            return frozenset()
        return frozenset(_named(ref) for ref in refs if _target(ref) in pushed)

    def _doubtful(self, project: Project, ref: Tag | Branch, since: datetime) -> bool:
        kind = RefKind.TAG if isinstance(ref, Tag) else RefKind.BRANCH
        if self.policy.rule_for(project.full_path, kind, ref.name) is None or younger(ref, since):
            return False
        surely_older = isinstance(ref, Tag) and ref.created_at is not None and ref.created_at < since
        return not surely_older


def _head(changes: Sequence[RefChange], branch: str | None, now: datetime) -> NewHead | None:
    """The new commit on the branch that is tagged by itself."""
    for change in changes:
        if change.kind is RefKind.BRANCH and change.ref == branch and change.action is not RefAction.DELETED:
            return NewHead(
                project_id=change.project_id,
                project=change.project,
                branch=change.ref,
                sha=change.sha,
                seen_at=now,
                due_at=now,
            )
    return None


def _named(ref: Tag | Branch) -> tuple[RefKind, str, str]:
    return (RefKind.TAG if isinstance(ref, Tag) else RefKind.BRANCH, ref.name, ref.sha)


def _target(ref: Tag | Branch) -> tuple[RefKind, str, str]:
    """What an event calls it: an annotated tag points to the tag object."""
    return (RefKind.TAG, ref.name, ref.target) if isinstance(ref, Tag) else _named(ref)


def _only(known: KnownRefs, patterns: frozenset[str]) -> KnownRefs:
    """What is known of the branches that policy still names; that others are not seen does not mean they are gone."""
    covered = {
        name: sha
        for name, sha in known.branches.items()
        if any(matches_wildcard(pattern, name) for pattern in patterns)
    }
    return KnownRefs(tags=known.tags, branches=covered, patterns=known.patterns)


def _decided(comparison: Comparison, taken: Taken, change: RefChange) -> Decided:
    if change.action is RefAction.DELETED:
        reason = f"the {change.kind.value} is gone; a release of it that is under way stops"
        return Decided(change=change, decision="withdraw", reason=reason)
    ours = [one for one in comparison.releases if (one.id.ref, one.id.sha) == (change.ref, change.sha)]
    if (
        not ours
        and comparison.head is not None
        and (change.kind, change.ref) == (RefKind.BRANCH, comparison.head.branch)
    ):
        return Decided(
            change=change, decision="tag", reason="the daemon sees whether its newest commit is to be tagged"
        )
    if not ours:
        reason = f"no rule of `releases` covers {change.kind.value} {change.ref}"
        return Decided(change=change, decision="none", reason=reason)
    if ours[0].key in taken.begun:
        return Decided(change=change, decision="release", reason=f"the {change.kind.value} was {change.action.value}")
    return Decided(change=change, decision="known", reason="its release is on record already")

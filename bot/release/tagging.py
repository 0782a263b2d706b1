"""Tag the next version where policy lets the bot: look, decide, make the tag, and read it back."""

from __future__ import annotations

from dataclasses import dataclass

from packaging.version import Version

from bot.domain.errors import RefusedError, TransientError
from bot.domain.gitlab import Changes
from bot.domain.policy import Policy, ReleaseRule
from bot.domain.refs import Branch, Project, RefKind, Tag
from bot.domain.versioning import (
    Bump,
    PreRelease,
    VersioningPolicy,
    VersionSource,
    bump_of_commits,
    bump_of_labels,
    next_version,
)
from bot.ports.gitlab import History, Refs
from bot.ports.tagging import Tagging
from bot.release.requests import ReleaseRequests


@dataclass(frozen=True, slots=True, kw_only=True)
class NextTag:
    """What is to be tagged, or why nothing is. `made` says that the tag stands at the commit now.

    `version` and `changes` are there where the changes asked for the tag.
    """

    sha: str
    name: str | None
    reason: str
    made: bool = False
    version: str = ""
    changes: Changes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tagger:
    """Tags projects. `where` is GitLab's host, for errors."""

    refs: Refs
    history: History
    tagging: Tagging
    policy: Policy
    where: str
    requests: ReleaseRequests

    def rule(self, project: Project) -> tuple[ReleaseRule, VersioningPolicy]:
        """The first rule of a project by which the bot may tag. Raises: RefusedError if none lets it."""
        rule = self.policy.tagging(project.full_path)
        if rule is not None and rule.versioning is not None:
            return rule, rule.versioning
        raise RefusedError(
            what=f"policy does not let the bot tag {project.full_path}",
            where=self.where,
            remedy="Add `versioning: {by: conventional}` to its rule under `releases`, or tag by hand",
            status=403,
        )

    def look(self, project: Project, *, pre: PreRelease | None = None) -> NextTag:
        """What the next tag is. Only reads. Raises: TransientError, RefusedError."""
        if not self.rule(project)[1].merge_request:
            return self.next(project, pre=pre)
        if pre is not None:
            what = f"policy has merge requests approve versions of {project.full_path}, and they propose final ones"
            raise RefusedError(what=what, where=self.where, remedy="Tag the pre-release by hand", status=403)
        return self.approved(project)

    def approved(self, project: Project) -> NextTag:
        """The tag that the newest merged release merge request stands for. Raises: TransientError, RefusedError."""
        rule, versioning = self.rule(project)
        branch, tags = self.branch(project, versioning), self.refs.tags(project.id)
        versions = versioning.versions(tag.name for tag in tags)
        finals = [tag for tag in tags if _final(versions.get(tag.name))]
        newest = max(finals, key=lambda tag: versions[tag.name], default=None)
        found = self.requests.approved(project, branch.name, rule.notes.file, self.where, newest)
        if found is None:
            waits = self.requests.opened(project, branch.name)
            reason = f"no release merge request was merged {f'since {newest.name}' if newest else 'yet'}"
            if waits is not None:
                reason = f"!{waits.iid} is open, and its merge is the approval"
            return NextTag(sha=branch.sha, name=None, reason=reason)
        reason = f"!{found.iid} was merged"
        there = next((tag for tag in tags if tag.name == found.tag), None)
        if there is not None and there.sha == found.sha:
            return NextTag(sha=found.sha, name=found.tag, reason=f"{reason}, and is tagged already", made=True)
        self._must_be_free(project, rule, found.tag, tags)
        return NextTag(sha=found.sha, name=found.tag, reason=reason)

    def next(self, project: Project, *, pre: PreRelease | None = None) -> NextTag:
        """What the changes on the branch ask for. Only reads. Raises: TransientError, RefusedError."""
        rule, versioning = self.rule(project)
        branch = self.branch(project, versioning)
        tags = self.refs.tags(project.id)
        versions = versioning.versions(tag.name for tag in tags)
        here = next((tag for tag in tags if tag.sha == branch.sha and tag.name in versions), None)
        if here is not None:
            return NextTag(sha=branch.sha, name=here.name, reason="its newest commit has that tag already", made=True)
        finals = sorted((tag for tag in tags if _final(versions.get(tag.name))), key=lambda tag: versions[tag.name])
        head = Tag(name=branch.name, sha=branch.sha, target=branch.sha, protected=True)
        changes = self.history.changes(project.id, tag=head, previous=finals[::-1])
        if not changes.complete:
            what = f"{project.full_path} has more changes since {changes.previous_tag} than can be read"
            raise RefusedError(what=what, where=self.where, remedy="Tag this version by hand")
        labels = versioning.by is VersionSource.LABELS
        bump = bump_of_labels(changes.merge_requests) if labels else bump_of_commits(changes.commits)
        since = f"since {changes.previous_tag}" if changes.previous_tag else "so far"
        if bump is Bump.NONE:
            return NextTag(sha=branch.sha, name=None, reason=f"nothing {since} asks for a version{_hint(versioning)}")
        last = versions[changes.previous_tag] if changes.previous_tag else None
        version = next_version(last, bump, versions.values(), pre=pre)
        name = versioning.name(version)
        self._must_be_free(project, rule, name, tags)
        reason = f"{since} the changes ask for a {bump.name.lower()} version"
        return NextTag(sha=branch.sha, name=name, reason=reason, version=str(version), changes=changes)

    def tag(self, project: Project, *, pre: PreRelease | None = None) -> NextTag:
        """Make the next tag, once for each commit. Raises: TransientError, RefusedError."""
        return self.make(project, self.look(project, pre=pre))

    def make(self, project: Project, wanted: NextTag) -> NextTag:
        """Make the tag that a look came to; of a branch that moved since, nothing is tagged. Raises: as `tag`."""
        if wanted.made or wanted.name is None:
            return wanted
        versioning = self.rule(project)[1]
        again = self.branch(project, versioning)
        if again.sha != wanted.sha and not versioning.merge_request:
            what = f"{again.name} of {project.full_path} moved while it was looked at"
            raise TransientError(what=what, where=self.where)
        try:
            self.tagging.create(project.id, name=wanted.name, sha=wanted.sha, message=f"Release {wanted.name}")
        except (TransientError, RefusedError):
            # The reply may have been lost, or another run was quicker: what stands there says so.
            if self.refs.tag(project.id, wanted.name) is None:
                raise
        return self._proven(project, wanted, wanted.name)

    def _proven(self, project: Project, wanted: NextTag, name: str) -> NextTag:
        there = self.refs.tag(project.id, name)
        if there is None:
            raise TransientError(what=f"tag {name} of {project.full_path} is not to be seen yet", where=self.where)
        if there.sha != wanted.sha:
            what = f"tag {name} of {project.full_path} stands at {there.sha[:8]}, not at {wanted.sha[:8]}"
            raise RefusedError(what=what, where=self.where, remedy="Somebody else made it: look at both")
        hint = "" if there.protected else "; it is not protected, so nothing is released: protect it in GitLab"
        return NextTag(sha=wanted.sha, name=name, reason=f"{wanted.reason}{hint}", made=True)

    def branch(self, project: Project, versioning: VersioningPolicy) -> Branch:
        """The protected branch that is tagged. Raises: TransientError, RefusedError."""
        name = versioning.branch or project.default_branch
        branch = None if name is None else self.refs.branch(project.id, name)
        if branch is None:
            raise RefusedError(what=f"{project.full_path} has no branch {name or 'yet'}", where=self.where, status=404)
        if not branch.protected:
            raise RefusedError(
                what=f"branch {branch.name} of {project.full_path} is not protected, so nothing on it is tagged",
                where=self.where,
                remedy="Protect it under Settings > Repository > Protected branches",
                status=403,
            )
        return branch

    def _must_be_free(self, project: Project, rule: ReleaseRule, name: str, tags: tuple[Tag, ...]) -> None:
        taken = next((tag for tag in tags if tag.name == name), None)
        if taken is not None:
            what = f"the next tag of {project.full_path} would be {name}, which stands at {taken.sha[:8]} already"
            raise RefusedError(what=what, where=self.where, remedy="Tag the version that you mean by hand")
        if self.policy.rule_for(project.full_path, RefKind.TAG, name) is not rule:
            what = f"the next tag of {project.full_path} would be {name}, which its rule does not release"
            raise RefusedError(what=what, where=self.where, remedy="Let `tags` of the rule match `versioning.tag`")


def _final(version: Version | None) -> bool:
    return version is not None and not version.is_prerelease and not version.is_devrelease


def _hint(versioning: VersioningPolicy) -> str:
    if versioning.by is VersionSource.LABELS:
        return ": no merge request is labelled version::major, version::minor or version::patch"
    return ": there is no feat, fix or breaking change among its Conventional Commits"

"""The bot's release merge requests: which are its own, and what a merged one approves."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass

from bot.domain.errors import RefusedError
from bot.domain.proposals import Head, Proposal
from bot.domain.refs import Project, Tag
from bot.domain.release_files import METADATA
from bot.ports.gitlab import Contents
from bot.ports.proposals import Branches, Proposals, Pushes

BRANCH = "ropewalk/release"
NEXT = "ropewalk/release-next"
"""Where a commit is made that the branch is then moved to, for a moment."""
MARKER = "<!-- ropewalk: release request v1 -->"
_TRAILER = "Ropewalk-Release"
_BY_HAND = "Look at what was merged, and tag by hand what is meant"


@dataclass(frozen=True, slots=True, kw_only=True)
class Approved:
    """What a merged release merge request stands for: the tag, and the commit by which it is in the branch."""

    iid: int
    tag: str
    sha: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseRequests:
    """Reads them. `key` seals the commits of the bot, so that nobody else's pass for one; `user_id` is the bot's."""

    branches: Branches
    proposals: Proposals
    pushes: Pushes
    contents: Contents
    key: bytes
    user_id: int

    def all(self, project: Project, target: str) -> tuple[Proposal, ...]:
        """Those of the bot into that branch, newest first."""
        found = self.proposals.of_branch(project.id, BRANCH)
        return tuple(one for one in found if one.target_branch == target and self.is_ours(one))

    def is_ours(self, one: Proposal) -> bool:
        """Whether the bot opened it and its marker is still there."""
        return one.author_id == self.user_id and MARKER in one.description

    def opened(self, project: Project, target: str) -> Proposal | None:
        """The bot's open one."""
        return next((one for one in self.all(project, target) if one.state == "opened"), None)

    def approved(
        self, project: Project, target: str, changelog: str, where: str, newest: Tag | None
    ) -> Approved | None:
        """What the newest merged one approves; None without one. `newest` is the last final tag: what that contains is
        settled, however it came to be.

        Raises: TransientError, RefusedError where the merge is no approval of what was proposed.
        """
        one = next((one for one in self.all(project, target) if one.state == "merged"), None)
        if one is None:
            return None
        if newest is not None and one.landed is not None and newest.sha != one.landed:
            if self.contents.contains(project.id, newest.sha, one.landed):
                return None
        elif newest is not None and one.landed is not None:
            return Approved(iid=one.iid, tag=newest.name, sha=one.landed)
        what = ""
        tag = self.tag_of(project, self.branches.at(project.id, one.sha), changelog)
        if one.merged_by is None or one.merged_by == self.user_id:
            what = "was not merged by a person"
        elif tag is None:
            what = "was merged with commits that are not the bot's"
        elif one.landed is None or not self.contents.contains(project.id, target, one.landed):
            what = f"was merged, but its commit is not in {target}"
        if what or tag is None or one.landed is None:
            what = f"!{one.iid} of {project.full_path} {what}"
            raise RefusedError(what=what, where=where, remedy=_BY_HAND, status=403)
        return Approved(iid=one.iid, tag=tag, sha=one.landed)

    def files(self, project: Project, sha: str, changelog: str) -> dict[str, str]:
        """Those of the files that a release changes that are there at a commit."""
        texts = {path: self.contents.file(project.id, path, sha) for path in (changelog, METADATA)}
        return {path: text for path, text in texts.items() if text is not None}

    def tag_of(self, project: Project, head: Head | None, changelog: str) -> str | None:
        """The tag that a commit of the bot proposes; None for one of somebody else, elsewhere, or with other files."""
        words = [] if head is None else head.message.rstrip().rpartition("\n")[2].split(" ")
        if head is None or len(words) != 3 or words[0] != f"{_TRAILER}:" or len(head.parents) != 1:
            return None
        seal = self._seal(project, words[1], head.parents[0], self.files(project, head.sha, changelog))
        return words[1] if hmac.compare_digest(seal.encode(), words[2].encode()) else None

    def trailer(self, project: Project, tag: str, parent: str, files: Mapping[str, str]) -> str:
        """The last line of the message of the commit on `parent` that proposes a tag with those files."""
        return f"{_TRAILER}: {tag} {self._seal(project, tag, parent, files)}"

    def _seal(self, project: Project, tag: str, parent: str, files: Mapping[str, str]) -> str:
        said = json.dumps(["release request", project.id, tag, parent, sorted(files.items())]).encode()
        return hmac.new(self.key, said, hashlib.sha256).hexdigest()[:32]

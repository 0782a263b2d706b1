"""Looks at a project, and proposes: at most one commit and one merge request, each only where it is not there yet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bot.domain.components import Component
from bot.domain.errors import PutOffError, RefusedError, TransientError
from bot.domain.proposals import Words
from bot.domain.refs import Project
from bot.onboarding.decide import BRANCH, PATHS, ByHand, Parse, Rest, Seen, Steps, Wish, missing, wanted_files
from bot.ports.gitlab import Contents
from bot.ports.proposals import Branches, Proposals


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of it. `state` is there, open, planned, opened, updated, by_hand, declined, changed, taken or
    left_over; `files` are the texts in question.
    """

    state: str
    reason: str
    done: bool
    files: Mapping[str, str]
    url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposer:
    """Proposes a ready pipeline. `user_id` is the bot's."""

    branches: Branches
    proposals: Proposals
    contents: Contents
    components: Mapping[str, Component]
    parse: Parse
    user_id: int

    def propose(self, project: Project, wish: Wish, words: Words, *, dry_run: bool) -> Outcome:
        """Look, then do what is missing; with `dry_run` only say it.

        Raises: TransientError, RefusedError.
        """
        seen = self._look(project)
        files = wanted_files(seen, wish, self.components, self.parse)
        if isinstance(files, ByHand):
            return Outcome(state="by_hand", reason=files.reason, done=False, files={"": files.text})
        before = missing(seen, files, subject=words.subject, user_id=self.user_id)
        if isinstance(before, Rest):
            return Outcome(state=before.state, reason=before.reason, done=before.done, files=files, url=before.url)
        if dry_run:
            return Outcome(state="planned", reason=_planned(before), done=True, files=files, url=before.url)
        return self._act(project, seen, before, files, words)

    def _look(self, project: Project) -> Seen:
        target = project.default_branch
        base = None if target is None else self.branches.head(project.id, target)
        if target is None or base is None:
            raise RefusedError(
                what="has no commits yet", where=project.full_path, remedy="Push the package first", status=404
            )
        branch = self.branches.head(project.id, BRANCH)
        return Seen(
            ci_path=self.branches.ci_path(project.id),
            target=target,
            base=base,
            files=self._files(project.id, base.sha),
            branch=branch,
            proposed={} if branch is None else self._files(project.id, branch.sha),
            requests=self.proposals.of_branch(project.id, BRANCH),
        )

    def _files(self, project_id: int, sha: str) -> dict[str, str]:
        texts = {path: self.contents.file(project_id, path, sha) for path in PATHS}
        return {path: text for path, text in texts.items() if text is not None}

    def _act(self, project: Project, seen: Seen, steps: Steps, files: Mapping[str, str], words: Words) -> Outcome:
        """An answer that is lost, or a refusal, may come of what was done: then what stands there decides."""
        url = steps.url
        if steps.commit is not None:
            try:
                self.branches.commit(project.id, steps.commit)
            except PutOffError:
                raise
            except (TransientError, RefusedError):
                left = missing(self._look(project), files, subject=words.subject, user_id=self.user_id)
                made = left.commit is None if isinstance(left, Steps) else left.done
                if not made:
                    raise
        if steps.open:
            try:
                url = self.proposals.open(project.id, branch=BRANCH, target=seen.target, words=words).web_url
            except PutOffError:
                raise
            except (TransientError, RefusedError):
                left = missing(self._look(project), files, subject=words.subject, user_id=self.user_id)
                if not isinstance(left, Rest) or left.state != "open":
                    raise
                url = left.url
        if steps.open:
            return Outcome(state="opened", reason="a merge request is open", done=True, files=files, url=url)
        return Outcome(state="updated", reason="the merge request has the newer text", done=True, files=files, url=url)


def _planned(steps: Steps) -> str:
    commit = None if steps.commit is None else f"commit {', '.join(steps.commit.files)} on {BRANCH}"
    return " and ".join(filter(None, [commit, "open a merge request" if steps.open else None]))

"""What the loop needs from GitLab: one small Protocol per need. Every method reads the server anew.

All raise TransientError (try later), CredentialsError (who we are or may do) or RefusedError (it will stay so).
A missing thing is None or empty.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Protocol

from bot.domain.consents import Author
from bot.domain.freezes import Freeze
from bot.domain.gitlab import (
    Changes,
    GitLabRelease,
    Identity,
    Issue,
    Job,
    MergeRequest,
    Note,
    Pipeline,
    ReleaseLink,
    Variables,
)
from bot.domain.hooks import DeliveryLog, Hook, HookPlace, HookWish
from bot.domain.policy import InputValue
from bot.domain.refs import Branch, Project, Pushed, Tag


class Account(Protocol):
    """Who we are, what we may do, and what time it is there."""

    def identity(self) -> Identity:
        """The user behind the token and the token's scopes."""

    def role(self, user_id: int, place: str, *, group: bool) -> int | None:
        """The access level of a user in a project or group, by full path; None if it is no member of it."""

    def now(self) -> datetime:
        """GitLab's clock (the `Date` header of a fresh answer), UTC, to the second."""


class Projects(Protocol):
    """Projects of the organisation."""

    def project(self, path_or_id: str | int) -> Project | None:
        """One project, or None if there is none that the token may see."""

    def active_since(self, moment: datetime | None, *, membership: bool) -> Iterator[Project]:
        """Projects with `last_activity_at` after `moment` (None: all), ordered by id.

        With `membership` only those that the token's user is a member of; an admin's token sees all without it.
        """

    def of_group(self, full_path: str) -> Iterator[Project]:
        """Projects of a group and its subgroups, shared ones left out."""


class Refs(Protocol):
    """Tags and branches of one project, as they are now."""

    def tag(self, project_id: int, name: str) -> Tag | None:
        """The tag as it is now, or None."""

    def tags(self, project_id: int) -> tuple[Tag, ...]:
        """All tags (every page: a new lightweight tag on an old commit is not first in any order)."""

    def branch(self, project_id: int, name: str) -> Branch | None:
        """The branch as it is now, or None."""

    def branches(self, project_id: int) -> tuple[Branch, ...]:
        """All branches; GitLab's list may be half a minute old."""


class Contents(Protocol):
    """What is in a repository."""

    def file(self, project_id: int, path: str, sha: str) -> str | None:
        """A text file at a commit, at most 1 MiB; None if absent."""

    def names(self, project_id: int, folder: str, sha: str) -> tuple[str, ...]:
        """Paths of the files that lie in a folder at a commit, at most a thousand; empty if it is absent."""

    def contains(self, project_id: int, ref: str, sha: str) -> bool:
        """Whether the history of `ref` (a name or a commit) contains the commit."""

    def containing(self, project_id: int, sha: str) -> tuple[str, ...]:
        """Names of the branches whose history contains the commit."""


class People(Protocol):
    """Who people are in a project, and who made what is released."""

    def role(self, user_id: int, place: str, *, group: bool) -> int | None:
        """The access level of an active user in a project or group, by full path; None if it is no member of it."""

    def authors(self, project_id: int, *, ref: str, sha: str, tag: bool) -> tuple[Author, ...]:
        """Who pushed the ref (or, if GitLab does not tell, who started its pipelines), author and committer of the
        commit, and the authors of the merge requests that brought it.
        """


class FreezePeriods(Protocol):
    """GitLab's own deploy freezes of one project."""

    def freezes(self, project_id: int, now: datetime) -> tuple[Freeze, ...]:
        """Those that hold at `now` (UTC), and when each comes next. One that makes no sense is a RefusedError."""


class Events(Protocol):
    """What GitLab remembers of pushes to one project."""

    def pushed(self, project_id: int, since: datetime) -> tuple[Pushed, ...]:
        """Refs created or moved at or since a moment, each by itself; a push of more than three is not among them."""


class Pipelines(Protocol):
    """Pipelines of one commit."""

    def pipelines(self, project_id: int, *, sha: str, ref: str) -> tuple[Pipeline, ...]:
        """Pipelines of that commit and ref, newest first; child pipelines excluded by GitLab."""

    def jobs(self, project_id: int, pipeline_id: int) -> tuple[Job, ...]:
        """Jobs of a pipeline, without retried ones."""

    def artifacts(self, project_id: int, job_id: int) -> Path | None:
        """Download the artifacts archive of one job to a new file, the caller's to delete; None if it is gone."""


class PipelineControl(Protocol):
    """Starting and playing: both may publish. Whoever calls has looked first."""

    def start(self, project_id: int, ref: str, inputs: Mapping[str, InputValue]) -> Pipeline:
        """Start a pipeline of a branch or tag.

        Raises: PutOffError also for GitLab's 400 about too many of them; RefusedError with the person's next step.
        """

    def play(self, project_id: int, job_id: int) -> Job:
        """Play a job that waits for a person. Raises: RefusedError if it waits no more."""


class VariableReader(Protocol):
    """Names and flags of CI/CD variables, never values."""

    def variables(self, full_path: str) -> Variables:
        """What the jobs of that project may see, from every level the token may read."""


class History(Protocol):
    """What lies between two releases."""

    def changes(self, project_id: int, *, tag: Tag, previous: Sequence[Tag]) -> Changes:
        """Commits and merge requests that are in `tag` and not in the release before it.

        That is the first of `previous` that the history of `tag` contains; where it contains none, the first; without
        any, everything is new.
        """

    def of_commit(self, project_id: int, sha: str) -> Changes:
        """The merge requests that brought that one commit."""

    def closed_issues(self, project_id: int, iid: int) -> tuple[Issue, ...]:
        """The issues of the same project that a merge request closes."""

    def changelog(self, project_id: int, *, version: str, sha: str, previous: str | None) -> str:
        """GitLab's own changelog of a version as Markdown, from a commit (exclusive) to another.

        GitLab allows five a minute. A version or range that it makes none of is a RefusedError.
        """


class Releases(Protocol):
    """GitLab Releases of one project."""

    def release(self, project_id: int, tag: str) -> GitLabRelease | None:
        """The Release of a tag, or None."""

    def create(
        self, project_id: int, *, tag: str, name: str, description: str, links: Sequence[ReleaseLink]
    ) -> GitLabRelease:
        """Create it for an existing tag. One that exists already (409) is returned as it stands."""

    def describe(self, project_id: int, tag: str, description: str) -> None:
        """Replace the description."""

    def link(self, project_id: int, tag: str, link: ReleaseLink) -> None:
        """Add one asset link; one of the same name is led to the URL, one of the same URL is left alone."""


class Milestones(Protocol):
    """Milestones of one project."""

    def milestones(self, project_id: int, titles: Sequence[str]) -> tuple[str, ...]:
        """Which of the titles are milestones of the project."""

    def attach(self, project_id: int, tag: str, titles: Sequence[str]) -> None:
        """Make exactly these the milestones of the GitLab Release."""


class Issues(Protocol):
    """Issues of one project."""

    def by(self, project_id: int, author_id: int) -> tuple[Issue, ...]:
        """The issues that a user wrote, open and closed, oldest first."""

    def create(self, project_id: int, *, title: str, description: str, labels: Sequence[str]) -> None:
        """Open an issue. An answer without a number is a RefusedError."""

    def update(self, project_id: int, iid: int, *, description: str, opened: bool | None) -> None:
        """Replace the description, and close or reopen it where `opened` says so."""


class Notes(Protocol):
    """Notes on merge requests, or those on issues."""

    def notes(self, project_id: int, iid: int) -> tuple[Note, ...]:
        """All notes of it, oldest first."""

    def create(self, project_id: int, iid: int, body: str) -> Note:
        """Post a note. An answer without a note id (202: commands ran) is a RefusedError."""

    def update(self, project_id: int, iid: int, note_id: int, body: str) -> None:
        """Replace the body of our note."""

    def delete(self, project_id: int, iid: int, note_id: int) -> None:
        """Remove a surplus note of ours."""


class Hooks(Protocol):
    """Webhooks of one group or project. A place that our role may not look into is a RefusedError (403 or 404)."""

    def hooks(self, place: HookPlace) -> tuple[Hook, ...]:
        """All of them, ours or not, oldest first."""

    def create(self, place: HookPlace, wish: HookWish) -> Hook:
        """Make one for push, tag push, pipeline and merge request events, and for notes if so wished; the answer tells
        what GitLab made of it.
        """

    def correct(self, place: HookPlace, hook_id: int, wish: HookWish) -> Hook:
        """Set its events and its secret, and nothing else."""

    def remove(self, place: HookPlace, hook_id: int) -> None:
        """Delete it; one that is gone is left at that."""


class HookLog(Protocol):
    """What became of a hook's deliveries, and asking for them again. GitLab allows five requests a minute of each."""

    def deliveries(self, place: HookPlace, hook_id: int, *, taken: bool, since: datetime) -> DeliveryLog | None:
        """Those that were taken, or those that were not, since a moment of GitLab's clock; None where it keeps none."""

    def resend(self, place: HookPlace, hook_id: int, delivery_id: int) -> str:
        """Send it again and wait for the answer: empty if it was taken, else why it was not."""

    def test(self, place: HookPlace, hook_id: int) -> str:
        """Send a made-up push, even if the hook is disabled, and wait for the answer: empty if it was taken, else why.

        One that is taken enables the hook again.
        """


__all__ = [
    "Account",
    "Contents",
    "Events",
    "FreezePeriods",
    "History",
    "HookLog",
    "Hooks",
    "Issues",
    "MergeRequest",
    "Milestones",
    "Notes",
    "People",
    "PipelineControl",
    "Pipelines",
    "Projects",
    "Refs",
    "Releases",
    "VariableReader",
]

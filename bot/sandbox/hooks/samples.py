"""What a test of a hook sends: the newest thing of its kind in the project.

Source: app/services/concerns/integrations/project_test_data.rb.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING

from bot.sandbox.git.changes import BLANK, RefChange
from bot.sandbox.hooks import payloads, talk
from bot.sandbox.hooks.payloads import Payload
from bot.sandbox.world.people import User
from bot.sandbox.world.places import Project
from bot.sandbox.world.work import Issue, MergeRequest, Note

if TYPE_CHECKING:
    from bot.sandbox.ci.pipelines import Pipelines
    from bot.sandbox.world.world import World

_SAMPLE_TAG = "refs/tags/v1.0.0"
_TOKEN_DAYS = 2


class NoSampleError(Exception):
    """The project has nothing of the kind; the message is GitLab's."""


class Samples:
    """Builds test payloads for one project and the user who asks for the test."""

    def __init__(self, world: World, pipelines: Pipelines, project: Project, user: User) -> None:
        self._world = world
        self._pipelines = pipelines
        self._project = project
        self._user = user
        self._makers: Mapping[str, Callable[[], Payload]] = {
            "push_events": self._push,
            "tag_push_events": self._tag_push,
            "issues_events": lambda: self._issue(confidential=False),
            "confidential_issues_events": lambda: self._issue(confidential=True),
            "note_events": self._note,
            "confidential_note_events": self._note,
            "merge_requests_events": self._merge_request,
            "job_events": self._job,
            "pipeline_events": self._pipeline,
            "wiki_page_events": _nothing("Ensure the wiki is enabled and has pages."),
            "deployment_events": _nothing("Ensure the project has deployments."),
            "releases_events": self._release,
            "emoji_events": self._emoji,
            "resource_access_token_events": self._token,
        }

    def make(self, trigger: str) -> Payload:
        """The payload for a trigger. Raises: NoSampleError; KeyError for no such trigger."""
        return self._makers[trigger]()

    def _sample_push(self, ref: str, target: str, commit: str) -> Payload:
        project = self._project
        commits = [project.git.commits([commit])[commit]]
        change = RefChange(ref=ref, before=BLANK, after=target)
        told = payloads.push(self._world, project, self._user, change, commits, total=1, message=None, push_options={})
        return told | {"checkout_sha": commit}

    def _push(self) -> Payload:
        branches = self._project.git.branches()
        if not branches:
            raise NoSampleError("Ensure the project has at least one commit.")
        head = self._project.git.branch(self._project.default_branch) or branches[0]
        return self._sample_push(head.full_name, head.target, head.commit)

    def _tag_push(self) -> Payload:
        tags, branches = self._project.git.tags(), self._project.git.branches()
        if tags:
            return self._sample_push(tags[-1].full_name, tags[-1].target, tags[-1].commit)
        if not branches:
            raise NoSampleError("Ensure the project has at least one commit.")
        return self._sample_push(_SAMPLE_TAG, branches[0].commit, branches[0].commit)

    def _issue(self, *, confidential: bool) -> Payload:
        rows = [one for one in self._project.issues.values() if one.confidential or not confidential]
        if not rows:
            raise NoSampleError("Ensure the project has issues.")
        return talk.issue(self._world, self._project, rows[-1], self._user, "open")

    def _notes(self) -> list[tuple[Issue | MergeRequest, Note]]:
        owners: Iterable[Issue | MergeRequest] = [
            *self._project.issues.values(),
            *self._project.merge_requests.values(),
        ]
        rows = [(owner, note) for owner in owners for note in owner.notes.values() if not note.system]
        if not rows:
            raise NoSampleError("Ensure the project has notes.")
        return sorted(rows, key=lambda row: row[1].id)

    def _note(self) -> Payload:
        owner, note = self._notes()[-1]
        return talk.note(self._world, self._project, owner, note, "create")

    def _emoji(self) -> Payload:
        owner, note = self._notes()[-1]
        return talk.emoji(self._world, self._project, owner, note, self._user)

    def _merge_request(self) -> Payload:
        if not self._project.merge_requests:
            raise NoSampleError("Ensure the project has merge requests.")
        newest = self._project.merge_requests[max(self._project.merge_requests)]
        return payloads.merge_request(self._world, self._project, newest, self._user, "open")

    def _pipeline(self) -> Payload:
        rows = self._pipelines.pipelines(self._project.id)
        if not rows:
            raise NoSampleError("Ensure the project has CI pipelines.")
        one = rows[0]
        commit, user = self._project.git.commit(one.sha), self._world.users.get(one.user_id)
        return payloads.pipeline(self._world, self._project, one, self._pipelines.jobs(one.id), commit, user)

    def _job(self) -> Payload:
        rows = self._pipelines.project_jobs(self._project.id)
        pipe = self._pipelines.pipeline(self._project.id, rows[0].pipeline_id) if rows else None
        if pipe is None:
            raise NoSampleError("Ensure the project has CI jobs.")
        commit, user = self._project.git.commit(pipe.sha), self._world.users.get(rows[0].user_id)
        return payloads.build(self._world, self._project, pipe, rows[0], commit, user)

    def _release(self) -> Payload:
        rows = sorted(self._project.releases.values(), key=lambda one: one.created_at)
        commit = self._project.git.commit(rows[-1].sha) if rows else None
        if commit is None:
            raise NoSampleError("Ensure the project has releases.")
        return payloads.release(self._world, self._project, rows[-1], commit, "create")

    def _token(self) -> Payload:
        expires = (self._world.clock.now() + timedelta(days=_TOKEN_DAYS)).date()
        return {
            "object_kind": "access_token",
            "event_name": "expiring_access_token",
            "project": payloads.project_attributes(self._world, self._project),
            "object_attributes": {
                "id": 1,
                "name": "pat_for_webhook_event",
                "user_id": None,
                "created_at": payloads.moment(self._world.clock.now()),
                "expires_at": expires.isoformat(),
            },
        }


def _nothing(sentence: str) -> Callable[[], Payload]:
    def fail() -> Payload:
        raise NoSampleError(sentence)

    return fail

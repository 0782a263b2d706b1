"""What follows from a change: events, hooks, pipelines; with the limits GitLab puts on each push."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from bot.sandbox.ci.model import CiError, Job, Pipeline
from bot.sandbox.git.changes import BLANK, RefChange
from bot.sandbox.git.repository import Commit
from bot.sandbox.hooks import payloads, talk
from bot.sandbox.world import flow
from bot.sandbox.world.people import User
from bot.sandbox.world.places import Project
from bot.sandbox.world.settings import ref_matches
from bot.sandbox.world.work import Event, Issue, MergeRequest, Note, Noteable, PushData, Release

if TYPE_CHECKING:
    from bot.sandbox.ci.pipelines import Pipelines
    from bot.sandbox.hooks.delivery import HookSender
    from bot.sandbox.world.world import World

HOOKS_LIMIT = 3
"""A group (branch or tag, and one action) of more refs than this in one push fires no hook."""
ACTIVITIES_LIMIT = 3
"""A group of more refs than this makes one bulk event."""
PIPELINE_LIMIT = 4
"""Refs after this many in one push get no pipeline."""
# Source of the three: app/services/git/process_ref_changes_service.rb, application_setting_implementation.rb.

_ACTION_NAMES = {"created": "pushed new", "pushed": "pushed to", "removed": "deleted"}


def parse_push_options(lines: Sequence[str]) -> dict[str, object]:
    """`ci.skip`, `ci.variable=K=V` … as the nested object GitLab makes of them."""
    found: dict[str, object] = {}
    for line in lines:
        key, _, value = line.partition("=")
        space, dot, name = key.partition(".")
        if dot:
            inner = found.setdefault(space, {})
            if isinstance(inner, dict):
                inner[name] = value or True
    return found


class Activity:
    """Told of every change; records its event, sends its hooks and starts its pipelines.

    Without `hooks` and `pipelines` (before the world is served) only events are recorded.
    """

    def __init__(self, world: World) -> None:
        self.hooks: HookSender | None = None
        self.pipelines: Pipelines | None = None
        self._world = world
        self._told: dict[tuple[str, int], str] = {}

    def pushed(
        self, project: Project, user: User, changes: Sequence[RefChange], *, push_options: Sequence[str] = ()
    ) -> None:
        """Refs have moved in one push. Call after git has moved them."""
        project.git.forget()
        refs = [one for one in changes if one.ref.startswith(("refs/heads/", "refs/tags/"))]
        options = parse_push_options(push_options)
        groups: dict[tuple[bool, str], list[RefChange]] = {}
        for one in refs:
            groups.setdefault((one.tag, one.action), []).append(one)
        # branches first, as GitLab does
        for _, group in sorted(groups.items(), key=lambda item: item[0][0]):
            if len(group) > ACTIVITIES_LIMIT:
                self._push_event(project, user, group[0], bulk=len(group))
            for one in group:
                self._ref_moved(project, user, one, group, options)
        for index, one in enumerate(refs):
            if index < PIPELINE_LIMIT and one.after != BLANK:
                self._start_pipeline(project, user, one, options)
        if refs and self.hooks is not None:
            payload = payloads.repository_update(self._world, project, user, refs)
            self._send_system("repository_update_events", payload)

    def _ref_moved(
        self, project: Project, user: User, one: RefChange, group: list[RefChange], options: dict[str, object]
    ) -> None:
        commits, total = self._new_commits(project, one)
        if len(group) <= ACTIVITIES_LIMIT:
            self._push_event(project, user, one, commits=commits, total=total)
        if len(group) <= HOOKS_LIMIT and self.hooks is not None:
            known = project.git.refs().get(one.ref)
            payload = payloads.push(
                self._world,
                project,
                user,
                one,
                commits,
                total=total,
                message=known.message if known and known.annotated else None,
                push_options=options,
            )
            self._send(project, "tag_push_events" if one.tag else "push_events", payload, branch=one.name)
        if one.tag and one.after == BLANK:
            self._drop_release(project, one.name)
        if not one.tag:
            flow.taken_in(self._world, project, user, one)

    def _drop_release(self, project: Project, tag: str) -> None:
        """A release goes with its tag. Source: app/services/tags/destroy_service.rb."""
        gone = project.releases.pop(tag, None)
        if gone is not None:
            self.release(project, gone, "delete")

    def _new_commits(self, project: Project, one: RefChange) -> tuple[list[Commit], int]:
        """Up to twenty new commits, oldest first, and their number. A new branch counts what its default lacks."""
        known = project.git.refs().get(one.ref)
        if one.after == BLANK or known is None:
            return [], 0
        if one.tag:
            return [project.git.commits([known.commit])[known.commit]], 1
        span = f"{one.before}..{one.after}"
        if one.before == BLANK:
            default = project.git.branch(project.default_branch)
            if default is None or one.name == project.default_branch:
                span = one.after
            else:
                span = f"{default.commit}..{one.after}"
        newest = project.git.log(span, options=(f"--max-count={payloads.COMMITS_IN_PAYLOAD}",))
        return newest[::-1], project.git.count(span)

    def _push_event(
        self,
        project: Project,
        user: User,
        one: RefChange,
        *,
        commits: Sequence[Commit] = (),
        total: int = 0,
        bulk: int | None = None,
    ) -> None:
        alone = bulk is None
        data = PushData(
            commit_count=total if alone else 0,
            action=one.action,
            ref_type="tag" if one.tag else "branch",
            commit_from=one.before if alone and one.before != BLANK else None,
            commit_to=one.after if alone and one.after != BLANK else None,
            ref=one.name if alone else None,
            commit_title=commits[-1].title if alone and commits else None,
            ref_count=bulk,
        )
        self.event(project, user, _ACTION_NAMES[one.action], push=data)

    def event(
        self,
        project: Project,
        user: User,
        action: str,
        *,
        target_type: str | None = None,
        target: tuple[int, int | None, str] | None = None,
        push: PushData | None = None,
        note: tuple[Noteable, Note] | None = None,
    ) -> None:
        """Record an event; `target` is id, iid and title, `note` what was written and on what."""
        number, iid, title = target or (None, None, None)
        project.record(
            Event(
                id=self._world.next_id("event"),
                project_id=project.id,
                author=user,
                action_name=action,
                created_at=self._world.clock.now(),
                target_type=target_type,
                target_id=number,
                target_iid=iid,
                target_title=title,
                push=push,
                note=note,
            )
        )

    def _start_pipeline(self, project: Project, user: User, one: RefChange, options: dict[str, object]) -> None:
        known = project.git.refs().get(one.ref)
        if self.pipelines is None or known is None:
            return
        ci = options.get("ci")
        if isinstance(ci, dict) and "skip" in ci:
            return
        try:
            self.pipelines.create(
                project,
                ref=one.name,
                tag=one.tag,
                sha=known.commit,
                before_sha=one.before,
                source="push",
                user_id=user.id,
                username=user.username,
            )
        except CiError:
            # a push whose commit asks for no pipeline, or for an impossible one, is still a good push
            return

    def merge_request(
        self, project: Project, one: MergeRequest, user: User, action: str, *, oldrev: str | None = None
    ) -> None:
        """A merge request was opened, updated, closed, reopened or merged."""
        told = {"open": "opened", "close": "closed", "reopen": "reopened", "merge": "accepted"}.get(action)
        if told is not None:
            self.event(project, user, told, target_type="MergeRequest", target=(one.id, one.iid, one.title))
        if self.hooks is not None:
            payload = payloads.merge_request(self._world, project, one, user, action, oldrev=oldrev)
            self._send(project, "merge_requests_events", payload, branch=one.source_branch)

    def note(self, project: Project, one: Noteable, note: Note, action: str) -> None:
        """A note was written (`create`) or its body changed (`update`); deleting one, and GitLab's own, tell nobody.

        Source: app/services/notes/{post_process,update}_service.rb.
        """
        if action == "create":
            kind = "DiscussionNote" if note.threaded else "Note"
            target = (note.id, note.id, one.title)
            self.event(project, note.author, "commented on", target_type=kind, target=target, note=(one, note))
        if self.hooks is not None and not note.system:
            quiet = note.internal or (isinstance(one, Issue) and one.confidential)
            payload = talk.note(self._world, project, one, note, action)
            self._send(project, "confidential_note_events" if quiet else "note_events", payload)

    def release(self, project: Project, one: Release, action: str) -> None:
        """A release was created, updated or deleted."""
        commit = project.git.commit(one.sha)
        if self.hooks is not None and commit is not None:
            payload = payloads.release(self._world, project, one, commit, action)
            self._send(project, "releases_events", payload)

    def pipeline_changed(self, project: Project, pipeline: Pipeline, job: Job | None) -> None:
        """A pipeline, or one of its jobs, may have a new status; called from the pipelines' threads."""
        hooks, pipelines = self.hooks, self.pipelines
        if hooks is None or pipelines is None:
            return
        commit, user = project.git.commit(pipeline.sha), self._world.users.get(pipeline.user_id)
        if job is not None and self._is_news("job", job.id, job.status):
            self._send(project, "job_events", payloads.build(self._world, project, pipeline, job, commit, user))
        if self._is_news("pipeline", pipeline.id, pipeline.status):
            jobs = pipelines.jobs(pipeline.id)
            payload = payloads.pipeline(self._world, project, pipeline, jobs, commit, user)
            self._send(project, "pipeline_events", payload, branch=pipeline.ref)

    def _is_news(self, kind: str, number: int, status: str) -> bool:
        with self._world.lock:
            before = self._told.get((kind, number))
            self._told[kind, number] = status
        return before != status

    def _send(self, project: Project, trigger: str, payload: payloads.Payload, *, branch: str | None = None) -> None:
        if self.hooks is None:
            return
        above = list(project.namespace.lineage())
        hooks = [*project.hooks.values(), *(hook for group in above for hook in list(group.hooks.values()))]
        for hook in hooks:
            chosen = hook.push_events_branch_filter
            filtered = trigger == "push_events" and chosen and branch and not ref_matches(chosen, branch)
            if hook.events.get(trigger) and not filtered:
                self.hooks.send(hook, payload, namespace=above[-1].full_path)
        self._send_system(trigger, payload)

    def _send_system(self, trigger: str, payload: payloads.Payload) -> None:
        if self.hooks is None:
            return
        for hook in list(self._world.system_hooks.values()):
            if hook.events.get(trigger):
                self.hooks.send(hook, payload)

"""What people do to code: commits, merge requests, merges, tags. The API and world builders share it.

Rights are checked by the callers; the consequences of each change (events, hooks, pipelines) are `activity`'s.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from bot.sandbox.git import changes
from bot.sandbox.git.changes import BLANK, RefChange
from bot.sandbox.world.people import User
from bot.sandbox.world.places import Project
from bot.sandbox.world.work import Issue, MergeRequest, Release

if TYPE_CHECKING:
    from bot.sandbox.world.world import World


def commit(
    world: World,
    project: Project,
    branch: str,
    message: str,
    files: Mapping[str, str | bytes | None],
    author: User,
    *,
    start_branch: str | None = None,
    force: bool = False,
) -> str:
    """Commit and push; see `World.commit`."""
    data = {name: text.encode() if isinstance(text, str) else text for name, text in files.items()}
    start = project.git.resolve(start_branch or project.default_branch)
    change = changes.commit_files(project.git, branch, message, data, world.signature(author), start=start, force=force)
    world.activity.pushed(project, author, [change])
    return change.after


def open_merge_request(
    world: World,
    project: Project,
    author: User,
    source: str,
    target: str,
    title: str,
    *,
    description: str = "",
    labels: Iterable[str] = (),
) -> MergeRequest:
    """Open a merge request between two branches of the project. Raises: ValueError when one is missing."""
    head, base = project.git.branch(source), project.git.branch(target)
    if head is None or base is None:
        raise ValueError(f"no branch {source if head is None else target} in {project.full_path}")
    now = world.clock.now()
    with world.lock:
        iid = max(project.merge_requests, default=0) + 1
        made = MergeRequest(
            id=world.next_id("merge_request"),
            iid=iid,
            project_id=project.id,
            title=title,
            description=description,
            author=author,
            source_branch=source,
            target_branch=target,
            created_at=now,
            updated_at=now,
            head_sha=head.commit,
            labels=list(labels),
        )
        project.merge_requests[iid] = made
    refresh(project, made)
    world.activity.merge_request(project, made, author, "open")
    return made


def refresh(project: Project, one: MergeRequest) -> None:
    """Take in the source branch's head: commits, merge base, the ref `refs/merge-requests/IID/head`."""
    head = project.git.branch(one.source_branch)
    target = project.git.branch(one.target_branch)
    if head is None or target is None:
        return
    base = project.git.merge_base(target.commit, head.commit)
    span = f"{base}..{head.commit}" if base else head.commit
    one.head_sha, one.base_sha = head.commit, base
    one.commit_shas = tuple(project.git.run("rev-list", span).decode().split())
    project.git.run("update-ref", f"refs/merge-requests/{one.iid}/head", head.commit)


def merge_message(project: Project, one: MergeRequest) -> str:
    """GitLab's default merge commit message."""
    into = f"Merge branch '{one.source_branch}' into '{one.target_branch}'"
    return f"{into}\n\n{one.title}\n\nSee merge request {project.full_path}!{one.iid}"


_CLOSES = re.compile(
    r"\b(?:clos(?:e[sd]?|ing)|fix(?:e[sd]|ing)?|resolv(?:e[sd]?|ing)|implement(?:s|ed|ing)?):?\s+"
    r"(?P<numbers>(?:issues?\s+)?#\d+(?:(?:,|\s+and)?\s*#\d+)*)",
    re.IGNORECASE,
)


def closing(project: Project, one: MergeRequest) -> list[Issue]:
    """The issues a merge request says it closes, in its description or its commits.

    Source: the default pattern of doc/user/project/issues/managing_issues.md.
    """
    messages = [commit.message for commit in project.git.commits(one.commit_shas).values()]
    found = [match["numbers"] for text in (one.description, *messages) for match in _CLOSES.finditer(text)]
    numbers = {int(number) for text in found for number in re.findall(r"#(\d+)", text)}
    return [project.issues[number] for number in sorted(numbers) if number in project.issues]


def _close_issues(world: World, project: Project, one: MergeRequest, user: User) -> None:
    """A merge into the default branch closes what the request says it closes."""
    if one.target_branch != project.default_branch:
        return
    for issue in closing(project, one):
        if issue.state == "opened":
            issue.state, issue.closed_at, issue.closed_by = "closed", world.clock.now(), user
            issue.updated_at = world.clock.now()
            told = (issue.id, issue.iid, issue.title)
            world.activity.event(project, user, "closed", target_type="Issue", target=told)


class NotFastForwardError(Exception):
    """The project wants linear history and the source branch is behind its target."""


class NotMergeableError(Exception):
    """A branch of the request is gone."""


def squashes(project: Project, wanted: bool) -> bool:
    """Whether a merge squashes. Source: app/models/merge_request.rb `squash_on_merge?`."""
    option = project.settings.squash_option
    return option == "always" or (wanted and option != "never")


def merge(
    world: World,
    project: Project,
    one: MergeRequest,
    user: User,
    *,
    squash: bool = False,
    message: str | None = None,
    squash_message: str | None = None,
    remove_source: bool = False,
) -> str:
    """Merge by the project's method and push; see `World.merge`. Returns the target branch's new head.

    Raises:
        NotFastForwardError: methods `ff` and `rebase_merge` need a source that contains its target.
        NotMergeableError: its source or target branch is gone.
    """
    git, method = project.git, project.settings.merge_method
    squash = squashes(project, squash)
    with git.lock:
        refresh(project, one)
        source, target = git.branch(one.source_branch), git.branch(one.target_branch)
        if source is None or target is None:
            gone = one.source_branch if source is None else one.target_branch
            raise NotMergeableError(f"no branch {gone} in {project.full_path}")
        if method != "merge" and not git.is_ancestor(target.commit, one.head_sha):
            raise NotFastForwardError(one.source_branch)
        tree = changes.merged_tree(git, target.commit, one.head_sha)
        signature = world.signature(user)
        second = one.head_sha
        if squash:
            second = changes.commit_tree(
                git, tree, [target.commit], squash_message or one.title, world.signature(one.author)
            )
            one.squash_commit_sha = second
        made = second
        if method != "ff":
            text = message or merge_message(project, one)
            made = one.merge_commit_sha = changes.commit_tree(git, tree, [target.commit, second], text, signature)
        moved = [changes.set_ref(git, target.full_name, made, target.commit)]
        one.state, one.merged_at, one.merge_user = "merged", signature.when, user
        one.updated_at, one.squash = signature.when, squash
        if remove_source and one.source_branch != project.default_branch:
            moved.append(changes.set_ref(git, source.full_name, BLANK, source.commit))
    world.activity.merge_request(project, one, user, "merge")
    world.activity.pushed(project, user, moved)
    _close_issues(world, project, one, user)
    return made


def create_tag(world: World, project: Project, name: str, ref: str, user: User, message: str = "") -> str:
    """Tag and push; see `World.create_tag`. Raises: ValueError when `ref` is missing or the tag exists."""
    with project.git.lock:
        target = project.git.resolve(ref)
        if target is None:
            raise ValueError(f"Target {ref} is invalid")
        if project.git.tag(name) is not None:
            raise ValueError(f"Tag {name} already exists")
        change = changes.create_tag(project.git, name, target, message, world.signature(user))
    world.activity.pushed(project, user, [change])
    return target


def remove_ref(world: World, project: Project, full_name: str, user: User) -> None:
    """Delete a branch or tag that exists, as a push of `user`."""
    known = project.git.refs()[full_name]
    world.activity.pushed(project, user, [changes.set_ref(project.git, full_name, BLANK, known.target)])


def taken_in(world: World, project: Project, user: User, change: RefChange) -> None:
    """After a branch moved: open requests from it follow it; open requests whose head it now contains are merged."""
    for one in list(project.merge_requests.values()):
        if one.state != "opened":
            continue
        if one.source_branch == change.name and change.after not in (BLANK, one.head_sha):
            old = one.head_sha
            refresh(project, one)
            one.updated_at = world.clock.now()
            world.activity.merge_request(project, one, user, "update", oldrev=old)
        elif (
            one.target_branch == change.name
            and change.after != BLANK
            and one.commit_shas
            and project.git.is_ancestor(one.head_sha, change.after)
        ):
            one.state, one.merged_at, one.merge_user = "merged", world.clock.now(), user
            one.updated_at = one.merged_at
            world.activity.merge_request(project, one, user, "merge")
            _close_issues(world, project, one, user)


def create_release(
    world: World, project: Project, tag: str, sha: str, name: str, description: str, author: User | None
) -> Release:
    """Record a release of a tag that exists."""
    now = world.clock.now()
    made = Release(tag=tag, name=name, description=description, author=author, sha=sha, created_at=now, released_at=now)
    project.releases[tag] = made
    return made

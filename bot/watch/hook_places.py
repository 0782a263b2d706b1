"""Where hooks of ours belong: one on a group where GitLab allows it, else one on each of its projects."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from bot.domain.hooks import HookPlace, PlaceKind
from bot.domain.refs import Project, matches_path
from bot.ports.gitlab import Projects
from bot.watch.scope import Scope


def group_place(path: str) -> HookPlace:
    """A group's place."""
    return HookPlace(kind=PlaceKind.GROUP, key=path, path=path)


def project_place(project: Project) -> HookPlace:
    """A project's place; it keeps its name when the project moves."""
    return HookPlace(kind=PlaceKind.PROJECT, key=str(project.id), path=project.full_path)


def named_groups(scope: Scope) -> list[str]:
    """The groups that are watched by name, those above before those below."""
    return sorted({group for group in scope.groups if group != "**"}, key=lambda group: (group.count("/"), group))


def lies_below(path: str, groups: Iterable[str]) -> bool:
    """Whether a group or project lies below one of the groups, or is one."""
    return any(path.casefold() == group.casefold() or matches_path(f"{group}/**", path) for group in groups)


def other_projects(projects: Projects, scope: Scope, *, membership: bool) -> Iterator[Project]:
    """Projects in scope that no named group brings: named ones, and all that we see where patterns or topics ask.

    Raises: TransientError, RefusedError.
    """
    for path in scope.projects:
        if "*" not in path:
            project = projects.project(path)
            if project is not None:
                yield project
    if "**" in scope.groups or scope.topics or any("*" in path for path in scope.projects):
        yield from projects.active_since(None, membership=membership)

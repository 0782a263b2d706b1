"""Which projects the bot looks after."""

from __future__ import annotations

from dataclasses import dataclass

from bot.domain.refs import Project, matches_path


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """`groups` are full paths with their subgroups, or `**`; `projects` and `exclude` are patterns; `topics` are exact.

    A project is in scope if any of the first three names it and no exclusion does.
    """

    groups: tuple[str, ...] = ()
    projects: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()

    def covers(self, project: Project) -> bool:
        """Whether the project is ours to watch."""
        path = project.full_path
        if self.excludes(project):
            return False
        return (
            any(group == "**" or matches_path(f"{group}/**", path) for group in self.groups)
            or any(matches_path(pattern, path) for pattern in self.projects)
            or any(topic in project.topics for topic in self.topics)
        )

    def excludes(self, project: Project) -> bool:
        """Whether it is not ours whatever else is true of it."""
        return project.archived or any(matches_path(pattern, project.full_path) for pattern in self.exclude)

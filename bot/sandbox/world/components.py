"""Projects that hold CI/CD components, as a pipeline sees them."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from bot.sandbox.world import access
from bot.sandbox.world.places import Project
from bot.sandbox.world.world import World


@dataclass(frozen=True, slots=True)
class Shelf:
    """One such project."""

    project: Project

    @property
    def repository(self) -> Path:
        """The bare repository."""
        return self.project.repository

    def resolve(self, name: str) -> str | None:
        """The commit of an id, a tag or a branch."""
        return None if self.project.git.empty() else self.project.git.resolve(name)

    def released(self) -> Iterable[str]:
        """Tags with a release. GitLab asks also for a setting of the project that is taken as given here."""
        return tuple(self.project.releases)


def component_project(world: World, path: str, user_id: int) -> Shelf | None:
    """The project of that full path, None if there is none whose code the user may read."""
    found = world.project_paths.get(path.lower())
    user = world.users.get(user_id)
    if found is None or not access.can_see(user, found) or not access.can_read_code(user, found):
        return None
    return Shelf(found)

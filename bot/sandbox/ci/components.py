"""Finds the components that a configuration includes: `$CI_SERVER_FQDN/group/project/name@version`, on this instance.

Source: doc/ci/components/_index.md, "Use a component" and "Component versions";
lib/gitlab/ci/components/instance_path.rb, app/services/ci/components/fetch_service.rb.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeAlias

from bot.sandbox.ci.document import Place
from bot.sandbox.ci.model import CiError
from bot.sandbox.ci.source import Source
from bot.sandbox.ci.variables import expand

LATEST = "~latest"
_ADDRESS = re.compile(r"(?P<host>[^/@]+)/(?P<project>[^@]+)/(?P<name>[^/@]+)@(?P<version>[^@]+)")
_VERSION = re.compile(r"(\d+)\.(\d+)\.(\d+)")
_NO_CATALOG = (
    "The ~latest version reference is not supported for non-catalog resources. "
    "Use a tag, branch, or commit SHA instead."
)
_PARTIAL = re.compile(r"\d+(\.\d+)?")


class ComponentProject(Protocol):
    """What is asked of the project that holds components."""

    @property
    def repository(self) -> Path: ...

    def resolve(self, name: str) -> str | None:
        """The commit of a full id, a tag or a branch, in that order; None if there is none."""

    def released(self) -> Iterable[str]:
        """Tags that have a release: the versions in the catalog."""


FindProject: TypeAlias = Callable[[str, int], ComponentProject | None]
"""The project of a full path, None if there is none that the user of this id may read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Components:
    """What the pipeline of a user may include; `variables` are those known before there are jobs."""

    variables: Mapping[str, str]
    user_id: int
    find: FindProject

    def __call__(self, address: str) -> Place:
        """The file of the component, and the repository at its version.

        Raises:
            CiError: another host, no such project, version or component.
        """
        expanded = expand(address, self.variables)
        parts = _ADDRESS.fullmatch(expanded)
        if parts is None or parts["host"] != self.variables.get("CI_SERVER_FQDN"):
            raise CiError([f"Component '{expanded}' - the component path is not supported"])
        project = self.find(parts["project"], self.user_id)
        if project is None:
            raise CiError([f"Component '{expanded}' - project does not exist or you don't have sufficient permissions"])
        if parts["version"] == LATEST and not any(project.released()):
            raise CiError([f"Component '{expanded}' - {_NO_CATALOG}"])
        sha = _commit(project, parts["version"])
        if sha is None:
            raise CiError([f"Component '{expanded}' - content not found"])
        source = Source(project.repository, sha)
        for path in (f"templates/{parts['name']}.yml", f"templates/{parts['name']}/template.yml"):
            text = source.read(path)
            if text is not None:
                return Place(text=text, read=source.read, files=lambda: source.files)
        raise CiError([f"Component '{expanded}' - content not found"])


def _commit(project: ComponentProject, version: str) -> str | None:
    """A commit id, tag or branch; else the newest release of a partial version, or of all for `~latest`."""
    if version != LATEST and (sha := project.resolve(version)) is not None:
        return sha
    if version != LATEST and not _PARTIAL.fullmatch(version):
        return None
    known = {tuple(map(int, found.groups())): tag for tag in project.released() if (found := _VERSION.fullmatch(tag))}
    wanted = () if version == LATEST else tuple(map(int, version.split(".")))
    fitting = [numbers for numbers in known if numbers[: len(wanted)] == wanted]
    return project.resolve(known[max(fitting)]) if fitting else None

"""The layers of policy that tighten what the organisation says: presets, groups, projects' own files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from bot.domain.freezes import Freeze
from bot.domain.strictness import Value

OWN_FILE = ".gitlab/ropewalk.yaml"
"""Where a project keeps a layer of its own."""
MOST_BYTES = 64 * 1024
"""Of such a file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """One key that a layer sets. `where` is its `FILE:LINE`."""

    key: str
    value: Value
    where: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """One layer. `name` is what people call it (`group acme/tools`, `preset strict`, `project acme/tools/widget`).

    With `own` it is a project's: what would be wider there is a fault that is told; elsewhere the stricter value of the
    organisation's own files simply holds.
    """

    name: str
    wishes: tuple[Wish, ...] = ()
    freezes: tuple[Freeze, ...] = ()
    own: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyText:
    """A project's own file as its protected default branch has it at the commit `sha`: `content`, of the blob `blob`.

    Without one `content` is None, and `fault` says what keeps it from being read if there may be one.
    """

    sha: str = ""
    blob: str = ""
    content: bytes | None = None
    fault: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnFile:
    """A project's own file as it was read: its layers, those it extends first; what is wrong with it; `words` name it
    with its commit. Neither is set of a project that has none.
    """

    layers: tuple[Layer, ...] = ()
    faults: tuple[str, ...] = ()
    words: str | None = None


class ProjectFiles(StrEnum):
    """What a fault in a project's own file does; with `ignore` no such file is read."""

    WARN = "warn"
    BLOCK = "block"
    IGNORE = "ignore"


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyLayers:
    """The layers that the organisation wrote: `presets` by name, each with those that it extends before it, and
    `groups` by path, with the presets that they extend.
    """

    presets: Mapping[str, tuple[Layer, ...]] = field(default_factory=lambda: MappingProxyType({}))
    groups: Mapping[str, tuple[Layer, ...]] = field(default_factory=lambda: MappingProxyType({}))
    files: ProjectFiles = ProjectFiles.IGNORE

    def of(self, project: str) -> tuple[Layer, ...]:
        """The layers of the groups above a project, by its full path; the nearest comes last."""
        path = f"{project}/".casefold()
        above = sorted((one for one in self.groups if path.startswith(f"{one}/".casefold())), key=len)
        return tuple(layer for one in above for layer in self.groups[one])


NO_LAYERS = PolicyLayers()

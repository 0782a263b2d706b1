"""Fakes of what builds from source; see bot.ports.builder."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from bot.ports.builder import BuildOrder, Built
from tests.fakes import Wire


@dataclass(slots=True)
class FakeArchives:
    """See bot.ports.builder.Archives. `trees` holds the packed tree of each (project, commit)."""

    folder: Path
    wire: Wire = field(default_factory=Wire)
    trees: dict[tuple[int, str], bytes] = field(default_factory=dict)
    count: int = 0

    def archive(self, project_id: int, sha: str) -> Path | None:
        """The tree, in a file of its own."""
        with self.wire.call("archive"):
            tree = self.trees.get((project_id, sha))
            if tree is None:
                return None
            self.count += 1
            path = self.folder / f"tree-{self.count}.tar.gz"
            path.write_bytes(tree)
            return path


@dataclass(slots=True)
class FakeBuilder:
    """See bot.ports.builder.Builder. `makes` holds what comes of each packed tree: an archive of files, or what is
    wrong; `asked` the order of builds.
    """

    folder: Path
    makes: dict[bytes, bytes | Built] = field(default_factory=dict)
    asked: list[BuildOrder] = field(default_factory=list)
    stands_in_the_way: str = ""

    def build(self, archive: Path, order: BuildOrder) -> Built:
        """What is to come of that tree."""
        if self.stands_in_the_way:
            return Built(files=None, problems=(self.stands_in_the_way,), again=True)
        self.asked.append(order)
        made = self.makes[archive.read_bytes()]
        if isinstance(made, Built):
            return made
        path = self.folder / f"built-{len(self.asked)}.zip"
        path.write_bytes(made)
        return Built(files=path)

    def obstacle(self) -> str:
        """What stands in the way."""
        return self.stands_in_the_way

"""How releases ended, in public and on record: what stories hold against one another."""

from __future__ import annotations

import re

from tests.stories.bot import Bot
from tests.stories.town import Package


def ending(bot: Bot, package: Package) -> dict[str, object]:
    """How a release ended, in public and on record, without what is its own (names, numbers, times, tries)."""
    (release,) = (one for one in bot.records() if one.project == package.project.full_path)
    return {
        "state": release.state,
        "gates": [(gate.name, gate.verdict) for gate in release.gates],
        "targets": [(target.name, target.state) for target in release.targets],
        "registry": [_plain(name, package) for name in package.registry()],
        "index": [_plain(name, package) for name in package.index()],
        "releases": [
            (
                one.name,
                _plain(one.description, package),
                sorted((_plain(link.name, package), _plain(link.url, package)) for link in one.links.values()),
            )
            for one in package.releases()
        ],
        "notes": {iid: [_plain(note.body, package) for note in notes] for iid, notes in package.notes().items()},
        "issues": [(one.title, one.state, _plain(one.description, package)) for one in package.project.issues.values()],
    }


def _plain(text: str, package: Package) -> str:
    for own, word in (
        (package.project.full_path, "PATH"),
        (package.name, "NAME"),
        (f"projects/{package.project.id}/", "projects/ID/"),
    ):
        text = text.replace(own, word)
    text = re.sub(r"<!-- ropewalk: .*?-->", "MARK", text)
    text = re.sub(r"\b[\d.]+\s(B|KiB)\b", "SIZE", text)
    text = re.sub(r"pipeline \[?#?\d+|pipelines/\d+", "PIPELINE", text)
    text = re.sub(r"\d{4}-\d\d-\d\d[T ][\d:]+(Z| UTC)", "TIME", text)
    return re.sub(r"\b[0-9a-f]{8,64}\b", "HASH", text)

"""Hold what was seen against how each release must end."""

from __future__ import annotations

import io
import shutil
import sys
from collections import Counter
from dataclasses import dataclass
from urllib.parse import quote

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from bot.cli.output import STATE_STYLE
from bot.cli.story.proof import Seen
from bot.domain.releases import Release, ReleaseState

SCHEMA = "ropewalk.demo/1"
FILES = 2  # a wheel and an sdist
PIPE_WIDTH = 120  # columns of the last table where no terminal says how many there are


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How one release ended. `faults` are sentences about what is not as it must be."""

    name: str
    release: Release
    seen: Seen
    seconds: float
    faults: tuple[str, ...]


def check(
    release: Release,
    seen: Seen,
    writes: Counter[tuple[str, str]],
    *,
    name: str,
    expected: ReleaseState,
    remedy: str,
    seconds: float,
) -> Ending:
    """Every promise of the story about one release."""
    published = expected is ReleaseState.PUBLISHED
    faults = _published(seen) if published else _not_published(seen, expected, remedy)
    if release.state is not expected:
        faults.append(f"ended {release.state.value} instead of {expected.value}: {release.next}")
    faults += [f"merge request !{iid} has {count} notes of ours" for iid, count in seen.notes.items() if count != 1]
    faults += _twice(release, seen, writes, published=published)
    return Ending(name=name, release=release, seen=seen, seconds=seconds, faults=tuple(faults))


def as_json(endings: list[Ending], seconds: float) -> dict[str, object]:
    """The last picture as a document; `proof` is what was read back, sha256 by file name."""
    releases = [
        {
            "project": ending.release.project,
            "ref": ending.release.id.ref,
            "version": ending.release.version,
            "state": ending.release.state.value,
            "where": {
                "registry": sorted(ending.seen.registry),
                "index": sorted(ending.seen.index),
                "gitlab_release": {"releases": ending.seen.releases, "links": ending.seen.links},
            },
            "told": [iid for iid, count in ending.seen.notes.items() if count],
            "proof": _proof(ending),
            "seconds": round(ending.seconds, 1),
            "next": ending.release.next,
            "faults": list(ending.faults),
        }
        for ending in endings
    ]
    ok = all(not ending.faults for ending in endings)
    return {"schema": SCHEMA, "releases": releases, "seconds": round(seconds, 1), "ok": ok}


def table(endings: list[Ending], *, color: bool) -> str:
    """The last picture, as wide as the terminal."""
    console = Console(
        file=io.StringIO(),
        force_terminal=color,
        no_color=not color,
        highlight=False,
        width=shutil.get_terminal_size((PIPE_WIDTH, 0)).columns if sys.stdout.isatty() else PIPE_WIDTH,
    )
    console.print(_table(endings))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().rstrip("\n")


def _table(endings: list[Ending]) -> Table:
    picture = Table(header_style="bold", title_justify="left", pad_edge=False)
    for title in ("package", "state", "registry", "index", "Release", "MRs told", "sha256 read back", "tag → end"):
        picture.add_column(title, overflow="fold")
    for ending in endings:
        seen, state = ending.seen, ending.release.state
        version = ending.release.version or ending.release.id.ref
        wheel = next((digest for name, digest in _proof(ending).items() if name.endswith(".whl")), "")
        picture.add_row(
            f"{escape(ending.name)} {escape(version)}",
            f"[{STATE_STYLE.get(state, 'blue')}]{state.value}[/]",
            _count(seen.registry),
            _count(seen.index) if state is ReleaseState.PUBLISHED else "-",
            f"✓ {seen.links} links" if seen.releases else "-",
            ", ".join(f"!{iid}" for iid in seen.notes),
            f"{wheel[:16]}…" if wheel else "-",
            f"{ending.seconds:.1f} s",
        )
    return picture


def _proof(ending: Ending) -> dict[str, str]:
    """What was read back of the release's own files, from the first index that has them."""
    published = ending.release.state is ReleaseState.PUBLISHED
    return ending.seen.registry or (ending.seen.index if published else {})


def _published(seen: Seen) -> list[str]:
    faults = []
    if len(seen.registry) != FILES or seen.registry != seen.index:
        faults.append(f"the indexes differ or lack files: {seen.registry} and {seen.index}")
    if seen.releases != 1 or seen.links != 2 * FILES:
        faults.append(f"there are {seen.releases} GitLab Releases with {seen.links} links")
    return faults


def _not_published(seen: Seen, expected: ReleaseState, remedy: str) -> list[str]:
    faults = []
    if seen.registry or (seen.index and expected is not ReleaseState.CONFLICT):
        faults.append(f"something was published: {seen.registry} {seen.index}")
    if seen.releases:
        faults.append("there is a GitLab Release")
    if remedy not in seen.note_text:
        faults.append(f"the note does not speak of {remedy!r}")
    return faults


def _twice(release: Release, seen: Seen, writes: Counter[tuple[str, str]], *, published: bool) -> list[str]:
    """What GitLab's own log says about how often things were written."""
    at = f"/api/v4/projects/{release.id.project_id}"
    expected = {("POST", f"{at}/merge_requests/{iid}/notes"): 1 for iid in seen.notes}
    expected[("POST", f"{at}/packages/pypi")] = FILES if published else 0
    expected[("POST", f"{at}/releases")] = 1 if published else 0
    return [
        f"{method} {quote(path)} was done {writes[method, path]} times instead of {times}"
        for (method, path), times in expected.items()
        if writes[method, path] != times
    ]


def _count(files: dict[str, str]) -> str:
    return f"✓ {len(files)} files" if files else "-"

"""Look at what a release changes against the files published before it. Reads published files, writes nothing."""

from __future__ import annotations

from packaging.version import Version

from bot.domain.anatomy import Difference, Differences
from bot.domain.distributions import parse_version
from bot.domain.errors import RefusedError, TransientError
from bot.ports.index import Anatomist
from bot.release.differences import Before, compare, fewer, kin, pairs, published_before
from bot.release.facts import Facts, Seen, Wanted

# Files of one release that are compared, and what their predecessors may weigh together: a turn must come to its end.
MOST_PAIRS = 40
MOST_BYTES = 512 * 1024 * 1024


def see_differences(anatomist: Anatomist, wanted: Wanted, facts: Facts) -> Differences:
    """What the files change against the last published ones, as far as the indexes that could be read list them.

    A file that cannot be read is told as such. Raises: TransientError, but only where policy holds on what is found.
    """
    ours = facts.files.value.files if facts.files else ()
    version = parse_version(ours[0].metadata.version) if ours else None
    before = None if version is None else _before(version, wanted, facts)
    if before is None:
        return Differences(since=None, index=None)
    seen = facts.indexes[before.index]
    assert isinstance(seen, Seen), "what was published before was found on an index that was seen"
    found: list[Difference] = [*fewer(ours, before)]
    unread: list[str] = []
    same = pairs(ours, before)
    matched = (*same, *kin(ours, before))
    compared = weight = 0
    for number, (mine, theirs) in enumerate(matched[:MOST_PAIRS]):
        if weight > MOST_BYTES:
            break
        compared += 1
        try:
            old = anatomist.published(seen.value.place, theirs)
            weight += old.size
            found += compare(old, anatomist.kept(mine), kin=number >= len(same))
        except RefusedError as error:
            unread.append(f"{mine.filename} cannot be compared with {theirs.filename}: {error.what}")
        except TransientError as error:
            if wanted.rule.hold_on:
                raise
            unread.append(f"{mine.filename} cannot be compared with {theirs.filename}: {error.what}")
    if len(matched) > compared:
        rest = len(matched) - compared
        unread.append(f"{rest} more {'file is' if rest == 1 else 'files are'} not compared")
    return Differences(
        since=str(before.version), index=before.index, found=tuple(dict.fromkeys(found)), unread=tuple(unread)
    )


def _before(version: Version, wanted: Wanted, facts: Facts) -> Before | None:
    listed = [(spec.name, facts.indexes.get(spec.name)) for spec in wanted.indexes]
    return published_before(version, ((name, seen.value.files) for name, seen in listed if isinstance(seen, Seen)))

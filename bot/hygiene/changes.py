"""What a change of CI files does to a project's hygiene: the rules on both sides of it, and what differs. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import TypeAlias

from bot.domain.ci import CiFacts, CiInclude, CiUnknown
from bot.domain.findings import Finding, HygieneChange, Waiver
from bot.domain.verdicts import Verdict
from bot.hygiene.catalogue import Rule
from bot.hygiene.facts import ProjectFacts
from bot.hygiene.select import ordered
from bot.hygiene.waivers import covers

Ci: TypeAlias = CiFacts | CiUnknown | None

MOST_INCLUDES = 20  # files of the project that its CI file takes in; more are not looked at
LONGEST_PATH = 500  # characters
# Of a file that is taken in: when its jobs run, the file that takes it in has a say in.
_NOT_ALONE = ("RW204", "RW205")


def local_files(*sides: Ci) -> tuple[str, ...]:
    """The files of its own project that a CI file takes in by name, on either side of a change."""
    includes = (one for ci in sides if isinstance(ci, CiFacts) for one in ci.included)
    named = (one.path for one in includes if not one.varies and _plausible(one.path))
    return tuple(dict.fromkeys(named))[:MOST_INCLUDES]


def unseen(before: Mapping[str, Ci], after: Mapping[str, Ci]) -> bool:
    """Whether a job may have moved to where nobody looked. Both maps have all files that were looked at.

    That is another file of this project, one that cannot be read, or anything from elsewhere that was not taken in
    before. GitLab's templates are no place to move to.
    """
    known = {_told(one) for ci in before.values() if isinstance(ci, CiFacts) for one in ci.included}
    for ci in after.values():
        if isinstance(ci, CiUnknown):
            return True
        for one in ci.included if ci is not None else ():
            if one.kind == "local" and (one.varies or one.path not in after):
                return True
            if one.kind not in ("local", "template") and _told(one) not in known:
                return True
    return False


def _told(one: CiInclude) -> CiInclude:
    return replace(one, line=None)


def hygiene_change(
    facts: ProjectFacts,
    before: Mapping[str, Ci],
    after: Mapping[str, Ci],
    rules: Sequence[Rule],
    *,
    moved: bool = False,
) -> HygieneChange:
    """What differs. Both maps have the files that changed; None stands for one that is not there.

    Where jobs may have `moved` to what nobody looked at, nothing is said to be gone.

    The files are judged as they stand, includes unmerged: what a merge request takes in from elsewhere is not fetched
    with our rights, for whoever reads our note may not have them.
    """
    added: list[Finding] = []
    removed: list[Finding] = []
    unreadable: list[tuple[str, str]] = []
    for path in sorted(after):
        used = rules if path == facts.ci_path else _alone(rules)
        old = _failing(replace(facts, ci=before.get(path), ci_path=path), used)
        new = _failing(replace(facts, ci=after[path], ci_path=path), used)
        there = after[path]
        if isinstance(there, CiUnknown):
            if not isinstance(before.get(path), CiUnknown):
                unreadable.append((path, there.reason))
            continue
        added += [one for identity, one in new.items() if identity not in old]
        removed += [one for identity, one in old.items() if identity not in new and not moved]
    return HygieneChange(added=ordered(added), removed=ordered(removed), unreadable=tuple(unreadable))


def accepted(change: HygieneChange, waivers: Iterable[Waiver], today: date) -> HygieneChange:
    """The change without what somebody accepts on that day (UTC)."""
    held = tuple(waiver for waiver in waivers if today <= waiver.expires)

    def told(findings: Iterable[Finding]) -> tuple[Finding, ...]:
        return tuple(one for one in findings if not any(covers(waiver, one) for waiver in held))

    return replace(change, added=told(change.added), removed=told(change.removed))


def _plausible(path: str) -> bool:
    """Whether a file can be called so: whoever writes what GitLab chokes on must not be spared a look by it."""
    return bool(path) and len(path) <= LONGEST_PATH and path.isprintable() and ".." not in path.split("/")


def _alone(rules: Iterable[Rule]) -> list[Rule]:
    return [rule for rule in rules if rule.info.id.startswith("RW2") and rule.info.id not in _NOT_ALONE]


def _failing(facts: ProjectFacts, rules: Iterable[Rule]) -> dict[str, Finding]:
    found = (one for rule in rules for one in rule.judge(facts))
    return {one.identity: one for one in found if one.verdict is Verdict.FAIL}

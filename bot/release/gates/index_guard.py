"""Every index is looked at before the first upload: the same name with other bytes stops, and so does not knowing."""

from __future__ import annotations

from bot.domain.distributions import Distribution, IndexFile
from bot.domain.verdicts import Consequence, GateResult, Verdict
from bot.release.facts import Facts, IndexFacts, Look, LookKind, Unreadable, Wanted
from bot.release.identity import identity, of_version

NAME = "index_guard"


def judge(wanted: Wanted, facts: Facts) -> GateResult | Look:
    """Pass if each file is absent from, or identical on, each index."""
    if facts.files is None:
        return Look(LookKind.FILES)
    if facts.files.value.problems:
        return GateResult(name=NAME, verdict=Verdict.NOT_APPLICABLE, reason="there are no usable distributions")
    if facts.bare and facts.names is None:
        return Look(LookKind.NAMES)
    there: list[str] = []
    clashes: list[str] = []
    blind: list[str] = []
    for spec in wanted.indexes:
        seen = facts.indexes.get(spec.name)
        if seen is None:
            return Look(LookKind.INDEX, index=spec.name)
        if isinstance(seen, Unreadable):
            blind.append(f"cannot tell what stands on {spec.name} ({seen.reason}), so nothing is uploaded")
            continue
        for file in facts.files.value.files:
            if sentence := _clash(file, seen.value, spec.name):
                clashes.append(sentence)
            elif seen.value.lists(file) is not None:
                there.append(f"{file.filename} on {spec.name}")
        if facts.bare:
            there += [f"{file.filename} on {spec.name}" for file in _of_version(wanted, facts, seen.value)]
    return _judged(clashes, blind, there, bare=facts.bare)


def _judged(clashes: list[str], blind: list[str], there: list[str], *, bare: bool) -> GateResult:
    """All that was found on all indexes, so that a person learns it at once: what clashes before what was not seen."""
    if clashes:
        reason = "; ".join([*clashes, *blind]) + ". Nothing is overwritten: release a new version"
        return GateResult(name=NAME, verdict=Verdict.FAIL, reason=reason, consequence=Consequence.CONFLICT)
    if blind:
        return GateResult(name=NAME, verdict=Verdict.UNKNOWN, reason="; ".join(blind), consequence=Consequence.BLOCK)
    same = f"identical already: {', '.join(there)}" if there else "no such file on any index yet"
    if bare:
        same = f"there already: {', '.join(there)}" if there else "nothing of this version on any index yet"
    return GateResult(name=NAME, verdict=Verdict.PASS, reason=same)


def _of_version(wanted: Wanted, facts: Facts, index: IndexFacts) -> tuple[IndexFile, ...]:
    metadata = identity(wanted, facts)
    return of_version(metadata, index) if metadata is not None else ()


def _clash(file: Distribution, index: IndexFacts, name: str) -> str:
    for listed in index.files:
        if listed.filename == file.filename and listed.sha256 not in (None, file.sha256):
            return (
                f"{file.filename} already stands on {name} with other bytes "
                f"(there sha256 {listed.sha256[:12]}…, here {file.sha256[:12]}…)"
            )
    return ""

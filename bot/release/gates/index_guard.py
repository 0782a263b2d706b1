"""Every index is looked at before the first upload: the same name with other bytes stops, and so does not knowing."""

from __future__ import annotations

from bot.domain.distributions import Distribution
from bot.domain.verdicts import Consequence, GateResult, Verdict
from bot.release.facts import Facts, IndexFacts, Look, LookKind, Unreadable, Wanted

NAME = "index_guard"


def judge(wanted: Wanted, facts: Facts) -> GateResult | Look:
    """Pass if each file is absent from, or identical on, each index."""
    if facts.files is None:
        return Look(LookKind.FILES)
    if facts.files.value.problems:
        return GateResult(name=NAME, verdict=Verdict.NOT_APPLICABLE, reason="there are no usable distributions")
    there: list[str] = []
    for spec in wanted.indexes:
        seen = facts.indexes.get(spec.name)
        if seen is None:
            return Look(LookKind.INDEX, index=spec.name)
        if isinstance(seen, Unreadable):
            return GateResult(
                name=NAME,
                verdict=Verdict.UNKNOWN,
                reason=f"cannot tell what stands on {spec.name} ({seen.reason}), so nothing is uploaded",
                consequence=Consequence.BLOCK,
            )
        clash = [sentence for file in facts.files.value.files if (sentence := _clash(file, seen.value, spec.name))]
        if clash:
            return GateResult(
                name=NAME,
                verdict=Verdict.FAIL,
                reason="; ".join(clash) + ". Nothing is overwritten: release a new version",
                consequence=Consequence.CONFLICT,
            )
        identical = (file.filename for file in facts.files.value.files if seen.value.lists(file) is not None)
        there += [f"{filename} on {spec.name}" for filename in identical]
    same = f"identical already: {', '.join(there)}" if there else "no such file on any index yet"
    return GateResult(name=NAME, verdict=Verdict.PASS, reason=same)


def _clash(file: Distribution, index: IndexFacts, name: str) -> str:
    for listed in index.files:
        if listed.filename == file.filename and listed.sha256 not in (None, file.sha256):
            return (
                f"{file.filename} already stands on {name} with other bytes "
                f"(there sha256 {listed.sha256[:12]}…, here {file.sha256[:12]}…)"
            )
    return ""

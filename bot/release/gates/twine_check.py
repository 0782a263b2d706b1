"""`twine check --strict`, always, before any upload."""

from bot.domain.verdicts import Consequence, GateResult, Verdict
from bot.release.facts import Facts, Look, LookKind, Wanted

NAME = "twine_check"


def judge(wanted: Wanted, facts: Facts) -> GateResult | Look:
    """Fail with what twine, or our own reading of the archive, objects to."""
    del wanted
    if facts.files is None:
        return Look(LookKind.FILES)
    if facts.files.value.problems:
        return GateResult(name=NAME, verdict=Verdict.NOT_APPLICABLE, reason="there are no usable distributions")
    files = facts.files.value.files
    wrong = [f"{file.filename}: {file.problem}" for file in files if file.problem]
    if wrong:
        return GateResult(
            name=NAME,
            verdict=Verdict.FAIL,
            reason="; ".join(wrong) + ". Mend the metadata and push a new tag; nothing was uploaded",
            consequence=Consequence.BLOCK,
        )
    return GateResult(name=NAME, verdict=Verdict.PASS, reason=f"{len(files)} files pass twine check --strict")

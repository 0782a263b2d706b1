"""`twine check --strict`, always, before any upload."""

from bot.domain.refs import RefKind
from bot.domain.verdicts import Consequence, GateResult, Verdict
from bot.release.facts import Facts, Look, LookKind, Wanted

NAME = "twine_check"


def judge(wanted: Wanted, facts: Facts) -> GateResult | Look:
    """Fail with what twine, or our own reading of the archive, objects to."""
    if facts.files is None:
        return Look(LookKind.FILES)
    if facts.files.value.problems:
        return GateResult(name=NAME, verdict=Verdict.NOT_APPLICABLE, reason="there are no usable distributions")
    if facts.bare:
        reason = "the pipeline uploads and keeps no file to check: `twine check --strict` belongs into its job"
        return GateResult(name=NAME, verdict=Verdict.NOT_APPLICABLE, reason=reason)
    files = facts.files.value.files
    again = "push a new tag" if wanted.id.kind is RefKind.TAG else "merge that"
    wrong = [f"{file.filename}: {file.problem.rstrip('.')}" for file in files if file.problem]
    if wrong:
        return GateResult(
            name=NAME,
            verdict=Verdict.FAIL,
            reason="; ".join(wrong) + f". Mend the metadata and {again}; nothing was uploaded",
            consequence=Consequence.BLOCK,
        )
    return GateResult(name=NAME, verdict=Verdict.PASS, reason=f"{len(files)} files pass twine check --strict")

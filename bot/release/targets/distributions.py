"""The files themselves: found, kept, readable."""

from bot.domain.releases import TargetState, TargetStatus
from bot.release.facts import Facts, Look, LookKind
from bot.release.targets import Assessment

NAME = "distributions"


def assess(facts: Facts) -> Assessment | Look:
    """Done once the files are kept; failed with every problem found in the artifacts."""
    if facts.files is None:
        return Look(LookKind.FILES)
    gathered = facts.files.value
    if gathered.problems:
        reason = ". ".join(problem.rstrip(".") for problem in gathered.problems)
        return Assessment(status=TargetStatus(name=NAME, state=TargetState.FAILED, reason=reason))
    names = ", ".join(file.filename for file in gathered.files)
    return Assessment(status=TargetStatus(name=NAME, state=TargetState.DONE, reason=names))

"""The files themselves: found, kept, readable."""

from bot.domain.policy import Source
from bot.domain.releases import TargetState, TargetStatus
from bot.release import steering
from bot.release.facts import Facts, Look, LookKind, Wanted
from bot.release.sources import source_of
from bot.release.targets import Assessment

NAME = "distributions"


def assess(wanted: Wanted, facts: Facts) -> Assessment | Look:
    """Done once the files are kept; failed with every problem found in the artifacts.

    Of a pipeline that publishes by itself the files are what its jobs upload.
    """
    if source_of(wanted, facts) is Source.PIPELINE:
        return steering.assess(wanted, facts)
    if facts.files is None:
        return Look(LookKind.FILES)
    gathered = facts.files.value
    if gathered.problems:
        reason = ". ".join(problem.rstrip(".") for problem in gathered.problems)
        return Assessment(status=TargetStatus(name=NAME, state=TargetState.FAILED, reason=reason))
    names = ", ".join(file.filename for file in gathered.files)
    return Assessment(status=TargetStatus(name=NAME, state=TargetState.DONE, reason=names))

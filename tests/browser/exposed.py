"""What the page about exposure shows in tests: made by the real judgement, of facts that are made up."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from bot.domain.estate import Schedule, Trigger
from bot.hygiene.exposure import exposures
from bot.web.dashboard.exposure import ExposureLook
from tests.unit.hygiene_facts import access, ci, job, place, variable


def exposed(at: datetime, key: str = "TWINE_PASSWORD") -> ExposureLook:
    """A credential that is kept badly, and one that is not."""
    jobs = ci(job(), job("test", environment=None, publishes=False))
    open_to = access(
        triggers=(Trigger(id=4, description="", owner="ada"),), schedules=(Schedule(id=1, ref="main", active=True),)
    )
    bad = place(variable(key, masked=False, protected=False, hidden=False, scope="*"), ci=jobs, access=open_to)
    good = place(variable("PYPI_TOKEN", scope="pypi"), ci=jobs, access=access())
    found = (*exposures(bad, key), *exposures(good, "PYPI_TOKEN"))
    return ExposureLook(at=at, exposures=tuple(replace(one) for one in found), unread=("variables of group acme",))

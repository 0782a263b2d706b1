"""The waivers file: findings that somebody accepts until a date."""

from __future__ import annotations

from bot.domain.findings import Waiver
from bot.settings.reading import Reading
from bot.settings.shape import WaiverSection


def read_waivers(reading: Reading) -> tuple[Waiver, ...]:
    """All waivers of a file, in its order. Whether a rule of that name exists is for the audit to say: it has them."""
    value = reading.tree.data.get("waivers", [])
    if not isinstance(value, list):
        remedy = "Write `- rule: RW101` and its other keys under it"
        reading.problem(("waivers",), "`waivers` must be a list of waivers", remedy)
        return ()
    waivers = []
    for place, entry in enumerate(value):
        path = ("waivers", place)
        section = reading.section(WaiverSection, path, entry)
        if section is not None:
            waivers.append(
                Waiver(
                    rule=section.rule,
                    project=section.project,
                    resource=section.resource,
                    owner=section.owner,
                    reason=section.reason,
                    expires=section.expires,
                    where=reading.tree.where(path),
                )
            )
    return tuple(waivers)

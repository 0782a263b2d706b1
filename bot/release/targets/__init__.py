"""What must exist at the end, one file each.

Every module assesses its target: how far it is and what is still to do, or the Look it needs first.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from bot.domain.releases import Receipt, TargetStatus
from bot.release.actions import Action


@dataclass(frozen=True, slots=True, kw_only=True)
class Assessment:
    """How far one target is. `actions` are what is to be done now, `again` when to come back if nothing is.

    `receipt` proves a note that a look found in place; `held` says that a rate limit holds up this one and its like.
    `retried` says that it did not work and is tried again, however long that takes.
    """

    status: TargetStatus
    actions: tuple[Action, ...] = ()
    again: timedelta | None = None
    receipt: Receipt | None = None
    held: bool = False
    retried: bool = False

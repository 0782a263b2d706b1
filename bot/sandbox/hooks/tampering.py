"""What may happen to a hook on its way, on demand: it is lost, held back, sent twice, or overtaken by later ones."""

import re
from dataclasses import dataclass, field
from enum import StrEnum

from bot.sandbox.draw import Draw
from bot.sandbox.world.settings import Hook


class Tampering(StrEnum):
    """What is done to deliveries."""

    DROP = "drop"
    HOLD = "hold"
    DOUBLE = "double"
    REORDER = "reorder"


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    """Something to deliver: which hook, what for, and the body with its idempotency key."""

    hook: Hook
    trigger: str
    event: str
    body: bytes = field(repr=False)
    key: str


@dataclass(slots=True, kw_only=True, eq=False)
class HookFault:
    """Tampering with the deliveries whose trigger (`tag_push_events`) matches.

    `reorder` waits for `count` of them and sends the last one first.
    """

    id: int
    kind: Tampering
    trigger: re.Pattern[str]
    draw: Draw
    count: int = 2
    waiting: list[Parcel] = field(default_factory=list)

    def strikes(self, parcel: Parcel) -> bool:
        """Whether this delivery is hit; counts it."""
        return self.trigger.search(parcel.trigger) is not None and self.draw.hit()


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldParcel:
    """A delivery that waits for its release."""

    id: int
    parcel: Parcel

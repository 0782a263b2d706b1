"""Worlds to begin with: organisations that a sandbox may hold when it starts."""

from collections.abc import Callable

from bot.sandbox.world import World
from bot.sandbox.worlds import acme


def _empty(world: World) -> None:
    """Nothing but the root user that every sandbox has."""
    del world


WORLDS: dict[str, Callable[[World], None]] = {"acme": acme.build, "empty": _empty}

"""What people decide on the command line comes into the ledger, with who they are, in the transaction that does it."""

from __future__ import annotations

import os
import pwd
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bot.app import App


def caller() -> str:
    """Who types, as this machine knows them, which is all a command line knows of them.

    It is their access to the bot's state that lets them decide.
    """
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # a container's user that no file names
        return f"uid {os.getuid()}"


def noted(bot: App, verb: str, place: str, words: str) -> None:
    """Note what somebody decided, within `bot.store.database.gather()` with what it does: both are stored, or neither.

    `place` is a release's key, or how the keys of what it is about begin.
    """
    from bot.engine.consents import spoken

    bot.store.journal.commanded(spoken(bot.clock(), verb, place, f"{words}, on the command line"))

"""The bot as a whole."""

from __future__ import annotations

from bot.app.auditing import Auditing
from bot.app.commanding import Commanding
from bot.app.proposing import Proposing
from bot.app.signing_in import SigningIn
from bot.app.watching import Watching


class App(Commanding, Watching, Auditing, Proposing, SigningIn):
    """The bot, put together from its settings. Asks nobody until it is used; `close` it at the end."""

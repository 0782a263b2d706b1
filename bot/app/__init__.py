"""The one place where a port meets its adapter."""

from bot.app.auditing import Auditing
from bot.app.commanding import Commanding
from bot.app.proposing import Proposing
from bot.app.releasing import Found
from bot.app.signing_in import SigningIn
from bot.app.watching import Watching

__all__ = ["App", "Found"]


class App(Commanding, Watching, Auditing, Proposing, SigningIn):
    """The bot, put together from its settings. Asks nobody until it is used; `close` it at the end."""

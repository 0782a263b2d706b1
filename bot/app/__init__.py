"""The one place where a port meets its adapter."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bot.app.releasing import Found
    from bot.app.whole import App

__all__ = ["App", "Found"]


def __getattr__(name: str) -> object:
    """What is asked for, once it is: commands that need only `bot.app.records` do not wait for the rest."""
    match name:
        case "App":
            from bot.app.whole import App

            return App
        case "Found":
            from bot.app.releasing import Found

            return Found
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

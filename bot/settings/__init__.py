"""Files and environment to frozen settings and the domain's policy."""

from bot.settings.examples import ExampleName, example, schema, schema_of
from bot.settings.finding import find
from bot.settings.loading import check, load
from bot.settings.model import GitlabSettings, Listener, Settings, SqliteState, WatchSettings

__all__ = [
    "ExampleName",
    "GitlabSettings",
    "Listener",
    "Settings",
    "SqliteState",
    "WatchSettings",
    "check",
    "example",
    "find",
    "load",
    "schema",
    "schema_of",
]

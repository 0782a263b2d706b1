"""Which file is the configuration."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from bot.domain.errors import ConfigError
from bot.settings.problems import shown
from bot.settings.reading import locate

CONFIG_VARIABLE = "ROPEWALK_CONFIG"
CONFIG_NAME = "ropewalk.yaml"


def find(path: Path | None, environ: Mapping[str, str], cwd: Path) -> Path:
    """The absolute path of the configuration.

    Raises: ConfigError when there is none.
    """
    if path is not None:
        return _existing(cwd, str(path), "--config")
    if environ.get(CONFIG_VARIABLE):
        return _existing(cwd, environ[CONFIG_VARIABLE], f"${CONFIG_VARIABLE}")
    found = locate(cwd, CONFIG_NAME)
    if found is None:
        remedy = f"Make one with `ropewalk config init`, or name one with `--config` or ${CONFIG_VARIABLE}"
        raise ConfigError("there is no configuration", shown(str(cwd / CONFIG_NAME), 300), remedy)
    return found


def _existing(cwd: Path, text: str, named_by: str) -> Path:
    found = locate(cwd, text)
    if found is None:
        what = f"the configuration that {named_by} names is not a file"
        remedy = "Correct the path, or make one with `ropewalk config init`"
        raise ConfigError(what, shown(str(cwd / text), 300), remedy)
    return found

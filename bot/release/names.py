"""The distribution name a project declares for itself, read from its own metadata files as text."""

from __future__ import annotations

import configparser
import tomllib

# In the order in which build front ends believe them.
METADATA_FILES = ("pyproject.toml", "setup.cfg")


def declared_name(path: str, text: str) -> str | None:
    """The name that `pyproject.toml` (PEP 621, poetry) or `setup.cfg` states, or None if it states none."""
    if path == "pyproject.toml":
        return _from_toml(text)
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        parser.read_string(text)
    except configparser.Error:
        return None
    return parser.get("metadata", "name", fallback="").strip() or None


def _from_toml(text: str) -> str | None:
    try:
        document = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError):
        return None
    tool = document.get("tool")
    poetry = tool.get("poetry") if isinstance(tool, dict) else None
    for table in (document.get("project"), poetry):
        name = table.get("name") if isinstance(table, dict) else None
        if isinstance(name, str) and name:
            return name
    return None

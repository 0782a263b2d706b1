"""The name and version a project states for itself, read from its own metadata files as text; nothing is run."""

from __future__ import annotations

import ast
import configparser
import tomllib
from dataclasses import dataclass

# In the order in which build front ends believe them.
METADATA_FILES = ("pyproject.toml", "setup.cfg", "setup.py")
LONGEST_PROGRAM = 64 * 1024  # characters of a setup.py that is read


@dataclass(frozen=True, slots=True, kw_only=True)
class Stated:
    """What a file states in plain words; None for what it does not state, or computes."""

    name: str | None = None
    version: str | None = None


def stated(path: str, text: str) -> Stated:
    """The name and version that `pyproject.toml` (PEP 621, poetry), `setup.cfg` or a literal of `setup.py` states."""
    if path == "pyproject.toml":
        return _from_toml(text)
    if path == "setup.py":
        return _from_program(text)
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        parser.read_string(text)
    except configparser.Error:
        return Stated()
    version = parser.get("metadata", "version", fallback="").strip()
    computed = version.startswith(("attr:", "file:"))
    return Stated(
        name=parser.get("metadata", "name", fallback="").strip() or None,
        version=None if computed else version or None,
    )


def declared_name(path: str, text: str) -> str | None:
    """The name alone, see `stated`."""
    return stated(path, text).name


def _from_toml(text: str) -> Stated:
    try:
        document = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError):
        return Stated()
    tool = document.get("tool")
    poetry = tool.get("poetry") if isinstance(tool, dict) else None
    for table in (document.get("project"), poetry):
        name = table.get("name") if isinstance(table, dict) else None
        if isinstance(table, dict) and isinstance(name, str) and name:
            version = table.get("version")
            return Stated(name=name, version=version if isinstance(version, str) and version else None)
    return Stated()


def _from_program(text: str) -> Stated:
    """The literals that `setup(…)` is called with; the program is parsed and never run."""
    if len(text) > LONGEST_PROGRAM:
        return Stated()
    try:
        tree = ast.parse(text)
        calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and _called(node.func) == "setup"]
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return Stated()
    if len(calls) != 1:
        return Stated()
    given = {
        keyword.arg: keyword.value.value
        for keyword in calls[0].keywords
        if isinstance(keyword.value, ast.Constant) and isinstance(keyword.value.value, str)
    }
    return Stated(name=given.get("name") or None, version=given.get("version") or None)


def _called(function: ast.expr) -> str:
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""

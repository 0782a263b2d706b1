"""Which commands upload distributions, and which make them."""

from __future__ import annotations

from collections.abc import Iterable

from bot.domain.ci import CiCommand

_UPLOADS = {
    ("twine", "upload"): "twine",
    ("uv", "publish"): "uv",
    ("poetry", "publish"): "poetry",
    ("flit", "publish"): "flit",
    ("pdm", "publish"): "pdm",
    ("hatch", "publish"): "hatch",
    ("rye", "publish"): "rye",
    ("maturin", "publish"): "maturin",
    ("maturin", "upload"): "maturin",
    ("devpi", "upload"): "devpi",
    ("ropewalk", "publish"): "ropewalk",
}
_BUILDS = frozenset(
    {("uv", "build"), ("poetry", "build"), ("flit", "build"), ("pdm", "build"), ("hatch", "build"), ("rye", "build")}
    | {("maturin", "build"), ("pip", "wheel")}
)
_BUILDERS = frozenset({"build", "pyproject-build", "cibuildwheel"})


def publisher_of(commands: Iterable[CiCommand]) -> str:
    """The program that uploads distributions; empty where none does. A dry run uploads nothing."""
    for command in commands:
        name = _publisher(command.words)
        if name:
            return name
    return ""


def _publisher(words: tuple[str, ...]) -> str:
    if "--dry-run" in words or "--help" in words:
        return ""
    if words[:1] == ("setup.py",):
        return "setup.py" if "upload" in words else ""
    program, subcommand = _subcommand(words)
    return _UPLOADS.get((program, subcommand), "")


def builds(commands: Iterable[CiCommand]) -> bool:
    """Whether any of them makes distributions."""
    return any(_builds(command.words) for command in commands)


def _builds(words: tuple[str, ...]) -> bool:
    if not words:
        return False
    if words[0] == "setup.py":
        return bool({"sdist", "bdist_wheel", "bdist_egg", "bdist"} & set(words))
    return words[0] in _BUILDERS or _subcommand(words) in _BUILDS


def _subcommand(words: tuple[str, ...]) -> tuple[str, str]:
    """The program and its first argument that is no option."""
    if not words:
        return "", ""
    return words[0], next((word for word in words[1:] if not word.startswith("-")), "")

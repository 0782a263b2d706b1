"""What a command really runs, beneath `sudo`, `env`, `python -m`, `uv run` and the like."""

from __future__ import annotations

import re
from dataclasses import dataclass

from bot.domain.ci import CiAssignment

_PYTHON = re.compile(r"(?:py|python[0-9.]*|pypy[0-9.]*)(?:\.exe)?")
_BARE = frozenset({"sudo", "exec", "command", "nohup", "time", "nice", "ionice", "stdbuf", "builtin", "xvfb-run"})
_TIMED = frozenset({"timeout"})
# Options of xargs that take the next word with them.
_XARGS_TAKES = frozenset({"-a", "-d", "-E", "-I", "-L", "-n", "-P", "-s"})
_RUNNERS = {("poetry", "run"), ("pdm", "run"), ("hatch", "run"), ("uv", "run"), ("pipx", "run"), ("rye", "run")}
# Options of the runners above that take the next word with them.
_TAKES_WORD = frozenset(
    {"--with", "--from", "--python", "-p", "--spec", "--extra", "--group", "--env-file", "-u", "-C"}
)
_ASSIGNS = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)=(.*)", re.DOTALL)
_MOST_LAYERS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Unwrapped:
    """A command without wrappers: `assigns` is what `env NAME=value` sets, `installs` what uvx and the like fetch."""

    words: tuple[str, ...]
    assigns: tuple[CiAssignment, ...]
    installs: tuple[str, ...]


def unwrap(words: tuple[str, ...]) -> Unwrapped:
    """The words without wrappers; the program loses its folder.

    `python -m twine check` is `twine check`; `python setup.py sdist` is `setup.py sdist`; `env` alone stays `env`.
    """
    assigns: list[CiAssignment] = []
    installs: list[str] = []
    for _ in range(_MOST_LAYERS):
        installs += _fetched(words)
        inner = _inner(words, assigns)
        if inner == words:
            break
        words = inner
    if words:
        words = (words[0].rsplit("/", 1)[-1] or words[0], *words[1:])
    return Unwrapped(words=words, assigns=tuple(assigns), installs=tuple(installs))


def _fetched(words: tuple[str, ...]) -> tuple[str, ...]:
    """What a runner fetches to run something: `uvx twine@7.0.0`, `pipx run --spec twine==7.0.0 twine`."""
    depth = 1 if words[:1] == ("uvx",) else 3 if words[:3] == ("uv", "tool", "run") else 0
    depth = depth or (2 if words[:2] == ("pipx", "run") else 0)
    rest = words[depth:]
    if not depth or not rest:
        return ()
    named = [rest[at + 1] for at, word in enumerate(rest[:-1]) if word in ("--from", "--spec")]
    return tuple(named[:1]) or _without_options(rest)[:1]


def _inner(words: tuple[str, ...], assigns: list[CiAssignment]) -> tuple[str, ...]:
    if len(words) < 2:
        return words
    program, rest = words[0].rsplit("/", 1)[-1], words[1:]
    if program == "env":
        inner = _assigned(_without_options(rest), assigns)
        return inner or words
    if program in _BARE:
        return _without_options(rest) or words
    if program in _TIMED:
        return _without_options(rest)[1:] or words
    if program == "xargs":
        return _without_options(rest, _XARGS_TAKES) or words
    if program == "uvx":
        return _at(_without_options(rest)) or words
    if words[:3] == ("uv", "tool", "run"):
        return _at(_without_options(words[3:])) or words
    if (program, rest[0]) in _RUNNERS:
        return _at(_without_options(rest[1:])) or words
    if (program, rest[0]) == ("uv", "pip"):
        return rest
    if _PYTHON.fullmatch(program):
        return _python(rest) or words
    return words


def _python(rest: tuple[str, ...]) -> tuple[str, ...]:
    for at, word in enumerate(rest):
        if word == "-m":
            return rest[at + 1 :]
        if not word.startswith("-"):
            return rest[at:] if word.rsplit("/", 1)[-1] == "setup.py" else ()
    return ()


def _without_options(words: tuple[str, ...], takes: frozenset[str] = _TAKES_WORD) -> tuple[str, ...]:
    at = 0
    while at < len(words) and words[at].startswith("-"):
        at += 2 if words[at] in takes else 1
    return words[at:]


def _at(words: tuple[str, ...]) -> tuple[str, ...]:
    """`twine@6.2` of uvx, and `twine==6.2` of pipx, are still twine."""
    if not words:
        return words
    return (re.split(r"[@=<>~!\[]", words[0], maxsplit=1)[0] or words[0], *words[1:])


def _assigned(words: tuple[str, ...], assigns: list[CiAssignment]) -> tuple[str, ...]:
    at = 0
    while at < len(words) and (match := _ASSIGNS.fullmatch(words[at])):
        assigns.append(CiAssignment(name=match[1], value=match[2]))
        at += 1
    return words[at:]

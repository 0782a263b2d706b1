"""Secrets come from an environment variable or a file that the configuration names, never from the configuration."""

from __future__ import annotations

import re
import stat
from dataclasses import dataclass, field

from bot.domain.secrets import Secret
from bot.settings.problems import shown
from bot.settings.reading import Reading, name
from bot.settings.tree import KeyPath

TOKEN_VARIABLE = "ROPEWALK_GITLAB_TOKEN"  # noqa: S105  (the name of a variable)
MARKER_KEY_VARIABLE = "ROPEWALK_MARKER_KEY"
HOOK_SECRET_VARIABLE = "ROPEWALK_HOOK_SECRET"  # noqa: S105  (the name of a variable)
MAX_SECRET_BYTES = 64 * 1024  # a token has some dozens; this bounds the reading of a wrong file


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """One secret to look for.

    `above` is the section and `stem` the key without `_env` or `_file`. `default` is the variable to look into when
    neither key is given. With `absence` a named variable need not be set: a warning then ends in these words.
    """

    above: KeyPath
    stem: str
    env: str | None
    file: str | None
    default: str | None = None
    absence: str | None = None


@dataclass(slots=True)
class Credentials:
    """Reads secrets and remembers which environment variables held them."""

    variables: list[str] = field(default_factory=list)

    def read(self, reading: Reading, wanted: Wanted) -> Secret | None:
        """The secret, or None: then it was not asked for, or a problem says what is wrong."""
        env_key, file_key = f"{wanted.stem}_env", f"{wanted.stem}_file"
        if wanted.env is not None and wanted.file is not None:
            what = f"both `{env_key}` and `{file_key}` are given"
            reading.problem((*wanted.above, env_key), what, f"Keep one; `{file_key}` is safer")
            return None
        if wanted.file is not None:
            return self._from_file(reading, (*wanted.above, file_key), wanted.file)
        if wanted.env is not None:
            return self._from_variable(reading, (*wanted.above, env_key), wanted.env, wanted.absence)
        if wanted.default is not None and reading.environ.get(wanted.default) is not None:
            return self._from_variable(reading, (*wanted.above, env_key), wanted.default, None)
        return None

    def _from_variable(self, reading: Reading, path: KeyPath, variable: str, absence: str | None) -> Secret | None:
        value = reading.environ.get(variable)
        if value is None and absence is not None:
            reading.warn(path, f"the environment variable {_spoken(variable)} is not set; {absence}.")
            return None
        if value is None:
            what = f"the environment variable {_spoken(variable)} is not set"
            reading.problem(path, what, f"Set it, or name a file with `{_file_key(path)}`")
            return None
        if variable not in self.variables:
            self.variables.append(variable)
        return _checked(reading, path, f"the environment variable {_spoken(variable)}", value)

    def _from_file(self, reading: Reading, path: KeyPath, text: str) -> Secret | None:
        target = reading.file(path, text)
        if target is None:
            return None
        spoken = f"the file `{shown(str(target), 200)}`"
        try:
            if target.stat().st_mode & stat.S_IROTH:
                reading.warn(path, f"{spoken} can be read by every user of this machine; use `chmod o-r`.")
            with target.open("rb") as stream:
                raw = stream.read(MAX_SECRET_BYTES + 1)
        except OSError as error:
            reading.problem(
                path, f"{spoken} cannot be read: {error.strerror}", "Give the bot's user the right to read it"
            )
            return None
        if len(raw) > MAX_SECRET_BYTES:
            reading.problem(path, f"{spoken} is longer than any secret", "Name the file that holds the secret alone")
            return None
        try:
            return _checked(reading, path, spoken, raw.decode("utf-8-sig"))
        except UnicodeDecodeError:
            reading.problem(path, f"{spoken} is not text", "Name the file that holds the secret alone")
            return None


def _checked(reading: Reading, path: KeyPath, spoken: str, raw: str) -> Secret | None:
    """The value without line breaks at its end; one line of text, for it goes into HTTP headers."""
    value = raw.rstrip("\r\n")
    if not value.strip():
        reading.problem(path, f"{spoken} is empty", f"Put the secret of {name(path)} there")
        return None
    if not value.isprintable():
        reading.problem(
            path, f"{spoken} holds several lines or control characters", "Put the secret there, on one line"
        )
        return None
    if value != value.strip():
        reading.problem(path, f"{spoken} begins or ends with a space", "Put the secret there without it")
        return None
    return Secret(value)


def _spoken(variable: str) -> str:
    """A variable's name, unless it is not spelled like one: somebody may have pasted the secret itself."""
    usual = re.fullmatch(r"[A-Z_][A-Z0-9_]{0,79}", variable)
    return f"`{variable}`" if usual else "named here (not shown: it is not spelled like a variable's name)"


def _file_key(path: KeyPath) -> str:
    return str(path[-1]).removesuffix("_env") + "_file"

"""Where the state is: a SQLite file, or a PostgreSQL database that any number of processes share."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

from bot.domain.errors import ConfigError
from bot.domain.secrets import Secret
from bot.settings.addresses import is_loopback, sqlite_state
from bot.settings.credentials import Credentials, Wanted
from bot.settings.model import PostgresState, SqliteState
from bot.settings.problems import listed
from bot.settings.reading import Reading
from bot.settings.shape import Document

STATE_PASSWORD_VARIABLE = "ROPEWALK_STATE_PASSWORD"  # noqa: S105  (the name of a variable)
FILES = "ropewalk.files"
_PATH = ("state",)
_SHARED = ("postgresql:", "postgresql+", "postgres:")
_OPTIONS = ("sslmode", "sslrootcert", "target_session_attrs")
_SAFE_MODES = ("require", "verify-ca", "verify-full")
_MODES = ("disable", "allow", "prefer", *_SAFE_MODES)
_TARGETS = ("any", "read-write", "primary")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Server:
    """What a `postgresql://` address says; `host` and `port` may be lists with commas, as libpq takes them."""

    host: str
    port: str
    user: str
    database: str
    options: tuple[tuple[str, str], ...]


def read_state(main: Reading, credentials: Credentials) -> SqliteState | PostgresState | None:
    """`state` and the keys beside it; None when any has a problem."""
    text = main.tree.data.get("state", Document.model_fields["state"].default)
    files = main.tree.data.get("files")
    before = len(main.problems.errors)
    if files is not None and (not isinstance(files, str) or not files.strip()):
        main.problem(("files",), "`files` must be the path of a folder", "Name it, or leave the key out")
        files = None
    folder = main.folder / files if isinstance(files, str) else None
    shared = isinstance(text, str) and text.startswith(_SHARED)
    password = _password(main, credentials, shared=shared)
    try:
        if not isinstance(text, str):
            raise ValueError("must be a text, for example `sqlite:///ropewalk.db`")
        if not shared:
            state: SqliteState | PostgresState = sqlite_state(text, main.folder, folder)
        else:
            server = _server(text)
            if not _private(server):
                main.warn(_PATH, "`state` crosses the network unencrypted, or may do so; add `?sslmode=verify-full`.")
            state = _postgres(server, password, folder or main.folder / FILES)
    except ValueError as error:
        main.problem(_PATH, f"`state` {error}")
        return None
    return state if len(main.problems.errors) == before else None


def state_at(text: str, folder: Path, password: Secret | None) -> SqliteState | PostgresState:
    """A state that is named outside a configuration. Raises: ConfigError."""
    try:
        if not text.startswith(_SHARED):
            return sqlite_state(text, folder)
        return _postgres(_server(text), password, folder / FILES)
    except ValueError as error:
        raise ConfigError(what=str(error), where=text) from None


def _password(main: Reading, credentials: Credentials, *, shared: bool) -> Secret | None:
    """What `state_password_env` or `state_password_file` name; a password nobody would use is a mistake."""
    given = {key: main.tree.data.get(key) for key in ("state_password_env", "state_password_file")}
    for key, value in given.items():
        if value is not None and (not isinstance(value, str) or not value):
            main.problem((key,), f"`{key}` must be a text", "Name a variable or a file, or leave the key out")
            return None
        if value is not None and not shared:
            main.problem((key,), f"`{key}` is of no use: `state` is a file", "Remove it")
            return None
    if not shared:
        return None
    env, file = (str(value) if value is not None else None for value in given.values())
    default = STATE_PASSWORD_VARIABLE
    return credentials.read(main, Wanted(above=(), stem="state_password", env=env, file=file, default=default))


def _postgres(server: _Server, password: Secret | None, files: Path) -> PostgresState:
    shown = f"postgresql://{server.user}@{_pairs(server)}/{server.database}"
    words = {"host": server.host, "port": server.port, "user": server.user, "dbname": server.database}
    words |= dict(server.options)
    return PostgresState(words=tuple(words.items()), password=password, shown=shown, files=files)


def _pairs(server: _Server) -> str:
    pairs = zip(server.host.split(","), server.port.split(","), strict=True)
    return ",".join(f"[{host}]:{port}" if ":" in host else f"{host}:{port}" for host, port in pairs)


def _server(text: str) -> _Server:
    """Raises: ValueError with a sentence's end ("must …")."""
    form = "must be `postgresql://USER@HOST[:PORT]/DATABASE`"
    parts = urlsplit(text)
    if parts.scheme != "postgresql" or any(c.isspace() for c in text):
        raise ValueError(form)
    user, at, places = parts.netloc.rpartition("@")
    if ":" in user:
        raise ValueError("must not carry a password; name it with `state_password_file` or `state_password_env`")
    database = unquote(parts.path.removeprefix("/"))
    if not (at and user and places and database) or "/" in database or parts.fragment:
        raise ValueError(form)
    hosts, ports = zip(*(_place(place, form) for place in places.split(",")), strict=True)
    return _Server(
        host=",".join(hosts),
        port=",".join(ports),
        user=unquote(user),
        database=database,
        options=_options(parts.query, several=len(hosts) > 1),
    )


def _place(text: str, form: str) -> tuple[str, str]:
    found = re.fullmatch(r"(?:\[([0-9A-Fa-f:.]+)\]|([^:\[\]@]+))(?::([0-9]{1,5}))?", text)
    if found is None or int(found[3] or 1) not in range(1, 65_536):
        raise ValueError(form)
    return found[1] or unquote(found[2]), found[3] or "5432"


def _options(query: str, *, several: bool) -> tuple[tuple[str, str], ...]:
    try:
        given = parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query))
    except ValueError:
        raise ValueError(f"must have options of the form `?{_OPTIONS[0]}=…`") from None
    options = dict(given)
    if len(options) < len(given) or not options.keys() <= set(_OPTIONS):
        raise ValueError(f"may have the options {listed(_OPTIONS)}, each once")
    for key, allowed in (("sslmode", _MODES), ("target_session_attrs", _TARGETS)):
        if options.get(key, allowed[0]) not in allowed:
            raise ValueError(f"must have one of {listed(allowed)} as `{key}`")
    if several:
        options.setdefault("target_session_attrs", "read-write")  # else a standby that answers first would be taken
    return tuple(options.items())


def _private(server: _Server) -> bool:
    """Whether nobody on the way can read along."""
    near = all(host.startswith("/") or is_loopback(host) for host in server.host.split(","))
    return near or dict(server.options).get("sslmode") in _SAFE_MODES

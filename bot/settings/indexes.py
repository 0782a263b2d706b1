"""`indexes` to the domain's specs of them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta

from bot.domain.policy import (
    IndexKind,
    IndexSpec,
)
from bot.settings.addresses import proxy_url, web_url
from bot.settings.credentials import Credentials, Wanted
from bot.settings.reading import Reading, name
from bot.settings.shape import (
    IndexSection,
)
from bot.settings.tree import KeyPath

_TOKEN_USER = "__token__"  # noqa: S105  (a user name)
_INDEX_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.\-]{0,62}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Indexes:
    """What `indexes` gives: the good ones, and the names of all, so that a broken one is not told twice."""

    specs: tuple[IndexSpec, ...]
    names: tuple[str, ...]


def read_indexes(reading: Reading, credentials: Credentials) -> Indexes:
    """All entries of `indexes`, in the file's order."""
    value = reading.tree.data.get("indexes", {})
    if not isinstance(value, dict):
        reading.problem(
            ("indexes",), "`indexes` must be a mapping of names to indexes", "Write `NAME: {kind: gitlab}` under it"
        )
        return Indexes(specs=(), names=())
    specs = []
    for key, entry in value.items():
        path = ("indexes", key)
        if not _INDEX_NAME.fullmatch(key):
            reading.problem(path, f"{name(path)} must be a short name of letters, digits, `.`, `_` and `-`")
        section = reading.section(IndexSection, path, entry)
        if section is not None and (spec := _index(reading, credentials, path, section)) is not None:
            specs.append(spec)
    return Indexes(specs=tuple(specs), names=tuple(value))


def _index(reading: Reading, credentials: Credentials, path: KeyPath, section: IndexSection) -> IndexSpec | None:
    kind = _kind(reading, path, section)
    if kind is None:
        return None
    password = credentials.read(
        reading, Wanted(above=path, stem="password", env=section.password_env, file=section.password_file)
    )
    ca_file = reading.file((*path, "ca_file"), section.ca_file) if section.ca_file is not None else None
    return IndexSpec(
        name=str(path[-1]),
        kind=kind,
        upload_url=_index_url(reading, (*path, "upload_url"), section.upload_url),
        simple_url=_index_url(reading, (*path, "simple_url"), section.simple_url),
        username=_username(reading, path, section, kind),
        password=password,
        ca_file=str(ca_file) if ca_file is not None else None,
        proxy=read_proxy(reading, path, section.proxy),
        attestations=_attestations(reading, path, section, kind),
        retry_for=section.retry_for or timedelta(),
    )


def _attestations(reading: Reading, path: KeyPath, section: IndexSection, kind: IndexKind) -> bool:
    """Whether attestations go along: a mistake where none can arrive, a warning where they will be refused."""
    if not section.attestations:
        return False
    if kind is IndexKind.GITLAB:
        what = f"{name(path)} is GitLab's registry, which takes no attestations"
        reading.problem((*path, "attestations"), what, "Leave it out")
    if kind in (IndexKind.PYPI, IndexKind.TESTPYPI):
        what = f"{name(path)} takes attestations only from Trusted Publishing, which `source: pipeline` uses"
        reading.warn((*path, "attestations"), f"{what}: with a token it refuses the files of a job that made some.")
    return section.attestations


def _kind(reading: Reading, path: KeyPath, section: IndexSection) -> IndexKind | None:
    """Which of the three forms an index has."""
    has_urls = section.upload_url is not None or section.simple_url is not None
    forms = [section.kind is not None, section.repository is not None, has_urls]
    if sum(forms) != 1:
        which = "does not say" if not any(forms) else "says more than once"
        remedy = "Give `kind: gitlab`, or `repository: pypi` or `testpypi`, or `upload_url` with `simple_url`"
        reading.problem(path, f"{name(path)} {which} what kind of index it is", remedy)
        return None
    if section.kind is not None:
        return IndexKind.GITLAB
    if section.repository is not None:
        return IndexKind(section.repository)
    if section.upload_url is None or section.simple_url is None:
        missing = "upload_url" if section.upload_url is None else "simple_url"
        why = "every upload is proved by reading it back" if missing == "simple_url" else "twine uploads there"
        reading.problem(path, f"{name(path)} has no `{missing}`", f"Add it: {why}")
        return None
    return IndexKind.SIMPLE


def _index_url(reading: Reading, path: KeyPath, text: str | None) -> str | None:
    """An index's URL as written but for its scheme: some servers tell `/` at the end from none."""
    if text is None:
        return None
    try:
        _, safe = web_url(text)
    except ValueError as error:
        reading.problem(path, f"{name(path)} {error}")
        return None
    if not safe:
        reading.problem(path, f"{name(path)} is plain http to another machine", "Use https")
    return text


def _username(reading: Reading, path: KeyPath, section: IndexSection, kind: IndexKind) -> str | None:
    """The name to sign in with; `__token__` where PyPI's token names no user."""
    has_password = section.password_env is not None or section.password_file is not None
    if section.username is not None:
        if not has_password:
            reading.problem((*path, "username"), f"{name(path)} has a `username` and no password", "Add `password_env`")
        return section.username
    if not has_password:
        return None
    if section.password_env == "TWINE_TOKEN":  # noqa: S105  (the name of a variable)
        reading.warn(
            (*path, "password_env"),
            f"{name(path)} takes TWINE_TOKEN as the password of `{_TOKEN_USER}`; twine itself never reads it.",
        )
        return _TOKEN_USER
    if kind in (IndexKind.PYPI, IndexKind.TESTPYPI):
        return _TOKEN_USER
    reading.problem(
        path, f"{name(path)} has a password and no `username`", f"Add it; for a token often `{_TOKEN_USER}`"
    )
    return None


def read_proxy(reading: Reading, above: KeyPath, text: str | None) -> str | None:
    """The proxy of a section."""
    if text is None:
        return None
    try:
        return proxy_url(text)
    except ValueError as error:
        reading.problem((*above, "proxy"), f"{name((*above, 'proxy'))} {error}")
        return None

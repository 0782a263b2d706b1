"""What a variable's name says: whether it publishes, whether it is a secret. Values are never known.

The one definition for the release's gate, for the audit and for the reader of CI files.

Whoever cries wolf over `TOKEN_URL` is not listened to over `PYPI_TOKEN`: names that only speak of a secret (where it
is, how long it lives) are plain settings.
"""

from __future__ import annotations

import re
from enum import StrEnum
from functools import lru_cache
from itertools import pairwise

from bot.domain.verdicts import Severity

_PUBLISHING = frozenset({"TWINE", "PYPI", "TESTPYPI"})
_SECRET = frozenset(
    {
        "PASSWORD",
        "PASSWD",
        "PASSWORDS",
        "PASSPHRASE",
        "PASS",
        "PWD",
        "TOKEN",
        "TOKENS",
        "SECRET",
        "SECRETS",
        "KEY",
        "APIKEY",
        "CREDENTIAL",
        "CREDENTIALS",
        "CREDS",
        "PAT",
        "PYPIRC",
        "NETRC",
    }
)
_SECRET_KEYS = frozenset({"API", "PRIVATE", "SECRET", "ACCESS", "SIGNING", "ENCRYPTION", "SSH", "GPG"})
_USER = frozenset({"USERNAME", "USER", "LOGIN"})
# What follows a secret's word and makes it speak of the secret only: where it is, what it is called, how long it lives.
_ABOUT = frozenset(
    {
        "URL", "URI", "HOST", "ENDPOINT", "SERVER", "PATH", "FILE", "DIR", "NAME", "ID", "TYPE", "TTL", "LENGTH",
        "EXPIRY", "EXPIRES", "LIFETIME", "SIZE", "REGION", "ENABLED", "COUNT", "PREFIX", "VERSION", "FORMAT", "HEADER",
        "ISSUER", "AUDIENCE", "ALIAS", "STORE", "POLICY", "FIELD", "FINGERPRINT", "RING",
    }
)  # fmt: skip
# What precedes it and does the same.
_PLAIN_BEFORE = frozenset({"PUBLIC", "PUB", "CACHE", "SORT", "PRIMARY", "FOREIGN", "PARTITION", "MAX", "NUM"})


class Kind(StrEnum):
    """What a name stands for."""

    CREDENTIAL = "credential"
    USER = "user name"
    SETTING = "setting"


@lru_cache(maxsize=8192)
def words(key: str) -> tuple[str, ...]:
    """The parts of a name, in capitals: `pypiToken` and `PYPI_TOKEN` are the same two."""
    apart = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", key)
    return tuple(part for part in re.split(r"[^A-Z0-9]+", apart.upper()) if part)


@lru_cache(maxsize=8192)
def kind(key: str) -> Kind:
    """Whether a name is that of a credential, of a user name, or of a plain setting."""
    parts = words(key)
    for place, part in enumerate(parts):
        if part in _SECRET:
            after, before = parts[place + 1 :], parts[:place]
            if any(word in _ABOUT for word in after) or any(word in _PLAIN_BEFORE for word in before):
                return Kind.SETTING
            return Kind.CREDENTIAL
    return Kind.USER if any(part in _USER for part in parts) else Kind.SETTING


@lru_cache(maxsize=8192)
def publishes(key: str) -> bool:
    """Whether a name is that of a publishing variable: it speaks of twine or PyPI."""
    return any(part in _PUBLISHING for part in words(key))


def severity(key: str, *, named: bool = False) -> Severity | None:
    """How bad it is if this publishing variable can be read; None for variables that give nothing away.

    One that policy names is a credential whatever it is called, unless it is called a user name.
    """
    match kind(key):
        case Kind.CREDENTIAL:
            return Severity.HIGH
        case Kind.USER:
            return Severity.LOW
        case Kind.SETTING:
            return Severity.HIGH if named else None


@lru_cache(maxsize=8192)
def names_secret(name: str) -> bool:
    """Whether a literal value under that name is a secret: as `kind`, but a key must say that it is a secret one.

    CI files are full of keys that are none (`SONAR_PROJECT_KEY: acme_widget`).
    """
    parts = words(name)
    if kind(name) is not Kind.CREDENTIAL:
        return False
    if any(part in _SECRET and part != "KEY" for part in parts):
        return True
    return any(one in _SECRET_KEYS and two == "KEY" for one, two in pairwise(parts))

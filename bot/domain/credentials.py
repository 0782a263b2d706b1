"""What makes a value or an option a credential; told from plain settings before anybody shouts."""

from __future__ import annotations

import re
from collections.abc import Iterator

_THROWAWAY = re.compile(r"^(?:POSTGRES|PG|MYSQL|MARIADB|MONGO|REDIS|RABBITMQ|MINIO|NEO4J|ELASTIC|DB|DATABASE|TEST)")
_PLAIN = re.compile(r"(?i)true|false|yes|no|on|off|none|null|[0-9]{1,5}|https?://[^@]*|[./~].*|pypi|testpypi")


def names_throwaway(name: str) -> bool:
    """Whether it is the password of a database or the like, which tests bring up and throw away."""
    return bool(_THROWAWAY.match(name.upper()))


def literal_secret(value: str) -> bool:
    """Whether the value of a secret variable is itself a secret, and not empty, a setting, a path or a variable."""
    return len(value) >= 4 and "$" not in value and not _PLAIN.fullmatch(value)


# Options whose value is a secret, for the programs that know them; "" stands for every program.
_OPTIONS = {
    "": frozenset({"--password", "--token", "--api-key", "--api-token", "--auth-token", "--secret", "--private-token"}),
    "twine": frozenset({"-p"}),
    "docker": frozenset({"-p"}),
    "podman": frozenset({"-p"}),
    "buildah": frozenset({"-p"}),
    "helm": frozenset({"-p"}),
    "sshpass": frozenset({"-p"}),
    "uv": frozenset({"-t", "-p"}),
    "poetry": frozenset({"-p"}),
    "pdm": frozenset({"-P"}),
    "hatch": frozenset({"-a", "--auth"}),
}
_CONTAINERS = frozenset({"docker", "podman", "buildah"})  # of which `-p` names a port elsewhere
_ATTACHED = frozenset({"twine"})  # takes `-pSECRET`
HEADER = re.compile(
    r"((?:PRIVATE-TOKEN|JOB-TOKEN|DEPLOY-TOKEN|X-API-KEY|Authorization)\s*:\s*(?:Bearer|Basic|token)?\s*)([^\s\"']{6,})",
    re.IGNORECASE,
)
"""A request header that authenticates; its second group is the credential or the variable that holds it."""
_USER_OPTIONS = {"curl": frozenset({"-u", "--user", "--proxy-user"}), "wget": frozenset({"--http-password"})}


def secret_options(words: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """The options of a command that hand over a secret, with its value as it stands in the words."""
    program = words[0] if words else ""
    known = _OPTIONS[""] | _OPTIONS.get(program, frozenset())
    users = _USER_OPTIONS.get(program, frozenset())
    for at, word in enumerate(words[1:], 1):
        name, equals, value = word.partition("=")
        following = words[at + 1] if at + 1 < len(words) else ""
        if not equals:
            value = following
        if name in known and not (name == "-p" and program in _CONTAINERS and "login" not in words):
            yield name, value
        elif word[:2] in known and not word.startswith("--") and program in _ATTACHED:
            yield word[:2], word[2:]
        elif name in users and ":" in value:
            yield name, value.partition(":")[2]


def is_header(word: str) -> bool:
    """Whether an argument is a request header that authenticates."""
    return HEADER.match(word) is not None

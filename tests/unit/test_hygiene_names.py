"""Secrets are told from plain settings by their names."""

from __future__ import annotations

import pytest

from bot.hygiene.names import Kind, kind, publishes

CREDENTIALS = [
    "TWINE_PASSWORD", "TWINE_TOKEN", "PYPI_TOKEN", "TEST_PYPI_API_TOKEN", "TESTPYPI_TOKEN", "AWS_SECRET_ACCESS_KEY",
    "SSH_PRIVATE_KEY", "DB_PASS", "GITHUB_PAT", "SLACK_API_KEY", "PYPIRC", "pypiToken", "DOCKER_CREDENTIALS",
]  # fmt: skip
USERS = ["TWINE_USERNAME", "PYPI_USER", "REGISTRY_LOGIN"]
SETTINGS = [
    "TWINE_REPOSITORY_URL", "TWINE_CERT", "PYPI_TOKEN_URL", "TOKEN_ENDPOINT", "SSH_PUBLIC_KEY", "CACHE_KEY", "KEY_ID",
    "PASSWORD_LENGTH", "MONKEY", "TOKENIZER_MODEL", "COMPASS", "DEPLOY_REGION", "KEYBOARD", "SECRET_NAME", "PATTERN",
    "PASSWORD_FILE", "MAX_TOKENS", "_", "",
]  # fmt: skip


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        *((key, Kind.CREDENTIAL) for key in CREDENTIALS),
        *((key, Kind.USER) for key in USERS),
        *((key, Kind.SETTING) for key in SETTINGS),
    ],
)
def test_a_name_says_what_it_holds(key: str, expected: Kind) -> None:
    """As a person would read it."""
    assert kind(key) is expected


def test_publishing_names_speak_of_twine_or_pypi() -> None:
    """Wherever the word stands, and nowhere within another."""
    assert all(map(publishes, ("TWINE_PASSWORD", "PYPI_TOKEN", "TEST_PYPI_TOKEN", "CI_TWINE_PASSWORD", "pypiToken")))
    assert not any(map(publishes, ("INTERTWINED_TOKEN", "PYPIFY", "DEPLOY_TOKEN")))

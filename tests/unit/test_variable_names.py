"""Secrets are told from plain settings by their names."""

from __future__ import annotations

import pytest

from bot.domain.variable_names import Kind, kind, names_secret, publishes, severity
from bot.domain.verdicts import Severity

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


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        *((name, True) for name in ("TWINE_PASSWORD", "PYPI_TOKEN_PROD", "API_KEY", "SSH_PRIVATE_KEY", "SECRET_KEY")),
        *((name, False) for name in ("SONAR_PROJECT_KEY", "CACHE_KEY", "TOKEN_URL", "KEY", "TWINE_USERNAME", "REGION")),
    ],
)
def test_a_literal_is_a_secret_only_where_its_name_says_so(name: str, expected: bool) -> None:
    """CI files are full of keys that open nothing."""
    assert names_secret(name) is expected


@pytest.mark.parametrize(
    ("key", "named", "expected"),
    [
        ("PYPI_TOKEN", False, Severity.HIGH),
        ("PYPI_USER", False, Severity.LOW),
        ("TWINE_CERT", False, None),
        ("ARTIFACTORY_UPLOAD", True, Severity.HIGH),
        ("UPLOAD_USER", True, Severity.LOW),
    ],
)
def test_what_policy_names_is_a_credential_whatever_it_is_called(
    key: str, named: bool, expected: Severity | None
) -> None:
    assert severity(key, named=named) is expected


def test_publishing_names_speak_of_twine_or_pypi() -> None:
    """Wherever the word stands, and nowhere within another."""
    assert all(map(publishes, ("TWINE_PASSWORD", "PYPI_TOKEN", "TEST_PYPI_TOKEN", "CI_TWINE_PASSWORD", "pypiToken")))
    assert not any(map(publishes, ("INTERTWINED_TOKEN", "PYPIFY", "DEPLOY_TOKEN")))

"""What a CI job's environment is taken for: the job, where files go, and every way in which something is missing."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from bot.domain.errors import ConfigError
from bot.domain.policy import IndexKind
from bot.domain.refs import RefKind
from bot.domain.secrets import Secret
from bot.settings.job import Destination, Wish, destination, running_job, secrets_of

JOB = {
    "GITLAB_CI": "true",
    "CI_JOB_ID": "31",
    "CI_JOB_NAME": "publish",
    "CI_JOB_TOKEN": "glcbt-64_0123456789abcdef",
    "CI_API_V4_URL": "https://gitlab.example.com/api/v4",
    "CI_PROJECT_ID": "7",
    "CI_PROJECT_PATH": "acme/tools/widget",
    "CI_PROJECT_URL": "https://gitlab.example.com/acme/tools/widget",
    "CI_COMMIT_SHA": "0a1b2c3d" * 5,
    "CI_COMMIT_REF_NAME": "v1.1.0",
    "CI_COMMIT_TAG": "v1.1.0",
    "CI_COMMIT_REF_PROTECTED": "true",
}
URL = Wish(to="https://index.example.com/upload/", simple_url="https://index.example.com/simple/")
PASSWORD: dict[str, str | None] = {"TWINE_USERNAME": "robot", "TWINE_PASSWORD": "correct horse battery"}


def with_job(changes: Mapping[str, str | None]) -> dict[str, str]:
    """The job's environment with changes; None takes a variable away."""
    return {name: value for name, value in {**JOB, **changes}.items() if value is not None}


def aim(wish: Wish, changes: Mapping[str, str | None]) -> Destination:
    environ = with_job(changes)
    return destination(environ, running_job(environ), wish)


def test_a_tag_and_a_branch_are_told_apart() -> None:
    job = running_job(JOB)
    assert (job.kind, job.ref, job.project_id, job.gitlab_url) == (
        RefKind.TAG,
        "v1.1.0",
        7,
        "https://gitlab.example.com",
    )
    branch = running_job(JOB | {"CI_COMMIT_TAG": "", "CI_COMMIT_REF_NAME": "main", "CI_COMMIT_REF_PROTECTED": "false"})
    assert (branch.kind, branch.ref, branch.ref_protected) == (RefKind.BRANCH, "main", False)


@pytest.mark.parametrize(
    ("source", "target", "fork"), [("7", "7", False), ("9", "7", True), ("", "", False), ("9", "", False)]
)
def test_a_merge_request_of_another_project_is_from_a_fork(source: str, target: str, fork: bool) -> None:
    environ = JOB | {"CI_MERGE_REQUEST_SOURCE_PROJECT_ID": source, "CI_MERGE_REQUEST_PROJECT_ID": target}
    assert running_job(environ).from_fork is fork


def test_the_registry_takes_the_job_token() -> None:
    spec = aim(Wish(to="registry"), {}).spec
    shown = (spec.kind, spec.username, spec.password)
    assert shown == (IndexKind.GITLAB, "gitlab-ci-token", Secret(JOB["CI_JOB_TOKEN"]))
    assert spec.ca_file is None
    assert aim(Wish(to="registry"), {"CI_SERVER_TLS_CA_FILE": "/ca.pem"}).spec.ca_file == "/ca.pem"


@pytest.mark.parametrize("index", ["pypi", "testpypi"])
def test_an_id_token_is_better_than_a_password(index: str) -> None:
    variable = f"{index.upper()}_ID_TOKEN"
    found = aim(Wish(to=index), PASSWORD | {variable: "e30.e30.x"})
    assert (found.variable, found.id_token, found.spec.password) == (variable, Secret("e30.e30.x"), None)
    assert found.said == ("TWINE_PASSWORD is not used: the job's ID token is better, TWINE_PASSWORD can be deleted",)


def test_without_an_id_token_an_api_token_serves() -> None:
    found = aim(Wish(to="pypi"), {"TWINE_PASSWORD": "pypi-AgEIcHlwaS5vcmc"})
    shown = (found.id_token, found.spec.username, found.spec.password)
    assert shown == (None, "__token__", Secret("pypi-AgEIcHlwaS5vcmc"))


def test_twine_token_is_understood_and_said() -> None:
    found = aim(URL, {"TWINE_TOKEN": "correct horse battery"})
    assert (found.spec.username, found.spec.password) == ("__token__", Secret("correct horse battery"))
    (said,) = found.said
    assert said.startswith("TWINE_TOKEN is no variable of twine's") and "horse" not in said


REFUSED: list[tuple[str, Wish, dict[str, str | None], str]] = [
    ("no job", Wish(to="registry"), {"GITLAB_CI": None}, "publish: this is no job of GitLab CI (GITLAB_CI and"),
    ("no job token", Wish(to="registry"), {"CI_JOB_TOKEN": ""}, "CI_JOB_TOKEN: is not set"),
    ("no API address", Wish(to="registry"), {"CI_API_V4_URL": None}, "CI_API_V4_URL: is not set"),
    ("an odd API address", Wish(to="registry"), {"CI_API_V4_URL": "https://x/"}, "CI_API_V4_URL: does not end with"),
    ("an odd project", Wish(to="registry"), {"CI_PROJECT_ID": "../7"}, "CI_PROJECT_ID: is no number"),
    (
        "no id_tokens",
        Wish(to="pypi"),
        {},
        "job publish: there is neither an ID token nor a TWINE_PASSWORD for pypi. Add `id_tokens: {PYPI_ID_TOKEN: {"
        "aud: pypi}}` to the job",
    ),
    (
        "the ID token of another index",
        Wish(to="testpypi"),
        {"PYPI_ID_TOKEN": "e30.e30.x"},
        "Add `id_tokens: {TESTPYPI_",
    ),
    (
        "an upload address beside pypi",
        Wish(to="pypi"),
        {"TWINE_REPOSITORY_URL": "http://127.0.0.1:1/"},
        "TWINE_REPOSITORY_URL: sends uploads elsewhere, and --to says pypi",
    ),
    (
        "no password",
        URL,
        {"TWINE_USERNAME": "robot"},
        "TWINE_PASSWORD: is not set or empty. Set it, masked: a protected",
    ),
    (
        "a variable set to itself",
        URL,
        {"TWINE_PASSWORD": "$TWINE_PASSWORD"},
        "TWINE_PASSWORD: holds the name of a variable instead of its value",
    ),
    ("no place to look", Wish(to=URL.to), PASSWORD, "--simple-url: is missing"),
    ("a word", Wish(to="regstry"), PASSWORD, "or registry, pypi or testpypi"),
    ("a URL with credentials", Wish(to="https://a:b@index.example.com/"), PASSWORD, "--to: must not carry credentials"),
    ("no TLS", Wish(to="http://index.example.com/"), PASSWORD, "--to: must be https: credentials are sent there"),
    ("an odd proxy", Wish(to="registry", proxy="proxy"), {}, "--proxy: must be a URL that begins with"),
    (
        "no such authorities",
        Wish(to="registry", ca_file="/nowhere.pem"),
        {},
        "--ca-file: there is no file /nowhere.pem",
    ),
]


@pytest.mark.parametrize(("wish", "changes", "said"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_what_is_missing_is_one_sentence_that_shows_no_secret(
    wish: Wish, changes: dict[str, str | None], said: str
) -> None:
    environ = with_job(changes)
    with pytest.raises(ConfigError) as caught:
        aim(wish, changes)
    sentence = str(caught.value)
    assert said in sentence
    assert "\n" not in sentence
    assert not any(secret.reveal() in sentence for secret in secrets_of(environ).values() if len(secret.reveal()) > 15)


def test_every_secret_of_a_job_is_known_by_its_name() -> None:
    environ = with_job(
        PASSWORD | {"PYPI_ID_TOKEN": "a", "CI_REPOSITORY_URL": "b", "MY_API_KEY": "c", "CI_JOB_NAME": "d"}
    )
    assert set(secrets_of(environ)) == {
        *("CI_JOB_TOKEN", "TWINE_PASSWORD", "PYPI_ID_TOKEN", "CI_REPOSITORY_URL", "MY_API_KEY"),
    }


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("https://gitlab.com", "exactly namespace acme/tools, project widget"),
        ("https://git.acme.dev", "only if it was asked"),
    ],
)
def test_an_index_that_does_not_trust_the_job_is_explained(url: str, words: str) -> None:
    environ = {"CI_API_V4_URL": f"{url}/api/v4", "PYPI_ID_TOKEN": "e30.e30.x"}
    assert words in (aim(Wish(to="pypi"), environ).spec.mend or "")

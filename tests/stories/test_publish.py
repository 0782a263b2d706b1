"""`ropewalk publish` in CI jobs that really run, with nothing but what GitLab gives them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from bot.sandbox.world.places import Group
from tests.stories import made
from tests.stories.bot import Done, Json
from tests.stories.town import VERSION, Package, Town

pytestmark = pytest.mark.slow

ROPEWALK = Path(sys.executable).with_name("ropewalk")
NAME = "parcel"


def ci(town: Town, *commands: str) -> str:
    """A CI file whose one job runs these commands on a tag, with the index's user name."""
    lines = [f'    - "{line}"' for line in commands]
    secret = f"  variables: {{TWINE_USERNAME: {town.index.username}}}"
    return "\n".join(["publish:", "  rules: [{if: $CI_COMMIT_TAG}]", secret, "  script:", *lines, ""])


def trace(package: Package) -> str:
    """What the job printed, as GitLab shows it."""
    return package.town.api("GET", f"/projects/{package.project.id}/jobs/{package.job('publish').id}/trace").text


def results(text: str) -> list[Json]:
    """The JSON documents in a trace."""
    return [json.loads(line) for line in text.splitlines() if line.startswith('{"schema"')]


def test_a_job_publishes_with_its_own_token_and_a_second_run_finds_all_identical(town: Town, group: Group) -> None:
    index = f"--to {town.index.upload_url} --simple-url {town.index.simple_url}"
    other = made.wheel(NAME, VERSION, said="built again")[0]
    package = town.package(
        group,
        name=NAME,
        files={**made.both(NAME, VERSION), f"again/{other}": made.wheel(NAME, VERSION, said="built again")[1]},
        ci=ci(
            town,
            f"{ROPEWALK} publish made/*.whl made/*.tar.gz --format json",
            f"{ROPEWALK} publish made/*.whl made/*.tar.gz --format json {index}",
            f"{ROPEWALK} publish made/*.whl made/*.tar.gz",
            f"{ROPEWALK} publish made/again/*.whl || echo ended with $?",
            "echo $CI_JOB_TOKEN",
        ),
    )
    password = {"key": "TWINE_PASSWORD", "value": town.index.token, "masked": True, "protected": True}
    assert town.api("POST", f"/projects/{package.project.id}/variables", json=password).status_code == 201
    sha = package.tag()
    package.pipeline_over()
    said = trace(package)
    registry, elsewhere = results(said)
    names = sorted(made.both(NAME, VERSION))
    for document, name in ((registry, "index:registry"), (elsewhere, "index:index")):
        assert document["schema"] == "ropewalk.publish/1"
        assert (document["state"], document["result"], document["sha"]) == ("published", "uploaded", sha)
        assert [gate["verdict"] for gate in document["gates"]] == ["pass"] * 4
        receipts = {target["name"]: target["receipts"] for target in document["targets"]}[name]
        digests = {file["file"]: file["sha256"] for file in document["files"]}
        assert {receipt["file"]: receipt["sha256"] for receipt in receipts} == digests
        assert {receipt["kind"] for receipt in receipts} == {"upload"} and sorted(digests) == names
    assert "nothing uploaded: all 2 files stood there already, identical" in said
    assert "ended with 22" in said and f"{other} already stands on registry with other bytes" in said
    assert town.index.token not in said
    assert package.registry() == names == package.index(), "once each, and nothing was overwritten"


def publish(package: Package, folder: Path, *arguments: str, **environ: str) -> Done:
    """The command as a job of the package would run it, with the bot's own token in the place of a job's."""
    made_here = {folder / name: data for name, data in made.both(package.name, VERSION).items()}
    for path, data in made_here.items():
        path.write_bytes(data)
    town = package.town
    variables = {
        "GITLAB_CI": "true",
        "CI_JOB_ID": "31",
        "CI_JOB_NAME": "publish",
        "CI_JOB_TOKEN": town.token,
        "CI_API_V4_URL": f"{town.gitlab.url}/api/v4",
        "CI_PROJECT_ID": str(package.project.id),
        "CI_PROJECT_PATH": package.project.full_path,
        "CI_COMMIT_SHA": "0a1b2c3d" * 5,
        "CI_COMMIT_REF_NAME": f"v{VERSION}",
        "CI_COMMIT_TAG": f"v{VERSION}",
        "CI_COMMIT_REF_PROTECTED": "true",
        **environ,
    }
    done = subprocess.run(
        [ROPEWALK, "publish", *(arguments or map(str, made_here))],
        env={"PATH": os.defpath, "HOME": str(folder), **variables},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return Done(code=done.returncode, out=done.stdout, err=done.stderr)


def test_an_answer_that_is_lost_is_looked_for_and_nothing_is_sent_twice(
    town: Town, group: Group, tmp_path: Path
) -> None:
    package = town.package(group)
    path = f"/projects/{package.project.id}/packages/pypi$"
    town.fault(kind="reset", method="POST", path=path, after_effect=True, times=1)
    since = town.mark()
    done = publish(package, tmp_path)
    assert done.code == 0, done.err
    assert package.registry() == sorted(made.both(package.name, VERSION))
    assert [method for method, _ in town.writes(since)] == ["POST", "POST"]


REFUSALS: list[tuple[str, tuple[str, ...], Mapping[str, str], int, str]] = [
    ("a wrong job token", (), {"CI_JOB_TOKEN": "glcbt-64_never-was-one"}, 6, "The job token lives as long as its job"),
    ("an unprotected ref", ("--to", "pypi"), {"CI_COMMIT_REF_PROTECTED": "false"}, 5, "--allow-unprotected"),
    ("nothing to publish", ("dist/*",), {}, 3, "no file dist/*"),
    ("no id_tokens", ("--to", "pypi"), {"TWINE_PASSWORD": ""}, 2, "Add `id_tokens: {PYPI_ID_TOKEN: {aud: pypi}}`"),
    (
        "a merge request from a fork",
        (),
        {"CI_MERGE_REQUEST_PROJECT_ID": "1", "CI_MERGE_REQUEST_SOURCE_PROJECT_ID": "2"},
        5,
        "publish from a protected tag",
    ),
]


def test_what_stops_it_is_one_sentence_and_a_code_and_nothing_is_written(
    town: Town, group: Group, tmp_path: Path
) -> None:
    package = town.package(group)
    secrets = [town.token, "glcbt-64_never-was-one", "pypi-AgEIcHlwaS5vcmcCJDAx"]
    outsider = town.world.create_token(town.world.create_user("outsider"), ["api"], "no member of the project")
    secrets.append(outsider)
    no_rights = (
        "no rights on the target",
        (),
        {"CI_JOB_TOKEN": outsider},
        6,
        "a role in the project that reads packages",
    )
    since = town.mark()
    for case, arguments, environ, code, words in (*REFUSALS, no_rights):
        files = () if arguments and "/" in arguments[0] else tuple(made.both(package.name, VERSION))
        more = {"TWINE_PASSWORD": secrets[2], **environ}
        done = publish(package, tmp_path, *files, *arguments, **more)
        said = done.out + done.err
        assert (done.code, words in said) == (code, True), (case, said)
        assert not any(secret in said for secret in secrets), case
    package.untouched()
    assert town.writes(since) == []

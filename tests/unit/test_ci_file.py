"""Our own pipeline is valid for GitLab, pinned, and calls only what exists."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
CI_FILE = ROOT / ".gitlab-ci.yml"


def _schema_check(path: Path) -> subprocess.CompletedProcess[str]:
    """GitLab's own schema, as it comes with check-jsonschema; no network."""
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.gitlab-ci"]
    return subprocess.run(
        [*command, "--data-transform", "gitlab-ci", str(path)], capture_output=True, text=True, check=False, timeout=60
    )


def _jobs() -> dict[str, dict[str, object]]:
    document = yaml.safe_load(CI_FILE.read_text())
    return {name: job for name, job in document.items() if isinstance(job, dict) and "script" in job}


def test_the_pipeline_is_valid_against_gitlabs_schema() -> None:
    result = _schema_check(CI_FILE)
    assert result.returncode == 0, result.stdout


def test_the_check_notices_a_mistake(tmp_path: Path) -> None:
    broken = tmp_path / "broken.yml"
    broken.write_text(CI_FILE.read_text().replace("stage: check", "stag: check"))
    result = _schema_check(broken)
    assert result.returncode == 1
    assert "stag" in result.stdout


def test_every_step_of_make_test_has_its_job() -> None:
    checks = {"lint", "types", "imports", "tests", "site", "stories", "chaos", "package"}
    assert set(_jobs()) == checks | {"pages"}


def test_jobs_use_rules_and_not_their_predecessors() -> None:
    assert not [name for name, job in _jobs().items() if {"only", "except"} & set(job)]


@pytest.mark.parametrize("name", [".gitlab-ci.yml", "Dockerfile"])
def test_images_carry_an_exact_version(name: str) -> None:
    images = re.findall(r"^(?:FROM|\s*image:)\s+(\S+)", (ROOT / name).read_text(), flags=re.MULTILINE)
    assert images
    for image in images:
        assert re.fullmatch(r"[\w./-]+:\d+\.\d+\.\d+[\w.-]*", image), image


def test_jobs_call_make_targets_and_files_that_exist() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    lines = [line for line in CI_FILE.read_text().splitlines() if line.strip().startswith("- ")]
    scripts = {word for line in lines for word in re.findall(r"^\s*- (\.ci/\w+)", line)}
    assert scripts
    for script in scripts | {".ci/run"}:
        assert (ROOT / script).stat().st_mode & 0o100, f"{script} is not executable"
        called = set(re.findall(r"^(?:exec )?make (\w+)", (ROOT / script).read_text(), flags=re.MULTILINE))
        assert called <= targets, script

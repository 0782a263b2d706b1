"""The components: valid for GitLab, pinned as the lock is, and well kept by our own rules."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.adapters.ci.components import shipped_components
from bot.domain.components import Component, Value
from bot.onboarding.render import includes, jobs
from tests.unit.ci_texts import RULE, project

ROOT = Path(__file__).parents[2]
TEMPLATES = sorted(ROOT.glob("templates/*/template.yml"))
NAMES = ["attest", "build", "check", "publish-gitlab", "publish-pypi"]
COMPONENTS = shipped_components()


def inlined(*names: str) -> str:
    """The jobs of components at their defaults."""
    return "".join(jobs(COMPONENTS[name], {}) for name in names)


def header(path: Path) -> dict[str, dict[str, object]]:
    """The declared inputs of a template."""
    inputs = yaml.safe_load(path.read_text().partition("\n---\n")[0])["spec"]["inputs"]
    assert isinstance(inputs, dict)
    return inputs


def test_the_components_are_all_read() -> None:
    assert list(COMPONENTS) == NAMES == [path.parent.name for path in TEMPLATES]


def test_header_and_jobs_are_valid_against_gitlabs_schema(tmp_path: Path) -> None:
    files = []
    for path in TEMPLATES:
        for kind, text in (("header", path.read_text().partition("\n---\n")[0]), ("jobs", inlined(path.parent.name))):
            files.append(tmp_path / f"{path.parent.name}.{kind}.yml")
            files[-1].write_text(text)
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.gitlab-ci"]
    done = subprocess.run(
        [*command, "--data-transform", "gitlab-ci", *map(str, files)], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("path", TEMPLATES, ids=NAMES)
def test_every_input_is_described_has_a_default_that_fits_and_is_used(path: Path) -> None:
    body = path.read_text().partition("\n---\n")[2]
    for name, node in header(path).items():
        assert str(node["description"]).endswith("."), name
        assert f"$[[ inputs.{name} ]]" in body, name
        if "regex" in node:
            assert re.search(str(node["regex"]), str(node["default"])), name
        if "options" in node:
            assert node["default"] in node["options"], name  # type: ignore[operator]  # a list, by GitLab's schema
    assert set(re.findall(r"inputs\.([a-z-]+)", body)) == set(header(path))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("image", "python:latest"),
        ("image", "python:3.14"),
        ("job", "x: {script: id}"),
        ("directory", "; id"),
        ("directory", "-x"),
        ("options", "--wheel; id"),
        ("options", "$(id)"),
        ("install", "build; id"),
        ("keep", "never"),
    ],
)
def test_what_an_input_must_not_be_is_refused_by_its_pattern(path: str, value: str) -> None:
    pattern = header(ROOT / "templates/build/template.yml")[path]["regex"]
    assert not re.search(str(pattern), value)


def test_the_tools_are_those_that_this_project_is_tested_with() -> None:
    locked = dict(re.findall(r"^([a-z-]+)==(\S+)", (ROOT / "requirements/run.txt").read_text(), flags=re.MULTILINE))
    for name, component in COMPONENTS.items():
        assert component.inputs.get("twine-version", locked["twine"]) == locked["twine"], name
    assert COMPONENTS["build"].inputs["install"] == f"build=={locked['build']}"


def test_no_rule_about_ci_files_has_anything_against_them() -> None:
    rules = [rule for name, rule in RULE.items() if name.startswith("RW2")]
    text = inlined(*NAMES)
    assert [finding for rule in rules for finding in rule.judge(project(text))] == []
    assert text.count("twine upload") == 2


def test_the_rules_would_have_noticed() -> None:
    text = inlined(*NAMES).replace("twine==7.0.0", "twine").replace(" --strict", "")
    found = {finding.rule for rule in RULE.values() for finding in rule.judge(project(text))}
    assert {"RW206", "RW209"} <= found


def test_no_credential_stands_on_a_command_line_and_nothing_old_is_said() -> None:
    text = inlined(*NAMES)
    for line in text.splitlines():
        assert not re.search(r"--(password|username)|(^|\s)-[pu]\s", line), line
    assert not re.search(r"setup\.py|^\s*(only|except):", text, flags=re.MULTILINE)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.dictionaries(
            st.sampled_from(["if", "when", "job", "optional"]), st.one_of(st.booleans(), st.text()), min_size=1
        ),
        min_size=1,
    )
)
def test_a_list_comes_out_as_it_went_in(rows: list[dict[str, str | bool]]) -> None:
    component = Component(name="x", inputs={"rules": rows}, body="job:\n  rules: $[[ inputs.rules ]]\n")
    assert yaml.safe_load(jobs(component, {})) == {"job": {"rules": rows}}


def test_an_include_names_what_is_given_and_nothing_else() -> None:
    given: dict[str, dict[str, Value]] = {"build": {}, "check": {"stage": "verify", "rules": ({"if": '$A == "b"'},)}}
    assert yaml.safe_load(includes(given, "gitlab.example.com/acme/ci", "1.2.0")) == {
        "include": [
            {"component": "gitlab.example.com/acme/ci/build@1.2.0"},
            {
                "component": "gitlab.example.com/acme/ci/check@1.2.0",
                "inputs": {"stage": "verify", "rules": [{"if": '$A == "b"'}]},
            },
        ]
    }

"""docs/guide.md shows the jobs as they are, and speaks only of what there is."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from bot.adapters.ci.components import shipped_components
from bot.cli.ci import app
from bot.onboarding.render import jobs
from tests.unit.ci_texts import RULE, project

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/guide.md").read_text()
SHOWN = PAGE.partition("```yaml\n")[2].partition("```")[0]
NAMES = ("build", "check", "publish-gitlab", "publish-pypi")


def table(name: str) -> str:
    """The inputs of a component as the page lists them."""
    header = (ROOT / f"templates/{name}/template.yml").read_text().partition("\n---\n")[0]
    rows = ["| input | default | |", "|---|---|---|"]
    for key, node in yaml.safe_load(header)["spec"]["inputs"].items():
        default = node["default"]
        shown = "a list" if isinstance(default, list) else f"`{default}`" if default else "empty"
        rows.append(f"| `{key}` | {shown} | {node['description']} |")
    return f"### `{name}`\n\n" + "\n".join(rows) + "\n"


def test_the_jobs_shown_are_those_that_are_proposed() -> None:
    components = shipped_components()
    assert "stages: [build, test, deploy]\n\n" + "\n".join(jobs(components[name], {}) for name in NAMES) == SHOWN


def test_no_rule_about_ci_files_has_anything_against_them() -> None:
    rules = [rule for name, rule in RULE.items() if name.startswith("RW2")]
    assert [finding for rule in rules for finding in rule.judge(project(SHOWN))] == []


@pytest.mark.parametrize("name", shipped_components())
def test_every_input_is_listed(name: str) -> None:
    assert table(name) in PAGE


def test_links_lead_somewhere() -> None:
    links = re.findall(r"\]\(([^)#:]+)", PAGE)
    assert links
    assert [link for link in links if not (ROOT / "docs" / link).is_file()] == []


def test_every_command_line_is_one() -> None:
    block = PAGE.partition("```sh\n")[2].partition("```")[0]
    for line in block.splitlines():
        words = shlex.split(line, comments=True)
        assert words[:3] == ["ropewalk", "ci", "init"]
        assert CliRunner().invoke(app, [*words[2:], "--nonsense"]).exit_code == 2
        assert CliRunner().invoke(app, [*words[2:], "--help"]).exit_code == 0

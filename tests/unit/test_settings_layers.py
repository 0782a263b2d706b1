"""What the configuration and projects' own files say in layers: as it is read, refused, put together and explained."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.cli.explaining import Explained, explanation
from bot.domain.errors import ConfigError, RefusedError
from bot.domain.layers import NO_LAYERS, PolicyText, ProjectFiles
from bot.domain.refs import Project
from bot.domain.tightening import Effective
from bot.domain.verdicts import Consequence, Severity, Verdict
from bot.engine.layering import Layering
from bot.ports.policy_files import Age
from bot.release.facts import Facts
from bot.release.gates import policy as gate
from bot.settings import Settings, check, example, load
from bot.settings.layers import read_own_file
from tests.unit.release_facts import wanted

ENVIRON = {"ROPEWALK_GITLAB_TOKEN": "glpat-0123456789abcdefghij"}
HEAD = "gitlab: {url: https://gitlab.example.com}\nindexes: {registry: {kind: gitlab}, other: {kind: gitlab}}\n"
RULE = 'releases:\n- {projects: ["acme/**"], tags: ["v*"], indexes: [registry, other]}\n'
LAYERS = """layers:
  presets:
    base:
      hygiene: {unknown: block}
    strict:
      extends: base
      hygiene:
        block_at: medium
  groups:
    acme: {release: {approval: {count: 2}}}
    acme/tools:
      extends: strict
      release:
        approval: {from: owner}
      freeze:
      - {name: fair, from: 2026-12-01, to: 2026-12-05}
"""
PROJECT = Project(id=7, full_path="acme/tools/widget", web_url="", default_branch="main")
OTHER = Project(id=8, full_path="acme/toolsmith/widget", web_url="", default_branch="main")


def settings(folder: Path, text: str = HEAD + RULE + LAYERS) -> Settings:
    (folder / "ropewalk.yaml").write_text(text)
    return load(None, ENVIRON, folder)


class OneFile:
    """A project's own file, as if it had been read."""

    def __init__(self, text: str | None, fault: str = "") -> None:
        content = None if text is None else text.encode()
        self.text = PolicyText(sha="a" * 40, blob=str(hash(text)), content=content, fault=fault)

    def of(self, project: Project, age: Age) -> PolicyText:
        return self.text


def holds(made: Settings, project: Project = PROJECT, text: str | None = None, fault: str = "") -> Effective:
    layering = Layering(made.policy, OneFile(text, fault))
    return layering.effective(project, made.policy.releases[0], Age.NEW)


def test_a_group_tightens_what_is_below_it_and_the_nearest_comes_last(tmp_path: Path) -> None:
    made = settings(tmp_path)
    names = [layer.name for layer in made.policy.layers.of(PROJECT.full_path)]
    assert names == ["group acme", "preset base", "preset strict", "group acme/tools"]
    assert [layer.name for layer in made.policy.layers.of(OTHER.full_path)] == ["group acme"]
    assert made.policy.layers.of("acme/tools") == made.policy.layers.of("ACME/Tools/x")
    now = holds(made)
    assert (now.hygiene.block_at, now.hygiene.block_unknown) == (Severity.MEDIUM, True)
    assert now.rule.approval is not None
    assert (now.rule.approval.role.name, now.rule.approval.count) == ("OWNER", 2)
    assert [(freeze.name, freeze.projects) for freeze in now.freezes] == [("fair", ("acme/tools/**",))]
    assert now.own is None
    assert holds(made, OTHER).hygiene == made.policy.hygiene


def test_layers_may_stand_in_the_policy_file(tmp_path: Path) -> None:
    (tmp_path / "policy.yaml").write_text(LAYERS)
    made = settings(tmp_path, HEAD + RULE + "policy: policy.yaml\n")
    wishes = made.policy.layers.presets["strict"][-1].wishes
    assert [(wish.key, wish.where) for wish in wishes] == [("hygiene.block_at", "policy.yaml:8")]


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("layers: []\n", 5, ("`layers` must be a mapping",)),
        ("layers: {preset: {}}\n", 5, ("unknown key `layers.preset`", "Did you mean `presets`?")),
        ("layers:\n  presets:\n    a: {extends: b}\n", 7, ("the preset `b`, which is not defined",)),
        ("layers:\n  presets:\n    strict: {}\n    a: {extends: stict}\n", 8, ("Did you mean `strict`?",)),
        ("layers:\n  presets:\n    a: {extends: b}\n    b: {extends: [a]}\n", 8, ("in a circle: a → b → a",)),
        ("layers:\n  presets:\n    a: {extends: a}\n", 7, ("in a circle: a → a",)),
        ('layers:\n  presets:\n    "a b": {}\n', 7, ("must be a short name",)),
        ("layers:\n  groups:\n    acme/**: {}\n", 7, ("must be the full path of a group",)),
        ("layers:\n  groups:\n    acme: {extends: none}\n", 7, ("which is not defined", "There are none")),
        ("layers:\n  groups:\n    acme: {release: {indexes: [regstry]}}\n", 7, ("Did you mean `registry`?",)),
        ("layers:\n  groups:\n    acme: {release: {approval: {form: owner}}}\n", 7, ("Did you mean `from`?",)),
        ("layers:\n  groups:\n    acme: {hygiene: {block_at: hihg}}\n", 7, ("Did you mean `high`?",)),
        ("layers:\n  groups:\n    acme: {watch: {}}\n", 7, ("unknown key",)),
        ("layers: {project_files: refuse}\n", 5, ("must be `warn`, `block` or `ignore`",)),
        ("layers:\n  groups:\n    acme:\n      freeze: [{name: x, from: sat}]\n", 8, ("to` is missing",)),
    ],
)
def test_a_layer_that_makes_no_sense_stops_the_start(
    tmp_path: Path, text: str, line: int, words: tuple[str, ...]
) -> None:
    (tmp_path / "ropewalk.yaml").write_text(HEAD + RULE + text)
    problems = check(None, ENVIRON, tmp_path)
    assert problems
    first: ConfigError = problems[0]
    assert first.where.endswith(f":{line}")
    for word in words:
        assert word in str(first)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("hygiene: {block_at: never}\n", "of acme/tools/widget:1: `hygiene.block_at` may only be made stricter here"),
        ("release:\n  indexes: [pypi]\n", ":2: `release.indexes` may only be made stricter here"),
        ("extends: [lax]\n", ":1: `extends[1]` names the preset `lax`, which is not defined"),
        ("extends: strct\n", "Did you mean `strict`?"),
        ("hygiene: {block: low}\n", ":1: unknown key `hygiene.block`. Did you mean `block_at`?"),
        ("releases: []\n", ":1: unknown key `releases`. Did you mean `release`?"),
        ("layers: {}\n", ":1: unknown key `layers`"),
        ("a: [\n", "not valid YAML"),
        ("- a\n", "the file is a list, not keys with values"),
        ("a: &x b\nc: *x\n", "an anchor (`&name`) is not allowed"),
        ("\x00", "is not allowed in YAML"),
        ("hygiene: {variables: [glpat-0123456789abcdefghij]}\n", "holds what looks like a secret itself"),
        ("freeze: [{name: a, from: sat, to: 2026-01-01}]\n", "mixes a day of the week with a date"),
        ("release: {approval: {count: 0}}\n", ":1: `release.approval.count`"),
    ],
)
def test_what_is_wrong_in_a_projects_own_file_is_said_and_the_organisations_policy_holds(
    tmp_path: Path, text: str, fault: str
) -> None:
    made = settings(tmp_path)
    before, now = holds(made), holds(made, text=text)
    assert (now.rule, now.hygiene, now.freezes) == (before.rule, before.hygiene, before.freezes)
    assert now.own is not None
    assert [one for one in now.own.faults if fault in one], now.own.faults
    assert "glpat-" not in str(now.own.faults)
    verdict = gate.judge(replace(wanted(), own_policy=now.own), Facts(now=datetime(2026, 1, 1, tzinfo=UTC)))
    assert verdict is not None
    assert (verdict.verdict, verdict.consequence) == (Verdict.UNKNOWN, Consequence.NONE)
    assert fault in verdict.reason


def test_where_the_organisation_says_so_a_fault_stops_releases(tmp_path: Path) -> None:
    made = settings(tmp_path, HEAD + RULE + "layers: {project_files: block}\n")
    for now in (holds(made, text="a: [\n"), holds(made, fault=".gitlab/ropewalk.yaml cannot be read: 403")):
        verdict = gate.judge(replace(wanted(), own_policy=now.own), Facts(now=datetime(2026, 1, 1, tzinfo=UTC)))
        assert verdict is not None
        assert (verdict.verdict, verdict.consequence) == (Verdict.UNKNOWN, Consequence.BLOCK)
        assert "Correct" in verdict.reason


def test_a_project_without_a_file_is_not_spoken_of(tmp_path: Path) -> None:
    now = holds(settings(tmp_path, HEAD + RULE))
    assert now.own is None
    assert gate.judge(replace(wanted(), own_policy=now.own), Facts(now=datetime(2026, 1, 1, tzinfo=UTC))) is None


def test_a_file_is_not_asked_for_where_none_is_read(tmp_path: Path) -> None:
    made = settings(tmp_path, HEAD + RULE + "layers: {project_files: ignore}\n")
    assert made.policy.layers.files is ProjectFiles.IGNORE
    assert holds(made, text="hygiene: {block_at: low}\n").hygiene == made.policy.hygiene


def test_a_project_tightens_by_presets_and_by_itself(tmp_path: Path) -> None:
    text = "extends: strict\nrelease: {indexes: [other], hold_on: [license]}\nfreeze: [{name: f, from: sat, to: sun}]\n"
    now = holds(settings(tmp_path), OTHER, text)
    assert now.own is not None
    assert now.own.faults == ()
    assert now.own.words == ".gitlab/ropewalk.yaml of acme/toolsmith/widget at aaaaaaaa"
    assert (now.hygiene.block_at, now.rule.indexes) == (Severity.MEDIUM, ("other",))
    assert [kind.value for kind in now.rule.hold_on] == ["license"]
    assert [freeze.projects for freeze in now.freezes] == [("acme/toolsmith/widget",)]


def test_a_projects_freeze_speaks_of_that_project_alone() -> None:
    text = b'freeze:\n- {name: f, from: sat, to: sun, projects: ["**"]}\n'
    (own,) = read_own_file(text, "acme/a", NO_LAYERS).layers
    assert [freeze.projects for freeze in own.freezes] == [("acme/a",)]


def explained(made: Settings, key: str, text: str | None = None, project: Project | None = PROJECT) -> list[Explained]:
    layering = Layering(made.policy, OneFile(text))
    found = explanation(made, key, project, None, lambda rule: layering.effective(PROJECT, rule, Age.NEW))
    return list(found.keys)


def test_explain_says_which_line_of_which_layer_set_a_value(tmp_path: Path) -> None:
    (one,) = explained(settings(tmp_path), "hygiene.block_at", "hygiene:\n  block_at: never\n")
    assert (one.key, one.value) == ("hygiene.block_at", "medium")
    assert (one.decided.by, one.decided.where) == ("preset strict", "ropewalk.yaml:12")
    assert [(said.by, said.value, said.where, said.taken) for said in one.said] == [
        ("organisation", "high", "default", True),
        ("preset strict", "medium", "ropewalk.yaml:12", True),
        ("project acme/tools/widget", "never", ".gitlab/ropewalk.yaml of acme/tools/widget:2", False),
    ]


@pytest.mark.parametrize(
    ("key", "found"),
    [
        ("releases.indexes", [("releases[1].indexes", "[registry, other]", "ropewalk.yaml:4")]),
        ("release[1].indexes", [("releases[1].indexes", "[registry, other]", "ropewalk.yaml:4")]),
        ("releases.approval.from", [("releases[1].approval.from", "owner", "ropewalk.yaml:18")]),
        ("releases.tags", [("releases[1].tags", "[v*]", "ropewalk.yaml:4")]),
        ("watch.poll", [("watch.poll", "60s", "default")]),
        ("gitlab.url", [("gitlab.url", "https://gitlab.example.com", "ropewalk.yaml:1")]),
        ("layers.groups.acme/tools.extends", [("layers.groups.acme/tools.extends", "strict", "ropewalk.yaml:16")]),
        ("freeze", [("freeze", "fair", "ropewalk.yaml:20")]),
    ],
)
def test_explain_knows_every_key(tmp_path: Path, key: str, found: list[tuple[str, str, str]]) -> None:
    made = settings(tmp_path)
    assert [(one.key, one.value, one.decided.where) for one in explained(made, key)] == found


def test_explain_covers_every_key_that_is_written_in_the_examples(tmp_path: Path) -> None:
    for name in ("ropewalk.yaml", "policy.yaml"):
        (tmp_path / name).write_text(example("ropewalk.yaml" if name == "ropewalk.yaml" else "policy.yaml"))
    made = load(None, ENVIRON | {"PYPI_TOKEN": "pypi-0123456789abcdefghij"}, tmp_path)
    told = {one.where for one in made.origins.every()}
    for tree in made.origins.trees:
        leaves = {path for path in tree.lines if not any(other[:-1] == path for other in tree.lines)}
        missing = {tree.where(path) for path in leaves if not any(isinstance(part, int) for part in path[-1:])} - told
        assert missing == set()


@pytest.mark.parametrize(
    ("key", "error", "words"),
    [
        ("hygiene.blok_at", ConfigError, "Did you mean `hygiene.block_at`?"),
        ("xyzzy", ConfigError, "`ropewalk config schema` prints all there are"),
        ("releases[2].source", RefusedError, "no rule of `releases` covers"),
    ],
)
def test_explain_refuses_what_there_is_not(tmp_path: Path, key: str, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words.replace("?", r"\?").replace("[", r"\[")):
        explained(settings(tmp_path), key)

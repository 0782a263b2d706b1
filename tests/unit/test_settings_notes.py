"""`notes` in the configuration: what it becomes, where it holds, and what is refused with the place and the way out."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.domain.notes import DEFAULT_GROUPS, NotesGroup, NotesStrategy
from bot.domain.refs import RefKind
from bot.settings import check, load

BASE = """\
gitlab: {{url: "https://gitlab.example.com"}}
watch: {{groups: [acme]}}
indexes:
  registry: {{kind: gitlab}}
releases:
  - projects: ["acme/lib/**"]
    tags: ["v*"]
    indexes: [registry]
    {rule}
  - projects: ["acme/**"]
    tags: ["v*"]
    indexes: [registry]
{top}
"""
ENVIRONMENT = {"ROPEWALK_GITLAB_TOKEN": "token-of-the-bot"}


def written(folder: Path, *, top: str = "", rule: str = "source: auto") -> Path:
    path = folder / "ropewalk.yaml"
    path.write_text(BASE.format(top=top, rule=rule))
    return path


def problems(folder: Path, **parts: str) -> list[str]:
    return [str(error) for error in check(written(folder, **parts), ENVIRONMENT, folder)]


def test_without_a_word_notes_choose_by_themselves(tmp_path: Path) -> None:
    policy = load(written(tmp_path), ENVIRONMENT, tmp_path).policy
    notes = policy.releases[0].notes
    assert (notes.strategy, notes.groups, notes.template) == (NotesStrategy.AUTO, DEFAULT_GROUPS, None)
    assert (notes.issues, notes.failure_issue, notes.previews) == (False, False, False)


def test_a_rule_has_its_own_notes_and_the_others_those_of_all(tmp_path: Path) -> None:
    (tmp_path / "own.md.j2").write_text("{{ changes }}\n")
    top = (
        "notes:\n  strategy: file\n  template: own.md.j2\n  issues: true\n  failure_issue: true\n"
        "  failure_labels: [release]\n  previews: true\n"
        "  groups: [{title: News, labels: [new], types: [feat], breaking: true}]"
    )
    policy = load(written(tmp_path, top=top, rule="notes: {strategy: conventional}"), ENVIRONMENT, tmp_path).policy
    own = policy.rule_for("acme/lib/x", RefKind.TAG, "v1")
    rest = policy.rule_for("acme/x", RefKind.TAG, "v1")
    assert own is not None
    assert rest is not None
    assert (own.notes.strategy, own.notes.template, own.notes.issues) == (NotesStrategy.CONVENTIONAL, None, False)
    assert (rest.notes.strategy, rest.notes.template) == (NotesStrategy.FILE, "{{ changes }}\n")
    assert rest.notes.groups == (NotesGroup(title="News", labels=("new",), types=("feat",), breaking=True),)
    assert (rest.notes.issues, rest.notes.failure_issue, rest.notes.failure_labels) == (True, True, ("release",))
    assert rest.notes.previews


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ({"top": "notes: {strategie: file}"}, "Did you mean `strategy`?"),
        ({"rule": "notes: {strategie: file}"}, "Did you mean `strategy`?"),
        ({"top": "notes: {groups: [{title: A, label: [x]}]}"}, "Did you mean `labels`?"),
        ({"top": "notes: {strategy: convention}"}, "Did you mean `conventional`?"),
        ({"top": "notes: {groups: [{title: A}]}"}, "nothing would stand under it"),
        ({"top": "notes: {file: /etc/passwd}"}, "must be a path inside the repository"),
        ({"top": "notes: {file: ../x}"}, "must be a path inside the repository"),
        ({"top": "notes: {template: absent.j2}"}, "which is not a file"),
        ({"top": "notes: {template: broken.j2}"}, "no template: unexpected"),
        ({"top": "notes: {issues: 'yes'}"}, "must be true or false"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(tmp_path: Path, parts: dict[str, str], said: str) -> None:
    (tmp_path / "broken.j2").write_text("line\n{{ }\n")
    (error,) = problems(tmp_path, **parts)
    assert said in error
    assert error.startswith(f"ropewalk.yaml:{9 if 'rule' in parts else 13}: ")

"""`commands` in the configuration: off unless asked for, and every mistake told with its line."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from bot.domain.commands import CommandPolicy, Verb
from bot.domain.gitlab import Role
from bot.settings import check, load
from bot.settings.hooks import hook_wish
from tests.unit.test_settings_notes import BASE, ENVIRONMENT


def written(folder: Path, top: str) -> Path:
    path = folder / "ropewalk.yaml"
    path.write_text(BASE.format(top=top, rule="source: auto"))
    return path


def test_without_a_word_no_note_is_read(tmp_path: Path) -> None:
    assert load(written(tmp_path, ""), ENVIRONMENT, tmp_path).commands == CommandPolicy(enabled=False)


def test_what_is_said_counts_and_the_rest_stays_as_it_is(tmp_path: Path) -> None:
    top = "commands: {enabled: true, roles: {hold: owner}, longest_hold: 3d, per_person: 2, per_project: 3}"
    policy = load(written(tmp_path, top), ENVIRONMENT, tmp_path).commands
    assert (policy.enabled, policy.longest_hold, policy.per_person, policy.per_project) == (
        True,
        timedelta(days=3),
        2,
        3,
    )
    assert {verb.value: role.word for verb, role in policy.roles.items()} == {
        "plan": "developer",
        "retry": "maintainer",
        "resume": "maintainer",
        "approve": "developer",
        "hold": "owner",
        "explain": "developer",
        "help": "developer",
    }
    assert dict(CommandPolicy().roles) | {Verb.HOLD: Role.OWNER} == dict(policy.roles)


@pytest.mark.parametrize(
    ("top", "said"),
    [
        ("commands: {enable: true}", "Did you mean `enabled`?"),
        ("commands: {enabled: 'yes'}", "must be true or false"),
        ("commands: {enabled: true, roles: {holds: owner}}", "Did you mean `hold`?"),
        ("commands: {enabled: true, roles: {hold: maintainers}}", "Did you mean `maintainer`?"),
        ("commands: {enabled: true, longest_hold: 3}", "must be a duration"),
        ("commands: {enabled: true, longest_hold: 0s}", "must be longer than nothing"),
        ("commands: {enabled: true, per_person: 0}", "1"),
        ("commands: on", "must be"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(tmp_path: Path, top: str, said: str) -> None:
    (error,) = (str(one) for one in check(written(tmp_path, top), ENVIRONMENT, tmp_path))
    assert said in error
    assert error.startswith("ropewalk.yaml:13: ")


def test_settings_without_effect_are_warned_of(tmp_path: Path) -> None:
    warnings = load(written(tmp_path, "commands: {per_person: 3}"), ENVIRONMENT, tmp_path).warnings
    assert any("of no use without `enabled: true`" in warning for warning in warnings)


@pytest.mark.parametrize("enabled", [True, False])
def test_hooks_tell_of_notes_where_notes_are_heard(tmp_path: Path, enabled: bool) -> None:
    top = f"commands: {{enabled: {str(enabled).lower()}}}\nweb: {{public_url: 'https://ropewalk.example.com'}}"
    environment = {**ENVIRONMENT, "ROPEWALK_HOOK_SECRET": "a plain secret"}
    assert hook_wish(load(written(tmp_path, top), environment, tmp_path)).notes is enabled

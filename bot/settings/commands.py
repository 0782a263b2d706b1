"""`commands` to the domain's policy."""

from __future__ import annotations

from datetime import timedelta

from bot.domain.commands import CommandPolicy, Verb
from bot.domain.gitlab import Role
from bot.settings.reading import Reading, name
from bot.settings.shape import CommandsSection

_ROLES = {role.word: role for role in Role}


def read_commands(reading: Reading) -> CommandPolicy:
    """The section, or commands switched off where it is missing or wrong."""
    path = ("commands",)
    if "commands" not in reading.tree.data:
        return CommandPolicy()
    section = reading.section(CommandsSection, path, reading.tree.data["commands"])
    if section is None:
        return CommandPolicy()
    if section.longest_hold <= timedelta():
        here = (*path, "longest_hold")
        reading.problem(here, f"{name(here)} must be longer than nothing", "For example `14d`")
    dashboard = reading.tree.data.get("dashboard")
    pressed = isinstance(dashboard, dict) and "sign_in" in dashboard  # what is pressed there follows the same roles
    if not section.enabled and len(section.model_fields_set - {"enabled"}) and not pressed:
        reading.warn(path, "`commands` is of no use without `enabled: true`.")
    roles = section.roles.model_dump()
    return CommandPolicy(
        enabled=section.enabled,
        roles={verb: _ROLES[roles[verb.value]] for verb in Verb},
        longest_hold=section.longest_hold,
        per_person=section.per_person,
        per_project=section.per_project,
    )

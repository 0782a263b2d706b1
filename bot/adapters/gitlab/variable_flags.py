"""Switches flags of CI/CD variables on. Sends flags only; what GitLab answers holds the value and is not looked at.

Source: lib/api/ci/variables.rb, lib/api/group_variables.rb. PUT is partial, and without the scope's filter a group's
first variable of that name would be changed.
"""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote

from bot.adapters.gitlab.client import Api
from bot.domain.gitlab import VariableFlags


class GitLabVariableFlags:
    """See bot.ports.estate.FlagSwitch."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def switch_on(self, variable: VariableFlags, project_id: int, flags: Sequence[str]) -> None:
        """One PUT."""
        holder = (
            f"/projects/{project_id}" if variable.level == "project" else f"/groups/{quote(variable.owner, safe='')}"
        )
        body = {**dict.fromkeys(flags, True), "filter": {"environment_scope": variable.environment_scope}}
        self._api.send("put", f"{holder}/variables/{quote(variable.key, safe='')}", body)

"""Where a finding stands: in a CI file, or among GitLab's settings."""

from __future__ import annotations

import re
from dataclasses import dataclass

from bot.domain.findings import Finding

CI_FILE = ".gitlab-ci.yml"
INSTANCE = "the instance"

_FILE = re.compile(r"project/[0-9]+/(?P<path>[^#\s][^#]*\.ya?ml(?:@[^#]+)?)(?:#.*)?", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class CiPlace:
    """A place in a CI file: its path in the repository and the line, from 1, if it is known."""

    path: str
    line: int | None


def ci_place(finding: Finding) -> CiPlace | None:
    """The place in a CI file that the finding is about, or None if it is about a setting.

    Rules about CI files (`RW2…`) name the file and the job in their resource: `project/123/.gitlab-ci.yml#deploy`.
    """
    if finding.line is None and not finding.rule.startswith("RW2"):
        return None
    found = _FILE.fullmatch(finding.resource)
    if found is None:
        return CiPlace(path=CI_FILE, line=finding.line) if finding.line is not None else None
    return CiPlace(path=found["path"], line=finding.line)


def owner_of(finding: Finding) -> str:
    """Whose the resource is: a project's or group's full path, or `the instance`."""
    return finding.project or INSTANCE

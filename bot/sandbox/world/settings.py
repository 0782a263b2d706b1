"""Variables, protected refs and hooks: what maintainers set up on projects and groups."""

import re
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache

from bot.sandbox.world.people import Level


@dataclass(slots=True, kw_only=True, eq=False)
class Variable:
    """A CI/CD variable of a project, a group or the instance. Source: lib/api/entities/ci/variable.rb."""

    key: str
    value: str = field(repr=False)
    variable_type: str = "env_var"
    protected: bool = False
    masked: bool = False
    hidden: bool = False
    raw: bool = False
    environment_scope: str = "*"
    description: str | None = None
    id: int = 0


@dataclass(slots=True, kw_only=True, eq=False)
class AccessLevel:
    """One right of a protected ref: a level, or one user."""

    id: int
    access_level: Level
    user_id: int | None = None


@dataclass(slots=True, kw_only=True, eq=False)
class ProtectedBranch:
    """A protection rule for branches whose name matches `name`."""

    id: int
    name: str
    push: list[AccessLevel]
    merge: list[AccessLevel]
    allow_force_push: bool = False


@dataclass(slots=True, kw_only=True, eq=False)
class ProtectedTag:
    """A protection rule for tags whose name matches `name`."""

    name: str
    create: list[AccessLevel]


@lru_cache(maxsize=4096)
def _pattern(name: str) -> re.Pattern[str]:
    return re.compile(".*?".join(re.escape(part) for part in name.split("*")), re.DOTALL)


def ref_matches(pattern: str, ref: str) -> bool:
    """Whether the short name `ref` falls under the protection rule `pattern`.

    `*` crosses `/` and may be empty; case counts; there is no `?` or `[]`.
    Source: app/models/ref_matcher.rb.
    """
    return pattern == ref or ("*" in pattern and _pattern(pattern).fullmatch(ref) is not None)


HOOK_EVENTS = (
    "push_events",
    "tag_push_events",
    "merge_requests_events",
    "repository_update_events",
    "issues_events",
    "confidential_issues_events",
    "note_events",
    "confidential_note_events",
    "pipeline_events",
    "wiki_page_events",
    "job_events",
    "deployment_events",
    "feature_flag_events",
    "releases_events",
    "milestone_events",
    "emoji_events",
    "resource_access_token_events",
    "resource_deploy_token_events",
)
"""The triggers a hook can have."""

SYSTEM_HOOK_EVENTS = ("push_events", "tag_push_events", "merge_requests_events", "repository_update_events")


@dataclass(slots=True, kw_only=True, eq=False)
class Hook:
    """A webhook of a project, or of the instance when `project_id` is None."""

    id: int
    url: str
    created_at: datetime
    uuid: str
    project_id: int | None = None
    name: str | None = None
    description: str | None = None
    token: str | None = field(default=None, repr=False)
    signing_token: str | None = field(default=None, repr=False)
    events: dict[str, bool] = field(default_factory=dict)
    push_events_branch_filter: str | None = None
    branch_filter_strategy: str = "wildcard"
    enable_ssl_verification: bool = True
    deliveries: list["Delivery"] = field(default_factory=list)


@dataclass(slots=True, kw_only=True, eq=False)
class Delivery:
    """One attempt to deliver a hook: what was sent and what came back ("" while under way)."""

    id: int
    trigger: str
    url: str
    request_headers: dict[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    key: str
    created_at: datetime
    response_status: str = ""
    response_body: str = ""
    execution_duration: float = 0.0

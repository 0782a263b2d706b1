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


MERGE_METHODS = ("merge", "rebase_merge", "ff")
SQUASH_OPTIONS = ("never", "always", "default_on", "default_off")


@dataclass(slots=True, kw_only=True, eq=False)
class ProjectSettings:
    """What maintainers choose for a project. Each name is the REST attribute's, but for the job token's scope.

    `inbound_enabled` limits other projects' job tokens to the two allowlists (ids); `outbound_enabled` is the old
    `ci_job_token_scope_enabled`. `ci_config_path` is empty for `.gitlab-ci.yml`; one in another project or at a URL is
    kept, but no pipeline comes of it here.
    """

    merge_method: str = "merge"
    squash_option: str = "default_off"
    public_jobs: bool = True
    only_allow_merge_if_pipeline_succeeds: bool = False
    only_allow_merge_if_all_discussions_are_resolved: bool = False
    remove_source_branch_after_merge: bool = True
    ci_forward_deployment_enabled: bool = True
    keep_latest_artifact: bool = True
    inbound_enabled: bool = True
    outbound_enabled: bool = False
    ci_config_path: str = ""
    allowed_projects: set[int] = field(default_factory=set)
    allowed_groups: set[int] = field(default_factory=set)


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

GROUP_HOOK_EVENTS = (
    *(name for name in HOOK_EVENTS if name != "resource_deploy_token_events"),
    "subgroup_events",
    "member_events",
    "project_events",
)
"""The triggers a group's hook can have."""

SYSTEM_HOOK_EVENTS = ("push_events", "tag_push_events", "merge_requests_events", "repository_update_events")


@dataclass(slots=True, kw_only=True, eq=False)
class Hook:
    """A webhook of a project, of a group and all below it, or else of the instance.

    `recent_failures` are consecutive ones; they and `disabled_until` count only where hooks are disabled for them.
    """

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
    group_id: int | None = None
    custom_headers: dict[str, str] = field(default_factory=dict, repr=False)
    recent_failures: int = 0
    disabled_until: datetime | None = None
    deliveries: list["Delivery"] = field(default_factory=list)

    @property
    def system(self) -> bool:
        """Whether it is a system hook."""
        return self.project_id is None and self.group_id is None


@dataclass(slots=True, kw_only=True, eq=False)
class Delivery:
    """One attempt to deliver a hook: what was sent and what came back ("" while under way).

    Secrets in `request_headers` are hidden, and e-mail addresses in `body`. `error` says why there was no answer.
    """

    id: int
    trigger: str
    url: str
    request_headers: dict[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    key: str
    created_at: datetime
    response_status: str = ""
    response_body: str = ""
    response_headers: dict[str, str] = field(default_factory=dict, repr=False)
    error: str = ""
    execution_duration: float = 0.0

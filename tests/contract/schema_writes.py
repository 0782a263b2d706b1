"""Every writing route of the sandbox as a story of requests, with GitLab's schema or entity for each answer."""

from collections.abc import Mapping
from dataclasses import dataclass

from tests.contract.schema_reads import PROJECT, V4


@dataclass(frozen=True)
class Write:
    """One writing request: its route, the path with the names of ids made before, and what must come back.

    `schema` is None for an empty answer or one that GitLab's files do not describe; `keep` names the new record.
    """

    method: str
    template: str
    path: str
    status: int
    schema: str | None = None
    body: Mapping[str, object] | None = None
    keep: str | None = None
    key: str = "id"
    form: Mapping[str, str] | None = None
    file: bool = False


# fmt: off
VARIABLE, NOTE, PIPE = "openapi:APIEntitiesCiVariable", "openapi:APIEntitiesNote", f"{V4}/pipeline/detail.json"
ISSUE, MR, SCHEDULE = f"{PROJECT}/issues", f"{PROJECT}/merge_requests", f"{PROJECT}/pipeline_schedules"
EMOJI, TRIGGER = "openapi:APIEntitiesAwardEmoji", "openapi:APIEntitiesTrigger"
TOKEN = f"{V4}/resource_access_token.json"
DETAILS = "openapi:APIEntitiesProjectsWithAccessAndCatalogSetting"


def _variables(template: str, path: str) -> list[Write]:
    body = {"key": "WRITTEN", "value": "12345678", "masked": True}
    return [
        Write("POST", template, path, 201, VARIABLE, body),
        Write("PUT", f"{template}/:key", f"{path}/WRITTEN", 200, VARIABLE, {"value": "abcdefgh"}),
        Write("DELETE", f"{template}/:key", f"{path}/WRITTEN", 204),
    ]


def _emoji(template: str, path: str) -> list[Write]:
    return [
        Write("POST", template, path, 201, EMOJI, {"name": "rocket"}, "award"),
        Write("DELETE", f"{template}/:award_id", f"{path}/{{award}}", 204),
    ]


def _discussed(place: str, path: str) -> list[Write]:
    """Notes, threads and emoji of a merge request or an issue."""
    root, threads = f"/projects/:id/{place}/:iid", f"/projects/:id/{place}/:iid/discussions"
    one, reply = f"{threads}/:discussion_id", f"{threads}/:discussion_id/notes"
    resolve = [Write("PUT", one, f"{path}/discussions/{{thread}}", 200, "openapi:APIEntitiesDiscussion",
                     {"resolved": True})]
    return [
        Write("POST", f"{root}/notes", f"{path}/notes", 201, NOTE, {"body": "Hello"}, "note"),
        Write("PUT", f"{root}/notes/:note_id", f"{path}/notes/{{note}}", 200, NOTE, {"body": "Hello again"}),
        *_emoji(f"{root}/notes/:note_id/award_emoji", f"{path}/notes/{{note}}/award_emoji"),
        Write("DELETE", f"{root}/notes/:note_id", f"{path}/notes/{{note}}", 204),
        *_emoji(f"{root}/award_emoji", f"{path}/award_emoji"),
        Write("POST", threads, f"{path}/discussions", 201, "openapi:APIEntitiesDiscussion", {"body": "Why?"}, "thread"),
        Write("POST", reply, f"{path}/discussions/{{thread}}/notes", 201, NOTE, {"body": "So."}, "answer"),
        Write("PUT", f"{reply}/:note_id", f"{path}/discussions/{{thread}}/notes/{{answer}}", 200, NOTE,
              {"body": "Yes."}),
        *(resolve if place == "merge_requests" else []),
        Write("DELETE", f"{reply}/:note_id", f"{path}/discussions/{{thread}}/notes/{{answer}}", 204),
    ]


def _tokens(kind: str, path: str) -> list[Write]:
    template = f"/{kind}/:id/access_tokens"
    body = {"name": "bot", "scopes": ["api"]}
    deploy = {"name": "reader", "scopes": ["read_repository"], "expires_at": "2030-01-01"}
    return [
        # the schemas describe the records without the secret, which only these answers carry
        Write("POST", template, f"{path}/access_tokens", 201, f"secret:{TOKEN}", body, "token"),
        Write("POST", f"{template}/:token_id/rotate", f"{path}/access_tokens/{{token}}/rotate", 200,
              f"secret:{TOKEN}", keep="token"),
        Write("DELETE", f"{template}/:token_id", f"{path}/access_tokens/{{token}}", 204),
        Write("POST", f"/{kind}/:id/deploy_tokens", f"{path}/deploy_tokens", 201, f"secret:{V4}/deploy_token.json",
              deploy),
    ]


def _members(kind: str, path: str) -> list[Write]:
    template = f"/{kind}/:id/members"
    return [
        Write("POST", template, f"{path}/members", 201, f"row:{V4}/members.json", {"user_id": 6, "access_level": 25}),
        Write("PUT", f"{template}/:user_id", f"{path}/members/6", 200, f"row:{V4}/members.json", {"access_level": 30}),
        Write("DELETE", f"{template}/:user_id", f"{path}/members/6", 204),
        Write(
            "POST",
            f"/{kind}/:id/share",
            f"{path}/share",
            201,
            "openapi:APIEntitiesGroup" if kind == "groups" else None,
            {"group_id": 1, "group_access": 30},
        ),
        Write("DELETE", f"/{kind}/:id/share/:group_id", f"{path}/share/1", 204),
    ]


WRITES: list[Write] = [
    Write("POST", "/users", "/users", 201, f"{V4}/user/public.json",
          {"email": "w@x.example", "username": "written", "name": "W", "force_random_password": True}, "user"),
    Write("POST", "/users/:user_id/personal_access_tokens", "/users/{user}/personal_access_tokens", 201,
          "openapi:APIEntitiesPersonalAccessTokenWithToken", {"name": "t", "scopes": ["api"]}, "pat"),
    Write("POST", "/personal_access_tokens/:token_id/rotate", "/personal_access_tokens/{pat}/rotate", 200, None,
          keep="pat"),
    Write("DELETE", "/personal_access_tokens/:token_id", "/personal_access_tokens/{pat}", 204),
    Write("POST", "/users/:user_id/block", "/users/{user}/block", 201),
    Write("POST", "/users/:user_id/unblock", "/users/{user}/unblock", 201),
    Write("DELETE", "/users/:user_id", "/users/{user}", 204),
    Write("POST", "/groups", "/groups", 201, "openapi:APIEntitiesGroup", {"name": "W", "path": "written-group"},
          "group"),
    Write("PUT", "/groups/:id", "/groups/{group}", 200, "openapi:APIEntitiesGroup", {"description": "W"}),
    Write("POST", "/projects", "/projects", 201, DETAILS, {"name": "W", "namespace_id": "{group}"}, "made"),
    Write("PUT", "/projects/:id", "/projects/{made}", 200, DETAILS, {"merge_method": "ff"}),
    Write("POST", "/projects/:id/archive", "/projects/{made}/archive", 201, DETAILS),
    Write("POST", "/projects/:id/unarchive", "/projects/{made}/unarchive", 201, DETAILS),
    *_tokens("groups", "/groups/{group}"),
    *_tokens("projects", "/projects/{made}"),
    *_members("groups", "/groups/{group}"),
    *_members("projects", "/projects/{made}"),
    *_variables("/admin/ci/variables", "/admin/ci/variables"),
    *_variables("/groups/:id/variables", "/groups/{group}/variables"),
    *_variables("/projects/:id/variables", f"{PROJECT}/variables"),
    Write("PATCH", "/projects/:id/job_token_scope", f"{PROJECT}/job_token_scope", 204, None, {"enabled": True}),
    Write("POST", "/projects/:id/job_token_scope/allowlist", f"{PROJECT}/job_token_scope/allowlist", 201, None,
          {"target_project_id": "{made}"}),
    Write("DELETE", "/projects/:id/job_token_scope/allowlist/:target_project_id",
          f"{PROJECT}/job_token_scope/allowlist/{{made}}", 204),
    Write("POST", "/projects/:id/job_token_scope/groups_allowlist", f"{PROJECT}/job_token_scope/groups_allowlist", 201,
          None, {"target_group_id": "{group}"}),
    Write("DELETE", "/projects/:id/job_token_scope/groups_allowlist/:target_group_id",
          f"{PROJECT}/job_token_scope/groups_allowlist/{{group}}", 204),
    Write("DELETE", "/projects/:id", "/projects/{made}", 202),
    Write("POST", "/projects/:id/repository/branches", f"{PROJECT}/repository/branches", 201, f"{V4}/branch.json",
          {"branch": "written", "ref": "main"}),
    Write("POST", "/projects/:id/repository/commits", f"{PROJECT}/repository/commits", 201,
          "openapi:APIEntitiesCommitDetail",
          {"branch": "written", "commit_message": "W\n\nChangelog: added",
           "actions": [{"action": "create", "file_path": "w.txt", "content": "w"}]}),
    Write("POST", "/projects/:id/repository/files/:file_path", f"{PROJECT}/repository/files/f.txt", 201, None,
          {"branch": "written", "commit_message": "F", "content": "f"}),
    Write("PUT", "/projects/:id/repository/files/:file_path", f"{PROJECT}/repository/files/f.txt", 200, None,
          {"branch": "written", "commit_message": "F", "content": "g"}),
    Write("POST", "/projects/:id/repository/changelog", f"{PROJECT}/repository/changelog", 200, None,
          {"version": "1.1.0", "branch": "written", "to": "written"}),
    Write("POST", "/projects/:id/milestones", f"{PROJECT}/milestones", 201, f"{V4}/milestone.json", {"title": "W"},
          "milestone"),
    Write("PUT", "/projects/:id/milestones/:milestone_id", f"{PROJECT}/milestones/{{milestone}}", 200,
          f"{V4}/milestone.json",
          {"state_event": "close"}),
    Write("POST", "/projects/:id/merge_requests", MR, 201, "openapi:APIEntitiesMergeRequest",
          {"title": "W", "source_branch": "written", "target_branch": "main", "milestone_id": "{milestone}"}, "mr",
    "iid"),
    Write("PUT", "/projects/:id/merge_requests/:iid", f"{MR}/{{mr}}", 200, "openapi:APIEntitiesMergeRequest",
          {"title": "X"}),
    *_discussed("merge_requests", f"{MR}/{{mr}}"),
    Write("PUT", "/projects/:id/merge_requests/:iid/merge", f"{MR}/{{mr}}/merge", 200,
          "openapi:APIEntitiesMergeRequest"),
    Write("DELETE", "/projects/:id/milestones/:milestone_id", f"{PROJECT}/milestones/{{milestone}}", 204),
    Write("DELETE", "/projects/:id/repository/branches/:branch", f"{PROJECT}/repository/branches/written", 204),
    Write("POST", "/projects/:id/issues", ISSUE, 201, None, {"title": "W"}, "issue", "iid"),
    Write("PUT", "/projects/:id/issues/:iid", f"{ISSUE}/{{issue}}", 200, None, {"state_event": "close"}),
    *_discussed("issues", f"{ISSUE}/{{issue}}"),
    Write("DELETE", "/projects/:id/issues/:iid", f"{ISSUE}/{{issue}}", 204),
    Write("POST", "/projects/:id/repository/tags", f"{PROJECT}/repository/tags", 201, f"{V4}/tag.json",
          {"tag_name": "w1", "ref": "main"}),
    Write("POST", "/projects/:id/releases", f"{PROJECT}/releases", 201, f"{V4}/release.json",
          {"tag_name": "w1", "description": "W"}),
    Write("PUT", "/projects/:id/releases/:tag_name", f"{PROJECT}/releases/w1", 200, f"{V4}/release.json",
          {"name": "W1"}),
    Write("POST", "/projects/:id/releases/:tag_name/assets/links", f"{PROJECT}/releases/w1/assets/links", 201,
          "openapi:APIEntitiesReleasesLink", {"name": "w", "url": "https://w.example/"}, "link"),
    Write("PUT", "/projects/:id/releases/:tag_name/assets/links/:link_id",
          f"{PROJECT}/releases/w1/assets/links/{{link}}",
          200, "openapi:APIEntitiesReleasesLink", {"name": "x"}),
    Write("DELETE", "/projects/:id/releases/:tag_name/assets/links/:link_id",
          f"{PROJECT}/releases/w1/assets/links/{{link}}",
          200, "openapi:APIEntitiesReleasesLink"),
    Write("DELETE", "/projects/:id/releases/:tag_name", f"{PROJECT}/releases/w1", 200, f"{V4}/release.json"),
    Write("DELETE", "/projects/:id/repository/tags/:tag_name", f"{PROJECT}/repository/tags/w1", 204),
    Write("POST", "/projects/:id/protected_branches", f"{PROJECT}/protected_branches", 201,
          "protected_branch.json", {"name": "w/*"}),
    Write("PATCH", "/projects/:id/protected_branches/:name", f"{PROJECT}/protected_branches/w%2F*", 200,
          "protected_branch.json",
          {"allow_force_push": True, "allowed_to_push": [{"access_level": 30}]}),
    Write("DELETE", "/projects/:id/protected_branches/:name", f"{PROJECT}/protected_branches/w%2F*", 204),
    Write("POST", "/projects/:id/protected_tags", f"{PROJECT}/protected_tags", 201, "protected_tag.json",
          {"name": "w*"}),
    Write("DELETE", "/projects/:id/protected_tags/:name", f"{PROJECT}/protected_tags/w*", 204),
    Write("POST", "/projects/:id/ci/lint", f"{PROJECT}/ci/lint", 200, None, {"content": "a: {script: b}"}),
    Write("POST", "/projects/:id/triggers", f"{PROJECT}/triggers", 201, TRIGGER, {"description": "W"}, "trigger"),
    Write("PUT", "/projects/:id/triggers/:trigger_id", f"{PROJECT}/triggers/{{trigger}}", 200, TRIGGER,
          {"description": "X"}),
    Write("POST", "/projects/:id/trigger/pipeline", f"{PROJECT}/trigger/pipeline", 201, PIPE,
          {"token": "{trigger_secret}", "ref": "main"}),
    Write("POST", "/projects/:id/ref/:ref/trigger/pipeline", f"{PROJECT}/ref/main/trigger/pipeline", 201, PIPE,
          {"token": "{trigger_secret}"}),
    Write("DELETE", "/projects/:id/triggers/:trigger_id", f"{PROJECT}/triggers/{{trigger}}", 204),
    Write("POST", "/projects/:id/pipeline", f"{PROJECT}/pipeline", 201, PIPE, {"ref": "main"}, "pipeline"),
    Write("PUT", "/projects/:id/pipelines/:pipeline_id/metadata", f"{PROJECT}/pipelines/{{pipeline}}/metadata", 200,
          "openapi:APIEntitiesCiPipelineWithMetadata", {"name": "W"}),
    Write("POST", "/projects/:id/pipelines/:pipeline_id/cancel", f"{PROJECT}/pipelines/{{pipeline}}/cancel", 200, PIPE),
    Write("POST", "/projects/:id/pipelines/:pipeline_id/retry", f"{PROJECT}/pipelines/{{pipeline}}/retry", 201, PIPE),
    Write("POST", "/projects/:id/jobs/:job_id/artifacts/keep", f"{PROJECT}/jobs/1/artifacts/keep", 200,
          f"{V4}/job.json"),
    Write("DELETE", "/projects/:id/jobs/:job_id/artifacts", f"{PROJECT}/jobs/1/artifacts", 204),
    Write("POST", "/projects/:id/jobs/:job_id/retry", f"{PROJECT}/jobs/1/retry", 201, f"{V4}/job.json", keep="job"),
    Write("POST", "/projects/:id/jobs/:job_id/cancel", f"{PROJECT}/jobs/{{job}}/cancel", 201, f"{V4}/job.json"),
    Write("POST", "/projects/:id/jobs/:job_id/erase", f"{PROJECT}/jobs/1/erase", 201, f"{V4}/job.json"),
    Write("POST", "/projects/:id/jobs/:job_id/play", f"{PROJECT}/jobs/2/play", 200, f"{V4}/job.json"),
    Write("DELETE", "/projects/:id/artifacts", f"{PROJECT}/artifacts", 202),
    Write("POST", "/projects/:id/freeze_periods", f"{PROJECT}/freeze_periods", 201, None,
          {"freeze_start": "0 18 * * 5", "freeze_end": "0 6 * * 1"}, "freeze"),
    Write("DELETE", "/projects/:id/freeze_periods/:freeze_period_id", f"{PROJECT}/freeze_periods/{{freeze}}", 204),
    Write("POST", "/projects/:id/pipeline_schedules", SCHEDULE, 201, None,
          {"description": "W", "ref": "main", "cron": "0 1 * * *"}, "schedule"),
    Write("PUT", "/projects/:id/pipeline_schedules/:schedule_id", f"{SCHEDULE}/{{schedule}}", 200, None,
          {"active": False}),
    Write("POST", "/projects/:id/pipeline_schedules/:schedule_id/play", f"{SCHEDULE}/{{schedule}}/play", 201),
    Write("POST", "/projects/:id/pipeline_schedules/:schedule_id/take_ownership",
          f"{SCHEDULE}/{{schedule}}/take_ownership", 200),
    Write("POST", "/projects/:id/pipeline_schedules/:schedule_id/variables", f"{SCHEDULE}/{{schedule}}/variables",
          201, VARIABLE,
          {"key": "W", "value": "w"}),
    Write("PUT", "/projects/:id/pipeline_schedules/:schedule_id/variables/:key",
          f"{SCHEDULE}/{{schedule}}/variables/W", 200,
          VARIABLE, {"value": "x"}),
    Write("DELETE", "/projects/:id/pipeline_schedules/:schedule_id/variables/:key",
          f"{SCHEDULE}/{{schedule}}/variables/W", 202,
          VARIABLE),
    Write("DELETE", "/projects/:id/pipeline_schedules/:schedule_id", f"{SCHEDULE}/{{schedule}}", 204),
    Write("POST", "/projects/:id/hooks", f"{PROJECT}/hooks", 201, f"{V4}/project_hook.json",
          {"url": "http://127.0.0.1:9/", "push_events": False}, "hook"),
    Write("PUT", "/projects/:id/hooks/:hook_id", f"{PROJECT}/hooks/{{hook}}", 200, f"{V4}/project_hook.json",
          {"url": "http://127.0.0.1:9/x", "push_events": False}),
    Write("PUT", "/projects/:id/hooks/:hook_id/custom_headers/:key", f"{PROJECT}/hooks/{{hook}}/custom_headers/W", 204,
          None, {"value": "w"}),
    Write("DELETE", "/projects/:id/hooks/:hook_id/custom_headers/:key",
          f"{PROJECT}/hooks/{{hook}}/custom_headers/W", 204),
    Write("DELETE", "/projects/:id/hooks/:hook_id", f"{PROJECT}/hooks/{{hook}}", 204),
    Write("POST", "/groups/:id/hooks", "/groups/{group}/hooks", 201, "openapi:APIEntitiesGroupHook",
          {"url": "http://127.0.0.1:9/", "push_events": False}, "hook"),
    Write("PUT", "/groups/:id/hooks/:hook_id", "/groups/{group}/hooks/{hook}", 200, "openapi:APIEntitiesGroupHook",
          {"url": "http://127.0.0.1:9/x", "push_events": False}),
    Write("PUT", "/groups/:id/hooks/:hook_id/custom_headers/:key", "/groups/{group}/hooks/{hook}/custom_headers/W", 204,
          None, {"value": "w"}),
    Write("DELETE", "/groups/:id/hooks/:hook_id/custom_headers/:key",
          "/groups/{group}/hooks/{hook}/custom_headers/W", 204),
    Write("DELETE", "/groups/:id/hooks/:hook_id", "/groups/{group}/hooks/{hook}", 204),
    Write("POST", "/hooks", "/hooks", 201, f"{V4}/system_hook.json", {"url": "http://127.0.0.1:9/",
          "push_events": False}, "hook"),
    Write("PUT", "/hooks/:hook_id", "/hooks/{hook}", 200, f"{V4}/system_hook.json", {"url": "http://127.0.0.1:9/x"}),
    Write("DELETE", "/hooks/:hook_id", "/hooks/{hook}", 204),
    Write("POST", "/projects/:id/packages/pypi", f"{PROJECT}/packages/pypi", 201, form={"name": "w",
          "version": "1"}, file=True),
    Write("DELETE", "/projects/:id/packages/:package_id/package_files/:package_file_id",
          f"{PROJECT}/packages/1/package_files/1", 204),
    Write("DELETE", "/projects/:id/packages/:package_id", f"{PROJECT}/packages/1", 204),
    Write("POST", "/applications", "/applications", 201, None,
          {"name": "W", "redirect_uri": "https://app.example/back", "scopes": "read_api"}, "application"),
    Write("POST", "/applications/:application_id/renew-secret", "/applications/{application}/renew-secret", 201),
    Write("DELETE", "/applications/:application_id", "/applications/{application}", 204),
]
# fmt: on
# these need a delivery that has happened, or end the caller's own token
UNWRITTEN = {
    "POST /groups/:id/hooks/:hook_id/events/:hook_log_id/resend",
    "POST /groups/:id/hooks/:hook_id/test/:trigger",
    "POST /hooks/:hook_id",
    "POST /projects/:id/hooks/:hook_id/events/:hook_log_id/resend",
    "POST /projects/:id/hooks/:hook_id/test/:trigger",
    "DELETE /personal_access_tokens/self",
    "POST /personal_access_tokens/self/rotate",
}

"""What an ID token of a job claims.

Source: lib/gitlab/ci/{jwt,jwt_v2}.rb, doc/ci/secrets/id_token_authentication.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from bot.sandbox.ci.model import CiProject, Job, Pipeline
from bot.sandbox.ci.predefined import environment_tier

LIFETIME = timedelta(minutes=5)
_EARLIER = timedelta(seconds=5)
"""`nbf` lies this much before `iat`, for clocks that differ."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """Who a job acts for, and the id of the group its project is in. `level` is a role in lower case."""

    namespace_id: int
    user_id: int
    username: str
    email: str
    level: str


def claims(
    project: CiProject,
    pipeline: Pipeline,
    job: Job,
    audiences: Sequence[str],
    *,
    server: str,
    now: datetime,
    unique: str,
    holder: Holder,
) -> dict[str, object]:
    """The claims; numbers are text, as GitLab has them. `unique` becomes `jti`, a single audience no list."""
    kind, folder = ("tag", "tags") if pipeline.tag else ("branch", "heads")
    path = f"refs/{folder}/{pipeline.ref}"
    place = f"{urlsplit(server).netloc}/{project.full_path}"
    namespace = project.full_path.rpartition("/")[0]
    return {
        "iss": server,
        "iat": int(now.timestamp()),
        "nbf": int((now - _EARLIER).timestamp()),
        "exp": int((now + LIFETIME).timestamp()),
        "jti": unique,
        "sub": f"project_path:{project.full_path}:ref_type:{kind}:ref:{pipeline.ref}",
        "aud": audiences[0] if len(audiences) == 1 else list(audiences),
        "namespace_id": str(holder.namespace_id),
        "namespace_path": namespace,
        "project_id": str(project.id),
        "project_path": project.full_path,
        "user_id": str(holder.user_id),
        "user_login": holder.username,
        "user_email": holder.email,
        "user_access_level": holder.level,
        "job_project_id": str(project.id),
        "job_project_path": project.full_path,
        "job_namespace_id": str(holder.namespace_id),
        "job_namespace_path": namespace,
        "pipeline_id": str(pipeline.id),
        "pipeline_source": pipeline.source,
        "job_id": str(job.id),
        "ref": pipeline.ref,
        "ref_type": kind,
        "ref_path": path,
        "ref_protected": str(project.protects(pipeline.ref, tag=pipeline.tag)).lower(),
        "runner_id": 1,
        "runner_environment": "self-hosted",
        "sha": pipeline.sha,
        "project_visibility": project.visibility,
        "ci_config_ref_uri": f"{place}//.gitlab-ci.yml@{path}",
        "ci_config_sha": pipeline.sha,
        **_environment(job),
    }


def _environment(job: Job) -> dict[str, object]:
    if job.environment is None:
        return {}
    return {
        "environment": job.environment,
        "environment_protected": "false",
        "deployment_tier": environment_tier(job.environment),
        "environment_action": "start",
    }

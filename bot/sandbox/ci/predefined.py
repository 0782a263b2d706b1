"""The variables GitLab sets itself.

Source: GitLab docs, "Predefined CI/CD variables reference"; the container registry and runner hosts are left out.
"""

import hashlib
import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from bot.sandbox.ci.model import CiProject, Job, Pipeline
from bot.sandbox.ci.source import Commit
from bot.sandbox.ci.variables import Variable

GITLAB_VERSION = "19.3.0-pre"
_TIERS = {
    "production": r"prod|live",
    "staging": r"stage|staging|model|pre|demo|non",
    "testing": r"test|tst|int|ac(?:ce|)pt|qa|qc|control|quality",
    "development": r"(?:\b|_)dev|review|trunk",
}


def slug(text: str, limit: int = 63) -> str:
    """Lower case, everything but letters and digits a dash, no dash at the ends, at most `limit` characters."""
    return re.sub(r"[^a-z0-9]", "-", text.lower())[:limit].strip("-")


def environment_slug(name: str) -> str:
    """At most 24 characters, with a digest where letters were lost.

    Source: gitlabhq `lib/gitlab/slug/environment.rb`.
    """
    found = re.sub(r"-+", "-", re.sub(r"[^a-z0-9]", "-", name.lower()))
    found = found if found[:1].isalpha() else f"env-{found}"
    if len(found) <= 24 and found == name:
        return found
    number, digits = int(hashlib.sha256(name.encode()).hexdigest(), 16), ""
    for _ in range(6):
        number, rest = divmod(number, 36)
        digits = "0123456789abcdefghijklmnopqrstuvwxyz"[rest] + digits
    return f"{found[:17].rstrip('-')}-{digits}"


def environment_tier(name: str) -> str:
    """The deployment tier GitLab guesses from an environment's name."""
    base = name.rpartition("/")[2] if "/" in name and not name.startswith("review") else name
    if re.search(_TIERS["development"], base, re.IGNORECASE):
        return "development"
    if re.search(_TIERS["testing"], base, re.IGNORECASE):
        return "testing"
    if re.search(_TIERS["staging"], base, re.IGNORECASE):
        return "staging"
    return "production" if re.search(_TIERS["production"], base, re.IGNORECASE) else "other"


def pipeline_variables(
    project: CiProject, pipeline: Pipeline, commit: Commit, *, server: str, username: str, tag_message: str
) -> list[Variable]:
    """What is known before a job exists."""
    path, _, _ = project.full_path.rpartition("/")
    url = urlsplit(server)
    on_branch = not pipeline.tag and pipeline.merge_request_iid is None
    values = {
        "CI": "true",
        "GITLAB_CI": "true",
        "CI_SERVER": "yes",
        "CI_SERVER_NAME": "GitLab",
        "CI_SERVER_URL": server,
        "CI_SERVER_FQDN": url.netloc,
        "CI_SERVER_HOST": url.hostname or "",
        "CI_SERVER_PORT": str(url.port or (443 if url.scheme == "https" else 80)),
        "CI_SERVER_PROTOCOL": url.scheme,
        "CI_SERVER_VERSION": GITLAB_VERSION,
        "CI_API_V4_URL": f"{server}/api/v4",
        "CI_API_GRAPHQL_URL": f"{server}/api/graphql",
        "CI_PROJECT_ID": str(project.id),
        "CI_PROJECT_NAME": project.full_path.rpartition("/")[2],
        "CI_PROJECT_TITLE": project.name,
        "CI_PROJECT_PATH": project.full_path,
        "CI_PROJECT_PATH_SLUG": slug(project.full_path),
        "CI_PROJECT_NAMESPACE": path,
        "CI_PROJECT_ROOT_NAMESPACE": path.partition("/")[0],
        "CI_PROJECT_URL": f"{server}/{project.full_path}",
        "CI_PROJECT_VISIBILITY": project.visibility,
        "CI_DEFAULT_BRANCH": project.default_branch,
        "CI_CONFIG_PATH": project.ci_config_path,
        "CI_PIPELINE_IID": str(pipeline.iid),
        "CI_PIPELINE_SOURCE": pipeline.source,
        "CI_PIPELINE_CREATED_AT": pipeline.created_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "CI_COMMIT_SHA": pipeline.sha,
        "CI_COMMIT_SHORT_SHA": pipeline.sha[:8],
        "CI_COMMIT_BEFORE_SHA": pipeline.before_sha,
        "CI_COMMIT_REF_NAME": pipeline.ref,
        "CI_COMMIT_REF_SLUG": slug(pipeline.ref),
        "CI_COMMIT_REF_PROTECTED": str(project.protects(pipeline.ref, tag=pipeline.tag)).lower(),
        "CI_COMMIT_TIMESTAMP": commit.timestamp,
        "CI_COMMIT_AUTHOR": commit.author,
        "CI_COMMIT_MESSAGE": commit.message,
        "CI_COMMIT_TITLE": commit.title,
        "CI_COMMIT_DESCRIPTION": commit.description,
        "GITLAB_USER_ID": str(pipeline.user_id),
        "GITLAB_USER_LOGIN": username,
        **({"CI_COMMIT_BRANCH": pipeline.ref} if on_branch else {}),
        **({"CI_COMMIT_TAG": pipeline.ref, "CI_COMMIT_TAG_MESSAGE": tag_message} if pipeline.tag else {}),
        **({"CI_PIPELINE_TRIGGERED": "true"} if pipeline.source == "trigger" else {}),
        **({"CI_MERGE_REQUEST_IID": str(pipeline.merge_request_iid)} if pipeline.merge_request_iid else {}),
    }
    return _raw(values)


def job_variables(
    project: CiProject, pipeline: Pipeline, job: Job, *, server: str, token: str, builds: str, timeout: int
) -> list[Variable]:
    """What is known once a job runs. The token and the URL that holds it are masked."""
    home = f"{server}/{project.full_path}"
    scheme, _, rest = home.partition("://")
    secret = {
        "CI_JOB_TOKEN": token,
        "CI_REPOSITORY_URL": f"{scheme}://gitlab-ci-token:{token}@{rest}.git",
    }
    values = {
        "CI_PIPELINE_ID": str(pipeline.id),
        "CI_PIPELINE_URL": f"{home}/-/pipelines/{pipeline.id}",
        "CI_JOB_ID": str(job.id),
        "CI_JOB_URL": f"{home}/-/jobs/{job.id}",
        "CI_JOB_STARTED_AT": (job.started_at or job.created_at).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "CI_JOB_TIMEOUT": str(timeout),
        "CI_BUILDS_DIR": builds,
        "CI_PROJECT_DIR": f"{builds}/{project.full_path}",
        "CI_CONCURRENT_ID": "0",
        "CI_CONCURRENT_PROJECT_ID": "0",
        "CI_RUNNER_DESCRIPTION": "embedded",
        "CI_RUNNER_EXECUTABLE_ARCH": "linux/amd64",
        "CI_RUNNER_TAGS": "[]",
        "CI_SERVER_REVISION": "embedded",
        **({"CI_JOB_MANUAL": "true"} if job.when == "manual" else {}),
    }
    return [*_raw(values), *(Variable(key=key, value=value, masked=True, raw=True) for key, value in secret.items())]


def described_job(name: str, stage: str, node: tuple[int, int] | None) -> list[Variable]:
    """A job's name and stage, which `rules` may already read; `node` is which of how many parallel ones it is."""
    number, total = node or (None, 1)
    values = {"CI_JOB_NAME": name, "CI_JOB_NAME_SLUG": slug(name), "CI_JOB_STAGE": stage, "CI_NODE_TOTAL": str(total)}
    return _raw({**values, **({"CI_NODE_INDEX": str(number)} if number else {})})


def environment_variables(name: str, *, url: str, action: str, tier: str | None) -> list[Variable]:
    """What a job with `environment:` gets."""
    return _raw(
        {
            "CI_ENVIRONMENT_NAME": name,
            "CI_ENVIRONMENT_SLUG": environment_slug(name),
            "CI_ENVIRONMENT_ACTION": action,
            "CI_ENVIRONMENT_TIER": tier or environment_tier(name),
            **({"CI_ENVIRONMENT_URL": url} if url else {}),
        }
    )


def _raw(values: Mapping[str, str]) -> list[Variable]:
    return [Variable(key=key, value=value, raw=True) for key, value in values.items()]

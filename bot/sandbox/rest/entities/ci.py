"""Pipelines and jobs."""

from datetime import datetime

from bot.sandbox.answers import Json
from bot.sandbox.ci.model import Job, Pipeline
from bot.sandbox.rest.entities import code
from bot.sandbox.rest.entities.people import user_or_none
from bot.sandbox.world.clock import stamp, stamp_or_none
from bot.sandbox.world.places import Project
from bot.sandbox.world.world import World

_LABELS = {"success": "passed", "manual": "manual action"}


def pipeline_basic(world: World, project: Project, one: Pipeline) -> Json:
    """API::Entities::Ci::PipelineBasic, what lists show."""
    return {
        "id": one.id,
        "iid": one.iid,
        "project_id": one.project_id,
        "sha": one.sha,
        "ref": one.ref,
        "status": one.status,
        "source": one.source,
        "created_at": stamp(one.created_at),
        "updated_at": stamp(one.updated_at),
        "web_url": f"{world.url}/{project.full_path}/-/pipelines/{one.id}",
        "name": one.name,
    }


def _detailed_status(project: Project, one: Pipeline) -> Json:
    label = _LABELS.get(one.status, one.status)
    return {
        "icon": f"status_{one.status}",
        "text": label.capitalize(),
        "label": label,
        "group": one.status,
        "tooltip": label,
        "has_details": True,
        "details_path": f"/{project.full_path}/-/pipelines/{one.id}",
        "illustration": None,
        "favicon": f"/assets/ci_favicons/favicon_status_{one.status}.png",
    }


def pipeline(world: World, project: Project, one: Pipeline) -> Json:
    """API::Entities::Ci::Pipeline, what one pipeline shows."""
    status = _detailed_status(project, one)
    del status["illustration"]  # only jobs have one
    return pipeline_basic(world, project, one) | {
        "before_sha": one.before_sha,
        "tag": one.tag,
        "yaml_errors": one.yaml_errors,
        "user": user_or_none(world, world.users.get(one.user_id)),
        "started_at": stamp_or_none(one.started_at),
        "finished_at": stamp_or_none(one.finished_at),
        "committed_at": None,
        "duration": None if one.duration is None else round(one.duration),
        "queued_duration": _seconds(one.created_at, one.started_at),
        "coverage": None,
        "archived": False,
        "detailed_status": status,
    }


def _seconds(start: datetime, end: datetime | None) -> float | None:
    return None if end is None else round((end - start).total_seconds(), 3)


def job(world: World, project: Project, pipe: Pipeline, one: Job) -> Json:
    """API::Entities::Ci::Job."""
    commit = project.git.commit(pipe.sha)
    archive = next((file for file in one.artifacts if file.file_type == "archive"), None)
    shown: Json = {
        "id": one.id,
        "status": one.status,
        "stage": one.stage,
        "name": one.name,
        "ref": one.ref,
        "tag": one.tag,
        "coverage": None,
        "allow_failure": one.allow_failure,
        "created_at": stamp(one.created_at),
        "started_at": stamp_or_none(one.started_at),
        "finished_at": stamp_or_none(one.finished_at),
        "erased_at": stamp_or_none(one.erased_at),
        "duration": one.duration,
        "queued_duration": _seconds(one.created_at, one.started_at),
        "user": user_or_none(world, world.users.get(one.user_id)),
        "commit": code.commit(world, project, commit) if commit else None,
        "pipeline": pipeline_basic(world, project, pipe),
        "web_url": f"{world.url}/{project.full_path}/-/jobs/{one.id}",
        "project": {"ci_job_token_scope_enabled": project.settings.outbound_enabled},
        "artifacts": [
            {
                "file_type": file.file_type,
                "size": file.size,
                "filename": file.filename,
                "file_format": file.file_format or "raw",
            }
            for file in one.artifacts
        ],
        "runner": None,
        "runner_manager": None,
        "artifacts_expire_at": stamp_or_none(one.artifacts_expire_at),
        "archived": False,
        "tag_list": [],
    }
    if one.status == "failed":
        # the schema predates this field of the entity, which is shown for failed jobs only
        shown["failure_reason"] = one.failure_reason
    if archive is not None:
        shown["artifacts_file"] = {"filename": archive.filename, "size": archive.size}
    return shown

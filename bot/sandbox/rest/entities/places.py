"""Groups and projects."""

from bot.sandbox.answers import Json
from bot.sandbox.rest.entities.people import user_basic
from bot.sandbox.world.clock import stamp
from bot.sandbox.world.people import Level
from bot.sandbox.world.places import Group, Project
from bot.sandbox.world.world import World


def namespace(world: World, group: Group) -> Json:
    """API::Entities::NamespaceBasic."""
    return {
        "id": group.id,
        "name": group.name,
        "path": group.path,
        "kind": "group",
        "full_path": group.full_path,
        "parent_id": group.parent.id if group.parent else None,
        "avatar_url": None,
        "web_url": f"{world.url}/groups/{group.full_path}",
    }


def _full_name(group: Group) -> str:
    return " / ".join(one.name for one in reversed(list(group.lineage())))


def group_details(world: World, group: Group) -> Json:
    """API::Entities::Group."""
    return {
        "id": group.id,
        "web_url": f"{world.url}/groups/{group.full_path}",
        "name": group.name,
        "path": group.path,
        "description": group.description,
        "visibility": group.visibility,
        "share_with_group_lock": False,
        "require_two_factor_authentication": False,
        "two_factor_grace_period": 48,
        "project_creation_level": "developer",
        "auto_devops_enabled": None,
        "subgroup_creation_level": "maintainer",
        "emails_disabled": False,
        "emails_enabled": True,
        "mentions_disabled": None,
        "lfs_enabled": True,
        "archived": False,
        "default_branch": None,
        "default_branch_protection": 2,
        "avatar_url": None,
        "request_access_enabled": True,
        "full_name": _full_name(group),
        "full_path": group.full_path,
        "created_at": stamp(group.created_at),
        "parent_id": group.parent.id if group.parent else None,
        "organization_id": 1,
        "shared_runners_setting": "enabled",
        "max_artifacts_size": None,
    }


def project_identity(project: Project) -> Json:
    """API::Entities::ProjectIdentity."""
    return {
        "id": project.id,
        "description": project.description,
        "name": project.name,
        "name_with_namespace": f"{_full_name(project.namespace)} / {project.name}",
        "path": project.path,
        "path_with_namespace": project.full_path,
        "created_at": stamp(project.created_at),
    }


def project_simple(world: World, project: Project) -> Json:
    """API::Entities::BasicProjectDetails, what `simple=true` shows."""
    web = f"{world.url}/{project.full_path}"
    empty = project.git.empty()
    return project_identity(project) | {
        "default_branch": None if empty else project.default_branch,
        "tag_list": list(project.topics),
        "topics": list(project.topics),
        "ssh_url_to_repo": f"git@localhost:{project.full_path}.git",
        "http_url_to_repo": f"{web}.git",
        "web_url": web,
        "readme_url": None,
        "forks_count": 0,
        "avatar_url": None,
        "star_count": 0,
        "last_activity_at": stamp(project.last_activity_at),
        "visibility": project.visibility,
        "namespace": namespace(world, project.namespace),
    }


def _access(level: Level | None) -> Json | None:
    return None if level is None else {"access_level": int(level), "notification_level": 3}


def project_details(world: World, project: Project, level: Level, viewer_id: int | None) -> Json:
    """API::Entities::Project. Some settings are shown to maintainers only."""
    api = f"{world.url}/api/v4/projects/{project.id}"
    in_group = max(
        (one.members[viewer_id] for one in project.namespace.lineage() if viewer_id in one.members), default=None
    )
    chosen = project.settings
    shown: Json = project_simple(world, project) | {
        "container_registry_image_prefix": f"localhost/{project.full_path}",
        "_links": {
            "self": api,
            "merge_requests": f"{api}/merge_requests",
            "repo_branches": f"{api}/repository/branches",
            "labels": f"{api}/labels",
            "events": f"{api}/events",
            "members": f"{api}/members",
        },
        "packages_enabled": True,
        "empty_repo": project.git.empty(),
        "archived": project.archived,
        "creator_id": project.creator.id if project.creator else None,
        "import_status": "none",
        "open_issues_count": sum(one.state == "opened" for one in project.issues.values()),
        "issues_enabled": True,
        "merge_requests_enabled": True,
        "wiki_enabled": True,
        "jobs_enabled": True,
        "snippets_enabled": True,
        "builds_access_level": "enabled",
        "package_registry_access_level": "enabled",
        "public_jobs": chosen.public_jobs,
        "shared_runners_enabled": True,
        "lfs_enabled": True,
        "merge_method": chosen.merge_method,
        "squash_option": chosen.squash_option,
        "only_allow_merge_if_pipeline_succeeds": chosen.only_allow_merge_if_pipeline_succeeds,
        "only_allow_merge_if_all_discussions_are_resolved": chosen.only_allow_merge_if_all_discussions_are_resolved,
        "remove_source_branch_after_merge": chosen.remove_source_branch_after_merge,
        "request_access_enabled": True,
        "marked_for_deletion_at": None,
        "marked_for_deletion_on": None,
        "permissions": {
            "project_access": _access(project.members.get(viewer_id) if viewer_id is not None else None),
            "group_access": _access(in_group),
        },
    }
    if project.creator is not None:
        shown["owner"] = user_basic(world, project.creator)
    if level >= Level.MAINTAINER:
        shown |= {
            "ci_config_path": chosen.ci_config_path,
            "ci_default_git_depth": 20,
            "ci_forward_deployment_enabled": chosen.ci_forward_deployment_enabled,
            "ci_forward_deployment_rollback_allowed": True,
            "ci_job_token_scope_enabled": chosen.outbound_enabled,
            "ci_separated_caches": True,
            "ci_pipeline_variables_minimum_override_role": project.pipeline_variables_role,
            "restrict_user_defined_variables": project.pipeline_variables_role != "developer",
            "runners_token": None,
            "build_timeout": 3600,
            "keep_latest_artifact": chosen.keep_latest_artifact,
        }
    return shown

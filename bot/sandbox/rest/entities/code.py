"""Commits, branches, tags, comparisons, protected refs."""

from datetime import datetime

from bot.sandbox.answers import Json
from bot.sandbox.git.repository import Commit, FileDiff, Ref
from bot.sandbox.git.trailers import trailers
from bot.sandbox.world import access
from bot.sandbox.world.people import LEVEL_NAMES, Level, User
from bot.sandbox.world.places import Project
from bot.sandbox.world.settings import AccessLevel, ProtectedBranch, ProtectedTag
from bot.sandbox.world.world import World


def git_time(moment: datetime) -> str:
    """A git time as the API prints it: its own offset, milliseconds."""
    return moment.isoformat(timespec="milliseconds")


def commit(world: World, project: Project, one: Commit) -> Json:
    """API::Entities::Commit."""
    found = trailers(one.message)
    return {
        "id": one.id,
        "short_id": one.id[:8],
        "created_at": git_time(one.committed),
        "parent_ids": list(one.parents),
        "title": one.title,
        "message": one.message,
        "author_name": one.author_name,
        "author_email": one.author_email,
        "authored_date": git_time(one.authored),
        "committer_name": one.committer_name,
        "committer_email": one.committer_email,
        "committed_date": git_time(one.committed),
        "trailers": {key: values[-1] for key, values in found.items()},
        "extended_trailers": {key: list(values) for key, values in found.items()},
        "web_url": f"{world.url}/{project.full_path}/-/commit/{one.id}",
    }


def branch(world: World, project: Project, ref: Ref, one: Commit, viewer: User | None) -> Json:
    """API::Entities::Branch."""
    rules = access.branch_rules(project, ref.name)
    return {
        "name": ref.name,
        "commit": commit(world, project, one),
        "merged": False,
        "protected": bool(rules),
        "developers_can_push": any(0 < right.access_level <= Level.DEVELOPER for rule in rules for right in rule.push),
        "developers_can_merge": any(
            0 < right.access_level <= Level.DEVELOPER for rule in rules for right in rule.merge
        ),
        "can_push": access.can_push_branch(viewer, project, ref.name),
        "default": ref.name == project.default_branch,
        "web_url": f"{world.url}/{project.full_path}/-/tree/{ref.name}",
    }


def tag(world: World, project: Project, ref: Ref, one: Commit) -> Json:
    """API::Entities::Tag. `target` is the tag object of an annotated tag, which alone has `created_at`."""
    release = project.releases.get(ref.name)
    return {
        "name": ref.name,
        "message": ref.message,
        "target": ref.target,
        "commit": commit(world, project, one),
        "release": None if release is None else {"tag_name": release.tag, "description": release.description},
        "protected": project.protects(ref.name, tag=True),
        "created_at": git_time(ref.created) if ref.annotated else None,
    }


def file_diff(one: FileDiff) -> Json:
    """API::Entities::Diff."""
    return {
        "diff": one.diff,
        "collapsed": False,
        "too_large": False,
        "new_path": one.new_path,
        "old_path": one.old_path,
        "a_mode": one.a_mode,
        "b_mode": one.b_mode,
        "new_file": one.new_file,
        "renamed_file": one.renamed_file,
        "deleted_file": one.deleted_file,
        "generated_file": None,
    }


def _right(one: AccessLevel) -> Json:
    return {
        "id": one.id,
        "access_level": int(one.access_level),
        "access_level_description": LEVEL_NAMES.get(one.access_level, one.access_level.name.capitalize()),
        "deploy_key_id": None,
        "user_id": one.user_id,
        "group_id": None,
    }


def protected_branch(rule: ProtectedBranch) -> Json:
    """API::Entities::ProtectedBranch with its EE fields."""
    return {
        "id": rule.id,
        "name": rule.name,
        "push_access_levels": [_right(one) for one in rule.push],
        "merge_access_levels": [_right(one) for one in rule.merge],
        "allow_force_push": rule.allow_force_push,
        "unprotect_access_levels": [],
        "code_owner_approval_required": False,
        "inherited": False,
    }


def protected_tag(rule: ProtectedTag) -> Json:
    """API::Entities::ProtectedTag."""
    return {"name": rule.name, "create_access_levels": [_right(one) for one in rule.create]}

"""Who may see and do what: levels inherited through groups, visibility, protected refs."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from bot.sandbox.world.people import Level, Token, User
from bot.sandbox.world.places import Group, Project
from bot.sandbox.world.settings import AccessLevel, ProtectedBranch, ProtectedTag, ref_matches

if TYPE_CHECKING:
    from bot.sandbox.world.world import World


def group_level(user: User | None, group: Group) -> Level:
    """The user's highest level in `group`, ancestors counted. Admins are owners everywhere."""
    if user is None:
        return Level.NONE
    if user.admin:
        return Level.OWNER
    return membership(user.id, group)


def membership(user_id: int, place: Group | Project) -> Level:
    """The highest level that somebody made the user: here, in a group above, or by a group that was invited."""
    groups = place.namespace.lineage() if isinstance(place, Project) else place.lineage()
    places: list[Project | Group] = [place, *groups]
    return max(
        (
            level
            for one in places
            for level in (one.members.get(user_id, Level.NONE), *(each.level(user_id) for each in one.invited.values()))
        ),
        default=Level.NONE,
    )


def project_level(user: User | None, project: Project) -> Level:
    """The user's highest level in `project`, groups counted. Admins are owners everywhere."""
    if user is None:
        return Level.NONE
    return Level.OWNER if user.admin else membership(user.id, project)


def is_member(user: User, project: Project) -> bool:
    """Whether somebody made the user a member, here or in a group above; being an admin does not count."""
    return membership(user.id, project) > Level.NONE


def can_see(user: User | None, place: Project | Group) -> bool:
    """Whether the place exists for this user; what one may not see is a 404."""
    if place.visibility == "public" or (place.visibility == "internal" and user is not None):
        return True
    if isinstance(place, Project):
        return project_level(user, place) >= Level.MINIMAL
    if group_level(user, place) >= Level.MINIMAL:
        return True
    # a member of something inside sees the groups that lead there
    return user is not None and any(
        user.id in group.members or any(user.id in project.members for project in group.projects)
        for group in place.tree()
    )


def can_read_code(user: User | None, project: Project) -> bool:
    """`read_code`: everyone in public and internal projects, Reporter in private ones."""
    if project.visibility == "private":
        return project_level(user, project) >= Level.REPORTER
    return can_see(user, project)


def _allowed(user: User, level: Level, rights: Iterable[AccessLevel]) -> bool:
    return any(
        right.user_id == user.id if right.user_id is not None else 0 < right.access_level <= level for right in rights
    )


def job_token_reaches(world: "World", token: Token, project: Project) -> bool:
    """Whether a job's token opens the project: its own, and those whose allowlist has it or a group above it.

    Public and internal projects stay readable. Source: app/models/ci/job_token/scope.rb.
    """
    home = world.projects.get(token.project_id or 0)
    chosen = project.settings
    if home is None:
        return False
    if home is project or not chosen.inbound_enabled or home.id in chosen.allowed_projects:
        return True
    return any(group.id in chosen.allowed_groups for group in home.namespace.lineage())


def branch_rules(project: Project, name: str) -> list[ProtectedBranch]:
    """The protection rules that cover the branch."""
    return [rule for rule in project.protected_branches if ref_matches(rule.name, name)]


def tag_rules(project: Project, name: str) -> list[ProtectedTag]:
    """The protection rules that cover the tag."""
    return [rule for rule in project.protected_tags if ref_matches(rule.name, name)]


def can_push_branch(user: User | None, project: Project, name: str) -> bool:
    """Developer, and on a protected branch the right any of its rules gives."""
    level = project_level(user, project)
    if user is None or level < Level.DEVELOPER:
        return False
    rules = branch_rules(project, name)
    return not rules or any(_allowed(user, level, rule.push) for rule in rules)


def can_merge_branch(user: User | None, project: Project, name: str) -> bool:
    """Whether the user may merge into the branch: by its merge right or its push right."""
    level = project_level(user, project)
    if user is None or level < Level.DEVELOPER:
        return False
    rules = branch_rules(project, name)
    return not rules or any(_allowed(user, level, [*rule.merge, *rule.push]) for rule in rules)


def can_create_tag(user: User | None, project: Project, name: str) -> bool:
    """Developer, and on a protected tag the right any of its rules gives."""
    level = project_level(user, project)
    if user is None or level < Level.DEVELOPER:
        return False
    rules = tag_rules(project, name)
    return not rules or any(_allowed(user, level, rule.create) for rule in rules)

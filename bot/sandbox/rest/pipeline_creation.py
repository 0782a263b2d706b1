"""Creating pipelines for a request, a trigger or a schedule: GitLab's chain of refusals.

Every refusal is a 400 whose message has `base`. Source: lib/gitlab/ci/pipeline/chain/*, lib/gitlab/user_access.rb.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from bot.sandbox.answers import RefusalError, invalid, message
from bot.sandbox.ci.model import CiError, Pipeline
from bot.sandbox.git.changes import BLANK
from bot.sandbox.git.repository import Ref
from bot.sandbox.rest.call import Call
from bot.sandbox.rest.params import Params
from bot.sandbox.world import access
from bot.sandbox.world.people import Level, User
from bot.sandbox.world.places import Project

TOO_MANY = "Too many pipelines created in the last minute. Try again later."
_ROLES = {"developer": Level.DEVELOPER, "maintainer": Level.MAINTAINER, "owner": Level.OWNER}
_NO_RIGHT = (
    "You do not have sufficient permission to run a pipeline on '{}'. Please select a different branch or contact "
    "your administrator for assistance."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is to run: for whom, on which ref (short or full name), with which variables and inputs.

    `own` are variables GitLab adds itself, which need no right.
    """

    user: User
    ref: str
    source: str
    variables: tuple[Mapping[str, str], ...] = ()
    own: tuple[Mapping[str, str], ...] = ()
    inputs: Mapping[str, object] | None = None


def refused(*sentences: str) -> RefusalError:
    """400 with `base`."""
    return message(400, {"base": list(sentences)})


def may_use_ref(user: User | None, project: Project, ref: str, *, tag: bool) -> bool:
    """On a protected branch push or merge right, on a protected tag the right to create it."""
    if tag:
        return access.can_create_tag(user, project, ref)
    return access.can_merge_branch(user, project, ref)


def find_ref(project: Project, name: str) -> tuple[Ref, bool]:
    """The branch or tag, and whether it is a tag. Raises: RefusalError (400) for none, or two of that name."""
    short = name.removeprefix("refs/heads/").removeprefix("refs/tags/")
    branch = None if name.startswith("refs/tags/") else project.git.branch(short)
    tag = None if name.startswith("refs/heads/") else project.git.tag(short)
    found = tag or branch
    if found is None:
        raise refused("Reference not found")
    if branch and tag:
        raise refused("Ref is ambiguous")
    return found, tag is not None


def _too_many(call: Call, project: Project, user: User, sha: str) -> bool:
    """More than the world allows for one user and commit within a minute. Source: chain/limit/rate_limit.rb."""
    limit = call.world.pipelines_per_minute
    start = call.world.clock.now() - timedelta(minutes=1)
    recent = [
        pipe
        for pipe in call.pipelines.pipelines(project.id)
        if (pipe.user_id, pipe.sha) == (user.id, sha) and pipe.created_at > start
    ]
    return 0 < limit <= len(recent)


def create(call: Call, project: Project, order: Order) -> Pipeline:
    """A new pipeline, started. Raises: RefusalError (400)."""
    user = order.user
    if access.project_level(user, project) < Level.DEVELOPER:
        raise refused("Insufficient permissions to create a new pipeline")
    ref, tag = find_ref(project, order.ref)
    if _too_many(call, project, user, ref.commit):
        raise refused(TOO_MANY)
    if not may_use_ref(user, project, ref.name, tag=tag):
        raise refused(_NO_RIGHT.format(ref.name))
    least = _ROLES.get(project.pipeline_variables_role)
    if order.variables and (least is None or access.project_level(user, project) < least):
        raise refused("Insufficient permissions to set pipeline variables")
    try:
        return call.pipelines.create(
            project,
            ref=ref.name,
            tag=tag,
            sha=ref.commit,
            before_sha=BLANK,
            source=order.source,
            user_id=user.id,
            username=user.username,
            variables=[*order.variables, *order.own],
            inputs=order.inputs or None,
        )
    except CiError as error:
        raise refused(*error.messages) from None


def sent_variables(rows: Iterable[Params], name: str) -> tuple[Mapping[str, str], ...]:
    """The variables of a request. Raises: RefusalError (400) naming what a row lacks."""
    found: list[Mapping[str, str]] = []
    for number, row in enumerate(rows):
        missing = [f"{name}[{number}][{key}] is missing" for key in ("key", "value") if not row.has(key)]
        if missing:
            raise invalid(", ".join(missing))
        kind = row.choice("variable_type", ("env_var", "file"), "env_var")
        found.append({"key": row.needed("key"), "value": row.text("value") or "", "variable_type": kind})
    return tuple(found)

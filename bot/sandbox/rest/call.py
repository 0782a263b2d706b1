"""One API request: who asks for what, and the lookups every resource starts with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, BinaryIO

from bot.sandbox.answers import Answer, Json, forbidden, invalid, not_found, unauthorized
from bot.sandbox.auth import Identity, token_reaches
from bot.sandbox.malformed import whole_number
from bot.sandbox.rest.params import Params
from bot.sandbox.world import access
from bot.sandbox.world.people import Level, TokenKind, User
from bot.sandbox.world.places import Group, Project
from bot.sandbox.world.world import World

if TYPE_CHECKING:
    from bot.sandbox.ci.pipelines import Pipelines
    from bot.sandbox.hooks.delivery import HookSender


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """A file of a multipart request, spooled to memory or disk."""

    filename: str
    stream: BinaryIO


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """An authenticated request. `raw_path` and `query` are as sent; `arguments` are decoded path segments."""

    world: World
    pipelines: Pipelines
    hooks: HookSender
    identity: Identity
    method: str
    raw_path: str
    query: list[tuple[str, str]]
    params: Params
    headers: Mapping[str, str]
    arguments: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, Upload] = field(default_factory=dict)

    @property
    def base_url(self) -> str:
        """The instance's URL, without a slash at the end."""
        return self.world.url

    def viewer(self) -> User | None:
        """The user, None for anonymous and deploy tokens."""
        return self.identity.user

    def user(self) -> User:
        """The user. Raises: RefusalError (401) when there is none."""
        if self.identity.user is None:
            raise unauthorized()
        return self.identity.user

    def admin(self) -> User:
        """The user, who must be an admin. Raises: RefusalError."""
        user = self.user()
        if not user.admin:
            raise forbidden()
        return user

    def project(self, need: Level | None = None, *, code: bool = False, argument: str = "id") -> Project:
        """The project the path names by id or path.

        `need` is the least level, `code` asks for `read_code`.

        Raises:
            RefusalError: 404 for what the user may not see, 401 or 403 for what is not allowed there.
        """
        key, world = self.arguments[argument], self.world
        found = world.projects.get(whole_number(key)) if key.isdecimal() else world.project_paths.get(key.lower())
        if found is None or not self.sees(found):
            raise not_found("Project")
        if need is not None and self.level(found) < need:
            self.user()
            raise forbidden()
        if code and not access.can_read_code(self.viewer(), found):
            raise forbidden()
        return found

    def any_project(self) -> Project:
        """The project the path names, whoever asks. Raises: RefusalError (404)."""
        key, world = self.arguments["id"], self.world
        found = world.projects.get(whole_number(key)) if key.isdecimal() else world.project_paths.get(key.lower())
        if found is None:
            raise not_found()
        return found

    def sees(self, place: Project | Group) -> bool:
        """Whether the place exists for the caller."""
        token = self.identity.token
        if token is not None and token.kind is TokenKind.DEPLOY:
            return token_reaches(token, place)
        if self._foreign(place) and place.visibility == "private":
            return False
        return access.can_see(self.viewer(), place)

    def _foreign(self, place: Project | Group) -> bool:
        """Whether the credential is a job's token that the project's allowlist leaves out."""
        token = self.identity.token
        if token is None or token.kind is not TokenKind.JOB or not isinstance(place, Project):
            return False
        return not access.job_token_reaches(self.world, token, place)

    def level(self, project: Project) -> Level:
        """The caller's level in the project; none for a job's token from outside the allowlist."""
        if self._foreign(project):
            return Level.NONE
        return access.project_level(self.viewer(), project)

    def group(self, need: Level | None = None) -> Group:
        """The group the path names. Raises: RefusalError, as `project`."""
        key = self.arguments["id"]
        if key.isdecimal():
            found = next((one for one in list(self.world.groups.values()) if one.id == whole_number(key)), None)
        else:
            found = self.world.groups.get(key.lower())
        if found is None or not self.sees(found):
            raise not_found("Group")
        if need is not None and access.group_level(self.user(), found) < need:
            raise forbidden()
        return found

    def number(self, argument: str) -> int:
        """A path segment that is an id. Raises: RefusalError (400)."""
        text = self.arguments[argument]
        if not text.isdecimal():
            raise invalid(f"{argument} is invalid")
        return whole_number(text)


def ok(body: Json | list[Json]) -> Answer:
    """200 with a body."""
    return Answer(body=body)


def created(body: Json) -> Answer:
    """201 with the new record."""
    return Answer(status=201, body=body)


def no_content() -> Answer:
    """204."""
    return Answer(status=204)

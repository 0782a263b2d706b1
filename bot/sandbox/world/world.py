"""The world: every record of the embedded GitLab, and the calls with which stories and tests build it."""

import random
import threading
from collections.abc import Callable, Iterable, Mapping
from datetime import date
from itertools import count
from pathlib import Path

from bot.sandbox.activity import Activity
from bot.sandbox.git.objects import Seed, Signature
from bot.sandbox.git.repository import Repository
from bot.sandbox.limits import Limits
from bot.sandbox.world import flow
from bot.sandbox.world.applications import Applications
from bot.sandbox.world.clock import WorldClock
from bot.sandbox.world.people import Level, Token, TokenKind, User
from bot.sandbox.world.places import Group, Project
from bot.sandbox.world.settings import AccessLevel, Hook, ProtectedBranch, ProtectedTag, Variable
from bot.sandbox.world.work import MergeRequest

_PREFIXES = {
    TokenKind.PERSONAL: "glpat-",
    TokenKind.PROJECT: "glpat-",
    TokenKind.GROUP: "glpat-",
    TokenKind.DEPLOY: "gldt-",
    TokenKind.JOB: "glcbt-64_",
}
_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"


class World:
    """All records, in memory; git and package bytes lie below `data`.

    Calls may come from any thread: writers hold `lock`, readers copy what they iterate.
    `seed` makes tokens repeatable; without one they are unpredictable.
    """

    def __init__(self, data: Path, *, seed: int | None = None) -> None:
        self.data = data
        self.clock = WorldClock()
        self.lock = threading.RLock()
        self.users: dict[int, User] = {}
        self.tokens: dict[str, Token] = {}
        self.groups: dict[str, Group] = {}
        self.projects: dict[int, Project] = {}
        self.project_paths: dict[str, Project] = {}
        self.instance_variables: list[Variable] = []
        self.system_hooks: dict[int, Hook] = {}
        self.url = ""
        self.limits = Limits(self.clock.now)
        self.pypi_forward_url: str | None = None
        self.storage_url: Callable[[Path, str], str] | None = None
        self.pipelines_per_minute = 0  # for one user and commit; 0 is off, as on a self-managed instance
        self.seed = seed
        self._random: random.Random = random.SystemRandom() if seed is None else random.Random(seed)
        self._ids: dict[str, count[int]] = {}
        self.activity = Activity(self)
        self.applications = Applications(self)

    def next_id(self, kind: str) -> int:
        """The next id of a kind of record; the first is 1."""
        with self.lock:
            return next(self._ids.setdefault(kind, count(1)))

    def secret(self, length: int = 32) -> str:
        """Random letters and digits."""
        return "".join(self._random.choices(_ALPHABET, k=length))

    # people and credentials

    def create_user(self, username: str, admin: bool = False, *, name: str | None = None, bot: bool = False) -> User:
        """A new user."""
        user = User(
            id=self.next_id("user"),
            username=username,
            name=name or username.replace("-", " ").title(),
            email=f"{username}@users.invalid",
            created_at=self.clock.now(),
            admin=admin,
            bot=bot,
        )
        self.users[user.id] = user
        return user

    def user_named(self, username: str) -> User | None:
        """The user with this name, case ignored."""
        return next((user for user in list(self.users.values()) if user.username.lower() == username.lower()), None)

    def add_token(self, kind: TokenKind, name: str, scopes: Iterable[str], **fields: object) -> Token:
        """Register a new credential; `fields` are further fields of `Token`."""
        token = Token(
            id=self.next_id("token"),
            kind=kind,
            name=name,
            secret=_PREFIXES[kind] + self.secret(20 if kind is TokenKind.PERSONAL else 24),
            scopes=frozenset(scopes),
            created_at=self.clock.now(),
            **fields,  # type: ignore[arg-type]  # callers pass fields of Token
        )
        self.tokens[token.secret] = token
        return token

    def create_token(self, user: User, scopes: Iterable[str], name: str, expires_at: date | None = None) -> str:
        """A personal access token of `user`; the secret is returned."""
        return self.add_token(TokenKind.PERSONAL, name, scopes, user=user, expires_at=expires_at).secret

    def create_access_token(
        self, place: Project | Group, scopes: Iterable[str], name: str, *, level: Level = Level.MAINTAINER
    ) -> str:
        """A project or group access token: a bot user of that level and its secret."""
        kind = TokenKind.PROJECT if isinstance(place, Project) else TokenKind.GROUP
        bot = self.create_user(f"{kind}_{place.id}_bot_{self.secret(8).lower()}", name=name, bot=True)
        self.add_member(place, bot, level)
        owner = {"project_id": place.id} if isinstance(place, Project) else {"group_id": place.id}
        return self.add_token(kind, name, scopes, user=bot, **owner).secret

    def create_deploy_token(self, place: Project | Group, scopes: Iterable[str], name: str) -> tuple[str, str]:
        """A deploy token; user name and secret are returned."""
        owner = {"project_id": place.id} if isinstance(place, Project) else {"group_id": place.id}
        username = f"gitlab+deploy-token-{self.next_id('deploy_token')}"
        token = self.add_token(TokenKind.DEPLOY, name, scopes, username=username, **owner)
        return username, token.secret

    def revoke_token(self, secret: str) -> None:
        """The credential opens nothing any more."""
        if secret in self.tokens:
            self.tokens[secret].revoked = True

    # places

    def create_group(self, full_path: str, visibility: str = "private") -> Group:
        """The group at `full_path`; missing ancestors are created with it, an existing one is returned."""
        known = self.groups.get(full_path.lower())
        if known is not None:
            return known
        above, _, path = full_path.rpartition("/")
        parent = self.create_group(above, visibility) if above else None
        with self.lock:
            group = Group(
                id=self.next_id("namespace"),
                path=path,
                full_path=full_path,
                name=path,
                created_at=self.clock.now(),
                parent=parent,
                visibility=visibility,
            )
            self.groups[full_path.lower()] = group
            if parent is not None:
                parent.children.append(group)
        return group

    def create_project(
        self,
        full_path: str,
        visibility: str = "private",
        files: Mapping[str, str | bytes] | None = None,
        *,
        creator: User | None = None,
        default_branch: str = "main",
        tags: Iterable[str] = (),
    ) -> Project:
        """A project with one commit of `files` on its protected default branch, or an empty one without files.

        `tags` are lightweight tags on that commit. Nothing is written to disk until the repository is read.
        """
        above, _, path = full_path.rpartition("/")
        namespace = self.create_group(above)
        now = self.clock.now()
        seed = None
        if files is not None:
            data = {name: text.encode() if isinstance(text, str) else text for name, text in files.items()}
            author = self.signature(creator)
            seed = Seed(branch=default_branch, files=data, author=author, tags=tuple(tags))
        with self.lock:
            if full_path.lower() in self.project_paths:
                raise ValueError(f"there is already a project {full_path}")
            number = self.next_id("project")
            place = self.data / "repositories" / f"{number % 256:02x}" / f"{number}.git"
            project = Project(
                id=number,
                path=path,
                name=path,
                namespace=namespace,
                visibility=visibility,
                created_at=now,
                last_activity_at=now,
                creator=creator,
                default_branch=default_branch,
                git=Repository(path=place, default_branch=default_branch, seed=seed),
                instance_variables=self.instance_variables,
            )
            self.projects[number] = project
            self.project_paths[full_path.lower()] = project
            namespace.projects.append(project)
        if files is not None:
            self.protect_branch(project, default_branch)
        return project

    def remove_project(self, project: Project) -> None:
        """The project is gone; its repository stays on disk until the sandbox ends."""
        with self.lock:
            self.projects.pop(project.id, None)
            self.project_paths.pop(project.full_path.lower(), None)
            project.namespace.projects.remove(project)

    def move_project(self, project: Project, full_path: str) -> None:
        """Rename or transfer a project; its id and all it holds stay. It is no activity of the project."""
        above, _, path = full_path.rpartition("/")
        namespace = self.create_group(above)
        with self.lock:
            self.project_paths.pop(project.full_path.lower())
            project.namespace.projects.remove(project)
            project.namespace, project.path = namespace, path
            namespace.projects.append(project)
            self.project_paths[full_path.lower()] = project

    def add_member(self, place: Project | Group, user: User, level: int) -> None:
        """Make the user a member of the place."""
        place.members[user.id] = Level(level)

    # settings

    def _right(self, level: int) -> AccessLevel:
        return AccessLevel(id=self.next_id("access_level"), access_level=Level(level))

    def protect_branch(
        self,
        project: Project,
        pattern: str,
        push_level: int = 40,
        merge_level: int = 40,
        allow_force_push: bool = False,
    ) -> ProtectedBranch:
        """Protect the branches matching `pattern`."""
        rule = ProtectedBranch(
            id=self.next_id("protected_branch"),
            name=pattern,
            push=[self._right(push_level)],
            merge=[self._right(merge_level)],
            allow_force_push=allow_force_push,
        )
        project.protected_branches.append(rule)
        return rule

    def protect_tag(self, project: Project, pattern: str, create_level: int = 40) -> ProtectedTag:
        """Protect the tags matching `pattern`."""
        rule = ProtectedTag(name=pattern, create=[self._right(create_level)])
        project.protected_tags.append(rule)
        return rule

    def variables_of(self, owner: Project | Group | None) -> list[Variable]:
        """The variables of a place; None is the instance."""
        return self.instance_variables if owner is None else owner.variables

    def set_variable(
        self,
        owner: Project | Group | None,
        key: str,
        value: str,
        *,
        masked: bool = False,
        protected: bool = False,
        hidden: bool = False,
        raw: bool = False,
        environment_scope: str = "*",
        variable_type: str = "env_var",
    ) -> Variable:
        """Add the variable, or replace the one of this key and scope. None as owner is the instance."""
        rows = self.variables_of(owner)
        variable = Variable(
            id=self.next_id("variable"),
            key=key,
            value=value,
            masked=masked or hidden,
            protected=protected,
            hidden=hidden,
            raw=raw,
            environment_scope=environment_scope,
            variable_type=variable_type,
        )
        with self.lock:
            rows[:] = [one for one in rows if (one.key, one.environment_scope) != (key, environment_scope)]
            rows.append(variable)
        return variable

    # work: the same calls the API makes

    def signature(self, user: User | None) -> Signature:
        """How `user` signs a commit now."""
        name, email = (user.name, user.email) if user else ("GitLab", "noreply@localhost")
        return Signature(name=name, email=email, when=self.clock.now())

    def commit(
        self,
        project: Project,
        branch: str,
        message: str,
        files: Mapping[str, str | bytes | None],
        author: User,
        *,
        start_branch: str | None = None,
        force: bool = False,
    ) -> str:
        """Commit `files` (None removes one) on `branch` as a push of `author`; returns the new commit id.

        A branch that does not exist (with `force` any) starts from `start_branch`, or from the default branch.
        """
        return flow.commit(self, project, branch, message, files, author, start_branch=start_branch, force=force)

    def create_merge_request(
        self,
        project: Project,
        author: User,
        source_branch: str,
        title: str,
        *,
        target_branch: str | None = None,
        description: str = "",
        labels: Iterable[str] = (),
    ) -> MergeRequest:
        """Open a merge request for a branch that exists."""
        target = target_branch or project.default_branch
        return flow.open_merge_request(
            self, project, author, source_branch, target, title, description=description, labels=list(labels)
        )

    def merge(self, project: Project, merge_request: MergeRequest, user: User, *, squash: bool = False) -> str:
        """Merge by the project's method; the target's new head is returned.

        Raises: MergeConflictError, flow.NotFastForwardError.
        """
        return flow.merge(self, project, merge_request, user, squash=squash)

    def create_tag(self, project: Project, name: str, ref: str, user: User, message: str = "") -> str:
        """Tag `ref` as a push of `user`; returns the tagged commit id."""
        return flow.create_tag(self, project, name, ref, user, message)

"""Who may do what in one project: what GraphQL has no field for. Several projects are asked at the same time.

Source: lib/api/{projects,protected_tags,protected_branches,project_job_token_scope}.rb, lib/api/ci/*.rb.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import date
from typing import TypeVar
from urllib.parse import quote

from bot.adapters.gitlab.client import Json
from bot.adapters.gitlab.estate import queries
from bot.adapters.gitlab.estate.asking import Asker
from bot.adapters.gitlab.estate.reading import cursor, gid, nodes, number, within
from bot.domain.errors import CredentialsError, RefusedError, TransientError
from bot.domain.estate import (
    Access,
    AccessToken,
    GroupTokens,
    ProjectSettings,
    ProtectedBranches,
    ProtectedTags,
    Schedule,
    Trigger,
    Unread,
)

MOST_ROWS = 2_000  # of one list; more protection rules or schedules than this no project has in earnest
UNAUTHORIZED = 401

T = TypeVar("T")


class Doors:
    """Reads `Access`. What a group says for all its projects is asked once. Safe to share between threads."""

    def __init__(self, asker: Asker) -> None:
        self._asker = asker
        self._lock = threading.Lock()
        self._forwarding: dict[str, bool | Unread] = {}
        self._groups: dict[str, GroupTokens] = {}
        self._asking: dict[str, threading.Lock] = {}

    def read(self, project_id: int, namespace: str) -> Access:
        """Eight questions, one more where there are schedules, two for each group that was not asked yet.

        What may not be answered is `Unread`.

        Raises: CredentialsError for a refused token.
        """
        base = f"/projects/{project_id}"
        tags = self._list(f"{base}/protected_tags", _tags, "protected tags")
        settings = self._one(base, project_settings, "settings of the project")
        personal = isinstance(settings, ProjectSettings) and settings.personal
        return Access(
            settings=settings,
            tags=tags,
            branches=self._list(f"{base}/protected_branches", _branches, "protected branches"),
            allowlist=self._one(f"{base}/job_token_scope", lambda row: bool(row["inbound_enabled"]), "job token scope"),
            schedules=self._schedules(project_id, maintainer=not isinstance(tags, Unread)),
            triggers=self._list(f"{base}/triggers", _trigger, "trigger tokens"),
            forwards_pypi=self._forwards(namespace),
            access_tokens=self._tokens(f"{base}/access_tokens", "project access tokens"),
            deploy_tokens=self._tokens(f"{base}/deploy_tokens", "deploy tokens"),
            groups=() if personal else tuple(map(self._group, _with_parents(namespace))),
        )

    def _schedules(self, project_id: int, *, maintainer: bool) -> tuple[Schedule, ...] | Unread:
        """With the names of their variables, which GraphQL gives without values. To those who may not see them it shows
        an empty list, so that only a Maintainer's counts.
        """
        found = self._list(f"/projects/{project_id}/pipeline_schedules", _schedule, "pipeline schedules")
        if isinstance(found, Unread) or not found:
            return found
        known = self._looked(lambda: self._keys(project_id), "variables of schedules") if maintainer else None
        keys: Mapping[int, tuple[str, ...]] = known if isinstance(known, Mapping) else {}
        return tuple(replace(one, keys=keys.get(one.id)) for one in found)

    def _keys(self, project_id: int) -> Mapping[int, tuple[str, ...]] | Unread:
        """Of each schedule all names, or none where there are more than a hundred."""
        found: dict[int, tuple[str, ...] | None] = {}
        after: str | None = None
        while len(found) <= MOST_ROWS:
            data = self._asker.api.graphql(queries.SCHEDULES, {"ids": [gid(project_id)], "after": after})
            page = within(next(iter(nodes(data, "projects")), None), "pipelineSchedules")
            found |= self._asker.api.read(lambda row: dict(_named(one) for one in nodes(row)), page)
            after = cursor(page)
            if after is None:
                return {schedule: keys for schedule, keys in found.items() if keys is not None}
        return Unread(what="variables of schedules", remedy="Remove the schedules that nobody needs")

    def _group(self, path: str) -> GroupTokens:
        """Its tokens: one thread asks, others that want them wait for it."""
        with self._lock:
            asking = self._asking.setdefault(path, threading.Lock())
        with asking:
            if path not in self._groups:
                base = f"/groups/{quote(path, safe='')}"
                self._groups[path] = GroupTokens(
                    group=path,
                    access_tokens=self._of_group(
                        f"{base}/access_tokens", f"access tokens of the group {path}", "Owner"
                    ),
                    deploy_tokens=self._of_group(
                        f"{base}/deploy_tokens", f"deploy tokens of the group {path}", "Maintainer"
                    ),
                )
            return self._groups[path]

    def _of_group(self, path: str, what: str, role: str) -> tuple[AccessToken, ...] | Unread:
        found = self._tokens(path, what)
        if isinstance(found, Unread) and found in (_unread(what), _gone(what)):
            return Unread(what=what, remedy=f"{role} of the group may read them: give the token's user that role")
        return found

    def _one(self, path: str, convert: Callable[[Json], T], what: str) -> T | Unread:
        def ask() -> T | Unread:
            row = self._asker.api.get(path)
            return _gone(what) if row is None else self._asker.api.read(convert, row)

        return self._looked(ask, what)

    def _list(self, path: str, convert: Callable[[Json], T], what: str) -> tuple[T, ...] | Unread:
        def ask() -> tuple[T, ...] | Unread:
            rows = tuple(self._bounded(path, convert))
            if len(rows) > MOST_ROWS:
                return Unread(what=f"{what} (more than {MOST_ROWS})", remedy="Remove those nobody needs")
            return rows

        return self._looked(ask, what)

    def _tokens(self, path: str, what: str) -> tuple[AccessToken, ...] | Unread:
        """Active ones. GitLab answers 401 to those whose role may not list them; a token that it does not know at all
        was refused with the questions before. Source: lib/api/resource_access_tokens.rb.
        """
        try:
            found = self._list(path, _access_token, what)
        except CredentialsError:
            return _unread(what)
        return found if isinstance(found, Unread) else tuple(one for one in found if one is not None)

    def _bounded(self, path: str, convert: Callable[[Json], T]) -> Iterator[T]:
        for place, row in enumerate(self._asker.api.pages(path)):
            yield self._asker.api.read(convert, row)
            if place >= MOST_ROWS:
                return

    def _looked(self, ask: Callable[[], T | Unread], what: str) -> T | Unread:
        try:
            return self._asker.patiently(ask)
        except CredentialsError as error:
            if error.status == UNAUTHORIZED:
                raise
            return _unread(what)
        except RefusedError as error:
            return _gone(what) if error.status == 404 else Unread(what=f"{what} ({error})", remedy="Audit again later")
        except TransientError as error:
            return Unread(what=f"{what} ({error})", remedy="Audit again later")

    def _forwards(self, namespace: str) -> bool | Unread:
        with self._lock:
            known = self._forwarding.get(namespace)
        if known is not None:
            return known

        def ask() -> bool | Unread:
            data = self._asker.api.graphql(queries.FORWARDING, {"path": namespace})
            settings = within(data, "group", "packageSettings")
            if not isinstance(settings, dict):
                return Unread(what=f"package settings of the group {namespace}", remedy="Be a member of the group")
            return bool(settings.get("pypiPackageRequestsForwarding"))

        found = self._looked(ask, f"package settings of the group {namespace}")
        with self._lock:
            self._forwarding[namespace] = found
        return found


def _with_parents(namespace: str) -> Iterator[str]:
    """A full path and those of all groups above it, the nearest first."""
    while namespace:
        yield namespace
        namespace = namespace.rpartition("/")[0]


def _unread(what: str) -> Unread:
    return Unread(what=what, remedy="Maintainer of the project may read them: give the token's user that role")


def _gone(what: str) -> Unread:
    return Unread(
        what=what,
        remedy="GitLab answers 404: the token's user needs Maintainer in the project, or the project went away",
    )


def project_settings(row: Json) -> ProjectSettings:
    """A project's settings as its row shows them to a Maintainer.

    Before 17.1 there was no role: either Maintainers may set variables of a pipeline, or all Developers may.
    """
    role = row.get("ci_pipeline_variables_minimum_override_role")
    if role is None and isinstance(row.get("restrict_user_defined_variables"), bool):
        role = "maintainer" if row["restrict_user_defined_variables"] else "developer"
    branch = row.get("default_branch")
    return ProjectSettings(
        default_branch=None if branch is None else str(branch),
        visibility=str(row.get("visibility", "private")),
        public_jobs=bool(row.get("public_jobs", False)),
        variables_role=None if role is None else str(role),
        ci_path=str(row["ci_config_path"]) if row.get("ci_config_path") else None,
        personal=within(row, "namespace", "kind") == "user",
        pipelines=row.get("builds_access_level") != "disabled" and row.get("jobs_enabled") is not False,
        packages=row.get("package_registry_access_level") != "disabled" and row.get("packages_enabled") is not False,
    )


def _levels(rows: Json) -> tuple[int, ...]:
    """Levels of roles; a row that names a user, a group or a deploy key is a choice somebody made for that one."""
    named = ("user_id", "group_id", "deploy_key_id")
    return tuple(
        int(row["access_level"])
        for row in rows or ()
        if row.get("access_level") is not None and all(row.get(name) is None for name in named)
    )


def _tags(row: Json) -> ProtectedTags:
    return ProtectedTags(pattern=str(row["name"]), create=_levels(row.get("create_access_levels")))


def _branches(row: Json) -> ProtectedBranches:
    return ProtectedBranches(
        pattern=str(row["name"]),
        push=_levels(row.get("push_access_levels")),
        merge=_levels(row.get("merge_access_levels")),
        force_push=bool(row.get("allow_force_push", False)),
    )


def _schedule(row: Json) -> Schedule:
    return Schedule(
        id=int(row["id"]),
        ref=str(row["ref"]),
        active=bool(row.get("active", True)),
        description=str(row.get("description") or ""),
    )


def _access_token(row: Json) -> AccessToken | None:
    """None for one that is revoked or has expired. Its name may be a secret somebody mistook for one."""
    if row.get("revoked") or row.get("expired") or row.get("active") is False:
        return None
    expires = row.get("expires_at")
    return AccessToken(
        id=int(row["id"]),
        scopes=tuple(map(str, row.get("scopes") or ())),
        expires_on=None if expires is None else date.fromisoformat(str(expires)[:10]),
    )


def _named(row: Json) -> tuple[int, tuple[str, ...] | None]:
    """A schedule's number and the names of its variables; None for what was cut off or withheld."""
    variables = row.get("variables")
    keys = tuple(str(one["key"]) for one in nodes(variables))
    return number(row["id"]), None if variables is None or within(variables, "pageInfo", "hasNextPage") else keys


def _trigger(row: Json) -> Trigger:
    """The row's `token` may be whole: it is not looked at."""
    expires = None
    with suppress(TypeError, ValueError):
        expires = date.fromisoformat(str(row.get("expires_at"))[:10])
    return Trigger(
        id=int(row["id"]),
        description=str(row.get("description") or ""),
        owner=str((row.get("owner") or {}).get("username", "")),
        expires_on=expires,
    )

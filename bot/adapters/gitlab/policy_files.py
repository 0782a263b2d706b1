"""A project's own file of policy. Source: lib/api/{branches,files}.rb."""

from __future__ import annotations

import base64
import math
import threading
import time
from collections import OrderedDict
from urllib.parse import quote

from bot.adapters.gitlab.client import Api, Json
from bot.adapters.gitlab.projects import GitLabProjects
from bot.domain.errors import CredentialsError, RefusedError
from bot.domain.layers import MOST_BYTES, OWN_FILE, PolicyText
from bot.domain.refs import Project
from bot.ports.policy_files import Age

MOST_KEPT = 10_000  # projects; an answer has some kilobytes at most, and mostly none
GOOD_FOR = {Age.NEW: -1.0, Age.RECENT: 300.0, Age.ANY: math.inf}  # seconds

_UNPROTECTED = "is not protected, so that anybody who pushes could write it: protect it under Settings > Repository"


class GitLabPolicyFiles:
    """See bot.ports.policy_files.PolicyFiles. One request while the branch stands still, two when it moved."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._projects = GitLabProjects(api)
        self._kept: OrderedDict[int, tuple[float, PolicyText]] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, project: Project, age: Age) -> PolicyText:
        """What the file says at the head of the default branch. A refusal (403, too large) is a fault in the answer."""
        with self._lock:
            at, known = self._kept.get(project.id, (0.0, None))
        if known is not None and time.monotonic() - at <= GOOD_FOR[age]:
            return known
        asked = time.monotonic()
        try:
            found = self._read(project, known)
        except CredentialsError as error:
            if error.status != 403:
                raise
            found = PolicyText(fault=f"{OWN_FILE} cannot be read: {error}")
        with self._lock:
            self._kept[project.id] = (asked, found)
            self._kept.move_to_end(project.id)
            if len(self._kept) > MOST_KEPT:
                self._kept.popitem(last=False)
        return found

    def _read(self, project: Project, known: PolicyText | None) -> PolicyText:
        name, row = project.default_branch, None
        if name is not None:
            row = self._branch(project.id, name)
        if row is None or not self._api.read(lambda one: bool(one["default"]), row):
            # The record of the project is older than its settings: another branch is the default by now.
            now = self._projects.project(project.id)
            name = None if now is None else now.default_branch
            row = None if name is None else self._branch(project.id, name)
        if row is None:
            return PolicyText()
        sha = self._api.read(lambda one: str(one["commit"]["id"]), row)
        protected = self._api.read(lambda one: bool(one["protected"]), row)
        same = known is not None and known.sha == sha and not known.fault
        if known is not None and same and (protected or known.content is None):
            return known
        found = self._file(project.id, sha)
        if found.content is not None and not protected:
            return PolicyText(sha=sha, fault=f"{OWN_FILE} is not read: the default branch {name} {_UNPROTECTED}")
        return found

    def _branch(self, project_id: int, name: str) -> Json | None:
        return self._api.get(f"/projects/{project_id}/repository/branches/{quote(name, safe='')}")

    def _file(self, project_id: int, sha: str) -> PolicyText:
        try:
            row = self._api.get(f"/projects/{project_id}/repository/files/{quote(OWN_FILE, safe='')}", ref=sha)
        except CredentialsError:
            raise
        except RefusedError as error:  # an answer beyond all bounds
            return PolicyText(sha=sha, fault=f"{OWN_FILE} at {sha[:8]} cannot be read: {error}")
        if row is None:
            return PolicyText(sha=sha)
        size = self._api.read(lambda one: int(one["size"]), row)
        if size > MOST_BYTES:
            what = f"has {size} bytes, more than the {MOST_BYTES} allowed: shorten it"
            return PolicyText(sha=sha, fault=f"{OWN_FILE} at {sha[:8]} {what}")
        return self._api.read(
            lambda one: PolicyText(sha=sha, blob=str(one["blob_id"]), content=base64.b64decode(one["content"])), row
        )

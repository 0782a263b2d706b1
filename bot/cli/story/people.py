"""The people: they change files, open and merge merge requests, and push protected tags with real git."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import httpx

from bot.cli.story.stage import Scene, clean_environment
from bot.domain.errors import RefusedError

DEVELOPER, MAINTAINER, OWNER = "linus", "grace", "ada"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One merge request: its title and the files it changes."""

    title: str
    files: dict[str, str]


class Clone:
    """A person's clone of one project."""

    def __init__(self, scene: Scene, project: str, user: str) -> None:
        self._scene = scene
        self._user = user
        self.project = project
        self.folder = scene.folder / "work" / f"{project.replace('/', '-')}-{user}"
        address = scene.gitlab.replace("://", f"://{user}:{scene.tokens[user]}@", 1)
        self.folder.parent.mkdir(exist_ok=True)
        self._run("clone", "--quiet", f"{address}/{project}.git", str(self.folder), cwd=self.folder.parent)

    def propose(self, branch: str, change: Change) -> None:
        """Commit a change on a branch of its own, from the newest main, and push it."""
        self._run("fetch", "--quiet", "origin", "main")
        self._run("checkout", "--quiet", "-B", branch, "origin/main")
        for name, text in change.files.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        self._run("add", "--all")
        self._run("commit", "--quiet", "--message", change.title)
        self._run("push", "--quiet", "--force", "origin", branch)

    def tag(self, name: str) -> None:
        """Tag the newest main, annotated, and push the tag."""
        self._run("fetch", "--quiet", "origin", "main")
        self._run("tag", "--annotate", "--message", f"Release {name}", name, "origin/main")
        self._run("push", "--quiet", "origin", name)

    def _run(self, *arguments: str, cwd: Path | None = None) -> None:
        who = {
            "GIT_AUTHOR_NAME": self._user,
            "GIT_AUTHOR_EMAIL": f"{self._user}@acme.example",
            "GIT_COMMITTER_NAME": self._user,
            "GIT_COMMITTER_EMAIL": f"{self._user}@acme.example",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_TERMINAL_PROMPT": "0",
        }
        done = subprocess.run(
            ["git", *arguments],
            cwd=cwd or self.folder,
            env=clean_environment(self._scene.folder) | who,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            said = done.stderr.strip().splitlines()[-1:] or ["no word"]
            raise RefusedError(what=f"git {arguments[0]} failed: {said[0]}", where=self.project)


def merge(scene: Scene, project: str, branch: str, title: str) -> int:
    """The developer opens a merge request for a pushed branch, the maintainer merges it. Returns its iid."""
    path = f"/projects/{quote(project, safe='')}/merge_requests"
    with scene.api(DEVELOPER) as developer, scene.api(MAINTAINER) as maintainer:
        body = {"source_branch": branch, "target_branch": "main", "title": title, "labels": "feature"}
        iid = _good(developer.post(path, json=body))["iid"]
        assert isinstance(iid, int), "a merge request has a number"
        _good(maintainer.put(f"{path}/{iid}/merge", json={"should_remove_source_branch": True}))
    return iid


def install_hook(scene: Scene, project: str, *, pushes: bool = False) -> None:
    """The owner lets GitLab tell the bot of tags and pipelines, and of pushes to branches where those are released."""
    body = {
        "url": f"http://127.0.0.1:{scene.port}/hooks/gitlab",
        "signing_token": scene.hook_secret,
        "push_events": pushes,
        "tag_push_events": True,
        "pipeline_events": True,
    }
    with scene.api(OWNER) as owner:
        _good(owner.post(f"/projects/{quote(project, safe='')}/hooks", json=body))


def set_variable(scene: Scene, project: str, key: str, value: str) -> None:
    """The owner gives a project's jobs a credential, masked and protected."""
    body = {"key": key, "value": value, "masked": True, "protected": True, "raw": True}
    with scene.api(OWNER) as owner:
        _good(owner.post(f"/projects/{quote(project, safe='')}/variables", json=body))


def _good(response: httpx.Response) -> dict[str, object]:
    if response.is_error:
        what = f"{response.request.method} {response.request.url.path} answered {response.status_code}: {response.text}"
        raise RefusedError(what=what, where="sandbox", status=None)
    value = response.json()
    assert isinstance(value, dict)
    return value

"""The CI job that we run in, as GitLab's predefined variables tell of it."""

from __future__ import annotations

from dataclasses import dataclass

from bot.domain.refs import Project, RefKind
from bot.domain.releases import ReleaseId


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningJob:
    """One job. `gitlab_url` is the instance's address without `/api/v4`.

    `ref_protected` is what GitLab says of the ref; `from_fork` that the code is of another project than the job's
    merge request is for.
    """

    id: int
    name: str
    project_id: int
    project: str
    project_url: str
    gitlab_url: str
    kind: RefKind
    ref: str
    sha: str
    ref_protected: bool
    from_fork: bool

    @property
    def release_id(self) -> ReleaseId:
        """What the job's commit is pinned to."""
        return ReleaseId(project_id=self.project_id, kind=self.kind, ref=self.ref, sha=self.sha)

    @property
    def home(self) -> Project:
        """The job's project."""
        return Project(id=self.project_id, full_path=self.project, web_url=self.project_url, default_branch=None)

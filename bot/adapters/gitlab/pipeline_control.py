"""Start pipelines and play jobs.

Source: lib/api/ci/pipelines.rb, lib/api/ci/jobs.rb, lib/gitlab/ci/pipeline/chain/*.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

from bot.adapters.gitlab.client import Api
from bot.adapters.gitlab.pipelines import job_of, pipeline_of
from bot.domain.errors import PutOffError, RefusedError
from bot.domain.gitlab import Job, Pipeline
from bot.domain.policy import InputValue

BAD_REQUEST = 400
# A 400 tells what is wrong by GitLab's own fixed sentences alone: a wrong guess only costs the remedy.
TOO_MANY = "Too many pipelines created in the last minute"
A_MINUTE = timedelta(minutes=1)
_REMEDIES = (
    ("Reference not found", "The branch or tag is gone: push it again"),
    ("Ref is ambiguous", "A branch and a tag have this one name: rename or delete the one that is not released"),
    ("Insufficient permissions to set pipeline variables", "Let the pipeline take `inputs` and no variables"),
    ("Insufficient permissions to create a new pipeline", "Make the bot's user a Developer of the project"),
    (
        "You do not have sufficient permission to run a pipeline",
        "Let the bot's user create the protected tag, or merge into the protected branch, in the project's settings",
    ),
    (
        " input",
        "Make releases[].pipeline.inputs and the `spec: inputs` of the CI file agree",
    ),
    (
        "The rules configuration prevented any jobs",
        "Its rules leave no job in a pipeline that the API started (CI_PIPELINE_SOURCE is `api`): let them ask for the "
        "ref instead",
    ),
    ("Missing CI config file", "There is no .gitlab-ci.yml at that commit: add one and release a new commit"),
)
_OTHERWISE = "Mend the CI file, or run a pipeline for the ref in GitLab, then resume"


class GitLabPipelineControl:
    """See bot.ports.gitlab.PipelineControl."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def start(self, project_id: int, ref: str, inputs: Mapping[str, InputValue]) -> Pipeline:
        """POST …/pipeline; inputs and no variables, which most projects refuse."""
        body: dict[str, object] = {"ref": ref}
        if inputs:
            body["inputs"] = {name: list(v) if isinstance(v, tuple) else v for name, v in inputs.items()}
        try:
            row = self._api.send("post", f"/projects/{project_id}/pipeline", body)
        except RefusedError as error:
            if error.status != BAD_REQUEST:
                raise
            if TOO_MANY in error.what:
                raise PutOffError(
                    what=error.what, where=error.where, retry_after=A_MINUTE, status=error.status
                ) from None
            raise replace(error, remedy=_remedy(error.what)) from None
        return self._api.read(pipeline_of, row)

    def play(self, project_id: int, job_id: int) -> Job:
        """POST …/play; a 400 says that the job waits no more."""
        row = self._api.send("post", f"/projects/{project_id}/jobs/{job_id}/play", {})
        return self._api.read(lambda one: job_of(one, self._api.ahead()), row)


def _remedy(said: str) -> str:
    return next((remedy for words, remedy in _REMEDIES if words.lower() in said.lower()), _OTHERWISE)

"""CI Lint. Source: lib/api/lint.rb, lib/gitlab/ci/lint.rb, lib/api/entities/ci/lint/result.rb."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from urllib.parse import urlsplit

import yaml

from bot.sandbox.answers import Answer, Json, not_found
from bot.sandbox.ci.components import Components
from bot.sandbox.ci.config import read_config
from bot.sandbox.ci.creation import base_variables, draw
from bot.sandbox.ci.document import FindComponent, resolve
from bot.sandbox.ci.model import CiError, Pipeline
from bot.sandbox.ci.source import NO_COMMIT, Source
from bot.sandbox.ci.spec import CiFile, JobSpec
from bot.sandbox.rest.call import Call, ok
from bot.sandbox.rest.pipeline_creation import find_ref
from bot.sandbox.rest.routing import Routes
from bot.sandbox.world.components import component_project
from bot.sandbox.world.people import Level
from bot.sandbox.world.places import Project

ROUTES = Routes()


@dataclass(slots=True)
class _Reading:
    """A configuration read at a commit, and the local files it took in."""

    project: Project
    sha: str | None
    included: list[str] = field(default_factory=list)

    def source(self) -> Source | None:
        return Source(self.project.repository, self.sha) if self.sha else None

    def read(self, path: str) -> str | None:
        source = self.source()
        text = source.read(path) if source else None
        if text is not None and path not in self.included:
            self.included.append(path)
        return text

    def files(self) -> list[str]:
        source = self.source()
        return source.files if source else []


class _Dumper(yaml.SafeDumper):
    """YAML as Ruby prints it: lists are not indented, strings of several lines are blocks."""


def _text(dumper: _Dumper, text: str) -> yaml.Node:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)


def _merged(reading: _Reading, content: str, component: FindComponent) -> tuple[str | None, list[str]]:
    """The configuration with includes and `extends` resolved, and the errors that made this impossible."""
    try:
        whole = resolve(content, inputs={}, read=reading.read, files=reading.files, component=component)
    except CiError as error:
        return None, error.messages
    return "---\n" + yaml.dump(whole, Dumper=_Dumper, sort_keys=False, allow_unicode=True), []


def _components(call: Call, project: Project) -> FindComponent:
    """What the caller may include; the variables of a pipeline that is not there are left out, but for the server's."""
    known = {"CI_SERVER_FQDN": urlsplit(call.base_url).netloc, "CI_PROJECT_PATH": project.full_path}
    viewer = call.viewer()
    user_id = viewer.id if viewer is not None else 0
    return Components(variables=known, user_id=user_id, find=partial(component_project, call.world))


def _job(spec: JobSpec) -> Json:
    return {
        "name": spec.name,
        "stage": spec.stage,
        "before_script": list(spec.before_script),
        "script": list(spec.script),
        "after_script": list(spec.after_script),
        "tag_list": [],
        "only": None if spec.only is None else {"refs": list(spec.only.refs or ())},
        "except": None if spec.except_ is None else {"refs": list(spec.except_.refs or ())},
        "environment": spec.environment.name if spec.environment else None,
        "when": spec.when,
        "allow_failure": spec.may_fail,
        "needs": None if spec.needs is None else [{"name": need.job} for need in spec.needs],
    }


def _includes(call: Call, reading: _Reading) -> list[Json]:
    base = f"{call.base_url}/{reading.project.full_path}/-"
    return [
        {
            "type": "local",
            "location": path,
            "blob": f"{base}/blob/{reading.sha}/{path}",
            "raw": f"{base}/raw/{reading.sha}/{path}",
            "extra": {},
            "context_project": reading.project.full_path,
            "context_sha": reading.sha,
        }
        for path in reading.included
    ]


def _simulated(call: Call, project: Project, file: CiFile, name: str) -> Sequence[JobSpec]:
    """The jobs a pipeline on the ref would have. Raises: CiError, RefusalError."""
    ref, tag = find_ref(project, name)
    now = call.world.clock.now()
    pipeline = Pipeline(
        id=0,
        iid=0,
        project_id=project.id,
        ref=ref.name,
        tag=tag,
        sha=ref.commit,
        before_sha=NO_COMMIT,
        source="push",
        status="created",
        user_id=call.user().id,
        created_at=now,
        updated_at=now,
    )
    source = Source(project.repository, ref.commit)
    base = base_variables(project, pipeline, source, server=call.base_url, username=call.user().username)
    return [chosen.spec for chosen in draw(project, pipeline, source, file, base).chosen]


def _result(call: Call, reading: _Reading, content: str | None, dry_run_ref: str | None) -> Answer:
    component = _components(call, reading.project)
    merged, errors = _merged(reading, content or "", component)
    jobs: Sequence[JobSpec] = ()
    if not errors:
        try:
            file = read_config(content or "", read=reading.read, files=reading.files, component=component)
            jobs = file.jobs
            if dry_run_ref is not None:
                jobs = _simulated(call, reading.project, file, dry_run_ref)
        except CiError as error:
            errors, jobs = error.messages, ()
    shown: Json = {
        "valid": not errors,
        "errors": list(errors),
        "warnings": [],
        "merged_yaml": merged,
        "includes": _includes(call, reading),
    }
    if call.params.flag("include_jobs"):
        shown["jobs"] = [_job(spec) for spec in jobs]
    return ok(shown)


@ROUTES.get("/projects/:id/ci/lint")
def lint_commit(call: Call) -> Answer:
    """The configuration of a commit (`content_ref`); needs `read_code`, 404 in an empty repository."""
    project, params = call.project(code=True), call.params
    if project.git.empty():
        raise not_found("Repository")
    sha = project.git.resolve(params.text("content_ref") or params.text("sha") or project.default_branch)
    if sha is None:
        raise not_found("Commit")
    reading = _Reading(project, sha)
    content = Source(project.repository, sha).read(project.ci_config_path)
    wanted = params.text("dry_run_ref") or params.text("ref") or project.default_branch
    return _result(call, reading, content, wanted if params.flag("dry_run") else None)


@ROUTES.post("/projects/:id/ci/lint")
def lint_content(call: Call) -> Answer:
    """A configuration that is sent; its includes are read at the default branch. Developer; 200, not 201."""
    call.params.require("content")
    project, params = call.project(Level.DEVELOPER), call.params
    head = None if project.git.empty() else project.git.resolve(project.default_branch)
    wanted = params.text("ref") or project.default_branch
    return _result(call, _Reading(project, head), params.text("content"), wanted if params.flag("dry_run") else None)

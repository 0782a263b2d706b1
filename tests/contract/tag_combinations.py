"""Projects whose next tag publishes, or does not: every way in which flags, refs, scopes and rules meet."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from bot.sandbox.world import World
from bot.sandbox.world.places import Project

TAG = "v9999.0.0"
PASSWORD = "pypi-AgEIcHlwaS5vcmcCJDAwMDAwMDAw"
# Takes what twine would take, and is quicker to start: it succeeds with the right user name and password alone, and
# with a job's token at GitLab's registry. Only for PyPI there is a user name by itself.
RIGHT = hashlib.sha256(PASSWORD.encode()).hexdigest()
TWINE = f"""\
twine() {{ shift; U="$TWINE_USERNAME"; P="$TWINE_PASSWORD"; D=__token__;
  while [ $# -gt 0 ]; do case "$1" in -p) P="$2"; shift;; -u) U="$2"; shift;; --repository-url) D=""; shift;; esac;
    shift; done;
  U="${{U:-$D}}"; test "$U" = gitlab-ci-token && test "$P" = "$CI_JOB_TOKEN" && test -n "$P" && return 0;
  test "$U" = __token__ && test "$(printf %s "$P" | sha256sum | cut -c1-64)" = {RIGHT}; }}
"""

GATES: Mapping[str, str] = {
    "any": "",
    "tag": "rules: [{if: $CI_COMMIT_TAG}]",
    "protected tag": """rules: [{if: '$CI_COMMIT_TAG && $CI_COMMIT_REF_PROTECTED == "true"'}]""",
    "branch": "rules: [{if: $CI_COMMIT_BRANCH}]",
    "version": r"rules: [{if: '$CI_COMMIT_TAG =~ /^v\d+\.\d+\.\d+$/'}]",
    "other tag": "rules: [{if: '$CI_COMMIT_TAG =~ /^release/'}]",
    "manual": "rules: [{if: $CI_COMMIT_TAG, when: manual}]",
    "not on schedules": """rules: [{if: '$CI_PIPELINE_SOURCE == "schedule"', when: never}, {if: $CI_COMMIT_TAG}]""",
    "default branch": "rules: [{if: $CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH}]",
    "switch": """rules: [{if: '$CI_COMMIT_TAG && $PUBLISH == "1"'}]""",
    "not switched off": "rules: [{if: $SKIP_PUBLISH, when: never}, {when: on_success}]",
    "only tags": "only: [tags]",
    "except tags": "except: [tags]",
    "only main": "only: [main]",
    "only versions": r"only: [/^v\d+/]",
}
WORKFLOWS: Mapping[str, str] = {
    "none": "",
    "tags": "workflow: {rules: [{if: $CI_COMMIT_TAG}]}",
    "branches": "workflow: {rules: [{if: $CI_COMMIT_BRANCH}]}",
}
FORMS: Mapping[str, tuple[str, str, str]] = {
    # name in the settings, `variables` of the job, arguments and assignments of the upload
    "plain": ("TWINE_PASSWORD", "", "twine upload dist/*"),
    "handed on": ("PYPI_TOKEN", "TWINE_PASSWORD: $PYPI_TOKEN", "twine upload dist/*"),
    "to itself": ("TWINE_PASSWORD", "TWINE_PASSWORD: $TWINE_PASSWORD", "twine upload dist/*"),
    "option": ("PYPI_TOKEN", "", 'twine upload -u __token__ -p "$PYPI_TOKEN" dist/*'),
    "assigned": ("PYPI_TOKEN", "", 'TWINE_PASSWORD="$PYPI_TOKEN" twine upload dist/*'),
    "exported": ("PYPI_TOKEN", "", 'export TWINE_PASSWORD="$PYPI_TOKEN"; twine upload dist/*'),
    "never read": ("TWINE_TOKEN", "", "twine upload dist/*"),
    "in house": ("TWINE_PASSWORD", "", "twine upload --repository-url https://in.house/ dist/*"),
    "registry": (
        "TWINE_PASSWORD",
        "",
        'twine upload --repository-url "$CI_API_V4_URL" -u gitlab-ci-token -p "$CI_JOB_TOKEN" dist/*',
    ),
}
# Keys of the publishing job, and the jobs around it.
ORDERS: Mapping[str, tuple[str, str]] = {
    "alone": ("", ""),
    "later stage": ("stage: deploy", "{stage: build}"),
    "unknown stage": ("stage: release", ""),
    "usual stage not named": ("", "{stage: build}\nstages: [build, deploy]"),
    "named stages": ("stage: release", "{stage: build}\nstages: [build, release]"),
    "needs": ("needs: [first]", "{stage: build}"),
    "needs what never runs": ("needs: [first]", "{rules: [{if: $CI_COMMIT_BRANCH}]}"),
    "needs what may be missing": ("needs: [{job: first, optional: true}]", "{rules: [{if: $CI_COMMIT_BRANCH}]}"),
    "needs by hand": ("needs: [first]", "{when: manual}"),
    "needs after failure": ("needs: [first]", "{stage: build, when: on_failure}"),
    "after failure": ("stage: deploy", "{stage: build, when: on_failure}"),
    "needs what is later": ("needs: [first]", "{stage: deploy}"),
    "needs nobody": ("needs: [second]", "{stage: build}"),
    "by hand before": ("stage: deploy", "{when: manual}"),
    "held up": ("stage: deploy", "{when: manual, allow_failure: false}"),
    "held up by rules": ("stage: deploy", "{rules: [{if: $CI_COMMIT_TAG, when: manual}]}"),
    "let on by rules": ("stage: deploy", "{rules: [{if: $CI_COMMIT_TAG, when: manual, allow_failure: true}]}"),
    "held up, needs nothing": ("stage: deploy\n  needs: []", "{when: manual, allow_failure: false}"),
    "held up, needs another": (
        "stage: deploy\n  needs: [second]",
        "{stage: build, when: manual, allow_failure: false}\nsecond: {stage: test, script: [exit 0]}",
    ),
    "takes what is not there": ("dependencies: [second]", "{stage: build}"),
    "a keyword that is none": ("scirpt: [x]", ""),
    "in a circle": ("needs: [first]", "{needs: [publish]}"),
}
ENVIRONMENTS = (None, "pypi", "pypi/$CI_COMMIT_TAG", "$WHERE")
SCOPES = ("*", "pypi", "pypi*", "production")


@dataclass(frozen=True, slots=True, kw_only=True)
class Combination:
    """One project."""

    number: int
    gate: str
    workflow: str
    form: str
    environment: str | None
    scope: str
    protected: bool
    tag_protected: bool
    level: str
    user: str
    order: str = "alone"
    trusted: bool = False

    def ci(self) -> str:
        """Its CI file."""
        _, variables, upload = FORMS[self.form]
        if self.user == "file":
            variables = ", ".join(part for part in (variables, "TWINE_USERNAME: __token__") if part)
        if self.environment == "$WHERE":
            variables = ", ".join(part for part in (variables, "WHERE: pypi") if part)
        own, around = ORDERS[self.order]
        lines = [
            WORKFLOWS[self.workflow],
            "publish:",
            f"  environment: {self.environment}" if self.environment else "",
            f"  variables: {{{variables}}}" if variables else "",
            f"  {GATES[self.gate]}" if GATES[self.gate] else "",
            f"  {own}" if own else "",
            "  id_tokens: {PYPI_ID_TOKEN: {aud: pypi}}" if self.trusted else "",
            "  before_script:",
            "    - |",
            *(f"      {line}" for line in TWINE.splitlines()),
            "  script:",
            f"    - {upload!r}" if "'" not in upload else f"    - {upload}",
        ]
        if around:
            lines.append(f"first: {around.replace('{', '{script: [exit 0], ', 1)}")
        return "\n".join(line for line in lines if line) + "\n"

    def build(self, world: World, group: str) -> Project:
        """Make it."""
        folder = f"{group}/g{self.number}"
        project = world.create_project(f"{folder}/p", files={".gitlab-ci.yml": self.ci(), "README.md": "x\n"})
        holder = project.namespace if self.level == "group" else project
        key = FORMS[self.form][0]
        flags = {"masked": True, "protected": self.protected, "environment_scope": self.scope}
        world.set_variable(holder, key, PASSWORD, **flags)  # type: ignore[arg-type]  # flags of their own types
        if self.user == "settings":
            world.set_variable(project, "TWINE_USERNAME", "__token__", masked=True)
        if self.level == "shadow":
            world.set_variable(project.namespace, key, "somebody-elses-token", masked=True)
        if self.tag_protected:
            world.protect_tag(project, "v*")
        return project


def _sound(number: int, order: str) -> Combination:
    """One that publishes unless what stands around its job is in the way."""
    return Combination(
        number=number,
        gate="tag",
        workflow="none",
        form="plain",
        environment=None,
        scope="*",
        protected=True,
        tag_protected=True,
        level="project",
        user="none",
        order=order,
    )


def combinations(number: int, seed: int) -> Iterator[Combination]:
    """So many of them: every order alone, then every gate with every form before anything repeats."""
    dice = random.Random(seed)
    yield from (_sound(place, order) for place, order in enumerate(ORDERS))
    pairs = [(gate, form) for gate in GATES for form in FORMS]
    for place in range(len(ORDERS), number):
        gate, form = pairs[place % len(pairs)]
        yield Combination(
            number=place,
            gate=gate,
            form=form,
            workflow=dice.choice(["none", "none", "none", "tags", "branches"]),
            environment=dice.choice(ENVIRONMENTS),
            scope=dice.choice(["*", *SCOPES]),
            protected=dice.random() < 0.5,
            tag_protected=dice.random() < 0.5,
            level=dice.choice(["project", "project", "group", "shadow"]),
            user=dice.choice(["none", "settings", "file"]),
            # No PyPI trusts this GitLab: the token alone publishes nothing, and beside a password it changes nothing.
            trusted=dice.random() < 0.2,
            order=dice.choice(["alone", "alone", *ORDERS]) if place % 4 == 0 else "alone",
        )

"""Projects whose publishing job decides in its script, or elsewhere in the file, whether and as whom it uploads."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from bot.sandbox.world import World
from bot.sandbox.world.places import Project
from tests.contract.tag_combinations import PASSWORD, RIGHT

TAGS = "rules: [{if: $CI_COMMIT_TAG}]"
UPLOAD = "twine upload dist/*"
REGISTRY = 'twine upload --repository-url "$CI_API_V4_URL" -u gitlab-ci-token -p "$CI_JOB_TOKEN" dist/*'
PYPIRC = "[pypi]\nusername = __token__\npassword = %s\n"
# Takes what twine would take, from where twine takes it: options, environment, ~/.pypirc.
TWINE = """\
#!/bin/sh
[ "$1" = upload ] || exit 0
shift; U="$TWINE_USERNAME"; P="$TWINE_PASSWORD"; D=__token__
while [ $# -gt 0 ]; do case "$1" in
  -p|--password) P="$2"; shift;; --password=*) P="${1#--password=}";; -p*) P="${1#-p}";;
  -u|--username) U="$2"; shift;; --username=*) U="${1#--username=}";; -u*) U="${1#-u}";;
  --repository-url) D=""; shift;; esac; shift; done
[ -n "$P" ] || P=$(sed -n 's/^password = //p' "$HOME/.pypirc" 2>/dev/null)
U="${U:-$D}"
if [ "$U" = gitlab-ci-token ] && [ -n "$P" ] && [ "$P" = "$CI_JOB_TOKEN" ] ||
   { [ "$U" = __token__ ] && [ "$(printf %s "$P" | sha256sum | cut -c1-64)" = RIGHT ]; }
then echo "$CI_JOB_NAME" >> "UPLOADED/$CI_PROJECT_ID"; else exit 1; fi
"""


@dataclass(frozen=True, kw_only=True)
class Scripted:
    """One project: the script of its job `publish`, the job's other keys, what else its file has, its variable."""

    script: tuple[str, ...]
    keys: str = TAGS
    around: str = ""
    key: str = "TWINE_PASSWORD"
    value: str = PASSWORD
    flags: Mapping[str, str] = field(default_factory=dict)

    def build(self, world: World, path: str, uploaded: Path) -> Project:
        """Make it; each upload that works leaves a line in the folder `uploaded`."""
        script = "\n".join(f"    - {json.dumps(one)}" for one in self.script)
        keys = "\n".join(f"  {line}" for line in self.keys.splitlines())
        begin = "before_script: ['mkdir b; cp fake b/twine; chmod +x b/twine; export PATH=$PWD/b:$PATH']"
        files = {
            ".gitlab-ci.yml": f"{begin}\n{self.around}\npublish:\n  script:\n{script}\n{keys}\n",
            "fake": TWINE.replace("RIGHT", RIGHT).replace("UPLOADED", str(uploaded)),
            "Makefile": f"publish:\n\t{UPLOAD}\n",
            "release.sh": f"{UPLOAD}\n",
        }
        project = world.create_project(path, files=files)
        world.set_variable(project, self.key, self.value, protected=True, **self.flags)  # type: ignore[arg-type]
        world.protect_tag(project, "v*")
        return project


def _one(*script: str, **more: str) -> Scripted:
    return Scripted(script=script, **more)  # type: ignore[arg-type]  # texts all of them


def _token(*script: str, **more: str) -> Scripted:
    return _one(*script, key="PYPI_TOKEN", **more)


# By what the answer may be besides the truth: nothing, or that nobody can know.
CERTAIN: Mapping[str, Scripted] = {
    "plain": _one(UPLOAD),
    "a rule hands it on": _token(
        UPLOAD, keys="rules: [{if: $CI_COMMIT_TAG, variables: {TWINE_PASSWORD: $PYPI_TOKEN}}]"
    ),
    "a rule names another user": _one(UPLOAD, keys="rules: [{if: $CI_COMMIT_TAG, variables: {TWINE_USERNAME: bob}}]"),
    "the workflow hands it on": _token(
        UPLOAD, around="workflow: {rules: [{if: $CI_COMMIT_TAG, variables: {TWINE_PASSWORD: $PYPI_TOKEN}}]}"
    ),
    "not inherited": _token(
        UPLOAD, around="variables: {TWINE_PASSWORD: $PYPI_TOKEN}", keys=f"{TAGS}\ninherit: {{variables: false}}"
    ),
    "another user, not inherited": _one(
        UPLOAD, around="variables: {TWINE_USERNAME: bob}", keys=f"{TAGS}\ninherit: {{variables: false}}"
    ),
    "another user": _one(UPLOAD, around="variables: {TWINE_USERNAME: bob}"),
    "not expanded": _token(
        UPLOAD, keys=f"{TAGS}\nvariables: {{TWINE_PASSWORD: {{value: $PYPI_TOKEN, expand: false}}}}"
    ),
    "a matrix names the user": _one(
        "twine upload --repository-url https://in.house/ dist/*",
        keys=f"{TAGS}\nparallel: {{matrix: [{{TWINE_USERNAME: [__token__]}}]}}",
    ),
    "a file": Scripted(script=(UPLOAD,), flags={"variable_type": "file"}),
    "two uploads, one without": _one(REGISTRY, UPLOAD, key="NONE_OF_IT"),
    "two jobs, one without": _one(UPLOAD, around=f"other: {{script: ['{REGISTRY}'], {TAGS}}}", key="NONE_OF_IT"),
    "unset": _one("unset TWINE_PASSWORD", UPLOAD),
    "not exported": _token("TWINE_PASSWORD=$PYPI_TOKEN", UPLOAD),
    "exported later": _token("TWINE_PASSWORD=$PYPI_TOKEN", "export TWINE_PASSWORD", UPLOAD),
    "set for another command": _token("TWINE_PASSWORD=$PYPI_TOKEN twine check dist/*", UPLOAD),
    "set in a shell of its own": _token("(export TWINE_PASSWORD=$PYPI_TOKEN)", UPLOAD),
    "set before after_script": _token(
        "export TWINE_PASSWORD=$PYPI_TOKEN", keys=f"{TAGS}\nafter_script: ['export PATH=$PWD/b:$PATH', '{UPLOAD}']"
    ),
    "set after": _one(UPLOAD, "export TWINE_PASSWORD=x"),
    "an option without a blank": _token('twine upload -u__token__ -p"$PYPI_TOKEN" dist/*'),
    "an option with =": _token('twine upload --username=__token__ --password="$PYPI_TOKEN" dist/*'),
    "an option in single quotes": _token("twine upload -u __token__ -p '$PYPI_TOKEN' dist/*"),
    "or nothing": _token('twine upload -u __token__ -p "${PYPI_TOKEN:?missing}" dist/*'),
    "a shell is told": _one(f"bash -c '{UPLOAD}'"),
    "xargs": _one("ls fake | xargs twine upload"),
    "tried again": _one(f"for i in 1 2 3; do {UPLOAD} && break; sleep 1; done"),
    "said only": _one(f'echo "{UPLOAD}"', f"# {UPLOAD}"),
    "swallowed": _one(f"{UPLOAD} || true", key="NONE_OF_IT"),
}
OPEN: Mapping[str, Scripted] = {
    "if not": _one(f'if [ -n "$DO_UPLOAD" ]; then {UPLOAD}; fi'),
    "if so": _one(f'if [ -n "$CI_COMMIT_TAG" ]; then {UPLOAD}; fi'),
    "and": _one(f'[ "$X" = 1 ] && {UPLOAD} || echo skipped'),
    "or": _one(f'[ -n "$CI_COMMIT_TAG" ] || {UPLOAD}'),
    "while": _one(f"while false; do {UPLOAD}; done"),
    "case not": _one(f'case "$CI_COMMIT_TAG" in release-*) {UPLOAD};; esac'),
    "case": _one(f'case "$CI_COMMIT_TAG" in v*) {UPLOAD};; esac'),
    "it ended": _one("exit 0", UPLOAD),
    "it may have ended": _one('if [ -z "$CI_COMMIT_BRANCH" ]; then exit 0; fi', UPLOAD),
    "a function": _one(f"pub() {{ {UPLOAD}; }}", "pub"),
    "a function that nobody calls": _one(f"pub() {{ {UPLOAD}; }}", "true"),
    "set by a condition": _token('if [ -n "$X" ]; then export TWINE_PASSWORD=$PYPI_TOKEN; fi', UPLOAD),
    "a fallback": _one('twine upload -u __token__ -p "${PYPI_TOKEN:-$OTHER}" dist/*', key="OTHER"),
    "pypirc": _token(f"printf {json.dumps(PYPIRC)} $PYPI_TOKEN > ~/.pypirc", UPLOAD),
    "pypirc, a text": _token("cat > ~/.pypirc <<END\n" + PYPIRC.replace("%s", "$PYPI_TOKEN") + "END\n", UPLOAD),
    "pypirc, a file": Scripted(
        script=('cp "$PYPIRC" ~/.pypirc', UPLOAD),
        key="PYPIRC",
        value=PYPIRC.replace("%s", PASSWORD),
        flags={"variable_type": "file"},
    ),
    "make": _one("make publish"),
    "a script": _one("sh release.sh"),
}

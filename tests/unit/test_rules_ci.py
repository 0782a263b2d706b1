"""Rules about CI files, one table: what each says of a file that is well kept, badly kept, and out of sight."""

from __future__ import annotations

import pytest

from bot.domain.ci import CiUnknown
from bot.domain.verdicts import Severity, Verdict
from tests.unit.ci_texts import RULE, judged, of, project, script, uploading
from tests.unit.hygiene_facts import variable

TAGS = "rules: [{if: '$CI_COMMIT_TAG'}]"
PROTECTED = "rules: [{if: '$CI_COMMIT_REF_PROTECTED == \"true\"'}]"
NOT_IN_REQUESTS = "rules: [{if: '$CI_PIPELINE_SOURCE == \"merge_request_event\"', when: never}, {when: on_success}]"
CHECK = "twine check --strict dist/*"
OIDC = "id_tokens: {PYPI_ID_TOKEN: {aud: pypi}}"
WITHOUT_ACCESS = "deploy:\n  script: [twine upload dist/*]\n  extends: .elsewhere\n"
TEST_JOB = f"test:\n  script: [pytest]\n  {OIDC}\n"

PASS = {
    "RW201": [
        "variables: {TWINE_PASSWORD: $PYPI_TOKEN, TOKEN_URL: https://x/y, SECRET_SCAN: 'true', KEY_FILE: /run/key}",
        script('curl --header "PRIVATE-TOKEN: $TOKEN" https://gitlab.example', "docker login -u ci -p $PASS"),
        script("pip install pypi-simple glpat-tools", "git clone https://$USER:$PASS@host/x"),
    ],
    "RW202": [
        script('echo "$TOKEN" | docker login -u ci --password-stdin registry', "mkdir -p $TOKEN_DIR"),
        script("ssh -p 22 host", "twine upload --username __token__ dist/*"),
    ],
    "RW203": [
        script('echo "$CI_COMMIT_TAG"', "env | wc -l", "set -e", 'echo "${TWINE_PASSWORD:+set}" > /dev/null'),
        script('echo "$TOKEN" | docker login --password-stdin', "export A=b", "printenv PATH", "env A=b make"),
        script('echo "password = $TWINE_PASSWORD" >> ~/.pypirc', 'echo "$TOKEN" > /dev/null'),
        script("set -x", "make"),
    ],
    "RW204": [
        uploading(keys=TAGS),
        uploading(keys=PROTECTED),
        uploading(keys="only: [tags]"),
        uploading(keys="only: [main]"),
        uploading(keys="rules: [{if: '$CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH'}]"),
        "workflow: {rules: [{if: $CI_COMMIT_TAG}]}\n" + uploading(),
        script("make"),
        uploading(keys="rules: [{if: '$CI_COMMIT_TAG =~ /^v\\d+(\\.\\d+)*$/ && $SOMETHING'}]"),
    ],
    "RW205": [
        uploading(keys=TAGS),
        uploading(keys=NOT_IN_REQUESTS),
        uploading(),  # without rules, merge-request pipelines leave it out
        uploading(keys="only: [main]"),
        "workflow: {rules: [{if: $CI_MERGE_REQUEST_IID, when: never}, {when: always}]}\n"
        + uploading(keys="rules: [{when: on_success}]"),
    ],
    "RW206": [uploading(CHECK), "check:\n  script: [twine check --strict dist/*]\n" + uploading(), script("make")],
    "RW207": [uploading("python -m build"), script("python setup.py --version", "python setup.py test")],
    "RW208": [uploading(keys=TAGS), script("make")],
    "RW209": [
        uploading("pip install twine==7.0.0", "pip install --require-hashes -r publish.txt", "pip install -e . ./x"),
        uploading("pip install -c pins.txt twine", "pip install --index-url https://x twine==7.0.0 dist/*.whl"),
        script("pip install twine"),
    ],
    "RW210": [
        uploading(keys="image: python:3.14.0-slim"),
        uploading(keys="image: python@sha256:abc"),
        uploading(keys="image: registry.example:5000/acme/python:2026.11.1"),
        uploading(),  # the runner's own
        "variables: {IMG: '3.14.0'}\n" + uploading(keys="image: python:$IMG"),
        script("make", keys="image: python:latest"),
    ],
    "RW211": [
        uploading(keys="image: python:3.12-slim"),
        uploading(keys="image: alpine:3.8"),
        uploading(keys="image: python:3"),
        script("pytest", keys="image: python:3.6"),
    ],
    "RW212": ["variables: {A: $B, C: text, D: x$D}"],
    "RW213": [
        uploading(keys="variables: {TWINE_PASSWORD: $TWINE_TOKEN}"),
        uploading("export TWINE_PASSWORD=$TWINE_TOKEN"),
        script("twine upload -p $TWINE_TOKEN dist/*"),
        script("TWINE_PASSWORD=$TWINE_TOKEN twine upload dist/*"),
        script("uv publish --token $TWINE_TOKEN"),
    ],
    "RW214": [uploading(keys=OIDC), "test:\n  script: [pytest]\n  id_tokens: {VAULT: {aud: https://vault}}\n"],
    "RW215": [
        script("twine upload --repository-url https://x dist/*"),
        script("twine upload --repository-url http://localhost:8080 dist/*", "curl http://x"),
    ],
    "RW216": [
        script("twine upload --skip-existing dist/*"),
        script("twine upload --skip-existing -r testpypi dist/*"),
        script("twine upload --repository-url $CI_API_V4_URL/projects/1/packages/pypi dist/*"),
    ],
    "RW217": [
        script("echo VERSION=$CI_COMMIT_TAG >> build.env", keys="artifacts: {reports: {dotenv: build.env}}"),
        script("echo $TOKEN > ~/.netrc", keys="artifacts: {paths: [dist/]}"),
    ],
    "RW218": [uploading("curl -fsSLo x https://x", "curl https://x | tar xz", "curl https://x | sha256sum -c")],
    "RW219": [uploading(keys="environment: pypi"), uploading(keys="environment: {name: pypi/$CI_COMMIT_TAG}")],
    "RW220": [uploading(), uploading(keys="when: manual"), script("make", keys="allow_failure: true")],
    "RW221": [
        script("twine upload dist/* || exit 1", "make || true"),
        script("set +e\nmake\nset -e\ntwine upload dist/*"),
        script("twine upload dist/* || { echo failed; exit 1; }"),
    ],
    "RW222": [
        "child:\n  trigger: {include: child.yml}\n  variables: {VERSION: $CI_COMMIT_TAG}\n",
        script("make", keys="variables: {A: $TOKEN}"),
    ],
    "RW223": [uploading("curl -fsS https://x", "pip install x"), script("curl -k https://x")],
    "RW224": ["job: {script: [make]}"],
}  # fmt: skip

FAIL = {
    "RW201": [
        ("variables: {TWINE_PASSWORD: hunter2hunter2}", "literal value stands in the variable TWINE_PASSWORD", 1),
        (script("export PYPI_TOKEN=hunter2hunter2"), "literal value stands in the assignment of PYPI_TOKEN", 4),
        (script("twine upload -p hunter2hunter2 dist/*"), "literal value stands in the option -p", 4),
        (script("curl -u me:hunter2hunter2 https://x"), "literal value stands in the option -u", 4),
        (script('curl -H "PRIVATE-TOKEN: hunter2hunter2" x'), "literal value stands in a request header", 4),
        (script("cat > ~/.pypirc <<E\n[pypi]\npassword = hunter2hunter2\nE"), "a file that the script writes", 3),
        ("# old: glpat-AbCdEfGhIjKlMnOpQrSt\njob: {script: [make]}", "a GitLab access token stands in a comment", 1),
        (script("git clone https://me:hunter2hunter2@host/x"), "a password in a URL stands in its text", 4),
        (".hidden: {variables: {A_SECRET: hunter2hunter2}}\n", "the variable A_SECRET", 1),
    ],
    "RW202": [
        (script('twine upload dist/* -p "$TWINE_PASSWORD"'), "TWINE_PASSWORD is on a command line", 4),
        (script("docker login --password=${REGISTRY_PASSWORD} r"), "REGISTRY_PASSWORD is on a command line", 4),
        (script('curl -H "Authorization: Bearer $API_TOKEN" x'), "API_TOKEN is on a command line", 4),
        (script("curl --user ci:$DEPLOY_TOKEN x"), "DEPLOY_TOKEN is on a command line", 4),
    ],
    "RW203": [
        (script('echo "token: $PYPI_TOKEN"'), "PYPI_TOKEN is printed", 4),
        (script('echo "$PYPI_TOKEN" | base64'), "in another encoding", 4),
        (script("printenv | sort"), "prints every variable", 4),
        (script("env"), "prints every variable", 4),
        (script("printenv TWINE_PASSWORD"), "printed with printenv", 4),
        (uploading("set -eux"), "prints each command", 4),
        (script("bash -x release.sh $TOKEN"), "prints each command", 4),
        (script("cat ~/.pypirc"), "a file with credentials", 4),
        (script("cat <<E\n$TWINE_PASSWORD\nE"), "TWINE_PASSWORD is printed", 4),
        ("variables: {CI_DEBUG_TRACE: 'true'}", "for every job", 1),
        (script("make", keys="variables: {CI_DEBUG_TRACE: 'true'}"), "CI_DEBUG_TRACE is on", 5),
    ],
    "RW204": [
        (uploading(), "neither `rules` nor `only`", 1),
        (uploading(keys="rules: [{if: $CI_COMMIT_BRANCH}]"), "its rules let any branch in", 5),
        (uploading(keys="only: [branches]"), "let any branch in", 5),
        (uploading(keys="when: manual"), "unprotected branches", 1),
        (uploading(keys="rules: [{if: '$CI_COMMIT_BRANCH =~ /^feature/', changes: [x]}]"), "any branch", 5),
        (uploading(keys="except: [main]"), "its rules let", 5),
    ],
    "RW205": [
        (uploading(keys="rules: [{when: on_success}]"), "merge-request pipelines", 5),
        (uploading(keys="rules: [{if: $CI_MERGE_REQUEST_IID, when: manual}]"), "merge-request pipelines", 5),
        (uploading(keys="only: [merge_requests, main]"), "merge-request pipelines", 5),
    ],
    "RW206": [
        (uploading(), "nothing checks", 4),
        (uploading("twine check dist/*"), "without --strict", 6),
        (uploading("twine check --strict dist/* || true"), "nothing checks", 6),
        (script("twine upload dist/*", CHECK), "nothing checks", 4),
    ],
    "RW207": [(script("python3 setup.py -q sdist bdist_wheel"), "setup.py sdist bdist_wheel", 4)],
    "RW208": [
        (uploading(keys="only: [main]"), "`only` or `except`", 5),
        (script("make", keys="except: {variables: [$A]}"), "in `deploy`", 5),
    ],
    "RW209": [
        (uploading("pip install twine"), "`twine` without a version", 4),
        (uploading("python -m pip install -U 'twine>=6' build mypackage"), "`twine` and `build` and 1 other", 4),
        (uploading("pipx install twine"), "`twine`", 4),
    ],
    "RW210": [
        (uploading(keys="image: python"), "no tag", 5),
        (uploading(keys="image: host:5000/python"), "no tag", 5),
        (uploading(keys="image: {name: 'python:latest'}"), "tagged `latest`", 5),
        (uploading(keys="image: python:slim"), "names no version", 5),
        (uploading(keys="image: python:3.12-alpine3.20"), "the series 3.12", 5),
        ("image: python:3.13\n" + uploading(), "the series 3.13", 2),
    ],
    "RW211": [
        (uploading(keys="image: python:3.10"), "Python 3.10, whose life ended on 2026-10-31", 5),
        (script("python -m build", keys="image: cimg/python:3.8.1"), "Python 3.8", 5),
        (uploading(keys="image: ghcr.io/astral-sh/uv:python3.9-bookworm"), "Python 3.9", 5),
        (uploading(keys="image: python:2"), "Python 2.7", 5),
    ],
    "RW212": [
        ("variables:\n  TWINE_PASSWORD: $TWINE_PASSWORD\n", "TWINE_PASSWORD is set to itself for every job", 1),
        (script("make", keys="variables: {A: '${A}'}"), "A is set to itself", 5),
    ],
    "RW213": [
        (uploading(keys="variables: {TWINE_TOKEN: $PYPI}"), "no password reaches twine", 4),
        (uploading("test -n $TWINE_TOKEN"), "no password reaches twine", 6),
        (uploading("test -n $TWINE_TOKEN", keys="variables: {TWINE_PASSWORD: $TWINE_PASSWORD}"), "no password", 6),
    ],
    "RW214": [
        (uploading(keys=OIDC) + TEST_JOB, "uploads nothing", 8),
        (f"default: {{{OIDC}}}\n" + uploading() + "test: {script: [pytest]}", "`default` gives", 1),
    ],
    "RW215": [
        (script("twine upload --repository-url http://index.example dist/*"), "begins with http://", 4),
        (uploading(keys="variables: {TWINE_REPOSITORY_URL: http://x}"), "the address in TWINE_REPOSITORY_URL", 5),
        (script("uv publish --publish-url=http://x"), "begins with http://", 4),
    ],
    "RW216": [
        (script("twine upload --skip-existing --repository-url $CI_API_V4_URL/x dist/*"), "not PyPI", 4),
        (
            script("twine upload --skip-existing dist/*", keys="variables: {TWINE_REPOSITORY_URL: $CI_API_V4_URL/x}"),
            "not PyPI",
            4,
        ),
    ],
    "RW217": [
        (script("echo T=$A_TOKEN >> b.env", keys="artifacts: {reports: {dotenv: b.env}}"), "A_TOKEN is written", 4),
        (script("echo $A_TOKEN > out/t.txt", keys="artifacts: {paths: [out/]}"), "a file that the job keeps", 4),
    ],
    "RW218": [
        (uploading("curl -fsSL https://x | sh"), "curl downloads is run by sh", 4),
        (uploading("curl https://x | sudo -E bash -"), "run by bash", 4),
        (uploading("bash <(wget -qO- https://x)"), "wget downloads is run by bash", 4),
        (uploading('sh -c "$(curl -fsSL https://x)"'), "run by sh", 4),
    ],
    "RW219": [(uploading(), "names no environment", 1)],
    "RW220": [
        (uploading(keys="allow_failure: true"), "allowed to fail", 5),
        (uploading(keys="allow_failure: {exit_codes: [1]}"), "allowed to fail", 5),
        (uploading(keys="rules: [{if: $CI_COMMIT_TAG, allow_failure: true}]"), "allowed to fail", 5),
    ],
    "RW221": [
        (script("twine upload dist/* || true"), "goes on when the upload fails", 4),
        (script("twine upload dist/* || echo there already"), "goes on", 4),
        (script("set +e\ntwine upload dist/*"), "after `set +e`", 5),
    ],
    "RW222": [
        ("child:\n  trigger: acme/x\n  variables: {T: $PYPI_TOKEN}\n", "PYPI_TOKEN is handed", 3),
        ("child:\n  trigger: {project: acme/x, forward: {pipeline_variables: true}}\n", "forwards all", 2),
    ],
    "RW223": [
        (uploading("curl -k https://x"), "curl does not verify", 4),
        (uploading("pip install --trusted-host x y==1"), "pip does not verify", 4),
        (uploading(keys="variables: {GIT_SSL_NO_VERIFY: 'true'}"), "GIT_SSL_NO_VERIFY", 5),
    ],
    "RW224": [
        ("include: [{project: acme/ci, file: x.yml, ref: main}]", "a file of another project", 1),
        ("include:\n  - local: x.yml\n  - remote: https://x/y.yml\n", "a file from another site", 3),
        ("include: [{component: gitlab.example/a/b@~latest}]", "a component", 1),
    ],
}  # fmt: skip
HIDDEN = ["include: x.yml\n", "include: [{component: a/b@1.2.3}, x.yml]\njob: {script: [make]}\n"]
OPEN = {
    "RW204": [uploading(keys="rules: [{if: $RELEASE}]"), "include: x.yml\n" + uploading()],
    "RW205": [uploading(keys="rules: [{if: $RELEASE}]")],
    "RW210": [uploading(keys="image: $IMAGE")],
}
IDS = [f"RW2{number:02}" for number in range(1, 25)]


def _cases(table: dict[str, list[str]]) -> list[tuple[str, str]]:
    return [(rule, text) for rule, texts in table.items() for text in texts]


def test_each_rule_has_its_cases() -> None:
    assert [rule for rule in RULE if rule.startswith("RW2")] == IDS
    assert list(PASS) == list(FAIL) == IDS


@pytest.mark.parametrize(("rule", "text"), _cases(PASS))
def test_a_well_kept_file_passes(rule: str, text: str) -> None:
    assert judged(rule, project(text)) == []


@pytest.mark.parametrize(
    ("rule", "text", "reason", "line"), [(rule, *case) for rule, cases in FAIL.items() for case in cases]
)
def test_a_badly_kept_file_fails_with_its_line(rule: str, text: str, reason: str, line: int) -> None:
    (found,) = judged(rule, project(text))
    assert (found.rule, found.verdict, found.line) == (rule, Verdict.FAIL, line), found
    assert reason in found.reason
    assert found.resource.startswith("project/7/.gitlab-ci.yml")
    assert found.remedy


@pytest.mark.parametrize("rule", IDS)
def test_a_file_that_cannot_be_read_is_unknown(rule: str) -> None:
    (found,) = judged(rule, of(CiUnknown(reason="the CI file could not be read: it is larger than 1 MiB")))
    assert (found.verdict, found.resource) == (Verdict.UNKNOWN, "project/7/.gitlab-ci.yml")
    assert "larger than 1 MiB" in found.reason


@pytest.mark.parametrize("rule", IDS)
def test_no_file_is_nothing_to_judge(rule: str) -> None:
    assert judged(rule, of(None)) == []


@pytest.mark.parametrize("rule", [rule for rule in IDS if rule != "RW224"])
@pytest.mark.parametrize("text", HIDDEN)
def test_includes_that_may_hide_the_answer_make_it_unknown(rule: str, text: str) -> None:
    (found,) = judged(rule, project(text))
    assert found.verdict is Verdict.UNKNOWN
    assert "not resolved" in found.reason
    assert "Developer" in found.remedy


@pytest.mark.parametrize(("rule", "text"), _cases(OPEN))
def test_what_the_file_does_not_say_is_unknown(rule: str, text: str) -> None:
    (found,) = judged(rule, project(text))
    assert found.verdict is Verdict.UNKNOWN


@pytest.mark.parametrize("rule", ["RW204", "RW205", "RW219"])
def test_a_job_that_extends_another_file_is_not_judged_by_what_it_lacks(rule: str) -> None:
    (found,) = judged(rule, project(WITHOUT_ACCESS))
    assert found.verdict is Verdict.UNKNOWN


def test_the_end_of_a_python_needs_a_date() -> None:
    (found,) = judged("RW211", project(uploading(keys="image: python:3.10"), at=None))
    assert found.verdict is Verdict.UNKNOWN


def test_twine_token_in_the_settings_counts_too() -> None:
    (found,) = judged("RW213", project(uploading(), variable("TWINE_TOKEN")))
    assert "no password reaches twine" in found.reason
    assert judged("RW213", project(uploading(), variable("TWINE_TOKEN"), variable())) == []


@pytest.mark.parametrize(
    ("rule", "text", "severity"),
    [
        ("RW201", "variables: {POSTGRES_PASSWORD: postgres}", Severity.LOW),
        ("RW201", "variables: {API_TOKEN: hunter2hunter2}", Severity.MEDIUM),
        ("RW201", "variables: {PYPI_TOKEN: hunter2hunter2}", Severity.HIGH),
        ("RW202", script("twine upload -p $CI_JOB_TOKEN x"), Severity.LOW),
        ("RW202", script("twine upload -p $CI_JOB_TOKEN x", "twine upload -p $TOKEN x"), Severity.MEDIUM),
        ("RW203", script("env"), Severity.MEDIUM),
        ("RW203", script("env; echo $TOKEN"), Severity.HIGH),
        ("RW208", script("make", keys="only: [main]"), Severity.INFO),
        ("RW210", uploading(keys="image: python:3.14"), Severity.LOW),
        ("RW224", "include: https://x/y.yml", Severity.MEDIUM),
    ],
)
def test_severity_follows_what_is_at_stake(rule: str, text: str, severity: Severity) -> None:
    (found,) = judged(rule, project(text))
    assert found.severity is severity


def test_a_job_has_one_finding_for_each_rule_that_names_all_that_is_wrong() -> None:
    (found,) = judged("RW203", project(script("echo $A_TOKEN", "echo $B_TOKEN", "echo $A_TOKEN")))
    assert found.reason == "A_TOKEN is printed; B_TOKEN is printed"
    assert (found.line, found.resource) == (4, "project/7/.gitlab-ci.yml#deploy")


def test_names_of_jobs_cannot_move_the_cursor() -> None:
    (found,) = judged("RW219", project('"a\\e[2J\\u202eb": {script: [twine upload x]}'))
    assert found.resource == "project/7/.gitlab-ci.yml#a\N{REPLACEMENT CHARACTER}[2J\N{REPLACEMENT CHARACTER}b"

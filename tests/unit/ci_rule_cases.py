"""CI files for the rules about them: well kept, badly kept with what is said and where, and undecided."""

from __future__ import annotations

from tests.unit.ci_texts import script, uploading

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
        script("docker run -p 8080:8080 app", "podman run -p 127.0.0.1:5432:5432 db"),
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
        script("echo ${TWINE_PASSWORD:+set} ${#TWINE_PASSWORD}", "echo 'set $TOKEN' \"or \\$TOKEN\" \\$TOKEN"),
        script("X=$(echo $TOKEN | base64)", 'echo "$(echo $TOKEN | base64)" > auth.json'),
        script("echo $SSH_KEY | tr -d x | ssh-add -", "ssh-add <(echo $SSH_KEY)", "make X=$(echo $TOKEN)"),
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
    "RW206": [
        script("ropewalk publish dist/*"),
        uploading(CHECK), "check:\n  script: [twine check --strict dist/*]\n" + uploading(), script("make")],
    "RW207": [uploading("python -m build"), script("python setup.py --version", "python setup.py test")],
    "RW208": [uploading(keys=TAGS), script("make")],
    "RW209": [
        uploading("pip install twine==7.0.0", "pip install --require-hashes -r publish.txt", "pip install -e . ./x"),
        uploading("pip install -c pins.txt twine", "pip install --index-url https://x twine==7.0.0 dist/*.whl"),
        script("pip install twine"),
        uploading("uvx twine@7.0.0 check dist/*", "pipx run --spec twine==7.0.0 twine check dist/*", "uv run twine -h"),
    ],
    "RW210": [
        uploading(keys="image: ${CI_DEPENDENCY_PROXY_GROUP_IMAGE_PREFIX}/python:3.14.0"),
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
        (script("twine upload -u__token__ -p$PYPI_TOKEN dist/*"), "PYPI_TOKEN is on a command line", 4),
    ],
    "RW203": [
        (script('echo "token: $PYPI_TOKEN"'), "PYPI_TOKEN is printed", 4),
        (script('echo "$PYPI_TOKEN" | base64'), "in another encoding", 4),
        (script('echo "$(echo $PYPI_TOKEN | base64)"'), "in another encoding", 4),
        (script("printenv | sort"), "prints every variable", 4),
        (script("env"), "prints every variable", 4),
        (script("printenv TWINE_PASSWORD"), "printed with printenv", 4),
        (script('echo "$PYPI_TOKEN" | head -c 5'), "PYPI_TOKEN is printed", 4),
        (script("bash -c 'echo $PYPI_TOKEN'"), "PYPI_TOKEN is printed", 4),
        (uploading("set -eux"), "prints each command", 4),
        (uploading("set -euxo pipefail"), "prints each command", 4),
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
        (uploading("uv tool install twine"), "`twine`", 4),
        (uploading("pip3.13 install 'twine==6.*'"), "`twine`", 4),
        (uploading("uvx twine check --strict dist/*"), "`twine` without a version", 4),
        (uploading("uv tool run --from twine@latest twine check dist/*"), "`twine` without a version", 4),
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
        (uploading(keys="image: registry.example.com/tools/uv:python3.9-bookworm"), "Python 3.9", 5),
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
        (script("echo $A_TOKEN | base64 > out/t.txt", keys="artifacts: {paths: [out/]}"), "the job keeps", 4),
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

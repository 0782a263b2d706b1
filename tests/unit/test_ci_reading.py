"""A CI file becomes facts as GitLab would read it: inheritance, references, old and new keywords, lines."""

from __future__ import annotations

from textwrap import dedent

import pytest

from bot.adapters.ci.reading import read_ci
from bot.domain.ci import CiFacts, CiJob, CiRule, CiUnknown


def facts(text: str, *, merged: bool = False) -> CiFacts:
    found = read_ci(dedent(text), merged=merged)
    assert isinstance(found, CiFacts), found
    return found


def job(text: str, name: str = "deploy") -> CiJob:
    return next(one for one in facts(text).jobs if one.name == name)


def texts(one: CiJob) -> list[str]:
    return [line.text for line in one.script]


def test_a_job_inherits_what_default_says_and_it_does_not() -> None:
    text = """
        default:
          image: python:3.12
          before_script: [pip install build]
          id_tokens: {PYPI_ID_TOKEN: {aud: pypi}}
        deploy:
          script: [twine upload dist/*]
        lean:
          inherit: {default: [image]}
          script: [make]
        bare:
          inherit: {default: false}
          image: {name: "alpine:3.20", entrypoint: [""]}
          script: [make]
    """
    deploy = job(text)
    assert texts(deploy) == ["pip install build", "twine upload dist/*"]
    assert (deploy.image, deploy.publisher, deploy.id_tokens) == ("python:3.12", "twine", {"PYPI_ID_TOKEN": ("pypi",)})
    assert not deploy.own_id_tokens
    lean, bare = job(text, "lean"), job(text, "bare")
    assert (lean.image, texts(lean), lean.id_tokens) == ("python:3.12", ["make"], {})
    assert (bare.image, texts(bare)) == ("alpine:3.20", ["make"])
    assert facts(text).id_tokens == {"PYPI_ID_TOKEN": ("pypi",)}


def test_the_old_keywords_at_the_top_are_defaults_too() -> None:
    assert job("image: python:3.9\nbefore_script: [a]\ndeploy: {script: b}").image == "python:3.9"
    assert texts(job("before_script: [a]\ndeploy: {script: b, after_script: [c]}")) == ["a", "b", "c"]


def test_extends_merges_mappings_and_replaces_the_rest() -> None:
    one = job(
        """
        .a: {variables: {A: 1, B: 2}, script: [a], rules: [{if: $A}], environment: {name: pypi, url: https://x}}
        .b: {extends: .a, variables: {B: 3}, only: [tags]}
        deploy:
          extends: [.b]
          script: [b]
          only: null
        """
    )
    assert one.variables == {"A": "1", "B": "3"}
    assert (texts(one), one.environment, one.only, one.complete) == (["b"], "pypi", None, True)
    assert one.gates == (CiRule(condition="$A", when="on_success"),)


def test_a_job_that_builds_on_what_is_elsewhere_is_not_complete() -> None:
    assert not job("deploy: {extends: .elsewhere, script: [a]}").complete
    assert not job("deploy: {script: [!reference [.elsewhere, script], a]}").complete
    assert not job(".x: {extends: .elsewhere}\ndeploy: {extends: .x, script: [a]}").complete
    assert not facts("deploy: {extends: .elsewhere, script: [a]}").whole


def test_a_merged_file_is_whole_whatever_it_says() -> None:
    found = facts("include: x.yml\ndeploy: {extends: .elsewhere, script: [a]}", merged=True)
    assert (found.whole, found.includes) == (True, ())


def test_references_and_nested_lists_are_put_in() -> None:
    one = job(
        """
        .setup: {script: [a, [b, [c]]], rules: [{if: $CI_COMMIT_TAG, when: manual}]}
        .more: {script: [!reference [.setup, script], d]}
        deploy:
          script: [!reference [.more, script], e]
          rules: [!reference [.setup, rules], {when: never}]
        """
    )
    assert texts(one) == ["a", "b", "c", "d", "e"]
    assert one.rules == (("$CI_COMMIT_TAG", "manual"), (None, "never"))


def test_a_merge_key_overrides_what_stands_before_it_as_in_psych() -> None:
    text = ".t: &t {stage: late, image: x}\n"
    assert job(text + "deploy: {stage: mine, <<: *t, script: [a]}").stage == "late"
    assert job(text + "deploy: {<<: *t, stage: mine, script: [a]}").stage == "mine"


@pytest.mark.parametrize(
    ("given", "only", "only_if", "excepts", "except_if"),
    [
        ("only: [main, tags]", ("main", "tags"), None, None, None),
        ("only: main", ("main",), None, None, None),
        ("only: {refs: [tags], variables: [$A]}", ("tags",), ("$A",), None, None),
        ("except: {variables: [$B]}", None, None, None, ("$B",)),
        ("except: [branches]", None, None, ("branches",), None),
    ],
)
def test_only_and_except_in_both_forms(
    given: str,
    only: tuple[str, ...] | None,
    only_if: tuple[str, ...] | None,
    excepts: tuple[str, ...] | None,
    except_if: tuple[str, ...] | None,
) -> None:
    one = job(f"deploy:\n  script: [a]\n  {given}\n")
    assert (one.only, one.only_if, one.excepts, one.except_if) == (only, only_if, excepts, except_if)


def test_rules_keep_their_conditions_and_what_narrows_them() -> None:
    one = job("deploy: {script: a, when: manual, rules: [{if: $A, changes: [x]}, {when: always, allow_failure: true}]}")
    assert one.gates == (
        CiRule(condition="$A", when="manual", narrowed=True),
        CiRule(condition=None, when="always", allow_failure=True),
    )


def test_a_spec_header_is_not_the_configuration() -> None:
    one = job("spec:\n  inputs:\n    stage: {default: x}\n---\ndeploy:\n  stage: $[[ inputs.stage ]]\n  script: [a]\n")
    assert one.stage == "$[[ inputs.stage ]]"
    assert [found.name for found in facts("a: {script: [b]}\n---\nc: {script: [d]}\n").jobs] == ["a"]


def test_only_jobs_that_can_run_are_jobs() -> None:
    text = (
        "stages: [a]\nvariables: {A: 1}\nworkflow: {rules: []}\n.hidden: {script: [a]}\nx: text\npages: {script: [a]}\n"
    )
    assert [one.name for one in facts(text).jobs] == ["pages"]


def test_lines_are_those_of_the_file() -> None:
    text = """\
        variables:
          A: b

        deploy:
          image: python:3.12
          script:
            - echo one
            - |
              echo two
              twine upload dist/*
          only: [main]
    """
    one = job(text)
    assert (one.line, one.line_of("image"), one.line_of("only"), one.line_of("environment")) == (4, 5, 11, 4)
    assert [(command.words[0], command.line) for command in one.commands] == [("echo", 7), ("echo", 9), ("twine", 10)]
    merged = facts(text, merged=True).jobs[0]
    assert (merged.line, {command.line for command in merged.commands}) == (None, {None})


def test_includes_are_recorded_with_what_holds_them_fast() -> None:
    sha = "0123456789abcdef0123456789abcdef01234567"
    found = facts(
        f"""
        include:
          - ci/a.yml
          - https://example.com/a.yml?token=hunter2hunter2
          - {{project: acme/ci, file: [/b.yml], ref: main}}
          - {{project: acme/ci, file: /b.yml, ref: {sha}}}
          - {{component: $CI_SERVER_FQDN/acme/pub/pypi@1.2.3}}
          - {{component: $CI_SERVER_FQDN/acme/pub/pypi@~latest}}
          - {{component: $CI_SERVER_FQDN/acme/pub/pypi@{sha}}}
          - {{template: Jobs/SAST.gitlab-ci.yml}}
          - {{remote: https://example.com/c.yml, integrity: sha256-abc}}
        """
    )
    kinds = ["local", "remote", "project", "project", "component", "component", "component", "template", "remote"]
    assert [one.kind for one in found.included] == kinds
    assert [one.fixed for one in found.included] == [True, False, False, True, True, False, True, True, True]
    assert list(found.includes) == kinds
    assert [one.publishes for one in found.included] == [False, False, False, False, True, True, True, False, False]
    assert not found.whole


def test_uses_are_the_variables_a_job_reads() -> None:
    one = job("deploy: {image: $IMAGE, variables: {A: '${B}', C: $$D}, script: ['echo $E ${F:-x} %G% $env:H $1']}")
    assert one.uses == {"IMAGE", "B", "E", "F", "H"}


@pytest.mark.parametrize(
    ("script", "publisher"),
    [
        ("twine upload dist/*", "twine"),
        ("python3.12 -m twine --no-color upload dist/*", "twine"),
        ("uvx twine@6.2 upload dist/*", "twine"),
        ("sudo -E env A=b /opt/bin/twine upload dist/*", "twine"),
        ("for f in dist/*; do twine upload $f; done", "twine"),
        ('if [ -n "$X" ]; then uv publish; fi', "uv"),
        ("poetry publish --build", "poetry"),
        ("flit publish", "flit"),
        ("pdm publish", "pdm"),
        ("hatch publish", "hatch"),
        ("python setup.py sdist upload -r pypi", "setup.py"),
        ("ropewalk publish dist/* --to pypi", "ropewalk"),
        ("uvx ropewalk publish dist/*", "ropewalk"),
        ("ropewalk publish dist/* --dry-run", ""),
        ("ropewalk release apply acme/x@v1", ""),
        ("uv publish --dry-run", ""),
        ("twine check dist/*", ""),
        ("echo twine upload", ""),
        ("# twine upload", ""),
        ("pip install twine", ""),
    ],
)
def test_what_uploads_is_told_from_what_only_sounds_like_it(script: str, publisher: str) -> None:
    one = job(f"deploy:\n  script:\n    - |\n      {script}\n")
    assert (one.publisher, one.publishes) == (publisher, bool(publisher))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a: {extends: b}\nb: {extends: a}", "circles"),
        ("a: {script: !reference [a, script]}", "circles"),
        ("a: [\n", "not YAML (line 2)"),
        ("- a", "not a mapping"),
        ("? [a]\n: b", "a key is not text"),
        ("a: &x [*x]", "into itself"),
        ("a: *x", "alias"),
    ],
)
def test_what_gitlab_would_not_read_is_unknown_with_the_reason(text: str, reason: str) -> None:
    found = read_ci(text, merged=False)
    assert isinstance(found, CiUnknown)
    assert reason in found.reason

"""`.gitlab-ci.yml` is read, or refused in the words of GitLab's lint."""

from collections.abc import Mapping

import pytest

from bot.sandbox.ci.config import read_config
from bot.sandbox.ci.model import CiError
from bot.sandbox.ci.spec import CiFile, Need, YamlVariable


def read(text: str, files: Mapping[str, str] | None = None, inputs: Mapping[str, object] | None = None) -> CiFile:
    known = files or {}
    return read_config(text, read=known.get, files=lambda: list(known), inputs=inputs)


REFUSED = [
    ("x: {script: a, trigger: other}", "jobs:x config contains unknown keys: trigger"),
    ("x: {script: a, secrets: {}, pages: {}}", "jobs:x config contains unknown keys: secrets, pages"),
    ("x: {script: a, parallel: 201}", "jobs:x:parallel config must be less than or equal to 200"),
    ("x: {script: a, parallel: 0}", "jobs:x:parallel config must be greater than or equal to 1"),
    ("x: {script: a, parallel: often}", "jobs:x:parallel should be an integer or a hash"),
    ("x: {script: a, parallel: {}}", "jobs:x:parallel config missing required keys: matrix"),
    ("x: {script: a, parallel: {matrix: {A: 1}}}", "jobs:x:parallel:matrix config should be an array of hashes"),
    (
        "x: {script: a, parallel: {matrix: [{A: []}]}}",
        "jobs:x:parallel:matrix:variables config should be a hash of key value pairs, value can be an array",
    ),
    (
        f"x: {{script: a, parallel: {{matrix: [{{A: {list('abcdefghijklmno')}, B: {list('abcdefghijklmno')}}}]}}}}",
        "jobs:x:parallel:matrix config generates too many jobs (maximum is 200)",
    ),
    (
        "x: {script: a, parallel: {matrix: [{A: [b, c]}]}}\n"
        "y: {script: a, needs: [{job: x, parallel: {matrix: [{A: d}]}}]}",
        "y job: undefined need: x: [d]",
    ),
    ("x: {stage: test}", "jobs:x config should implement the script:, run:, or trigger: keyword"),
    ("x: {script: []}", "jobs:x script can't be blank"),
    ("x: 3\ny: {script: a}", "jobs:x config should implement the script:, run:, or trigger: keyword"),
    (".x: {script: a}", "jobs config should contain at least one visible job"),
    (
        "x: {script: a, stage: nope}",
        "x job: chosen stage nope does not exist; available stages are .pre, build, test, deploy, .post",
    ),
    ("x: {script: a, needs: [y]}", "x job: undefined need: y"),
    ("x: {script: a, dependencies: [y]}", "x job: undefined dependency: y"),
    (
        "x: {script: a, needs: [y]}\ny: {script: a, stage: deploy}",
        "x job: need y is not defined in current or prior stages",
    ),
    ("x: {script: a, needs: [y]}\ny: {script: a, needs: [x]}", "The pipeline has circular dependencies: x -> y -> x"),
    ("x: {script: a, rules: [{if: '$A =='}]}", "jobs:x:rules:rule if invalid expression syntax"),
    (
        "x: {script: a, rules: [{when: delayed}]}",
        "jobs:x:rules:rule when should be one of: on_success, on_failure, always, never, manual",
    ),
    ("x: {script: a, rules: [{needs: [y]}]}", "jobs:x:rules:rule config contains unknown keys: needs"),
    ("x: {script: a, rules: [], only: [main]}", "jobs:x config key may not be used with `rules`: only"),
    ("x: {script: a, rules: 3}", "jobs:x:rules config should be an array of hashes"),
    ("x: {script: a, when: later}", "jobs:x when should be one of: on_success, on_failure, always, manual, never"),
    (
        "x: {script: {a: b}}",
        "jobs:x:script config should be a string or a nested array of strings up to 10 levels deep",
    ),
    ("x: {script: a, variables: {A: true}}", "jobs:x:variables:A config must be either a string or a hash"),
    ("x: {script: a, artifacts: {path: [a]}}", "jobs:x:artifacts config contains unknown keys: path"),
    ("x: {script: a, artifacts: {paths: [a], expire_in: soon}}", "jobs:x:artifacts expire in should be a duration"),
    ("x: {script: a, timeout: never}", "jobs:x timeout should be a duration"),
    ("x: {script: a, retry: 3}", "jobs:x:retry config must be an integer between 0 and 2"),
    ("x: {script: a, allow_failure: maybe}", "jobs:x allow failure should be a boolean value"),
    ("x: {script: a, extends: .base}", "x: unknown keys in `extends` (.base)"),
    (
        ".a: {extends: .b}\n.b: {extends: .a}\nx: {script: a, extends: .a}",
        ".a: circular dependency detected in `extends`",
    ),
    ("x: {script: [!reference [.y, script]]}", '!reference [".y", "script"] could not be found'),
    ("x: {script: !reference [x, script]}", "!reference is nested too deeply"),
    ("include: {template: Python.gitlab-ci.yml}\nx: {script: a}", "include config contains unknown keys: template"),
    ("include: 'https://x.example/a.yml'\nx: {script: a}", "include config contains unknown keys: remote"),
    ("include: /gone.yml\nx: {script: a}", "Local file `gone.yml` does not exist!"),
    ("include: /own.txt\nx: {script: a}", "Included file `own.txt` does not have YAML extension!"),
    ("include: /loop.yml\nx: {script: a}", "Maximum of 150 nested includes are allowed!"),
    ("default: {script: a}\nx: {script: a}", "default config contains unknown keys: script"),
    ("- a", "Invalid configuration format"),
    ("", "Please provide content of .gitlab-ci.yml"),
]


@pytest.mark.parametrize(("text", "message"), REFUSED)
def test_refused(text: str, message: str) -> None:
    with pytest.raises(CiError) as caught:
        read(text, {"loop.yml": "include: /loop.yml"})
    assert caught.value.messages == [message]


def test_every_fault_is_named_at_once() -> None:
    with pytest.raises(CiError) as caught:
        read("workflow: {rules: [{when: manual}]}\nx: {script: a, run: b}\ny: {}")
    assert caught.value.messages == [
        "jobs:x config contains unknown keys: run",
        "jobs:y config should implement the script:, run:, or trigger: keyword",
        "workflow:rules:rule when should be one of: always, never",
    ]


@pytest.mark.parametrize(
    "text",
    [
        "x: [",
        "x: !!python/object/apply:os.system [true]",
        "a: &a [x, x, x, x, x, x, x, x, x, x]\n"
        + "\n".join(
            f"{new}: &{new} [{', '.join([f'*{old}'] * 10)}]" for old, new in zip("abcdefgh", "bcdefghi", strict=True)
        ),
        "a: &a [*a]",
        "x: " + "[" * 5000,
        "x: " + "a" * (1 << 21),
    ],
    ids=["broken", "python tag", "billion laughs", "endless", "deep", "long"],
)
def test_hostile_yaml_is_refused_at_once(text: str) -> None:
    with pytest.raises(CiError):
        read(text)


def test_defaults_and_globals_reach_the_jobs_that_inherit_them() -> None:
    file = read(
        "default: {before_script: [a], retry: 1}\nimage: python\nvariables: {A: 1, B: {value: $A, expand: false}}\n"
        "x: {script: s}\ny: {script: s, before_script: [b], inherit: {default: [retry], variables: [A]}}\n"
        "z: {script: s, inherit: {default: false, variables: false}}\n"
    )
    x, y, z = file.jobs
    assert (x.before_script, x.retry, x.ignored, x.inherit_variables) == (("a",), 1, ("image",), None)
    assert (y.before_script, y.retry, y.ignored, y.inherit_variables) == (("b",), 1, (), ("A",))
    assert (z.before_script, z.retry, z.inherit_variables) == ((), 0, ())
    assert file.variables == {"A": YamlVariable(value="1"), "B": YamlVariable(value="$A", raw=True)}


def test_extends_references_and_anchors() -> None:
    file = read(
        ".a: {script: [a], variables: {X: a, Y: a}, stage: build}\n.b: {extends: .a, variables: {Y: b}}\n"
        ".rules: {rules: [{if: $A}, {if: $B}]}\n"
        "x: {extends: [.a, .b], variables: {Z: x}, script: [one, !reference [.a, script], [two]]}\n"
        "y: {script: s, rules: [!reference [.rules, rules], {when: never}]}\n"
        "z: &z {script: s}\nw: {<<: *z, stage: deploy}\n"
    )
    x, y, _, w = file.jobs
    assert x.script == ("one", "a", "two")
    assert {key: each.value for key, each in x.variables.items()} == {"X": "a", "Y": "b", "Z": "x"}
    assert (x.stage, w.stage, w.script) == ("build", "deploy", ("s",))
    assert y.rules is not None
    assert [rule.when for rule in y.rules] == [None, None, "never"]


def test_includes_are_merged_beneath_the_file_that_includes_them() -> None:
    file = read(
        "include: [{local: /ci/a.yml, inputs: {name: one}}]\nx: {script: own}\n",
        {
            "ci/a.yml": "spec: {inputs: {name: {}}}\n---\ninclude: ci/b.yaml\nx: {stage: build, script: a}\n"
            "'job-$[[ inputs.name ]]': {script: 'echo $[[ inputs.name ]]'}\n",
            "ci/b.yaml": "stages: [build, test]\nx: {script: b, when: manual}\n",
        },
    )
    x, one = file.jobs
    assert (x.script, x.stage, x.when, x.may_fail) == (("own",), "build", "manual", True)
    assert (one.name, one.script) == ("job-one", ("echo one",))
    assert file.stages == (".pre", "build", "test", ".post")


SPEC = (
    "spec:\n  inputs:\n    word: {default: hi, regex: ^h}\n    count: {type: number, default: 1}\n"
    "    deep: {type: boolean, default: false}\n    must: {options: [a, b]}\n---\n"
    "x: {script: 'echo $[[ inputs.word ]] $[[inputs.count]]', retry: '$[[ inputs.count ]]'}\n"
)


def test_inputs_keep_their_type_and_fill_texts() -> None:
    (job,) = read(SPEC, inputs={"must": "a", "count": 2}).jobs
    assert (job.script, job.retry) == (("echo hi 2",), 2)


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({}, "`must` input: required value has not been provided"),
        ({"must": "c"}, "`must` input: `c` cannot be used because it is not in the list of allowed options"),
        ({"must": "a", "count": "2"}, "`count` input: provided value is not a number"),
        ({"must": "a", "count": True}, "`count` input: provided value is not a number"),
        ({"must": "a", "word": "no"}, "`word` input: provided value does not match required RegEx pattern"),
        ({"must": "a", "more": 1}, "unknown input arguments: more"),
    ],
)
def test_wrong_inputs(inputs: Mapping[str, object], message: str) -> None:
    with pytest.raises(CiError) as caught:
        read(SPEC, inputs=inputs)
    assert caught.value.messages == [message]


def test_inputs_without_a_declaration_are_refused() -> None:
    with pytest.raises(CiError, match="not defined in the `spec` section"):
        read("x: {script: a}", inputs={"a": 1})


def test_needs_artifacts_environment_and_release() -> None:
    file = read(
        "a: {script: s, stage: build}\n"
        "b:\n  script: s\n  needs: [{job: a, artifacts: false}, {job: gone, optional: true}]\n"
        "  artifacts: {paths: [dist], expire_in: never, when: always, reports: {junit: x.xml, dotenv: v.env}}\n"
        "  environment: {name: prod, url: 'https://$X', deployment_tier: production}\n"
        "  release: {tag_name: $CI_COMMIT_TAG, description: d, assets: {links: [{name: n, url: u}]}}\n"
        "  id_tokens: {T: {aud: pypi}}\n  allow_failure: {exit_codes: [3, 4]}\n  timeout: 1h 30m\n"
    )
    b = file.jobs[1]
    assert b.needs == (Need(job="a", artifacts=False), Need(job="gone", optional=True))
    assert b.artifacts is not None
    assert (b.artifacts.expire_in, b.artifacts.when, b.artifacts.dotenv) == (None, "always", ("v.env",))
    assert b.ignored == ("artifacts:reports:junit",)
    assert b.environment is not None
    assert (b.environment.name, b.environment.tier) == ("prod", "production")
    assert b.release is not None
    assert b.release.links == ({"name": "n", "url": "u"},)
    assert (b.id_tokens, b.allow_exit_codes, b.timeout) == ({"T": ("pypi",)}, frozenset({3, 4}), 5400)


def test_a_workflow_with_rules_takes_the_place_of_the_refs_that_jobs_run_for_by_default() -> None:
    """Source: lib/gitlab/ci/config/entry/processable.rb, `compose!`."""
    usual, own = "x: {script: a}\n", "x: {script: a, only: [main]}\n"
    ruled = "workflow: {rules: [{when: always}]}\n"
    assert [
        job.only and job.only.refs for text in (usual, ruled + usual, own, ruled + own) for job in read(text).jobs
    ] == [
        ("branches", "tags"),
        None,
        ("main",),
        ("main",),
    ]


def test_a_job_may_be_called_types() -> None:
    assert [job.name for job in read("types: {script: a}").jobs] == ["types"]


def test_parallel_jobs_are_made_and_needed_by_the_name_they_are_written_under() -> None:
    """The documentation's own example of a matrix, and numbered ones beside it."""
    text = """
wheel:
  stage: build
  variables: {WHO: everybody}
  parallel: {matrix: [{PYTHON: ["3.11", "3.12"], OS: linux}, {PYTHON: "3.13", OS: [linux, mac]}]}
  script: a
test: {script: a, parallel: 3}
all: {stage: deploy, script: a, needs: [wheel, {job: "test", optional: true}]}
some:
  stage: deploy
  script: a
  needs: [{job: wheel, artifacts: false, parallel: {matrix: [{PYTHON: "3.13", OS: mac}]}}]
old: {stage: deploy, script: a, dependencies: [test]}
"""
    jobs = {job.name: job for job in read(text).jobs}
    wheels = ["wheel: [3.11, linux]", "wheel: [3.12, linux]", "wheel: [3.13, linux]", "wheel: [3.13, mac]"]
    tests = ["test 1/3", "test 2/3", "test 3/3"]
    assert list(jobs) == [*wheels, *tests, "all", "some", "old"]
    assert {key: one.value for key, one in jobs[wheels[3]].variables.items()} == {
        "WHO": "everybody",
        "PYTHON": "3.13",
        "OS": "mac",
    }
    assert [jobs[name].node for name in (wheels[1], tests[2], "all")] == [(2, 4), (3, 3), None]
    assert [need.job for need in jobs["all"].needs or ()] == [*wheels, *tests]
    assert [(need.job, need.artifacts) for need in jobs["some"].needs or ()] == [(wheels[3], False)]
    assert jobs["old"].dependencies == tuple(tests)

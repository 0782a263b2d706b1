"""CI files that mean harm, by name: each must be read within bounds or be unknown."""

from __future__ import annotations

MIB = 1 << 20


def _bomb() -> str:
    levels = [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 10)]
    return "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "\n".join(levels)


def _merge_bomb() -> str:
    levels = [f"a{i}: &a{i} {{<<: [{', '.join([f'*a{i - 1}'] * 9)}], k{i}: v}}" for i in range(1, 10)]
    return "a0: &a0 {k: v}\n" + "\n".join(levels)


def _merge_storm() -> str:
    """Ever larger mappings, each made of all before it, none of them deep."""
    wide = ", ".join(f"k{i}: v" for i in range(2_000))
    return f"a: &a {{{wide}}}\n" + "".join(f"j{i}: {{<<: *a, x: y}}\n" for i in range(2_000))


def _extends() -> str:
    return "".join(
        f".a{i}:\n  extends: [{', '.join(f'.a{j}' for j in range(max(0, i - 10), i))}]\n  k{i}: v\n"
        for i in range(3_000)
    )


def _references() -> str:
    levels = [f".a{i}: {{script: [{', '.join([f'!reference [.a{i - 1}, script]'] * 10)}]}}" for i in range(1, 10)]
    return ".a0: {script: [x, x, x]}\n" + "\n".join(levels) + "\njob: {script: !reference [.a9, script]}"


MEAN: dict[str, str] = {
    "aliases that multiply": _bomb(),
    "merge keys that multiply": _merge_bomb(),
    "merge keys that copy": _merge_storm(),
    "more than a mebibyte": "job: {script: [make]}\n" + "#" * MIB,
    "deep lists": "a: " + "[" * 100_000,
    "deep mappings": "a: " + "{a: " * 40 + "}" * 40,
    "deep blocks": "".join(f"{' ' * i}a:\n" for i in range(1_000)),
    "deep keys": "? " * 50_000 + "a",
    "an alias of itself": "a: &a [*a]",
    "a mapping of itself": "a: &a {b: *a}",
    "a merge of itself": "a: &a {<<: *a}",
    "many values": "a: [" + "a," * 400_000 + "]",
    "parents of parents": _extends(),
    "references of references": _references(),
    "a circle of parents": "a: {extends: b}\nb: {extends: a}",
    "a long chain of parents": "".join(f".a{i}: {{extends: .a{i + 1}}}\n" for i in range(50)) + ".a50: {script: [x]}",
    "one long script for all": ".a:\n  script:\n    - '"
    + "echo " * 40_000
    + "'\n"
    + "".join(f"j{i}: {{extends: .a}}\n" for i in range(500)),
    "a list of lists": "job: {script: " + "[" * 25 + "x" + "]" * 25 + "}",
    "many entries": "job:\n  script:\n" + "    - a\n" * 30_000,
    "control characters": "job: {script: [\x00\x01\x1b[2J]}",
    "a lone surrogate": "job: {script: ['\ud800']}",
    "no mapping": "- a\n- b",
    "just text": "hello",
    "a key that is a list": "? [a, b]\n: c",
    "broken": "job: [}",
    "a tab": "job:\n\tscript: x",
}
"""Unknown, all of them."""

ODD: dict[str, str] = {
    "nothing": "",
    "null": "~",
    "a comment": "# nothing here",
    "a name of 255 characters": f'"{"n" * 255}": {{script: [twine upload dist/*]}}',
    "a name that moves the cursor": '"a\\e[2J\\u202e\\0": {script: [twine upload dist/*]}',
    "markup for a name": "'<script>alert(1)</script>': {script: [twine upload dist/*]}",
    "two documents": "a: {script: [b]}\n---\nc: {script: [d]}",
    "the same key twice": "a: {script: [b]}\na: {script: [c]}",
    "a shell that never ends": "job: {script: ['" + "(" * 50 + "']}",
    "quotes that never end": 'job: {script: ["echo \\"$(\\"$(\\"$(\\"$("]}',
    "many anchors": "".join(f"a{i}: &x{i} y\n" for i in range(5_000)),
    "wrong types everywhere": """
variables: [a]
default: text
stages: {a: b}
include: {a: [b]}
workflow: [x]
job:
  script: {a: b}
  before_script: 5
  image: [a]
  variables: text
  rules: {if: x}
  only: {refs: {a: b}, variables: 5}
  except: [[a], {b: c}]
  id_tokens: [a]
  environment: [x]
  needs: {a: b}
  artifacts: text
  trigger: [a]
  allow_failure: [x]
  extends: {a: b}
  inherit: [x]
  when: {a: b}
  run: text
other:
  script: [1, true, null, 1.5, 2026-01-01, {a: b}, [[]]]
  rules: [text, [{if: [a]}], {changes: 5, when: [x]}]
  id_tokens: {A: text, B: {aud: {c: d}}, C: null}
  artifacts: {paths: {a: b}, reports: [dotenv]}
  variables: {A: [b], B: {value: [c]}, C: null, D: {value: null}}
  inherit: {default: {a: b}}
  trigger: {forward: [x]}
third: 5
fourth: [a]
""",
}
"""Read, all of them, without a word too many."""

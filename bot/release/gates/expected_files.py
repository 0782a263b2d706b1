"""A release is whole: the files that policy expects of it are there (`releases[].expect`)."""

from __future__ import annotations

from bot.domain.distributions import Distribution, DistributionKind
from bot.domain.policy import ExpectedFiles
from bot.domain.refs import RefKind, matches_wildcard
from bot.domain.verdicts import Consequence, GateResult, Verdict
from bot.release import leaving
from bot.release.facts import Facts, Look, LookKind, Wanted

NAME = "expected_files"


def judge(wanted: Wanted, facts: Facts) -> GateResult | Look | None:
    """Fail with everything that is missing or too much. None where policy expects nothing in particular."""
    expected = wanted.rule.expect
    if expected is None:
        return None
    if facts.files is None:
        return Look(LookKind.FILES)
    files = facts.files.value.files
    if facts.files.value.problems or not files:
        reason = "there are no usable distributions" if facts.files.value.problems else "there are no files at hand"
        return GateResult(name=NAME, verdict=Verdict.NOT_APPLICABLE, reason=reason)
    wrong = _wrong(expected, files)
    if not wrong:
        return GateResult(name=NAME, verdict=Verdict.PASS, reason=f"all is there: {_made(files)}")
    again = "push a new tag" if wanted.id.kind is RefKind.TAG else "merge that"
    left = leaving.left_out(wanted, facts)
    made = f"The jobs made {_made(files)}{f'; {left}' if left else ''}"
    reason = f"{'; '.join(wrong)}. {made}. Mend them and {again}; nothing was uploaded"
    return GateResult(name=NAME, verdict=Verdict.FAIL, reason=reason, consequence=Consequence.BLOCK)


def _wrong(expected: ExpectedFiles, files: tuple[Distribution, ...]) -> list[str]:
    wheels = sum(file.kind is DistributionKind.WHEEL for file in files)
    sdists = len(files) - wheels
    wrong = []
    if expected.wheels is not None and wheels != expected.wheels:
        wrong.append(f"policy expects {_count(expected.wheels, 'wheel')}")
    if expected.sdist is True and not sdists:
        wrong.append("policy expects an sdist")
    if expected.sdist is False and sdists:
        wrong.append("policy allows no sdist")
    for pattern in expected.files:
        if not any(matches_wildcard(pattern, file.filename) for file in files):
            wrong.append(f"policy expects a file like {pattern}")
    return wrong


def _made(files: tuple[Distribution, ...]) -> str:
    wheels = sum(file.kind is DistributionKind.WHEEL for file in files)
    return f"{_count(wheels, 'wheel')} and {_count(len(files) - wheels, 'sdist')}"


def _count(number: int, what: str) -> str:
    return f"{number or 'no'} {what}{'' if number == 1 else 's'}"

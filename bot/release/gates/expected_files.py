"""A release is whole: the files that policy expects of it are there (`releases[].expect`)."""

from __future__ import annotations

from bot.domain.distributions import Distribution, DistributionKind
from bot.domain.gitlab import PipelineStatus
from bot.domain.policy import ExpectedFiles
from bot.domain.refs import RefKind, matches_wildcard
from bot.domain.verdicts import Consequence, GateResult, Verdict
from bot.release import leaving
from bot.release.facts import Facts, Look, LookKind, Seen, Wanted

NAME = "expected_files"
MOST = 3  # jobs that are named
# What a person does with a job that has not run to its end.
_IDLE = {
    PipelineStatus.MANUAL: "Job {0} waits to be played: play it ({1})",
    PipelineStatus.FAILED: "Job {0} failed: run it again ({1})",
    PipelineStatus.CANCELED: "Job {0} was canceled: run it again ({1})",
    PipelineStatus.SKIPPED: "Job {0} was skipped: let it run ({1})",
}


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
    wrong, missing = _wrong(expected, files)
    if not wrong:
        return GateResult(name=NAME, verdict=Verdict.PASS, reason=f"all is there: {_made(files)}")
    idle = _idle(facts) if missing else ()
    if isinstance(idle, Look):
        return idle
    again = "push a new tag" if wanted.id.kind is RefKind.TAG else "merge that"
    left = leaving.left_out(wanted, facts)
    made = f"The jobs made {_made(files)}{f'; {left}' if left else ''}"
    way_out = f"{'. '.join(idle)}, then resume; else mend" if idle else "Mend"
    reason = f"{'; '.join(wrong)}. {made}. {way_out} them and {again}; nothing was uploaded"
    return GateResult(name=NAME, verdict=Verdict.FAIL, reason=reason, consequence=Consequence.BLOCK)


def _idle(facts: Facts) -> tuple[str, ...] | Look:
    """What to do with each job of the pipeline that has not left the files that it would leave, by the CI file."""
    found = facts.pipeline.value if facts.pipeline else None
    jobs = [job for job in found.jobs if job.status in _IDLE] if found else []
    if not jobs:
        return ()
    if facts.planned is None:
        return Look(LookKind.CI_FILE)
    planned = facts.planned.value if isinstance(facts.planned, Seen) else None
    keepers = [job for job in planned.jobs if job.keeps] if planned else []
    idle = [job for job in jobs if any(keeper.made(job.name) for keeper in keepers)]
    more = (f"{len(idle) - MOST} more like them",) if len(idle) > MOST else ()
    return (*(_IDLE[job.status].format(job.name, job.web_url) for job in idle[:MOST]), *more)


def _wrong(expected: ExpectedFiles, files: tuple[Distribution, ...]) -> tuple[list[str], bool]:
    """What is wrong, and whether something is missing, which a job might still make."""
    wheels = sum(file.kind is DistributionKind.WHEEL for file in files)
    sdists = len(files) - wheels
    wrong = []
    missing = expected.sdist is True and not sdists
    if expected.wheels is not None and wheels != expected.wheels:
        wrong.append(f"policy expects {_count(expected.wheels, 'wheel')}")
        missing = missing or wheels < expected.wheels
    if expected.sdist is True and not sdists:
        wrong.append("policy expects an sdist")
    if expected.sdist is False and sdists:
        wrong.append("policy allows no sdist")
    for pattern in expected.files:
        if not any(matches_wildcard(pattern, file.filename) for file in files):
            wrong.append(f"policy expects a file like {pattern}")
            missing = True
    return wrong, missing


def _made(files: tuple[Distribution, ...]) -> str:
    wheels = sum(file.kind is DistributionKind.WHEEL for file in files)
    return f"{_count(wheels, 'wheel')} and {_count(len(files) - wheels, 'sdist')}"


def _count(number: int, what: str) -> str:
    return f"{number or 'no'} {what}{'' if number == 1 else 's'}"

"""RW210: a tag is a name that somebody else may move."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from bot.domain.ci import CiFacts
from bot.domain.findings import Finding, RuleInfo
from bot.domain.verdicts import Severity
from bot.hygiene.ci_judging import Fault, fault_of, judge_ci, publishing
from bot.hygiene.facts import ProjectFacts
from bot.hygiene.images import image_of

INFO = RuleInfo(
    id="RW210",
    title="publishing job runs in an image that is not pinned",
    severity=Severity.MEDIUM,
    threat="The next pipeline may run in another image than the one that was reviewed, with the publishing "
    "credential in it: by an update that breaks the release, or by somebody who can push that tag.",
    remedy="Name an exact version, better its digest: `image: python:3.14.0@sha256:…`.",
)


def judge(facts: ProjectFacts) -> Iterable[Finding]:
    """Medium for no tag, `latest` and tags without a version; low for one that names a series only (`3.12`)."""
    return judge_ci(INFO, facts, _faults)


def _faults(ci: CiFacts) -> Iterator[Fault]:
    for job in publishing(ci):
        image = image_of(ci, job)
        line = job.line_of("image")
        if image is None or image.digest:
            continue
        if image.open:
            yield replace(
                fault_of(job, "its image is named by a variable that this file does not set", line),
                unknown=True,
                remedy="Name the image in the file, with an exact version.",
            )
        elif not image.tag:
            yield fault_of(job, "its image has no tag, which means `latest`", line)
        elif image.tag == "latest":
            yield fault_of(job, "its image is tagged `latest`", line)
        elif not image.numbers:
            yield fault_of(job, "the tag of its image names no version", line)
        elif len(image.numbers) < 3:
            said = ".".join(map(str, image.numbers))
            yield fault_of(job, f"the tag of its image names the series {said}, which moves", line, Severity.LOW)

"""The image a job runs in, taken apart."""

from __future__ import annotations

import re
from dataclasses import dataclass

from bot.domain.ci import CiFacts, CiJob

_VARIABLE = re.compile(r"\$\{?([A-Za-z_][A-Za-z0-9_]*)\}?")
_NUMBERS = re.compile(r"(?:^|(?<=[^0-9A-Za-z.]))v?(\d{1,6}(?:\.\d{1,6}){0,3})(?![0-9])")
_PYTHON = re.compile(r"python-?(\d)\.(\d{1,2})")
_MOST_ROUNDS = 5  # of variables within variables


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """An image reference. `numbers` is the version in its tag; `open` says that a variable in its last part, whatever
    registry it is taken from, is not set here.
    """

    name: str
    tag: str
    digest: bool
    open: bool
    numbers: tuple[int, ...]

    @property
    def python(self) -> tuple[int, int] | None:
        """The Python that it is an image of, major and minor; None where it is none or does not say."""
        found = _PYTHON.search(f"{self.name}:{self.tag}")
        if found is not None:
            return int(found[1]), int(found[2])
        if self.name.rsplit("/", 1)[-1] != "python" or not self.numbers:
            return None
        if self.numbers == (2,):
            return 2, 7
        return (self.numbers[0], self.numbers[1]) if len(self.numbers) > 1 else None


def image_of(ci: CiFacts, job: CiJob) -> Image | None:
    """The job's image with the variables that the file sets put in; None where it names none."""
    if job.image is None:
        return None
    text = job.image
    known = {**ci.variables_for(job), **job.variables}
    for _ in range(_MOST_ROUNDS):
        text = _VARIABLE.sub(lambda match: known.get(match[1], match[0]), text)[:1000]
    bare, at, _ = text.partition("@")
    head, slash, last = bare.rpartition("/")
    name, _, tag = last.partition(":")
    match = _NUMBERS.search(tag)
    numbers = tuple(int(part) for part in match[1].split(".")) if match else ()
    return Image(name=f"{head}{slash}{name}", tag=tag, digest=bool(at), open="$" in last, numbers=numbers)

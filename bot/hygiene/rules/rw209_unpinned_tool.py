"""RW209: whoever publishes the tool runs with your token."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from bot.domain.ci import CiCommand, CiFacts
from bot.domain.findings import Finding, RuleInfo
from bot.domain.verdicts import Severity
from bot.hygiene.ci_judging import Fault, fault_of, judge_ci, listed, publishing
from bot.hygiene.facts import ProjectFacts

INFO = RuleInfo(
    id="RW209",
    title="publishing job installs what it does not pin",
    severity=Severity.MEDIUM,
    threat="The job installs whatever the index has at that moment, twine among it, and hands it the "
    "publishing credential. One compromised release of one package and the token is gone; an honest one "
    "may break the release.",
    remedy="Pin each by version and better by hash: `pip install --require-hashes -r "
    "requirements/publish.txt`, or use an image that has them.",
)

_TOOLS = frozenset(
    {
        "twine",
        "build",
        "wheel",
        "setuptools",
        "pip",
        "uv",
        "poetry",
        "flit",
        "hatch",
        "pdm",
        "hatchling",
        "keyring",
        "tox",
        "nox",
    }
)
# Options of `pip install` that take the next word with them.
_TAKES_WORD = frozenset(
    {"-r", "--requirement", "-c", "--constraint", "-i", "--index-url", "--extra-index-url", "-f"}
) | {
    "--find-links",
    "-t",
    "--target",
    "--root",
    "--prefix",
    "--python",
    "--trusted-host",
    "--proxy",
    "--cache-dir",
}
_INSTALLERS = frozenset({("pipx", "install"), ("poetry", "self"), ("uv", "tool")})
_PIP = re.compile(r"pip[0-9.]*")
_PINNED = re.compile(r"==(?!.*\*)")  # `==6.*` may be any of many
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def judge(facts: ProjectFacts) -> Iterable[Finding]:
    """Names what is not pinned among the usual tools, counts the rest."""
    return judge_ci(INFO, facts, _faults)


def _faults(ci: CiFacts) -> Iterator[Fault]:
    for job in publishing(ci):
        for command in job.commands:
            loose = tuple(_loose(command))
            if loose:
                known = [name for name in loose if name in _TOOLS]
                others = len(loose) - len(known)
                more = f"{others} other package{'s' if others > 1 else ''}" if others else ""
                what = " and ".join(filter(None, [listed(known) if known else "", more]))
                yield fault_of(job, f"{what} without a version", command.line)


def _loose(command: CiCommand) -> Iterator[str]:
    """The names of requirements that are not pinned."""
    words = command.words
    wanted = [word for word in command.installs if "@" not in word or word.endswith("@latest")]
    if _installs(words) and not {"--require-hashes", "-c", "--constraint"} & set(words):
        skip = False
        for word in words[2:]:
            if skip or word.startswith(("-", ".", "/", "$", "<")):
                skip = word in _TAKES_WORD and not skip
            elif "@" not in word and not _is_file(word) and word != "install":
                wanted.append(word)
    for word in wanted:
        match = _NAME.match(word)
        if match is not None and not _PINNED.search(word) and "/" not in word:
            yield match[0].lower()


def _installs(words: tuple[str, ...]) -> bool:
    return words[:2] in _INSTALLERS or (words[1:2] == ("install",) and _PIP.fullmatch(words[0]) is not None)


def _is_file(word: str) -> bool:
    return word.endswith((".whl", ".tar.gz", ".zip", ".txt")) or ("*" in word and "=" not in word)

"""The adapter of `bot.ports.builder.Builder`."""

from __future__ import annotations

import re
import shutil
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass
from pathlib import Path

from bot.adapters.builder.front import Front, MissingToolError, find_front
from bot.adapters.builder.running import MOST_TASKS, Ran, Run, probe
from bot.adapters.builder.tree import read_tree
from bot.adapters.index.limits import MIB
from bot.adapters.index.names import ArchiveError, show
from bot.domain.errors import TransientError
from bot.domain.policy import BuildPolicy, Isolation
from bot.domain.secrets import Redactor
from bot.ports.builder import BuildOrder, Built

STALE = 86_400.0  # seconds; no build takes that long
LAST_LINES = 12  # of a failed build's output, shown to a person
LONGEST_LINE = 300  # characters
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")
_ANSI = re.compile(r"\x1b(?:\[[0-9;?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])")
_LIMITS = {
    "time": "took longer than build.time allows ({time:.0f} s)",
    "memory": "took more memory than build.memory allows ({memory} MiB)",
    "disk": "wrote more than build.disk allows ({disk} MiB)",
    "machine": "was ended because the machine had hardly any memory left",
    "processes": "started more processes and threads than a build may have here ({tasks})",
}
_NO_FENCE = (
    "Install bubblewrap 0.8 or newer and allow user namespaces (in a container: a seccomp profile that does; "
    "kernel.unprivileged_userns_clone=1, kernel.apparmor_restrict_unprivileged_userns=0), or, only if every project "
    "is trusted with all that the bot can read, set build.isolation: none"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ready:
    """Everything a build needs is here."""

    policy: BuildPolicy
    front: Front


class BuilderAdapter:
    """Builds within the limits of `policy`; without one it refuses. Safe to use from several threads.

    `scratch` is a folder of ours, which is made if it is missing; `slot` bounds how many builds, checks and uploads
    run at once.
    """

    def __init__(
        self,
        *,
        policy: BuildPolicy | None,
        scratch: Path,
        redactor: Redactor,
        slot: Callable[[], AbstractContextManager[object]] = nullcontext,
    ) -> None:
        self._policy = policy
        self._scratch = scratch
        self._redactor = redactor
        self._slot = slot
        self._tried = threading.Lock()
        self._works = False

    def obstacle(self) -> str:
        """See Builder.obstacle."""
        ready = self._ready()
        return ready if isinstance(ready, str) else ""

    def build(self, archive: Path, order: BuildOrder) -> Built:
        """See Builder.build."""
        ready = self._ready()
        if isinstance(ready, str):
            return Built(files=None, problems=(ready,), again=True)
        with ExitStack() as stack:
            tree = stack.enter_context(tempfile.TemporaryFile(dir=self._scratch))
            try:
                moment = read_tree(archive, tree, sha=order.sha, most=ready.policy.disk)
            except ArchiveError as error:
                return Built(files=None, problems=(self._line(f"The commit's archive is refused: it {error}"),))
            results = stack.enter_context(
                tempfile.NamedTemporaryFile(dir=self._scratch, prefix="built-", suffix=".zip", delete=False)
            )
            path = Path(results.name)
            try:
                run = Run(
                    policy=ready.policy,
                    front=ready.front,
                    tree=tree,
                    results=results,
                    scratch=self._scratch,
                    folder=order.folder,
                    told={"SOURCE_DATE_EPOCH": str(moment), **_versions(order.version, order.name)},
                )
                with self._slot():
                    built = self._judge(run.run(), ready.policy)
            except BaseException:
                path.unlink(missing_ok=True)
                raise
        if built.problems:
            path.unlink(missing_ok=True)
            return built
        return Built(files=path)

    def _ready(self) -> _Ready | str:
        policy = self._policy
        if policy is None:
            return "Building from source is off: add a `build` section with a `wheelhouse` to the configuration"
        if not policy.wheelhouse.is_dir():
            return (
                f"build.wheelhouse ({policy.wheelhouse}) is not a folder: make it, and put the wheels of backends there"
            )
        try:
            front = find_front()
        except MissingToolError as error:
            return f"This installation cannot build: {error} is missing. Install it beside the bot"
        self._scratch.mkdir(parents=True, exist_ok=True, mode=0o700)
        _sweep(self._scratch)
        if policy.isolation is Isolation.BUBBLEWRAP:
            with self._tried:
                said = "" if self._works else probe(front, policy.wheelhouse, self._scratch)
                self._works = not said
            if said:
                return f"Builds cannot be isolated here: {self._line(said)}. {_NO_FENCE}"
        return _Ready(policy=policy, front=front)

    def _judge(self, ran: Ran, policy: BuildPolicy) -> Built:
        told, words = ran.told, self._words(ran.output)
        over = told.over if told is not None else None
        if ran.late:
            over = over or "time"
        if over in _LIMITS:
            limits = {
                "time": policy.time.total_seconds(),
                "memory": policy.memory // MIB,
                "disk": policy.disk // MIB,
                "tasks": MOST_TASKS,
            }
            return Built(files=None, problems=(f"The build {_LIMITS[over].format(**limits)}{words}",), again=True)
        if told is None:
            raise TransientError(what=f"the build was cut off{words}", where="builder")
        if told.code != 0:
            return self._failed(ran, words)
        if told.refused:
            names = ", ".join(self._line(show(name)) for name in told.refused[:5])
            return Built(files=None, problems=(f"The build left {names} among its results, which is no plain file",))
        return Built(files=None)

    def _failed(self, ran: Ran, words: str) -> Built:
        assert ran.told is not None, "it was told"
        said, code = ran.told.said, ran.told.code
        if said.phase == "requirements":
            needs = self._line(", ".join(said.requirements)) or "nothing"
            problem = (
                f"The build needs {needs}, and build.wheelhouse does not have all of it: add the wheels "
                f"(pip download --dest DIR REQUIREMENT){words}"
            )
            return Built(files=None, problems=(problem,), again=True)
        how = f"ended with code {code}" if code is None or code > 0 else f"was ended by signal {-code}"
        return Built(files=None, problems=(f"The build {how}{words}",))

    def _words(self, output: bytes) -> str:
        """The end of the output as it may stand in a reason: redacted, no control characters, a few short lines."""
        text = self._redactor.redact(_plain(output.decode(errors="replace")))
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        shown = [line if len(line) <= LONGEST_LINE else line[: LONGEST_LINE - 1] + "…" for line in lines[-LAST_LINES:]]
        return f": {' | '.join(shown)}" if shown else ""

    def _line(self, text: str) -> str:
        line = self._redactor.redact(" ".join(_plain(text).split()))
        return line if len(line) <= LONGEST_LINE else line[: LONGEST_LINE - 1] + "…"


def _sweep(folder: Path) -> None:
    """Drop what a killed daemon left behind; younger things may be a build's under way."""
    for path in folder.iterdir():
        try:
            if time.time() - path.lstat().st_mtime < STALE:
                continue
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink()
        except FileNotFoundError:
            continue


def _plain(text: str) -> str:
    """`text` without terminal sequences; other control and bidi characters are shown as what they are."""
    lines = _ANSI.sub("", text.replace("\r\n", "\n"))
    return _CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", lines.replace("\r", "\n"))


def _versions(version: str | None, name: str | None) -> dict[str, str]:
    """What tells backends that read the version from git, since the tree comes without: each by its own variable.

    Source: setuptools-scm, "Environment variables"; pdm-backend, "Dynamic versioning".
    """
    if version is None:
        return {}
    told = {"SETUPTOOLS_SCM_PRETEND_VERSION": version, "PDM_BUILD_SCM_VERSION": version}
    if name:
        told[f"SETUPTOOLS_SCM_PRETEND_VERSION_FOR_{re.sub(r'[-_.]+', '_', name).upper()}"] = version
    return told

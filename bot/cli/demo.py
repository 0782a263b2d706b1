"""`ropewalk demo`: an organisation releases its packages, and the bot is killed in the middle of it."""

from __future__ import annotations

import contextlib
import json
import signal
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from bot.cli.exits import Exit
from bot.cli.options import Format, Options, complain
from bot.cli.sandbox import require_extra
from bot.cli.story import guided, proof, wheels
from bot.cli.story.guided import GUIDED, Guided
from bot.cli.story.people import MAINTAINER, Change, Clone, install_hook, merge
from bot.cli.story.stage import Daemon, Scene, fenced, gitlab_running
from bot.cli.story.telling import Teller
from bot.cli.story.verdict import Ending, as_json, check, table
from bot.domain.errors import RefusedError
from bot.domain.releases import Release, ReleaseState

END_WITHIN = 150.0  # seconds for all releases; a story that takes longer has gone wrong
TAG = "v1.1.0"


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One project's part in the story, and how it must end. `titles` are its merge requests."""

    project: str
    titles: tuple[str, ...]
    ending: ReleaseState
    version: str = "1.1.0"
    remedy: str = ""
    distribution: str = ""

    @property
    def name(self) -> str:
        """The distribution's name: what the project is called, unless it says otherwise."""
        return self.distribution or self.project.rsplit("/", 1)[-1]


PARTS = (
    Part(
        project="acme/tools/widget",
        titles=("Oil the bearings", "Turn both ways", "Say how fast it turns"),
        ending=ReleaseState.PUBLISHED,
    ),
    Part(project="acme/libs/gauge", titles=("Measure in metres",), ending=ReleaseState.PUBLISHED),
    Part(
        project="acme/tools/beacon",
        titles=("Shine brighter",),
        ending=ReleaseState.BLOCKED,
        remedy="RW101",
    ),
    Part(
        project="acme/libs/almanac",
        titles=("Add the tides",),
        ending=ReleaseState.BLOCKED,
        version="1.0.9",
        remedy="1.0.9",
    ),
    Part(project="acme/libs/anvil", titles=("Harden the face",), ending=ReleaseState.CONFLICT, remedy="other bytes"),
    Part(project="acme/apps/furnace", titles=("Burn hotter",), ending=ReleaseState.FAILED, remedy="pipeline"),
    # One for each way to build; the bot itself builds bollard.
    Part(project="acme/libs/sextant", titles=("Find the noon",), ending=ReleaseState.PUBLISHED),
    Part(project="acme/libs/quoin", titles=("Hold the cask",), ending=ReleaseState.PUBLISHED),
    Part(project="acme/libs/lantern", titles=("Trim the wick",), ending=ReleaseState.PUBLISHED),
    Part(project="acme/libs/bollard", titles=("Take two turns",), ending=ReleaseState.PUBLISHED),
    Part(project="acme/tools/fathom", titles=("Sound the depth",), ending=ReleaseState.PUBLISHED),
    Part(
        project="acme/libs/hawser",
        titles=("Lay three strands",),
        ending=ReleaseState.PUBLISHED,
        distribution="acme-hawser",
    ),
    Part(
        project="acme/libs/splice",
        titles=("Tuck once more",),
        ending=ReleaseState.PUBLISHED,
        distribution="Acme.Rope_Splice",
    ),
)
KILLED = Part(project="acme/tools/capstan", titles=("Take the strain",), ending=ReleaseState.PUBLISHED)


@dataclass(slots=True)
class _Told:
    """What the people did: merge requests by project, and when each tag was pushed."""

    merged: dict[str, tuple[int, ...]] = field(default_factory=dict)
    pushed: dict[str, float] = field(default_factory=dict)
    ended: dict[str, float] = field(default_factory=dict)


def demo(options: Options, *, keep: bool) -> Exit:
    """Tell the story; DONE only if every release ended as it must and nothing happened twice."""
    require_extra()
    for number in (signal.SIGINT, signal.SIGTERM):
        # Both end the story in order; a shell that runs it in the background would have the first ignored.
        signal.signal(number, signal.default_int_handler)
    teller = Teller(color=options.color, quiet=options.quiet)
    with tempfile.TemporaryDirectory(prefix="ropewalk-demo-") as folder:
        teller.chapter("An organisation")
        with gitlab_running(Path(folder)) as scene:
            teller.line("gitlab", f"the embedded GitLab is up at {scene.gitlab}")
            teller.line("index", f"a package index beside it at {scene.index_simple}")
            daemon = Daemon(scene)
            try:
                endings = _story(options, scene, daemon, teller)
                if keep:
                    _audit(options, scene, teller)
                good = _result(options, endings, teller, _places(scene) if keep else {})
                if keep:
                    teller.chapter(f"The organisation stays: look around at {scene.dashboard}, Ctrl-C ends it")
                    with contextlib.suppress(KeyboardInterrupt):
                        signal.pause()
            finally:
                daemon.stop()
    return Exit.DONE if good else Exit.FAULT


def _audit(options: Options, scene: Scene, teller: Teller) -> None:
    """What an audit of everything finds goes into the history, for the dashboard to show."""
    from bot.app import App
    from bot.cli.auditor import Auditor
    from bot.settings import load

    app = App(load(scene.config, {}, scene.folder), options.redactor)
    try:
        report = Auditor(app).audit_watched().report
    finally:
        app.close()
    teller.line(
        "audit", f"{len(report.findings)} findings in {report.projects} projects, from {report.requests} requests"
    )


def _story(options: Options, scene: Scene, daemon: Daemon, teller: Teller) -> list[Ending]:
    told = _Told()
    with _watching(options, scene, teller, told) as watch:
        fence = fenced(scene)
        told_fence = f"without a fence, which only our own demo may do: {fence}" if fence else "behind bubblewrap"
        teller.line("build", f"bollard will be built by the bot, {told_fence}")
        daemon.start()
        teller.line("ropewalk", f"the daemon watches the group acme (process {daemon.pid})")
        teller.line("dashboard", f"all of it as it happens: {scene.dashboard}")
        teller.chapter("Merge requests are merged, protected tags pushed")
        wheels.plant(scene, "anvil", "1.1.0")
        teller.line("stranger", "anvil 1.1.0 stands on the index already, with other bytes")
        with ThreadPoolExecutor(4) as pool:
            guides = pool.map(lambda part: _guide(scene, teller, told, part), GUIDED)
            list(pool.map(lambda part: _play(scene, teller, told, part), PARTS))
            list(guides)
        watch.until({part.project for part in (*PARTS, *GUIDED)})
        teller.chapter("The daemon is killed in the middle of an upload")
        _killed(scene, daemon, teller, told)
        watch.until({KILLED.project})
        teller.chapter("The proof, read back from the indexes and from GitLab itself")
        endings = [_ending(scene, told, watch.releases[part.project], part) for part in (*PARTS, KILLED)]
        return endings + [_guided(scene, told, watch.releases[part.project], part) for part in GUIDED]


def _result(options: Options, endings: list[Ending], teller: Teller, places: dict[str, str]) -> bool:
    """Write the last picture, and where everything is if it stays; returns whether everything came out as it must."""
    good = all(not ending.faults for ending in endings)
    if options.format is Format.JSON:
        kept: dict[str, object] = {"kept": places} if places else {}
        options.result(json.dumps(as_json(endings, teller.seconds) | kept))
    else:
        options.result(table(endings, color=options.color))
        for name, place in places.items():
            print(f"{name:<15} {place}", flush=True)  # the tokens are the sandbox's own and open nothing else
    for ending in endings:
        for fault in ending.faults:
            complain(options, f"{ending.name}: {fault}")
    verdict = "everything came out as it must, nothing happened twice" if good else "something did not come out"
    teller.line("demo", f"{verdict}, {teller.seconds:.0f} s", "bold green" if good else "bold red")
    return good


def _play(scene: Scene, teller: Teller, told: _Told, part: Part) -> None:
    """The people's part in one release: merge requests, then a tag."""
    from bot.sandbox.worlds.acme import tree_of

    install_hook(scene, part.project)
    clone = Clone(scene, part.project, MAINTAINER)
    tree = tree_of(part.project, part.version)
    iids = []
    for number, title in enumerate(part.titles, 1):
        notes = f"# Notes of {part.name}\n\n" + "".join(f"- {line}\n" for line in part.titles[:number])
        change = Change(title=title, files={**(tree if number == len(part.titles) else {}), "NOTES.md": notes})
        clone.propose(f"change-{number}", change)
        iids.append(merge(scene, part.project, f"change-{number}", title))
    merged = ", ".join(f"!{iid} {title}" for iid, title in zip(iids, part.titles, strict=True))
    teller.line(part.name, f"merged: {merged}")
    told.merged[part.project] = tuple(iids)
    told.pushed[part.project] = time.monotonic()
    clone.tag(TAG)
    teller.line(part.name, f"grace pushes the protected tag {TAG}")


def _guide(scene: Scene, teller: Teller, told: _Told, part: Guided) -> None:
    told.pushed[part.project] = time.monotonic()
    told.merged[part.project] = (guided.play(scene, teller, part),)


def _guided(scene: Scene, told: _Told, release: Release, part: Guided) -> Ending:
    seconds = told.ended[part.project] - told.pushed[part.project]
    return guided.ending(scene, release, part, told.merged[part.project][0], seconds)


def _killed(scene: Scene, daemon: Daemon, teller: Teller, told: _Told) -> None:
    """Hold the answer to an upload whose bytes have arrived, kill the daemon there, and start it again."""
    with scene.control() as control:
        fault = {"kind": "hold", "method": "POST", "path": "/packages/pypi$", "after_effect": True}
        control.post("/faults", json=fault).raise_for_status()
        _play(scene, teller, told, KILLED)
        held = control.get("/held", params={"wait": 90}).json()
        if not held:
            raise RefusedError(what="no upload of capstan began", where="demo")
        teller.line("capstan", "a file has arrived at the registry, the answer has not: kill -9", "bold red")
        daemon.kill()
        control.post("/held/release", json={"reset": True}).raise_for_status()
    daemon.start()
    teller.line("ropewalk", f"the daemon is back (process {daemon.pid}); it looks before it acts")


def _ending(scene: Scene, told: _Told, release: Release, part: Part) -> Ending:
    iids = told.merged[part.project]
    seen = proof.look(scene, part.project, release.id.project_id, part.name, TAG, iids)
    return check(
        release,
        seen,
        proof.writes(scene),
        name=part.name,
        expected=part.ending,
        remedy=part.remedy,
        seconds=told.ended[part.project] - told.pushed[part.project],
    )


class _Watch:
    """Follows the releases in the daemon's records and tells every step."""

    def __init__(self, options: Options, scene: Scene, teller: Teller, told: _Told) -> None:
        from bot.app import App
        from bot.settings import load

        self._app = App(load(scene.config, {}, scene.folder), options.redactor)
        self._teller = teller
        self._told = told
        self._said: dict[str, tuple[ReleaseState, str | None]] = {}
        self._stop = threading.Event()
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._follow, name="watch", daemon=True)
        self.releases: dict[str, Release] = {}

    def start(self) -> None:
        """Begin to follow."""
        self._thread.start()

    def stop(self) -> None:
        """Follow no more."""
        self._stop.set()
        self._thread.join()
        self._app.close()

    def until(self, projects: set[str]) -> None:
        """Wait until the release of each project has come to its end. Raises: RefusedError if that takes too long."""

        def done() -> bool:
            return all(project in self._told.ended for project in projects)

        with self._changed:
            if not self._changed.wait_for(done, timeout=END_WITHIN):
                late = ", ".join(sorted(projects - self._told.ended.keys()))
                raise RefusedError(what=f"still not at their end after {END_WITHIN:.0f} s: {late}", where="demo")

    def _follow(self) -> None:
        while not self._stop.wait(0.15):
            for release in self._app.store.releases.releases():
                self._notice(release)

    def _notice(self, release: Release) -> None:
        mark = (release.state, release.next)
        if self._said.get(release.project) != mark:
            self._said[release.project] = mark
            if release.state is not ReleaseState.PLANNED:
                self._teller.release(release)
        if not release.state.open and release.due_at is None and release.project not in self._told.ended:
            with self._changed:
                self.releases[release.project] = release
                self._told.ended[release.project] = time.monotonic()
                self._changed.notify_all()


@contextlib.contextmanager
def _watching(options: Options, scene: Scene, teller: Teller, told: _Told) -> Iterator[_Watch]:
    watch = _Watch(options, scene, teller, told)
    watch.start()
    try:
        yield watch
    finally:
        watch.stop()


def _places(scene: Scene) -> dict[str, str]:
    """Addresses, and what opens them."""
    return {
        "dashboard": scene.dashboard,
        "GitLab": scene.gitlab,
        "index": f"{scene.index_simple}  upload as {scene.index_username}:{scene.index_token}",
        "daemon": f"http://127.0.0.1:{scene.port}/readyz  log {scene.log}",
        "configuration": str(scene.config),
        "control": f"{scene.gitlab}/-/sandbox/state  X-Sandbox-Token: {scene.control_token}",
        **{f"token of {user}": token for user, token in sorted(scene.tokens.items())},
    }

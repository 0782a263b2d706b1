"""The guide's own two jobs: what is merged to main is uploaded by its pipeline, and the bot proves it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from bot.cli.story import proof
from bot.cli.story.people import MAINTAINER, Change, Clone, install_hook, merge, set_variable
from bot.cli.story.proof import Seen
from bot.cli.story.stage import Scene
from bot.cli.story.telling import Teller
from bot.cli.story.verdict import FILES, Ending
from bot.domain.policy import Source
from bot.domain.releases import Release, ReleaseState

VERSION = "1.1.0"
TITLE = "Fly it higher"


@dataclass(frozen=True, slots=True, kw_only=True)
class Guided:
    """One of the two projects. `upload` says whether its job uploads to GitLab's registry or to the index beside it."""

    project: str
    registry: bool

    @property
    def name(self) -> str:
        """The distribution's name."""
        return self.project.rsplit("/", 1)[-1]


GUIDED = (
    Guided(project="acme/guide/pennant", registry=False),
    Guided(project="acme/guide/halyard", registry=True),
)


def play(scene: Scene, teller: Teller, part: Guided) -> int:
    """A merge request that brings the next version; the job on main does the rest. Returns its iid."""
    from bot.sandbox.worlds import guide

    project = guide.REGISTRY if part.registry else guide.PYPI
    if not part.registry:
        # The runner sends whatever would go to PyPI to the index beside it; these are that index's credentials.
        set_variable(scene, part.project, "TWINE_USERNAME", scene.index_username)
        set_variable(scene, part.project, "TWINE_PASSWORD", scene.index_token)
    install_hook(scene, part.project, pushes=True)
    Clone(scene, part.project, MAINTAINER).propose("change-1", Change(title=TITLE, files=guide.files(project, VERSION)))
    iid = merge(scene, part.project, "change-1", TITLE)
    teller.line(part.name, f"merged: !{iid} {TITLE}; job {project.job} builds and uploads it by itself")
    return iid


def ending(scene: Scene, release: Release, part: Guided, iid: int, seconds: float) -> Ending:
    """How it ended, held against how it must."""
    seen = proof.look(scene, part.project, release.id.project_id, part.name, f"v{VERSION}", (iid,))
    faults = check(release, seen, proof.writes(scene), part)
    return Ending(name=part.name, release=release, seen=seen, seconds=seconds, faults=tuple(faults))


def check(release: Release, seen: Seen, writes: Counter[tuple[str, str]], part: Guided) -> list[str]:
    """Every promise: the job uploaded once, the bot nothing, and it told the merge request."""
    faults = []
    there, elsewhere = (seen.registry, seen.index) if part.registry else (seen.index, seen.registry)
    if release.state is not ReleaseState.PUBLISHED or release.source is not Source.PIPELINE:
        faults.append(f"ended {release.state.value} from source {release.source.value}: {release.next}")
    if release.version != VERSION:
        faults.append(f"its version is {release.version} instead of {VERSION}")
    if len(there) != FILES or elsewhere:
        faults.append(f"the job left {sorted(there)} where it uploads, and {sorted(elsewhere)} elsewhere")
    faults += [f"merge request !{iid} has {count} notes of ours" for iid, count in seen.notes.items() if count != 1]
    at = f"/api/v4/projects/{release.id.project_id}"
    steering = ("packages/pypi", "releases", "pipeline")
    faults += [f"the bot sent {path}" for path in steering if writes["POST", f"{at}/{path}"]]
    return faults

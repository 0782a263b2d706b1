"""What a plan may do to the world: one write each, in words a person reads before and after."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from bot.domain.gitlab import ReleaseLink
from bot.domain.policy import InputValue


@dataclass(frozen=True, slots=True, kw_only=True)
class NotePlace:
    """Where a note stands: on a merge request, or on an issue that one closed."""

    iid: int
    issue: bool = False

    @property
    def target(self) -> str:
        """The target's name: `note:!7`, `note:#3`."""
        return f"note:{'#' if self.issue else '!'}{self.iid}"

    @property
    def words(self) -> str:
        """As in "tell …"."""
        return f"issue #{self.iid}" if self.issue else f"merge request !{self.iid}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """Send one kept file to one index."""

    index: str
    filename: str
    public: bool = True

    @property
    def target(self) -> str:
        """The target this works for."""
        return f"index:{self.index}"

    @property
    def item(self) -> str:
        """What distinguishes this try from the others for the same target."""
        return self.filename

    @property
    def words(self) -> str:
        """What it does, as in "would …"."""
        return f"upload {self.filename} to {self.index}"


@dataclass(frozen=True, slots=True, kw_only=True)
class StartPipeline:
    """Start the project's own pipeline, whose jobs publish: as good as a public write."""

    ref: str
    sha: str
    inputs: Mapping[str, InputValue]
    public: bool = True
    target: str = "distributions"
    item: str = "pipeline"

    @property
    def words(self) -> str:
        """What it does, as in "would …"."""
        given = f" with inputs {', '.join(self.inputs)}" if self.inputs else ""
        return f"start a pipeline for {self.ref} at {self.sha[:8]}{given}"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlayJob:
    """Play a job that publishes and waits for a person: as good as a public write."""

    job_id: int
    name: str
    public: bool = True
    target: str = "distributions"

    @property
    def item(self) -> str:
        """What distinguishes this try from the others for the same target."""
        return f"job {self.job_id}"

    @property
    def words(self) -> str:
        """What it does, as in "would …"."""
        return f"play {self.name} (job {self.job_id})"


@dataclass(frozen=True, slots=True, kw_only=True)
class InstallCheck:
    """Install one wheel from an index, to see that it can be; nothing of it is kept."""

    index: str
    filename: str
    name: str
    version: str
    public: bool = False

    @property
    def target(self) -> str:
        """The target this works for."""
        return f"install:{self.index}"

    @property
    def item(self) -> str:
        """What distinguishes this try from the others for the same target."""
        return self.filename

    @property
    def words(self) -> str:
        """What it does, as in "would …"."""
        return f"install {self.name} {self.version} from {self.index}, to see that it can be"


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateRelease:
    """Create the GitLab Release of the tag."""

    tag: str
    name: str
    description: str
    links: tuple[ReleaseLink, ...]
    public: bool = True
    target: str = "gitlab_release"
    item: str = "-"

    @property
    def words(self) -> str:
        """What it does, as in "would …"."""
        return f"create the GitLab Release {self.tag}"


@dataclass(frozen=True, slots=True, kw_only=True)
class DescribeRelease:
    """Bring our block in the description of a GitLab Release up to date."""

    tag: str
    description: str
    public: bool = True
    target: str = "gitlab_release"
    item: str = "description"

    @property
    def words(self) -> str:
        """What it does, as in "would …"."""
        return f"update our block in the GitLab Release {self.tag}"


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkRelease:
    """Add one asset link to a GitLab Release, or lead the one of that name there (`moved`)."""

    tag: str
    link: ReleaseLink
    moved: bool = False
    public: bool = True
    target: str = "gitlab_release"

    @property
    def item(self) -> str:
        """What distinguishes this try from the others for the same target."""
        return self.link.name

    @property
    def words(self) -> str:
        """What it does, as in "would …"."""
        if self.moved:
            return f"lead the link {self.link.name} of the GitLab Release {self.tag} to where the file stands"
        return f"link {self.link.name} in the GitLab Release {self.tag}"


@dataclass(frozen=True, slots=True, kw_only=True)
class AttachMilestones:
    """Make these the milestones of a GitLab Release: those it has, and those titled like it."""

    tag: str
    titles: tuple[str, ...]
    public: bool = True
    target: str = "gitlab_release"
    item: str = "milestones"

    @property
    def words(self) -> str:
        """What it does, as in "would …"."""
        return f"attach the milestone {self.titles[-1]} to the GitLab Release {self.tag}"


@dataclass(frozen=True, slots=True, kw_only=True)
class PostNote:
    """Post a note: the sticky one (`item` is `-`), or a reply that draws attention to it (`reply`)."""

    place: NotePlace
    body: str
    public: bool = False
    item: str = "-"

    @property
    def target(self) -> str:
        """The target this works for."""
        return self.place.target

    @property
    def words(self) -> str:
        """What it does, as in "would …"."""
        if self.item == "-":
            return f"tell {self.place.words}"
        return f"call attention to the note on {self.place.words}"


@dataclass(frozen=True, slots=True, kw_only=True)
class EditNote:
    """Edit our note in place."""

    place: NotePlace
    note_id: int
    body: str
    public: bool = False
    item: str = "-"

    @property
    def target(self) -> str:
        """The target this works for."""
        return self.place.target

    @property
    def words(self) -> str:
        """What it does, as in "would …"."""
        return f"update the note on {self.place.words}"


@dataclass(frozen=True, slots=True, kw_only=True)
class DropNote:
    """Remove a second note of ours; the oldest one stays."""

    place: NotePlace
    note_id: int
    public: bool = False

    @property
    def target(self) -> str:
        """The target this works for."""
        return self.place.target

    @property
    def item(self) -> str:
        """What distinguishes this try from the others for the same target."""
        return f"surplus {self.note_id}"

    @property
    def words(self) -> str:
        """What it does, as in "would …"."""
        return f"remove a surplus note of ours from {self.place.words}"


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenIssue:
    """Open the project's one issue about releases that stopped."""

    title: str
    description: str
    labels: tuple[str, ...] = ()
    public: bool = False
    target: str = "issue"
    item: str = "-"

    @property
    def words(self) -> str:
        """What it does, as in "would …"."""
        return "open an issue about it"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeIssue:
    """Bring that issue up to date; `opened` closes or reopens it."""

    iid: int
    description: str
    opened: bool | None = None
    public: bool = False
    target: str = "issue"

    @property
    def item(self) -> str:
        """What distinguishes this try from the others for the same target."""
        return str(self.iid)

    @property
    def words(self) -> str:
        """What it does, as in "would …"."""
        what = {None: "update", True: "reopen", False: "close"}[self.opened]
        return f"{what} issue #{self.iid}"


Action = (
    Upload
    | InstallCheck
    | StartPipeline
    | PlayJob
    | CreateRelease
    | DescribeRelease
    | LinkRelease
    | AttachMilestones
    | PostNote
    | EditNote
    | DropNote
    | OpenIssue
    | ChangeIssue
)


def verb(action: Action) -> str:
    """The kind of an action as one word: `upload`, `create_release`."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", type(action).__name__).lower()

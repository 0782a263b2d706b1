"""The shape of the configuration: which keys exist, and of which type (CONTRACT.md §3).

What depends on other keys, on files or on the environment is checked where it is used; this is what the JSON Schema
can say too.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Literal

from pydantic import Field

from bot.domain.policy import PATIENCE
from bot.settings.layer_shape import LayersSection
from bot.settings.section import Section
from bot.settings.shape_words import FreezeSection, Held
from bot.settings.values import (
    BuildSize,
    BuildTime,
    Cron,
    Day,
    Distribution,
    Duration,
    GroupPath,
    Input,
    PathPattern,
    PlainPath,
    Poll,
    Port,
    RuleName,
    Since,
    Text,
    Variable,
)


class GitlabSection(Section):
    """`gitlab`: where GitLab is and as whom the bot comes."""

    url: Annotated[Text | None, Field(description="Default: $GITLAB_URL, then $CI_SERVER_URL.")] = None
    token_env: Annotated[Variable | None, Field(description="Default: ROPEWALK_GITLAB_TOKEN.")] = None
    token_file: Annotated[Text | None, Field(description="Preferred: an environment can be read in /proc.")] = None
    marker_key_env: Annotated[Variable | None, Field(description="MAC of note markers.")] = None
    marker_key_file: Annotated[Text | None, Field(description="The same, in a file.")] = None
    ca_file: Annotated[Text | None, Field(description="Certificate authorities, in a file.")] = None
    proxy: Annotated[Text | None, Field(description="URL of a proxy; the environment’s are not used.")] = None


class WatchSection(Section):
    """`watch`: which projects, how often, from when on."""

    groups: Annotated[
        list[GroupPath], Field(description="Full paths, subgroups included; `**`: all the token sees.")
    ] = []
    projects: Annotated[list[PathPattern], Field(description="Single projects besides; `**` crosses `/`.")] = []
    topics: Annotated[list[Text], Field(description="Projects with one of these topics besides.")] = []
    exclude: Annotated[list[PathPattern], Field(description="What is left out, whatever stands above.")] = []
    poll: Annotated[Poll, Field(description="How often GitLab is asked; hooks are quicker.")] = timedelta(seconds=60)
    since: Annotated[Since, Field(description="Older tags are released only when asked for.")] = "now"
    hook_secret_env: Annotated[Variable | None, Field(description="whsec_… is a signing token.")] = None
    hook_secret_file: Annotated[Text | None, Field(description="The same, in a file.")] = None


CommandRole = Literal["developer", "maintainer", "owner"]


class CommandRolesSection(Section):
    """`commands.roles`: who may give which command, by their role in the project, at least."""

    plan: Annotated[CommandRole, Field(description="Say what a run would do.")] = "developer"
    explain: Annotated[CommandRole, Field(description="Say what a rule of the audit finds.")] = "developer"
    help: Annotated[CommandRole, Field(description="List the commands.")] = "developer"
    hold: Annotated[CommandRole, Field(description="Publish nothing of it for a time.")] = "developer"
    retry: Annotated[CommandRole, Field(description="Run a stopped release again.")] = "maintainer"
    resume: Annotated[CommandRole, Field(description="The same.")] = "maintainer"
    approve: Annotated[CommandRole, Field(description="Beside what `approval` of the rule asks for.")] = "developer"


class CommandsSection(Section):
    """`commands`: what people may ask for with `/ropewalk` in a note."""

    enabled: Annotated[bool, Field(description="Whether notes are read at all.")] = False
    roles: CommandRolesSection = CommandRolesSection()
    longest_hold: Annotated[Duration, Field(description="No hold from a note is longer.")] = timedelta(days=14)
    per_person: Annotated[
        int, Field(ge=1, le=1000, description="Notes of one person in one project that count within ten minutes.")
    ] = 10
    per_project: Annotated[int, Field(ge=1, le=10000, description="The same, of everybody.")] = 40


class WebSection(Section):
    """`web`: hooks and health."""

    host: Annotated[Text, Field(description="The address to listen on.")] = "127.0.0.1"
    port: Annotated[Port, Field(description="Its port: hooks, health and metrics.")] = 8930
    public_url: Annotated[Text | None, Field(description="Where GitLab reaches it; hooks lead there.")] = None
    allow_plain_http: Annotated[bool, Field(description="Let public_url be http beyond this machine.")] = False


class SignInSection(Section):
    """`dashboard.sign_in`: the OAuth application in GitLab by which people sign in."""

    client_id: Annotated[Text, Field(description="GitLab calls it Application ID.")]
    client_secret_env: Annotated[Variable | None, Field(description="A variable with its secret.")] = None
    client_secret_file: Annotated[Text | None, Field(description="Preferred.")] = None


class DashboardSection(Section):
    """`dashboard`: pages and sign-in."""

    host: Annotated[Text, Field(description="The address to listen on.")] = "127.0.0.1"
    port: Annotated[Port, Field(description="Its port.")] = 8931
    public_url: Annotated[Text | None, Field(description="Where browsers reach it; https, but on this machine.")] = None
    sign_in: Annotated[SignInSection | None, Field(description="Without it: this machine alone, no buttons.")] = None


class TelemetrySection(Section):
    """`telemetry`: traces, for a collector that speaks OTLP over HTTP."""

    otlp_endpoint: Annotated[Text, Field(description="The collector's address, without /v1/traces.")]
    sample: Annotated[
        float, Field(ge=0, le=1, strict=False, description="The share of turns and jobs that are traced.")
    ] = 1.0
    token_env: Annotated[Variable | None, Field(description="A variable with what is sent as a bearer token.")] = None
    token_file: Annotated[Text | None, Field(description="The same, a file; preferred.")] = None
    ca_file: Annotated[Text | None, Field(description="Certificate authorities to trust, in PEM.")] = None
    proxy: Annotated[Text | None, Field(description="The URL of a proxy.")] = None


class IndexSection(Section):
    """One entry of `indexes`: exactly one of `kind`, `repository` or the two URLs."""

    kind: Annotated[Literal["gitlab"] | None, Field(description="The registry of the project that is released.")] = None
    repository: Annotated[Literal["pypi", "testpypi"] | None, Field(description="PyPI, or its test instance.")] = None
    upload_url: Annotated[Text | None, Field(description="Any other index: where twine uploads to.")] = None
    simple_url: Annotated[Text | None, Field(description="And where pip installs from.")] = None
    username: Annotated[Text | None, Field(description="As whom; `__token__` with a token of PyPI.")] = None
    password_env: Annotated[Variable | None, Field(description="A variable with the password or token.")] = None
    password_file: Annotated[Text | None, Field(description="A file with it.")] = None
    ca_file: Annotated[Text | None, Field(description="Certificate authorities, in a file.")] = None
    proxy: Annotated[Text | None, Field(description="URL of a proxy; the environment’s are not used.")] = None
    attestations: Annotated[bool, Field(description="Send along what jobs attest; PyPI takes none with a token.")] = (
        False
    )
    retry_for: Annotated[Duration | None, Field(description="How long a file is sent again; without it: a minute.")] = (
        None
    )


class ApprovalSection(Section):
    """`approval` of a rule: who has to say yes before anything is published."""

    from_: Annotated[
        Literal["developer", "maintainer", "owner"],
        Field(alias="from", description="The role in the project, at least."),
    ] = "maintainer"
    count: Annotated[int, Field(ge=1, le=20, description="How many people.")] = 1
    users: Annotated[list[Text], Field(description="If any are named, only these.")] = []
    authors: Annotated[
        Literal["shipped", "commit"],
        Field(description="Whose approval does not count: authors of all that is shipped, or of the commit alone."),
    ] = "shipped"


class ExpectSection(Section):
    """`expect` of a rule: which files make a release whole."""

    wheels: Annotated[int | None, Field(ge=0, le=300, description="So many wheels, no more and no less.")] = None
    sdist: Annotated[bool | None, Field(description="Whether there must be an sdist, or must be none.")] = None
    files: Annotated[list[Text], Field(description="Wildcards of file names; each must match one file.")] = []


class PipelineSection(Section):
    """`releases[].pipeline`: how far the bot may steer the project's own pipeline."""

    inputs: Annotated[
        dict[Text, Input], Field(description="Given to a pipeline that the bot starts; as `spec: inputs` has them.")
    ] = {}
    job: Annotated[Text | None, Field(description="Which jobs publish; `*` is a wildcard.")] = None
    start: Annotated[bool, Field(description="Start a pipeline for a ref that has none.")] = True
    play: Annotated[bool, Field(description="Play a publishing job that waits for a person.")] = False
    patience: Annotated[Duration, Field(description="How long to wait for GitLab's own pipeline.")] = PATIENCE


class NotesGroupSection(Section):
    """One entry of `notes.groups`: a heading, and what stands under it."""

    title: Annotated[Text, Field(description="The heading.")]
    labels: Annotated[list[Text], Field(description="Labels of merge requests.")] = []
    types: Annotated[list[Text], Field(description="Types of Conventional Commits.")] = []
    breaking: Annotated[bool, Field(description="Changes that say themselves that they break something.")] = False


class NotesSection(Section):
    """`notes`: what people are told, for all releases or those of one rule."""

    strategy: Annotated[
        Literal["auto", "merge_requests", "conventional", "changelog_api", "file"],
        Field(description="What release notes are made from."),
    ] = "auto"
    groups: Annotated[list[NotesGroupSection] | None, Field(description="Default: see docs/notes.md.")] = None
    file: Annotated[Text, Field(description="The changelog in the repository.")] = "CHANGELOG.md"
    template: Annotated[Text | None, Field(description="A file with a Jinja template.")] = None
    issues: Annotated[bool, Field(description="Tell the issues that merge requests closed.")] = False
    failure_issue: Annotated[bool, Field(description="One issue per project about releases that stopped.")] = False
    failure_labels: Annotated[list[Text], Field(description="Labels of that issue.")] = []
    previews: Annotated[bool, Field(description="Tell open merge requests what they will be released as.")] = False


class VersioningSection(Section):
    """`releases[].versioning`: how `ropewalk release tag` finds the next version."""

    by: Annotated[
        Literal["conventional", "labels"], Field(description="Conventional Commits, or labels such as version::minor.")
    ] = "conventional"
    branch: Annotated[Text | None, Field(description="What is tagged; default: the default branch.")] = None
    tag: Annotated[Text, Field(description="How tags are called; holds {version} once.")] = "v{version}"
    merge_request: Annotated[bool, Field(description="Tag only what a merged release merge request proposed.")] = False
    auto: Annotated[
        Literal["none", "tag", "propose"], Field(description="What the daemon does by itself about new commits.")
    ] = "none"


class RuleSection(Section):
    """One entry of `releases`; the first that matches a project and ref rules."""

    projects: Annotated[list[PathPattern], Field(description="Full paths; `**` crosses `/`.")]
    tags: Annotated[list[Text], Field(description="GitLab wildcards.")] = []
    branches: Annotated[list[Text], Field(description="GitLab wildcards.")] = []
    source: Annotated[
        Literal["auto", "pipeline", "artifacts", "build"], Field(description="Who builds, and who uploads.")
    ] = "auto"
    indexes: Annotated[list[Text], Field(description="Names from `indexes`, in the order of upload.")]
    names: Annotated[list[Text], Field(description="Distribution names allowed besides the project's own.")] = []
    pipeline: Annotated[PipelineSection | None, Field(description="For the sources pipeline and auto.")] = None
    new_names: Annotated[
        Literal["allow", "refuse"],
        Field(description="A name no project is recorded for: may the project's own metadata declare it?"),
    ] = "allow"
    package: Annotated[
        Distribution | None, Field(description="The one that the tags are about, where a pipeline builds several.")
    ] = None
    tag_reachable: Annotated[bool, Field(description="A tag's commit must be on a protected branch.")] = True
    deploy_freezes: Annotated[bool, Field(description="GitLab's own deploy freezes hold, too.")] = False
    approval: ApprovalSection | None = None
    hold_on: Annotated[
        list[Held], Field(description="What may not change against the release before without a person's yes.")
    ] = []
    expect: ExpectSection | None = None
    install_check: Annotated[bool, Field(description="Install a wheel from every index once it stands there.")] = False
    notes: Annotated[NotesSection | None, Field(description="Instead of the `notes` of all.")] = None
    versioning: Annotated[VersioningSection | None, Field(description="Let the bot make tags itself.")] = None


class BuildSection(Section):
    """`build`: how the bot builds from source. Without this section it never does."""

    wheelhouse: Annotated[
        Text, Field(description="A folder of wheels: all that builds find, for they have no network.")
    ]
    isolation: Annotated[
        Literal["bubblewrap", "none"], Field(description="none: projects can read all that the bot can.")
    ] = "bubblewrap"
    time: Annotated[BuildTime, Field(description="Of a whole build.")] = timedelta(minutes=10)
    memory: Annotated[BuildSize, Field(description="Of all processes of a build.")] = 2 * 1024**3
    disk: Annotated[BuildSize, Field(description="What a build may write.")] = 2 * 1024**3


class HygieneSection(Section):
    """`hygiene`: what stops a release and when audits run."""

    block_at: Annotated[
        Literal["info", "low", "medium", "high", "never"], Field(description="Findings from there on stop a release.")
    ] = "high"
    unknown: Annotated[
        Literal["warn", "block"], Field(description="What levels of variables do that the token’s role cannot read.")
    ] = "warn"
    audit: Annotated[Cron | None, Field(description="When everything watched is audited: a cron line, UTC.")] = None
    waivers: Annotated[Text | None, Field(description="A file of findings that are accepted.")] = None
    variables: Annotated[
        list[Variable], Field(description="Names of publishing credentials that do not speak of twine or PyPI.")
    ] = []
    issues: Annotated[
        Literal["none", "project", "group"], Field(description="For what the scheduled audit keeps an issue each.")
    ] = "none"
    issue_project: Annotated[
        PlainPath | None,
        Field(description="Holds the issues about groups: a full path, or the name of a project that each group has."),
    ] = None
    issues_at: Annotated[
        Literal["info", "low", "medium", "high"], Field(description="Findings from there on are in the issues.")
    ] = "low"
    merge_requests: Annotated[
        bool, Field(description="Whether merge requests that change CI files are told what that does to hygiene.")
    ] = True
    confidential: Annotated[bool, Field(description="Whether issues are opened as confidential ones.")] = True


class WaiverSection(Section):
    """One entry of `waivers`: findings that somebody accepts until a date."""

    rule: Annotated[RuleName, Field(description="An id (`RW101`) or the beginning of ids (`RW1`).")]
    project: Annotated[PathPattern, Field(description="A full path; `**` crosses `/`.")]
    resource: Annotated[Text | None, Field(description="As the audit prints it; `*` is a wildcard.")] = None
    owner: Annotated[Text, Field(description="Who accepts it.")]
    reason: Annotated[Text, Field(description="Why it can be accepted.")]
    expires: Annotated[Day, Field(description="The last day, UTC, on which it holds.")]


class WaiversDocument(Section):
    """The waivers file, named by `hygiene.waivers`."""

    waivers: list[WaiverSection] = []


class PolicyDocument(Section):
    """The policy file: what may also stand in the configuration itself."""

    releases: list[RuleSection] = []
    notes: NotesSection = NotesSection()
    hygiene: HygieneSection = HygieneSection()
    freeze: list[FreezeSection] = []
    layers: Annotated[
        LayersSection, Field(description="What tightens the above, group by group and project by project.")
    ] = LayersSection()


class Document(PolicyDocument):
    """The configuration of Ropewalk."""

    gitlab: GitlabSection = GitlabSection()
    watch: WatchSection = WatchSection()
    state: Annotated[
        Text, Field(description="sqlite:///relative.db, sqlite:////absolute.db, postgresql://USER@HOST/DATABASE")
    ] = "sqlite:///ropewalk.db"
    state_password_env: Annotated[Text | None, Field(description="A variable with PostgreSQL's password.")] = None
    state_password_file: Annotated[Text | None, Field(description="A file with PostgreSQL's password.")] = None
    files: Annotated[Text | None, Field(description="The folder of downloads, builds and locks.")] = None
    web: WebSection = WebSection()
    dashboard: DashboardSection | None = None
    telemetry: TelemetrySection | None = None
    indexes: dict[str, IndexSection] = {}
    build: BuildSection | None = None
    commands: CommandsSection = CommandsSection()
    policy: Annotated[
        Text | None, Field(description="A file with `releases`, `notes`, `hygiene`, `freeze` and `layers`.")
    ] = None

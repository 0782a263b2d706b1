"""A CI configuration once read: frozen, checked, with every default of GitLab in its place."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from bot.sandbox.ci.expressions import Expression
from bot.sandbox.ci.model import When

DEFAULT_STAGES = ("build", "test", "deploy")
PRE, POST = ".pre", ".post"


@dataclass(frozen=True, slots=True, kw_only=True)
class YamlVariable:
    """A variable written in the file; `raw` if it says `expand: false`."""

    value: str
    raw: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One entry of `rules`. A None says: as the job has it. `changes` and `exists` are path patterns."""

    condition: Expression | None = None
    changes: tuple[str, ...] | None = None
    exists: tuple[str, ...] | None = None
    when: When | None = None
    allow_failure: bool | None = None
    variables: Mapping[str, YamlVariable] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class RefFilter:
    """`only` or `except`: `refs` are keywords, names or `/patterns/`; `variables` are expressions."""

    refs: tuple[str, ...] | None = None
    variables: tuple[Expression, ...] = ()
    changes: tuple[str, ...] | None = None


Row: TypeAlias = tuple[tuple[str, str], ...]
"""One combination of a matrix: names and values."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """One entry of `needs`. `parallel` are the combinations meant of a matrix; all where it is empty."""

    job: str
    artifacts: bool = True
    optional: bool = False
    parallel: tuple[Row, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ArtifactSpec:
    """`artifacts`. `expire_in` in seconds, None for `never`; `dotenv` lists files of `reports: dotenv`."""

    paths: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    expire_in: int | None
    when: When = "on_success"
    name: str = "artifacts"
    dotenv: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """`environment`, its name and URL still unexpanded."""

    name: str
    url: str = ""
    action: str = "start"
    tier: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseSpec:
    """`release`: what is sent to the Releases API once the script has succeeded; texts still unexpanded."""

    tag_name: str
    description: str
    name: str | None = None
    ref: str | None = None
    released_at: str | None = None
    tag_message: str | None = None
    links: tuple[Mapping[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class JobSpec:
    """One job. `timeout` in seconds; `ignored` names the accepted keywords that change nothing here.

    `parallel` has the variables of each job that is made from it, `node` which of how many a made one is.
    """

    name: str
    stage: str = "test"
    script: tuple[str, ...]
    before_script: tuple[str, ...] = ()
    after_script: tuple[str, ...] = ()
    variables: Mapping[str, YamlVariable] = field(default_factory=dict)
    inherit_variables: tuple[str, ...] | None = None
    rules: tuple[Rule, ...] | None = None
    only: RefFilter | None = None
    except_: RefFilter | None = None
    when: When = "on_success"
    allow_failure: bool | None = None
    allow_exit_codes: frozenset[int] = frozenset()
    needs: tuple[Need, ...] | None = None
    dependencies: tuple[str, ...] | None = None
    environment: Environment | None = None
    artifacts: ArtifactSpec | None = None
    retry: int = 0
    timeout: int | None = None
    id_tokens: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    release: ReleaseSpec | None = None
    ignored: tuple[str, ...] = ()
    parallel: tuple[Row, ...] = ()
    node: tuple[int, int] | None = None

    @property
    def may_fail(self) -> bool:
        """`allow_failure` where no rule says otherwise: a plain manual job may, one with rules may not.

        Source: gitlabhq `lib/gitlab/ci/config/entry/job.rb`, `allow_failure_value`.
        """
        if self.allow_failure is not None:
            return self.allow_failure
        return self.when == "manual" and self.rules is None


@dataclass(frozen=True, slots=True, kw_only=True)
class CiFile:
    """A whole configuration; `stages` begins with `.pre` and ends with `.post`, `jobs` keep the file's order."""

    stages: tuple[str, ...]
    variables: Mapping[str, YamlVariable]
    workflow: tuple[Rule, ...] | None
    jobs: tuple[JobSpec, ...]

"""A project's `.gitlab-ci.yml` as frozen facts: what hygiene rules need to know of it, parsed once by the adapter.

No text here holds a literal that looks like a credential: the adapter puts `[hidden]` in its place and says in
`CiFacts.credentials` that, where and in which form one stood there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType


@dataclass(frozen=True, slots=True, kw_only=True)
class CiAssignment:
    """`NAME=value` in a script. `value` is None where it is more than a literal and variables."""

    name: str
    value: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CiCommand:
    """One simple command of a script, as a shell reads it.

    `words` are its program and arguments without quotes and wrappers (`sudo`, `python -m`, `uv run`), expansions as
    `$NAME` or `${NAME}`, `${NAME:-…}` where there is something to fall back on; what commands would say, or a variable
    only decides about, as `$(…)`; a `$` that is mere text as `\\$`. They are empty where it only assigns. `line` is
    1-based. `reads` names the variables that its words, what is fed to it as text, and command substitutions within
    hold. `feeds` are the programs that its output goes through, in order: those behind it in a pipeline, and the one
    whose argument it makes as `$(…)` (`=` for an assignment). `writes` are the files it ends in, with `-` for nowhere.
    `tolerated` says that the script goes on if it fails. `installs` are the requirements that a runner fetches to run
    it (`uvx twine`).
    `doubtful` says that the script may pass it by: it stands under a condition, in a function, or behind an `exit`.
    `apart` says that it runs in a shell of its own, so that what it sets ends there.
    """

    words: tuple[str, ...]
    line: int | None = None
    assigns: tuple[CiAssignment, ...] = ()
    reads: frozenset[str] = frozenset()
    feeds: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    tolerated: bool = False
    installs: tuple[str, ...] = ()
    doubtful: bool = False
    apart: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CiLine:
    """One entry of a script (it may be several lines of text) and where it stands.

    `line` is 1-based in the file it was read from, None if merged in. `commands` are in the order they stand. `after`
    says that it is one of `after_script`, which a shell of its own runs.
    """

    text: str
    line: int | None = None
    commands: tuple[CiCommand, ...] = ()
    after: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CiRule:
    """One entry of `rules`. `narrowed` says that `changes` or `exists` must hold as well; `variables` are those that it
    sets where it decides.
    """

    condition: str | None
    when: str
    narrowed: bool = False
    allow_failure: bool | None = None
    variables: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CiCredential:
    """A credential written into the file. Its value is nowhere in our data.

    `form` names what it is ("a GitLab personal access token"), `place` where it stands ("the variable TWINE_PASSWORD",
    "a script"). `job` is None outside a job. `certain` is False for a literal that only its name makes a secret;
    `throwaway` says that it is the password of a database or the like that lives as long as the job.
    """

    form: str
    place: str
    job: str | None = None
    line: int | None = None
    certain: bool = True
    throwaway: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CiInclude:
    """One `include`. `kind` is GitLab's keyword (`local`, `project`, `remote`, `template`, `component`).

    `fixed` says that what it brings cannot change without a commit here: a file of this project, or another one's at a
    full commit id, or with an `integrity` hash. `publishes` says that by its name it uploads Python packages. `path` is
    that of a file of this project, empty for others. `varies` says that what it brings is another thing in each project
    (it names variables, has rules, or is a pattern of paths). `name` tells it from others of its kind: what it says
    without inputs and, of a URL, without credentials and query.
    """

    kind: str
    fixed: bool
    line: int | None = None
    publishes: bool = False
    path: str = ""
    varies: bool = False
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CiJob:
    """One job. `script` holds before_script, script and after_script in the order they run.

    `publishes` says that it uploads distributions, `publisher` with what (`twine`, `uv`, …); `builds` that it makes
    them. `uses` names the variables it reads (`$NAME` in scripts, variables, image). `rules` are the `if` expressions
    with their `when`, in full in `gates`; `only`/`excepts` the refs of the old keywords, `only_if`/`except_if` their
    `variables`. `needs` are jobs of the same pipeline, those in `optional_needs` need not be there; `dependencies` are
    jobs whose artifacts it takes. `id_tokens` are its own or, where it has none, the default ones. `complete` is False
    where it builds on what this file does not define. `matrix` has the variables that `parallel` gives it, with all
    their values; `inherits` are the file's variables that it gets, None for all of them.

    Values of variables that are not expanded have each `$` twice, as GitLab would have it written.
    """

    name: str
    line: int | None
    stage: str
    image: str | None
    script: tuple[CiLine, ...]
    publishes: bool
    uses: frozenset[str] = frozenset()
    variables: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    environment: str | None = None
    rules: tuple[tuple[str | None, str], ...] | None = None
    only: tuple[str, ...] | None = None
    excepts: tuple[str, ...] | None = None
    id_tokens: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}))
    when: str = "on_success"
    publisher: str = ""
    builds: bool = False
    gates: tuple[CiRule, ...] | None = None
    only_if: tuple[str, ...] | None = None
    except_if: tuple[str, ...] | None = None
    allow_failure: bool | None = None
    own_id_tokens: bool = False
    needs: tuple[str, ...] | None = None
    optional_needs: frozenset[str] = frozenset()
    dependencies: tuple[str, ...] | None = None
    trigger: bool = False
    forwards: bool = False
    artifacts: tuple[str, ...] = ()
    dotenv: tuple[str, ...] = ()
    complete: bool = True
    lines: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    matrix: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}))
    inherits: tuple[str, ...] | None = None

    @property
    def commands(self) -> tuple[CiCommand, ...]:
        """All commands of its script, in the order they stand."""
        return tuple(command for line in self.script for command in line.commands)

    def line_of(self, *keywords: str) -> int | None:
        """Where the first of these keywords that it has stands, else where the job begins."""
        return next((self.lines[keyword] for keyword in keywords if keyword in self.lines), self.line)


@dataclass(frozen=True, slots=True, kw_only=True)
class CiFacts:
    """One CI file. `merged` says that includes and extends were resolved; else `includes` may hide jobs.

    `refused` is why GitLab will not have the file, in its own words, where it was asked and says so; empty else.
    `unmerged` is why it could not be merged though that was asked for, a clause; it is then as it stands.
    `includes` has the `kind` of each include. `workflow` are the rules of the pipeline as a whole. `stages` are those
    that it names; None leaves it at GitLab's own.
    """

    jobs: tuple[CiJob, ...]
    variables: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    id_tokens: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}))
    image: str | None = None
    includes: tuple[str, ...] = ()
    merged: bool = False
    included: tuple[CiInclude, ...] = ()
    workflow: tuple[CiRule, ...] | None = None
    credentials: tuple[CiCredential, ...] = ()
    lines: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    stages: tuple[str, ...] | None = None
    refused: str = ""
    unmerged: str = ""

    def variables_for(self, job: CiJob) -> Mapping[str, str]:
        """The file's variables as far as the job inherits them."""
        if job.inherits is None:
            return self.variables
        return {name: text for name, text in self.variables.items() if name in job.inherits}

    @property
    def whole(self) -> bool:
        """Whether nothing that matters stands elsewhere. GitLab's own templates publish nothing and hold no secrets."""
        resolved = self.merged or all(kind == "template" for kind in self.includes)
        return resolved and all(job.complete for job in self.jobs)


@dataclass(frozen=True, slots=True, kw_only=True)
class CiUnknown:
    """A CI file that could not be read within bounds; `reason` is a sentence."""

    reason: str

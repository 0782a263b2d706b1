"""What a configuration says once it has been read and found good."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal

from bot.domain.commands import CommandPolicy
from bot.domain.policy import Policy
from bot.domain.secrets import Secret
from bot.domain.webhooks import SIGNING_PREFIX
from bot.settings.origins import NOWHERE, Origins


@dataclass(frozen=True, slots=True, kw_only=True)
class GitlabSettings:
    """Where GitLab is and as whom the bot comes. `url` has no trailing slash, query or credentials."""

    url: str
    token: Secret
    marker_key: Secret | None = None
    ca_file: Path | None = None
    proxy: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchSettings:
    """Which projects are watched. Paths have no slash at either end; `since` as a time is in UTC."""

    groups: tuple[str, ...] = ()
    projects: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    poll: timedelta = timedelta(seconds=60)
    since: Literal["now", "all"] | datetime = "now"
    hook_secret: Secret | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SqliteState:
    """Our state in a SQLite file; `path` is absolute. Its folder need not exist yet."""

    path: Path
    own_files: Path | None = None

    @property
    def shown(self) -> str:
        """As people read it."""
        return str(self.path)

    @property
    def files(self) -> Path:
        """The folder of downloads, builds and locks."""
        return self.own_files or self.path.with_name(f"{self.path.stem}.files")

    @property
    def engine_path(self) -> Path:
        """The engine's own file, beside ours: `ropewalk.engine.db` for `ropewalk.db`."""
        return self.path.with_name(f"{self.path.stem}.engine{self.path.suffix}")


@dataclass(frozen=True, slots=True, kw_only=True)
class PostgresState:
    """Our state in a PostgreSQL database that others share: `words` are libpq's, the password is not among them.

    `shown` is the address as people read it, `files` the absolute folder of downloads, builds and locks.
    """

    words: tuple[tuple[str, str], ...]
    password: Secret | None
    shown: str
    files: Path

    def conninfo(self) -> dict[str, str]:
        """All that libpq needs, with the password: for connecting, never for showing."""
        return dict(self.words) | ({"password": self.password.reveal()} if self.password is not None else {})


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    """An address to listen on. `public_url` is where others reach it, without a slash at the end."""

    host: str
    port: int
    public_url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SignInSettings:
    """The application in GitLab by which people sign in to the dashboard."""

    client_id: str
    client_secret: Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class TelemetrySettings:
    """Where traces go. `sample` is the share of turns and jobs that are traced, from 0 to 1."""

    otlp_endpoint: str
    sample: float = 1.0
    token: Secret | None = None
    ca_file: Path | None = None
    proxy: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The whole configuration. `warnings` are sentences for the start; they stop nothing; `origins` tell lines."""

    path: Path
    gitlab: GitlabSettings
    watch: WatchSettings
    state: SqliteState | PostgresState
    web: Listener
    dashboard: Listener | None
    policy: Policy
    commands: CommandPolicy = field(default_factory=CommandPolicy)
    sign_in: SignInSettings | None = None
    telemetry: TelemetrySettings | None = None
    secret_variables: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    origins: Origins = NOWHERE

    def secrets(self) -> tuple[Secret, ...]:
        """Every secret in use, for the redactor."""
        held = [self.gitlab.token, self.gitlab.marker_key, self.watch.hook_secret]
        held += [index.password for index in self.policy.indexes]
        held += [self.state.password] if isinstance(self.state, PostgresState) else []
        held += [None if self.sign_in is None else self.sign_in.client_secret]
        held += [self.telemetry.token] if self.telemetry is not None else []
        hook = self.watch.hook_secret
        if hook is not None:
            # What signs is the part after the prefix: it must not show either.
            held.append(Secret(hook.reveal().removeprefix(SIGNING_PREFIX)))
        return tuple(dict.fromkeys(secret for secret in held if secret is not None))

    def secret_names(self) -> tuple[str, ...]:
        """The environment variables that held a secret: no child process may inherit them."""
        return self.secret_variables

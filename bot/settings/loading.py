"""Find the configuration, read it, and say everything that is wrong with it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bot.domain.errors import ConfigError
from bot.domain.findings import Waiver
from bot.domain.freezes import Freeze
from bot.domain.layers import PolicyLayers, ProjectFiles
from bot.domain.notes import NotesPolicy
from bot.domain.policy import HygienePolicy, Policy, ReleaseRule
from bot.domain.webhooks import HOOK_PATH
from bot.settings.addresses import web_url
from bot.settings.commands import read_commands
from bot.settings.credentials import (
    HOOK_SECRET_VARIABLE,
    MARKER_KEY_VARIABLE,
    TOKEN_VARIABLE,
    Credentials,
    Wanted,
)
from bot.settings.dashboard import read_dashboard
from bot.settings.finding import find
from bot.settings.freezes import read_freezes
from bot.settings.hooks import is_broken_token
from bot.settings.indexes import Indexes, read_indexes, read_proxy
from bot.settings.layers import read_layers
from bot.settings.model import GitlabSettings, Listener, PostgresState, Settings, WatchSettings
from bot.settings.notes import read_notes
from bot.settings.origins import Origins
from bot.settings.policy import check_hygiene, hygiene_of, read_build, read_releases
from bot.settings.problems import Problems, shown
from bot.settings.reading import Reading, name
from bot.settings.section import Section
from bot.settings.shape import (
    Document,
    GitlabSection,
    HygieneSection,
    NotesSection,
    PolicyDocument,
    WaiversDocument,
    WatchSection,
    WebSection,
)
from bot.settings.state import read_state
from bot.settings.telemetry import read_telemetry
from bot.settings.tree import MAX_BYTES, parse
from bot.settings.waivers import read_waivers


def load(path: Path | None, environ: Mapping[str, str], cwd: Path) -> Settings:
    """The settings of `path`, else of `$ROPEWALK_CONFIG`, else of `ropewalk.yaml` in `cwd`.

    Raises: ConfigError with the first problem; it says how many more there are.
    """
    settings, errors = _read(path, environ, cwd)
    if settings is not None:
        return settings
    first, more = errors[0], len(errors) - 1
    if more:
        count = "There is 1 more problem" if more == 1 else f"There are {more} more problems"
        remedy = f"{first.remedy.rstrip('.')}{'. ' if first.remedy else ''}{count}; `ropewalk config check` lists them"
        first = ConfigError(first.what, first.where, remedy.replace("?. ", "? "))
    raise first


def check(path: Path | None, environ: Mapping[str, str], cwd: Path) -> list[ConfigError]:
    """Every problem `load` would stop at, in the order of lines; empty when it would not."""
    return _read(path, environ, cwd)[1]


def _read(path: Path | None, environ: Mapping[str, str], cwd: Path) -> tuple[Settings | None, list[ConfigError]]:
    """Settings and no errors, or None and at least one."""
    problems = Problems()
    try:
        found = find(path, environ, cwd)
        main = _open(found, cwd, environ, problems, Document)
    except ConfigError as error:
        return None, [error]
    settings = _Loader(main=main, cwd=cwd).settings(found)
    return (settings, []) if settings is not None else (None, problems.errors)


def _open(path: Path, cwd: Path, environ: Mapping[str, str], problems: Problems, document: type[Section]) -> Reading:
    """Parse a file. Raises: ConfigError."""
    label = shown(str(path.relative_to(cwd) if path.is_relative_to(cwd) else path), 300)
    try:
        with path.open("rb") as stream:
            raw = stream.read(MAX_BYTES + 1)
            size = os.fstat(stream.fileno()).st_size
    except OSError as error:
        raise ConfigError(f"cannot be read: {error.strerror}", f"{label}:1", "Correct its rights") from None
    if len(raw) > MAX_BYTES:
        what = f"the file has {max(size, len(raw))} bytes, more than the {MAX_BYTES} allowed"
        raise ConfigError(what, f"{label}:1", "Shorten it; `policy` can name a second file")
    tree = parse(raw, label, "gitlab" if document is Document else next(iter(document.model_fields)))
    reading = Reading(tree=tree, folder=path.parent, environ=environ, problems=problems, document=document)
    reading.top_level()
    reading.pasted_secrets()
    return reading


@dataclass(frozen=True, slots=True, kw_only=True)
class _Loader:
    """The sections of one configuration, each read on its own so that all problems are found."""

    main: Reading
    cwd: Path

    def settings(self, path: Path) -> Settings | None:
        """All sections; None when any has a problem."""
        credentials = Credentials()
        gitlab = self._gitlab(credentials)
        watch = self._watch(credentials)
        state = read_state(self.main, credentials)
        web = self._web(watch)
        second = self._policy_file()
        policy = self._policy(read_indexes(self.main, credentials), second)
        dashboard, sign_in = read_dashboard(self.main, credentials)
        commands = read_commands(self.main)
        telemetry = read_telemetry(self.main, credentials)
        problems = self.main.problems
        if isinstance(state, PostgresState) and gitlab is not None and gitlab.marker_key is None:
            what = "`state` is shared, and there is no marker key: each replica would sign notes with its own"
            remedy = f"Name one with `gitlab.marker_key_file` or `marker_key_env`, or set ${MARKER_KEY_VARIABLE}"
            self.main.problem(("state",), what, remedy)
        if problems or gitlab is None or watch is None or state is None or web is None:
            return None
        return Settings(
            path=path,
            gitlab=gitlab,
            watch=watch,
            state=state,
            web=web,
            dashboard=dashboard,
            sign_in=sign_in,
            policy=policy,
            commands=commands,
            telemetry=telemetry,
            secret_variables=tuple(credentials.variables),
            warnings=problems.warnings,
            origins=Origins(trees=(self.main.tree, second.tree) if second else (self.main.tree,)),
        )

    def _gitlab(self, credentials: Credentials) -> GitlabSettings | None:
        main, above = self.main, ("gitlab",)
        section, _ = main.good_part(GitlabSection, above, main.tree.data.get("gitlab", {}))
        if section is None:
            return None
        url = self._gitlab_url(section.url)
        wanted = Wanted(
            above=above,
            stem="token",
            env=section.token_env or (None if section.token_file else TOKEN_VARIABLE),
            file=section.token_file,
        )
        token = credentials.read(main, wanted)
        marker_key = credentials.read(
            main,
            Wanted(
                above=above,
                stem="marker_key",
                env=section.marker_key_env,
                file=section.marker_key_file,
                default=MARKER_KEY_VARIABLE,
                absence="a key is derived and stored beside the state",
            ),
        )
        ca_file = main.file((*above, "ca_file"), section.ca_file) if section.ca_file is not None else None
        proxy = read_proxy(main, above, section.proxy)
        if url is None or token is None:
            return None
        return GitlabSettings(url=url, token=token, marker_key=marker_key, ca_file=ca_file, proxy=proxy)

    def _gitlab_url(self, written: str | None) -> str | None:
        path = ("gitlab", "url")
        environ = self.main.environ
        candidates = [(name(path), written), *((f"${v}", environ.get(v)) for v in ("GITLAB_URL", "CI_SERVER_URL"))]
        spoken, text = next(((said, value) for said, value in candidates if value), ("", None))
        if text is None:
            remedy = "Add it, for example `url: https://gitlab.example.com`, or set $GITLAB_URL"
            self.main.problem(path, f"{name(path)} is missing", remedy)
            return None
        try:
            url, safe = web_url(text)
        except ValueError as error:
            self.main.problem(path, f"{spoken} {error}")
            return None
        if url.endswith("/api/v4"):
            self.main.problem(path, f"{spoken} must be GitLab's own address", "Remove `/api/v4` from its end")
            return None
        if not safe:
            self.main.warn(path, f"{spoken} is plain http: the token crosses the network unencrypted; use https.")
        return url

    def _watch(self, credentials: Credentials) -> WatchSettings | None:
        main, above = self.main, ("watch",)
        section, _ = main.good_part(WatchSection, above, main.tree.data.get("watch", {}))
        if section is None:
            return None
        if not (section.groups or section.projects or section.topics):
            main.warn(above, "`watch` names no groups, projects or topics, so `ropewalk serve` would find nothing.")
        wanted = Wanted(
            above=above,
            stem="hook_secret",
            env=section.hook_secret_env,
            file=section.hook_secret_file,
            default=HOOK_SECRET_VARIABLE,
        )
        secret = credentials.read(main, wanted)
        if secret is not None and is_broken_token(secret):
            what = "the hook secret begins with `whsec_`, as signing tokens do, and what follows is not base64"
            main.problem((*above, "hook_secret_env"), what, "Copy the signing token from GitLab whole")
        return WatchSettings(
            groups=tuple(section.groups),
            projects=tuple(section.projects),
            topics=tuple(section.topics),
            exclude=tuple(section.exclude),
            poll=section.poll,
            since=section.since,
            hook_secret=secret,
        )

    def _web(self, watch: WatchSettings | None) -> Listener | None:
        main, path = self.main, ("web", "public_url")
        section = main.section(WebSection, ("web",), main.tree.data.get("web", {}))
        if section is None or section.public_url is None:
            return None if section is None else Listener(host=section.host, port=section.port)
        try:
            url, safe = web_url(section.public_url)
        except ValueError as error:
            main.problem(path, f"{name(path)} {error}")
            return None
        if url.endswith(HOOK_PATH):
            main.problem(path, f"{name(path)} must be the daemon's own address", f"Remove `{HOOK_PATH}` from its end")
        elif not safe and not section.allow_plain_http:
            what = f"{name(path)} is plain http: what GitLab sends there would cross the network unencrypted"
            main.problem(path, what, "Use https, or set `web.allow_plain_http: true`")
        if watch is not None and watch.hook_secret is None:
            main.warn(path, f"{name(path)} is of no use without a hook secret; set `watch.hook_secret_file`.")
        return Listener(host=section.host, port=section.port, public_url=url)

    def _policy(self, indexes: Indexes, second: Reading | None) -> Policy:
        releases: tuple[ReleaseRule, ...] = ()
        hygiene, notes = HygienePolicy(), NotesPolicy()
        freezes: tuple[Freeze, ...] = ()
        layers = PolicyLayers(files=ProjectFiles.WARN)
        may_build = "build" in self.main.tree.data
        build = read_build(self.main) if may_build else None
        readings = (self.main, second) if second is not None else (self.main,)
        for reading in readings:
            if "notes" in reading.tree.data:
                section = reading.section(NotesSection, ("notes",), reading.tree.data["notes"])
                notes = notes if section is None else read_notes(reading, ("notes",), section)
        for reading in readings:
            if "releases" in reading.tree.data:
                releases = read_releases(reading, indexes, notes, may_build=may_build)
            if "hygiene" in reading.tree.data:
                hygiene = self._hygiene(reading)
            if "freeze" in reading.tree.data:
                freezes = read_freezes(reading)
            if "layers" in reading.tree.data:
                layers = read_layers(reading, indexes.names)
        if not releases and not self.main.problems:
            self.main.warn((), "there are no `releases`, so nothing will ever be released.")
        return Policy(
            releases=releases,
            indexes=indexes.specs,
            hygiene=hygiene,
            freezes=freezes,
            build=build,
            layers=layers,
        )

    def _policy_file(self) -> Reading | None:
        """The file that `policy` names, if it does and can be read."""
        main, path = self.main, ("policy",)
        if "policy" not in main.tree.data:
            return None
        text = main.tree.data["policy"]
        if not isinstance(text, str) or not text:
            main.problem(path, "`policy` must be the path of a file", "Name it, or leave the key out")
            return None
        target = main.file(path, text)
        if target is None:
            return None
        try:
            second = _open(target, self.cwd, main.environ, main.problems, PolicyDocument)
        except ConfigError as error:
            main.problems.add_error(error)
            return None
        for key in PolicyDocument.model_fields:
            if key in main.tree.data and key in second.tree.data:
                other = second.tree.where((key,))
                main.problem((key,), f"`{key}` stands here and in {other}", "Keep it in one of the two files")
        return second

    def _hygiene(self, reading: Reading) -> HygienePolicy:
        section = reading.section(HygieneSection, ("hygiene",), reading.tree.data["hygiene"])
        if section is None:
            return HygienePolicy()
        check_hygiene(reading, section)
        return hygiene_of(section, self._waivers(reading, section.waivers))

    def _waivers(self, reading: Reading, text: str | None) -> tuple[Waiver, ...]:
        """What the file holds that `hygiene.waivers` names, relative to the file that names it."""
        target = reading.file(("hygiene", "waivers"), text) if text is not None else None
        if target is None:
            return ()
        try:
            return read_waivers(_open(target, self.cwd, reading.environ, reading.problems, WaiversDocument))
        except ConfigError as error:
            reading.problems.add_error(error)
            return ()

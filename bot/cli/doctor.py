"""`ropewalk doctor`: the bot's own set-up."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

from bot.cli.exits import Exit
from bot.cli.options import Format, Options
from bot.domain.errors import CredentialsError, RefusedError, RopewalkError, TransientError
from bot.domain.gitlab import Identity, Role
from bot.domain.policy import IndexKind, IndexSpec, Isolation
from bot.domain.replicas import Replica, apart
from bot.domain.secrets import Secret
from bot.domain.verdicts import Verdict

if TYPE_CHECKING:
    from bot.app import App
    from bot.ports.sign_in import Provider

SCHEMA = "ropewalk.doctor/1"
SOON = timedelta(days=30)
MOST_HOOKS = 20  # projects whose hooks are looked at; `hooks check` looks at all
# A name that no index can know: looking it up asks whether the index answers and lets us in, not what it holds.
PROBE_NAME = "ropewalk-doctor-probe"
MARKS = {Verdict.PASS: "✓", Verdict.FAIL: "✗", Verdict.UNKNOWN: "?", Verdict.WAIVED: "~", Verdict.NOT_APPLICABLE: "-"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing looked at."""

    name: str
    verdict: Verdict
    reason: str
    remedy: str = ""


def doctor(options: Options) -> Exit:
    """Look at the token, its scopes and role, what it sees, the indexes and the hook secret."""
    from bot.app import App
    from bot.cli.process import harden

    harden()
    bot = App(options.settings(), options.redactor, reads=True)
    try:
        checks = list(_checks(bot))
    finally:
        bot.close()
    ready = all(check.verdict is not Verdict.FAIL for check in checks)
    if options.format is Format.JSON:
        rows = [{**asdict(check), "verdict": check.verdict.value} for check in checks]
        options.result(json.dumps({"schema": SCHEMA, "checks": rows, "ready": ready}))
    else:
        for check in checks:
            remedy = f". {check.remedy}" if check.remedy else ""
            options.result(f"{MARKS[check.verdict]} {check.name:<16} {check.reason}{remedy}")
        options.result("ready" if ready else "not ready")
    if not ready:
        return Exit.UNREACHABLE
    return Exit.UNKNOWN if any(check.verdict is Verdict.UNKNOWN for check in checks) else Exit.DONE


def _checks(bot: App) -> Iterator[Check]:
    yield state_check(bot)
    if bot.replicas is not None:
        yield replicas_check(bot, bot.replicas.members())
    try:
        identity = bot.identity
    except RopewalkError as error:
        yield Check(name="gitlab", verdict=Verdict.FAIL, reason=str(error), remedy="Nothing else can be looked at")
        return
    url = bot.settings.gitlab.url
    yield Check(
        name="gitlab",
        verdict=Verdict.PASS,
        reason=f"GitLab {identity.version} at {url} knows us as {identity.username}",
    )
    yield _scopes(identity)
    yield expiry(identity, bot.clock().date())
    seen = _groups(bot)
    yield seen
    if seen.verdict is Verdict.PASS:
        yield _role(bot, identity)
    for spec in bot.settings.policy.indexes:
        yield _index(bot, spec)
    yield _hooks(bot)
    yield _builds(bot)
    if bot.provider is not None:
        yield sign_in(bot.provider)


def state_check(bot: App) -> Check:
    """Whether the bot may work on its state: that it can be read shows by our being here."""
    obstacle = bot.obstacle()
    if obstacle is None:
        return Check(name="state", verdict=Verdict.PASS, reason=bot.settings.state.shown)
    reason = f"{obstacle.where}: {obstacle.what}, so nothing can be watched or released from here"
    return Check(name="state", verdict=Verdict.FAIL, reason=reason, remedy=obstacle.remedy)


def replicas_check(bot: App, members: Iterable[Replica]) -> Check:
    """Whether those that live on this state watch and release the same, and what this configuration says."""
    name, living = "replicas", [one for one in members if one.alive]
    others = apart(living)
    if others:
        told = ", ".join(f"{one.id} ({one.scope})" for one in others)
        reason = f"they do not all watch and release the same, so nothing new is enrolled: {told}"
        remedy = "Give all of them one configuration, and each organisation a database of its own"
        return Check(name=name, verdict=Verdict.FAIL, reason=reason, remedy=remedy)
    if bot.apart():
        reason = f"{len(living)} at work, which watch or release something else than this configuration says"
        remedy = (
            "If it is a new one, restart all of them with it; if it is another organisation's, use another database"
        )
        return Check(name=name, verdict=Verdict.UNKNOWN, reason=reason, remedy=remedy)
    reason = f"{len(living)} at work, all by this configuration" if living else "none is at work"
    return Check(name=name, verdict=Verdict.PASS, reason=reason)


def _builds(bot: App) -> Check:
    """Whether the bot can build from source, and behind which fence."""
    name, build = "builds", bot.settings.policy.build
    if build is None:
        reason = "off: no project's code runs here"
        remedy = "`source: build` needs a `build` section with a `wheelhouse`"
        return Check(name=name, verdict=Verdict.NOT_APPLICABLE, reason=reason, remedy=remedy)
    obstacle = bot.builder.obstacle()
    if obstacle:
        return Check(name=name, verdict=Verdict.FAIL, reason=obstacle)
    if build.isolation is Isolation.NONE:
        reason = "NOT ISOLATED (build.isolation: none): every project built can read and do all that the bot can"
        remedy = "Install bubblewrap and set build.isolation: bubblewrap"
        return Check(name=name, verdict=Verdict.UNKNOWN, reason=reason, remedy=remedy)
    reason = f"isolated by bubblewrap, without network, with the wheels in {build.wheelhouse}"
    return Check(name=name, verdict=Verdict.PASS, reason=reason)


def sign_in(provider: Provider) -> Check:
    """Whether GitLab knows the dashboard's application: it says so by refusing a code that is none."""
    name = "sign-in"
    try:
        provider.tokens(Secret(PROBE_NAME), Secret(PROBE_NAME * 3))
    except CredentialsError:
        reason = "GitLab knows the application by which people sign in to the dashboard"
        return Check(name=name, verdict=Verdict.PASS, reason=reason)
    except RopewalkError as error:
        unknown = isinstance(error, TransientError)
        return Check(name=name, verdict=Verdict.UNKNOWN if unknown else Verdict.FAIL, reason=str(error))
    return Check(name=name, verdict=Verdict.FAIL, reason="what answers takes any code: it is no GitLab")


def _scopes(identity: Identity) -> Check:
    scopes = identity.scopes
    if scopes is None:
        return Check(name="token scopes", verdict=Verdict.UNKNOWN, reason="GitLab does not tell this token's scopes")
    said = f"the token has {', '.join(scopes) or 'none'}"
    if "api" in scopes:
        return Check(name="token scopes", verdict=Verdict.PASS, reason=said)
    remedy = "Releasing needs `api`" + ("; with read_api only `plan` and `audit` work" if "read_api" in scopes else "")
    return Check(name="token scopes", verdict=Verdict.FAIL, reason=said, remedy=remedy)


def expiry(identity: Identity, today: date) -> Check:
    """When our own token ends. That it does soon hinders nothing yet, but is said with what to do."""
    if identity.expires_on is None:
        return Check(name="token expiry", verdict=Verdict.PASS, reason="GitLab tells no date on which it expires")
    said = f"the token expires on {identity.expires_on}"
    days = (date.fromisoformat(identity.expires_on[:10]) - today).days
    if days > SOON.days:
        return Check(name="token expiry", verdict=Verdict.PASS, reason=said)
    remedy = "Make another now and put it in its place: nothing is watched or released with one that has expired"
    reason = f"{said}, in {days} day{'' if days == 1 else 's'}"
    return Check(name="token expiry", verdict=Verdict.PASS, reason=reason, remedy=remedy)


def _groups(bot: App) -> Check:
    watch = bot.settings.watch
    for group in watch.groups:
        if group == "**":
            continue
        try:
            next(bot.projects.of_group(group), None)
        except RefusedError as error:
            remedy = f"Make the bot's user a member of {group}, or correct watch.groups"
            return Check(name="watched groups", verdict=Verdict.FAIL, reason=str(error), remedy=remedy)
        except TransientError as error:
            return Check(name="watched groups", verdict=Verdict.UNKNOWN, reason=str(error))
    return Check(name="watched groups", verdict=Verdict.PASS, reason=", ".join(watch.groups) or "none by name")


def _role(bot: App, identity: Identity) -> Check:
    """Whether the token may read the variables and protected refs of what is watched; a lower role releases nothing."""
    name, watch = "role", bot.settings.watch
    if identity.admin:
        return Check(name=name, verdict=Verdict.PASS, reason=f"{identity.username} is an administrator")
    named = [(place, True) for place in watch.groups if place != "**"] + [(place, False) for place in watch.projects]
    if not named:
        reason = "no group or project is watched by name: each release asks for itself"
        return Check(name=name, verdict=Verdict.NOT_APPLICABLE, reason=reason)
    try:
        roles = [(place, bot.account.role(identity.user_id, place, group=group)) for place, group in named]
    except TransientError as error:
        return Check(name=name, verdict=Verdict.UNKNOWN, reason=str(error))
    except RefusedError as error:
        return Check(name=name, verdict=Verdict.FAIL, reason=str(error))
    low = [place for place, level in roles if level is None or level < Role.MAINTAINER]
    if not low:
        places = ", ".join(place for place, _ in named)
        reason = f"Maintainer or more in {places}; variables of the instance are for administrators to read"
        return Check(name=name, verdict=Verdict.PASS, reason=reason)
    return Check(
        name=name,
        verdict=Verdict.FAIL,
        reason=f"{identity.username} is not a Maintainer of {', '.join(low)}",
        remedy="Make it one: without that role it cannot read the CI/CD variables, and every release stays blocked",
    )


def _index(bot: App, spec: IndexSpec) -> Check:
    name = f"index:{spec.name}"
    if spec.kind is IndexKind.GITLAB:
        return Check(
            name=name,
            verdict=Verdict.NOT_APPLICABLE,
            reason="each project's own registry; a release looks at it before it writes",
        )
    return _try(
        name,
        lambda: bot.index.files(bot.index.place(spec, 0, PROBE_NAME), PROBE_NAME, ()),
        "answers; whether the credentials may upload shows with the first upload",
    )


def _try(name: str, look: Callable[[], object], good: str) -> Check:
    try:
        look()
    except CredentialsError as error:
        return Check(name=name, verdict=Verdict.FAIL, reason=str(error))
    except TransientError as error:
        remedy = "Check that it is up, its URLs, DNS and its proxy"
        return Check(name=name, verdict=Verdict.FAIL, reason=str(error), remedy=remedy)
    except RefusedError as error:
        return Check(name=name, verdict=Verdict.FAIL, reason=str(error), remedy="Check its URLs")
    return Check(name=name, verdict=Verdict.PASS, reason=good)


def _hooks(bot: App) -> Check:
    web, watch = bot.settings.web, bot.settings.watch
    if watch.hook_secret is None:
        return Check(
            name="hooks",
            verdict=Verdict.NOT_APPLICABLE,
            reason=f"no hook secret: polling every {watch.poll.total_seconds():.0f} s finds everything",
            remedy="Set watch.hook_secret_env to be told at once",
        )
    if web.public_url is None:
        reason = "hooks are accepted at /hooks/gitlab; with web.public_url the bot looks after them"
        return Check(name="hooks", verdict=Verdict.PASS, reason=reason)
    return _installed(bot)


def _installed(bot: App) -> Check:
    """What GitLab has of our hooks, looked at in as many places as is quick."""
    from bot.watch.hook_health import HookVerdict
    from bot.watch.hook_mending import Errand

    try:
        report = bot.hook_care.tend(Errand.CHECK, most=MOST_HOOKS, dry_run=True)
    except TransientError as error:
        return Check(name="hooks", verdict=Verdict.UNKNOWN, reason=str(error))
    except RopewalkError as error:
        return Check(name="hooks", verdict=Verdict.FAIL, reason=str(error))
    ill = [row for row in report.rows if row.verdict not in (HookVerdict.OK, HookVerdict.CANNOT_LOOK)]
    unseen = [row for row in report.rows if row.verdict is HookVerdict.CANNOT_LOOK]
    good = len(report.rows) - len(ill) - len(unseen)
    said = [f"{good} of {len(report.rows) + report.left_out} are as they should be"]
    said += [f"{row.place.path}: {row.reason}" for row in (ill or unseen)[:1]]
    if report.stopped:
        said.append(report.stopped)
    verdict = Verdict.FAIL if ill else Verdict.UNKNOWN if unseen or report.stopped else Verdict.PASS
    remedy = next((row.remedy for row in ill or unseen), "")
    return Check(name="hooks", verdict=verdict, reason="; ".join(said), remedy=remedy)

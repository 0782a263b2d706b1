"""`ropewalk config explain`: what a key is, which line made it so, and which layers had another wish."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from bot.domain.errors import ConfigError, RefusedError
from bot.domain.refs import matches_path, matches_wildcard
from bot.domain.strictness import TABLE, shown
from bot.domain.tightening import Effective, effective, values_of
from bot.ports.policy_files import Age
from bot.settings.origins import Origin
from bot.settings.problems import near_miss
from bot.settings.problems import shown as spoken

if TYPE_CHECKING:
    from bot.cli.options import Options
    from bot.domain.freezes import Freeze
    from bot.domain.policy import Policy, ReleaseRule
    from bot.domain.refs import Project
    from bot.settings import Settings

_RULE = re.compile(r"releases?\[([1-9][0-9]{0,3})\]")
ORGANISATION = "organisation"
Holds: TypeAlias = "Callable[[ReleaseRule], Effective]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What one layer said of a key; without `taken` it does not hold, and `why` says why not."""

    by: str
    value: str
    where: str
    taken: bool = True
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """A key, its value, and what made it so: the last of `said` that was taken."""

    key: str
    value: str
    said: tuple[Said, ...]

    @property
    def decided(self) -> Said:
        """Who set the value."""
        return next(one for one in reversed(self.said) if one.taken)


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """All that was asked for; `faults` are what is wrong with the project's own file."""

    keys: tuple[Explained, ...]
    faults: tuple[str, ...] = ()


def explain(options: Options, key: str, project: str | None, ref: str | None) -> Explanation:
    """Explain a key, or all below it. Raises: ConfigError for a key there is none of; RefusedError, TransientError."""
    settings = options.settings()
    if project is None:
        return explanation(settings, key, None, ref, lambda rule: _as_written(settings.policy, rule))
    from bot.app import App

    bot = App(settings, options.redactor, reads=True)
    try:
        found = bot.projects.project(int(project) if project.isdigit() else project)
        if found is None:
            what = f"there is no project {project} that the token may see"
            raise RefusedError(what=what, where=bot.api.where, remedy="Check the path and the token", status=404)
        known = found
        return explanation(settings, key, known, ref, lambda rule: bot.layering.effective(known, rule, Age.NEW))
    finally:
        bot.close()


def _as_written(policy: Policy, rule: ReleaseRule) -> Effective:
    return effective(rule, policy.hygiene, freezes=policy.freezes)


def explanation(settings: Settings, key: str, project: Project | None, ref: str | None, holds: Holds) -> Explanation:
    """As `explain`, with what tightens a rule."""
    plain = [one for one in settings.origins.every() if _below(one.key, key) and not _layered(one.key)]
    layered = [one for one in TABLE if _below(_of_rules(one), key)]
    freezes = project is not None and (key == "freeze" or key.startswith("freeze."))
    if not (plain or layered or freezes):
        raise _no_such(settings, key)
    found = [] if freezes else [_plainly(one) for one in plain]
    faults: dict[str, None] = {}
    for number, rule in _rules(settings.policy, key, project, ref) if layered or freezes else ():
        tightened = holds(rule)
        faults |= dict.fromkeys(tightened.own.faults if tightened.own else ())
        found += [_explained(settings, number, rule, one, tightened) for one in layered]
        if freezes and project is not None:
            found += [_frozen(one) for one in tightened.freezes if one.covers(project.full_path)]
    if not found and layered:
        what = f"no rule of `releases` covers {project.full_path if project else key}{f' at {ref}' if ref else ''}"
        raise RefusedError(what=what, where=str(settings.path), remedy="Add one, or name another", status=404)
    return Explanation(keys=tuple(dict.fromkeys(found)), faults=tuple(faults))


def _rules(policy: Policy, key: str, project: Project | None, ref: str | None) -> Iterator[tuple[int, ReleaseRule]]:
    """The rules that are asked about, with their numbers from 0: of the project, of the ref, or by number."""
    number = _RULE.match(key)
    for at, rule in enumerate(policy.releases):
        if number is not None and at + 1 != int(number[1]):
            continue
        if project is not None and not any(matches_path(one, project.full_path) for one in rule.projects):
            continue
        if ref is not None and not any(matches_wildcard(one, ref) for one in (*rule.tags, *rule.branches)):
            continue
        yield at, rule
        if ref is not None and project is not None:
            return  # the first that matches rules


def _explained(settings: Settings, number: int, rule: ReleaseRule, key: str, holds: Effective) -> Explained:
    """A key of the table: what the organisation says, then what each layer did to it."""
    section, _, rest = key.partition(".")
    of_rule = section == "release"
    path = (*(("releases", number) if of_rule else (section,)), *rest.split("."))
    before = values_of(rule, settings.policy.hygiene)[key]
    said = [Said(by=ORGANISATION, value=shown(before), where=settings.origins.where(path))]
    said += [
        Said(by=step.layer, value=shown(step.value), where=step.where, taken=step.taken, why=step.why)
        for step in holds.steps
        if step.key == key
    ]
    value = shown(values_of(holds.rule, holds.hygiene)[key])
    return Explained(key=f"releases[{number + 1}].{rest}" if of_rule else key, value=value, said=tuple(said))


def _plainly(origin: Origin) -> Explained:
    said = Said(by=ORGANISATION, value=origin.value, where=origin.where)
    return Explained(key=origin.key, value=origin.value, said=(said,))


def _frozen(freeze: Freeze) -> Explained:
    return Explained(key="freeze", value=freeze.name, said=(Said(by="freeze", value=freeze.name, where=freeze.where),))


def _of_rules(key: str) -> str:
    """A key of the table as it stands in the configuration, without the rule's number."""
    return f"releases.{key.removeprefix('release.')}" if key.startswith("release.") else key


def _layered(key: str) -> bool:
    return _bare(key) in map(_of_rules, TABLE)


def _bare(key: str) -> str:
    return re.sub(r"\[[0-9]+\]", "", key)


def _below(key: str, asked: str) -> bool:
    """Whether a key is the one asked for or below it; `release` means `releases`, and without numbers all items."""
    asked = re.sub(r"^release(?=[.[]|$)", "releases", asked)
    if _layered(key) and key == _bare(key):
        asked = _bare(asked)
    if "[" not in asked:
        key = _bare(key)
    return key == asked or key.startswith((f"{asked}.", f"{asked}["))


def _no_such(settings: Settings, key: str) -> ConfigError:
    known = {_bare(one.key) for one in settings.origins.every()} | set(map(_of_rules, TABLE))
    known |= {one.rpartition(".")[0] for one in known if "." in one}
    miss = near_miss(key, sorted(known))
    remedy = f"Did you mean `{miss}`?" if miss else "`ropewalk config schema` prints all there are"
    return ConfigError(what=f"there is no key `{spoken(key)}`", where=str(settings.path), remedy=remedy)

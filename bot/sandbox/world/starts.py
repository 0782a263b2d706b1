"""What starts pipelines beside pushes: schedules and trigger tokens; and when nothing is to be deployed."""

from dataclasses import dataclass, field
from datetime import datetime

from bot.sandbox.world.people import User
from bot.sandbox.world.settings import Variable


@dataclass(slots=True, kw_only=True, eq=False)
class Schedule:
    """A pipeline schedule; `ref` is a full ref name. The sandbox runs it only when somebody plays it."""

    id: int
    description: str
    ref: str
    cron: str
    owner: User
    created_at: datetime
    updated_at: datetime
    cron_timezone: str = "UTC"
    active: bool = True
    variables: list[Variable] = field(default_factory=list)
    inputs: dict[str, object] = field(default_factory=dict)
    pipeline_ids: list[int] = field(default_factory=list)


@dataclass(slots=True, kw_only=True, eq=False)
class Trigger:
    """A trigger token: whoever knows it starts pipelines with its owner's rights."""

    id: int
    description: str
    token: str = field(repr=False)
    owner: User
    created_at: datetime
    updated_at: datetime
    last_used: datetime | None = None


@dataclass(slots=True, kw_only=True, eq=False)
class FreezePeriod:
    """A deploy freeze, from a moment of one cron line to the next one of the other. It stops nothing by itself."""

    id: int
    freeze_start: str
    freeze_end: str
    created_at: datetime
    updated_at: datetime
    cron_timezone: str = "UTC"

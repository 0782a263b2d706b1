"""A daemon's reading with every kind of line in it."""

from datetime import timedelta

from bot.domain.readings import BudgetLine, BudgetReading, DaemonReading
from tests.unit.release_facts import NOON

PAUSED = NOON + timedelta(seconds=50)
BUDGET = BudgetReading(
    instance="gitlab.example.com",
    lines=(
        BudgetLine(name="api", left=7, size=15, per_minute=45.0, paused_until=None, refused=0, put_off=3),
        BudgetLine(name="notes", left=0, size=7, per_minute=22.5, paused_until=PAUSED, refused=2, put_off=41),
        BudgetLine(name="reads", left=None, size=None, per_minute=None, paused_until=None, refused=0, put_off=0),
    ),
    last_minute=12,
    requests=(("notes", "2xx", 60), ("notes", "429", 2), ("reads", "2xx", 7)),
)
READING = DaemonReading(
    version="0.1.0",
    started_at=NOON - timedelta(hours=3),
    at=NOON,
    stopped=False,
    polled_at=NOON - timedelta(seconds=20),
    budget=BUDGET,
)

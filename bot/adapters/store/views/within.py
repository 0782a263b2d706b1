"""Ask for rows of some projects, however many: one parameter for all of them."""

from __future__ import annotations

import json
from collections.abc import Sequence

from sqlalchemy import BigInteger, ColumnElement, any_, func, literal, select
from sqlalchemy.dialects.postgresql import ARRAY

from bot.adapters.store.database import Database


def within(database: Database, column: ColumnElement[int], ids: Sequence[int]) -> ColumnElement[bool]:
    """Whether the column is one of the numbers."""
    if database.shared:
        return column == any_(literal(list(ids), ARRAY(BigInteger)))
    rows = func.json_each(json.dumps(list(ids))).table_valued("value")
    return column.in_(select(rows.c.value))

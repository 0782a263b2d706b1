"""Our tables; how values stand in them, see `columns`."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Index,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from bot.adapters.store.append_only import protect
from bot.adapters.store.columns import Integer, Moment

# Raised with every change of a table; a database of a newer version is refused. How tables change: see `growing`.
VERSION = 6

metadata = MetaData()

projects = Table(
    "projects",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("full_path", Text, nullable=False),
    Column("web_url", Text, nullable=False),
    Column("default_branch", Text),
    Column("enrolled_at", Moment, nullable=False),
    Column("compared_at", Moment),
    Column("seen_at", Moment),  # when it was listed last
    Column("left_at", Moment),  # when it was found to be none of ours any more
    Column("heard_at", Moment),  # when a webhook last told of a push to it, give or take some minutes
)

tags = Table(
    "tags",
    metadata,
    Column("project_id", Integer, nullable=False),
    Column("name", Text, nullable=False),
    Column("sha", String(64), nullable=False),
    PrimaryKeyConstraint("project_id", "name"),
)

branches = Table(
    "branches",
    metadata,
    Column("project_id", Integer, nullable=False),
    Column("name", Text, nullable=False),
    Column("sha", String(64), nullable=False),
    PrimaryKeyConstraint("project_id", "name"),
)

branch_patterns = Table(
    "branch_patterns",
    metadata,
    Column("project_id", Integer, nullable=False),
    Column("pattern", Text, nullable=False),
    PrimaryKeyConstraint("project_id", "pattern"),
)

looks = Table(
    "looks",
    metadata,
    Column("project_id", Integer, primary_key=True, autoincrement=False),
    Column("urgency", Integer, nullable=False),
    Column("hinted", Boolean, nullable=False),
    Column("asked_at", Moment, nullable=False),
    Column("due_at", Moment, nullable=False),
    Column("tries", Integer, nullable=False),
    Index("looks_due", "urgency", "due_at"),
)

cursors = Table(
    "cursors",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("moment", Moment),
    Column("text", Text),
)

ref_changes = Table(
    "ref_changes",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("project_id", Integer, nullable=False),
    Column("project", Text, nullable=False),
    Column("kind", String(8), nullable=False),
    Column("ref", Text, nullable=False),
    Column("sha", String(64), nullable=False),
    Column("action", String(8), nullable=False),
    Column("source", String(8), nullable=False),
    Column("at", Moment, nullable=False),
    UniqueConstraint("project_id", "ref", "sha", "action"),
)

releases = Table(
    "releases",
    metadata,
    Column("key", Text, primary_key=True),
    Column("project_id", Integer, nullable=False),
    Column("project", Text, nullable=False),
    Column("kind", String(8), nullable=False),
    Column("ref", Text, nullable=False),
    Column("sha", String(64), nullable=False),
    Column("state", String(16), nullable=False),
    Column("version", Text),
    Column("source", String(16), nullable=False),
    Column("source_reason", Text, nullable=False),
    Column("next", Text),
    Column("created_at", Moment, nullable=False),
    Column("updated_at", Moment, nullable=False),
    Column("asked_at", Moment, nullable=False),
    Column("due_at", Moment),
    Column("turn", Integer, nullable=False),
    Column("wake", Integer, nullable=False),
    Column("wake_seen", Integer, nullable=False, server_default="0"),  # the very first files lack it
    Column("faults", Integer, nullable=False),
    Column("gates", JSON, nullable=False),
    Column("targets", JSON, nullable=False),
    Column("requests", JSON, nullable=False),
    Column("heard_at", Moment),
    Column("fence", Integer, nullable=False, server_default="0"),  # raised by each process that takes a turn
    Index("releases_due", "due_at"),
    Index("releases_ref", "project", "ref"),
)

attempts = Table(
    "attempts",
    metadata,
    Column("release", Text, nullable=False),
    Column("number", Integer, nullable=False),
    Column("target", Text, nullable=False),
    Column("item", Text, nullable=False),
    Column("outcome", String(16), nullable=False),
    Column("at", Moment, nullable=False),
    Column("reason", Text, nullable=False),
    Column("again", Boolean, nullable=False),
    Column("retry_at", Moment),
    PrimaryKeyConstraint("release", "number"),
)

receipts = Table(
    "receipts",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("release", Text, nullable=False),
    Column("target", Text, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("where", Text, nullable=False),
    Column("file", Text, nullable=False),  # empty for what is not a file: NULLs would not be unique
    Column("sha256", String(64), nullable=False),
    Column("at", Moment, nullable=False),
    UniqueConstraint("release", "target", "file", "sha256"),
)

files = Table(
    "files",
    metadata,
    Column("release", Text, nullable=False),
    Column("filename", Text, nullable=False),
    Column("kind", String(8), nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("size", Integer, nullable=False),
    Column("name", Text, nullable=False),
    Column("version", Text, nullable=False),
    Column("origin", Text, nullable=False),
    Column("job_id", Integer),
    Column("problem", Text, nullable=False),
    PrimaryKeyConstraint("release", "filename"),
)

deliveries = Table(
    "deliveries",
    metadata,
    Column("id", Text, primary_key=True),
    Column("digest", String(64), nullable=False),
    Column("at", Moment, nullable=False),
)

names = Table(
    "names",
    metadata,
    Column("name", Text, primary_key=True),
    Column("project_id", Integer, nullable=False),
)

findings = Table(
    "findings",
    metadata,
    Column("identity", Text, primary_key=True),
    Column("rule", String(8), nullable=False),
    Column("severity", Integer, nullable=False),
    Column("project", Text, nullable=False),
    Column("resource", Text, nullable=False),
    Column("scope", Text, nullable=False),
    Column("first_seen", Moment, nullable=False),
    Column("last_seen", Moment, nullable=False),
    Column("fixed_at", Moment),
    Column("reason", Text),  # NULL for what no audit of this version saw
)

hook_places = Table(
    "hook_places",
    metadata,
    Column("name", Text, primary_key=True),
    Column("hook_id", Integer),
    Column("fingerprint", String(64), nullable=False),  # keyed digest of the secret that was set last; empty for none
    Column("looked_at", Moment, nullable=False),
)

redeliveries = Table(
    "redeliveries",
    metadata,
    Column("key", Text, primary_key=True),
    Column("at", Moment, nullable=False),
)

readings = Table(
    "readings",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("at", Moment, nullable=False),
    Column("reading", JSON, nullable=False),
)

holds = Table(
    "holds",
    metadata,
    Column("project_id", Integer, nullable=False),
    Column("ref", Text, nullable=False),
    Column("by", Text, nullable=False),
    Column("since", Moment, nullable=False),
    Column("until", Moment),
    Column("reason", Text, nullable=False),
    PrimaryKeyConstraint("project_id", "ref"),
)

approvals = Table(
    "approvals",
    metadata,
    Column("release", Text, nullable=False),
    Column("user_id", Integer, nullable=False),
    Column("username", Text, nullable=False),
    Column("level", Integer, nullable=False),
    Column("at", Moment, nullable=False),
    Column("sha", String(64), nullable=False),
    PrimaryKeyConstraint("release", "user_id"),
)

acceptances = Table(
    "acceptances",
    metadata,
    Column("release", Text, nullable=False),
    Column("digest", String(64), nullable=False),
    Column("by", Text, nullable=False),
    Column("at", Moment, nullable=False),
    PrimaryKeyConstraint("release", "digest"),
)

merge_requests = Table(
    "merge_requests",
    metadata,
    Column("key", Text, primary_key=True),
    Column("mark", Text, nullable=False),  # what was looked at last
    Column("at", Moment, nullable=False),
)

ledger = Table(
    "ledger",
    metadata,
    Column("sequence", Integer, primary_key=True, autoincrement=False),
    Column("at", Moment, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("place", Text, nullable=False),
    Column("words", Text, nullable=False),
    Column("outcome", String(16), nullable=False),
    Column("target", Text, nullable=False),
    Column("item", Text, nullable=False),
    Column("number", Integer, nullable=False),
    Column("where", Text, nullable=False),
    Column("file", Text, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("previous", String(64), nullable=False),
    Column("digest", String(64), nullable=False, unique=True),
    Index("ledger_place", "place", "kind"),
)
protect(ledger)

commands = Table(
    "commands",
    metadata,
    Column("note_id", BigInteger, primary_key=True, autoincrement=False),
    Column("project_id", Integer, nullable=False),
    Column("home", String(16), nullable=False),
    Column("iid", Integer, nullable=False),
    Column("stage", String(16), nullable=False),
    Column("heard_at", Moment, nullable=False),
    Column("due_at", Moment),
    Column("tries", Integer, nullable=False),
    Column("author_id", Integer),
    Column("username", Text, nullable=False),
    Column("written_at", Moment),
    Column("why", Text, nullable=False),
    Column("answers", JSON, nullable=False),
    Index("commands_due", "due_at"),
    Index("commands_place", "project_id", "home", "iid"),
)

replicas = Table(
    "replicas",
    metadata,
    Column("id", Text, primary_key=True),
    Column("host", Text, nullable=False),
    Column("pid", Integer, nullable=False),
    Column("version", Text, nullable=False),
    Column("work", Text, nullable=False),  # the version of the work it takes
    Column("started_at", Moment, nullable=False),  # by the database's clock, as the next
    Column("beat_at", Moment, nullable=False),
    Column("scope", Text),  # the mark of what it watches and releases
)

# What the dashboard looks by.
Index("releases_created", releases.c.created_at, releases.c.key)
Index("releases_state", releases.c.state, releases.c.created_at, releases.c.key)
Index("releases_project", releases.c.project_id, releases.c.state, releases.c.created_at)
Index("releases_updated", releases.c.updated_at)
Index("findings_open", findings.c.fixed_at, findings.c.severity, findings.c.first_seen, findings.c.identity)
Index("findings_project", findings.c.project)
Index("projects_path", projects.c.full_path)

heads = Table(
    "heads",
    metadata,
    Column("project_id", Integer, primary_key=True, autoincrement=False),
    Column("project", Text, nullable=False),
    Column("branch", Text, nullable=False),
    Column("sha", String(64), nullable=False),
    Column("seen_at", Moment, nullable=False),
    Column("due_at", Moment),
    Column("tries", Integer, nullable=False),
    Column("told", Text, nullable=False),
    Index("heads_due", "due_at"),
)

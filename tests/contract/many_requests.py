"""A project with very many merged merge requests, made in one stroke: git's own import and the records to it."""

from __future__ import annotations

from datetime import timedelta

from bot.sandbox.world import World
from bot.sandbox.world.people import User
from bot.sandbox.world.places import Project
from bot.sandbox.world.work import MergeRequest

DESCRIPTION = "Why this change is good.\n\n" * 20


def merge_many(world: World, project: Project, author: User, count: int, *, form: str = "Change {}") -> list[int]:
    """`count` merge requests of two commits each, merged into main one after the other; their iids."""
    git, now = project.git, world.clock.now()
    line = f"{author.name} <{author.email}> "
    mainline = git.resolve("main")
    assert mainline is not None
    first = max(project.merge_requests, default=0) + 1
    stream, at = [], int(now.timestamp())
    for number in range(count):
        mark, before = 3 * number + 1, f":{3 * number}" if number else mainline
        for step, (ref, start, merged) in enumerate(
            [("side", before, ""), ("side", f":{mark}", ""), ("main", before, f"merge :{mark + 1}\n")]
        ):
            text = form.format(first + number) if step < 2 else f"Merge branch 'change-{first + number}' into 'main'"
            stream.append(
                f"commit refs/heads/{ref}\nmark :{mark + step}\nauthor {line}{at} +0000\ncommitter {line}{at} +0000\n"
                f"data {len(text.encode())}\n{text}\nfrom {start}\n{merged}"
            )
    marks = git.materialise() / "marks"
    git.run("fast-import", "--quiet", "--force", f"--export-marks={marks}", stdin="".join(stream).encode())
    git.forget()
    shas = dict(row.split() for row in marks.read_text().splitlines())
    for number in range(count):
        iid = first + number
        project.merge_requests[iid] = MergeRequest(
            id=world.next_id("merge_request"),
            iid=iid,
            project_id=project.id,
            title=form.format(iid),
            description=DESCRIPTION,
            author=author,
            source_branch=f"change-{iid}",
            target_branch="main",
            created_at=now - timedelta(hours=1),
            updated_at=now,
            head_sha=shas[f":{3 * number + 2}"],
            state="merged",
            merged_at=now,
            merge_user=author,
            merge_commit_sha=shas[f":{3 * number + 3}"],
            commit_shas=(shas[f":{3 * number + 1}"], shas[f":{3 * number + 2}"]),
        )
    return list(range(first, first + count))

"""A process that builds what it is told to, with secrets in its environment, as the daemon may have them.

One JSON object a line comes in, one goes out. Run as `python -m tests.contract.build_daemon SCRATCH SECRET`.
"""

from __future__ import annotations

import json
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

from bot.adapters.builder.service import BuilderAdapter
from bot.domain.errors import TransientError
from bot.domain.policy import BuildPolicy, Isolation
from bot.domain.secrets import Redactor
from bot.ports.builder import BuildOrder, Built


def main() -> None:
    """Build until there is nothing more to build."""
    scratch = Path(sys.argv[1])
    adapters: dict[BuildPolicy, BuilderAdapter] = {}
    for line in sys.stdin:
        order: dict[str, Any] = json.loads(line)
        policy = BuildPolicy(
            wheelhouse=Path(order["wheelhouse"]),
            isolation=Isolation(order["isolation"]),
            time=timedelta(seconds=order["time"]),
            memory=order["memory"],
            disk=order["disk"],
        )
        if policy not in adapters:
            adapters[policy] = BuilderAdapter(policy=policy, scratch=scratch, redactor=Redactor())
        wish = BuildOrder(sha=order["sha"], version="1.1.0", name="widget")
        try:
            built = adapters[policy].build(Path(order["archive"]), wish)
        except TransientError as error:
            built = Built(files=None, problems=(f"put off: {error}",), again=True)
        files = None if built.files is None else str(built.files)
        print(json.dumps({"files": files, "problems": built.problems, "again": built.again}), flush=True)


if __name__ == "__main__":
    main()

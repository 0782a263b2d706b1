"""A stand-in for the daemon, run as a process of its own so that a test can kill it: sends one kept file.

Arguments: state directory, root URL of the index, sha256, file name, size. The password comes in the environment, as
an operator may give it. Prints the fork server's process id when it has begun.
"""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path

from bot.adapters.index.children import Children
from bot.adapters.index.limits import Patience
from bot.adapters.index.service import IndexAdapter
from bot.domain.secrets import Redactor, Secret
from tests.contract.index_parts import bare_distribution, simple_spec


def main() -> None:
    """Send and print how it ended."""
    state, root, sha256, filename, size = sys.argv[1:]
    password = Secret(os.environ["INHOUSE_PASSWORD"])
    children = Children()
    adapter = IndexAdapter(
        gitlab_url="http://127.0.0.1:9",
        gitlab_token=Secret(os.environ["ROPEWALK_GITLAB_TOKEN"]),
        state_dir=Path(state),
        redactor=Redactor([password]),
        patience=Patience(silence=60),
        children=children,
    )
    adapter.start()
    print(children.server_pid, flush=True)
    spec = replace(simple_spec(root), password=password)
    distribution = replace(bare_distribution(filename, b""), sha256=sha256, size=int(size))
    print(adapter.send(adapter.place(spec, 1, "widget"), distribution), flush=True)


if __name__ == "__main__":
    main()

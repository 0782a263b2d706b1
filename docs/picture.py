"""Draw docs/demo.svg: run the demo and record what it prints. `python docs/picture.py`"""

import os
import re
import subprocess
import sys
from io import StringIO
from pathlib import Path

from rich.console import Console
from rich.text import Text

WIDTH = 120
PLACE = re.compile(r"http://127\.0\.0\.1:\d+")
# The exported picture would fetch fonts from elsewhere; every reader's own monospaced font does.
FONTS = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)


def main() -> None:
    """Run, record, write."""
    environment = {**os.environ, "FORCE_COLOR": "1", "COLUMNS": str(WIDTH)}
    done = subprocess.run(
        [sys.executable, "-m", "bot", "demo"],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,  # the story and its result, as they come on a terminal
        text=True,
        check=True,
    )
    console = Console(record=True, width=WIDTH, file=StringIO(), force_terminal=True)
    console.print("[bold green]$[/] make demo")
    for line in done.stdout.splitlines():
        text = Text.from_ansi(PLACE.sub("http://127.0.0.1:8080", line))
        text.truncate(WIDTH, overflow="ellipsis")
        console.print(text)
    svg = FONTS.sub("", console.export_svg(title="ropewalk demo")).replace("Fira Code", "monospace")
    Path(__file__).with_name("demo.svg").write_text(svg)


if __name__ == "__main__":
    main()

"""The list of commands is quick, and complete."""

import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import bot.cli
from bot.cli.main import GROUPS

HEAVY = ("pydantic", "structlog", "sqlalchemy", "gitlab", "requests", "dbos", "twine")


def test_help_imports_none_of_the_heavy_libraries() -> None:
    """They cost more than the whole of `ropewalk --help` may."""
    code = f"""
import sys
from bot.cli.main import main
sys.argv = ["ropewalk", "--help"]
try:
    main()
finally:
    sys.stderr.write(" ".join(sorted(set({HEAVY!r}) & set(sys.modules))))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert all(name in done.stdout for name in GROUPS)


@pytest.mark.parametrize("name", GROUPS)
def test_every_group_is_a_module_with_commands(name: str) -> None:
    """What the list shows can be called."""
    assert import_module(f"bot.cli.{name}").app.registered_commands


def test_no_group_is_left_out_of_the_list() -> None:
    """A module with commands of its own is either listed or the root."""
    modules = (Path(path).stem for path in Path(bot.cli.__path__[0]).glob("*.py"))
    with_commands = {
        name for name in modules if "app = typer.Typer(" in (Path(bot.cli.__path__[0]) / f"{name}.py").read_text()
    }
    assert with_commands == {*GROUPS, "main"}

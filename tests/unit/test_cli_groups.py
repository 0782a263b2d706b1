"""The list of commands is quick, and complete."""

import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import bot.cli
from bot.cli.main import GROUPS

HEAVY = ("pydantic", "structlog", "sqlalchemy", "gitlab", "requests", "dbos", "twine")
TALKING = ("gitlab", "requests", "dbos", "twine", "jinja2", "apscheduler", "starlette", "tree_sitter", "opentelemetry")
CONFIG = """
gitlab: {url: "http://127.0.0.1:9", token_file: token}
watch: {groups: [acme]}
indexes: {registry: {kind: gitlab}}
releases: [{projects: ["acme/**"], tags: ["v*"], indexes: [registry]}]
"""


def ran(words: list[str], heavy: tuple[str, ...]) -> tuple[int, str, str]:
    """Exit code and output of a command, and which heavy libraries it imported (with what else it had to say)."""
    code = f"""
import sys
from bot.cli.main import main
sys.argv = ["ropewalk", *{words!r}]
try:
    main()
finally:
    sys.stderr.write(" ".join(sorted(set({heavy!r}) & set(sys.modules))))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


def test_help_imports_none_of_the_heavy_libraries() -> None:
    """They cost more than the whole of `ropewalk --help` may."""
    code, shown, imported = ran(["--help"], HEAVY)
    assert (code, imported) == (0, "")
    assert all(name in shown for name in GROUPS)


@pytest.mark.slow
@pytest.mark.parametrize("words", [["status"], ["release", "list"], ["ledger", "verify"]], ids=" ".join)
def test_commands_that_look_at_records_import_nothing_that_speaks_to_others(tmp_path: Path, words: list[str]) -> None:
    """Nor what writes texts, runs turns, reads CI files, or listens."""
    config, token = tmp_path / "ropewalk.yaml", tmp_path / "token"
    token.touch(mode=0o600)
    token.write_text("a-token-of-some-length")
    config.write_text(CONFIG)
    code, shown, imported = ran([*words, "--format", "json", "--config", str(config)], TALKING)
    assert (code, imported) == (0, "")
    assert shown.startswith(("{", "["))
    assert sorted(tmp_path.iterdir()) == [config, token], "what only looks makes no state"


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

"""Documents are held to the code: commands run, every command, column and group is described."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from harness.cli import cli
from harness.config import load
from harness.report.columns import COLUMNS

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")
COMMANDS = [
    line.split("  #")[0].strip()
    for block in re.findall(r"```bash\n(.*?)```", README, re.S)
    for line in block.splitlines()
    if line.strip()
]


def of(start: str) -> list[str]:
    return [command for command in COMMANDS if command.startswith(start)]


@pytest.mark.parametrize("command", of("harness run"))
def test_every_run_command_of_the_readme_composes_and_validates(command: str) -> None:
    words = shlex.split(command)[2:]
    if any("launcher" in word for word in words):
        # The launcher is a plugin of the slurm extra; the rest of the line must hold without it.
        words = [word for word in words if "launcher" not in word]
    overrides = [word for word in words if word != "-m"]

    cells = load.plan(overrides, multirun="-m" in words, config_dir=None)

    assert cells


@pytest.mark.parametrize("command", of("harness report"))
def test_every_report_command_of_the_readme_judges(command: str) -> None:
    overrides = [word for word in shlex.split(command)[2:] if "=" in word]

    judges = load.judges(overrides)

    named = " ".join(overrides)
    assert all(judge.buyer.profile in named for judge in judges) or "buyer=" not in named


@pytest.mark.parametrize("command", of("scripts/"))
def test_every_script_of_the_readme_exists_and_is_executable(command: str) -> None:
    assert (ROOT / command.split(maxsplit=1)[0]).stat().st_mode & 0o100


def test_every_command_is_in_the_readme() -> None:
    missing = [name for name in cli.commands if f"harness {name}" not in README]
    assert missing == []


def test_every_column_is_defined_in_the_metrics_page() -> None:
    page = (ROOT / "docs" / "metrics.md").read_text("utf-8")
    assert [column.key for column in COLUMNS if f"`{column.key}`" not in page] == []


def test_every_group_of_conf_is_in_the_configuration_page() -> None:
    page = (ROOT / "docs" / "configuration.md").read_text("utf-8")
    groups = sorted(path.name for path in load.CONF_DIR.iterdir() if path.is_dir())
    assert [name for name in groups if f"`{name}`" not in page] == []


def test_the_configuration_page_is_what_the_schema_generates() -> None:
    script = ROOT / "scripts" / "make_configuration_doc"
    done = subprocess.run([sys.executable, str(script), "--check"], check=False)
    assert done.returncode == 0, "run scripts/make_configuration_doc"


def test_the_schema_of_the_summary_is_what_the_columns_give() -> None:
    script = ROOT / "scripts" / "make_summary_schema"
    done = subprocess.run([sys.executable, str(script), "--check"], check=False)
    assert done.returncode == 0, "run scripts/make_summary_schema, and think of flat.VERSION"


def test_every_option_file_of_conf_begins_with_a_comment() -> None:
    files = sorted(load.CONF_DIR.glob("*/*.yaml"))
    assert files
    assert [f.name for f in files if not f.read_text("utf-8").startswith("# ")] == []


def test_every_link_of_the_readme_leads_to_a_file() -> None:
    links = re.findall(r"\]\(([^)#]+)\)", README)
    assert [link for link in links if "://" not in link and not (ROOT / link).exists()] == []

"""What the documents say is so: README against the code, and the invariants against the tests that guard them."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import typer.main

from bot import cli
from bot.settings import PREFIX, Settings

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
MAINTAINERS = (ROOT / "bot" / "README.md").read_text(encoding="utf-8")
MARKDOWN = [path for folder in (".", "bot", "messages", "tests") for path in (ROOT / folder).glob("*.md")]
TEST_LINE = next(line for line in README.splitlines() if line.endswith("python -m tests"))


def section(text, heading):
    return text.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]


def rows(text):
    """The cells of the tables in `text`, without headings and rules."""
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return [row for row in cells if row[0].startswith("`") or row[0][:1].isdigit()]


def commands(command=None, path=()):
    """Every command by its words, with its own object."""
    command = command or typer.main.get_command(cli.app)
    inner = getattr(command, "commands", None)
    if inner is None:
        return {" ".join(path): command}
    return {name: one for word, child in inner.items() for name, one in commands(child, (*path, word)).items()}


def typed():
    """Every `handreiking …` in README: in running text and in blocks."""
    spans = re.findall(r"`handreiking ([^`]*)`", README)
    blocks = re.findall(r"```sh\n(.*?)```", README, re.DOTALL)
    lines = [line.strip() for block in blocks for line in block.splitlines()]
    return spans + [line.rpartition("handreiking ")[2] for line in lines if re.search(r"(^|/)handreiking ", line)]


def test_the_command_table_is_the_commands_with_what_each_says_of_itself():
    known = {f"`handreiking {name}`": command.help for name, command in commands().items()}
    table = dict(rows(section(README, "Commands")))

    assert table.keys() == known.keys()
    for name, said in table.items():
        assert " ".join(known[name].split()).startswith(said), name


def test_every_command_that_readme_types_exists_with_its_options():
    known = commands()
    for line in typed():
        words = shlex.split(line)
        name = next((" ".join(words[:count]) for count in (2, 1) if " ".join(words[:count]) in known), None)
        assert name is not None, line
        options = {option for param in known[name].params for option in param.opts}
        assert {word for word in words if word.startswith("--")} <= options, line


def test_the_settings_table_is_the_settings_with_their_defaults():
    def default(value):
        if value is None:
            return ""
        return f"`{value:g}`" if isinstance(value, float) else f"`{value}`"

    assert rows(section(README, "Settings")) == [
        [f"`{PREFIX}{name.upper()}`", default(field.default), field.description]
        for name, field in Settings.model_fields.items()
    ]


def test_the_map_is_the_house():
    table = [row[0].strip("`") for row in rows(section(README, "The map"))]
    parts = {
        f"bot/{path.name}/" if path.is_dir() else f"bot/{path.name}"
        for path in (ROOT / "bot").iterdir()
        if (path.is_dir() and any(path.glob("*.py"))) or (path.suffix == ".py" and not path.name.startswith("__"))
    }

    assert len(table) == len(set(table))
    assert {name for name in table if name.startswith("bot/")} == parts
    assert {name for name in table if not name.startswith("bot/")} == {"messages/", "locale/", "tests/"}


def test_ci_runs_readmes_own_line():
    assert TEST_LINE in (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()
    assert README.count(" -c .constraints.txt ") == 2


def test_the_constraints_name_an_exact_version_of_everything_and_nothing_else():
    lines = (ROOT / ".constraints.txt").read_text(encoding="utf-8").splitlines()

    assert [line for line in lines if not re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.]+", line)] == []
    names = [line.partition("==")[0].lower() for line in lines]
    assert len(names) == len(set(names)) > 50


def test_links_between_documents_lead_somewhere():
    for document in MARKDOWN:
        for target in re.findall(r"\]\(([^)#]+)[^)]*\)", document.read_text(encoding="utf-8")):
            if "://" not in target:
                assert (document.parent / target).exists(), f"{document.name}: {target}"


def test_each_invariant_names_tests_and_each_of_them_exists():
    """Sixteen rows, and behind every name a test that pytest collects."""
    table = rows(section(MAINTAINERS, "What always holds"))
    named = {test for row in table for test in re.findall(r"`(tests/[\w/]+\.py(?:::\w+)+)`", row[-1])}
    collect = [sys.executable, "-m", "pytest", "--collect-only", "-q", "--db", "sqlite", "-p", "no:cacheprovider"]
    listed = subprocess.run(collect, cwd=ROOT, capture_output=True, text=True, check=False)
    collected = {line.partition("[")[0] for line in listed.stdout.splitlines() if "::" in line}

    assert [int(row[0]) for row in table] == list(range(1, 17))
    assert listed.returncode == 0, listed.stdout[-2000:]
    assert named - collected == set()
    assert [row[0] for row in table if "::" not in row[-1] and "later issue" not in row[-1]] == []

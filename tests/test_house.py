"""The house stands as it was drawn: who may import whom, what lies where, and that nothing happens on entering."""

import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LINT_IMPORTS = str(Path(sysconfig.get_path("scripts")) / "lint-imports")

VIOLATIONS = {
    "core reads the clock": ("bot/core/rhythm.py", "import time"),
    "core asks the database": ("bot/core/outreach.py", "import sqlalchemy"),
    "the journey knows Telegram": ("bot/journey.py", "import telegram"),
    "the store knows the journey": ("bot/store/vault.py", "import bot.journey"),
    "one edge uses another": ("bot/api/keyring.py", "import bot.telegram"),
    "the sandbox looks into the ledger": ("bot/sandbox/journal.py", "import bot.store.ledger"),
    "a step reads the settings": ("bot/outbox/leaving.py", "import bot.settings"),
    "a part that nobody placed": ("bot/attic.py", ""),
}


def lint_imports(folder):
    return subprocess.run([LINT_IMPORTS, "--no-cache"], cwd=folder, capture_output=True, text=True, check=False)


def test_nobody_imports_what_they_may_not():
    done = lint_imports(ROOT)

    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(("file", "line"), VIOLATIONS.values(), ids=VIOLATIONS)
def test_an_import_that_breaks_a_contract_is_noticed(tmp_path, file, line):
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    shutil.copytree(ROOT / "bot", tmp_path / "bot", ignore=shutil.ignore_patterns("__pycache__"))
    with (tmp_path / file).open("a", encoding="utf-8") as source:
        source.write(f"\n{line}\n")

    done = lint_imports(tmp_path)

    assert done.returncode == 1, done.stdout
    assert "1 broken" in done.stdout or "2 broken" in done.stdout
    assert Path(file).stem in done.stdout.partition("Broken contracts")[2]


def test_the_top_level_holds_what_was_agreed_and_nothing_else():
    # What git would keep: whatever else lies in a working tree is nobody's business.
    listing = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if listing.returncode == 0:
        names = {line.split("/")[0] for line in listing.stdout.splitlines()}
    else:  # a release without its history
        names = {path.name for path in ROOT.iterdir()}

    agreed = {"pyproject.toml", "README.md", "LICENSE", "bot", "messages", "locale", "tests"}
    assert {name for name in names if not name.startswith(".")} == agreed


def test_texts_are_no_packages():
    assert [*ROOT.glob("messages/**/*.py"), *ROOT.glob("locale/**/*.py")] == []


def test_every_module_can_be_imported_without_touching_network_or_files():
    program = """
import importlib, pkgutil, socket, subprocess, sys
import bot
import croniter  # pgqueuer's; it asks the system about the interpreter when it is imported

opened = []

def watch(event, arguments):
    if event in {"socket.connect", "socket.bind", "subprocess.Popen", "sqlite3.connect", "os.mkdir", "os.remove"}:
        opened.append((event, str(arguments)))
    if event == "open" and isinstance(arguments[0], str) and arguments[2] & 0o3:  # O_WRONLY, O_RDWR
        opened.append((event, arguments[0]))
    if event == "open" and isinstance(arguments[0], str) and arguments[0].endswith((".toml", ".po", ".db")):
        opened.append((event, arguments[0]))

names = ["bot"] + [module.name for module in pkgutil.walk_packages(bot.__path__, "bot.")]
names = [name for name in names if name != "bot.__main__" and not name.startswith("bot.migrations.")]
sys.addaudithook(watch)
for name in names:
    importlib.import_module(name)
print(len(names), opened)
"""
    done = subprocess.run([sys.executable, "-B", "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    count, opened = done.stdout.split(" ", 1)
    assert int(count) > 50
    assert opened.strip() == "[]"

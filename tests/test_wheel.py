"""What is installed is whole: the words travel with the program, and it runs from anywhere."""

import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

from bot.operating import files as operating

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """A new environment with the wheel, and with this one's libraries but not this tree."""
    home = tmp_path_factory.mktemp("venv")
    venv.create(home, with_pip=False)
    scripts = Path(sysconfig.get_path("scripts", "venv", {"base": str(home), "platbase": str(home)}))
    packages = Path(sysconfig.get_path("purelib", "venv", {"base": str(home), "platbase": str(home)}))
    pip = [sys.executable, "-m", "pip", "--python", str(scripts / "python")]
    install = [*pip, "install", "-q", "--no-deps", "--no-index", "--disable-pip-version-check", str(wheel)]
    subprocess.run(install, check=True)
    (packages / "libraries.pth").write_text(sysconfig.get_path("purelib"))
    return scripts


def run(installed, *arguments, **environment):
    command = [str(installed / "handreiking"), *arguments]
    return subprocess.run(command, cwd="/", env=environment, capture_output=True, text=True, check=False)


def test_the_installed_program_finds_its_texts_in_order(installed):
    where = subprocess.run(
        [str(installed / "python"), "-c", "import bot; print(bot.__file__)"],
        cwd="/", env={}, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    checked = run(installed, "check")

    assert str(installed.parent) in where
    assert (checked.stdout, checked.stderr, checked.returncode) == ("in order\n", "", 0)


def test_the_installed_program_makes_its_database(installed, tmp_path):
    database = tmp_path / "own.db"

    migrated = run(installed, "migrate", HANDREIKING_DATABASE_URL=f"sqlite:///{database}")
    again = run(installed, "campaign", "list", HANDREIKING_DATABASE_URL=f"sqlite:///{database}")

    assert migrated.returncode == 0, migrated.stderr
    assert database.is_file()
    assert (again.stdout, again.returncode) == ("There are no campaigns.\n", 0)


def test_the_wheel_carries_every_text_and_nothing_of_the_tests(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    texts = [*ROOT.glob("messages/**/*.toml"), *ROOT.glob("locale/**/*.po")]

    assert {f"bot/{path.relative_to(ROOT)}" for path in texts} <= names
    assert {f"bot/operating/{name}" for name in operating.NAMES} <= names
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert {name.split("/")[0] for name in names if ".dist-info/" not in name} == {"bot"}

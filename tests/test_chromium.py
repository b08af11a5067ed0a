"""The browser of the tests: where it comes from, and what is said when it cannot be had."""

import shutil
import sys

import pytest

from tests import chromium
from tests.audit import NOT_RUN

SH, CHMOD = shutil.which("sh"), shutil.which("chmod")


def only(tmp_path, monkeypatch, **scripts):
    """A machine that has these commands and no others."""
    for name, text in scripts.items():
        file = tmp_path / name.replace("_", "-")
        file.write_text(f"#!{SH}\n{text}\n")
        file.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("PLAYWRIGHT_BROWSERS_PATH", str(tmp_path / "none"))


def test_a_browser_of_the_machine_is_taken_first(tmp_path, monkeypatch):
    only(tmp_path, monkeypatch, chromium="exit 0")
    assert chromium.found() == str(tmp_path / "chromium")


def test_apt_brings_one_where_it_may_and_playwright_comes_after(tmp_path, monkeypatch):
    only(tmp_path, monkeypatch, apt_get="exit 0", sudo="exit 0")
    apt, fetched = chromium.ways()
    assert [command[-1] for command in apt] == ["-q", "chromium"]
    assert fetched == [[sys.executable, "-m", "playwright", "install", "chromium"]]
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    assert all(command[:2] == ["sudo", "-n"] for command in chromium.ways()[0])


def test_without_apt_or_without_the_right_to_use_it_only_playwright_is_left(tmp_path, monkeypatch):
    only(tmp_path, monkeypatch)
    assert len(chromium.ways()) == 1
    only(tmp_path, monkeypatch, apt_get="exit 0", sudo="exit 1")
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    assert len(chromium.ways()) == 1


def test_what_apt_installed_is_found_and_no_other_way_is_tried(tmp_path, monkeypatch):
    made = f"echo '#!/bin/sh' > {tmp_path}/chromium; {CHMOD} 755 {tmp_path}/chromium"
    only(tmp_path, monkeypatch, env='shift; exec "$@"', apt_get=f'[ "$1" = update ] || {{ {made}; }}')
    monkeypatch.setattr("os.geteuid", lambda: 0)
    assert chromium.brought() == str(tmp_path / "chromium")


@pytest.mark.parametrize(("environment", "code"), [({}, NOT_RUN), ({"CI": "true"}, 1)])
def test_where_none_can_be_had_that_is_said_aloud_and_fails_in_ci(tmp_path, monkeypatch, capsys, environment, code):
    only(tmp_path, monkeypatch)
    monkeypatch.setattr(chromium, "ways", lambda: [[["false-command-that-fails"]]])
    monkeypatch.setattr("subprocess.run", lambda command, **_: type("Ran", (), {"returncode": 1, "stdout": ""}))
    monkeypatch.setattr(sys, "argv", ["chromium"])
    monkeypatch.delenv("CI", raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    assert chromium.main() == code
    assert "NOT RUN" in capsys.readouterr().out

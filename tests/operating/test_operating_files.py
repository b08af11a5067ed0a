"""What an operator gets beside the program fits the program."""

import configparser
import re
import shlex
import stat
import subprocess
import sys
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import yaml
from prometheus_client import generate_latest

from bot import cli
from bot.cli import watching
from bot.cli.parts import Parts
from bot.errors import SettingsError
from bot.operating import duties, files, lookout
from bot.operating.metrics import Figures, Reading, registry
from bot.settings import PREFIX, Settings
from bot.watch import Watch
from tests.test_readme import commands
from tests.world import TUESDAY_TEN, World

HERE = Path(files.__file__).parent
PAGE = (HERE / "README.md").read_text(encoding="utf-8")
ALERTS = [rule for group in yaml.safe_load((HERE / "alerts.yml").read_text())["groups"] for rule in group["rules"]]
UNITS = ("handreiking.service", "handreiking@.service")


def unit(name):
    """Its sections, with a list for each key that may come more than once."""
    parser = configparser.RawConfigParser(strict=False, comment_prefixes=("#",), delimiters=("=",), interpolation=None)
    parser.optionxform = str
    text = (HERE / name).read_text(encoding="utf-8")
    parser.read_string(text)
    return parser, re.findall(r"^Environment=(\w+)=", text, re.MULTILINE)


def test_the_command_writes_every_file_that_lies_here_and_overwrites_none(monkeypatch, capsys, tmp_path):
    def typed():
        monkeypatch.setattr(sys, "argv", ["handreiking", "operating", str(tmp_path / "new")])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        return ended.value.code or 0

    first, again = typed(), typed()
    written = {path.name: path.read_text() for path in (tmp_path / "new").iterdir()}

    assert (first, again) == (0, 1)
    assert "is there already" in capsys.readouterr().err
    assert written == {
        path.name: path.read_text() for path in HERE.iterdir() if path.is_file() and path.suffix != ".py"
    }


@pytest.mark.parametrize("name", UNITS)
def test_a_unit_sets_only_what_is_a_setting_and_starts_what_is_a_command(name):
    parser, environment = unit(name)
    service = parser["Service"]
    known = {f"{PREFIX}{field.upper()}" for field in Settings.model_fields}

    assert set(environment) <= known
    assert service["Type"] == "notify"
    assert service["Restart"] == "always"
    assert (int(service["WatchdogSec"]), int(service["TimeoutStopSec"])) == (60, 60)
    for start in ("ExecStartPre", "ExecStart"):
        if start in service:
            program, command, *_ = shlex.split(service[start])
            assert program == "/opt/handreiking/bin/handreiking"
            assert command in commands()


def test_the_watchdog_waits_longer_than_the_pulse_and_longer_than_the_slowest_duty_of_ours_is_given():
    watchdog = int(unit(UNITS[0])[0]["Service"]["WatchdogSec"])

    assert watchdog > lookout.PULSE_S * 4


def test_the_page_types_only_commands_that_exist():
    known = commands()
    lines = re.findall(r"(?:^|`|&& |\| )(?:/opt/handreiking/bin/)?handreiking ([a-z][^`\n|&;]*)", PAGE, re.MULTILINE)

    assert len(lines) > 8
    for line in lines:
        words = [word for word in line.split() if not word.startswith(("-", "WHY", "/", "DIR"))]
        assert " ".join(words[:2]) in known or words[0] in known, line


def test_the_page_names_every_file_every_alert_and_every_duty_with_its_limit():
    for name in files.NAMES:
        assert name == "README.md" or f"`{name}`" in PAGE
    for rule in ALERTS:
        assert rule["alert"] in PAGE, rule["alert"]
    told = dict(re.findall(r"^\| `(\w+)` \| (\d+) s \| ", PAGE, re.MULTILINE))
    assert told == {
        duty.name: f"{duty.limit_s:g}"
        for duty in (duties.LOOP, duties.TICK, duties.SEND, duties.HEAR, duties.POLL, lookout.REPORT)
    }
    for duty in (duties.LOOP, duties.TICK, duties.SEND, duties.HEAR, duties.POLL, lookout.REPORT):
        assert duty.means.partition(":")[0] in PAGE


def test_every_alert_is_about_figures_that_there_are(sessions, wording):
    World(sessions, wording, None).journey.learn()
    reading = Reading(sessions, lambda: TUESDAY_TEN, ZoneInfo("Europe/Amsterdam"), lambda: 0.0)
    shown = generate_latest(registry(Figures(reading, Watch(), "all", lambda: 0))).decode()
    names = set(re.findall(r"^(handreiking_\w+)", shown, re.MULTILINE))

    for rule in ALERTS:
        used = set(re.findall(r"handreiking_\w+", rule["expr"]))
        assert used, rule
        assert used <= names, rule
        assert rule["labels"]["severity"] in {"page", "ticket"}
        assert rule["annotations"]["summary"].endswith(".")


def test_the_wrapper_runs_a_command_with_the_services_settings(tmp_path):
    """Run as it is, but for the folders it looks into."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "handreiking").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m bot "$@"\n')
    (tmp_path / "bin" / "handreiking").chmod(0o755)
    (tmp_path / "environment").write_text(f"HANDREIKING_DATABASE_URL=sqlite:///{tmp_path}/own.db\n")
    wrapper = (HERE / "handreiking-command").read_text()
    wrapper = wrapper.replace("/opt/handreiking", str(tmp_path)).replace("/etc/handreiking", str(tmp_path))
    (tmp_path / "command").write_text(wrapper)
    run = ["sh", str(tmp_path / "command"), "migrate"]
    done = subprocess.run(run, cwd=HERE.parents[1], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    assert stat.S_IMODE((tmp_path / "own.db").stat().st_mode) == 0o600


def test_the_containerfile_sets_only_settings_and_names_no_host():
    text = (HERE / "Containerfile").read_text()
    known = {f"{PREFIX}{field.upper()}" for field in Settings.model_fields}

    assert set(re.findall(r"\b(HANDREIKING_\w+)=", text)) <= known
    assert [line for line in text.splitlines() if line.startswith("FROM") and "/" in line] == []
    assert re.search(r"^USER 10001$", text, re.MULTILINE)


def test_without_opentelemetry_an_endpoint_is_refused_with_the_mend(monkeypatch, database_url, tmp_path):
    monkeypatch.setitem(sys.modules, "bot.operating.tracing", None)
    monkeypatch.delattr("bot.operating.tracing", raising=False)
    whole = Parts(Settings(database_url=database_url, otlp_endpoint="http://127.0.0.1:9"))

    with pytest.raises(SettingsError, match=r"handreiking\[tracing\]"):
        watching.lookout(whole, role="all", owner="x")

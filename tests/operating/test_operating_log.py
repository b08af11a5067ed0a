"""What is logged: lines that a machine reads, and in none of them anything of a person."""

import ast
import json
import logging
import re
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import pytest

from bot.cli.log import FIELDS, formatter

ROOT = Path(__file__).parents[2]
SECRETS = ("Ik heb schulden", "111222333", "4242:AAEhBOweik6ad9r_QXMENQjcrGbqCr4K")


@pytest.fixture
def logged():
    """Log something under a name; gives the line as JSON."""
    lines = formatter("json", {"role": "all", "owner": "ab12"})

    def line(name, message, *args, level=logging.INFO, caught=None, **extra):
        exc_info = None if caught is None else (type(caught), caught, caught.__traceback__)
        record = logging.getLogger(name).makeRecord(name, level, "file", 1, message, args, exc_info, extra=extra)
        return json.loads(lines.format(record))

    return line


def test_an_event_of_ours_is_its_word_and_its_fields_however_it_was_written(logged):
    for line in (
        logged("bot.telegram.inbox", "poll-failed error=%s again_in_s=%g", "TimedOut", 1.5),
        logged("bot.telegram.inbox", "poll_failed", error="TimedOut", again_in_s=1.5),
    ):
        assert datetime.fromisoformat(line.pop("time")).utcoffset().total_seconds() == 0
        assert line == {
            "level": "info", "event": "poll_failed", "logger": "bot.telegram.inbox", "role": "all", "owner": "ab12",
            "error": "TimedOut", "again_in_s": 1.5,
        }  # fmt: skip


def test_a_field_that_nobody_allowed_is_left_out_by_name(logged):
    line = logged("bot.journey", "hear", update=7, words=SECRETS[0])

    assert line["update"] == 7
    assert line["left_out"] == ["words"]
    assert SECRETS[0] not in json.dumps(line)


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize("name", ["sqlalchemy.engine", "telegram.ext.Application", "asyncio", "bot.hearing"])
def test_what_is_filled_into_a_sentence_is_not_logged(logged, secret, name):
    for line in (
        logged(name, "Something went wrong with %s.", secret, level=logging.ERROR),
        logged(name, f"No answer from 'x {secret}'\n{secret}", level=logging.ERROR),
        logged(name, f"GET https://api/bot{secret.replace(' ', '')}/getMe", level=logging.ERROR),
    ):
        assert secret.replace(" ", "") not in json.dumps(line).replace(" ", "")
        assert line["event"]


def test_of_an_error_its_kind_and_its_place_are_logged_and_not_its_words(logged):
    def fails():
        raise ExceptionGroup(SECRETS[0], [ValueError(SECRETS[0]), KeyError(SECRETS[1])])

    try:
        fails()
    except ExceptionGroup as error:
        line = logged("bot.service", "crashed", caught=error, level=logging.CRITICAL)

    assert line["error"] == "ValueError,KeyError"
    assert "fails:" in line["at"]
    assert not [secret for secret in SECRETS if secret in json.dumps(line)]


def test_what_nobody_caught_is_a_line_without_its_words_too():
    program = (
        "from bot.cli import log; import threading; log.set_up('INFO', 'json')\n"
        "def fails(): raise ValueError('geheim')\n"
        "thread = threading.Thread(target=fails); thread.start(); thread.join()\n"
        "import logging; logging.getLogger('bot').info('bad %d', 'geheim')\n"
        "fails()"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)

    lines = [json.loads(line) for line in done.stderr.splitlines()]
    assert done.returncode == 1
    assert [(line["event"], line["error"]) for line in lines] == [("crashed", "ValueError")] * 2
    assert "geheim" not in done.stderr


def test_text_is_for_a_person_and_says_the_same():
    lines = formatter("text", {"role": "all"})
    record = logging.getLogger("bot.x").makeRecord("bot.x", logging.INFO, "f", 1, "sent message=%s", (12,), None)

    assert re.search(r"^2\S+Z \[info +\] sent +\[bot.x\] role=all message=12$", lines.format(record))


def calls_of_loggers():
    """(file:line, word or template, names in `extra`) of every log call of ours."""
    for path in sorted((ROOT / "bot").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
                continue
            if not (isinstance(node.func.value, ast.Name) and node.func.value.id in {"log", "_log"}):
                continue
            if node.func.attr not in {"debug", "info", "warning", "error", "critical", "exception"}:
                continue
            extra = next((keyword.value for keyword in node.keywords if keyword.arg == "extra"), None)
            keys = extra.keys if isinstance(extra, ast.Dict) else []
            spread = [key for key in keys if not isinstance(key, ast.Constant)]
            assert extra is None or (keys and not spread), f"{path}:{node.lineno}: write the names in `extra` out"
            names = [key.value for key in keys]
            yield f"{path.relative_to(ROOT)}:{node.lineno}", node.args[0], names


def test_every_event_that_our_code_logs_has_a_word_and_only_fields_that_are_allowed():
    calls = list(calls_of_loggers())

    assert len(calls) > 20
    for where, message, names in calls:
        assert isinstance(message, ast.Constant), f"{where}: an event is a word, not something made on the spot"
        assert re.fullmatch(r"[a-z]+([ _-][a-z]+)*( \w+=%\S+)*", message.value), f"{where}: {message.value!r}"
        assert {*names, *re.findall(r"(\w+)=%", message.value)} <= FIELDS, f"{where}: not in bot/cli/log.py: FIELDS"

"""How the program logs: one line for each event, with ids and never a text of anybody.

All of it goes through structlog's formatter, whoever logs it. What our own modules log is an event word with fields
from `FIELDS`; of a library only the template is kept, because what it fills in may be anything: a URL with the token,
a statement with what somebody said.
"""

import logging
import re
import sys
import threading
import traceback
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Any, Final

import structlog
from structlog.types import EventDict, Processor

log = logging.getLogger(__name__)

#: Every field that an event of ours may carry. Another one is not written; its name is told under `left_out`.
# fmt: off
FIELDS: Final = frozenset({
    "again_in_s", "at", "call", "campaign", "consents_ended", "count", "duty", "error", "for_s", "fresh", "heard",
    "lost", "means", "message", "messages", "nudge", "nudges", "of", "offer", "offers", "onward", "outcome", "owner",
    "pace", "part", "pause_s", "policy", "purpose", "rejected", "role", "roles", "signal", "signals", "source",
    "status", "taken_up", "tick", "tries", "update", "watched", "wave", "withdrawn",
})
# fmt: on
LONGEST: Final = 120
_EVENT: Final = re.compile(r"([a-z]+(?:[ _-][a-z]+)*)((?: \w+=.*)?)", re.DOTALL)
_PAIR: Final = re.compile(r" (\w+)=((?:(?! \w+=).)*)", re.DOTALL)
_TOKEN: Final = re.compile(r"\d{3,}:[\w-]{10,}")
_SAID: Final = re.compile(r"""\w+://\S+|'[^']*'|"[^"]*"|\d{5,}""")
_STANDARD: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "color_message"}


def set_up(level: str, format: str = "text", **always: str) -> None:  # noqa: A002 - what the setting calls it
    """Log to stderr: our own events from `level` on, of the libraries only what is wrong.

    `format` is json or text; `always` are fields that every line carries, such as the role.
    """
    from bot.telegram import quiet_http

    quiet_http()
    handler = logging.StreamHandler()
    handler.setFormatter(formatter(format, always, colours=sys.stderr.isatty()))
    logging.getLogger().addHandler(handler)
    logging.getLogger().setLevel(logging.WARNING)
    logging.getLogger("apscheduler").setLevel(logging.ERROR)  # a tick that comes while the last one runs is no news
    logging.getLogger("bot").setLevel(level)
    # Python's own way to show what nobody caught, and a line that cannot be made, quotes whatever it was about.
    sys.excepthook, threading.excepthook = _crashed, _thread_crashed
    logging.raiseExceptions = False


def formatter(format: str, always: Mapping[str, str], *, colours: bool = False) -> logging.Formatter:  # noqa: A002
    """Turns any record into one line."""

    def standing(_: Any, __: str, event: EventDict) -> EventDict:
        return {**always, **event}

    def in_order(_: Any, __: str, event: EventDict) -> EventDict:
        first = {name: event.pop(name) for name in ("time", "level", "event", "logger") if name in event}
        return {**first, **event}

    show: Processor
    if format == "json":
        show = structlog.processors.JSONRenderer(ensure_ascii=False, default=str)
    else:
        show = structlog.dev.ConsoleRenderer(colors=colours, timestamp_key="time", sort_keys=False, pad_event_to=16)
    shared: list[Processor] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
        standing,
        in_order,
    ]
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[_without_words, *shared],
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, show],
        keep_exc_info=False,
        keep_stack_info=False,
    )


def _without_words(_: Any, __: str, event: EventDict) -> EventDict:
    """An event word with its fields, and nothing that a citizen or a library could have put into it."""
    record: logging.LogRecord = event["_record"]
    told: dict[str, Any] = {"_record": record, "_from_structlog": False}
    ours = record.name.partition(".")[0] == "bot"
    match = _EVENT.fullmatch(str(event["event"])) if ours else None
    if match is None:
        told["event"] = _cut(_SAID.sub("…", str(record.msg).partition("\n")[0]))
        fields: dict[str, Any] = {}
    else:
        told["event"] = re.sub(r"[ -]", "_", match[1])
        fields = {name: _number(text) for name, text in _PAIR.findall(match[2])}
    if ours:
        fields |= {name: value for name, value in vars(record).items() if name not in _STANDARD}
    told |= {name: _plain(value) for name, value in fields.items() if name in FIELDS}
    if left_out := sorted(fields.keys() - FIELDS):
        told["left_out"] = left_out
    if record.exc_info and record.exc_info[1] is not None:
        # The words of an exception may quote what somebody said; its kind and its places in the code do not.
        leaves = list(_leaves(record.exc_info[1]))
        told["error"] = ",".join(type(leaf).__name__ for leaf in leaves)
        frames = traceback.extract_tb(leaves[0].__traceback__ or record.exc_info[1].__traceback__)[-6:]
        told["at"] = ",".join(f"{frame.name}:{frame.lineno}" for frame in frames)
        record.exc_info = record.exc_text = None
    return told


def _plain(value: object) -> bool | int | float | str | None:
    if value is None or isinstance(value, bool | int | float):
        return value
    return _cut(str(value))


def _number(text: str) -> int | float | str:
    if re.fullmatch(r"-?\d{1,18}", text):
        return int(text)
    return float(text) if re.fullmatch(r"-?\d{1,15}\.\d{1,6}", text) else text


def _cut(text: str) -> str:
    return _TOKEN.sub("…", text)[:LONGEST]


def _leaves(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for one in error.exceptions:
            yield from _leaves(one)
    else:
        yield error


def _crashed(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)
    else:
        log.critical("crashed", exc_info=(kind, error, trace))


def _thread_crashed(crash: threading.ExceptHookArgs) -> None:
    if crash.exc_value is not None:
        _crashed(crash.exc_type, crash.exc_value, crash.exc_traceback)

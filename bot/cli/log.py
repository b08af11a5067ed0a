"""How the program logs: one line of key=value for each event, with ids and never a text of anybody."""

import json
import logging
import traceback
from datetime import UTC, datetime

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "color_message"}


class Lines(logging.Formatter):
    """`time=… level=info event=deliver nudge=12 outcome=sent`.

    Of an exception only its kind and the places in the code are written: its words may quote what somebody said.
    """

    def format(self, record: logging.LogRecord) -> str:
        pairs: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "event": record.getMessage(),
        }
        pairs |= {name: value for name, value in vars(record).items() if name not in _STANDARD}
        if record.exc_info and record.exc_info[0] is not None:
            pairs["error"] = record.exc_info[0].__name__
            frames = traceback.extract_tb(record.exc_info[2])
            pairs["at"] = ",".join(f"{frame.name}:{frame.lineno}" for frame in frames[-6:])
        return " ".join(f"{name}={_value(value)}" for name, value in pairs.items())


def set_up(level: str) -> None:
    """Log to stderr: our own events from `level` on, of the libraries only what is wrong."""
    from bot.telegram import quiet_http

    quiet_http()
    handler = logging.StreamHandler()
    handler.setFormatter(Lines())
    logging.getLogger().addHandler(handler)
    logging.getLogger().setLevel(logging.WARNING)
    logging.getLogger("apscheduler").setLevel(logging.ERROR)  # a tick that comes while the last one runs is no news
    logging.getLogger("bot").setLevel(level)


def _value(value: object) -> str:
    text = str(value)
    return text if text and text.isprintable() and not set(text) & set(' "=') else json.dumps(text, ensure_ascii=False)

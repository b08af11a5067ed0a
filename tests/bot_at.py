"""`python -m tests.bot_at SECONDS …` is `python -m bot …` with a clock that is SECONDS ahead.

So the real processes can be tried at any hour of any day. It says "opened" when the database is opened first, so that
whoever means to kill it knows from when on there is something to be lost.
"""

import sys
from datetime import timedelta

from sqlalchemy import Engine, event

from bot import cli
from bot.cli import parts


def main(ahead_s, words):
    ahead, real = timedelta(seconds=ahead_s), parts.now
    parts.now = lambda: real() + ahead

    @event.listens_for(Engine, "connect", once=True)
    def _opened(*_):
        sys.stdout.write("opened\n")
        sys.stdout.flush()

    sys.argv = ["handreiking", *words]
    cli.main()


if __name__ == "__main__":
    main(float(sys.argv[1]), sys.argv[2:])

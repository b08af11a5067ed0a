"""`handreiking run`: all of it in one process, or a part of it beside others on one database."""

import asyncio
import secrets
import signal
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from bot.cli import desk, parts
from bot.cli.parts import Parts, say
from bot.errors import FaultsError
from bot.roles import EVERY_ROLE, WITH_HTTP, WITH_TOKEN, Role, roles_of


def run(
    trial: Annotated[
        bool, typer.Option("--trial", help="Run although cards or texts are examples: only among people who know.")
    ] = False,
    role: Annotated[
        list[Role],
        typer.Option(
            "--role",
            help="What this process does; may be given several times. bot hears citizens and takes signals in over "
            "HTTP, sender sends, planner plans and decides, scheduler ticks, console has HTTP without Telegram: "
            "signals, offers, cards and health, and the staff's pages. Of bot, sender and scheduler one works "
            "and others stand by. PostgreSQL only, but for all.",
        ),
    ] = [Role.ALL],  # noqa: B006 - Typer reads it and changes nothing
) -> None:
    """Run the bot on Telegram until it is told to stop."""
    from bot import console, upkeep
    from bot.cli import fitness, log, outgoing, watching
    from bot.cli.given import given
    from bot.operating.glance import at_a_glance
    from bot.service import Service

    whole = parts.from_environment()
    settings = whole.settings
    sign_in = settings.sign_in()
    roles = roles_of(role, shared=whole.is_shared())
    named = "all" if roles == EVERY_ROLE else "+".join(sorted(roles))
    owner = secrets.token_hex(6)
    log.set_up(settings.log_level, settings.log_format, role=named, owner=owner)
    if reasons := fitness.unfit(whole, parts.now(), trial=trial):
        raise FaultsError([*reasons, "Not started. `handreiking run --trial` takes examples as they are, for trying."])

    def ready(username: str | None) -> None:
        if username is not None:
            desk.remember_bot(whole, username)
        who = "handreiking" if username is None else f"@{username}"
        what = "" if roles == EVERY_ROLE else f" as {named.replace('+', ', ')}"
        where = f" Signals come in at http://{settings.host}:{settings.port}/v1/signals." if roles & WITH_HTTP else ""
        say(f"{who} is running{what}.{where}")
        if Role.CONSOLE in roles:
            say(f"The staff's pages are at http://{settings.host}:{settings.console_port}/.")

    journey = whole.journey
    if (told := journey.held_after_restore()) is not None:
        typer.echo(told, err=True)
    if not trial:
        journey.shelf.settle = lambda wording: fitness.settled(wording, whole.today())
        journey.wording = journey.shelf.settle(whole.wording)
    with _only_one(whole):
        with whole.sessions.begin() as session:
            upkeep.note_program(session, parts.program(), parts.now())
        service = Service(
            journey=journey,
            engine=whole.engine,
            token=settings.bot_token() if roles & WITH_TOKEN else None,
            owner=owner,
            time=parts.monotonic,
            roles=roles,
            api_root=settings.api_root.rstrip("/"),
            public_url=None if settings.public_url is None else str(settings.public_url),
            host=settings.host,
            port=settings.port,
            pages=console.build(
                console.Desk(
                    journey=journey,
                    new_token=lambda: secrets.token_urlsafe(32),
                    provider=None if sign_in is None else console.Provider(**sign_in),
                    second_factor=settings.second_factor == "required",
                    settings=given(settings),
                    pages=console.Pages(b"" if settings.theme_file is None else console.theme_of(settings.theme_file)),
                    look=lambda: at_a_glance(whole.sessions, journey.wording, parts.now(), whole.today()),
                    rate_per_s=settings.rate_per_s,
                )
            ),
            pages_port=settings.console_port,
            rate_per_s=settings.rate_per_s,
            lookout=watching.lookout(whole, role=named, owner=owner),
            teller=outgoing.teller(whole, owner),
            **_among_others(whole),
        )
        stop = asyncio.Event()
        until_told(service.run(stop, ready=ready), stop)


def _among_others(whole: Parts) -> dict[str, Any]:
    """What processes on one database coordinate by; nothing where there is one process only."""
    if not whole.is_shared():
        return {}
    from bot.leader import SessionLock
    from bot.queueing import PostgresWaves
    from bot.waves import SIZES

    waves = PostgresWaves(whole.address())
    return {
        "waves": waves,
        "turn": partial(SessionLock, whole.address()),
        "tidy_waves": partial(waves.tidy, SIZES),
    }


@contextmanager
def _only_one(whole: Parts) -> Iterator[None]:
    """Refuse a second process on one SQLite file. Raises InTheWayError."""
    from bot.leader import only_process

    file = whole.engine.url.database
    if whole.is_shared() or not file or file == ":memory:":
        yield
        return
    taken = f"`handreiking run` is at work on {file} already"
    mend = "One process does everything on SQLite: stop that one, or move to PostgreSQL to run several."
    with only_process(Path(f"{file}-run"), taken, mend):
        yield


def until_told(work: Coroutine[Any, Any, None], stop: asyncio.Event) -> None:
    """Run until Ctrl-C or SIGTERM sets `stop`; a second one ends it at once."""

    async def whole() -> None:
        loop = asyncio.get_running_loop()

        def end() -> None:
            stop.set()
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.remove_signal_handler(number)

        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, end)
        await work

    asyncio.run(whole())

"""What other systems are told of requests for contact, as an operator looks at it."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import typer

from bot.cli import parts
from bot.cli.parts import By, Json, Parts, say, say_json, say_table

if TYPE_CHECKING:
    from bot.klant.worker import Teller

group = typer.Typer(
    help="What Open Klant and who takes our events were told, and what got stuck.", no_args_is_help=True
)


@group.command("status")
def status(json: Json = False) -> None:
    """Tell who is told of requests for contact, how many wait, and what was refused."""
    from bot import klant
    from bot.store import ledger

    whole = parts.from_environment()
    with ledger.reading(whole.sessions) as session:
        known = klant.standing(session)
    rows = [
        {
            "target": one.target, "listens": one.listens, "waiting": one.waiting, "oldest": one.oldest,
            "last_success": one.last_success, "tries_again": one.tries_again,
            "stands_still": None if one.stands_still is None else str(one.stands_still),
            "refused": [
                {
                    "request": failed.request, "reference": klant.reference(whole.vault, failed.request),
                    "what": failed.what, "at": failed.at, "why": str(failed.why),
                }
                for failed in one.failed
            ],
        }
        for one in known
    ]  # fmt: skip
    if json:
        say_json(rows)
        return
    if not rows:
        say("Nobody is told of requests for contact.")
    for row in rows:
        _say(row)


def _say(row: Mapping[str, Any]) -> None:
    named = "Open Klant" if row["target"] == "open_klant" else "Whoever takes our events"
    since = "" if row["oldest"] is None else f", the oldest since {row['oldest']:%Y-%m-%d %H:%M} UTC"
    success = "never yet" if row["last_success"] is None else f"{row['last_success']:%Y-%m-%d %H:%M} UTC"
    say(f"{named}: {row['waiting']} wait{since}. Last told: {success}.")
    if not row["listens"]:
        say("  It is not set any more, so nothing goes there.")
    if row["stands_still"] is not None:
        say(f"  {row['stands_still']} Tried again at {row['tries_again']:%H:%M:%S} UTC.")
    refused = row["refused"]
    if refused:
        say_table(refused, ["request", "reference", "what", "why"], nothing="")
        say("  Once that is mended: handreiking outgoing again")


@group.command("again")
def again(by: By) -> None:
    """Try once more what was refused, and ask at once whoever did not answer."""
    from bot import klant

    whole = parts.from_environment()
    with whole.sessions.begin() as session:
        count = klant.again(session, by=by, now=parts.now())
    say(f"{count} are told again. Who runs `handreiking run` does it within some seconds.")


def teller(whole: Parts, owner: str) -> "Teller":
    """Who tells what the settings say. Raises SettingsError."""
    from functools import partial

    from bot import klant
    from bot.klant.worker import Teller

    journey = whole.journey
    return Teller(
        sessions=whole.sessions,
        wording=lambda: journey.wording,
        vault=whole.vault,
        clock=journey.clock,
        owner=owner,
        close=partial(journey.close_elsewhere, by=klant.THEIR_STAFF),
        open_klant=whole.settings.open_klant(),
        events=whole.settings.events(),
    )

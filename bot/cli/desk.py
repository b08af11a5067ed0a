"""What staff do at the command line: campaigns, who may hand in signals, codes for letters."""

import secrets
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from bot.cli import intake, parts, people
from bot.cli.parts import By, Json, Parts, say, say_json, say_table
from bot.errors import FaultsError, RefusedError

campaign = typer.Typer(help="Write, approve, start, pause and stop campaigns.", no_args_is_help=True)
source = typer.Typer(help="Who may hand in signals, and of which types.", no_args_is_help=True)
link = typer.Typer(help="One-time codes that tie a chat to a reference.", no_args_is_help=True)
GROUPS = {"campaign": campaign, "signal": intake.signal, "source": source, "link": link, **people.GROUPS}


Campaign = Annotated[str, typer.Argument(help="The campaign's id.")]


@campaign.command("add")
def campaign_add(file: Annotated[Path, typer.Argument(help="The campaign as TOML.")], by: By) -> None:
    """Add a campaign, or change the one with this id, which voids its approval."""
    from bot import campaigns

    whole = parts.from_environment()
    definition = campaigns.read(parts.text_of(file), whole.wording)
    with whole.sessions.begin() as session:
        row = campaigns.add(session, definition, whole.wording, by=by, now=parts.now())
        say(f"{row.id} is {row.state}.")


@campaign.command("approve")
def campaign_approve(campaign: Campaign, by: By) -> None:
    """Approve a campaign as it reads now; never by somebody who edited it."""
    from bot import campaigns

    whole = parts.from_environment()
    with whole.sessions.begin() as session:
        row = campaigns.approve(session, campaign, whole.wording, by=by, now=parts.now())
        say(f"{row.id} is {row.state}; approved by {row.approved_by}.")


@campaign.command("start")
def campaign_start(campaign: Campaign, by: By) -> None:
    """Let an approved or paused campaign send."""
    from bot import campaigns

    whole = parts.from_environment()
    with whole.sessions.begin() as session:
        row = campaigns.start(session, campaign, whole.wording, by=by, now=parts.now())
        say(f"{row.id} is {row.state}.")


@campaign.command("pause")
def campaign_pause(
    campaign: Campaign, because: Annotated[str, typer.Option("--because", help="Why, for colleagues.")], by: By
) -> None:
    """Hold a running campaign until it is started again."""
    from bot import campaigns

    with parts.from_environment().sessions.begin() as session:
        row = campaigns.pause(session, campaign, because, by=by, now=parts.now())
        say(f"{row.id} is {row.state}.")


@campaign.command("stop")
def campaign_stop(campaign: Campaign, by: By) -> None:
    """End a campaign for good."""
    from bot import campaigns

    with parts.from_environment().sessions.begin() as session:
        row = campaigns.stop(session, campaign, by=by, now=parts.now())
        say(f"{row.id} is {row.state}.")


@campaign.command("list")
def campaign_list(json: Json = False) -> None:
    """Every campaign, and who had a hand in it."""
    from bot import campaigns

    with parts.from_environment().sessions() as session:
        rows = campaigns.listing(session)
    if json:
        say_json(rows)
    else:
        columns = ["id", "card", "state", "edited_by", "approved_by", "starts_at", "ends_at", "paused_because"]
        say_table(rows, columns, nothing="There are no campaigns.")


@campaign.command("preview")
def campaign_preview(
    campaign: Campaign,
    by: By,
    person: Annotated[
        str | None, typer.Option("--person", help="Why this one person or not: the code that they see with /mydata.")
    ] = None,
    reference: Annotated[
        str | None, typer.Option(help="The same, by the reference that a link code was made for.")
    ] = None,
    signal: Annotated[str | None, typer.Option(help="The type of signal; that of its calendar, or its first.")] = None,
    on: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="At noon of this day; now if left out.")
    ] = None,
    json: Json = False,
) -> None:
    """How many people it could write to, and why the others not; with --person, why one person or not (audited)."""
    from bot import mydata, preview
    from bot.store import ledger

    whole = parts.from_environment()
    zone = ZoneInfo(whole.wording.municipality.zone)
    now = parts.now() if on is None else on.replace(hour=12, tzinfo=zone)
    if person is None and reference is None:
        with ledger.reading(whole.sessions) as session:
            asked = preview.question(session, whole.wording, whole.vault, campaign, now, kind=signal)
            told = people.masked(preview.preview(session, asked))
    else:
        with ledger.reading(whole.sessions) as session:
            found = mydata.find(session, whole.vault, code=person, reference=reference)
        with whole.sessions.begin() as session:
            asked = preview.question(session, whole.wording, whole.vault, campaign, now, kind=signal)
            citizen = mydata.person(session, found)
            answer = preview.why_not(session, asked, citizen.id)
            ledger.audit(session, parts.now(), by, "person.preview", citizen.id, campaign=campaign)
        told = {
            "reason": None if answer is None else answer.reason,
            "until": None if answer is None or answer.until is None else answer.until.astimezone(zone).isoformat(),
        }
    about = {
        "campaign": campaign,
        "runs": asked.runs,
        "signal": asked.signal.type,
        "at": now.astimezone(zone).isoformat(timespec="minutes"),
    }
    if json:
        return say_json(about | told)
    if not asked.runs:
        say(f"{campaign} does not run at that moment; this is what would be if it did.")
    if "people" not in told:
        until = "" if told["until"] is None else f", until {told['until']}"
        return say(f"Not to be written to: {told['reason']}{until}." if told["reason"] else "Could be written to.")
    say(f"Could be written to: {told['reached']} of {told['people']}.")
    for reason, count in told["reasons"].items():
        say(f"  {reason}: {count}")
    return None


@source.command("add")
def source_add(
    name: Annotated[str, typer.Argument(help="A URN; the `source` of its CloudEvents.")],
    types: Annotated[list[str], typer.Option("--type", help="A type that it may hand in; as often as needed.")],
    by: By,
    legal_basis: Annotated[str | None, typer.Option(help="For signals derived from a register.")] = None,
    dpia: Annotated[str | None, typer.Option(help="The reference of the DPIA, for the same.")] = None,
    json: Json = False,
) -> None:
    """Add a source and print its API key, which cannot be shown again."""
    from bot import signals

    with parts.from_environment().sessions.begin() as session:
        key = signals.new_key(session, name, types, by=by, now=parts.now(), legal_basis=legal_basis, dpia=dpia)
    if json:
        say_json({"name": name, "key": key})
    else:
        say(f"{name} may hand in signals with this key. It is not kept; write it down now:\n{key}")


@source.command("list")
def source_list(json: Json = False) -> None:
    """Every source, without its key."""
    from bot import signals

    with parts.from_environment().sessions() as session:
        rows = signals.listing(session)
    if json:
        say_json(rows)
    else:
        say_table(
            rows,
            ["name", "types", "legal_basis", "dpia", "last_seen_at", "old_key_until", "revoked_at"],
            nothing="There are no sources.",
        )


@source.command("rotate")
def source_rotate(
    name: Annotated[str, typer.Argument(help="The source's name.")],
    by: By,
    old_works_for: Annotated[
        int, typer.Option("--old-works-for", min=0, max=24 * 90, help="For how many hours the old key still opens.")
    ] = 24,
    json: Json = False,
) -> None:
    """Print a new API key for a source, which cannot be shown again. The old one works on for a while."""
    from bot import signals

    longer = timedelta(hours=old_works_for)
    with parts.from_environment().sessions.begin() as session:
        key = signals.rotate_key(session, name, old_works_for=longer, by=by, now=parts.now())
    if json:
        say_json({"name": name, "key": key, "old_works_for_hours": old_works_for})
    else:
        say(f"{name} has a new key. It is not kept; write it down now:\n{key}")
        say(f"The old key opens for {old_works_for} hours more." if old_works_for else "The old key opens nothing.")


@source.command("revoke")
def source_revoke(name: Annotated[str, typer.Argument(help="The source's name.")], by: By) -> None:
    """From now on the source's keys open nothing."""
    from bot import signals

    with parts.from_environment().sessions.begin() as session:
        signals.revoke_key(session, name, by=by, now=parts.now())
    say(f"The key of {name} opens nothing any more.")


@link.command("new")
def link_new(
    reference: Annotated[str | None, typer.Argument(help="Whom it stands for; a new reference if left out.")] = None,
    count: Annotated[int, typer.Option(min=1, max=10_000, help="How many codes, each for a new reference.")] = 1,
    bot: Annotated[str | None, typer.Option(help="The bot's user name; known once it has run.")] = None,
    json: Json = False,
) -> None:
    """Make one-time codes for letters or a desk: the code, a deep link and a QR code."""
    import segno

    from bot import links
    from bot.signals.desk import REFERENCE

    if reference is not None and count > 1:
        raise RefusedError("One reference takes one code. Leave the reference out to have new ones made.")
    if reference is not None and not REFERENCE.fullmatch(reference):
        raise FaultsError([f"reference: {reference!r}; use 4 to 128 characters from A-Z a-z 0-9 _ - . ~ :"])
    whole = parts.from_environment()
    made = []
    with whole.sessions.begin() as session:
        name = bot or links.bot_name(session)
        if not name:
            raise RefusedError("The bot's name is not known yet. Run it once, or give --bot NAME.")
        for _ in range(count):
            own = reference or f"hr-{secrets.token_hex(8)}"
            code = links.new_code(session, whole.vault, own, now=parts.now(), pick=secrets.choice)
            deep = code.deep_link(name.removeprefix("@"))
            made.append({"reference": own, "code": code.code, "link": deep, "expires_at": code.expires_at.isoformat()})
    if json:
        say_json(made)
        return
    for one in made:
        say(f"{one['reference']}  {one['code']}  {one['link']}  until {one['expires_at'][:10]}")
        if count == 1:
            segno.make(one["link"]).terminal(compact=True)


def remember_bot(whole: Parts, username: str) -> None:
    """Keep the bot's name, so that codes can be printed with a link to it."""
    from bot import links
    from bot.store import ledger

    with whole.sessions.begin() as session:
        ledger.set_mark(session, links.BOT, {"username": username}, parts.now())

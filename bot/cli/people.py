"""What staff do for people: answer who asked for contact, and show or wipe what is kept of somebody who asked that."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bot.cli import parts
from bot.cli.parts import By, Json, say, say_json, say_table
from bot.errors import RefusedError

if TYPE_CHECKING:
    from bot.preview import Funnel

#: A number under this could point at somebody.
FEW = 10
contact = typer.Typer(help="People who asked to be contacted.", no_args_is_help=True)
person = typer.Typer(help="What is kept of one person, for a request by letter.", no_args_is_help=True)
variant = typer.Typer(help="Wordings that too many people found unpleasant.", no_args_is_help=True)
GROUPS = {"contact": contact, "person": person, "variant": variant}

Request = Annotated[int, typer.Argument(help="The request's number, as `contact list` shows it.")]
Code = Annotated[str | None, typer.Argument(help="The code that the person sees with /mydata.")]
Reference = Annotated[str | None, typer.Option(help="Or the reference that a link code was made for.")]


@contact.command("list")
def contact_list(
    by: By,
    show_phone: Annotated[bool, typer.Option("--show-phone", help="Show phone numbers; this is audited.")] = False,
    json: Json = False,
) -> None:
    """Open requests for contact, the earliest promise first."""
    from bot.store import conversation, ledger

    whole = parts.from_environment()
    with whole.sessions.begin() if show_phone else ledger.reading(whole.sessions) as session:
        found = conversation.open_requests(session)
        rows: list[dict[str, Any]] = [
            {
                "id": row.id, "card": row.card, "how": row.how, "daypart": row.daypart, "language": row.language,
                "state": row.state, "asked_at": row.asked_at.isoformat(timespec="minutes"),
                "promised_by": row.promised_by.isoformat(), "lines": len(conversation.contact_lines(session, row.id)),
            }
            | ({"phone": whole.vault.open(row.phone_sealed) if row.phone_sealed else None} if show_phone else {})
            for row in found
        ]  # fmt: skip
        if show_phone:
            ledger.audit(
                session, parts.now(), by, "contact.phones", "open requests", requests=[row.id for row in found]
            )
    if json:
        say_json(rows)
    else:
        phone = ["phone"] if show_phone else []
        columns = ["id", "promised_by", "state", "how", *phone, "daypart", "language", "card", "lines"]
        say_table(rows, columns, nothing="Nobody is waiting to be contacted.")


@contact.command("show")
def contact_show(request: Request, by: By, json: Json = False) -> None:
    """What was said in an open talk; looking is audited."""
    from bot import contacts

    whole = parts.from_environment()
    with whole.sessions.begin() as session:
        lines = contacts.lines(session, whole.wording, whole.vault, request, by=by, now=parts.now())
    rows = [{"at": line.at.isoformat(timespec="minutes"), "by": line.by, "text": line.text} for line in lines]
    if json:
        say_json(rows)
    elif not rows:
        say("Nothing was said yet.")
    else:
        for row in rows:
            say(f"{row['at']}  {row['by'] or 'the person'}:\n{row['text']}\n")


@contact.command("reply")
def contact_reply(
    request: Request,
    text: Annotated[str, typer.Argument(help="What to write, in the person's language.")],
    name: Annotated[str, typer.Option("--name", help="Your name, as the person reads it.")],
    by: By,
    team: Annotated[
        str | None, typer.Option(help="Your team, as in a sentence; the municipality's if left out.")
    ] = None,
) -> None:
    """Write back in the chat, signed with name and team; the person can answer."""
    from bot import contacts

    whole = parts.from_environment()
    signed = contacts.Signature(name=name, team=team, by=by)
    with whole.sessions.begin() as session:
        row = contacts.reply(session, whole.wording, whole.vault, request, text, signed=signed, now=parts.now())
        say(f"Request {row.id} is {row.state}; the reply is on its way.")


@contact.command("done")
def contact_done(request: Request, by: By) -> None:
    """Close a request: the person is told, and what they typed and their number are wiped."""
    from bot import contacts

    whole = parts.from_environment()
    with whole.sessions.begin() as session:
        row = contacts.done(session, whole.wording, request, by=by, now=parts.now())
        say(f"Request {row.id} is {row.state}.")


@person.command("show")
def person_show(by: By, code: Code = None, reference: Reference = None) -> None:
    """Print everything that is kept of a person; looking is audited."""
    say(_kept(code, reference, by, "person.show"))


@person.command("export")
def person_export(
    file: Annotated[Path, typer.Argument(help="Where to; an existing file is left alone.")],
    by: By,
    code: Annotated[str | None, typer.Option(help="The code that the person sees with /mydata.")] = None,
    reference: Reference = None,
) -> None:
    """Write everything that is kept of a person to a file, with the receipts of each consent."""
    if file.exists():
        raise RefusedError(f"{file} is there already. Name another file.")
    text = _kept(code, reference, by, "person.export")
    try:
        file.touch(mode=0o600, exist_ok=False)
        file.write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise RefusedError(f"{file} cannot be written: {error.strerror}.") from None
    say(f"{file} holds what is kept of this person. Hand it over safely, and delete it.")


@person.command("erase")
def person_erase(
    by: By,
    code: Code = None,
    reference: Reference = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do it; it cannot be undone.")] = False,
) -> None:
    """Wipe what identifies a person, and tell them in the chat. They are never written to again unless they begin."""
    from bot import mydata
    from bot.store import ledger

    whole = parts.from_environment()
    now = parts.now()
    with ledger.reading(whole.sessions) as session:
        found = mydata.find(session, whole.vault, code=code, reference=reference)
    if not yes:
        raise RefusedError("This cannot be undone. Say --yes to do it.")
    with whole.sessions.begin() as session:
        citizen = mydata.person(session, found)
        mydata.erase_on_request(session, whole.wording, citizen, now, by=by)
    say("What identifies this person is wiped.")


@variant.command("list")
def variant_list(json: Json = False) -> None:
    """Wordings that are not planned because people found them unpleasant."""
    from bot.store import conversation, ledger

    with ledger.reading(parts.from_environment().sessions) as session:
        rows = [
            {"variant": name, "since": value["at"], "because": value["because"]}
            for name, value in sorted(conversation.paused_variants(session).items())
        ]
    if json:
        say_json(rows)
    else:
        say_table(rows, ["variant", "since", "because"], nothing="No wording is paused.")


@variant.command("resume")
def variant_resume(variant: Annotated[str, typer.Argument(help="The wording's id.")], by: By) -> None:
    """Let a paused wording be planned again; its count begins anew."""
    from bot import upkeep

    with parts.from_environment().sessions.begin() as session:
        upkeep.resume(session, variant, by=by, now=parts.now())
    say(f"{variant} is planned again.")


def masked(funnel: "Funnel") -> dict[str, Any]:
    """A funnel as it may be shown: no number from which somebody could be picked out.

    With a number hidden the total is told in tens, so that it cannot be found by taking the others away.
    """
    counts = {"reached": funnel.reached} | {str(reason): count for reason, count in funnel.reasons.items()}
    hidden = {name for name, count in counts.items() if 0 < count < FEW}
    shown = {name: f"fewer than {FEW}" if name in hidden else count for name, count in counts.items()}
    people = -(-funnel.people // FEW) * FEW if hidden else funnel.people
    return {"people": f"about {people}" if hidden else people, "reached": shown.pop("reached"), "reasons": shown}


def _kept(code: str | None, reference: str | None, by: str, action: str) -> str:
    from bot import mydata
    from bot.store import ledger

    whole = parts.from_environment()
    with ledger.reading(whole.sessions) as session:
        found = mydata.find(session, whole.vault, code=code, reference=reference)
    with whole.sessions.begin() as session:
        citizen = mydata.person(session, found)
        ledger.audit(session, parts.now(), by, action, citizen.id)
        return mydata.as_file(session, whole.wording, whole.vault, citizen, parts.now())

"""Accounts for the console: the first administrator is made here, the others in the console too."""

from typing import Annotated
from uuid import uuid4

import typer

from bot.cli import parts
from bot.cli.parts import By, Json, say, say_json, say_table

group = typer.Typer(help="Who may work in the console.", no_args_is_help=True)

Login = Annotated[str, typer.Argument(help="The e-mail address or short name to sign in with.")]


@group.command("add")
def staff_add(
    login: Login,
    name: Annotated[str, typer.Option(help="The name as citizens and colleagues read it.")],
    role: Annotated[
        list[str],
        typer.Option(help="editor, approver, contact, researcher, administrator or auditor; may be given again."),
    ],
    by: By,
    team: Annotated[str | None, typer.Option(help="The team under their name in replies.")] = None,
    language: Annotated[str, typer.Option(help="nl or en.")] = "nl",
) -> None:
    """Add an account; give it a password after that, unless people sign in elsewhere."""
    from bot import staff

    whole = parts.from_environment()
    new = staff.NewStaff(login=login, name=name, roles=role, team=team, language=language)
    with whole.sessions.begin() as session:
        row = staff.add(session, new, staff_id=uuid4().hex, by=by, now=parts.now())
        say(f"{row.login} is added. Next: `handreiking staff password {row.login}`.")


@group.command("password")
def staff_password(
    login: Login,
    by: By,
    password: Annotated[str, typer.Option(prompt="New password", hide_input=True, confirmation_prompt=True)],
) -> None:
    """Set the password of an account; it is asked for, so that it stands in no list of processes."""
    from bot import staff

    whole = parts.from_environment()
    with whole.sessions.begin() as session:
        staff.set_password(session, login, password, by=by, now=parts.now())
        staff.end_all(session, staff.known_as(session, login).id)  # also whoever came in with the one before
    say(f"{login} can sign in with it.")


@group.command("disable")
def staff_disable(login: Login, by: By) -> None:
    """Shut an account and end its sessions at once."""
    from bot import staff

    whole = parts.from_environment()
    with whole.sessions.begin() as session:
        staff.disable(session, login, by=by, now=parts.now())
    say(f"{login} is shut.")


@group.command("unlink")
def staff_unlink(login: Login, by: By) -> None:
    """Forget who an account is at the municipality's sign-in, for when that was replaced; its name finds it again."""
    from bot import staff

    whole = parts.from_environment()
    with whole.sessions.begin() as session:
        staff.unlink(session, login, by=by, now=parts.now())
    say(f"The next sign-in as {login} takes the account.")


@group.command("reset-factor")
def staff_reset_factor(login: Login, by: By) -> None:
    """Take away the second factor of somebody who lost phone and recovery codes, and end their sessions."""
    from bot import staff

    whole = parts.from_environment()
    with whole.sessions.begin() as session:
        staff.factor.clear(session, login, by=by, now=parts.now())
        staff.end_all(session, staff.known_as(session, login).id)
    say(f"{login} signs in with the password alone, and can set up another second factor.")


@group.command("list")
def staff_list(json: Json = False) -> None:
    """Every account, its roles and when it was last seen."""
    from bot import staff
    from bot.store import ledger

    whole = parts.from_environment()
    with ledger.reading(whole.sessions) as session:
        rows = staff.listing(session)
    if json:
        say_json(rows)
    else:
        columns = ["login", "name", "roles", "signs_in", "second_factor", "last_seen_at", "disabled_at"]
        say_table(rows, columns, nothing="There are no accounts. `handreiking staff add` makes the first.")


audit = typer.Typer(help="The audit trail.", no_args_is_help=True)


@audit.command("verify")
def audit_verify(json: Json = False) -> None:
    """Check that nobody changed, inserted or took out a row of the audit trail. Exit code 1 when somebody did."""
    from bot.store import ledger

    whole = parts.from_environment()
    with ledger.reading(whole.sessions) as session:
        found = ledger.verify(session)
    if json:
        say_json(
            {
                "rows": found.rows,
                "loose": found.loose,
                "newest": found.newest,
                "faults": [str(one) for one in found.faults],
            }
        )
    else:
        for fault in found.faults:
            say(str(fault))
        loose = f" {found.loose} rows of an older program are not chained." if found.loose else ""
        say(f"{found.rows} rows, {len(found.faults) or 'no'} faults. Newest: {found.newest or 'none'}.{loose}")
    if found.faults:
        raise typer.Exit(1)

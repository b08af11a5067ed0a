"""Whether things are in order: what `check` tells, and what keeps `run` from writing to anybody."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, datetime
from typing import TypeVar

from sqlmodel import Session, col, select

from bot import campaigns, library, settings
from bot.cli.parts import Parts
from bot.core.facts import CardStatus
from bot.errors import FaultsError
from bot.store import ledger
from bot.store.tables import CampaignRow
from bot.wording import Wording, data

T = TypeVar("T")


def faults(now: datetime) -> dict[str, list[str]]:
    """Everything that is not in order, by what it is about; empty when nothing is.

    A token, keys or a database that nobody has set are not missed.
    """
    found: dict[str, list[str]] = {"settings": [], "wording": [], "texts": [], "campaigns": [], "database": []}

    def attempt(about: str, make: Callable[[], T]) -> T | None:
        try:
            return make()
        except FaultsError as error:
            found[about] += error.faults
            return None

    given = attempt("settings", settings.read)
    wording: Wording | None = None
    has_ledger = False
    whole = None if given is None else Parts(given)
    frozen: dict[tuple[str, str], str] = {}
    if whole is not None:
        if whole.settings.token is not None or whole.settings.token_file is not None:
            attempt("settings", whole.settings.bot_token)
        if whole.settings.keys_file is not None:
            attempt("settings", lambda: whole.vault)
        if "database_url" in whole.settings.model_fields_set or whole.has_file():
            shape = attempt("settings", whole.shape)
            if shape is not None and (shape[0] is None or shape[0] != shape[1]):
                found["database"].append("its shape is not of today; run `handreiking migrate`")
            elif shape is not None:
                has_ledger, wording = True, attempt("wording", lambda: whole.wording)
                with whole.sessions() as session:
                    frozen = ledger.frozen(session)
                    found["texts"] += undecided(session, whole.shelf.files)
                    if wording is not None:
                        found["campaigns"] += _void(session, wording, now)
    if not has_ledger:
        wording = attempt("wording", library.Shelf().of_files)
    if wording is not None:
        found["wording"] += wording.checked(frozen, today=now.date())
        found["campaigns"] += _of_files(wording)
    return {about: told for about, told in found.items() if told}


def undecided(session: Session, files: library.Files) -> Iterator[str]:
    """Files of this version that do not count, because people had approved another text before it came."""
    for conflict in library.conflicts(session, files):
        yield (
            f"{library.place(conflict.path)}: changed with this version, but the text that was approved on "
            f"{conflict.since:%Y-%m-%d} counts instead; decide at Cards and texts, or with `handreiking texts`"
        )


def unfit(whole: Parts, now: datetime, *, trial: bool) -> list[str]:
    """Why nobody may be written to; with `trial`, examples and unsigned decisions do not count."""
    wording = whole.wording
    with whole.sessions() as session:
        frozen = ledger.frozen(session)
        cards = {row.card for row in _running(session)}
    told = wording.checked(frozen, today=now.date())
    if not trial:
        used = {name: card for name, card in wording.cards.items() if name in cards}
        told += replace(wording, cards=used).not_for_citizens(whole.today())
    return told


def settled(wording: Wording, today: date) -> Wording:
    """The same, but each card that no citizen may be written to about counts as a draft.

    A campaign that is started while the bot runs is held by the same reasons as one that ran before.
    """
    cards = {
        name: card.model_copy(update={"status": CardStatus.DRAFT}) if card.not_for_citizens(today) else card
        for name, card in wording.cards.items()
    }
    return replace(wording, cards=cards)


def _running(session: Session) -> list[CampaignRow]:
    return list(session.exec(select(CampaignRow).where(col(CampaignRow.state) == campaigns.State.RUNNING)))


def _void(session: Session, wording: Wording, now: datetime) -> Iterator[str]:
    """Campaigns that should be running and are held, because something changed after they were approved."""
    rows = _running(session)
    editors = ledger.editors(session, [row.id for row in rows])
    for row in rows:
        due = row.starts_at <= now < row.ends_at
        if due and not campaigns.facts_of(row, wording, now, editors=editors[row.id]).running:
            yield f"{row.id}: its card or wordings changed since it was approved; have it approved again"


def _of_files(wording: Wording) -> Iterator[str]:
    for path in sorted(data("messages").joinpath("campaigns").iterdir(), key=lambda path: path.name):
        if path.name.endswith(".toml"):
            try:
                campaigns.read(path.read_text(encoding="utf-8"), wording)
            except FaultsError as error:
                yield from (f"messages/campaigns/{path.name}: {fault}" for fault in error.faults)

"""What can be said of the work at a glance: from the ledger and the texts, without the machine, Telegram or a file."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Final

from sqlalchemy.orm import sessionmaker
from sqlmodel import Session, col, select

from bot import campaigns, klant, register
from bot.campaigns import State
from bot.operating import doctor
from bot.operating.findings import Finding, Urgency, in_order
from bot.store import ledger, vitals
from bot.store.tables import CampaignRow
from bot.wording import Wording
from bot.wording.languages import unsigned

REVIEW_SOON: Final = timedelta(days=30)


def at_a_glance(sessions: sessionmaker[Session], wording: Wording, now: datetime, today: date) -> list[Finding]:
    """The most urgent first. A few statements: it may be asked for while somebody waits."""
    with ledger.reading(sessions) as session:
        vital = vitals.take(session, now, today)
        at_work = vitals.processes(session)
        lately = vitals.uncertain_since(session, now - doctor.RECENT)
        found = running(session)
        told = klant.standing(session)
        stands, learns = register.standing(session, wording), campaigns.adaptive(session)
    return in_order(
        [
            *doctor.of_ledger(vital, at_work, lately),
            *doctor.of_listeners(told),
            *of_campaigns(found, wording, today),
            *of_register(stands, learns),
            *of_languages(wording),
        ]
    )


def running(session: Session) -> dict[str, str]:
    """The campaigns that should be running, and their cards."""
    asked = select(col(CampaignRow.id), col(CampaignRow.card)).where(col(CampaignRow.state) == State.RUNNING)
    return dict(iter(session.exec(asked)))


def of_register(standing: register.Standing, learning: list[str]) -> Iterator[Finding]:
    """`learning`: the campaigns that should be running and use what was learned."""
    if learning and standing.pauses:
        yield Finding(
            check="register",
            urgency=Urgency.SOON,
            what="What was learned is not used, since the algorithm register does not describe it. "
            f"Campaigns: {len(learning)}.",
            why="Citizens must be able to read what decides about them; until then everything is drawn evenly.",
            todo="handreiking register; if the entry is right: handreiking register --publish --by NAME",
        )


def of_campaigns(named: dict[str, str], wording: Wording, today: date) -> Iterator[Finding]:
    """`named`: the campaigns that should be running, and their cards."""
    for campaign, name in sorted(named.items()):
        card = wording.cards.get(name)
        reasons = ["there is no such card"] if card is None else card.not_for_citizens(today)
        if reasons:
            yield Finding(
                check="cards",
                urgency=Urgency.SOON,
                what=f"Campaign {campaign} runs and writes to nobody, because of card {name}: {'; '.join(reasons)}.",
                why="Nobody hears of it until its card is in order.",
                todo=f"Mend messages/services/{name}.toml, have the campaign approved again; or: "
                f"handreiking campaign pause {campaign} --because …",
            )
        elif card is not None and card.review_due - today <= REVIEW_SOON:
            yield Finding(
                check="review",
                urgency=Urgency.KNOW,
                what=f"Card {name} has to be read again by {card.review_due}; campaign {campaign} runs on it.",
                why="After that day the campaign writes to nobody.",
                todo=f"Read messages/services/{name}.toml against its page; set reviewed_on and review_due.",
            )


def of_languages(wording: Wording) -> Iterator[Finding]:
    languages = sorted(unsigned(wording))
    if languages:
        yield Finding(
            check="languages",
            urgency=Urgency.KNOW,
            what=f"Nobody vouches for these translations as they read now: {', '.join(languages)}.",
            why="The program runs with them only as a trial.",
            todo="Let somebody who reads it go through it, then: handreiking language sign LANGUAGE --by NAME; "
            "or take it out of messages/municipality.toml",
        )

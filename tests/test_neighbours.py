"""What a demo begins with, so that whoever opens the staff's pages finds something on each."""

import asyncio
import socket
import time
from dataclasses import replace

from sqlmodel import Session, select

from bot.demo import Demo, cards_told
from bot.neighbours import NEIGHBOURS, WAITING
from bot.store import schema
from bot.store.tables import (
    AuditRow,
    CampaignDraftRow,
    CampaignFunnelRow,
    CampaignRow,
    ContactLineRow,
    ContactRequestRow,
    TextProposalRow,
)
from tests.world import TUESDAY_TEN


def free_ports():
    """The first of three ports in a row that nobody has."""
    for port in range(31_000, 60_000, 3):
        with socket.socket() as one, socket.socket() as two, socket.socket() as three:
            try:
                for number, listening in enumerate((one, two, three)):
                    listening.bind(("127.0.0.1", port + number))
            except OSError:
                continue
            return port
    raise AssertionError


async def lived(directory, *, until):
    """Run a demo until it says a line with this; gives all that it said."""
    stop, said = asyncio.Event(), []

    def say(line):
        said.append(line)
        if until in line:
            stop.set()

    demo = Demo(
        directory=directory, port=free_ports(), say=say, now=lambda: TUESDAY_TEN, tick=time.monotonic,
        program="1.0+aaaa", inhabited=True,
    )  # fmt: skip
    await asyncio.wait_for(demo.run(stop), 240)
    return said


def test_the_cards_that_are_only_examples_are_told_by_how_many_they_are(wording):
    today = TUESDAY_TEN.date()
    example = next(iter(wording.cards.values()))
    in_use = example.model_copy(
        update={
            "example": False, "approved_by": ["Eva", "Sam"], "review_due": today, "valid_until": None,
            "official_page": example.official_page.model_copy(update={"checked_on": today}),
            "weighing": example.weighing.model_copy(update={"decided_by": "Eva", "decided_on": today}),
        }
    )  # fmt: skip

    def told(*cards):
        return cards_told(replace(wording, cards=dict(enumerate(cards))), today)

    assert told(example, example) == "2, all of them only for trying: `handreiking run` refuses those"
    assert told(example, in_use) == "2, 1 of them only for trying: `handreiking run` refuses those"
    assert told(in_use) == "1"


async def test_a_demo_begins_with_work_on_every_desk_and_does_not_do_it_again(tmp_path):
    last = NEIGHBOURS[-1].name

    await lived(tmp_path, until=f"{last} asked for contact")
    again = await lived(tmp_path, until="Ctrl-C")

    assert not any(last in line for line in again)
    assert again[0] == "Making it ready, a moment please."
    engine = schema.open_engine(f"sqlite:///{tmp_path / 'handreiking.db'}")
    with Session(engine) as session:
        deeds = session.exec(select(AuditRow).where(AuditRow.action == "operating.version")).all()
        assert [(row.who, row.subject) for row in deeds] == [("clock", "1.0+aaaa")]
        assert session.get(CampaignRow, WAITING).state == "draft"
        assert session.exec(select(CampaignFunnelRow)).one().campaign_id == WAITING
        assert session.exec(select(CampaignDraftRow)).one()
        assert session.exec(select(TextProposalRow)).one().state == "proposed"
        requests = {row.state: row.id for row in session.exec(select(ContactRequestRow))}
        assert set(requests) == {"open", "talking"}
        replies = session.exec(select(ContactLineRow).where(ContactLineRow.by == "mei")).all()
        assert [row.request_id for row in replies] == [requests["talking"]]
    engine.dispose()

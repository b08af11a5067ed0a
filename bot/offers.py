"""A professional offers a service at their own judgement, outside any campaign's plan: the example in NORA AP24.

The offer becomes a signal like any other. It needs the agreement of the person, who was asked in that conversation, and
a card that leaves it to professionals. The person is named by a reference or by the code on a letter.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from zoneinfo import ZoneInfo

from bot import links
from bot.core.facts import CardStatus, Origin
from bot.journey import Journey
from bot.signals import Fault, Incoming, Refusal, Source, known_types
from bot.signals.desk import Desk, shown
from bot.signals.problem import refusal
from bot.store import ledger
from bot.wording import Wording

#: The source of offers that are made at the command line.
DESK: Final = "urn:handreiking:professional"
#: What an offer says, under the names of the interface.
FIELDS: Final = ("kaart", "deelnemer", "door", "instemming")


@dataclass(frozen=True, slots=True)
class Offered:
    """`event` and `id` are the signal's number at its source and ours. `fresh` False: offered already that day."""

    event: str
    id: str
    fresh: bool


def at_the_desk(wording: Wording) -> Source:
    """The source for people who work at the command line: every offer that a card answers."""
    known = known_types(card.facts() for card in wording.cards.values())
    return Source(name=DESK, types=frozenset(kind for kind, origin in known.items() if origin is Origin.PROFESSIONAL))


def offer(journey: Journey, source: Source, said: Mapping[str, object]) -> Offered | Refusal:
    """Take in an offer, `said` under the names of `FIELDS`; or all that is wrong with it.

    The same card for the same person on the same day has its effect once. Whether somebody stands behind a reference is
    not told.
    """
    wording, now = journey.wording, journey.clock()
    zone = ZoneInfo(wording.municipality.zone)
    faults = [
        Fault(shown(name), "…", f"leave it out; an offer says only: {', '.join(FIELDS)}")
        for name in sorted(said.keys() - set(FIELDS))
    ]
    kind, unfit = _kind(wording, said.get("kaart"))
    faults += unfit + _of_people(said)
    if faults:
        return refusal(faults)
    card, to, by = str(said["kaart"]), str(said["deelnemer"]), ", ".join(_parted(str(said["door"])))
    with journey.sessions.begin() as session:
        reference = links.reference_of(session, journey.vault, to)
    if reference is None:
        return refusal([Fault("deelnemer", "…", "this code does not fit; read it again, or use the reference")])
    day = now.astimezone(zone).date().isoformat()
    event = journey.vault.fingerprint(f"offer:{card}:{reference}:{day}")
    desk = Desk(
        source=source,
        known=known_types(one.facts() for one in wording.cards.values()),
        cards=wording.cards,
        zone=zone,
        now=now,
    )
    judged = desk.judge(
        {"specversion": "1.0", "id": event, "source": source.name, "type": kind, "time": now.isoformat()},
        {"kaart": card, "deelnemer": reference, "team": by, "instemming": True},
    )
    if not isinstance(judged, Incoming):
        names = {"data.kaart": "kaart", "data.deelnemer": "deelnemer", "data.team": "door", "type": "kaart"}
        return refusal(
            Fault(names.get(fault.attribute, fault.attribute), fault.value, fault.mend, forbidden=fault.forbidden)
            for fault in judged
        )
    with journey.sessions.begin() as session:  # on record before it has an effect
        ledger.audit(session, now, by, "offer", card, event=event, source=source.name, agreed=True)
    [receipt] = journey.receive([judged])
    return Offered(event, receipt.id, receipt.fresh)


def _kind(wording: Wording, name: object) -> tuple[str, list[Fault]]:
    """The type of signal with which a professional offers this card, and why that cannot be."""
    card = wording.cards.get(name) if isinstance(name, str) else None
    free = sorted(one.id for one in wording.cards.values() if one.professional_discretion)
    if card is None:
        return "", [Fault("kaart", "" if name is None else shown(name), f"give the id of a card: {', '.join(free)}")]
    signals = [one for one in card.signals if one.enabled and one.origin is Origin.PROFESSIONAL]
    if not card.professional_discretion:
        mend = "this card leaves no offer to professionals (professional_discretion is false)"
        return "", [Fault("kaart", card.id, f"{mend}; use one of: {', '.join(free)}")]
    if card.status is not CardStatus.PUBLISHED:
        return "", [Fault("kaart", card.id, f"its status is {card.status}; it can be offered once it is published")]
    if not signals:
        return "", [Fault("kaart", card.id, "switch on a signal of origin professional on this card first")]
    return signals[0].type, []


def _of_people(said: Mapping[str, object]) -> list[Fault]:
    faults = []
    if not isinstance(said.get("deelnemer"), str):
        faults.append(Fault("deelnemer", "", "name the person by the code on their letter or by your reference"))
    by = said.get("door")
    if not isinstance(by, str) or len(_parted(by)) < 2:
        mend = 'say who offers it, name and team, such as "F. de Boer, Wijkteam Noord"; the person reads it'
        faults.append(Fault("door", "" if by is None else "…", mend))
    if said.get("instemming") is not True:
        mend = "ask the person first, and write true once they agreed; without that nothing is offered"
        faults.append(Fault("instemming", "" if "instemming" not in said else shown(said["instemming"]), mend))
    return faults


def _parted(by: str) -> list[str]:
    """The name and the team, each without spaces around it."""
    name, _, team = by.partition(",")
    return [part for part in (" ".join(name.split()), " ".join(team.split())) if part]

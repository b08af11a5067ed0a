"""Who would get this: the gate's own answer about everybody, before anybody is written to.

People whom the gate cannot tell apart, since a few columns of theirs are alike, get one answer; only those with a
history that may matter are read whole. The answer is the gate's each time, so there is no second one.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlmodel import Session

from bot import campaigns, planning
from bot.campaigns.file import days, file_of, rule_of
from bot.core import outreach
from bot.core.facts import Citizen, Objection, Origin, Reason, Signal
from bot.core.talk import Standing
from bot.errors import RefusedError
from bot.planning import World
from bot.store import ledger
from bot.store.tables import CampaignRow, CitizenRow
from bot.store.vault import Vault
from bot.wording import Wording

#: So many people are read whole at a time.
TOGETHER = 1_000
_ALL = tuple(Reason)
#: The reasons that the gate finds in what a person was sent, answered or asked for, and those that come after.
_OF_HISTORY = frozenset(_ALL[_ALL.index(Reason.CARD_DECLINED) :])


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    """A signal as the campaign's trigger would give it at `now`, to nobody in particular.

    `runs` False: the campaign does not run at `now`, and the answers suppose that it did.
    """

    world: World
    signal: Signal
    now: datetime
    runs: bool
    vault: Vault = field(repr=False)  # for the lot that says whose wave is when


@dataclass(frozen=True, kw_only=True, slots=True)
class Funnel:
    """How many people there are, how many could be written to at that moment, and why the others not, by first reason.

    The reasons stand in the order in which the gate asks; the last is waiting for nothing but one's wave. Quiet hours,
    the lottery and a campaign's hourly maximum come after the gate and are not in it.
    """

    question: Question
    people: int
    reached: int
    reasons: Mapping[Reason, int]


def question(
    session: Session,
    wording: Wording,
    vault: Vault,
    campaign: str | CampaignRow,
    now: datetime,
    *,
    kind: str | None = None,
) -> Question:
    """What is asked about everybody. `kind`: one of the campaign's types of signal; else its calendar's, or its first.

    `campaign` is an id, or a row that need not be stored (`campaigns.row_of`). A day of the calendar is the first one
    whose window is not over. Raises RefusedError.
    """
    row = campaigns.known(session, campaign) if isinstance(campaign, str) else campaign
    if row.card not in wording.cards:
        raise RefusedError("The card {card} of {campaign} is not there any more.", card=row.card, campaign=row.id)
    world = planning.world_of(session, row, wording, now)
    signal = _signal(row, wording, now, kind)
    crowd = signal.origin is Origin.CALENDAR  # whoever a signal names waits for no wave
    runs = replace(world.campaign, running=True, waves=world.campaign.waves if crowd else None)
    return Question(
        world=replace(world, campaign=runs),
        signal=signal,
        now=now,
        runs=world.campaign.running,
        vault=vault,
    )


def at_its_soonest(
    session: Session,
    wording: Wording,
    vault: Vault,
    campaign: str | CampaignRow,
    now: datetime,
    *,
    kind: str | None = None,
) -> Question:
    """`question` at the first moment at which it could be said to anybody, with what is known at `now`."""
    asked = question(session, wording, vault, campaign, now, kind=kind)
    moment = soonest(asked)
    if moment == asked.now:
        return asked
    # The same signal: at a later moment another day of the calendar could be the next one.
    return replace(asked, now=moment, signal=replace(asked.signal, received_at=moment))


def soonest(asked: Question) -> datetime:
    """The first moment from which this could be said to anybody: its window and the campaign's period have begun."""
    rule = outreach.rule_for(asked.signal, asked.world.card)
    opens = asked.now if rule is None else outreach.window(asked.signal, rule)[0]
    return max(asked.now, opens, asked.world.campaign.starts_at)


def preview(session: Session, asked: Question) -> Funnel:
    """The gate's answers about everybody, counted. Nothing is written, and memory does not grow with the people."""
    counts: Counter[Reason | None] = Counter()
    willing: Counter[str] = Counter()
    campaign = asked.world.campaign
    known: dict[tuple[str, str, bool, timedelta], Reason | None] = {}
    closer: dict[str, bool] = {}
    for chunk in ledger.willing(session, asked.world.card.theme, asked.now):
        told = ledger.told_of(session, [person for person, *_ in chunk], campaign.situations)
        for citizen, zone, language, linked, history in chunk:
            willing[zone] += 1
            if citizen in told:
                closer[citizen] = linked
                continue
            lot = _lot(asked, citizen)
            alike = zone, language, linked, timedelta() if campaign.waves is None else campaign.waves.after(lot)
            if alike not in known:
                known[alike] = _reason(asked, _somebody(asked, zone, language, linked=linked, lot=lot))
            if history and (known[alike] is None or known[alike] in _OF_HISTORY):
                closer[citizen] = linked
            else:
                counts[known[alike]] += 1
        if len(closer) >= TOGETHER:
            counts.update(_closely(session, asked, closer))
            closer.clear()
    counts.update(_closely(session, asked, closer))
    for standing, zone, people in ledger.crowds(session):
        active = standing == Standing.ACTIVE
        others = people - (willing[zone] if active else 0)
        counts[_reason(asked, _somebody(asked, zone, active=active, consents=False))] += others
    reached = counts.pop(None, 0)
    return Funnel(
        question=asked,
        people=reached + counts.total(),
        reached=reached,
        reasons={reason: counts[reason] for reason in _ALL if counts[reason]},
    )


def why_not(session: Session, asked: Question, citizen: str) -> Objection | None:
    """Why this person could not be written to at that moment, and until when; None: they could."""
    row = session.get_one(CitizenRow, citizen)
    campaign = asked.world.campaign
    known = ledger.citizens(session, [row], situations=campaign.situations)[citizen]
    return _answer(asked, planning.before(campaign, known, asked.vault))


def _closely(session: Session, asked: Question, linked: Mapping[str, bool]) -> Iterator[Reason | None]:
    """The answers about people with a history, or who told something that matters, each read whole."""
    contacts, consents, campaign = ledger.contacts(session, linked), _consents(asked), asked.world.campaign
    told = ledger.told_of(session, linked, campaign.situations)
    for row in ledger.people(session, linked):
        citizen = ledger.citizen(
            row, consents, contacts.get(row.id, ()), linked=linked[row.id], told=told.get(row.id, {})
        )
        yield _reason(asked, planning.before(campaign, citizen, asked.vault))


def _lot(asked: Question, citizen: str) -> float:
    return 0.0 if asked.world.campaign.waves is None else planning.lot(asked.world.campaign, citizen, asked.vault)


def _somebody(
    asked: Question,
    zone: str,
    language: str = "",
    *,
    active: bool = True,
    consents: bool = True,
    linked: bool = False,
    lot: float = 0.0,
) -> Citizen:
    """One of many who are alike to the gate, without a history.

    Who does not take part or consent is refused before anything but the zone is asked.
    """
    return Citizen(
        id="",
        language=language,
        zone=zone,
        active=active,
        consents=_consents(asked) if consents else {},
        linked=linked,
        lot=lot,
    )


def _consents(asked: Question) -> Mapping[str, datetime]:
    # The gate asks only whether it has ended, and it has not.
    return {asked.world.card.theme: asked.now + timedelta(days=1)}


def _reason(asked: Question, citizen: Citizen) -> Reason | None:
    answer = _answer(asked, citizen)
    return None if answer is None else answer.reason


def _answer(asked: Question, citizen: Citizen) -> Objection | None:
    world = asked.world
    objection = outreach.objection(asked.signal, world.card, world.campaign, citizen, world.rules, asked.now)
    if objection is None and not any(citizen.language in variant.languages for variant in world.variants):
        return Objection(reason=Reason.NO_WORDING)
    return objection


def _signal(row: CampaignRow, wording: Wording, now: datetime, kind: str | None) -> Signal:
    file = file_of(row)
    kinds = [*([file.trigger.calendar] if file.trigger.calendar else []), *file.trigger.signals]
    if kind is not None and kind not in kinds:
        raise RefusedError(
            "{kind} does not set off {campaign}; use one of {kinds}.",
            kind=kind, campaign=row.id, kinds=", ".join(kinds),
        )  # fmt: skip
    kind = kind or kinds[0]
    rule = rule_of(file, wording, kind)
    if rule is None:
        raise RefusedError("The card {card} does not answer {kind} any more.", card=row.card, kind=kind)
    if kind == file.trigger.calendar:
        zone = ZoneInfo(wording.municipality.zone)
        moments = [datetime.combine(day, time(), zone) for day in days(file, wording)]
        if not moments:
            raise RefusedError("The days of {campaign} never come within its period.", campaign=row.id)
        occurred_at = next((at for at in moments if now <= at + timedelta(days=rule.latest_day)), moments[-1])
    else:
        # It arrives now; where its window lies wholly before or after the event, on the window's first day.
        inside = rule.earliest_day <= 0 <= rule.latest_day
        occurred_at = now if inside else now - timedelta(days=rule.earliest_day)
    return Signal(id="preview", type=kind, origin=rule.origin, occurred_at=occurred_at, received_at=now)

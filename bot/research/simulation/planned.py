"""What a planned campaign would likely do in a town of a given size: a simulation with assumed people.

Each decision is made by the real gate and policy, once a week, from the campaign's own card, wordings, period and
learning. Assumed are the people: those of `citizen-sim-1` with tone effects of the size that large trials of wordings
found, less or more responsive, all of whom chose the card's theme and hear of nothing else meanwhile.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np

from bot import campaigns, planning
from bot.campaigns import CampaignFile
from bot.campaigns.file import days
from bot.core import lessons, outreach, policy
from bot.core.facts import Answer, Citizen, Hold, Learning, Level, Origin, Send, Signal, Skip, Values
from bot.core.lessons import Matured
from bot.core.sums import Others
from bot.planning import Inputs, World
from bot.research.simulation import people as citizens
from bot.research.simulation.people import TONES, Came, Flags, Ints
from bot.research.simulation.town import Decided, answers_of, matured, told
from bot.wording import Wording

WEEK = timedelta(weeks=1)
MOST_WEEKS: Final = 104
DUTCH: Final = 0.55  # the share of people who read Dutch; the rest are spread over the other languages
#: Added to everybody's receptivity, in logits, with the share of interested people who ask for contact.
RESPONSIVENESS: Final = {"low": (-0.5, 0.15), "medium": (0.0, 1 / 3), "high": (0.5, 0.5)}
TONE_SIZE: Final = 0.3


@dataclass(frozen=True, kw_only=True, slots=True)
class Town:
    """Whom a campaign is supposed to meet. `signals` is how often a year somebody gets a signal that is no day."""

    number: int
    signals: float = 1.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Week:
    """What one week brought. `contacts`: people who asked to be contacted."""

    messages: int = 0
    welcome: int = 0
    unwelcome: int = 0
    stops: int = 0
    contacts: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Planned:
    """What a simulation of a campaign needs, as plain values that another process can be given."""

    world: World
    days: tuple[datetime, ...]
    signals: tuple[tuple[str, Origin], ...]
    calendar: str | None
    languages: tuple[str, ...]
    zone: str
    values: Values
    others: Others | None
    weeks: int


def planned(file: CampaignFile, wording: Wording) -> Planned:
    """The campaign as it would run. Its period is cut to two years."""
    zone = ZoneInfo(wording.municipality.zone)
    starts = datetime.combine(file.period.first, time(10), tzinfo=zone).astimezone(UTC)
    row = campaigns.row_of(file, wording, starts)
    facts = replace(campaigns.facts_of(row, wording, starts, editors=()), running=True)
    said = campaigns.with_its_words(wording, [row])
    card = wording.cards[file.card].facts()
    rules = {rule.type: rule for rule in card.signals if rule.enabled}
    weeks = -(-(file.period.until - file.period.first + timedelta(days=1)) // WEEK)
    return Planned(
        world=World(
            card=card,
            campaign=facts,
            variants=tuple(said.variants[name] for name in sorted(facts.variants) if name in said.variants),
            rules=wording.rules,
        ),
        days=tuple(datetime.combine(day, time(12), tzinfo=zone).astimezone(UTC) for day in days(file, wording)),
        signals=tuple((kind, rules[kind].origin) for kind in file.trigger.signals if kind in rules),
        calendar=file.trigger.calendar,
        languages=tuple(sorted(wording.languages)),
        zone=wording.municipality.zone,
        values=wording.values,
        others=wording.others,
        weeks=min(MOST_WEEKS, weeks),
    )


def simulated(plan: Planned, town: Town, responsiveness: str, seed: int) -> list[Week]:
    """The campaign's weeks among people of one of RESPONSIVENESS."""
    added, asks = RESPONSIVENESS[responsiveness]
    world = citizens.World(name=responsiveness, tone_size=TONE_SIZE, receptivity=added)
    who = citizens.people(town.number, world, seed)
    state = citizens.rested(town.number)
    desk = _Desk(plan, town, seed)
    found = []
    luck_of_contact = np.random.default_rng([seed, 6])
    for week in range(plan.weeks):
        citizens.fade(state)
        tones = desk.decide(week, state.stopped)
        came = citizens.answer(who, state, citizens.luck(town.number, seed, week), tones, week)
        contact = came.interested & (luck_of_contact.random(town.number) < asks)
        if plan.world.card.level is not Level.INFORM_AND_OFFER_CONTACT:
            contact[:] = False
        desk.hear(week, came)
        found.append(
            Week(
                messages=int((tones >= 0).sum()),
                welcome=int(came.interested.sum()),
                unwelcome=int(came.unwelcome.sum()),
                stops=int(came.stopped.sum()),
                contacts=int(contact.sum()),
            )
        )
    return found


@dataclass(kw_only=True, slots=True)
class _Offer:
    signal: Signal
    window_end: datetime
    look_at: datetime


class _Desk:
    """The product's side: offers of each person, looked at once a week as `planning` does."""

    def __init__(self, plan: Planned, town: Town, seed: int) -> None:
        self._plan, self._town = plan, town
        self._rng = np.random.default_rng([seed, 7])
        self._belief = policy.prior(plan.values, plan.others)
        self._closed, self._open = (
            lessons.tally([], plan.values, at=plan.world.campaign.starts_at),
            list[list[Matured]](),
        )
        self._offers: list[list[_Offer]] = [[] for _ in range(town.number)]
        self._sent: list[Decided] = []
        self._people = list(self._citizens())
        self._known: set[datetime] = set()

    def _citizens(self) -> Iterator[Citizen]:
        plan, campaign = self._plan, self._plan.world.campaign
        others = [language for language in plan.languages if language != "nl"]
        shares = [DUTCH if language == "nl" else (1 - DUTCH) / max(1, len(others)) for language in plan.languages]
        drawn = self._rng.choice(len(shares), size=self._town.number, p=np.array(shares) / sum(shares))
        lots = self._rng.random(self._town.number)
        for number in range(self._town.number):
            yield Citizen(
                id=f"p{number}",
                language=plan.languages[drawn[number]],
                zone=plan.zone,
                active=True,
                linked=True,
                consents={campaign.theme: campaign.ends_at + timedelta(days=400)},
                told=dict.fromkeys(campaign.situations, campaign.starts_at),
                lot=float(lots[number]),
            )

    def decide(self, week: int, stopped: Flags) -> Ints:
        """The tone for whom this week's messages are, -1 for others."""
        now = self._now(week)
        self._learn(now)
        self._take_in(now, stopped)
        chosen = np.full(self._town.number, -1)
        self._sent = []
        rows: list[Decided] = []
        for person, offers in enumerate(self._offers):
            for offer in [offer for offer in offers if offer.look_at <= now]:
                plan, _ = planning.decide(
                    self._plan.world,
                    Inputs(signal=offer.signal, citizen=self._people[person], now=now, window_end=offer.window_end),
                    self._belief,
                    (float(self._rng.random()), float(self._rng.random())),
                )
                match plan:
                    case Send(odds=odds):
                        tone = next(v.tone for v in self._plan.world.variants if v.id == plan.variant)
                        chosen[person] = TONES.index(tone)
                        offers.remove(offer)
                        rows.append(Decided(week=week, person=person, tone=tone, odds=odds))
                        break  # whoever is written to is held from everything else this week
                    case Hold(until=until, odds=odds):
                        offer.look_at = min(until, offer.window_end + timedelta(seconds=1))
                        if odds is not None:
                            rows.append(Decided(week=week, person=person, tone=None, odds=odds))
                    case Skip():
                        offers.remove(offer)
        self._sent = rows
        return chosen

    def hear(self, week: int, came: Came) -> None:
        """What came back on the messages of this week."""
        now, card = self._now(week), self._plan.world.card
        rows = []
        for decided in self._sent:
            answers: tuple[Answer, ...] = ()
            if decided.tone is not None:
                answers = answers_of(came, decided.person, now)
                self._people[decided.person] = told(self._people[decided.person], decided, card, answers, now)
            rows.append(matured(decided, card, answers, now, self._plan.world.rules))
        self._open.append(rows)

    def _now(self, week: int) -> datetime:
        return self._plan.world.campaign.starts_at + timedelta(hours=10) + week * WEEK

    def _take_in(self, now: datetime, stopped: Flags) -> None:
        """This week's signals become offers, of whoever did not stop."""
        world, everybody = self._plan.world, range(self._town.number)
        arrived: list[tuple[str, Origin, datetime, Iterable[int], bool]] = []
        for day in self._plan.days:
            rule = next(rule for rule in world.card.signals if rule.type == self._plan.calendar)
            if day not in self._known and day + timedelta(days=rule.earliest_day) <= now:
                self._known.add(day)
                arrived.append((rule.type, rule.origin, day, everybody, True))
        for kind, origin in self._plan.signals:
            chance = self._town.signals / 52 / len(self._plan.signals)
            concerned = np.flatnonzero(self._rng.random(self._town.number) < chance).tolist()
            arrived.append((kind, origin, now, concerned, False))
        for kind, origin, at, people, crowd in arrived:
            for person in people:
                if stopped[person]:
                    continue
                signal = Signal(
                    id=f"{kind}-{at:%Y%m%d}-{person}",
                    type=kind,
                    origin=origin,
                    occurred_at=at,
                    citizen=None if crowd else self._people[person].id,
                    received_at=now,
                )
                rule_of_it = outreach.rule_for(signal, world.card)
                assert rule_of_it is not None
                closes = min(outreach.window(signal, rule_of_it)[1], world.campaign.ends_at)
                self._offers[person].append(_Offer(signal=signal, window_end=closes, look_at=now))

    def _learn(self, now: datetime) -> None:
        if self._plan.world.campaign.learning is not Learning.ADAPTIVE:
            return
        self._closed = self._closed.faded(WEEK)
        while self._open and (not self._open[0] or self._open[0][0].closes_at <= now):
            self._closed += lessons.tally(self._open.pop(0), self._plan.values, at=now)
        self._belief = lessons.concluded(
            self._closed, self._belief, self._plan.values, cutoff=now, others=self._plan.others
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Range:
    """Over seeds and assumptions: a low one (a tenth of runs are lower, of the least responsive), middle and high."""

    low: float
    middle: float
    high: float


def ranges(runs: Mapping[str, Sequence[Sequence[Week]]]) -> list[dict[str, Range]]:
    """For each week, and last of all for the whole, each number's range over the runs of each of RESPONSIVENESS."""
    names = [field.name for field in fields(Week)]
    counts = {
        key: np.array([[[getattr(week, name) for name in names] for week in run] for run in of])
        for key, of in runs.items()
    }
    with_total = {key: np.concatenate([of, of.sum(axis=1, keepdims=True)], axis=1) for key, of in counts.items()}
    low = np.min([np.quantile(of, 0.1, axis=0) for of in with_total.values()], axis=0)
    high = np.max([np.quantile(of, 0.9, axis=0) for of in with_total.values()], axis=0)
    middle = np.median(with_total["medium"], axis=0)
    return [
        {
            name: Range(low=float(low[week, place]), middle=float(middle[week, place]), high=float(high[week, place]))
            for place, name in enumerate(names)
        }
        for week in range(len(middle))
    ]

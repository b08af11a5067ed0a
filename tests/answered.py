"""People who agreed to research, and what they were sent and answered: rows put down as a year of the bot leaves them.

A year of the real journey takes minutes; what it writes is tested elsewhere. `year` is a town with a year of answers.
"""

import itertools
import math
import random
from datetime import timedelta

from sqlmodel import Session

from bot import planning
from bot.core import policy
from bot.core.facts import Tone
from bot.core.survey import DIMENSIONS
from bot.core.talk import RESEARCH
from bot.planning import world as worlds
from bot.store import ledger
from bot.store.tables import (
    AnswerRow,
    CampaignRow,
    CitizenRow,
    ConsentRow,
    ContactRequestRow,
    DecisionRow,
    MessageRow,
    OfferRow,
    OpinionRow,
    PolicyRow,
    SignalRow,
)

WEEK = timedelta(weeks=1)
DAY = timedelta(days=1)
MESSAGES = 5_000_000  # numbers of messages that no journey of a test reaches


class Answered:
    """Rows for `now` and before; `flush` writes what was put down so far, by the table."""

    def __init__(self, sessions, wording, vault, now):
        self.sessions, self.wording, self.vault, self.now = sessions, wording, vault, now
        self.numbers = itertools.count(1)
        self.messages = itertools.count(MESSAGES)
        self.rows = {}
        self.worlds, self.offers, self.languages = {}, {}, {}
        belief = policy.prior(wording.values)
        self.prior = belief.version
        with sessions.begin() as session:
            planning.keep_policy(session, belief, now - 60 * WEEK, rows_used=0)

    def _put(self, table, **row):
        self.rows.setdefault(table, []).append(row)
        return row

    def person(self, language="nl", *, agreed=True, holdout=False):
        number = next(self.numbers)
        name = f"r{number:07d}"
        self.languages[name] = language
        joined = self.now - 60 * WEEK
        self._put(
            CitizenRow, id=name, chat_hash=f"hash-{name}", language=language, zone="Europe/Amsterdam",
            standing="active", created_at=joined, joined_at=joined, holdout=holdout, surveys=0,
        )  # fmt: skip
        if agreed:  # and to no theme, so that no campaign of a test writes to them
            self.consent(name, RESEARCH, "given", joined)
        return name

    def consent(self, person, theme, state, at):
        until = at + timedelta(days=730) if state == "given" else None
        self._put(
            ConsentRow, citizen_id=person, theme=theme, state=state, at=at, valid_until=until, text="x", wording="x",
            language="nl",
        )  # fmt: skip

    def world(self, campaign):
        """The hash of what decisions about this campaign have in common."""
        if campaign not in self.worlds:
            with self.sessions.begin() as session:
                row = session.get_one(CampaignRow, campaign)
                world = worlds.world_of(session, row, self.wording, self.now)
                [key] = worlds.keep(session, {campaign: world}).values()
                signal = f"signal-{campaign}"
                if session.get(SignalRow, signal) is None:
                    session.add(
                        SignalRow(
                            id=signal, source="urn:test", external_id=signal, type="x", origin="calendar",
                            occurred_at=self.now, received_at=self.now, addressed=False, data={}, outcome="planned",
                        )
                    )  # fmt: skip
                self.worlds[campaign] = (world, key)
        return self.worlds[campaign]

    def _offer(self, person, campaign, at, reason):
        """The offer that all decisions about this person and campaign belong to, and the how manieth this one is."""
        offer, look = self.offers.get((person, campaign), (f"o{len(self.offers):015d}", 0))
        if not look:
            self._put(
                OfferRow, id=offer, signal_id=f"signal-{campaign}", campaign_id=campaign, citizen_id=person,
                state="closed", look_at=at, window_end=at + 4 * WEEK, outcome=reason or "sent", decisions=1,
                created_at=at,
            )  # fmt: skip
        self.offers[person, campaign] = (offer, look + 1)
        return offer, look + 1

    def decided(
        self, person, campaign, at, *, plan="send", reason=None, tone="neutral", p_send=0.5, tones=None, available=True,
        forced=False, state="sent", answers=(), opinions=(), policy_version=None, contact=None, fallback=None,
    ):  # fmt: skip
        """One decision point. `answers` are (choice, days after delivery); `contact` the request's (state, moved)."""
        world, key = self.world(campaign)
        number = next(self.numbers)
        decision = f"d{number:015d}"
        offer, look = self._offer(person, campaign, at, reason)
        chances = dict.fromkeys(Tone, 1 / 3) if tones is None else tones
        drawn = available and plan != "skip"
        card = world.card.id
        self._put(
            DecisionRow, id=decision, offer_id=offer, number=look, citizen_id=person, campaign_id=campaign, card=card,
            card_version=world.card.version, decided_at=at, plan=plan, reason=reason, available=available,
            variant=f"{card}.{tone}.1" if plan == "send" else None, tone=tone if plan == "send" else None,
            p_send=p_send if drawn else None, randomised_send=drawn and p_send < 1,
            tone_probs={f"{card}.{name}.1": chance for name, chance in chances.items()} if drawn else None,
            randomised_tone=drawn and len(chances) > 1 and not forced, tone_forced=drawn and forced,
            draw_send=0.25 if drawn else None, draw_tone=0.25 if drawn else None,
            policy=(policy_version or self.prior) if drawn else None, fallback=fallback,
            context={"dose": 0.0, f"theme:{world.card.theme}": 1.0} if drawn else None, inputs={}, world=key,
        )  # fmt: skip
        if plan != "send":
            return None
        sent_at = at + timedelta(hours=1)
        message = next(self.messages)
        self._put(
            MessageRow, id=message, key=f"nudge:{decision}", citizen_id=person, purpose=int(ledger.NUDGE), state=state,
            due_at=at, created_at=at, closed_at=sent_at, decision_id=decision, offer_id=offer, campaign_id=campaign,
            card=card, variant=f"{card}.{tone}.1", tone=tone, sensitivity=world.card.sensitivity.value,
            language=self.languages.get(person, "nl"),
        )  # fmt: skip
        for place, (choice, days) in enumerate(answers):
            answered_at = sent_at + days * DAY + timedelta(minutes=place + 1)
            self._put(AnswerRow, message_id=message, citizen_id=person, choice=choice, at=answered_at)
        for dimension, answer in opinions:
            self._put(
                OpinionRow, message_id=message, citizen_id=person, dimension=dimension, answer=answer, at=sent_at + DAY
            )
        if contact is not None:
            stands, moved = contact
            self._put(
                ContactRequestRow, id=message, citizen_id=person, message_id=message, card=card, how="chat",
                daypart="any", language="nl", asked_at=sent_at + DAY, promised_by=(sent_at + 3 * DAY).date(),
                state=stands, remind=False, moved=moved,
            )  # fmt: skip
        return message

    def version(self, at, rows, **changed):
        """A policy version, stored; `changed` are fields of core.beliefs.Policy."""
        from dataclasses import replace

        belief = replace(policy.prior(self.wording.values), cutoff=at, n_tone=rows, n_send=rows, **changed)
        self._put(
            PolicyRow, version=belief.version, created_at=at, parent=None, cutoff=at, rows_used=rows,
            record=belief.as_record(),
        )  # fmt: skip
        return belief.version

    def flush(self):
        with self.sessions.begin() as session:
            self._write(session)
        self.rows = {}

    def _write(self, session: Session):
        order = (CitizenRow, ConsentRow, PolicyRow, OfferRow, DecisionRow, MessageRow, AnswerRow, OpinionRow,
                 ContactRequestRow)  # fmt: skip
        for table in order:
            rows = self.rows.get(table, [])
            every = {name for row in rows for name in row}
            ledger.add_all(session, table, [dict.fromkeys(every) | row for row in rows])


def year(answered, campaigns, *, people=300, seed=8, weeks=52):
    """A year of a lottery that learns: some tones are liked better, some people tire, some stop."""
    draw = random.Random(seed)
    versions = []
    for quarter in range(0, weeks, 4):
        warmer = 0.15 + 0.02 * quarter / 4
        tones = dict(policy.prior(answered.wording.values).tones)
        tones[Tone.WARM] = _believed(tones[Tone.WARM], warmer)
        at = answered.now - (weeks - quarter) * WEEK
        phase = 0 if quarter == 0 else 1 if quarter < 40 else 2
        versions.append(answered.version(at, quarter * people // 8, tones=tones, phase=phase))
    for number in range(people):
        _one(answered, draw, campaigns, versions, number, weeks)
    answered.flush()


def _believed(belief, mean):
    from dataclasses import replace

    return replace(belief, mean=(mean, *belief.mean[1:]))


def _one(answered, draw, campaigns, versions, number, weeks):
    language = draw.choices(("nl", "en", "ar", "tr", "pl"), (60, 15, 12, 8, 5))[0]
    holdout = number % 10 == 0
    person = answered.person(language, agreed=draw.random() < 0.9, holdout=holdout)
    liking = draw.gauss(-1.1, 0.7)
    wait, turn = draw.randrange(3), 0
    for week in range(weeks):
        at = answered.now - (weeks - week) * WEEK + timedelta(hours=9 + draw.randrange(10))
        campaign = campaigns[(week // 3 + number) % len(campaigns)]
        if wait > 0:
            wait -= 1
            if draw.random() < 0.3:
                answered.decided(person, campaign, at, plan="hold", reason="resting", available=False)
            continue
        p_send = 1.0 if holdout else max(0.2, 0.5 - 0.006 * week)
        learned = week / weeks
        tones = {Tone.NEUTRAL: (1 - 0.4 * learned) / 3, Tone.WARM: (1 + 0.8 * learned) / 3,
                 Tone.PRACTICAL: (1 - 0.4 * learned) / 3}  # fmt: skip
        stored = {"tones": tones, "p_send": p_send, "policy_version": versions[week // 4]}
        if draw.random() >= p_send:
            answered.decided(person, campaign, at, plan="hold", reason="lottery", **stored)
            continue
        tone = draw.choices(list(tones), list(tones.values()))[0]
        chance = 1 / (1 + math.exp(-(liking + {"warm": 0.5, "practical": 0.1}.get(tone, 0.0))))
        said, opinions, contact, stops = _said(draw, chance, turn)
        turn += bool(said)
        answered.decided(
            person, campaign, at, tone=tone, answers=said, opinions=opinions, contact=contact, **stored,
            state="failed" if draw.random() < 0.01 else "sent",
        )  # fmt: skip
        if stops:
            answered.consent(person, RESEARCH, "withdrawn", at + DAY)
            return
        wait = 3 if holdout else draw.choice((1, 2, 3, 5, 8, 13))


def _said(draw, chance, turn):
    """The answers to one message: (choice, days), opinions, a request for contact, and whether the person stops."""
    if draw.random() < 0.012:
        return [("stop", 0)], [], None, True
    if draw.random() < 0.35:
        return [], [], None, False
    days = draw.choice((0, 0, 0, 1, 1, 2, 4, 9, 15))
    if draw.random() >= chance + 0.15:
        choice = draw.choice(("no", "not_now", "no", "have_it", "not_about_me"))
        said = [("no", days), (choice, days)] if choice in {"have_it", "not_about_me"} else [(choice, days)]
        if draw.random() < 0.06:
            said.append((draw.choice(("too_often", "unwelcome")), days))
            return said, [], None, False
    else:
        said = [("more", days)]
        if draw.random() < 0.3:
            said.append(("self", days))
    contact = None
    if said[0][0] == "more" and draw.random() < 0.2:
        said.append(("contact", days))
        contact = (draw.choice(("done", "done", "talking", "open", "cancelled")), int(draw.random() < 0.2))
    opinions = []
    if turn % 2 == 0:
        liked = draw.random() < (0.75 if said[0][0] == "more" else 0.4)
        said.append(("welcome" if liked else draw.choice(("unwelcome", "no_opinion")), days))
        said.append(("expected" if draw.random() < (0.6 if liked else 0.35) else "unexpected", days))
    else:
        dimension = DIMENSIONS[draw.randrange(8)]
        yes = 0.55 + 0.05 * DIMENSIONS.index(dimension)
        opinions = [(dimension, draw.choices(("yes", "no", "no_opinion"), (yes, 1 - yes, 0.15))[0])]
    return said, opinions, contact, False

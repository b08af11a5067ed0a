"""From decisions, messages and answers to the rows of an export, some people at a time."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from math import fsum
from typing import Any, Final

from sqlmodel import Session

from bot.core import policy
from bot.core.facts import Answer, Choice, Learning, Sensitivity, Tone, Values
from bot.core.policy import Matured
from bot.research.export import fields
from bot.research.export.study import MOST_ROWS, OTHER, Numbers, Period, Person, municipality_id, week
from bot.store import study
from bot.store.study import Decision, Message, World
from bot.store.tables import OpinionRow
from bot.wording import Wording

#: So many people are read at a time; with a hundred decisions each they take some tens of megabytes.
AT_ONCE: Final = 50
_ASKED: Final = {Choice.WELCOME: "yes", Choice.UNWELCOME: "no", Choice.NO_OPINION: "no_opinion"}
_EXPECTED: Final = {Choice.EXPECTED: "yes", Choice.UNEXPECTED: "no"}


Row = dict[str, Any]


@dataclass
class Rows:
    """The rows of some people, by table. `features` are the names of all context features among them."""

    tables: dict[str, list[Row]] = field(default_factory=lambda: {table.name: [] for table in fields.LONG})
    citizens: list[Row] = field(default_factory=list)
    features: set[str] = field(default_factory=set)


@dataclass(frozen=True, kw_only=True)
class Reader:
    """`deployments` are the moments at which a program was started that was another one than before, and which."""

    session: Session
    numbers: Numbers
    wording: Wording
    now: datetime
    period: Period
    phases: Mapping[str, int]
    deployments: Sequence[tuple[datetime, str]] = ()
    most: int = MOST_ROWS

    @cached_property
    def worlds(self) -> Mapping[str, World]:
        return study.worlds(self.session)

    @cached_property
    def values(self) -> Values:
        return self.wording.values

    @cached_property
    def window(self) -> timedelta:
        return self.wording.rules.window

    @cached_property
    def hidden_cards(self) -> frozenset[str]:
        """Cards of sensitivity S3, now or in any decision."""
        now = {name for name, card in self.wording.cards.items() if card.facts().sensitivity is Sensitivity.S3}
        return study.sensitive_cards(self.session) | now

    def parts(self, people: Sequence[Person]) -> Iterator[Rows]:
        """All rows about these people, in the order of their numbers."""
        for place in range(0, len(people), AT_ONCE):
            yield self._part({person.id: person for person in people[place : place + AT_ONCE]})

    def _part(self, people: Mapping[str, Person]) -> Rows:
        session, period = self.session, self.period
        decisions = study.decisions_of(session, people, period.since, period.until)
        earlier = {} if period.since is None else study.before(session, people, period.since)
        messages: dict[str, dict[str, Message]] = {name: {} for name in people}
        for message in study.messages_to(session, people):
            messages[message.citizen_id][message.decision_id] = message
        answers = study.answers_of(session, people)
        opinions = study.opinions_of(session, people)
        rows = Rows()
        for person in people.values():
            self._about(rows, person, decisions.get(person.id, []), earlier.get(person.id, 0), messages[person.id],
                        answers, opinions)  # fmt: skip
        self._requests(rows, people, messages, decisions)
        return rows

    def _about(
        self,
        rows: Rows,
        person: Person,
        decisions: Sequence[Decision],
        earlier: int,
        messages: Mapping[str, Message],
        answers: Mapping[int, Sequence[Answer]],
        opinions: Mapping[int, Sequence[OpinionRow]],
    ) -> None:
        """All rows about one person."""
        kept = decisions[: self.most]
        liked = _liked(messages.values(), answers, self.window)
        for index, decision in enumerate(kept, start=earlier + 1):
            message = messages.get(decision.id)
            answered = answers.get(message.id, ()) if message is not None else ()
            row = self._decision(decision, person, message, index, rows.features)
            number = row["decision_id"]
            rows.tables["decisions"].append(row)
            if message is not None:
                rows.tables["answers"] += _answers(number, message, answered)
                rows.tables["opinions"] += [
                    {"decision_id": number, "dimension": opinion.dimension, "answer": opinion.answer}
                    for opinion in opinions.get(message.id, ())
                ]
            response = None
            if decision.p_send is not None:
                response = self._response(decision, message, answered, liked)
                rows.tables["responses"].append({"decision_id": number, **response})
            _views(rows, row, response)
        rows.citizens.append(self._citizen(person, len(kept), capped=len(decisions) > len(kept)))

    def _citizen(self, person: Person, decisions: int, *, capped: bool) -> Row:
        return {
            "citizen_pid": person.pid,
            "municipality_id": self._municipality,
            **person.told,
            "holdout": int(person.holdout),
            "exit_week": None if person.exit is None else week(person.exit[0]),
            "exit_reason": None if person.exit is None else person.exit[1],
            "decisions": decisions,
            "capped": int(capped),
        }

    @cached_property
    def _municipality(self) -> str:
        return municipality_id(self.wording)

    def _decision(
        self,
        one: Decision,
        person: Person,
        message: Message | None,
        index: int,
        features: set[str],
    ) -> Row:
        world = self.worlds[one.world]
        in_study = one.randomised_send
        sent = one.plan == "send"
        odds = one.tone_probs if one.randomised_tone else None
        tones = {tone: _of_tone(odds, tone) for tone in Tone} if odds else {}
        tone_in_study = sent and one.randomised_tone and not one.tone_forced
        p_variant = (one.tone_probs or {}).get(one.variant or "")
        p_variant = p_variant if p_variant is not None and p_variant < 1 else None
        context = one.context
        numbers = {} if context is None else {name: x for name, x in context.items() if ":" not in name}
        features.update(numbers)
        learning = world.learning
        return {
            "decision_id": self.numbers.of("decision", one.id),
            "citizen_pid": person.pid,
            "municipality_id": self._municipality,
            "decision_index": index,
            "iso_week": week(one.decided_at),
            "campaign_id": one.campaign_id,
            "card": one.card,
            "card_version": one.card_version,
            "theme": world.theme,
            "sensitivity": world.sensitivity,
            "origin": one.origin,
            "signal_id": self.numbers.of("signal", one.signal_id),
            "offer_id": self.numbers.of("offer", one.offer_id),
            "look": one.number,
            "learning": learning,
            "phase": None if learning == Learning.FIXED else self._phase(learning, one.policy),
            "plan": one.plan,
            "available": int(one.available),
            "unavailable_reason": None if one.available else one.reason,
            "hold_reason": one.reason if one.available and not sent else None,
            "in_study": int(in_study),
            "p_send": one.p_send if in_study else None,
            "sent": int(sent),
            "eligible_arms": _arms(one.tone_probs),
            **{f"p_tone_{tone}": tones.get(tone) for tone in Tone},
            "tone": one.tone,
            "tone_in_study": int(tone_in_study),
            "tone_forced": int(one.tone_forced),
            "p_tone": tones.get(Tone(one.tone)) if tone_in_study and one.tone else None,
            "p_variant": p_variant if sent else None,
            "p_joint": _joint(one, p_variant),
            "draw_u_send": one.draw_send,
            "draw_u_tone": one.draw_tone,
            "key_epoch": one.epoch,
            "holdout": int(person.holdout),
            "fallback": None if one.fallback is None else one.fallback.partition(":")[0].strip(),
            "policy_version": one.policy,
            "code_version": self._code(one.decided_at),
            "f_language": _told(person, "language", context),
            "f_theme": _flag(context, "theme"),
            "f_prefers": _told(person, "prefers", context),
            **{f"f_{name}": x for name, x in numbers.items()},
            "content_id": one.variant,
            "content_hash": _hash(message, person),
            "delivered": None if message is None else _state(message),
            "delivery_error": None if message is None or not message.error else message.error.partition(":")[0],
        }

    def _phase(self, learning: str, version: str | None) -> int | None:
        if learning == Learning.TRIAL:
            return 0
        return None if version is None else self.phases.get(version)

    def _code(self, at: datetime) -> str | None:
        place = bisect_right(self.deployments, at, key=lambda one: one[0])
        return self.deployments[place - 1][1] if place else None

    def _response(
        self, one: Decision, message: Message | None, answers: Sequence[Answer], liked: Sequence[datetime]
    ) -> Row:
        sent = one.plan == "send"
        arrived = message is not None and message.state == "sent" and message.closed_at is not None
        begins = message.closed_at if arrived and message is not None else one.decided_at
        assert begins is not None
        closes = begins + self.window
        why = None
        if sent and not arrived:
            why = "waiting" if message is None else _state(message)
        elif closes > self.now:
            why = "window_open"
        timely = [answer for answer in answers if answer.at <= closes]
        row: Row = {
            "first_response": answers[0].choice.value if answers else None,
            "days_to_response": _days(answers[0].at - begins) if answers and arrived else None,
            "welcome": _last(answers, _ASKED),
            "expected": _last(answers, _EXPECTED),
            "contact_requested": int(any(answer.choice is Choice.CONTACT for answer in timely)) if sent else None,
            "matured_14d": int(closes <= self.now),
            "censor_reason": why,
        }
        if why is not None:
            return row
        matured = Matured(
            decision=one.id,
            decided_at=one.decided_at,
            closes_at=closes,
            context=one.context or {"dose": 0.0},
            sensitivity=Sensitivity(self.worlds[one.world].sensitivity),
            sent=sent,
            tone=Tone(one.tone) if one.tone and sent else None,
            p_send=one.p_send or 0.0,
            randomised_send=one.randomised_send,
            randomised_tone=one.randomised_tone,
            tone_forced=one.tone_forced,
            outcome=policy.outcome(answers, by=closes),
        )
        reward = policy.reward(matured, self.values)
        any_by = one.decided_at + self.window
        # Adding nought turns a minus nought, which no reader expects, into a plain one.
        return row | {
            "interested": int(matured.outcome.interested),
            "unwelcome": int(matured.outcome.unwelcome),
            "stopped": int(matured.outcome.stopped),
            "interested_any": int(any(one.decided_at < at <= any_by for at in liked) or matured.outcome.interested),
            "reward": reward.total + 0.0,
            "reward_interested": reward.interested + 0.0,
            "reward_unwelcome": reward.unwelcome + 0.0,
            "reward_stop": reward.stop + 0.0,
            "reward_per_send": reward.per_send + 0.0,
            "reward_per_dose": reward.per_dose + 0.0,
        }

    def _requests(
        self,
        rows: Rows,
        people: Mapping[str, Person],
        messages: Mapping[str, Mapping[str, Message]],
        decisions: Mapping[str, Sequence[Decision]],
    ) -> None:
        kept = {one.id for theirs in decisions.values() for one in theirs[: self.most]}
        from_decision = {one.id: one.decision_id for theirs in messages.values() for one in theirs.values()}
        for request in study.requests_of(self.session, people):
            inside = (self.period.since is None or request.asked_at >= self.period.since) and (
                self.period.until is None or request.asked_at < self.period.until
            )
            if not inside or request.card in self.hidden_cards:
                continue
            decision = from_decision.get(request.message_id or 0)
            met = 0 if request.moved else 1 if request.state in {"talking", "done"} else None
            rows.tables["contacts"].append(
                {
                    "request_id": self.numbers.of("request", request.id),
                    "citizen_pid": people[request.citizen_id].pid,
                    "decision_id": self.numbers.of("decision", decision) if decision in kept else None,
                    "iso_week": week(request.asked_at),
                    "how": request.how,
                    "state": request.state,
                    "promise_kept": met,
                }
            )


def _answers(number: str, message: Message, answers: Sequence[Answer]) -> list[Row]:
    sent_at = message.closed_at if message.state == "sent" else None
    return [
        {
            "decision_id": number,
            "choice": answer.choice.value,
            "days": None if sent_at is None else _days(answer.at - sent_at),
        }
        for answer in answers
    ]


def _views(rows: Rows, row: Row, response: Row | None) -> None:
    shared = {name: row.get(name) for name in ("decision_id", "decision_index", "iso_week", "campaign_id", "theme",
                                               "learning", "phase", "holdout")}  # fmt: skip
    shared |= {name: value for name, value in row.items() if name.startswith("f_")} | {"id": row["citizen_pid"]}
    known = response is not None and response["censor_reason"] is None
    if not row["available"] and row["learning"] != Learning.FIXED and not row["holdout"]:
        rows.tables["mrt_send"].append(shared | {"availability": 0, "treatment": 0})
    if not known or response is None:
        return
    outcomes = {"outcome": response["interested"], "reward": response["reward"]}
    if row["in_study"]:
        found = {"availability": 1, "treatment": row["sent"], "rand_prob": row["p_send"]}
        any_ = {"outcome_any": response["interested_any"]}
        rows.tables["mrt_send"].append(shared | found | outcomes | any_)
    if row["tone_in_study"]:
        chances = {f"p_{tone}": row[f"p_tone_{tone}"] for tone in Tone}
        found = {"availability": 1, "treatment": row["tone"], "rand_prob": row["p_tone"]}
        rows.tables["mrt_tone"].append(shared | found | chances | outcomes | {"unwelcome": response["unwelcome"]})


def _liked(messages: Iterable[Message], answers: Mapping[int, Sequence[Answer]], window: timedelta) -> list[datetime]:
    """When this person liked something: the first answer of interest to each message that was felt welcome."""
    moments = []
    for message in messages:
        if message.closed_at is None or message.state != "sent":
            continue
        theirs = answers.get(message.id, ())
        if policy.outcome(theirs, by=message.closed_at + window).interested:
            moments.append(next(answer.at for answer in theirs if policy.felt_welcome([answer]) is True))
    return moments


def _told(person: Person, name: str, context: Mapping[str, float] | None) -> str | None:
    """What the policy saw, as far as it is told of this person; not where it was another than now."""
    if context is None or person.told[name] in {None, OTHER}:
        return None if context is None else person.told[name]
    seen = _flag(context, name) or "none"
    return seen if seen == person.told[name] else None


def _hash(message: Message | None, person: Person) -> str | None:
    """The text's hash, where the language that it tells is told anyway."""
    if message is None or message.language is None or message.language != person.told["language"]:
        return None
    return message.wording_hash


def _of_tone(odds: Mapping[str, float], tone: Tone) -> float | None:
    """The wordings of a tone together; a wording's id ends in `<tone>.<number>`."""
    found = [chance for variant, chance in odds.items() if variant.split(".")[-2] == tone]
    return fsum(found) if found else None


def _arms(odds: Mapping[str, float] | None) -> str | None:
    return "|".join(sorted({variant.split(".")[-2] for variant in odds})) if odds else None


def _joint(one: Decision, p_variant: float | None) -> float | None:
    if one.p_send is None:
        return None
    p_send = one.p_send if one.randomised_send else 1.0
    done = p_send * (1.0 if p_variant is None else p_variant) if one.plan == "send" else 1 - p_send
    return done if 0 < done < 1 else None


def _flag(context: Mapping[str, float] | None, name: str) -> str | None:
    """Which of the features `name:…` is 1."""
    return next((key.partition(":")[2] for key, x in (context or {}).items() if x and key.startswith(f"{name}:")), None)


def _state(message: Message) -> str:
    return message.state if message.state in {"sent", "failed", "uncertain", "withdrawn", "expired"} else "waiting"


def _last(answers: Sequence[Answer], among: Mapping[Choice, str]) -> str | None:
    return next((among[answer.choice] for answer in reversed(answers) if answer.choice in among), None)


def _days(span: timedelta) -> int:
    return max(0, span // timedelta(days=1))

"""What the ledger says, read over a connection of its own that meets no faults, and held against the model.

Only what is new since the last look is read; `sweep` looks at all of it.
"""

import json
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import bindparam, text

from bot.store import schema
from tests.simulation.citizen import NOTES
from tests.simulation.model import FLOOR, Broken, Model

EXACT = 1e-9
TEAM = "Wijkteam Oost"
RESEARCH = "_research"
UNCALLED = frozenset({2, 3})  # the purposes of nudges and of notes
#: What may become of an offer. Each of them can be told to the person whom it was for.
OUTCOMES = frozenset({
    "planned", "sent", "uncertain", "unreachable", "rejected",
    "no_campaign", "unknown_person", "campaign_not_running", "card_not_in_force", "signal_not_enabled",
    "signal_expired", "stopped", "no_consent", "not_in_audience", "card_declined", "card_cap", "year_cap", "too_early",
    "paused", "snoozed", "open_question", "card_gap", "resting", "month_cap", "wave", "quiet", "lottery", "holdout",
    "no_wording", "campaign_full", "taken_back",
})  # fmt: skip


@dataclass(frozen=True)
class Fact:
    card: str
    variant: str
    language: str
    campaign: str
    type: str
    origin: str
    occurred_at: datetime
    citizen: str
    addressed_to: str | None


class Witness:
    def __init__(self, url: str) -> None:
        self.engine = schema.open_engine(url)
        self.connection = self.engine.connect().execution_options(**{schema.READS: True})
        self._facts: dict[int, Fact] = {}
        self._decided: datetime | str | None = None
        self._at_that_moment: set[str] = set()
        self._consents = self._answers = 0
        self.decisions = 0

    def close(self) -> None:
        self.connection.close()
        self.engine.dispose()

    def _all(self, statement: str, **values):
        clause = text(statement)
        for name, value in values.items():
            if isinstance(value, list):
                clause = clause.bindparams(bindparam(name, expanding=True))
        rows = self.connection.execute(clause, values).all()
        self.connection.rollback()  # the next question sees what was written since
        return rows

    def updates(self, numbers, *, done: bool = False) -> list[int]:
        """Those of these updates that are stored (and `done`: took effect)."""
        states = ["done"] if done else ["new", "done", "dead"]
        rows = self._all("SELECT update_id FROM inbox WHERE update_id IN :ids AND state IN :states",
                         ids=list(numbers), states=states)  # fmt: skip
        return [row[0] for row in rows]

    def sending(self, messages) -> list[int]:
        return [row[0] for row in self._all("SELECT id FROM message WHERE state = 'sending' AND id IN :ids",
                                            ids=list(messages))]  # fmt: skip

    def look(self, message: int) -> Fact:
        """Where a nudge comes from. Its language is known once it left."""
        known = self._facts.get(message)
        if known is not None:
            return known
        [row] = self._all(
            "SELECT m.card, m.variant, m.language, m.campaign_id, s.type, s.origin, s.occurred_at, o.citizen_id, "
            "s.citizen_id FROM message m JOIN offer o ON o.id = m.offer_id JOIN signal s ON s.id = o.signal_id "
            "WHERE m.id = :id", id=message)  # fmt: skip
        self._facts[message] = Fact(*row[:6], moment(row[6]), *row[7:])
        return self._facts[message]

    def month(self, message: int) -> str:
        """Which month a note is about."""
        [row] = self._all("SELECT key FROM message WHERE id = :id", id=message)
        return row.key.split(":")[1]

    def check(self, model: Model) -> None:
        """What was decided and agreed to since the last look."""
        self._decisions()
        self._agreed(model)
        self._answered(model)

    def _answered(self, model: Model) -> None:
        """An update is answered once (7)."""
        new = "SELECT id, key, body FROM message WHERE id > :id AND purpose = 0 ORDER BY id"
        rows = self._all(new, id=self._answers)
        for row in rows:
            self._answers = row.id
            what, _, rest = row.key.partition(":")
            body = (json.loads(row.body) if isinstance(row.body, str) else row.body) or {}
            if what != "update" or not body.get("text"):
                continue
            said = int(rest.partition(":")[0]), body["text"]
            if said in model.said:
                raise Broken(7, f"update {said[0]} was answered twice", *filter(None, [model.updates.get(said[0])]))
            model.said.add(said)
            if rest.endswith(":0"):
                self._explained(model, said[0], body["text"])

    def _explained(self, model: Model, update: int, answer: str) -> None:
        """ "Why do I get this?" names the team that proposed it, and names it for nothing else (13)."""
        chat = model.updates.get(update)
        said = None if chat is None else model.person(chat).said(update)
        parts = [] if said is None else said.what.split("|")
        if len(parts) != 4 or parts[1] != "n" or parts[3] != "why":
            return
        fact = self.look(int(parts[2], 36))
        if fact.origin == "professional" and model.person(chat).was_erased:
            return  # who proposed it is forgotten with the rest
        if (TEAM in answer) != (fact.origin == "professional"):
            raise Broken(13, f"why nudge {int(parts[2], 36)} came of {fact.origin} is told as {answer!r}", chat)

    def _decisions(self) -> None:
        """Every decision among several possibilities has all its probabilities, at least the floor (9)."""
        columns = (
            "id, decided_at, plan, available, variant, p_send, randomised_send, tone_probs, randomised_tone, reason"
        )
        since = "" if self._decided is None else " WHERE decided_at >= :since"
        rows = self._all(f"SELECT {columns} FROM decision{since} ORDER BY decided_at",
                         **({} if self._decided is None else {"since": self._decided}))  # fmt: skip
        for row in rows:
            if row.id in self._at_that_moment:
                continue
            if row.decided_at != self._decided:
                self._decided = row.decided_at
                self._at_that_moment = set()
            self._at_that_moment.add(row.id)
            self.decisions += 1
            self._chances(row)

    def _chances(self, row) -> None:
        if row.plan == "send" and not (row.available and row.p_send is not None and row.tone_probs):
            raise Broken(9, f"decision {row.id} sends without its chances")
        if row.plan in {"hold", "skip"} and row.reason not in OUTCOMES:
            raise Broken(6, f"decision {row.id} has no reason that can be told: {row.reason}")
        if row.p_send is None:
            return
        odds = row.tone_probs if isinstance(row.tone_probs, dict) else json.loads(row.tone_probs)
        tones: Counter[str] = Counter()
        for variant, chance in odds.items():
            tones[variant.split(".")[1]] += chance
        if abs(sum(odds.values()) - 1) > EXACT:
            raise Broken(9, f"the chances of decision {row.id} add up to {sum(odds.values())}")
        if row.randomised_tone and (len(tones) < 2 or min(tones.values()) < FLOOR - EXACT):
            raise Broken(9, f"decision {row.id} draws a tone from {dict(tones)}, under the floor")
        if not row.randomised_tone and len(tones) > 1:
            raise Broken(9, f"decision {row.id} says that no tone was drawn from {dict(tones)}")
        if row.randomised_send and not FLOOR - EXACT <= row.p_send <= 1 - FLOOR + EXACT:
            raise Broken(9, f"decision {row.id} sends with chance {row.p_send}, under the floor")
        if row.plan == "send" and (odds.get(row.variant, 0.0) <= 0 or row.p_send <= 0):
            raise Broken(9, f"decision {row.id} did what had no chance")

    def _agreed(self, model: Model) -> None:
        """Each consent comes from a yes to the very text that stood above it (1), once (7)."""
        rows = self._all("SELECT id, citizen_id, theme, state, text, update_id, language FROM consent "
                         "WHERE id > :id ORDER BY id", id=self._consents)  # fmt: skip
        for row in rows:
            self._consents = row.id
            if row.state != "given":
                continue
            chat = model.updates.get(row.update_id)
            said = None if chat is None else model.person(chat).said(row.update_id)
            choice = "" if said is None else said.what.split("|")[-1]
            yes = {NOTES: {"notes.yes"}, RESEARCH: {"research.yes"}}
            if said is None or choice not in yes.get(row.theme, {f"yes.{row.theme}", f"renew.{row.theme}"}):
                whose = [] if chat is None else [chat]
                raise Broken(1, f"consent {row.id} for {row.theme} comes from {said and said.what}", *whose)
            if said.shown != row.text:
                raise Broken(1, f"consent {row.id} keeps another text than was shown", chat)
            if (row.update_id, row.theme) in model.agreed:
                raise Broken(7, f"update {row.update_id} gave consent for {row.theme} twice", chat)
            model.agreed.add((row.update_id, row.theme))

    def standing(self, model: Model, now: datetime, *, calm: bool) -> None:
        """Once a day: nothing waits that should not. `calm`: nothing went wrong for some time."""
        uncertain = self._all("SELECT count(*) FROM message WHERE state = 'uncertain'")[0][0]
        if uncertain > model.most_uncertain:
            raise Broken(5, f"{uncertain} messages are uncertain, at most {model.most_uncertain} could be")
        left = self._all("SELECT m.id FROM message m JOIN citizen c ON c.id = m.citizen_id WHERE m.purpose IN :which "
                         "AND m.state IN ('due', 'leased') AND c.standing IN ('stopped', 'blocked', 'erased')",
                         which=sorted(UNCALLED))  # fmt: skip
        if left:
            raise Broken(2, f"messages {[row[0] for row in left]} wait for people who left")
        if not calm:
            return
        # A chat that was written to a moment ago takes no more just now, and the town delivers only when things happen.
        late = self._all("SELECT m.id FROM message m JOIN citizen c ON c.id = m.citizen_id WHERE m.purpose = 0 AND "
                         "m.state IN ('due', 'leased', 'sending') AND m.due_at < :past AND "
                         "(c.next_ok_at IS NULL OR c.next_ok_at < :past)",
                         past=stamp(now - timedelta(minutes=30), self.engine))  # fmt: skip
        if late:
            raise Broken(3, f"answers {[row[0] for row in late]} are held back")
        heard = self._all("SELECT update_id FROM inbox WHERE state = 'new' AND received_at < :past",
                          past=stamp(now - timedelta(minutes=30), self.engine))  # fmt: skip
        if heard:
            raise Broken(7, f"updates {[row[0] for row in heard]} took no effect")
        lost = self._all("SELECT id FROM signal WHERE outcome IS NULL AND received_at < :past",
                         past=stamp(now - timedelta(days=2), self.engine))  # fmt: skip
        if lost:
            raise Broken(6, f"signals {[row[0] for row in lost]} have no outcome")
        stuck = self._all("SELECT id FROM offer WHERE state = 'open' AND window_end < :past",
                          past=stamp(now - timedelta(days=3), self.engine))  # fmt: skip
        if stuck:
            raise Broken(6, f"offers {[row[0] for row in stuck][:5]} are open after their window")

    def waits(self) -> bool:
        """Whether an offer is open or a message has not left."""
        return bool(
            self._all("SELECT 1 FROM offer WHERE state <> 'closed' LIMIT 1")
            or self._all("SELECT 1 FROM message WHERE state IN ('due', 'leased', 'sending') LIMIT 1")
            or self._all("SELECT 1 FROM inbox WHERE state = 'new' LIMIT 1")
        )

    def sweep(self, model: Model, received: dict[str, str], replay) -> None:
        """All of it, when everything has settled. `received`: the receipts of signals that were handed in."""
        known = {row.id: row.outcome for row in self._all("SELECT id, outcome FROM signal")}
        for receipt in received:
            if known.get(receipt) not in OUTCOMES:
                raise Broken(6, f"signal {receipt} ended in {known.get(receipt, 'nothing at all')}")
        for row in self._all("SELECT id, state, outcome, closed_at FROM offer"):
            if row.state != "closed" or row.outcome not in OUTCOMES or row.closed_at is None:
                raise Broken(6, f"offer {row.id} is {row.state} with outcome {row.outcome}")
        for row in self._all("SELECT id, state, purpose FROM message"):
            if row.state in {"due", "leased", "sending"}:
                raise Broken(6, f"message {row.id} is still {row.state}")
            arrived = model.arrivals[row.id]
            if row.purpose in UNCALLED and (row.state == "sent") > arrived:
                raise Broken(5, f"message {row.id} counts as sent and never arrived")
            if row.purpose in UNCALLED and arrived and row.state not in {"sent", "uncertain"}:
                raise Broken(5, f"message {row.id} arrived and counts as {row.state}")
        if left := self._all("SELECT update_id FROM inbox WHERE state = 'new'"):
            raise Broken(7, f"updates {[row[0] for row in left]} took no effect")
        addresses = [str(chat) for chat in model.people]
        for row in self._all("SELECT id, chat_sealed, chat_hash FROM citizen"):
            if any(address in f"{row.id} {row.chat_sealed} {row.chat_hash}" for address in addresses):
                raise Broken(11, f"the address of {row.id} can be read")
        for row in self._all("SELECT id FROM decision ORDER BY id LIMIT 25"):
            again = replay(row.id)
            if again is None or again.differences:
                raise Broken(9, f"decision {row.id} comes out otherwise: {again and again.differences}")


def moment(value) -> datetime:
    """A moment as either database hands it out without the tables' types."""
    found = datetime.fromisoformat(value) if isinstance(value, str) else value
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def stamp(value: datetime, engine):
    """A moment as the database compares it."""
    return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f") if engine.dialect.name == "sqlite" else value

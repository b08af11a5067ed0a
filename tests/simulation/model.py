"""What always holds (DESIGN section 4), as somebody would watch it who sees the chats, the municipality and the ledger.

Written from the text of DESIGN. It knows nothing of how the bot decides; numbers in brackets are those of the section.
"""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from tests.simulation.cards import Card, is_civil
from tests.simulation.citizen import NOTES, Citizen, Noted, Received, Said

DAY = timedelta(days=1)
YEAR = 365 * DAY
GAP = 14 * DAY
PER_CARD = {"S3": 1}
PER_CARD_ELSE = 2
FLOOR = 0.05
#: A month's note (bot/README, 2026-11-22): so long after a nudge, and after the note before.
NOTE_AFTER_NUDGE = 7 * DAY
NOTE_AFTER_NOTE = 31 * DAY
NO_MORE_NOTES, MENU = "v1|s|0|notes.no", "v1|s|0|menu"


class Broken(AssertionError):  # noqa: N818 - it says what an invariant is then
    """An invariant does not hold. `people` are the chats that it is about."""

    def __init__(self, invariant: int, what: str, *people: int) -> None:
        super().__init__(f"invariant {invariant}: {what}")
        self.invariant, self.people = invariant, people


@dataclass
class Campaign:
    """What people of the municipality did with a campaign. `version` counts its edits."""

    card: str
    editors: set[str] = field(default_factory=set)
    version: int = 0
    approved: tuple[str, int, int] | None = None  # by whom, of which version, at which state of the files
    runs: bool = False
    stopped: bool = False
    until: datetime | None = None


@dataclass
class Note:
    """What people of the municipality did with a month's note. `version` counts its changes, `texts` are of the last.

    Who agreed looked at texts of their own, which may be those of before.
    """

    texts: frozenset[str] = frozenset()
    editors: set[str] = field(default_factory=set)
    version: int = 0
    offered: tuple[str, int] | None = None  # by whom, of which version
    agreed: tuple[str, frozenset[str]] | None = None  # by whom, to which texts
    taken_back: bool = False

    @property
    def why_not(self) -> str | None:
        """Why it may not leave; None: two people agreed to it as it is."""
        author, version = self.offered or ("", -1)
        agreed_by, texts = self.agreed or ("", frozenset())
        if version != self.version:
            return "nobody offered as it is"
        if self.agreed is None or texts != self.texts:
            return "nobody agreed to as it is"
        if agreed_by == author or agreed_by in self.editors:
            return "only its authors agreed to"
        return "was taken back" if self.taken_back else None


class Model:
    """`clock` gives the moment, `look` what the ledger says of a nudge: card, variant, campaign, signal.

    `month` gives the month that a note is about.
    """

    def __init__(self, cards: dict[str, Card], clock, look, month, *, consent: timedelta, lanes: int) -> None:
        self.month = month
        self.notes: dict[str, Note] = {}
        self.note_of: dict[int, str] = {}
        self.noted = 0
        self.reads = lambda chat, message: None
        self.cards, self.look, self._clock, self._consent, self._lanes = cards, look, clock, consent, lanes
        self.people: dict[int, Citizen] = {}
        self.updates: dict[float, int] = {}
        self.campaigns: dict[str, Campaign] = {}
        self.files: Counter[str] = Counter()
        self.paused = False
        self.chat_of: dict[int, int] = {}
        self.arrivals: Counter[int] = Counter()
        self.flying: dict[int, int] = {}
        self.delivered: set[int] = set()
        self.doubtful: set[int] = set()
        self.unclear_calls = 0
        self.lost_in_flight = 0
        self.frozen: dict[tuple[str, str], str] = {}
        self.said: set[tuple[int, str]] = set()
        self.taken_in: set[float] = set()
        self.agreed: set[tuple[float, str]] = set()
        self.nudges = 0
        self.reacts = lambda chat, nudge, message: None

    def person(self, chat: int) -> Citizen:
        if chat not in self.people:
            self.people[chat] = Citizen(self._consent)
        return self.people[chat]

    # What people do.

    def says(self, chat: int, update: int, what: str, shown: str = "") -> None:
        self.person(chat).says(Said(update, self._clock(), what, shown))
        self.updates[update] = chat

    # What the bot takes in. An update takes effect once (7).

    def stored(self, updates) -> None:
        self.taken_in.update(updates)
        for update in updates:
            if update in self.updates:
                self.person(self.updates[update]).stored(update, self._clock())

    def heard(self, update: int) -> None:
        if update in self.updates and update not in self.taken_in:
            raise Broken(7, f"update {update} took effect before it was stored", self.updates[update])
        if update in self.updates:
            self.person(self.updates[update]).heard(update, self._clock())

    # What leaves: judged at the commit that lets it go.

    def departs(self, message: int, chat: int, text: str, *, nudge: bool, notice: bool, note: bool = False) -> None:
        """`notice`: nobody asked for it just now. `note`: it is a month's note."""
        now = self._clock()
        if message in self.flying:
            raise Broken(5, f"message {message} was let go while it was in flight", chat)
        if message in self.doubtful:
            raise Broken(5, f"message {message} leaves again, and may have arrived before", chat)
        self.flying[message] = chat
        if len(self.flying) > self._lanes + 1:
            raise Broken(5, f"{len(self.flying)} in flight, {self._lanes + 1} may be", *self.flying.values())
        person = self.person(chat)
        if nudge or notice or note:
            if not is_civil(now, person.standing.quiet):
                raise Broken(3, f"message {message} left at {now.isoformat()}", chat)
            left = person.left_at()
            if left is not None:
                raise Broken(2, f"message {message} left after a stop was stored at {left.isoformat()}", chat)
            if not person.standing.active:
                raise Broken(2, f"message {message} left to somebody who had stopped or never joined", chat)
        if nudge:
            self._nudge(message, chat, person, now)
        if note:
            self._note(message, chat, person, text, now)

    def _note(self, message: int, chat: int, person: Citizen, text: str, now: datetime) -> None:
        """Only who asked for notes, once each and never soon; only what two people agreed to and left as it is."""
        month, standing = self.month(message), person.standing
        before = [one for one, known in self.note_of.items() if known == month and self.chat_of[one] == chat]
        self.note_of[message], self.chat_of[message] = month, chat
        if any(one in self.doubtful or self.arrivals[one] for one in before):
            raise Broken(5, f"note {message} of {month} leaves again, and has or may have arrived before", chat)
        if self.paused:
            raise Broken(2, f"note {message} left while nudges were paused", chat)
        until = standing.consents.get(NOTES)
        if until is None or until <= now:
            raise Broken(1, f"note {message} left without a consent for notes ({until})", chat)
        refused = person.refused_notes_at()
        if refused is not None:
            raise Broken(2, f"note {message} left after a no to notes was stored at {refused.isoformat()}", chat)
        if standing.paused_until is not None and now < standing.paused_until:
            raise Broken(4, f"note {message} left in a pause that was asked for", chat)
        if person.nudges and now - person.nudges[-1].at < NOTE_AFTER_NUDGE:
            raise Broken(4, f"note {message} came {now - person.nudges[-1].at} after a nudge", chat)
        if person.notes and now - person.notes[-1].at < NOTE_AFTER_NOTE:
            raise Broken(4, f"note {message} came {now - person.notes[-1].at} after the one before", chat)
        note = self.notes.get(month, Note())
        if note.why_not:
            raise Broken(8, f"note {message} is of {month}, which {note.why_not}", chat)
        if text not in note.texts:
            raise Broken(8, f"note {message} of {month} reads otherwise than what two people agreed to", chat)

    def _nudge(self, message: int, chat: int, person: Citizen, now: datetime) -> None:
        fact, standing = self.look(message), person.standing
        card = self.cards[fact.card]
        self.chat_of[message] = chat
        if self.arrivals[message]:
            raise Broken(5, f"nudge {message} leaves again after it arrived", chat)
        if self.paused:
            raise Broken(2, f"nudge {message} left while nudges were paused", chat)
        until = standing.consents.get(card.theme)
        if until is None or until <= now:
            raise Broken(1, f"nudge {message} on {card.id} left without a consent for {card.theme} ({until})", chat)
        self._caps(message, card, chat, person, now)
        self._approved(message, fact, card, chat, now)
        earliest, latest = card.windows[fact.type, fact.origin]
        if not fact.occurred_at + earliest * DAY <= now <= fact.occurred_at + latest * DAY:
            raise Broken(6, f"nudge {message} left outside the window of its signal", chat)
        if fact.addressed_to is None and fact.origin == "professional":
            raise Broken(6, f"nudge {message} is about an offer that was forgotten with a person", chat)
        if fact.addressed_to not in {None, fact.citizen}:
            raise Broken(6, f"nudge {message} is about somebody else's signal", chat)

    def _caps(self, message: int, card: Card, chat: int, person: Citizen, now: datetime) -> None:
        standing, before = person.standing, [one for one in person.nudges if one.message != message]
        if standing.paused_until is not None and now < standing.paused_until:
            raise Broken(4, f"nudge {message} left in a pause that was asked for", chat)
        gap = max(GAP, standing.rest_days * DAY)
        if before and now - before[-1].at < gap:
            raise Broken(4, f"nudge {message} came {now - before[-1].at} after the one before", chat)
        ours = [one for one in before if one.card == card.id]
        if sum(now - one.at < YEAR for one in ours) >= PER_CARD.get(card.sensitivity, PER_CARD_ELSE):
            raise Broken(4, f"nudge {message} is one too many on {card.id} in a year", chat)
        for one in ours:
            said_no = standing.declined.get(one.message)
            if said_no is not None and now - said_no < YEAR:
                raise Broken(14, f"nudge {message} on {card.id} came within a year of a no", chat)
            later = standing.snoozed.get(one.message)
            if later is not None and now < later:
                raise Broken(4, f"nudge {message} on {card.id} came before the day that was asked for", chat)

    def _approved(self, message: int, fact, card: Card, chat: int, now: datetime) -> None:
        """In date, and approved as it is by somebody who did not edit it (8)."""
        campaign = self.campaigns[fact.campaign]
        if not card.in_date(now):
            raise Broken(8, f"nudge {message} is on {card.id}, which is not in date", chat)
        if campaign.card != card.id or not campaign.runs or campaign.stopped:
            raise Broken(8, f"nudge {message} is of {fact.campaign}, which does not run", chat)
        if campaign.until is not None and now >= campaign.until:
            raise Broken(8, f"nudge {message} is of {fact.campaign}, whose period is over", chat)
        by, version, files = campaign.approved or ("", -1, -1)
        if by in campaign.editors or (version, files) != (campaign.version, self.files_of(card.id)):
            raise Broken(8, f"nudge {message} is of {fact.campaign}, which nobody approved as it is", chat)

    def files_of(self, card: str) -> int:
        """Which state of this card's file holds; it counts up with each change."""
        return self.files[card]

    # What arrives in the chats.

    def arrived(self, method: str, params, result) -> None:
        chat = int(params["chat_id"])
        if method == "refused":
            self.person(chat).gone(self._clock())
            return
        text = str(result.get("text") or result.get("caption") or "")
        if not text.strip():
            raise Broken(13, "an empty message arrived", chat)
        silent, pressed = bool(params.get("disable_notification")), _pressed_in(result)
        # To one chat one message at a time is under way.
        note = next((one for one, whose in self.flying.items() if whose == chat and one in self.note_of), None)
        if note is not None and NO_MORE_NOTES in pressed:
            self._told(note, chat, text, pressed, result, silent=silent)
        elif silent:
            self._nudged(chat, text, result)

    def _told(self, message: int, chat: int, text: str, pressed: list[str], result, *, silent: bool) -> None:
        """A note arrives: once, silently, as it was agreed to; it asks nothing, and one tap ends it."""
        month = self.note_of[message]
        self.arrivals[message] += 1
        self.noted += 1
        if self.arrivals[message] > 1 or any(one.month == month for one in self.person(chat).notes):
            raise Broken(5, f"the note of {month} arrived twice", chat)
        self.person(chat).notes.append(Noted(month, self._clock()))
        if not silent:
            raise Broken(3, f"note {message} makes a sound", chat)
        if pressed != [NO_MORE_NOTES, MENU]:
            raise Broken(14, f"note {message} offers {pressed}", chat)
        if text not in self.notes[month].texts:
            raise Broken(8, f"note {message} of {month} arrives otherwise than it was agreed to", chat)
        self.reads(chat, result["message_id"])

    def _nudged(self, chat: int, text: str, result) -> None:
        message = _number_in(result)
        self.arrivals[message] += 1
        self.nudges += 1
        if self.arrivals[message] > 1:
            raise Broken(5, f"nudge {message} arrived {self.arrivals[message]} times", chat)
        if self.flying.get(message) != chat:
            raise Broken(5, f"nudge {message} arrived without having been let go", chat)
        fact = self.look(message)
        card = self.cards[fact.card]
        self.person(chat).nudges.append(Received(message, self._clock(), text, card.id))
        known = self.frozen.setdefault((fact.variant, fact.language), text)
        if known != text:
            raise Broken(10, f"{fact.variant} in {fact.language} has other words than before", chat)
        if card.sensitivity in {"S2", "S3"}:
            told = [one.name for one in self.cards.values() if one.name.casefold() in text.casefold()]
            if told or any(sign in text for sign in "€$%") or any(letter.isdigit() for letter in text):
                raise Broken(12, f"nudge {message} on {card.id} shows too much on a lock screen: {told}", chat)
        self._even(message, chat, result)
        self.reacts(chat, message, result["message_id"])

    def _even(self, message: int, chat: int, result) -> None:
        """Yes, later, no, why and stop are one tap each, in one shape (14)."""
        rows = result["reply_markup"]["inline_keyboard"]
        choices = {button["callback_data"].split("|")[3] for row in rows for button in row}
        if not {"not_now", "no", "why", "stop"} <= choices or not choices & {"more", "self"}:
            raise Broken(14, f"nudge {message} offers only {sorted(choices)}", chat)
        if any(len(row) != 1 or row[0].keys() != {"text", "callback_data"} for row in rows):
            raise Broken(14, f"the answers to nudge {message} do not weigh the same", chat)

    # What the bot knows of what became of it (5).

    def unclear(self, chat: int) -> None:
        """A message to this chat got no clear answer: it may have arrived."""
        self.unclear_calls += 1
        self.doubtful.update(message for message, whose in self.flying.items() if whose == chat)

    def settled(self, results) -> None:
        for message, delivered in results:
            chat = self.flying.pop(message, None)
            if delivered:
                self.delivered.add(message)
            if delivered and chat is not None and message in self.chat_of and not self.arrivals[message]:
                raise Broken(5, f"message {message} counts as sent and never arrived", chat)

    def died(self) -> None:
        """The process is gone, with what it had in flight."""
        self.lost_in_flight += len(self.flying)
        self.doubtful.update(self.flying)
        self.flying.clear()

    def lost(self, messages) -> None:
        """These were let go by a commit whose answer never came, so that nobody sends them."""
        self.lost_in_flight += len([message for message in messages if message not in self.flying])

    @property
    def most_uncertain(self) -> int:
        return self.unclear_calls + self.lost_in_flight


def _pressed_in(result) -> list[str]:
    """The data of each button that stands under a message."""
    rows = (result.get("reply_markup") or {}).get("inline_keyboard", ())
    return [str(button.get("callback_data")) for row in rows for button in row]


def _number_in(result) -> int:
    """The number of the nudge, as its buttons carry it."""
    return int(result["reply_markup"]["inline_keyboard"][0][0]["callback_data"].split("|")[2], 36)

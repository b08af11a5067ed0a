"""What the municipality does with a month's note: drafted, changed, offered, returned, agreed to, taken back."""

from datetime import datetime, timedelta

from bot import notes, upkeep
from bot.errors import RefusedError
from tests.simulation.cards import AMSTERDAM
from tests.simulation.model import Note

WORK = {
    "pauses_a_text": 3, "drafts": 4, "changes": 2, "offers": 4, "looks": 4, "agrees": 5, "agrees_alone": 2,
    "returns": 1, "takes_back": 1, "all_of_it": 4,
}  # fmt: skip
DAY = timedelta(days=1)
PEOPLE = ("eva", "sam", "noor")
ADDITIONS = ("", "Onze balie is nu ook op dinsdag open.", "U kunt nu ook bellen op maandag.")


class Newsroom:
    """Who writes and agrees is drawn, so that some try what they may not. The model hears of what succeeded only."""

    def __init__(self, town) -> None:
        self.town, self.rng, self.model = town, town.rng, town.model
        self.looked: dict[str, tuple[str, frozenset[str]]] = {}  # by month: the hash and the texts that somebody saw
        self.first = ""

    def opens(self) -> None:
        """The bot ran here before, so that two months can be told of from the first day."""
        now = self.town.clock.now()
        self.first = _month_of(now - 62 * DAY)
        for before in (62, 31, 0):
            self._pauses(now - before * DAY)

    def works(self) -> None:
        what = self.rng.choices(list(WORK), weights=list(WORK.values()))[0]
        now = _month_of(self.town.clock.now())
        agreed = [month for month, note in self.model.notes.items() if note.agreed]
        others = [month for month in _months(self.first, now)[:-1] if month not in agreed]
        months = {"pauses_a_text": [now], "takes_back": agreed}.get(what, others)
        if months:
            with self.town.undisturbed():
                self.town.counts[f"newsroom: {what}"] += 1
                getattr(self, f"_{what}")(self.rng.choice(months))

    def _does(self, deed, month: str, *arguments, **named):
        """The note as it is then; None: it was refused."""
        town = self.town
        try:
            with town.machine.sessions.begin() as session:
                note = deed(session, town.wording, month, *arguments, now=town.clock.now(), **named)
        except RefusedError as refused:
            town.counts[f"refused: {deed.__name__}"] += 1
            town.tell(f"{named.get('by')} may not {deed.__name__} the note of {month}: {refused}")
            return None
        town.tell(f"{named['by']} does {deed.__name__} with the note of {month}")
        return note

    def _pauses_a_text(self, _month: str) -> None:
        self._pauses(self.town.clock.now())

    def _pauses(self, now: datetime) -> None:
        """A text is paused by itself, and somebody lets it go on: that is something to tell."""
        variant = self.rng.choice(sorted(self.town.wording.variants))
        with self.town.machine.sessions.begin() as session:
            upkeep.pause(session, variant, "many found it unpleasant", by="clock", now=now)
            upkeep.resume(session, variant, by="sam", now=now)

    def _drafts(self, month: str, by: str | None = None) -> None:
        by = by or self.rng.choice(PEOPLE)
        drafted = self._does(notes.begin, month, by=by)
        if drafted is not None:
            known = self.model.notes.setdefault(month, Note())
            known.editors = {by}
            self._is_changed(month, drafted)

    def _changes(self, month: str, by: str | None = None) -> None:
        by, words = by or self.rng.choice(PEOPLE), self.rng.choice(ADDITIONS)
        changed = self._does(notes.save, month, keys=["paused"], additions={"nl": words}, by=by)
        if changed is not None:
            self.model.notes[month].editors.add(by)
            self._is_changed(month, changed)

    def _is_changed(self, month: str, note: notes.Note) -> None:
        known = self.model.notes[month]
        known.texts, known.offered, known.agreed = frozenset(note.texts.values()), None, None
        known.version += 1

    def _offers(self, month: str, by: str | None = None) -> None:
        by = by or self.rng.choice(PEOPLE)
        if self._does(notes.offer, month, by=by) is not None:
            known = self.model.notes[month]
            known.offered = by, known.version
            known.editors.add(by)

    def _looks(self, month: str) -> None:
        """Somebody reads it, and may agree to it another day."""
        with self.town.machine.sessions() as session:
            try:
                note = notes.known(session, self.town.wording, month)
            except RefusedError:
                return
        self.looked[month] = note.hash, frozenset(note.texts.values())

    def _agrees(self, month: str, by: str | None = None) -> None:
        by = by or self.rng.choice(PEOPLE)
        seen, texts = self.looked.get(month, ("", frozenset()))
        # Some sign with a name that is written otherwise.
        signed = self.rng.choice([by, by, by.title(), f" {by}"])
        if self._does(notes.agree, month, by=signed, seen=seen) is not None:
            self.model.notes[month].agreed = by, texts

    def _agrees_alone(self, month: str) -> None:
        """Who wrote it tries to agree to it."""
        self._looks(month)
        known = self.model.notes.get(month, Note())
        self._agrees(month, by=self.rng.choice(sorted(known.editors or PEOPLE)))

    def _returns(self, month: str) -> None:
        if self._does(notes.reopen, month, "this is not clear", by=self.rng.choice(PEOPLE)) is not None:
            self.model.notes[month].offered = None

    def _takes_back(self, month: str) -> None:
        if self._does(notes.take_back, month, "a number is wrong", by=self.rng.choice(PEOPLE)) is not None:
            self.model.notes[month].taken_back = True

    def _all_of_it(self, month: str) -> None:
        """From the draft to the second person in one morning; some is taken back before it left."""
        self._drafts(month, by="eva")
        self._offers(month, by="eva")
        if self.rng.random() < 0.2:
            self._looks(month)
            self._changes(month, by="noor")
            self._offers(month, by=self.rng.choice(["eva", "noor"]))
            self._agrees(month, by="sam")  # to what was changed since
        self._looks(month)
        self._agrees(month, by="sam")
        if self.rng.random() < 0.3:
            self.town.does("tick")
            if self.rng.random() < 0.5:
                self._takes_back(month)


def _month_of(moment: datetime) -> str:
    return f"{moment.astimezone(AMSTERDAM):%Y-%m}"


def _months(first: str, last: str) -> list[str]:
    year, month = (int(part) for part in first.split("-"))
    found = [first]
    while found[-1] < last:
        year, month = (year, month + 1) if month < 12 else (year + 1, 1)
        found.append(f"{year}-{month:02d}")
    return found

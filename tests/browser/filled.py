"""A town in which something stands on every page: campaigns in each state, people who answered, people who wait."""

from datetime import timedelta

from bot import campaigns, contacts, library, notes, preview, register, signals, staff
from bot.campaigns import drafts
from bot.errors import UnreachableError
from bot.klant import Target, Why, outbox
from bot.research import plans
from bot.store import conversation
from bot.store.tables import NoteRow
from bot.wording import data
from tests.answered import Answered, year
from tests.console.conftest import Town

PASSWORD = "een zin die niemand raadt"
TEXT = "Kunt u mij bellen? Ik snap de brief niet. <script>alert('x')</script>"


class Filled(Town):
    """`cookie(login)` is a session of somebody, to be put into a browser."""

    def __init__(self, sessions, wording, vault):
        super().__init__(sessions, wording, vault)
        self.tokens = iter(f"browser-{number:026d}" for number in range(100_000))
        self._campaigns()
        self._citizens()
        self._in_public()
        self._year()
        with sessions.begin() as session:
            staff.set_password(session, "ada", PASSWORD, by="otto", now=self.now)

    def token(self, login):
        token = next(self.tokens)
        with self.sessions.begin() as session:
            row = staff.known_as(session, login)
            staff.open_session(session, row, token, self.now, means=staff.Means.DEMO)
        return token

    def speaks(self, login, language):
        with self.sessions.begin() as session:
            staff.known_as(session, login).language = language

    def _campaigns(self):
        """The example campaigns: drafts, approved ones, and one of each state after that."""
        files = sorted((data("messages") / "campaigns").iterdir(), key=lambda file: file.name)
        read = [campaigns.read(file.read_text(encoding="utf-8"), self.wording) for file in files]
        with self.sessions.begin() as session:
            for number, file in enumerate(read):
                campaigns.add(session, file, self.wording, by="eva", now=self.now)
                if number % 3 and file.id != "zorgtoeslag-deadline":
                    campaigns.approve(session, file.id, self.wording, by="sam", now=self.now)
                    if number % 3 == 2:
                        campaigns.start(session, file.id, self.wording, by="eva", now=self.now)
            types = signals.known_types(whole.facts() for whole in self.wording.cards.values())
            signals.new_key(session, "urn:nld:gemeente-voorbeeldstad:systeem:kalender", types, by="ada", now=self.now)
            files = self.journey.shelf.files
            rules = library.in_force(session, files)["rules.toml"]
            fresh = {"rules.toml": rules.replace("min_gap_days = 14 ", "min_gap_days = 21 ")}
            library.propose(session, files, fresh, why="Mensen vonden het te vaak.", by="eva", now=self.now)
        self.handed_over = read[0].id
        self._hands_over(self.handed_over)
        with self.sessions.begin() as session:
            drafts.begin(session, "Stadspas, nieuw pasjaar", "stadspas", self.wording, by="eva", now=self.now)
        self.campaign()
        running = [file.id for number, file in enumerate(read) if number % 3 == 2]
        with self.sessions.begin() as session:
            held = next(one for one in running if one != "zorgtoeslag-deadline")
            campaigns.pause(session, held, "een fout in de brief", by="sam", now=self.now)
        self.stopped = [one for one in running if one != "zorgtoeslag-deadline"][1]
        self.stop_campaign(self.stopped)

    def _hands_over(self, campaign):
        """Eva asks for an approval."""
        with self.sessions() as session:
            asked = preview.question(session, self.wording, self.vault, campaign, self.now)
            counted = preview.preview(session, asked)
        with self.sessions.begin() as session:
            kind = asked.signal.type
            campaigns.funnel.freeze(session, campaign, self.wording, counted, kind=kind, by="eva", now=self.now)

    def _claims(self):
        """Mei takes a request, answers it and notes something; another one stays free."""
        with self.sessions.begin() as session:
            number = conversation.open_requests(session)[0].id
            contacts.claim(session, self.wording, number, by="mei", now=self.now)
            signed = contacts.Signature(name="Mei", team=None, by="mei")
            contacts.reply(session, self.wording, self.vault, number, "Welke brief?", signed=signed, now=self.now)
            contacts.note(session, self.wording, self.vault, number, "Belt liever.", by="mei", now=self.now)
        self.deliver()

    def _elsewhere(self):
        """Open Klant refuses a request, and whoever takes our events does not answer."""
        with self.sessions.begin() as session:
            row = outbox.take(session, Target.OPEN_KLANT, "teller", self.now)
            why = Why("It refused this ({status}): {fields}.", {"status": 400, "fields": "klantcontact.kanaal invalid"})
            outbox.failed(row, why, self.now)
            row = outbox.take(session, Target.EVENTS, "teller", self.now)
            away = Why("It gave no answer in time.")
            outbox.put_off(row, away, self.now, wait=None, draw=0.5)
            outbox.stand_still(session, Target.EVENTS, away, self.now, wait=None)

    def _in_public(self):
        """A plan is frozen, the algorithm is registered, and a note waits for a second person."""
        lines = [{"key": key, "params": {"count": 12}, "told": True} for key in ("too_often", "welcome")]
        with self.sessions.begin() as session:
            plans.freeze(session, "zorgtoeslag-deadline", self.wording, by="rik", now=self.now)
            register.publish(session, self.wording, by="ada", now=self.now)
            session.add(NoteRow(month="2026-10", lines=lines, additions={}, written_by=["eva"], written_at=self.now))
            notes.offer(session, self.wording, "2026-10", by="eva", now=self.now)

    def _citizens(self):
        """Some dozen people who joined, heard of something, and answered each in their own way."""
        with self.sessions.begin() as session:
            outbox.listen(session, tuple(Target), self.now)
        for number in range(14):
            self.joins(str(9000 + number), "money", language=("nl", "en", "ar")[number % 3])
        self.signal()
        self.fails = [UnreachableError("blocked")]
        self.tick()
        self.fails = []
        for number in range(14):
            choice = ("contact", "more", "no", "not_now", "contact", "stop")[number % 6]
            if "|" in "".join(button.data or "" for shown in self.phones[str(9000 + number)].shown.values()
                              for button in shown.buttons):  # fmt: skip
                self._answers(str(9000 + number), choice)
        self.later(days=1)
        self._claims()
        self._elsewhere()

    def _year(self):
        """A year of answers by people who agreed to research, so that something stands in every figure."""
        year(Answered(self.sessions, self.wording, self.vault, self.now), [self.stopped, "zorgtoeslag-deadline"])

    def _answers(self, chat, choice):
        try:
            self.choose(chat, choice)
        except AssertionError:  # their message did not arrive
            return
        if choice == "contact":
            self.choose(chat, "chat")
            self.choose(chat, "chat.any")
            self.say(chat, TEXT)
        if choice == "more":
            self.now += timedelta(seconds=1)

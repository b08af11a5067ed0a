"""What citizens do in their chats: join, answer, stay silent, wander about, leave and come back."""

import json

from bot.sandbox import keyboards

#: What people do with a nudge, in percent; the rest is silence.
REACTIONS = {
    "more": 16, "self": 4, "contact": 4, "not_now": 10, "no": 10, "why": 4, "stop": 3, "blocks": 2, "deletes": 1,
}  # fmt: skip
#: What people do with a month's note, in percent; the rest is silence.
READINGS = {"notes.no": 8, "menu": 8, "stop": 3, "blocks": 3, "deletes": 1, "erases": 1}
#: How many people of a hundred ask for notes when they join.
WANT_NOTES = 45
#: What people do of their own accord.
WANDERINGS = {
    "any_button": 30, "settings": 14, "stop_typed": 1, "stop_word": 1, "start": 12, "why": 3, "mydata": 2,
    "language": 3, "situation": 8, "blocks": 1, "unblocks": 4, "deletes": 1, "words": 4, "number": 2, "erases": 1,
    "links": 3, "presses_late": 3, "twice": 8, "reordered": 4, "themes": 6, "sticker": 1, "notes": 8,
}  # fmt: skip
LANGUAGES = ("nl", "nl", "nl", "en", "ar", "tr", "pl", "uk")
WORDS = ("dank je", "wie zijn jullie?", "mijn nummer is 0612345678", "BSN 123456782", "ik wil niet meer leven", "👍")


class People:
    """The citizens of one town. A chat's number is its citizen's."""

    def __init__(self, town) -> None:
        self.town, self.rng, self.sandbox, self.model = town, town.rng, town.sandbox, town.model
        self.chats = [700_000_000 + 7919 * number for number in range(town.kind.citizens)]
        self.tongue = {chat: self.rng.choice(LANGUAGES) for chat in self.chats}
        self.wishes = {chat: 0.35 + 0.5 * self.rng.random() for chat in self.chats}
        self.model.reacts, self.model.reads = self._will_react, self._will_read

    # Deeds: each is one update, which the model hears of too.

    def says(self, chat: int, text: str, what: str = "other") -> None:
        """A typed message; writing to a bot that one had blocked ends the block, which is an update of its own."""
        known = self.sandbox.world.chats.get(chat)
        if known is not None and known.blocked:
            self.unblocks(chat)
        self._expect(chat, what)
        self.sandbox.message(chat, text, language=self.tongue[chat], first_name="Inwoner")
        self.town.tell(f"{chat} types {text!r}")

    def presses(self, chat: int, data: str, message: int, *, lost: bool = False, late: bool = False) -> bool:
        """Press the button with this data under this message, if it is still there."""
        known = self.sandbox.world.chats.get(chat)
        post = None if known is None else known.posts.get(message)
        if post is None or not post.seen or known.blocked:
            return False
        if data not in {button.get("callback_data") for button in keyboards.buttons(post.message)}:
            return False
        if not lost:
            self._expect(chat, data, shown=str(post.message.get("text") or post.message.get("caption") or ""))
        self.sandbox.world.press(known, post, data, late=late, lost=lost)
        self.town.tell(f"{chat} presses {data} under {message}{' (lost)' if lost else ''}")
        return True

    def chooses(self, chat: int, *choices: str) -> bool:
        """Press the newest button that stands for one of these choices."""
        for message, data in self._buttons(chat):
            if data.split("|")[3] in choices:
                return self.presses(chat, data, message)
        return False

    def blocks(self, chat: int, *, gone: bool = False) -> None:
        known = self.sandbox.world.chats.get(chat)
        if known is None or (known.blocked and not gone):
            return
        if not known.blocked:
            self._expect(chat, "gone")
        self.sandbox.world.member(known, blocked=True, gone=gone)
        self.town.tell(f"{chat} {'deletes the chat' if gone else 'blocks the bot'}")

    def unblocks(self, chat: int) -> None:
        known = self.sandbox.world.chats.get(chat)
        if known is not None and known.blocked:
            self._expect(chat, "other")
            self.sandbox.world.member(known, blocked=False)
            self.town.tell(f"{chat} unblocks the bot")

    def _expect(self, chat: int, what: str, shown: str = "") -> None:
        self.model.says(chat, self.sandbox.world.number("update"), what, shown)

    def _buttons(self, chat: int, most: int = 6):
        """The buttons in sight, the newest message first."""
        known = self.sandbox.world.chats.get(chat)
        if known is None:
            return
        for number in sorted(known.posts, reverse=True)[: 4 * most]:
            post = known.posts[number]
            if post.seen and not known.blocked:
                for button in keyboards.buttons(post.message):
                    if "callback_data" in button:
                        yield number, button["callback_data"]

    # Joining.

    def join(self, group) -> None:
        for chat in group:
            code = self.town.municipality.code_for(chat) if self.rng.random() < 0.3 else ""
            self.says(chat, f"/start {code}".strip())
        self.town.serve()
        self.town.later("goes_through", group, 12, seconds=self.rng.randrange(5, 90))

    def go_through(self, group, tries: int) -> None:
        """Everybody one step further through the door: the language, the yes, one theme after the other."""
        going = [chat for chat in group if self._goes_through(chat)]
        if not going:
            return
        self.town.serve()
        if tries:
            self.town.later("goes_through", going, tries - 1, seconds=self.rng.randrange(3, 60))

    def _goes_through(self, chat: int) -> bool:
        """False: this one has arrived."""
        for message, data in self._buttons(chat, 1):
            _, kind, _, choice = data.split("|")
            if kind == "l" and choice == self.tongue[chat]:
                return self.presses(chat, data, message)
            if kind == "w" and choice == "yes":
                return self.presses(chat, "v1|w|0|no" if self.rng.random() < 0.03 else data, message)
            if kind == "d" and choice.startswith("yes."):
                wants = self.rng.random() < self.wishes[chat]
                return self.presses(chat, data if wants else data.replace("|yes.", "|no."), message)
            if kind == "s":
                if self.rng.random() < WANT_NOTES / 100:
                    self.town.later("asks_for_notes", chat, days=self.rng.expovariate(1 / 5))
                return False
        return False

    # Answering.

    def _will_react(self, chat: int, nudge: int, message: int) -> None:
        if self.rng.random() < 0.6:
            self.town.later("reacts", chat, nudge, message, seconds=self.rng.expovariate(1 / 30000))

    def reacts(self, chat: int, nudge: int, message: int) -> None:
        choice = self.rng.choices(list(REACTIONS), weights=list(REACTIONS.values()))[0]
        if choice in {"blocks", "deletes"}:
            self.blocks(chat, gone=choice == "deletes")
        elif not any(self.presses(chat, data, message)
                     for place, data in list(self._buttons(chat, 50))
                     if place == message and data.split("|")[3] == choice):  # fmt: skip
            return
        self.town.serve()
        if choice in {"more", "contact", "not_now", "no"} and self.rng.random() < 0.5:
            self.town.later("wanders_on", chat, seconds=self.rng.randrange(5, 100))

    def _will_read(self, chat: int, message: int) -> None:
        if self.rng.random() < sum(READINGS.values()) / 100:
            self.town.later("reads", chat, message, seconds=self.rng.expovariate(1 / 30000))

    def reads(self, chat: int, message: int) -> None:
        choice = self.rng.choices(list(READINGS), weights=list(READINGS.values()))[0]
        match choice:
            case "blocks" | "deletes":
                self.blocks(chat, gone=choice == "deletes")
            case "stop":
                self._stop_typed(chat)
            case "erases":
                self._erases(chat)
            case _:
                self.presses(chat, f"v1|s|0|{choice}", message)
        self.town.serve()

    def speaks_of_notes(self, chat: int) -> None:
        """Look where notes are switched on and off, and mostly switch them on."""
        self.says(chat, "/settings")
        self.town.serve()
        self.chooses(chat, "notes")
        self.town.serve()
        self.chooses(chat, "notes.no" if self.rng.random() < 0.2 else "notes.yes")

    # Of their own accord.

    def _notes(self, chat: int) -> None:
        self.speaks_of_notes(chat)

    def wanders(self, chat: int) -> None:
        what = self.rng.choices(list(WANDERINGS), weights=list(WANDERINGS.values()))[0]
        if chat not in self.sandbox.world.chats:
            return
        self.town.counts[f"citizens: {what}"] += 1
        getattr(self, f"_{what}")(chat)
        self.town.serve()

    def any_button(self, chat: int) -> bool:
        """Any button in sight, also one that means nothing any more."""
        in_sight = list(self._buttons(chat))
        if not in_sight:
            return False
        message, data = self.rng.choice(in_sight)
        return self.presses(chat, data, message)

    def _any_button(self, chat: int) -> None:
        self.any_button(chat)

    def _settings(self, chat: int) -> None:
        self.says(chat, "/settings")
        self.town.serve()
        for choices in self.rng.choice((
            (("pause",), ("pause.30", "pause.90")), (("quiet",), ("quiet.morning", "quiet.afternoon", "quiet.daytime")),
            (("often",), ("often.30", "often.90", "often.usual")), (("tone",), ("tone.warm", "tone.any")),
            (("research",), ("research.yes",)), (("pause",), ("pause.off",)),
        )):  # fmt: skip
            self.chooses(chat, *choices)
            self.town.serve()

    def _themes(self, chat: int) -> None:
        self.says(chat, "/settings")
        self.town.serve()
        self.chooses(chat, "themes")
        self.town.serve()
        theme = self.rng.choice(list(self.town.wording.themes))
        if self.chooses(chat, f"ask.{theme}", f"off.{theme}"):
            self.town.serve()
            self.chooses(chat, f"yes.{theme}")

    def _situation(self, chat: int) -> None:
        self.says(chat, "/situation")
        self.town.serve()
        in_sight = [(message, data) for message, data in self._buttons(chat) if data.split("|")[1] == "y"]
        if in_sight:
            message, data = self.rng.choice(in_sight)
            self.presses(chat, data, message)

    def _stop_typed(self, chat: int) -> None:
        self.says(chat, "/stop", "stop")

    def _stop_word(self, chat: int) -> None:
        self.says(chat, self.rng.choice(("stop", "Stop!", "STOP")), "stop")

    def _start(self, chat: int) -> None:
        self.says(chat, "/start")
        self.town.later("goes_through", [chat], 8, seconds=20)

    def _why(self, chat: int) -> None:
        self.says(chat, "/why")

    def _mydata(self, chat: int) -> None:
        self.says(chat, "/mydata")

    def _language(self, chat: int) -> None:
        self.says(chat, "/language")
        self.town.serve()
        self.chooses(chat, self.rng.choice(LANGUAGES))

    def _blocks(self, chat: int) -> None:
        self.blocks(chat)

    def _unblocks(self, chat: int) -> None:
        self.unblocks(chat)

    def _deletes(self, chat: int) -> None:
        self.blocks(chat, gone=True)

    def _words(self, chat: int) -> None:
        self.says(chat, self.rng.choice(WORDS))

    def _sticker(self, chat: int) -> None:
        known = self.sandbox.world.chats[chat]
        if not known.blocked:
            self._expect(chat, "other")
            self.sandbox.world.said(known, {"dice": {"emoji": "🎲", "value": 4}})

    def _number(self, chat: int) -> None:
        if not self.sandbox.world.chats[chat].blocked:
            self._expect(chat, "other")
            self.sandbox.contact(chat)

    def _erases(self, chat: int) -> None:
        self.says(chat, "/mydata")
        self.town.serve()
        if self.chooses(chat, "ask"):
            self.town.serve()
            self.chooses(chat, "yes")

    def _links(self, chat: int) -> None:
        self.says(chat, f"/start {self.town.municipality.code_for(chat)}")

    def _presses_late(self, chat: int) -> None:
        """A press that Telegram has forgotten after 150 seconds, or whose answer comes too late."""
        in_sight = list(self._buttons(chat))
        if in_sight:
            message, data = self.rng.choice(in_sight)
            self.presses(chat, data, message, lost=self.rng.random() < 0.5, late=True)

    def _twice(self, chat: int) -> None:
        self.sandbox.duplicate()
        self.any_button(chat)

    def _reordered(self, chat: int) -> None:
        """Two things said shortly after each other; the second one arrives first, as by webhook it may."""
        waiting = self.sandbox.world.updates
        before = waiting.below(2**62)
        yes = self.chooses(chat, *(f"yes.{theme}" for theme in self.town.wording.themes), "yes")
        if self.rng.random() < 0.5:
            self.says(chat, "/stop", "stop")
        else:
            self.any_button(chat)
        ours = [number for number in waiting.below(2**62) if number not in before]
        if not yes or len(ours) < 2:
            return
        # A webhook gets each on its own: the later one now, the earlier one when its first delivery failed.
        first = json.dumps(waiting._waiting[ours[0]].update)
        self.sandbox.world.record({"do": "confirm", "ids": [ours[0]]})
        self.town.later("overdue", [(ours[0], first)], seconds=self.rng.choice([1, 60, 4000]))

    def overdue(self, updates) -> None:
        self.town.tell(f"update {updates[0][0]} arrives after all")
        self.town.hands_over(updates)

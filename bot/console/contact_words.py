"""Sentences about requests for contact that are chosen in Python and said in a template, as in `words`."""

from collections.abc import Mapping
from typing import Final

from bot.console.words import N_
from bot.contacts import Outcome, Tab

TABS: Final[Mapping[str, str]] = {
    Tab.MINE: N_("Mine"),
    Tab.FREE: N_("Free to take"),
    Tab.LATE: N_("Late"),
    Tab.CLOSED: N_("Closed lately"),
}

NOTHING: Final[Mapping[str, str]] = {
    Tab.MINE: N_("You have no requests. Take one from those that are free."),
    Tab.FREE: N_("Nobody waits for somebody to take their request."),
    Tab.LATE: N_("No promise is late."),
    Tab.CLOSED: N_("Nothing was closed in the last seven days."),
}

WAYS: Final[Mapping[str, str]] = {
    "chat": N_("in the chat"),
    "phone": N_("by phone"),
    "desk": N_("at the desk"),
}

DAYPARTS: Final[Mapping[str, str]] = {
    "morning": N_("in the morning"),
    "afternoon": N_("in the afternoon"),
    "any": N_("at any time of the day"),
}

OUTCOMES: Final[Mapping[str, str]] = {
    Outcome.REACHED: N_("Reached: we spoke"),
    Outcome.HELPED: N_("Helped"),
    Outcome.REFERRED: N_("Referred to somebody else"),
    Outcome.NOT_REACHED: N_("Not reached"),
}

#: What became of a reply, by the state of the message that carries it.
DELIVERY: Final[Mapping[str, str]] = {
    "due": N_("Waits to leave"),
    "leased": N_("Waits to leave"),
    "sending": N_("On its way"),
    "sent": N_("Delivered"),
    "failed": N_("Not delivered"),
    "uncertain": N_("Nobody knows whether it arrived; it is not sent again"),
    "withdrawn": N_("Taken back before it left, since the person stopped"),
    "expired": N_("Not sent: it waited for a day and could not leave"),
}

#: A reply in one of these states has not reached the person, as far as we know.
UNDELIVERED: Final = frozenset({"failed", "uncertain", "withdrawn", "expired"})

#: What whoever has a request does now.
NEXT: Final[Mapping[str, str]] = {
    "phone": N_("They want to be called. Show the number, call, and then close the request or keep a note."),
    "chat": N_("They want an answer in the chat. Once you have written they can write back here."),
    "desk": N_("They want to come along. Write when and where they can come."),
    "wrote": N_("They wrote back and wait for your answer."),
    "theirs": N_("It is their turn. Nothing has to be done until they write back."),
    "lost": N_("Your last reply did not reach them. Call if they gave a number, or write again."),
}

"""The note of what was done with people's answers: who may get it and when, and how somebody asks for it or not.

It comes only to who asked for it, as a consent of its own: a yes to messages about a theme is no yes to another kind
(Wmebv, domain.md 3.6). It asks nothing, so it is no open question, and it never follows close upon a nudge.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from bot.core.buttons import buttons, labelled
from bot.core.facts import Citizen, ConsentState, Objection, Phrase, Reason
from bot.core.talk import ALREADY, NOTES, OLD, Button, Consent, Say, Scene, Turn

#: After a nudge that left, or that is about to.
AFTER_NUDGE: Final = timedelta(days=7)
#: Between two notes to one person: "at most once a month" holds for any month.
BETWEEN: Final = timedelta(days=31)


def objection(citizen: Citizen, now: datetime, *, noted: datetime | None) -> Objection | None:
    """Why this person may not get a note at `now`; None: they may. `noted`: when the last one left for them.

    Quiet hours are asked beside it, as for a nudge. `until` is the moment from which this reason no longer holds.
    """
    if not citizen.active:
        return Objection(reason=Reason.STOPPED)
    if not _holds(citizen.consents, NOTES, now) or not any(
        _holds(citizen.consents, theme, now) for theme in citizen.consents if not theme.startswith("_")
    ):
        return Objection(reason=Reason.NO_CONSENT)
    waits = [
        (citizen.paused_until, Reason.PAUSED),
        (max((contact.at for contact in citizen.contacts), default=None), Reason.RESTING),
        (noted, Reason.MONTH_CAP),
    ]
    added = {Reason.PAUSED: timedelta(0), Reason.RESTING: AFTER_NUDGE, Reason.MONTH_CAP: BETWEEN}
    ends = [(at + added[reason], reason) for at, reason in waits if at is not None]
    until, reason = max(ends, default=(now, Reason.PAUSED))
    return Objection(reason=reason, until=until) if until > now else None


def note_buttons() -> tuple[Button, ...]:
    """What stands under a note that came: no more of these, and the settings; neither is more than the other."""
    return labelled("s", 0, (("button.s.notes.off", "notes.no"), ("button.s.menu", "menu")))


def pressed(scene: Scene, answer: str) -> Turn:
    """The newest note on request, and yes or no to getting it each month."""
    state = scene.consents.get(NOTES)
    given = state is ConsentState.GIVEN
    match answer:
        case "" if given:
            said = Say(words=(Phrase("notes.is.on"),), buttons=note_buttons())
            return Turn(says=(*_newest(scene), said))
        case "":
            said = Say(words=(Phrase("notes.ask"),), buttons=buttons("s", "notes.yes", "notes.no"), asks_consent=NOTES)
            return Turn(says=(*_newest(scene), said))
        case "yes" if given:
            return ALREADY
        case "yes":
            return _said(ConsentState.GIVEN, "notes.given")
        case "no" if given:
            return _said(ConsentState.WITHDRAWN, "notes.refused")
        case "no" if state is ConsentState.REFUSED or state is ConsentState.WITHDRAWN:
            # Recorded all the same: a yes from before it may still be on its way to us.
            return replace(ALREADY, effects=(Consent(NOTES, state),))
        case "no":
            return _said(ConsentState.REFUSED, "notes.refused")
        case _:
            return OLD


def _newest(scene: Scene) -> tuple[Say, ...]:
    return (Say(words=scene.note or (Phrase("notes.none"),)),)


def _said(state: ConsentState, key: str) -> Turn:
    """The answer stands beside what was pressed on: that may be the note itself, which stays to be read."""
    return Turn(effects=(Consent(NOTES, state),), says=(Say(words=(Phrase(key),), buttons=buttons("s", "menu")),))


def _holds(consents: Mapping[str, datetime], theme: str, now: datetime) -> bool:
    until = consents.get(theme)
    return until is not None and until > now

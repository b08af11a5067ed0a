"""Sentences that are chosen in Python and said in a template: in English here, translated as those in templates are."""

from collections.abc import Collection, Mapping
from typing import Final

from bot.campaigns import State
from bot.core.facts import Choice, ConsentState, Reason, Tone
from bot.core.talk import Standing
from bot.staff import Role


def N_(sentence: str) -> str:  # noqa: N802 - the name by which Babel finds a sentence that is said elsewhere
    """Mark a sentence for translation; it is translated where it is said."""
    return sentence


ROLES: Final[Mapping[str, str]] = {
    Role.EDITOR: N_("writes campaigns"),
    Role.APPROVER: N_("approves campaigns"),
    Role.CONTACT: N_("answers people"),
    Role.RESEARCHER: N_("researches the answers"),
    Role.ADMINISTRATOR: N_("administers"),
    Role.AUDITOR: N_("checks what was done"),
}

STATES: Final[Mapping[str, str]] = {
    State.DRAFT: N_("draft"),
    State.APPROVED: N_("approved"),
    State.RUNNING: N_("running"),
    State.PAUSED: N_("paused"),
    State.STOPPED: N_("stopped"),
    State.FINISHED: N_("finished"),
}

TONES: Final[Mapping[str, str]] = {
    Tone.NEUTRAL: N_("Neutral"),
    Tone.WARM: N_("Warm"),
    Tone.PRACTICAL: N_("Practical"),
}

#: How somebody stands towards us.
STANDINGS: Final[Mapping[str, str]] = {
    Standing.JOINING: N_("was asked, and has not chosen yet"),
    Standing.ACTIVE: N_("yes"),
    Standing.STOPPED: N_("no, stopped"),
    Standing.BLOCKED: N_("no, the chat is closed"),
    Standing.ERASED: N_("no, erased"),
}

CONSENTS: Final[Mapping[str, str]] = {
    ConsentState.ASKED: N_("asked, not answered"),
    ConsentState.GIVEN: N_("said yes"),
    ConsentState.REFUSED: N_("said no"),
    ConsentState.WITHDRAWN: N_("withdrawn"),
    ConsentState.EXPIRED: N_("over by itself"),
}

#: How a message ended or where it is, as staff read it.
MESSAGES: Final[Mapping[str, str]] = {
    "due": N_("waiting"),
    "leased": N_("waiting"),
    "sending": N_("on its way"),
    "sent": N_("sent"),
    "failed": N_("not delivered"),
    "uncertain": N_("unknown whether it arrived"),
    "withdrawn": N_("taken back before it left"),
    "expired": N_("not sent, its time was over"),
}

#: Why the gate said no, as staff read it about somebody.
REASONS: Final[Mapping[str, str]] = {
    Reason.NO_CAMPAIGN: N_("no campaign answered the signal"),
    Reason.UNKNOWN_PERSON: N_("nobody is linked to the reference"),
    Reason.CAMPAIGN_NOT_RUNNING: N_("the campaign does not run"),
    Reason.CARD_NOT_IN_FORCE: N_("the card is not in force"),
    Reason.SIGNAL_NOT_ENABLED: N_("the card does not answer this signal"),
    Reason.SIGNAL_EXPIRED: N_("the time for it is over"),
    Reason.STOPPED: N_("stopped, or does not take part"),
    Reason.NO_CONSENT: N_("did not say yes to the theme"),
    Reason.NOT_IN_AUDIENCE: N_("not in the audience: language, not linked, or did not tell us what it asks for"),
    Reason.CARD_DECLINED: N_("said no to this before"),
    Reason.CARD_CAP: N_("had this often enough this year"),
    Reason.YEAR_CAP: N_("had enough messages this year"),
    Reason.TOO_EARLY: N_("it is too early"),
    Reason.PAUSED: N_("takes a pause"),
    Reason.SNOOZED: N_("said “not now”"),
    Reason.OPEN_QUESTION: N_("has not answered an earlier message yet"),
    Reason.CARD_GAP: N_("had a message about this just before"),
    Reason.RESTING: N_("had a message just before"),
    Reason.MONTH_CAP: N_("had enough messages this month"),
    Reason.WAVE: N_("waits for a later wave"),
    Reason.QUIET: N_("quiet hours"),
    Reason.LOTTERY: N_("the lottery said: not now"),
    Reason.HOLDOUT: N_("is in the group that hears from us less often"),
    Reason.NO_WORDING: N_("there is no text in their language"),
    Reason.CAMPAIGN_FULL: N_("the hour is full"),
    Reason.TAKEN_BACK: N_("took back what they told us"),
    "sent": N_("the message arrived"),
    "unreachable": N_("the chat is closed"),
    "rejected": N_("the channel refused the message"),
    "uncertain": N_("unknown whether it arrived"),
    "planned": N_("planned"),
}

CHOICES: Final[Mapping[str, str]] = {
    Choice.MORE: N_("Tell me more"),
    Choice.SELF: N_("I look myself"),
    Choice.CONTACT: N_("Contact me"),
    Choice.NOT_NOW: N_("Not now"),
    Choice.NO: N_("No, thank you"),
    Choice.STOP: N_("Stop"),
    Choice.HAVE_IT: N_("I have it already"),
    Choice.NOT_ABOUT_ME: N_("This is not about me"),
    Choice.NOT_THEME: N_("Not about this theme"),
    Choice.OTHER_SENDER: N_("Rather from somebody else"),
    Choice.TOO_OFTEN: N_("Too often"),
    Choice.WHY: N_("Why do I get this?"),
    Choice.NO_OPINION: N_("No opinion"),
    Choice.EXPECTED: N_("I expected it"),
    Choice.UNEXPECTED: N_("I did not expect it"),
    Choice.WELCOME: N_("It was welcome"),
    Choice.UNWELCOME: N_("It was not welcome"),
}

#: The fields of the editor's steps, where what somebody else saved is told.
FIELDS: Final[Mapping[str, str]] = {
    "title": N_("Name, for you and your colleagues"),
    "card": N_("Card"),
    "languages": N_("Languages"),
    "linked_only": N_("Only people with a code"),
    "situations": N_("Only people who told us something"),
    "signals": N_("Signals that set it off"),
    "variants": N_("Texts"),
    "when": N_("What makes it begin?"),
    "calendar": N_("The day is of this kind"),
    "date": N_("The one day"),
    "month": N_("Month of each year"),
    "day": N_("Day of that month"),
    "first": N_("First day"),
    "until": N_("Last day"),
    "waves": N_("Waves"),
    "days_between": N_("Days between two waves"),
    "hourly_maximum": N_("At most so many messages an hour"),
    "learning": N_("Write now, or by lot?"),
}

#: What was just done, by the word in the address of the page that says so.
DONE: Final[Mapping[str, str]] = {
    "signed_out": N_("You are signed out."),
    "saved": N_("It is saved."),
    "text_adapted": N_("It is copied. Your copy is chosen in its place; write what has to be different."),
    "text_taken_out": N_("It is taken out."),
    "test_sent": N_("It is on its way to your own chat, marked as a test."),
    "chat_unlinked": N_("Your chat is unlinked. No test goes there any more."),
    "draft_begun": N_("You began a campaign. Nothing is sent before it is finished, approved and started."),
    "draft_copied": N_("You began a campaign from another one. Its days have to be chosen anew."),
    "draft_finished": N_("It is a campaign now. Hand it over when it is ready to be approved."),
    "draft_discarded": N_("The draft is thrown away."),
    "campaign_handed_over": N_("It is handed over. Whoever approves sees it on their home page."),
    "campaign_taken_back": N_("You took it back. Hand it over again when it is ready."),
    "approved": N_("You approved it. An editor can start it now."),
    "sent_back": N_("You sent it back. Whoever wrote it sees why on their home page."),
    "password_changed": N_("Your password is changed. You are signed out on every other screen."),
    "second_factor_removed": N_("Your second factor is removed. Your password alone signs you in again."),
    "started": N_("It runs. The first messages leave in the next civil hours."),
    "paused": N_("It is paused. Nothing more leaves until somebody starts it again."),
    "stopped": N_("It is stopped for good. What was sent already cannot be recalled."),
    "page_checked": N_("It is kept that you checked the page today."),
    "card_suspended": N_("The card is suspended. Nothing is sent about it until two people publish it again."),
    "text_proposed": N_("It is proposed. Somebody else has to approve it."),
    "text_approved": N_("You approved it. It counts from now."),
    "text_returned": N_("It goes back to who proposed it, with your reason."),
    "text_withdrawn": N_("You withdrew it. Nothing changes."),
    "text_kept": N_("The approved text counts on."),
    "all_paused": N_("Nothing leaves any more. Answers to people still do."),
    "plan_frozen": N_("It is frozen. It never changes again; a change becomes the next version."),
    "register_published": N_("It is published here. Put the JSON into the national register too."),
    "note_drafted": N_("The note is drafted from the data. Read it, leave out what does not fit, and offer it."),
    "note_offered": N_("You agree to it. It is sent once somebody else agrees too."),
    "note_agreed": N_("You agreed. It leaves in the next civil hours, to who asked for it."),
    "note_returned": N_("You sent it back. Whoever wrote it sees why."),
    "note_taken_back": N_("It is taken back. What left already cannot be recalled."),
    "codes_revoked": N_("The codes that nobody used open nothing any more."),
    "account_made": N_("The account is made. Give a first password, unless this person signs in elsewhere."),
    "account_shut": N_("The account is shut, and its sessions have ended."),
    "account_opened": N_("The account is open again."),
    "account_out": N_("This person is signed out everywhere."),
    "factor_reset": N_("The second factor is removed, and this person is signed out everywhere."),
    "erased": N_("What identifies this person is erased. They are told so in the chat."),
    "tried_again": N_("It is tried again. If it fails, it is back here in some minutes."),
    "told_again": N_("What was not told is told again within a minute, if it is taken now."),
    "forgotten": N_("What it said is forgotten."),
    "counts_now": N_("It counts from now."),
    "waits_for_second": N_("It is proposed. It counts once a second person approves it."),
    "revoked": N_("Its keys open nothing any more."),
    "guard_goes_on": N_("It goes on, and the count begins anew."),
    "all_resumed": N_("Messages leave again. Nothing is sent twice."),
    "claimed": N_("It is yours now."),
    "replied": N_("Your reply is on its way."),
    "noted": N_("The note is kept."),
    "given_back": N_("You gave it back. Any colleague can take it now."),
    "handed_over": N_("You handed it over. Your colleague sees it on their first page."),
    "contact_closed": N_("It is closed. The person is told, and what they typed and their number are wiped."),
}


def roles(held: Collection[str]) -> list[str]:
    """What somebody with these roles does, as sentences to be translated."""
    return [ROLES[role] for role in ROLES if role in held]

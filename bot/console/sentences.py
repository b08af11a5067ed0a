"""The audit trail in sentences: one for each thing that can be done, in English here and translated where it is said.

A sentence may name `{who}`, `{subject}` and whatever the action's detail holds. An action without one is told as it
was recorded, so that nothing is hidden because somebody forgot a sentence; a test sees to it that nobody does.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Final

from bot.console.overheard import overheard
from bot.console.words import N_, ROLES

AREAS: Final[Mapping[str, str]] = {
    "campaign": N_("Campaigns"),
    "nudges": N_("All messages at once"),
    "contact": N_("Contact"),
    "person": N_("People's data"),
    "link": N_("Letters and codes"),
    "source": N_("Sources of signals"),
    "staff": N_("Accounts and signing in"),
    "texts": N_("Cards, texts and rules"),
    "research": N_("Research"),
    "audit": N_("The audit trail"),
    "operating": N_("Keys and restoring"),
    "other": N_("Other"),
}

SENTENCES: Final[Mapping[str, str]] = {
    "campaign.add": N_("{who} added the campaign {subject}."),
    "campaign.change": N_("{who} changed the campaign {subject}; it has to be approved again."),
    "campaign.hand_over": N_("{who} handed the campaign {subject} over for approval."),
    "campaign.take_back": N_("{who} took the campaign {subject} back before it was approved."),
    "campaign.send_back": N_("{who} sent the campaign {subject} back: “{because}”"),
    "campaign.draft": N_("{who} began to write the campaign {subject}."),
    "campaign.draft_save": N_("{who} saved a part of the campaign {subject} in the making: {step}."),
    "campaign.draft_discard": N_("{who} threw away what was written of the campaign {subject}."),
    "campaign.approve": N_("{who} approved the campaign {subject}."),
    "campaign.start": N_("{who} started the campaign {subject}."),
    "campaign.pause": N_("{who} paused the campaign {subject}: {because}."),
    "campaign.stop": N_("{who} stopped the campaign {subject} for good."),
    "campaign.finish": N_("The period of the campaign {subject} was over."),
    "other_sender": N_("A citizen asked to hear about {subject} from somebody else."),
    "pause_nudges": N_("{who} paused all messages: {reason}."),
    "resume_nudges": N_("{who} let messages leave again."),
    "hold_after_restore": N_("The program held all messages, because this is an older copy of the database."),
    "after_restore": N_("{who} decided how to go on after a restore: {subject}."),
    "contact.read": N_("{who} read the conversation of request {subject}."),
    "contact.reply": N_("{who} answered request {subject}."),
    "contact.done": N_("{who} closed request {subject}."),
    "contact.moved": N_("Request {subject} could not be met in time; the person was promised {promised_by}."),
    "contact.tell_again": N_("{who} had {count} things that another system had refused told to it again."),
    "contact.task_gone": N_("The task of request {subject} was taken away in Open Klant; here it is open."),
    "contact.claim": N_("{who} took request {subject}."),
    "contact.give_back": N_("{who} gave request {subject} back."),
    "contact.hand_over": N_("{who} handed request {subject} over to {to}."),
    "contact.note": N_("{who} wrote a note with request {subject}."),
    "contact.phone": N_("{who} looked at the phone number of request {subject}."),
    "contact.phones": N_("{who} looked at the phone numbers of open requests."),
    "person.preview": N_("{who} looked why person {subject} gets the campaign {campaign} or does not."),
    "person.show": N_("{who} looked at everything that is kept of person {subject}."),
    "person.export": N_("{who} took along a file with everything that is kept of person {subject}."),
    "person.erase": N_("{who} erased person {subject}."),
    "link": N_("Person {subject} was linked by a code."),
    "link.batch": N_("{who} made {codes} codes for letters: {purpose}."),
    "link.file": N_("{who} took along the codes of batch {subject} as a file."),
    "link.revoke": N_("{who} revoked {codes} unused codes of batch {subject}."),
    "offer": N_("{who} offered the service {subject} to somebody who agreed to it."),
    "source.key": N_("{who} gave the source {subject} a key."),
    "source.rotate": N_("{who} gave the source {subject} a new key."),
    "source.revoke": N_("{who} took all keys from the source {subject}."),
    "source.refused": N_("{who} took along the refused rows of the source {subject} as a file."),
    "staff.add": N_("{who} made an account for {subject}: {roles}."),
    "staff.change": N_("{who} changed the account of {subject}."),
    "staff.disable": N_("{who} shut the account of {subject}."),
    "staff.enable": N_("{who} opened the account of {subject} again."),
    "staff.password": N_("{who} set a password for {subject}."),
    "staff.sign_in": N_("{subject} signed in."),
    "staff.end_sessions": N_("{who} signed {subject} out everywhere."),
    "staff.locked": N_("The account of {subject} has to wait after {failures} wrong passwords."),
    "staff.link": N_("{subject} now signs in with the municipality's account."),
    "staff.unlink": N_("{who} untied {subject} from the municipality's account."),
    "staff.second_factor_set": N_("{subject} set up a second factor."),
    "staff.second_factor_removed": N_("{who} removed the second factor of {subject}."),
    "staff.recovery_code_used": N_("{subject} signed in with a recovery code."),
    "staff.chat_link": N_("{subject} linked a chat of their own, for tests."),
    "staff.chat_unlink": N_("The chat for tests of {subject} was unlinked."),
    "campaign.test": N_("{who} sent the text {subject} to their own chat as a test."),
    "variant.pause": N_("The text {subject} is no longer sent: {because}."),
    "variant.resume": N_("{who} let the text {subject} be sent again."),
    "guard.alarm": N_("The program noticed something about {subject}: {because}."),
    "guard.go_on": N_("{who} looked at the alarm about {subject} and let it go on."),
    "draws.commit": N_("The hash of the key for the draws of {subject} was published: {key_hash}."),
    "draws.reveal": N_("The key for the draws of {subject} was revealed, so that anybody can check them."),
    "policy.statistics": N_(
        "{who} took along sums of what came of {sends} messages as a file for other municipalities: {subject}."
    ),
    "texts.propose": N_("{who} proposed to change texts ({paths}): {why}."),
    "texts.approve": N_("{who} approved change {subject} of texts: {paths}."),
    "texts.return": N_("{who} sent change {subject} of texts back: {reason}."),
    "texts.withdraw": N_("{who} withdrew change {subject} of texts."),
    "texts.record": N_("{who} wrote down in {paths}: {why}."),
    "texts.keep": N_("{who} let the approved text of {subject} count on, although a new version changed its file."),
    "texts.export": N_("{who} took along the texts in force as files."),
    "operating.version": N_("The program {subject} was started here for the first time, or again after another one."),
    "plan.save": N_("{who} changed the plan of analysis of the campaign {subject} in the making."),
    "plan.freeze": N_("{who} froze version {version} of the plan of analysis of the campaign {subject}: {hash}."),
    "register.publish": N_("{who} published entry {subject} of the algorithm register: {hash}."),
    "note.draft": N_("{who} had the note about {subject} drafted: what was done with people's answers."),
    "note.save": N_("{who} changed the note about {subject}; whoever offered it does so again."),
    "note.offer": N_("{who} agrees to the note about {subject} and asks for a second person."),
    "note.agree": N_("{who} agreed to the note about {subject} as the second person: it is sent."),
    "note.return": N_("{who} sent the note about {subject} back: “{because}”"),
    "note.take_back": N_("{who} took the note about {subject} back: “{because}”. {stopped} messages did not leave."),
    "export": N_("{who} took along a file for research: {subject}."),
    "research.file": N_("{who} took along the figure “{subject}” as a file."),
    "audit.export": N_("{who} took along the audit trail, or a part of it, as a file."),
    "audit.verify": N_("{who} checked the audit trail: {rows} rows, {faults} places that do not hold."),
    "update.retry": N_("{who} had answer {subject}, which could not be read, tried again."),
    "update.forget": N_("{who} had answer {subject}, which could not be read, forgotten."),
    "keys.rotate": N_("{who} had everything sealed with a new key."),
    "keys.forget_old": N_("{who} took the old keys out of the keys file."),
}

#: Where an action belongs whose first word is not its area.
_ELSEWHERE: Final[Mapping[str, str]] = {
    "pause_nudges": "nudges",
    "resume_nudges": "nudges",
    "hold_after_restore": "operating",
    "after_restore": "operating",
    "keys": "operating",
    "update": "operating",
    "other_sender": "campaign",
    "offer": "campaign",
    "export": "research",
    "note": "texts",
    "plan": "research",
    "register": "research",
    "variant": "texts",
    "guard": "research",
    "draws": "research",
    "policy": "research",
    "card": "texts",
    "wording": "texts",
    "library": "texts",
    "rules": "texts",
    "theme": "texts",
}

#: Who is no account: the program itself, and people who are not of the staff.
SOMEBODY: Final[Mapping[str, str]] = {
    "clock": N_("The program"),
    "breaker": N_("The program"),
    "the calendar": N_("The program"),
    "sign-in": N_("The program"),
    "guard": N_("The program"),
    "citizen": N_("A citizen"),
    "Open Klant": N_("Open Klant"),
}
#: How it went on after a restore.
ONWARD: Final[Mapping[str, str]] = {
    "send": N_("as if nothing had happened since"),
    "withdraw": N_("what may have left is not sent again"),
    "ask": N_("everybody is asked anew"),
}
UNKNOWN: Final = N_("{who} did “{action}” with {subject}.")


def area_of(action: str) -> str:
    """In which part of the work an action belongs."""
    first = action.partition(".")[0]
    area = _ELSEWHERE.get(action) or _ELSEWHERE.get(first) or first
    return area if area in AREAS else "other"


def actions_of(area: str, known: Iterable[str]) -> list[str]:
    """The actions of an area, with those that only the trail itself knows."""
    return sorted(action for action in {*SENTENCES, *known} if area_of(action) == area)


def somebody(who: str, people: Mapping[str, str], say: Callable[[str], str]) -> str:
    """Who did something, as people read it. `people`: what accounts are called, by login."""
    return say(SOMEBODY[who]) if who in SOMEBODY else people.get(who, who)


def sentence(action: str, detail: Mapping[str, object], *, who: str, subject: str, say: Callable[[str], str]) -> str:
    """What was done, as a sentence. `say` translates; `who` and `subject` are as people read them."""
    values = {name: _shown(name, value, say) for name, value in detail.items()}
    told = say(SENTENCES.get(action, UNKNOWN))
    return told.format_map(_Known({**values, "who": who, "subject": subject, "action": action}))


class _Known(dict[str, str]):
    """An older row may lack what its sentence names by now."""

    def __missing__(self, _: str) -> str:
        return "–"


def _shown(name: str, value: object, say: Callable[[str], str]) -> str:
    if name == "roles" and isinstance(value, Collection):
        return ", ".join(say(ROLES[role]) for role in ROLES if role in value)
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "–"
    if name == "because":
        return overheard(str(value), say).rstrip(".")
    return "–" if value is None else str(value).rstrip(".")

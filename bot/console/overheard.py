"""Sentences that other rooms say finished, for machines and terminals too: found again here, and said in Dutch.

Each is here as it is written there, with a name in braces where something is filled in. A test reads those rooms and
misses none.
"""

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Final

from bot.console.words import N_

#: What is wrong with a signal, and with what somebody filled in.
FAULTS: Final = (
    N_("give each event an id of its own, such as a UUID"),
    N_("give the source that belongs to your key, such as urn:nld:oin:00000001234567890000:systeem:naam"),
    N_("give a type such as nl.kalenders.aanvraagtermijn-nadert.v1"),
    N_('write "1.0"'),
    N_("write application/json, or leave it out"),
    N_("give a URI, or leave it out"),
    N_("write a moment with its zone, such as 2026-06-15T07:00:00Z"),
    N_("leave it out: attributes are no place for a person; put the reference in data.deelnemer"),
    N_("put the data in `data`, as a JSON object"),
    N_("name attributes with 1 to 20 of a-z and 0-9"),
    N_("write when this was logged: not before 2000 and not more than a day from now"),
    N_("use 1 to 200 visible ASCII characters, such as a UUID"),
    N_("this looks like a BSN; use a UUID"),
    N_("with this key write {source}"),
    N_("with this key use one of: {types}"),
    N_("no service card has this type switched on; switch it on there, or use one of: {types}"),
    N_("it is derived from a register: first record a legal basis and a DPIA reference for this source"),
    N_("leave it out; we keep only: {names}"),
    N_("give an opaque reference of 4 to 128 characters from A-Z a-z 0-9 _ - . ~ :"),
    N_("this looks like a BSN; give a reference that means nothing elsewhere"),
    N_("give the id of a card: {cards}"),
    N_("give the team's name in 1 to {most} printable characters, without numbers of persons"),
    N_("write true, or leave it out"),
    N_("write ja, or leave it out"),
    N_("name the person by the reference that was linked"),
    N_("name the team, so that the person can be told who thought of them"),
    N_("write true once the person agreed to be written to about this"),
    N_("write ja once the person agreed to be written to about this"),
    N_("give either gebeurtenisOp or uiterlijk"),
    N_("write a date such as 2026-09-01"),
    N_("give a date from 2000-01-01 to {latest}"),
    N_("give the data as a JSON object"),
    N_("give each event as a JSON object"),
    N_("give the data as application/json"),
    N_("write {structured}, {batch}, or application/json with the attributes in {prefix} headers"),
    N_("keep this column once"),
    N_("add this column"),
    N_("leave it out; columns are: {names}"),
    N_("give {count} cells, as the header does"),
    N_("write when this was logged, such as 2026-06-15T07:00:00Z"),
    N_("this is no row of a CSV file: {error}"),
    N_("The body is not a JSON array of events."),
    N_("{count} events in one batch; hand in at most {most} at a time."),
    N_("This is not the JSON that was announced: {why}."),
    N_("source: {name} is no name for a source; use a URN such as urn:nld:oin:…:systeem:naam"),
    N_("types: none; name at least one signal type"),
    N_("types: {kind} is not a signal type; write one such as nl.kalenders.aanvraagtermijn-nadert.v1"),
    N_("purpose: say in 1 to 200 characters what the letters are for"),
    N_("days: give 1 to {longest}"),
    N_("days: give a number of days"),
    N_("codes: make 1 to {most} at a time"),
    N_("codes: say how many, or give your own references"),
    N_("codes: say how many, or give your own references, not both"),
    N_("references: {which} is there more than once"),
    N_("references: {line}; use 4 to 128 characters from A-Z a-z 0-9 _ - . ~ :"),
    N_("references: {line}… looks like a BSN; give references that mean nothing elsewhere"),
    N_("login: {login} is neither an e-mail address nor a short name such as e.devries"),
    N_("name: give the name that citizens and colleagues may see"),
    N_("roles: {unknown} is no role; use some of {roles}"),
    N_("roles: none; give at least one of {roles}"),
    N_("language: {language}; use one of {languages}"),
    N_("password: give {least} to {most} characters; a sentence is fine"),
)
#: What `handreiking doctor` finds at a glance.
FINDINGS: Final = (
    N_("A reply could leave and nothing was sent."),
    N_("A confirmation could leave and nothing was sent."),
    N_("A nudge could leave and nothing was sent."),
    N_("A note could leave and nothing was sent."),
    N_("People wait for an answer, or hear of something too late."),
    N_("{log} | grep -E 'unsent|flood|poll_failed'; if nothing stands there: {restart}"),
    N_("Updates from Telegram that took no effect yet: {count}."),
    N_("A stop may be among them."),
    N_("Signals that were not looked at yet: {count}."),
    N_("Offers that should have been decided about: {count}."),
    N_("Whom they concern hears of it too late, or never."),
    N_("Updates that failed five times and are no longer tried: {count}."),
    N_("Somebody said something to us that had no effect. They were told that it went wrong."),
    N_("{log} | grep update_failed; hand these lines to whoever maintains the program"),
    N_("Messages of the last week of which it is not known whether they arrived: {count}."),
    N_("They are never sent again, so that nobody gets one twice. Many of them mean a bad connection."),
    N_("All nudges are held, by {who}: {because}."),
    N_("Nobody is written to; answers still go out."),
    N_("Once the reason is gone: {command}"),
    N_("Alarms of the guards that nobody looked at yet: {count}."),
    N_("Too many people stop, or what is drawn does not follow its chances. What it is about is held."),
    N_("Telegram asked us to send nothing until {until} UTC."),
    N_("It passes by itself. If it comes back often, we send too fast."),
    N_("If it comes back: set HANDREIKING_RATE_PER_S lower"),
    N_("People who were promised contact by a day that has passed: {count}, the earliest {day}."),
    N_("They asked for help, and wait."),
    N_("The newest policy version is older than two weeks."),
    N_("It is made each week. What people answered since then changes nothing."),
    N_("handreiking learn; if that fails, its message says why"),
    N_("No process is at work on this database."),
    N_("Nobody is answered, and a stop waits at Telegram for a day only."),
    N_("systemctl start handreiking; if it does not stay: journalctl -u handreiking -n 50"),
    N_("The process {name} in the role {role} fell silent, and no other has that role."),
    N_("What it did is not done now."),
    N_("The process {name} is at work, and yet: {what}."),
    N_("What it should do is not done now."),
    N_("Look at the network and the proxy; if they are fine: {restart}"),
    N_("Things about requests for contact that were not taken by {whose}: {count}."),
    N_("Nothing gets through to {whose}. Things about requests for contact that wait: {count}."),
    N_("Whoever works there does not know of them. The requests are in our own queue."),
    N_("Campaign {campaign} runs and writes to nobody, because of card {card}: {reasons}."),
    N_("Nobody hears of it until its card is in order."),
    N_("Mend messages/services/{card}.toml, have the campaign approved again; or: {command}"),
    N_("Card {card} has to be read again by {day}; campaign {campaign} runs on it."),
    N_("After that day the campaign writes to nobody."),
    N_("Read messages/services/{card}.toml against its page; set reviewed_on and review_due."),
    N_("What was learned is not used, since the algorithm register does not describe it. Campaigns: {count}."),
    N_("Citizens must be able to read what decides about them; until then everything is drawn evenly."),
    N_("handreiking register; if the entry is right: handreiking register --publish --by NAME"),
    N_("Nobody vouches for these translations as they read now: {languages}."),
    N_("The program runs with them only as a trial."),
    N_("Let somebody who reads it go through it, then: {command}; or take it out of messages/municipality.toml"),
)
#: What a guard is alarmed about, and why a text was paused.
ALARMS: Final = (
    N_(
        "{stops} people stopped after {messages} messages, clearly more than the {most} in 1,000 that people signed for"
    ),
    N_("{stops} people stopped within {messages} messages in a row"),
    N_("how often messages are written does not follow the chances that are written down"),
    N_("which texts are chosen does not follow the chances that are written down"),
    N_("people who are written to in {language} stop clearly more often than all others"),
    N_("people who are written to about the theme {theme} stop clearly more often than all others"),
    N_("{count} of the last {messages} messages at most were called unpleasant"),
)
#: What a process does not do, within one of these.
DUTIES: Final = (
    N_("the event loop stands still: something blocks it"),
    N_("no tick: signals are not planned"),
    N_("the sender does not ask for due messages"),
    N_("updates that came in are not worked off"),
    N_("Telegram gave no answer to getUpdates"),
    N_("there is no such card"),
    N_("the receiver of our events"),
)
#: Why nobody may be written to about a card, several within one of these.
REASONS: Final = (
    N_("example is true: this is an example, not a decision of your municipality"),
    N_("status is {status}, not published"),
    N_("official_page.checked_on is missing: read the page and write the date"),
    N_("approved_by names fewer than two different people"),
    N_("weighing.decided_by or decided_on is missing: nobody signed the weighing"),
    N_("{day} lies outside valid_from {first} to valid_until {last}"),
    N_("review_due {day} has passed"),
    N_("signals: {type} is enabled without a legal basis and a dpia"),
)
_HOLE: Final = re.compile(r"\{(\w+)\}")


def overheard(said: str, say: Callable[[str], str]) -> str:
    """A finished English sentence in the language of `say`; as it is when nobody knows it."""
    for template, pattern in _patterns():
        found = pattern.fullmatch(said)
        if found is not None:
            values = {name: _within(name, value, say) for name, value in found.groupdict().items()}
            return say(template).format(**values)
    return said


def _within(name: str, value: str, say: Callable[[str], str]) -> str:
    """What is filled in, where that is a sentence of ours itself."""
    if name == "reasons":
        return "; ".join(overheard(reason, say) for reason in value.split("; "))
    return say(value) if value in DUTIES else value


@lru_cache(maxsize=1)
def _patterns() -> list[tuple[str, re.Pattern[str]]]:
    """The most particular first: what says more in its own words."""
    ordered = sorted(
        (*ALARMS, *FAULTS, *FINDINGS, *DUTIES, *REASONS),
        key=lambda template: len(_HOLE.sub("", template)),
        reverse=True,
    )
    return [(template, _pattern(template)) for template in ordered]


def _pattern(template: str) -> re.Pattern[str]:
    parts = _HOLE.split(template)
    built = "".join(f"(?P<{part}>.*?)" if place % 2 else re.escape(part) for place, part in enumerate(parts))
    return re.compile(built, re.DOTALL)

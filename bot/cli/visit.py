"""`handreiking doctor`: everything that can be looked at from outside the running program, and what it means."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import typer
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from bot import campaigns, klant, register, settings
from bot.cli import fitness, parts
from bot.cli.parts import Parts, say, say_json
from bot.errors import ChannelClosedError, FaultsError, InTheWayError, SettingsError, UnreadableError
from bot.klant import checkup as listeners
from bot.operating import doctor, glance, machine
from bot.operating.findings import Finding, Urgency, in_order, lines
from bot.store import ledger, vitals
from bot.telegram.checkup import Checkup, checkup
from bot.wording import Wording

WRONG, BLIND = 1, 2
SAMPLE: Final = 10
MANY_PENDING: Final = 100
LATELY: Final = timedelta(days=1)


def pay(*, json: bool) -> None:
    """Look, and print what was found. Raises typer.Exit with WRONG or BLIND."""
    visit = _Visit(parts.now())
    visit.make()
    findings = in_order(visit.found)
    if json:
        say_json(
            {
                "findings": [finding.as_record() for finding in findings],
                "looked_at": visit.looked_at,
                "not_looked_at": visit.blind,
            }
        )
    else:
        for line in lines(findings):
            say(line)
        wrong = [finding for finding in findings if finding.urgency is not Urgency.KNOW]
        say(f"{len(wrong)} to mend." if wrong else "Nothing is wrong.")
        say(f"Looked at: {', '.join(visit.looked_at) or 'nothing'}.")
        if visit.blind:
            say(f"Could not look at: {', '.join(visit.blind)}.")
    if visit.is_blind:
        raise typer.Exit(BLIND)
    if any(finding.urgency is not Urgency.KNOW for finding in findings):
        raise typer.Exit(WRONG)


@dataclass
class _Visit:
    now: datetime
    found: list[Finding] = field(default_factory=list)
    looked_at: list[str] = field(default_factory=list)
    blind: list[str] = field(default_factory=list)
    is_blind: bool = False

    def make(self) -> None:
        """Look at one thing after another; where one cannot be looked at, the others still are."""
        try:
            whole = Parts(settings.read())
        except SettingsError as error:
            self.found += [_of_settings(fault) for fault in error.faults]
            self.is_blind, self.blind = True, ["everything else"]
            return
        self.looked_at.append("settings")
        token = self._token(whole)
        self._keys(whole)
        self._files(whole)
        has_ledger = self._database(whole)
        wording = self._wording(whole, has_ledger=has_ledger)
        if has_ledger and wording is not None:
            self._ledger(whole, wording)
        elif wording is not None:
            self.found += [_of_words(fault) for fault in wording.checked(today=self.now.date())]
        self._listeners(whole)
        if token is not None:
            self._telegram(whole, token)
        elif "token" not in self.looked_at:
            self.blind.append("Telegram")

    def _token(self, whole: Parts) -> str | None:
        try:
            token = whole.settings.bot_token()
        except SettingsError as error:
            self.found += [_of_settings(fault) for fault in error.faults]
            return None
        self.looked_at.append("token")
        return token

    def _keys(self, whole: Parts) -> None:
        try:
            _ = whole.vault
        except SettingsError as error:
            self.found += [_of_settings(fault) for fault in error.faults]
        else:
            self.looked_at.append("keys")

    def _files(self, whole: Parts) -> None:
        set_ = whole.settings
        named = (
            ("the bot's token", set_.token_file),
            ("the keys", set_.keys_file),
            ("the token for Open Klant", set_.open_klant_token_file),
            ("the secret of our events", set_.events_secret_file),
        )
        self.found += machine.of_secrets((holds, path) for holds, path in named if path is not None)

    def _wording(self, whole: Parts, *, has_ledger: bool) -> Wording | None:
        try:
            wording = whole.wording if has_ledger else whole.shelf.of_files()
        except FaultsError as error:
            self.found += [_of_words(fault) for fault in error.faults]
            return None
        self.looked_at.append("texts")
        return wording

    def _database(self, whole: Parts) -> bool:
        """Whether the ledger can be read."""
        try:
            if whole.engine.url.get_backend_name() == "sqlite" and whole.has_file() and whole.engine.url.database:
                self.found += machine.of_file(Path(whole.engine.url.database).resolve())
            has, wants = whole.shape()
        except SettingsError as error:
            self.found.append(
                Finding(
                    check="database",
                    urgency=Urgency.NOW,
                    what=" ".join(error.faults),
                    why="Everything that is remembered is there; without it nothing runs.",
                    todo="See that the database runs, that HANDREIKING_DATABASE_URL is right, and who may use it.",
                )
            )
            self.is_blind, self.blind = True, ["database"]
            return False
        if has != wants or has is None:
            is_there = "There is no database yet." if has is None else f"The database has shape {has}, not {wants}."
            self.found.append(
                Finding(
                    check="shape",
                    urgency=Urgency.NOW,
                    what=is_there,
                    why="The program does not start on it.",
                    todo="handreiking migrate",
                )
            )
            self.blind.append("ledger")
        self.looked_at.append("database")
        if whole.engine.url.get_backend_name() != "sqlite":
            with whole.engine.connect() as connection:
                theirs = connection.execute(text("SELECT clock_timestamp()")).scalar_one()
            self.found += machine.of_clock(parts.now(), theirs, "the database server's")
        return has == wants and has is not None

    def _ledger(self, whole: Parts, wording: Wording) -> None:
        today = whole.today()
        try:
            with ledger.reading(whole.sessions) as session:
                vital = vitals.take(session, self.now, today)
                at_work = vitals.processes(session)
                lately = vitals.uncertain_since(session, self.now - doctor.RECENT)
                sealed = vitals.sealed_addresses(session, SAMPLE)
                told = klant.standing(session)
                running = glance.running(session)
                stands, learns = register.standing(session, wording), campaigns.adaptive(session)
        except SQLAlchemyError as error:
            self.found.append(
                Finding(
                    check="ledger",
                    urgency=Urgency.NOW,
                    what=f"The database does not answer as it should: {type(error).__name__}.",
                    why="What cannot be read can neither be planned nor sent.",
                    todo="Look at the disk and the database's own log; restore a backup if it is damaged.",
                )
            )
            self.is_blind = True
            self.blind.append("ledger")
            return
        self.looked_at += ["processes", "queues", "promises", "campaigns", "register"]
        self.found += doctor.of_ledger(vital, at_work, lately)
        self.found += doctor.of_listeners(told)
        if "keys" in self.looked_at:
            self.found += _of_seals(whole, sealed)
        faults = fitness.faults(self.now)
        self.found += [_of_words(fault) for about in ("wording", "campaigns") for fault in faults.get(about, ())]
        self.found += [_of_undecided(one) for one in faults.get("texts", ())]
        self.found += glance.of_campaigns(running, wording, today)
        self.found += glance.of_register(stands, learns)
        self.found += glance.of_languages(wording)

    def _listeners(self, whole: Parts) -> None:
        """Whether those who are to hear of requests for contact can be reached, and let us in."""
        for name, find in (("Open Klant", whole.settings.open_klant), ("our events", whole.settings.events)):
            try:
                at = find()
            except SettingsError as error:
                self.found += [_of_settings(fault) for fault in error.faults]
                continue
            if at is None:
                continue
            wrong = asyncio.run(listeners.wrong(at, parts.now))
            if wrong is None:
                self.looked_at.append(name)
            else:
                self.found.append(_of_listener(f"{name}: {wrong}"))

    def _telegram(self, whole: Parts, token: str) -> None:
        try:
            seen = asyncio.run(checkup(token, whole.settings.api_root.rstrip("/")))
        except ChannelClosedError as error:
            self.found.append(
                Finding(
                    check="token",
                    urgency=Urgency.NOW,
                    what=str(error),
                    why="Nobody is answered and nothing is sent.",
                    todo="Get the token from @BotFather, write it into HANDREIKING_TOKEN_FILE, and start again.",
                )
            )
        except InTheWayError as error:
            self.found.append(
                Finding(
                    check="telegram",
                    urgency=Urgency.NOW,
                    what=f"{error}.",
                    why="Nobody is answered and nothing is sent. Nothing is lost for a day.",
                    todo=f"curl -sv {whole.settings.api_root} from this machine; look at firewall, proxy and DNS",
                )
            )
            self.blind.append("Telegram")
        else:
            self.looked_at.append("Telegram")
            public = whole.settings.public_url
            self.found += _of_telegram(seen, None if public is None else str(public), self.now)


def _of_settings(fault: str) -> Finding:
    return Finding(
        check="settings",
        urgency=Urgency.NOW,
        what=f"{fault}.",
        why="The program does not start with these settings.",
        todo="Mend the setting where the service gets its environment from, such as /etc/handreiking/environment",
    )


def _of_listener(wrong: str) -> Finding:
    return Finding(
        check="listeners",
        urgency=Urgency.SOON,
        what=wrong,
        why="Whoever works there hears of no request for contact. They are in our own queue.",
        todo="Look at the address, the secret and the network; handreiking outgoing status tells what waits",
    )


def _of_words(fault: str) -> Finding:
    return Finding(
        check="texts",
        urgency=Urgency.SOON,
        what=f"{fault}.",
        why="What is not in order is not sent, and the program does not start with it.",
        todo="Mend the file, then: handreiking check",
    )


def _of_undecided(told: str) -> Finding:
    return Finding(
        check="undecided",
        urgency=Urgency.SOON,
        what=f"{told}.",
        why="Two texts claim to be the one that people read, and only the older one counts.",
        todo="handreiking texts list",
    )


def _of_seals(whole: Parts, sealed: Sequence[str]) -> Iterator[Finding]:
    closed = 0
    for one in sealed:
        try:
            whole.vault.open(one)
        except UnreadableError:
            closed += 1
    if closed:
        yield Finding(
            check="seals",
            urgency=Urgency.NOW,
            what=f"The keys do not open {closed} of {len(sealed)} chat addresses that were tried.",
            why="These people can be neither answered nor written to.",
            todo="Set HANDREIKING_KEYS_FILE to the keys that this database was filled with; look in the copies of it.",
        )


def _of_telegram(seen: Checkup, public_url: str | None, now: datetime) -> Iterator[Finding]:
    for is_so, what, todo in (
        (seen.can_join_groups, "be added to groups", "/setjoingroups, choose the bot, Disable"),
        (seen.can_read_all_group_messages, "read all messages of a group", "/setprivacy, choose the bot, Enable"),
    ):
        if is_so:
            yield Finding(
                check="groups",
                urgency=Urgency.NOW,
                what=f"@{seen.username} can {what}.",
                why="The program refuses to start with such a bot.",
                todo=f"In @BotFather: {todo}",
            )
    if bool(seen.webhook) != (public_url is not None) or not seen.webhook.startswith((public_url or "").rstrip("/")):
        other = "calls an address of its own" if seen.webhook else "calls nobody"
        wants = "no webhook" if public_url is None else public_url
        yield Finding(
            check="webhook",
            urgency=Urgency.NOW,
            what=f"Telegram {other} with updates, and HANDREIKING_PUBLIC_URL asks for {wants}.",
            why="What people say does not arrive here.",
            todo=doctor.RESTART + "; and see that no other program uses this token",
        )
    if seen.failed_at is not None and now - seen.failed_at < LATELY:
        yield Finding(
            check="webhook_errors",
            urgency=Urgency.SOON,
            what=f"Telegram could not hand us an update: {seen.failed_with}.",
            since=seen.failed_at,
            why="It tries again for a day; after that what people said is lost.",
            todo="Look at the proxy in front of HANDREIKING_PORT and at its certificate.",
        )
    if seen.pending > MANY_PENDING:
        yield Finding(
            check="pending",
            urgency=Urgency.NOW,
            what=f"{seen.pending} updates wait at Telegram.",
            why="People said something and got no answer; a stop may be among it. After a day they are lost.",
            todo=doctor.RESTART,
        )
    if seen.theirs is not None:
        yield from machine.of_clock(now, seen.theirs, "Telegram's")

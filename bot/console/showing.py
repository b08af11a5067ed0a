"""A wording as a phone shows it, for whoever writes or approves it; drawn by the macro of `_preview.html`."""

from collections.abc import Iterable
from dataclasses import dataclass

from bot import outbox
from bot.core.plain import Finding
from bot.outbox import Label
from bot.wording import Wording
from bot.wording.own import Look, is_own, look, mended
from bot.wording.speech import direction


@dataclass(frozen=True, kw_only=True, slots=True)
class Shown:
    """One wording in one language: what the rules say about it, and what the bot would put into the chat.

    `text` None: there is nothing that could be sent.
    """

    look: Look
    text: str | None
    buttons: tuple[Label, ...]
    direction: str  # ltr | rtl
    own: bool  # whether a campaign wrote it for itself

    @property
    def key(self) -> str:
        return self.look.key

    @property
    def language(self) -> str:
        return self.look.language

    @property
    def rewrites(self) -> list[tuple[Finding, str | None]]:
        """What the rules found, each with the whole text mended where the rule knows other words."""
        return [(found, mended(self.look.form, found)) for found in self.look.findings]


def shown(wording: Wording, key: str, language: str) -> Shown:
    """This wording by the bot's own hand. Raises KeyError for one that does not exist."""
    seen = look(wording, key, language)
    card = wording.cards[wording.variants[key].card].facts()
    text, buttons = outbox.phrased(wording, key, language, card, 0) if seen.sayable else (None, ())
    return Shown(
        look=seen,
        text=text,
        buttons=buttons,
        direction=direction(language),
        own=is_own(wording, key),
    )


def all_shown(wording: Wording, keys: Iterable[str], languages: Iterable[str]) -> list[tuple[str, list[Shown]]]:
    """Every wording that there is among `keys`, in each of `languages`."""
    spoken = [language for language in languages if language in wording.languages]
    return [(key, [shown(wording, key, language) for language in spoken]) for key in keys if key in wording.variants]

"""Why messages did not arrive, as staff read it, with what follows from it."""

from collections import Counter
from collections.abc import Mapping
from typing import Final, NamedTuple

from bot.console.words import N_

#: How an offer ended whose message left; these are no reasons why somebody got none.
ENDS: Final = frozenset({"sent", "uncertain", "unreachable", "rejected", "planned"})

#: By how the error begins, as the channel wrote it down; the first that fits.
_WORDS: Final[Mapping[str, str]] = {
    "unreachable: the account is gone": N_("The account does not exist any more. This person is not written to again."),
    "unreachable": N_("The person blocked the bot or deleted the chat. That counts as a stop."),
    "rejected: this person never started the bot": N_(
        "The person never opened a chat with this bot. Tell an administrator: the address that is kept is wrong."
    ),
    "rejected: this bot does not know the chat": N_(
        "The bot does not know the chat. Tell an administrator: perhaps the bot is another one than before."
    ),
    "rejected: Telegram found markup": N_("Telegram could not read the text. Tell whoever maintains the program."),
    "rejected: Telegram refused it": N_("Telegram refused the message."),
    "rejected": N_("The channel refused the message."),
}
_OTHER: Final = N_("It is not known why.")


class Failure(NamedTuple):
    """How many messages did not arrive for one reason. `said`: the channel's own words, where ours say too little."""

    times: int
    sentence: str
    said: str | None


def in_words(failures: Mapping[str, int]) -> list[Failure]:
    """The most frequent first. What reads the same is counted together."""
    counts: Counter[tuple[str, str | None]] = Counter()
    for error, count in failures.items():
        known = next((start for start in _WORDS if error.startswith(start)), None)
        said = error.rpartition("Telegram refused it:")[2].strip() if "Telegram refused it:" in error else None
        if known in {None, "rejected"}:
            said = error.partition(":")[2].strip() or None
        counts[_OTHER if known is None else _WORDS[known], said] += count
    return [Failure(count, sentence, said) for (sentence, said), count in counts.most_common()]

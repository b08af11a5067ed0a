"""What can go wrong, sorted by what the caller can do about it."""

from collections.abc import Iterable


class HandreikingError(Exception):
    """Any failure that this package raises on purpose; its text is a sentence for a person."""


class FaultsError(HandreikingError):
    """Something handed to us is not fit for use. Mend every fault in `faults` and hand it in again.

    Nothing was stored or sent. Each fault names where it is, the value, and the mend.
    """

    def __init__(self, faults: Iterable[str]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(self.faults))


class SettingsError(FaultsError):
    """The environment does not describe a bot that can run. Mend it and start again."""


class WordingError(FaultsError):
    """messages/ or locale/ is not fit to send. Found at the start, never later."""


class RefusedError(HandreikingError):
    """What was asked is not allowed as things stand, such as approving an own campaign. Do something else first.

    `sentence` has `{names}` where `values` go, so that it can be said in another language too.
    """

    def __init__(self, sentence: str, **values: object) -> None:
        self.sentence, self.values = sentence, values
        super().__init__(sentence.format(**values) if values else sentence)


class UnreadableError(HandreikingError):
    """No key that we have opens a sealed text. Bring back the key that sealed it; what it holds is lost otherwise."""

    def __init__(self) -> None:
        super().__init__("No key in the keys file opens this text. Bring back the keys file that it was sealed with.")


class InTheWayError(HandreikingError):
    """A port, a lock or another process stands in the way. Free it and start again."""


class DeliveryError(HandreikingError):
    """A message did not reach the citizen, or may not have."""


class UnreachableError(DeliveryError):
    """The citizen blocked the bot or is gone. Do not write again; it counts as a withdrawal."""


class DelayedError(DeliveryError):
    """Nothing was sent. Try again after `seconds`; with `everybody`, nothing at all may be sent until then."""

    def __init__(self, seconds: float, *, everybody: bool = False) -> None:
        self.seconds = seconds
        self.everybody = everybody
        super().__init__(f"try again after {seconds:g} s")


class RejectedError(DeliveryError):
    """The channel will never accept this message. Mend the wording, the data or the code."""


class UncertainError(DeliveryError):
    """The citizen may have the message. Never send it again."""


class ChannelClosedError(HandreikingError):
    """The channel refuses us altogether (token revoked, a second bot running). Stop, and tell the operator."""

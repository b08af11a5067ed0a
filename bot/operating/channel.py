"""A channel that is looked at: what came of each message, and how long it took."""

from bot.errors import (
    ChannelClosedError,
    DelayedError,
    DeliveryError,
    RejectedError,
    UncertainError,
    UnreachableError,
)
from bot.journey import Channel, Outgoing
from bot.watch import Watch

_OUTCOMES: tuple[tuple[type[Exception], str], ...] = (
    (UnreachableError, "unreachable"),
    (DelayedError, "delayed"),
    (RejectedError, "rejected"),
    (UncertainError, "uncertain"),
    (ChannelClosedError, "closed"),
)


class SeenChannel:
    """`channel`, and what `watch` notices of it."""

    def __init__(self, channel: Channel, watch: Watch) -> None:
        self._channel, self._watch = channel, watch

    async def send(self, outgoing: Outgoing) -> int:
        """As the channel does it."""
        purpose = outgoing.purpose.name.lower()
        try:
            with self._watch.during("send", {"message": outgoing.id, "purpose": purpose}):
                number = await self._channel.send(outgoing)
        except (DeliveryError, ChannelClosedError) as error:
            outcome = next((word for kind, word in _OUTCOMES if isinstance(error, kind)), "failed")
            self._watch.sent(purpose, outcome)
            raise
        self._watch.sent(purpose, "sent")
        self._watch.beat("sent")
        return number

"""How Telegram sees this bot, for `handreiking doctor`."""

from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import aiohttp

from bot.errors import ChannelClosedError, InTheWayError

PATIENCE_S = 10.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Checkup:
    """`webhook` is empty for a bot that fetches its updates. `theirs` is Telegram's clock, None when it tells none."""

    username: str
    can_join_groups: bool
    can_read_all_group_messages: bool
    webhook: str
    pending: int
    failed_at: datetime | None
    failed_with: str
    theirs: datetime | None


async def checkup(token: str, root: str) -> Checkup:
    """Ask Telegram; nothing is changed there.

    Raises ChannelClosedError for a token that is not accepted, InTheWayError when nobody answers as Telegram does.
    """
    timeout = aiohttp.ClientTimeout(total=PATIENCE_S)
    try:
        async with aiohttp.ClientSession(timeout=timeout) as client:
            me, theirs = await _ask(client, f"{root}/bot{token}/getMe")
            hook, _ = await _ask(client, f"{root}/bot{token}/getWebhookInfo")
    except (aiohttp.ClientError, TimeoutError, ValueError) as error:
        # The error's own words may hold the address, and the token stands in it.
        raise InTheWayError(f"{root} does not answer as Telegram does: {type(error).__name__}") from None
    failed_at = hook.get("last_error_date")
    return Checkup(
        username=str(me.get("username", "")),
        can_join_groups=bool(me.get("can_join_groups", False)),
        can_read_all_group_messages=bool(me.get("can_read_all_group_messages", False)),
        webhook=str(hook.get("url", "")),
        pending=int(hook.get("pending_update_count", 0)),
        failed_at=None if failed_at is None else datetime.fromtimestamp(int(failed_at), UTC),
        failed_with=str(hook.get("last_error_message", ""))[:120],
        theirs=theirs,
    )


async def _ask(client: aiohttp.ClientSession, url: str) -> tuple[dict[str, Any], datetime | None]:
    async with client.post(url, allow_redirects=False) as response:
        if response.status in {401, 404}:
            raise ChannelClosedError("Telegram does not accept the token, or HANDREIKING_API_ROOT is wrong.")
        answer = await response.json(content_type=None)
        told = response.headers.get("Date")
    if not isinstance(answer, dict) or not isinstance(answer.get("result"), dict):
        raise ValueError("no result")  # noqa: TRY004 - what came over the wire is a value
    return answer["result"], None if told is None else parsedate_to_datetime(told).astimezone(UTC)

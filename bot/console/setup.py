"""The settings in words: what each does now, and where another value is written. Secrets only as set or not set."""

from collections.abc import Callable, Mapping
from typing import Annotated, Final

from fastapi import APIRouter, Request
from starlette.responses import Response

from bot.console.desk import Desk, Setting, allowed
from bot.console.words import N_
from bot.staff import May, SignedIn

PREFIX: Final = "HANDREIKING_"
_SECRET: Final = (N_("It is set, and is not shown."), N_("It is not set."))

#: What is so when it is set, and when it is not. A setting without words here is told as README tells it.
EFFECTS: Final[Mapping[str, tuple[str, str]]] = {
    "TOKEN": (N_("The bot's token is in the environment."), N_("The bot's token is not in the environment.")),
    "TOKEN_FILE": (N_("The bot's token is in the file {value}."), N_("The bot's token is not in a file.")),
    "KEYS_FILE": (N_("The keys for chat addresses are in the file {value}."), N_("The keys are not in a file.")),
    "KEYS": (N_("The keys for chat addresses are in the environment."), N_("The keys are not in the environment.")),
    "DATABASE_URL": (N_("Everything is kept in {value}."), ""),
    "STATE_DIR": (
        N_("What tells an old copy of the database from the real one lies in {value}."),
        N_("What tells an old copy of the database from the real one lies beside the database."),
    ),
    "PUBLIC_URL": (
        N_("Telegram brings what people say to {value}."),
        N_("The bot fetches what people say from Telegram."),
    ),
    "API_ROOT": (N_("Messages go over {value}."), ""),
    "HOST": (N_("Signals, webhooks and these pages are taken in at {value}."), ""),
    "PORT": (N_("Signals and webhooks come in at port {value}."), ""),
    "CONSOLE_PORT": (N_("These pages are at port {value}."), ""),
    "CONSOLE_URL": (
        N_("Staff open these pages at {value}."),
        N_("The address at which staff open these pages is not set."),
    ),
    "OIDC_ISSUER": (
        N_("Staff sign in with the municipality's own account, at {value}."),
        N_("Staff sign in with a password."),
    ),
    "OIDC_CLIENT_ID": (
        N_("There these pages are called {value}."),
        N_("These pages have no name at the municipality's sign-in."),
    ),
    "OIDC_CLIENT_SECRET": (
        N_("The secret for that sign-in is in the environment."),
        N_("The secret for that sign-in is not in the environment."),
    ),
    "OIDC_CLIENT_SECRET_FILE": (
        N_("The secret for that sign-in is in the file {value}."),
        N_("The secret for that sign-in is not in a file."),
    ),
    "OIDC_ROLES_CLAIM": (
        N_("Which roles somebody has is told by {value} in what that sign-in says."),
        "",
    ),
    "OIDC_ROLES": (
        N_("What stands there gives these roles: {value}."),
        "",
    ),
    "THEME_FILE": (
        N_("These pages look as the file {value} says."),
        N_("These pages have no look of the municipality's own."),
    ),
    "SECOND_FACTOR": (
        N_("A second factor beside a password is {value}."),
        "",
    ),
    "OPEN_KLANT_URL": (
        N_("Requests for contact go to Open Klant at {value}."),
        N_("Requests for contact go to no Open Klant."),
    ),
    "OPEN_KLANT_TOKEN": (
        N_("The token for Open Klant is in the environment."),
        N_("The token for Open Klant is not in the environment."),
    ),
    "OPEN_KLANT_TOKEN_FILE": (
        N_("The token for Open Klant is in the file {value}."),
        N_("The token for Open Klant is not in a file."),
    ),
    "OPEN_KLANT_ACTOR": (
        N_("The tasks there are for the actor {value}."),
        N_("No actor in Open Klant gets the tasks."),
    ),
    "OPEN_KLANT_CHANNEL": (
        N_("Open Klant calls the channel {value}."),
        "",
    ),
    "EVENTS_URL": (
        N_("Another system hears of each request for contact. Its address is not shown."),
        N_("No other system hears of requests for contact by events."),
    ),
    "EVENTS_SECRET": (
        N_("The secret that signs these events is in the environment."),
        N_("The secret that signs these events is not in the environment."),
    ),
    "EVENTS_SECRET_FILE": (
        N_("The secret that signs these events is in the file {value}."),
        N_("The secret that signs these events is not in a file."),
    ),
    "EVENTS_SOURCE": (
        N_("These events say that they come from {value}."),
        "",
    ),
    "RATE_PER_S": (N_("At most {value} messages leave in a second, over all people together."), ""),
    "LOG_LEVEL": (N_("The log holds what is {value} or worse."), ""),
    "LOG_FORMAT": (N_("The log is written as {value}."), ""),
    "METRICS_PORT": (N_("Figures for operators are at port {value}."), N_("There are no figures for operators.")),
    "METRICS_HOST": (N_("Figures for operators, if there are any, are at {value}."), ""),
    "PING_URL": (
        N_("A service outside hears each minute that all is well. Its address is not shown."),
        N_("Nobody outside notices when all of it is gone."),
    ),
    "ALARM_URL": (
        N_("When something is silent, an alarm is sent. Its address is not shown."),
        N_("No alarm is sent when something is silent."),
    ),
    "OTLP_ENDPOINT": (N_("Traces go to {value}."), N_("Traces go nowhere.")),
}


def routes(desk: Desk) -> APIRouter:
    router = APIRouter(prefix="/administration/settings")

    @router.get("")
    def overview(request: Request, _: Annotated[SignedIn, allowed(May.ADMINISTER)]) -> Response:
        say = desk.say(request)
        shown = [(setting, _said(setting, say)) for setting in desk.settings]
        return desk.page(request, "settings.html", shown=shown)

    return router


def _said(setting: Setting, say: Callable[[str], str]) -> str:
    """What the setting does now."""
    words = EFFECTS.get(setting.name.removeprefix(PREFIX))
    present = setting.is_set if setting.is_secret else setting.value is not None
    if words is None:
        value = say(_SECRET[0 if present else 1]) if setting.is_secret else setting.value or "–"
        return f"{setting.means} {value}"
    return say(words[0 if present else 1]).format(value=setting.value)

"""What can be set from outside: environment variables that begin with HANDREIKING_, and files for secrets."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, TypedDict
from urllib.parse import urlsplit
from uuid import UUID

from pydantic import AnyHttpUrl, Field, Secret, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from bot.errors import FaultsError, SettingsError
from bot.klant.places import EventsAt, OpenKlantAt, keys_of
from bot.store.keys import new_keys, vault_from, vault_of, write_keys
from bot.store.vault import Vault

if TYPE_CHECKING:
    from bot.staff import Role

__all__ = ["PREFIX", "Settings", "SignIn", "new_keys", "read", "read_keys", "write_keys"]

PREFIX = "HANDREIKING_"
#: Where nobody listens in between, so that a secret may go without TLS.
_HERE: Final = frozenset({"localhost", "127.0.0.1", "::1"})


class SignIn(TypedDict):
    """What `console.Provider` is made of."""

    issuer: str
    client_id: str
    client_secret: str
    here: str
    claim: str
    roles: "dict[str, Role]"


class Settings(BaseSettings):
    """One field for each setting; its description is what README says about it."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="forbid", frozen=True)

    token: SecretStr | None = Field(default=None, description="The bot's token from BotFather.")
    token_file: Path | None = Field(default=None, description="A file that holds the token, instead of the variable.")
    keys_file: Path | None = Field(
        default=None, description="The keys that seal chat addresses; `handreiking keys new FILE` makes it."
    )
    keys: SecretStr | None = Field(default=None, description="The text of such a file, instead of the file.")
    database_url: str = Field(
        default="sqlite:///handreiking.db",
        repr=False,  # it may hold a password
        description="Where everything is kept: sqlite:///FILE or postgresql://…",
    )
    state_dir: Path | None = Field(
        default=None, description="Where the witness of a SQLite database lies; else beside it. Best on another disk."
    )
    public_url: AnyHttpUrl | None = Field(
        default=None, description="The https address at which Telegram reaches us: webhook instead of polling."
    )
    api_root: str = Field(default="https://api.telegram.org", description="The Bot API, or a stand-in for it.")
    host: str = Field(default="127.0.0.1", description="The address at which signals and webhooks are taken in.")
    port: Annotated[int, Field(ge=1, le=65535)] = Field(default=8080, description="The port for the same.")
    console_port: Annotated[int, Field(ge=1, le=65535)] = Field(
        default=8081,
        description="The port of the staff's pages, on the same address, behind a proxy with https.",
    )
    console_url: AnyHttpUrl | None = Field(
        default=None, description="The https address at which staff open these pages; signing in elsewhere needs it."
    )
    oidc_issuer: str | None = Field(
        default=None, description="The municipality's own sign-in (OpenID Connect), as its issuer calls itself."
    )
    oidc_client_id: str | None = Field(default=None, description="What the console is called there.")
    oidc_client_secret: SecretStr | None = Field(default=None, description="The client secret for it.")
    oidc_client_secret_file: Path | None = Field(
        default=None, description="A file that holds the client secret, instead of the variable."
    )
    oidc_roles_claim: str = Field(
        default="roles", description="The claim of the ID token that holds roles; a dot leads into an object."
    )
    oidc_roles: str = Field(
        default="editor=editor,approver=approver,contact=contact,researcher=researcher,administrator=administrator,"
        "auditor=auditor",
        description="Which value of that claim gives which role: value=role, with commas between.",
    )
    theme_file: Path | None = Field(
        default=None, description="A style sheet of your own, laid over the staff's pages: tokens of NL Design System."
    )
    second_factor: Annotated[str, Field(pattern="^(optional|required)$")] = Field(
        default="optional", description="required: whoever signs in with a password needs a code from an app as well."
    )
    rate_per_s: Annotated[float, Field(gt=0, le=30)] = Field(
        default=30.0, description="The most messages a second over all chats; Telegram's free limit is 30."
    )
    log_level: Annotated[str, Field(pattern="^(DEBUG|INFO|WARNING|ERROR)$")] = Field(
        default="INFO", description="How much is logged: DEBUG, INFO, WARNING or ERROR."
    )
    log_format: Annotated[str, Field(pattern="^(json|text)$")] = Field(
        default="json", description="How it is logged: json for machines, text for a person at a terminal."
    )
    metrics_port: Annotated[int, Field(ge=1, le=65535)] | None = Field(
        default=None, description="The port of `/metrics` and `/health` for operators; none without it."
    )
    metrics_host: str = Field(default="127.0.0.1", description="The address of the same.")
    ping_url: Secret[AnyHttpUrl] | None = Field(
        default=None, description="Fetched each minute while all is well, for a service that alarms when it is not."
    )
    alarm_url: Secret[AnyHttpUrl] | None = Field(
        default=None, description="Gets a POST when something that should go on is silent, and when it is back."
    )
    otlp_endpoint: AnyHttpUrl | None = Field(
        default=None, description="Where traces go, over OTLP/HTTP; OTEL_EXPORTER_OTLP_ENDPOINT does the same."
    )

    open_klant_url: AnyHttpUrl | None = Field(
        default=None,
        description="Open Klant's Klantinteracties API, up to and with /klantinteracties/api/v1: requests for contact "
        "go there.",
    )
    open_klant_token: SecretStr | None = Field(default=None, description="The token that Open Klant knows us by.")
    open_klant_token_file: Path | None = Field(
        default=None, description="A file that holds it, instead of the variable."
    )
    open_klant_actor: UUID | None = Field(
        default=None, description="The uuid of the actor in Open Klant that gets the tasks, such as a team."
    )
    open_klant_channel: Annotated[str, Field(min_length=1, max_length=50)] = Field(
        default="telegram", description="What Open Klant calls the channel (`kanaal`)."
    )
    events_url: Secret[AnyHttpUrl] | None = Field(
        default=None, description="Gets a signed CloudEvent of what happens to each request for contact."
    )
    events_secret: SecretStr | None = Field(
        default=None,
        description="Signs them: `whsec_` and random bytes in base64. Two with a space between: both sign.",
    )
    events_secret_file: Path | None = Field(default=None, description="A file that holds it, instead of the variable.")
    events_source: Annotated[str, Field(pattern=r"^[a-z][a-z0-9+.-]*:\S+$")] = Field(
        default="urn:handreiking:contact",
        description="The `source` of these events, such as urn:nld:oin:00000001234567890000:systeem:handreiking.",
    )

    def bot_token(self) -> str:
        """The token, without what a file has around it. Raises SettingsError when there is none, or two."""
        faults: list[str] = []
        token = _secret("TOKEN", self.token, self.token_file, faults, is_needed=True)
        if token is None:
            raise SettingsError(faults)
        return token

    def sign_in(self) -> SignIn | None:
        """The municipality's own sign-in; None when none is set. Raises SettingsError with every fault of it."""
        from bot.staff import Role  # noqa: PLC0415 - it brings the database along, which some commands do without

        given = (self.oidc_issuer, self.oidc_client_id, self.oidc_client_secret, self.oidc_client_secret_file)
        if not any(given):
            return None
        faults: list[str] = []
        if not _stays_secret(self.oidc_issuer):
            faults.append(f"{PREFIX}OIDC_ISSUER: {self.oidc_issuer or 'nothing'}; give the issuer's https address")
        if self.oidc_client_id is None:
            faults.append(f"{PREFIX}OIDC_CLIENT_ID is not set: the name under which the console is known there")
        given_as = (self.oidc_client_secret, self.oidc_client_secret_file)
        secret = _secret("OIDC_CLIENT_SECRET", *given_as, faults, is_needed=True)
        here = "" if self.console_url is None else str(self.console_url).rstrip("/")
        if not _stays_secret(here):
            faults.append(
                f"{PREFIX}CONSOLE_URL: {here or 'nothing'}; give the https address at which staff open the pages"
            )
        roles: dict[str, Role] = {}
        for pair in filter(None, (part.strip() for part in self.oidc_roles.split(","))):
            value, equals, role = (part.strip() for part in pair.rpartition("="))
            if not equals or not value or role not in set(Role):
                faults.append(f"{PREFIX}OIDC_ROLES: {pair!r}; write value=role, with one of {', '.join(Role)}")
            else:
                roles[value] = Role(role)
        if faults:
            raise SettingsError(faults)
        return SignIn(
            issuer=self.oidc_issuer or "",
            client_id=self.oidc_client_id or "",
            client_secret=secret or "",
            here=here,
            claim=self.oidc_roles_claim,
            roles=roles,
        )

    def open_klant(self) -> OpenKlantAt | None:
        """Open Klant, if it is to be told of requests for contact. Raises SettingsError with every fault."""
        url = self.open_klant_url
        faults: list[str] = []
        given_as = (self.open_klant_token, self.open_klant_token_file)
        token = _secret("OPEN_KLANT_TOKEN", *given_as, faults, is_needed=url is not None)
        if url is None:
            beside = token is not None or self.open_klant_actor is not None
            faults += [f"{PREFIX}OPEN_KLANT_URL is not set, and what goes with it is"] if beside else []
        else:
            faults += _in_the_open("OPEN_KLANT_URL", url)
            if self.open_klant_actor is None:
                faults.append(f"{PREFIX}OPEN_KLANT_ACTOR is not set: say which actor in Open Klant gets the tasks")
        if faults:
            raise SettingsError(faults)
        if url is None or token is None:
            return None
        actor, channel = str(self.open_klant_actor), self.open_klant_channel
        return OpenKlantAt(root=str(url).rstrip("/"), token=token, actor=actor, channel=channel)

    def events(self) -> EventsAt | None:
        """Who takes our events, if anybody. Raises SettingsError with every fault."""
        url = self.events_url
        faults: list[str] = []
        given_as = (self.events_secret, self.events_secret_file)
        secrets = _secret("EVENTS_SECRET", *given_as, faults, is_needed=url is not None)
        keys: tuple[bytes, ...] = ()
        if secrets is not None:
            try:
                keys = keys_of(secrets)
            except ValueError as error:
                faults.append(f"{PREFIX}EVENTS_SECRET: {error}")
        if url is None:
            faults += [f"{PREFIX}EVENTS_URL is not set, and its secret is"] if secrets is not None else []
        else:
            faults += _in_the_open("EVENTS_URL", url.get_secret_value())
        if faults:
            raise SettingsError(faults)
        return None if url is None else EventsAt(url=str(url.get_secret_value()), keys=keys, source=self.events_source)

    def vault(self) -> Vault:
        """The vault with the keys of `keys_file` or `keys`. Raises SettingsError for no such keys, or both."""
        if self.keys is not None and self.keys_file is not None:
            raise SettingsError([f"{PREFIX}KEYS, {PREFIX}KEYS_FILE: set one of the two"])
        if self.keys is not None:
            try:
                return vault_of(self.keys.get_secret_value())
            except FaultsError as error:
                raise SettingsError([f"{PREFIX}KEYS: {fault}" for fault in error.faults]) from None
        if self.keys_file is None:
            raise SettingsError([f"{PREFIX}KEYS_FILE is not set: `handreiking keys new FILE` makes one; keep it safe"])
        return read_keys(self.keys_file)


def read() -> Settings:
    """The settings, or SettingsError with every fault: wrong values and names that do not exist."""
    known = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields}
    faults = [
        f"{name} is not a setting; there is: {', '.join(sorted(known))}"
        for name in os.environ
        if name.startswith(PREFIX) and name not in known
    ]
    try:
        settings = Settings()
    except ValidationError as error:
        for fault in error.errors(include_url=False, include_input=False):
            name = f"{PREFIX}{'.'.join(str(part) for part in fault['loc']).upper()}"
            faults.append(f"{name}: {fault['msg']}")
        raise SettingsError(faults) from None
    if faults:
        raise SettingsError(faults)
    return settings


def read_keys(path: Path) -> Vault:
    """The vault of a keys file. Raises SettingsError when it cannot be read or holds no keys."""
    try:
        return vault_from(path)
    except OSError as error:
        raise SettingsError([f"{PREFIX}KEYS_FILE: {path} cannot be read: {error.strerror}"]) from None
    except FaultsError as error:
        raise SettingsError([f"{PREFIX}KEYS_FILE: {path}: {fault}" for fault in error.faults]) from None


def _stays_secret(address: object) -> bool:
    """Whether what goes to this address goes over TLS, or stays on this machine."""
    try:
        parts = urlsplit("" if address is None else str(address))
        return bool(parts.hostname) and (
            parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _HERE)
        )
    except ValueError:
        return False


def _in_the_open(name: str, url: AnyHttpUrl) -> list[str]:
    """A fault for an address to which a secret would go in the open."""
    if _stays_secret(url):
        return []
    return [f"{PREFIX}{name} has to begin with https://, since what goes there is secret"]


def _secret(name: str, said: SecretStr | None, file: Path | None, faults: list[str], *, is_needed: bool) -> str | None:
    """A secret from its variable or its file, without what a file has around it; what is wrong goes to `faults`."""
    if (said is not None and file is not None) or (is_needed and said is None and file is None):
        faults.append(f"{PREFIX}{name}, {PREFIX}{name}_FILE: set one of the two")
        return None
    if said is not None:
        return said.get_secret_value().strip()
    try:
        return None if file is None else file.read_text(encoding="utf-8").strip()
    except OSError as error:
        faults.append(f"{PREFIX}{name}_FILE: {file} cannot be read: {error.strerror}")
        return None

"""What can be set from outside: environment variables that begin with HANDREIKING_, and files for secrets."""

import os
import tomllib
from pathlib import Path
from typing import Annotated

from cryptography.fernet import Fernet
from pydantic import AnyHttpUrl, Field, Secret, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from bot.errors import SettingsError
from bot.store.vault import Vault

PREFIX = "HANDREIKING_"


class Settings(BaseSettings):
    """One field for each setting; its description is what README says about it."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="forbid", frozen=True)

    token: SecretStr | None = Field(default=None, description="The bot's token from BotFather.")
    token_file: Path | None = Field(default=None, description="A file that holds the token, instead of the variable.")
    keys_file: Path | None = Field(
        default=None, description="The keys that seal chat addresses; `handreiking keys new FILE` makes it."
    )
    database_url: str = Field(
        default="sqlite:///handreiking.db", description="Where everything is kept: sqlite:///FILE or postgresql://…"
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

    def bot_token(self) -> str:
        """The token, without what a file has around it. Raises SettingsError when there is none, or two."""
        if (self.token is None) == (self.token_file is None):
            raise SettingsError([f"{PREFIX}TOKEN, {PREFIX}TOKEN_FILE: set one of the two"])
        if self.token is not None:
            return self.token.get_secret_value().strip()
        assert self.token_file is not None
        return _text(self.token_file, "TOKEN_FILE").strip()

    def vault(self) -> Vault:
        """The vault with the keys of `keys_file`. Raises SettingsError when it is missing or holds no such keys."""
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


def new_keys(pick: bytes) -> str:
    """The text of a keys file. `pick` are 32 random bytes for finding; the sealing key is made here."""
    return (
        "# Without these keys no chat address can be read again; with them all can. Keep them away from the database.\n"
        f'sealing = ["{Fernet.generate_key().decode()}"]  # the first one seals, each of them opens\n'
        f'finding = "{pick.hex()}"\n'
    )


def write_keys(path: Path, pick: bytes) -> None:
    """Make a keys file for its owner only, whole or not at all. Raises FileExistsError when there is one."""
    draft = path.with_name(f".{path.name}.new")
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:  # noqa: PTH123
        file.write(new_keys(pick))
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(draft, path)
    finally:
        draft.unlink()


def read_keys(path: Path) -> Vault:
    text = _text(path, "KEYS_FILE")
    try:
        keys = tomllib.loads(text)
        return Vault([key.encode() for key in keys["sealing"]], bytes.fromhex(keys["finding"]))
    except (tomllib.TOMLDecodeError, KeyError, ValueError, TypeError, AttributeError):
        mend = f"{path} is no keys file: it needs `sealing` and `finding`, as `handreiking keys new FILE` writes them"
        raise SettingsError([f"{PREFIX}KEYS_FILE: {mend}"]) from None


def _text(path: Path, name: str) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise SettingsError([f"{PREFIX}{name}: {path} cannot be read: {error.strerror}"]) from None

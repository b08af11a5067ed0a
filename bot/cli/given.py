"""The settings as the pages of administration may show them: secrets only as set or not set."""

from pydantic import AnyHttpUrl, Secret, SecretStr
from sqlalchemy.engine import make_url

from bot.console import Setting
from bot.settings import PREFIX, Settings

#: What holds something that opens something, or may.
_SECRETS = (SecretStr, Secret)


def given(settings: Settings) -> list[Setting]:
    """One for each setting, in their order."""
    return [
        Setting(
            name=f"{PREFIX}{name.upper()}",
            means=field.description or "",
            value=_shown(name, getattr(settings, name)),
            is_set=name in settings.model_fields_set,
            is_secret=any(secret.__name__ in str(field.annotation) for secret in _SECRETS),
        )
        for name, field in Settings.model_fields.items()
    ]


def _shown(name: str, value: object) -> str | None:
    if value is None or isinstance(value, _SECRETS):
        return None
    if name == "database_url":
        return make_url(str(value)).render_as_string(hide_password=True).partition("?")[0]
    if isinstance(value, AnyHttpUrl):
        return f"{value.scheme}://{value.host}{f':{value.port}' if value.port else ''}{value.path or ''}"
    return str(value)

"""What the bot says of itself before anybody writes: name, descriptions and commands, per language."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from bot.sandbox.wire import bad_request

if TYPE_CHECKING:
    from bot.sandbox.core import World
    from bot.sandbox.wire import Json, Params

_LONGEST = {"name": 64, "description": 512, "short_description": 120}
_REFUSAL = {
    "name": "BOT_TITLE_INVALID",
    "description": "BOT_DESCRIPTION_INVALID",
    "short_description": "BOT_SHORT_DESCRIPTION_INVALID",
}


def words(world: World, part: str, language: str) -> str:
    """The bot's `name`, `description` or `short_description` for a language, else for all languages."""
    for code in (language, ""):
        if said := world.about.get(f"{part}:{code}", {}).get("text"):
            return str(said)
    return str(world.bot["first_name"]) if part == "name" else ""


def commands(world: World, language: str) -> list[Json]:
    """The commands that a citizen with this language sees in a private chat: the narrowest list that is set."""
    for scope in ("all_private_chats", "default"):
        for code in (language, ""):
            kept = world.about.get(f"commands:{_scope_key({'type': scope})}:{code}", {}).get("commands")
            if kept:
                return list(kept)
    return []


def set_my_commands(world: World, params: Params) -> bool:
    """Keep the commands of one scope and language."""
    listed = params.nested("commands", "can't parse commands JSON object")
    if not isinstance(listed, list):
        raise bad_request("can't parse commands JSON object")
    if len(listed) > 100:
        raise bad_request("BOT_COMMANDS_TOO_MUCH")
    for entry in listed:
        if not re.fullmatch(r"[a-z0-9_]{1,32}", str(entry.get("command", "")).removeprefix("/")):
            raise bad_request("BOT_COMMAND_INVALID")
        if not 1 <= len(str(entry.get("description", ""))) <= 256:
            raise bad_request("BOT_COMMAND_DESCRIPTION_INVALID")
    kept = [{"command": e["command"].removeprefix("/"), "description": e["description"]} for e in listed]
    _keep(world, _commands_key(params), {"commands": kept})
    return True


def get_my_commands(world: World, params: Params) -> list[Json]:
    """The commands of exactly one scope and language."""
    return list(world.about.get(_commands_key(params), {}).get("commands", []))


def delete_my_commands(world: World, params: Params) -> bool:
    """Forget the commands of one scope and language."""
    _keep(world, _commands_key(params), {"commands": []})
    return True


def set_my_name(world: World, params: Params) -> bool:
    """Keep the name for a language."""
    return _set(world, params, "name")


def get_my_name(world: World, params: Params) -> Json:
    """The name for a language."""
    return {"name": words(world, "name", _language(params))}


def set_my_description(world: World, params: Params) -> bool:
    """Keep the text of the empty chat for a language."""
    return _set(world, params, "description")


def get_my_description(world: World, params: Params) -> Json:
    """The text of the empty chat for a language."""
    return {"description": words(world, "description", _language(params))}


def set_my_short_description(world: World, params: Params) -> bool:
    """Keep the text of the profile for a language."""
    return _set(world, params, "short_description")


def get_my_short_description(world: World, params: Params) -> Json:
    """The text of the profile for a language."""
    return {"short_description": words(world, "short_description", _language(params))}


def _set(world: World, params: Params, part: str) -> bool:
    said = params.text(part)
    if len(said) > _LONGEST[part]:
        raise bad_request(_REFUSAL[part])
    _keep(world, f"{part}:{_language(params)}", {"text": said})
    return True


def _keep(world: World, key: str, value: Json) -> None:
    if world.about.get(key) != value:
        world.record({"do": "about", "key": key, "value": value})


def _language(params: Params) -> str:
    code = params.text("language_code")
    if code and not re.fullmatch(r"[a-z]{2}", code):
        raise bad_request("invalid language code specified")
    return code


def _commands_key(params: Params) -> str:
    scope = params.nested("scope", "can't parse BotCommandScope JSON object") or {"type": "default"}
    if not isinstance(scope, dict) or "type" not in scope:
        raise bad_request('can\'t parse BotCommandScope: Field "type" must be of type String')
    return f"commands:{_scope_key(scope)}:{_language(params)}"


def _scope_key(scope: Json) -> str:
    return json.dumps(scope, sort_keys=True)

"""The methods of the Bot API that speak to people. What Telegram refuses is refused, with Telegram's words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.sandbox import about, keyboards, media, text
from bot.sandbox.wire import NOT_MODIFIED, QUERY_TOO_OLD, RefusedError, bad_request

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bot.sandbox.core import Chat, Post, World
    from bot.sandbox.wire import Json, Params

ERASABLE_S = 48 * 3600
TOAST_MAX = 200
_ACTIONS = frozenset({
    "typing", "upload_photo", "record_video", "upload_video", "record_voice", "upload_voice", "upload_document",
    "choose_sticker", "find_location", "record_video_note", "upload_video_note",
})  # fmt: skip
_COPIED = ("text", "entities", "caption", "caption_entities", "photo", "document", "contact", "link_preview_options")

SENDING = frozenset({"sendmessage", "sendphoto", "senddocument", "copymessage", "forwardmessage"})
"""The methods, in lower case, that put a message in a chat and so count for the flood limit."""


def get_me(world: World, _params: Params) -> Json:
    """The bot as Telegram shows it: no groups, no inline mode."""
    return {
        **world.bot,
        "can_join_groups": False,
        "can_read_all_group_messages": False,
        "supports_inline_queries": False,
        "can_connect_to_business": False,
        "has_main_web_app": False,
    }


def send_message(world: World, params: Params) -> Json:
    """Put a text in a chat."""
    chat = world.open_chat(params.values.get("chat_id"))
    formatted = text.read(params)
    return _put(world, chat, params, formatted.fields())


def send_photo(world: World, params: Params) -> Json:
    """Put a picture in a chat: an upload, or the id of an earlier one."""
    chat = world.open_chat(params.values.get("chat_id"))
    caption = text.read(params, caption=True)
    return _put(world, chat, params, {"photo": media.photo(world, params), **caption.fields("caption")})


def send_document(world: World, params: Params) -> Json:
    """Put a file in a chat: an upload, or the id of an earlier one."""
    chat = world.open_chat(params.values.get("chat_id"))
    caption = text.read(params, caption=True)
    return _put(world, chat, params, {"document": media.document(world, params), **caption.fields("caption")})


def copy_message(world: World, params: Params) -> Json:
    """Put the content of a message in a chat, without saying where it comes from."""
    chat = world.open_chat(params.values.get("chat_id"))
    original = _source(world, params, "copy")
    content = {name: original[name] for name in _COPIED if name in original}
    if "caption" in params.values and "text" not in original:
        content = {name: value for name, value in content.items() if not name.startswith("caption")}
        content |= text.read(params, caption=True).fields("caption")
    return {"message_id": _put(world, chat, params, content)["message_id"]}


def forward_message(world: World, params: Params) -> Json:
    """Put a message in a chat and say whose it was."""
    chat = world.open_chat(params.values.get("chat_id"))
    original = _source(world, params, "forward")
    origin = {"type": "user", "sender_user": original["from"], "date": original["date"]}
    content = {name: original[name] for name in _COPIED if name in original}
    return _put(world, chat, params, {"forward_origin": origin, **content})


def edit_message_text(world: World, params: Params) -> Json:
    """Replace text and inline keyboard; a keyboard that is not named goes."""
    chat = world.chat(params.values.get("chat_id"))
    post = world.own_post(chat, params.whole("message_id"), "edit")
    if "text" not in post.message:
        raise bad_request("there is no text in the message to edit")
    fields = text.read(params).fields() | keyboards.read(params).fields()
    preview = params.nested("link_preview_options", "can't parse link preview options JSON object")
    if preview:
        fields["link_preview_options"] = preview
    return _edit(world, chat, post, fields, ("text", "entities", "reply_markup", "link_preview_options"))


def edit_message_reply_markup(world: World, params: Params) -> Json:
    """Replace the inline keyboard, or take it away."""
    chat = world.chat(params.values.get("chat_id"))
    post = world.own_post(chat, params.whole("message_id"), "edit")
    return _edit(world, chat, post, keyboards.read(params).fields(), ("reply_markup",))


def delete_message(world: World, params: Params) -> bool:
    """Take a message away on both sides, within 48 hours by the clock."""
    chat = world.chat(params.values.get("chat_id"))
    message_id = params.whole("message_id")
    post = chat.posts.get(message_id)
    if post is None:
        raise bad_request("message to delete not found")
    if world.stamp() - post.message["date"] > ERASABLE_S:
        raise bad_request("message can't be deleted for everyone")
    world.record({"do": "delete", "chat": chat.form["id"], "message_id": message_id}, chat=chat.form["id"])
    return True


def answer_callback_query(world: World, params: Params) -> bool:
    """End the waiting of a press, once and within 15 seconds; a text becomes a toast or an alert."""
    toast = params.text("text")
    if len(toast) > TOAST_MAX:
        raise bad_request("MESSAGE_TOO_LONG")
    query = world.queries.get(params.text("callback_query_id"))
    if query is None or query.answered or query.gone_at <= world.tick():
        raise RefusedError(400, QUERY_TOO_OLD)
    world.record({"do": "answer", "query": params.text("callback_query_id")}, chat=query.chat)
    if toast:
        world.tell(query.chat, {"kind": "toast", "text": toast, "alert": params.flag("show_alert")})
    return True


def send_chat_action(world: World, params: Params) -> bool:
    """Show that the bot is busy."""
    chat = world.open_chat(params.values.get("chat_id"))
    if params.text("action") not in _ACTIONS:
        raise bad_request("wrong parameter action in request")
    world.tell(chat.form["id"], {"kind": "typing"})
    return True


def set_message_reaction(world: World, params: Params) -> bool:
    """Put one emoji under a message, or take it away."""
    chat = world.chat(params.values.get("chat_id"))
    message_id = params.whole("message_id")
    if message_id not in chat.posts:
        raise bad_request("message to react not found")
    reactions = params.nested("reaction", "can't parse reaction types JSON object") or []
    if not isinstance(reactions, list) or len(reactions) > 1 or any(r.get("type") != "emoji" for r in reactions):
        raise bad_request("REACTION_INVALID")
    emoji = reactions[0]["emoji"] if reactions else ""
    change = {"do": "reaction", "chat": chat.form["id"], "message_id": message_id, "emoji": emoji}
    world.record(change, chat=chat.form["id"])
    return True


def get_chat(world: World, params: Params) -> Json:
    """The chat in full; the fields that the Bot API requires have Telegram's usual values."""
    gifts = ("unlimited_gifts", "limited_gifts", "unique_gifts", "premium_subscription", "gifts_from_channels")
    return {
        **world.chat(params.values.get("chat_id")).form,
        "accent_color_id": 0,
        "max_reaction_count": 11,
        "accepted_gift_types": dict.fromkeys(gifts, False),
    }


def leave_chat(world: World, params: Params) -> bool:
    """Leave a group; a private chat cannot be left."""
    chat = world.chat(params.values.get("chat_id"))
    if chat.form["type"] == "private":
        raise bad_request("chat member status can't be changed in private chats")
    return True


def get_webhook_info(world: World, _params: Params) -> Json:
    """The webhook as it is set, and what waits for it."""
    info: Json = {"url": "", "has_custom_certificate": False, "pending_update_count": len(world.updates)}
    if world.webhook:
        info |= {"url": world.webhook["url"], "max_connections": world.webhook["max_connections"]}
        info |= world.webhook_error
    if world.updates.allowed is not None:
        info["allowed_updates"] = sorted(world.updates.allowed)
    return info


def _put(world: World, chat: Chat, params: Params, content: Json) -> Json:
    markup = keyboards.read(params)
    content = {**_replied(chat, params), **content, **markup.fields()}
    preview = params.nested("link_preview_options", "can't parse link preview options JSON object")
    if preview:
        content["link_preview_options"] = preview
    if params.flag("protect_content"):
        content["has_protected_content"] = True
    return world.post(chat, content, silent=params.flag("disable_notification"), keyboard=markup.reply)


def _replied(chat: Chat, params: Params) -> Json:
    reply = params.nested("reply_parameters", "can't parse reply parameters JSON object")
    if not reply:
        return {}
    post = chat.posts.get(reply.get("message_id"))
    if post is not None:
        # One step back only: the Bot API does not nest replies.
        return {"reply_to_message": {k: v for k, v in post.message.items() if k != "reply_to_message"}}
    if reply.get("allow_sending_without_reply"):
        return {}
    raise bad_request("message to be replied not found")


def _source(world: World, params: Params, verb: str) -> Json:
    post = world.chat(params.values.get("from_chat_id")).posts.get(params.whole("message_id"))
    if post is None:
        raise bad_request(f"message to {verb} not found")
    if post.message.get("has_protected_content"):
        raise bad_request(f"message can't be {'copied' if verb == 'copy' else 'forwarded'}")
    return post.message


def _edit(world: World, chat: Chat, post: Post, fields: Json, replaced: tuple[str, ...]) -> Json:
    if all(post.message.get(name) == fields.get(name) for name in replaced):
        raise RefusedError(400, NOT_MODIFIED)
    kept = {name: value for name, value in post.message.items() if name not in replaced}
    message = {**kept, **fields, "edit_date": int(world.stamp())}
    world.record({"do": "edit", "message": message}, chat=chat.form["id"])
    return message


METHODS: Mapping[str, tuple[str, Callable[[World, Params], object]]] = {
    name.lower(): (name, function)
    for name, function in {
        "getMe": get_me,
        "getWebhookInfo": get_webhook_info,
        "sendMessage": send_message,
        "editMessageText": edit_message_text,
        "editMessageReplyMarkup": edit_message_reply_markup,
        "deleteMessage": delete_message,
        "answerCallbackQuery": answer_callback_query,
        "sendChatAction": send_chat_action,
        "sendPhoto": send_photo,
        "sendDocument": send_document,
        "getFile": media.get_file,
        "copyMessage": copy_message,
        "forwardMessage": forward_message,
        "setMessageReaction": set_message_reaction,
        "getChat": get_chat,
        "leaveChat": leave_chat,
        "setMyCommands": about.set_my_commands,
        "getMyCommands": about.get_my_commands,
        "deleteMyCommands": about.delete_my_commands,
        "setMyDescription": about.set_my_description,
        "getMyDescription": about.get_my_description,
        "setMyShortDescription": about.set_my_short_description,
        "getMyShortDescription": about.get_my_short_description,
        "setMyName": about.set_my_name,
        "getMyName": about.get_my_name,
    }.items()
}
"""By name in lower case, as the Bot API does not mind case. The three that wait are in `delivery`."""

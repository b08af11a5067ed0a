import pytest
from telegram_fakes import AMINA

from bot.errors import RejectedError, UncertainError
from bot.journey import Label, Outgoing, Purpose
from bot.outbox import Document
from bot.sandbox import Drop, Fault
from bot.telegram.channel import TelegramChannel


def outgoing(text: str = "Dag", **more) -> Outgoing:
    return Outgoing(id=1, chat=str(AMINA), text=text, **more)


@pytest.fixture
def channel(bot, sandbox):
    sandbox.start(AMINA)
    return TelegramChannel(bot)


def shown(sandbox):
    return sandbox.messages(AMINA)[-1]


async def test_words_arrive_as_they_are_however_they_look_like_markup(channel, sandbox):
    text = "Gemeente & <b>wijk</b> *west* _x_ [a](b) \u2068Bibliotheek\u2069 مرحبا"
    number = await channel.send(outgoing(text))
    assert (shown(sandbox).message_id, shown(sandbox).text) == (number, text)
    assert "parse_mode" not in sandbox.calls("sendMessage")[0].params


async def test_a_link_gets_no_preview(channel, sandbox):
    number = await channel.send(outgoing("https://example.nl/a"))
    await channel.send(outgoing("https://example.nl/b", edits=number))
    for call in (sandbox.calls("sendMessage")[0], sandbox.calls("editMessageText")[0]):
        assert call.params["link_preview_options"] == {"is_disabled": True}


async def test_a_nudge_makes_no_sound_and_a_reply_does(channel, sandbox):
    await channel.send(outgoing(silent=True, purpose=Purpose.NUDGE))
    assert shown(sandbox).silent
    await channel.send(outgoing())
    assert not shown(sandbox).silent


async def test_each_button_has_a_row_of_its_own(channel, sandbox):
    labels = (
        Label("Vertel mij meer", data="v1|n|1|more"),
        Label("Nu niet", data="v1|n|1|later"),
        Label("Zelf kijken", url="https://example.nl/"),
    )
    await channel.send(outgoing(buttons=labels))
    markup = sandbox.calls("sendMessage")[0].params["reply_markup"]
    assert [[button["text"] for button in row] for row in markup["inline_keyboard"]] == [
        ["Vertel mij meer"],
        ["Nu niet"],
        ["Zelf kijken"],
    ]
    assert [(button.data, button.url) for button in shown(sandbox).buttons] == [
        ("v1|n|1|more", None),
        ("v1|n|1|later", None),
        (None, "https://example.nl/"),
    ]


async def test_a_phone_number_is_asked_with_a_button_that_goes_away(channel, sandbox):
    await channel.send(outgoing(keyboard="ask_phone", keyboard_label="Deel mijn nummer"))
    keyboard = sandbox.world.chats[AMINA].keyboard
    assert keyboard["keyboard"] == [[{"text": "Deel mijn nummer", "request_contact": True}]]
    assert keyboard["one_time_keyboard"]
    await channel.send(outgoing(keyboard="remove"))
    assert sandbox.world.chats[AMINA].keyboard is None


async def test_an_edit_takes_over_the_words_and_the_buttons(channel, sandbox):
    number = await channel.send(outgoing("Eén", buttons=(Label("Ja", data="v1|n|1|yes"),)))
    assert await channel.send(outgoing("Twee", edits=number)) == number
    assert (shown(sandbox).text, shown(sandbox).buttons, shown(sandbox).edited) == ("Twee", (), True)


async def test_an_edit_that_changes_nothing_counts_as_delivered(channel, sandbox):
    number = await channel.send(outgoing("Eén"))
    assert await channel.send(outgoing("Eén", edits=number)) == number
    assert len(sandbox.messages(AMINA)) == 2


async def test_what_can_no_longer_be_edited_is_said_anew(channel, sandbox, bot):
    number = await channel.send(outgoing("Eén"))
    await bot.delete_message(AMINA, number)
    new = await channel.send(outgoing("Twee", edits=number))
    assert new != number
    assert [message.text for message in sandbox.messages(AMINA)] == ["/start", "Twee"]


async def test_an_edit_that_takes_a_keyboard_away_is_said_anew_and_the_old_buttons_go(channel, sandbox):
    number = await channel.send(outgoing("Wilt u dit?", buttons=(Label("Stop", data="v1|n|1|stop"),)))
    new = await channel.send(outgoing("U krijgt niets meer.", edits=number, keyboard="remove"))
    assert [(message.message_id, message.buttons) for message in sandbox.messages(AMINA)[1:]] == [
        (number, ()),
        (new, ()),
    ]


async def test_an_edit_without_an_answer_is_uncertain_and_nothing_else_is_sent(channel, sandbox):
    number = await channel.send(outgoing("Eén"))
    sandbox.fault(Fault(method="editMessageText", drop=Drop.AFTER))
    with pytest.raises(UncertainError):
        await channel.send(outgoing("Twee", edits=number))
    assert len(sandbox.calls("sendMessage")) == 1


@pytest.mark.parametrize("keyboard", ["ask_phone", "remove"])
async def test_buttons_and_a_keyboard_in_one_message_are_refused_before_anything_is_sent(channel, sandbox, keyboard):
    with pytest.raises(RejectedError, match="two messages"):
        await channel.send(
            outgoing(buttons=(Label("Ja", data="v1|n|1|yes"),), keyboard=keyboard, keyboard_label="Deel")
        )
    assert not sandbox.calls("sendMessage")


async def test_no_broadcast_is_ever_paid_for(channel, sandbox):
    number = await channel.send(outgoing(silent=True, purpose=Purpose.NUDGE))
    await channel.send(outgoing("Anders", edits=number))
    assert not [call for call in sandbox.calls() if "allow_paid_broadcast" in call.params]


async def test_a_file_arrives_with_its_name_its_words_and_its_content(channel, sandbox):
    number = await channel.send(outgoing("Alles in één bestand", document=Document("alles.json", b'{"a": 1}')))
    [call] = sandbox.calls("sendDocument")
    assert shown(sandbox).message_id == number
    assert call.params["caption"] == "Alles in één bestand"
    assert sandbox.calls("sendMessage") == []

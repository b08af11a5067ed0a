"""The questions of NORA AP24, and what else a card settles, in the order in which they are asked."""

from enum import StrEnum
from typing import Final

from pydantic import BaseModel

from bot.cards.ask import Question, Section, Several, Shape
from bot.core.facts import Level, Origin, Sensitivity
from bot.core.plain import Kind
from bot.wording.cards import (
    Allowed,
    Amount,
    Cadence,
    CardSignal,
    Face,
    Nature,
    OfficialPage,
    PersonalData,
    Provider,
    Related,
    Relation,
    Reuse,
    Risk,
    Role,
    ServiceCard,
    Wanted,
    Weighing,
)


def _choice(path: str, model: type[BaseModel], ask: str, means: str, choices: type[StrEnum]) -> Question:
    return Question(path=path, model=model, ask=ask, means=means, shape=Shape.CHOICE, choices=tuple(choices))


_SIGNAL: Final = (
    _choice(
        "origin", CardSignal, "Where does the signal come from?",
        "self: the citizen told us; calendar: a date, the same for everybody; professional: somebody proposes it in a "
        "conversation; register: out of data about people, which stays off without a legal basis and a dpia.",
        Origin,
    ),
    Question(
        path="type", model=CardSignal, ask="What is its type?",
        means="A name for machines: nl, the domain, what happened, the version. Use one that exists if you can.",
    ),
    Question(
        path="meaning", model=CardSignal, ask="What has happened, in a few words?",
        means="What a colleague would say. Staff read it in lists.",
    ),
    Question(
        path="data_used", model=CardSignal, ask="Which data does it use?",
        means="Everything about a person that it takes. Nothing at all for a calendar.",
        shape=Shape.LIST, optional=True,
    ),
    Question(
        path="legal_basis", model=CardSignal, ask="On which legal ground?",
        means="A sentence that your data protection officer agrees with. Citizens see it when they ask why.",
    ),
    Question(
        path="earliest_day", model=CardSignal, ask="From which day on may people hear of it?",
        means="In days from the event: -30 is a month before it, 0 the day itself, 14 two weeks later.",
        shape=Shape.NUMBER,
    ),
    Question(
        path="latest_day", model=CardSignal, ask="As which day begins is it too late?",
        means="In days from the event too. From then on nothing is sent, so that nobody hears of it in vain.",
        shape=Shape.NUMBER,
    ),
)  # fmt: skip

_PROVIDER: Final = (
    Question(path="name", model=Provider, ask="Who are they?", means="An organisation or a role, never a person."),
    _choice("role", Provider, "What do they do?", "delivers it, advises, applies for you, or meets people.", Role),
    Question(
        path="receives", model=Provider, ask="What do they receive, so that they can judge for themselves?",
        means="Information about the service, such as the text of this card. Never about people.", shape=Shape.LIST,
    ),
    _choice(
        "personal_data", Provider, "When do they get data about a person?",
        "never; on a contact request; or when the citizen does something for it. There is no other way.", PersonalData,
    ),
)  # fmt: skip

_REUSE: Final = (
    Question(
        path="contact_item", model=Reuse, ask="What comes up in a contact?",
        means="For instance a request to be contacted, or that somebody refuses.",
    ),
    Question(path="useful_for", model=Reuse, ask="For whom could it be a signal?", means="Or: nobody outside the bot."),
    _choice("allowed", Reuse, "May it be passed on?", "no; with the person's consent; or by a law.", Allowed),
    Question(path="legal", model=Reuse, ask="What does that mean in law?", means="One sentence, with its reason."),
    Question(path="practical", model=Reuse, ask="And in practice?", means="Who sees what, where, and for how long."),
)  # fmt: skip

QUESTIONS: Final = (
    Section(
        title="The service",
        items=(
            Question(
                path="id", model=ServiceCard, ask="A short id for the card?",
                means="Small letters, digits and hyphens. It becomes the file's name and never changes.",
            ),
            Question(
                path="name", model=ServiceCard, ask="What is the service called, in Dutch?", kind=Kind.REPLY,
                means="As it stands on letters and on the municipality's site, so that people can find it again.",
            ),
            Question(
                path="plain", model=ServiceCard, ask="What is it, in one plain sentence?", kind=Kind.REPLY,
                means="For a person of seventy with a cheap phone. What it does, not who is entitled to it.",
            ),
            Question(
                path="body", model=ServiceCard, ask="What do people read after 'tell me more'?", kind=Kind.BODY,
                means="Short sentences, formal u, perhaps and if you like. {official_page} and {phone} are filled in.",
                shape=Shape.TEXT,
            ),
            Question(
                path="theme", model=ServiceCard, ask="To which theme does it belong?",
                means="People choose themes; they hear of this card only if they chose this one.",
            ),
            _choice(
                "sensitivity", ServiceCard, "What does being written to about it reveal?",
                "S0 nothing; S1 an ordinary scheme; S2 tight money or care; S3 debt, illness or family trouble. "
                "S2 and S3 open after a tap.",
                Sensitivity,
            ),
            _choice(
                "amount", ServiceCard, "What does it give?",
                "Whether there is an amount and on what it depends. The amount itself is never written.", Amount,
            ),
            Question(
                path="official_page.url", model=OfficialPage, ask="Which official page says it all?",
                means="Somebody reads it and writes checked_on before real people get the card.",
            ),
            Question(
                path="uniform_product", model=ServiceCard, ask="Its address in the uniform product list (UPL)?",
                means="So that other systems know which product this is: standaarden.overheid.nl.",
            ),
            Question(
                path="laws", model=ServiceCard, ask="On which laws or local policy does it rest?",
                means="With the article, so that a colleague can look it up.", shape=Shape.LIST,
            ),
            Question(
                path="owner", model=ServiceCard, ask="Who answers for this card?", means="A team, with its name.",
            ),
        ),
    ),
    Section(
        title="AP24-1  For whom, and in which situations, is an offer wanted?",
        items=(
            Question(
                path="wanted.groups", model=Wanted, ask="For which groups?", shape=Shape.LIST,
                means="Whom it is for, as you would say it to a colleague.",
            ),
            Question(
                path="wanted.situations", model=Wanted, ask="In which situations is it welcome?", shape=Shape.LIST,
                means="Moments in a life or in a year at which people are glad to hear of it.",
            ),
            Question(
                path="wanted.not_wanted", model=Wanted, ask="When is it not wanted?", shape=Shape.LIST,
                means="A card without this is not ready: for instance in the first weeks after a death.",
            ),
            Question(
                path="wanted.whom", model=Wanted, ask="For whom is it, in a sentence for the leaflet, in Dutch?",
                means="Words for anybody who picks it up at the library.", kind=Kind.REPLY, optional=True,
            ),
            Question(
                path="wanted.signs", model=Wanted, ask="How does somebody in the neighbourhood recognise it, in Dutch?",
                means="What a teacher or a nurse may notice, said without judging.", kind=Kind.REPLY, optional=True,
            ),
        ),
    ),
    Section(
        title="AP24-2  Which signals set it in motion?",
        items=(
            Several(
                path="signals", ask="Which signals?", one="signal", questions=_SIGNAL,
                means="Something that makes the service matter to somebody. A signal says nothing about rights.",
            ),
        ),
    ),
    Section(
        title="AP24-3  Which other services go with it?",
        items=(
            Several(
                path="related", ask="Which other cards?", one="card", least=0,
                means="They are offered after 'tell me more', so that nobody has to know what exists.",
                questions=(
                    Question(path="card", model=Related, ask="Which card?", means="Its id."),
                    _choice(
                        "relation", Related, "How do they go together?",
                        "often together, instead of this one, to be done first, or a next step.", Relation,
                    ),
                ),
            ),
        ),
    ),
    Section(
        title="AP24-4  Who meets these people, and what do they receive?",
        items=(
            Several(
                path="providers", ask="Which providers?", one="provider", questions=_PROVIDER,
                means="They get what they need to judge whether this is for the person in front of them.",
            ),
        ),
    ),
    Section(
        title="AP24-5  What in a contact could be a signal for others?",
        items=(
            Several(
                path="reuse", ask="What could be of use to others?", one="item", questions=_REUSE,
                means="With what that means in law and in practice. Also write down what must not be passed on.",
            ),
        ),
    ),
    Section(
        title="The weighing: need, own responsibility, and the aversion to being patronised",
        items=(
            Question(path="weighing.need", model=Weighing, ask="How great is the need?", means="What you know of it."),
            Question(
                path="weighing.own_responsibility", model=Weighing, ask="What do people rather do themselves?",
                means="Where help ends and taking over begins.",
            ),
            _choice(
                "weighing.paternalism_risk", Weighing, "How great is the risk that people feel patronised?",
                "Think of the least pleased reader, not of the average one.", Risk,
            ),
            _choice("weighing.nature", Weighing, "What kind of help is it?", "The weighing depends on it.", Nature),
            _choice(
                "weighing.level", Weighing, "How far may the bot go?",
                "inform; inform and offer contact; or human only: the bot never writes about it by itself.", Level,
            ),
            Question(
                path="weighing.because", model=Weighing, ask="Why?",
                means="The sentence that you would defend in the council. Somebody signs it later.",
            ),
            Question(
                path="professional_discretion", model=ServiceCard, shape=Shape.YES,
                ask="May professionals offer it at their own judgement?",
                means="Outside any campaign, with the person's agreement. AP24's own example.",
            ),
            Question(
                path="hu_facet", model=ServiceCard, shape=Shape.CHOICES, choices=tuple(Face),
                ask="Which kinds of proactivity is this?", means="The four faces that HU Utrecht describes.",
            ),
            Question(
                path="cadence.max_sends", model=Cadence, ask="How often in a year, at most?", shape=Shape.NUMBER,
                means="1 or 2; for sensitivity S3 it is 1.",
            ),
            Question(
                path="cadence.min_gap_days", model=Cadence, ask="How many days apart?", shape=Shape.NUMBER,
                means="14 at least.",
            ),
            Question(
                path="cadence.silence_after_no_days", model=Cadence, ask="Silent for how many days after a no?",
                shape=Shape.NUMBER, means="180 at least; a year is usual.",
            ),
        ),
    ),
)  # fmt: skip

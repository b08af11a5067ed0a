"""Service cards to be read by anybody and written by professionals. Nothing here knows a person."""

from bot.cards.ask import Draft, Question, Section, Several, Shape, example, judge, whole_of
from bot.cards.draft import as_toml, document
from bot.cards.due import Due, Look, due
from bot.cards.questions import QUESTIONS
from bot.cards.view import contact, on_show, read_aloud, said, signs, summary, view, whole, whom

__all__ = [
    "QUESTIONS",
    "Draft",
    "Due",
    "Look",
    "Question",
    "Section",
    "Several",
    "Shape",
    "as_toml",
    "contact",
    "document",
    "due",
    "example",
    "judge",
    "on_show",
    "read_aloud",
    "said",
    "signs",
    "summary",
    "view",
    "whole",
    "whole_of",
    "whom",
]

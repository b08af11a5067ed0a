"""What each role may do. There is no role that may do everything: whoever administers reads no conversation."""

from collections.abc import Collection, Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class Role(StrEnum):
    EDITOR = "editor"
    APPROVER = "approver"
    CONTACT = "contact"
    RESEARCHER = "researcher"
    ADMINISTRATOR = "administrator"
    AUDITOR = "auditor"


class May(StrEnum):
    """One thing that somebody may do in the console."""

    BE_HERE = "be here"  # everybody who is signed in: home, profile, help
    SEE_CAMPAIGNS = "see campaigns"
    EDIT_CAMPAIGNS = "edit campaigns"
    APPROVE = "approve"
    TRY_TEXTS = "try texts"  # in a chat of their own
    HALT = "halt"  # pause and stop; one person is enough to make it quiet
    SEE_REQUESTS = "see requests for contact"
    ANSWER_PEOPLE = "answer people"
    RESEARCH = "research"
    ADMINISTER = "administer"
    HANDLE_PERSONAL_DATA = "handle personal data"  # show and erase a person
    AUDIT = "audit"


_SEES: Final = frozenset({May.BE_HERE, May.SEE_CAMPAIGNS, May.HALT})

RIGHTS: Final[Mapping[Role, frozenset[May]]] = MappingProxyType(
    {
        Role.EDITOR: _SEES | {May.EDIT_CAMPAIGNS, May.TRY_TEXTS},
        Role.APPROVER: _SEES | {May.APPROVE, May.TRY_TEXTS},
        Role.CONTACT: frozenset({May.BE_HERE, May.SEE_REQUESTS, May.ANSWER_PEOPLE}),
        Role.RESEARCHER: frozenset({May.BE_HERE, May.SEE_CAMPAIGNS, May.RESEARCH}),
        Role.ADMINISTRATOR: _SEES | {May.ADMINISTER, May.HANDLE_PERSONAL_DATA},
        Role.AUDITOR: frozenset({May.BE_HERE, May.SEE_CAMPAIGNS, May.AUDIT}),
    }
)


def may(roles: Collection[str], what: May) -> bool:
    """Whether somebody with these roles may do this. A role that no longer exists gives nothing."""
    known = {role.value: rights for role, rights in RIGHTS.items()}
    return any(what in known.get(role, ()) for role in roles)

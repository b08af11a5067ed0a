"""The short tables: policy versions, texts, events, keys."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import select
from sqlmodel import Session

from bot import campaigns
from bot.core.facts import Tone
from bot.core.policy import Policy
from bot.research.export.rows import Reader
from bot.research.export.study import Numbers, week
from bot.store import study
from bot.store.tables import CampaignRow, PolicyRow
from bot.wording import Wording

Row = dict[str, Any]

#: The actions of the audit trail that explain breaks in the data, and what they are to a researcher.
EVENTS: Final[Mapping[str, str]] = {
    "operating.version": "deployment",
    "hold_after_restore": "incident",
    "after_restore": "incident",
    "pause_nudges": "pause",
    "resume_nudges": "resume",
    "campaign.start": "resume",
    "campaign.pause": "pause",
    "campaign.stop": "pause",
    "campaign.finish": "pause",
    "guard.alarm": "incident",
    "guard.go_on": "override",
    "variant.pause": "pause",
    "variant.resume": "resume",
    "texts.approve": "override",
    "texts.record": "override",
}
#: Who is no account of the staff.
_PROGRAM: Final = frozenset({"clock", "breaker", "the calendar", "guard", "the program"})


def phases(session: Session) -> dict[str, int]:
    """The phase of each policy version."""
    return {row.version: int(row.record["phase"]) for row in study.policies(session)}


def deployments(session: Session) -> list[tuple[datetime, str]]:
    """When a program was started that was another one than before, and which."""
    return [(at, about) for at, _, _, about in study.deeds(session, ["operating.version"])]


def short(reader: Reader, numbers: Numbers) -> dict[str, list[Row]]:
    """All short tables."""
    session, wording = reader.session, reader.wording
    versions = list(study.policies(session))
    return {
        "policies": [_policy(row) for row in versions],
        "policy_weights": [weight for row in versions for weight in _weights(row)],
        "policy_covariances": [covariance for row in versions for covariance in _covariances(row)],
        "contents": _contents(session, wording, numbers, reader.hidden_cards),
        "events": _events(session, versions),
        "epochs": [
            {"key_epoch": row.id, "key_hash": row.key_hash, "revealed_key": row.revealed}
            for row in study.epochs(session)
        ],
    }


def _policy(row: PolicyRow) -> Row:
    policy = Policy.from_record(row.record)
    values = policy.values
    return {
        "policy_version": row.version,
        "created_week": week(row.created_at),
        "parent": row.parent,
        "cutoff_week": None if policy.cutoff is None else week(policy.cutoff),
        "rows_used": row.rows_used,
        "phase": policy.phase,
        "eps": policy.eps,
        "p_min": policy.p_min,
        "p_max": policy.p_max,
        "slope": policy.slope,
        "s2_tone": policy.s2_tone,
        "s2_send": policy.s2_send,
        "r0": policy.r0,
        "n_tone": policy.n_tone,
        "n_send": policy.n_send,
        "others": None if policy.others is None else policy.others.digest,
        "values_version": values.version,
        **{
            f"value_{part}": getattr(values, part)
            for part in ("interested", "unwelcome", "stop", "per_send", "per_dose")
        },
    }


def _models(row: PolicyRow) -> Iterable[tuple[str, Mapping[str, Any]]]:
    yield "send", row.record["send"]
    yield from row.record["tones"].items()


def _weights(row: PolicyRow) -> Iterable[Row]:
    for model, belief in _models(row):
        for name, mean in zip(belief["names"], belief["mean"], strict=True):
            yield {
                "policy_version": row.version,
                "model": model,
                "weight": name,
                "mean": mean,
                "unseen_sd": belief["unseen_sd"],
            }


def _covariances(row: PolicyRow) -> Iterable[Row]:
    for model, belief in _models(row):
        names = belief["names"]
        for place, name in enumerate(names):
            for other, covariance in zip(names[place:], belief["cov"][place][place:], strict=True):
                yield {
                    "policy_version": row.version,
                    "model": model,
                    "weight": name,
                    "other": other,
                    "covariance": covariance,
                }


def _contents(session: Session, wording: Wording, numbers: Numbers, hidden: frozenset[str]) -> list[Row]:
    sent = study.frozen(session)
    rows = session.execute(select(CampaignRow)).scalars().all()
    said = campaigns.with_its_words(wording, rows)
    approvers = study.approvers(session)
    newest = {row.card: approvers.get(row.id) for row in sorted(rows, key=lambda row: row.created_at)}
    found: list[Row] = []
    for one in sent:
        card, tone = one.variant.split(".")[0], one.variant.split(".")[-2]
        if card in hidden or tone not in set(Tone):
            continue
        whole = wording.cards.get(card)
        there = said.has(one.variant) and said.wording_hash(one.variant, one.language) == one.wording_hash
        forms = said.forms(one.variant, one.language) if there else None
        by = newest.get(card)
        found.append(
            {
                "content_id": one.variant,
                "language": one.language,
                "content_hash": one.wording_hash,
                "card": card,
                "tone": tone,
                "text": "\n".join(forms) if forms else None,
                "approver": None if by is None else numbers.of("staff", by),
                "first_sent_week": week(one.first_sent_at),
                "valid_from": None if whole is None else whole.facts().valid_from.isoformat(),
                "valid_until": None if whole is None else _day(whole.facts().valid_until),
            }
        )
    return found


def _events(session: Session, versions: Iterable[PolicyRow]) -> list[Row]:
    deeds = [
        (at, EVENTS[action], action, about, "program" if who in _PROGRAM else "staff")
        for at, who, action, about in study.deeds(session, list(EVENTS))
    ]
    deeds += [(row.created_at, "policy", "policy", row.version, "program") for row in versions]
    deeds.sort(key=lambda deed: deed[0])
    return [
        {"event_id": place, "iso_week": week(at), "kind": kind, "action": action, "about": about or None, "by": by}
        for place, (at, kind, action, about, by) in enumerate(deeds, start=1)
    ]


def _day(day: date | None) -> str | None:
    return None if day is None else day.isoformat()

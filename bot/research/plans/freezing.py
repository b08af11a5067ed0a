"""What is kept of plans: what people chose so far, and each version as it was frozen."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import and_, func, or_, select
from sqlmodel import Session, col

from bot import campaigns
from bot.errors import RefusedError
from bot.research.plans.choices import Choices, chosen, question
from bot.research.plans.monitoring import guardrails
from bot.research.plans.record import digest, drawn, record, tones_of
from bot.research.plans.sample import sample
from bot.store import ledger
from bot.store.tables import CampaignRow, DecisionRow, PlanDraftRow, PlanRow, PolicyRow
from bot.wording import Wording


@dataclass(frozen=True, kw_only=True, slots=True)
class Frozen:
    """A plan as it was frozen. `after_data`: something had been drawn in the campaign by then."""

    campaign: str
    version: int
    hash: str
    record: Mapping[str, Any]
    by: str
    at: datetime

    @property
    def after_data(self) -> bool:
        return self.record["registered"]["first_draw"] is not None

    @property
    def primary(self) -> list[str]:
        """The ids of what may be called primary."""
        return [one["id"] for one in self.record["estimands"]["primary"]]

    @property
    def analysed_from(self) -> datetime:
        """From when primary results may be looked at."""
        return datetime.fromisoformat(self.record["analysed_from"])


@dataclass(frozen=True, kw_only=True, slots=True)
class AtWork:
    """A campaign in which something is drawn, and where its plan stands. `draws`: since when something was drawn."""

    row: CampaignRow
    draws: datetime | None
    is_chosen: bool  # somebody filled something in
    newest: Frozen | None


def plannable(row: CampaignRow, wording: Wording) -> bool:
    """Whether anything is drawn in this campaign: now or a week later, or one tone or another."""
    return any(drawn(campaigns.file_of(row), wording))


def of_campaign(session: Session, campaign: str) -> list[Frozen]:
    """Its frozen plans, newest first."""
    rows = session.execute(
        select(PlanRow).where(col(PlanRow.campaign_id) == campaign).order_by(col(PlanRow.version).desc())
    )
    return [_read(row) for row in rows.scalars()]


def newest(session: Session, campaign: str) -> Frozen | None:
    return next(iter(of_campaign(session, campaign)), None)


def frozen(session: Session, campaign: str, version: int) -> Frozen | None:
    """One version; None: there is none."""
    return next((one for one in of_campaign(session, campaign) if one.version == version), None)


def holds(plan: Frozen) -> bool:
    """Whether a plan is word for word what was frozen: the hash is worked out again from what is kept."""
    return digest(plan.record) == plan.hash


def at_work(session: Session, wording: Wording, *, after: str = "", limit: int) -> list[AtWork]:
    """The first `limit` campaigns in which something is or was drawn, by id, of those whose id comes after `after`."""
    found: list[AtWork] = []
    while len(found) < limit:
        rows = session.execute(
            select(CampaignRow).where(col(CampaignRow.id) > after).order_by(col(CampaignRow.id)).limit(limit)
        ).scalars()
        some = {row.id: row for row in rows}
        if not some:
            break
        after = next(reversed(some))
        drafts = set(
            session.execute(
                select(col(PlanDraftRow.campaign_id)).where(col(PlanDraftRow.campaign_id).in_(some))
            ).scalars()
        )
        versions = select(PlanRow).where(col(PlanRow.campaign_id).in_(some)).order_by(col(PlanRow.version))
        plans = {row.campaign_id: _read(row) for row in session.execute(versions).scalars()}
        began = _first_draws(session, some)
        found += [
            AtWork(row=row, draws=began.get(known), is_chosen=known in drafts, newest=plans.get(known))
            for known, row in some.items()
            if known in plans or known in began or plannable(row, wording)
        ]
    return found[:limit]


def to_analyse(session: Session) -> list[tuple[str, str]]:
    """Id and title of each campaign in which something was drawn or whose plan is frozen, by id."""
    planned = session.execute(select(col(PlanRow.campaign_id)).distinct()).scalars()
    known = {*_first_draws(session), *planned}
    rows = session.execute(select(CampaignRow).where(col(CampaignRow.id).in_(known)).order_by(col(CampaignRow.id)))
    return [(row.id, row.definition["title"]) for row in rows.scalars()]


def choices_of(session: Session, campaign: str, wording: Wording) -> Choices:
    """What was chosen so far; what nobody chose is as proposed. Raises RefusedError when there is no such campaign."""
    row = session.get(PlanDraftRow, campaign)
    if row is not None:
        return Choices.model_validate(row.choices)
    send, tone = drawn(campaigns.file_of(campaigns.known(session, campaign)), wording)
    return Choices(question=question(send=send, tone=tone)) if send or tone else Choices()


def save(session: Session, campaign: str, given: Mapping[str, Any], *, by: str, now: datetime) -> Choices:
    """Keep what somebody chose for a plan in the making. Raises FaultsError with every fault, and RefusedError."""
    campaigns.known(session, campaign)
    choices = chosen(given)
    row = session.get(PlanDraftRow, campaign, with_for_update=True)
    content = choices.model_dump(mode="json")
    if row is not None and row.choices == content:
        return choices
    if row is None:
        row = PlanDraftRow(campaign_id=campaign, choices=content, updated_by=by, updated_at=now)
    row.choices, row.updated_by, row.updated_at = content, by, now
    session.add(row)
    ledger.audit(session, now, by, "plan.save", campaign)
    return choices


def draft(session: Session, campaign: str, wording: Wording) -> dict[str, Any]:
    """The plan as it would be frozen now. Raises RefusedError when nothing is drawn in the campaign."""
    row = campaigns.known(session, campaign)
    if not plannable(row, wording):
        raise RefusedError(
            "Nothing is drawn in {campaign}: everybody is written to, in one tone. There is nothing to plan.",
            campaign=campaign,
        )
    choices = choices_of(session, campaign, wording)
    latest = newest(session, campaign)
    file = campaigns.file_of(row)
    send_is_drawn, _ = drawn(file, wording)
    return record(
        row,
        wording,
        choices,
        version=1 if latest is None else latest.version + 1,
        began=_first_draws(session, [campaign]).get(campaign),
        policies=_policies(session, campaign),
        guardrails=guardrails(wording.rules),
        sample=sample(choices, send=send_is_drawn, tones=len(tones_of(file, wording))),
    )


def freeze(
    session: Session, campaign: str, wording: Wording, *, by: str, now: datetime, seen: str | None = None
) -> Frozen:
    """Freeze the plan as it reads now, as the next version. A frozen plan never changes. Raises RefusedError.

    `seen`: the digest of what was looked at; another one than that of now is refused. Refused too: a plan without a
    primary estimand, one that may be analysed already, and one that says no more than the newest does.
    """
    if not by.strip():
        raise RefusedError("Say who freezes the plan; somebody answers for it.")
    # Of two who freeze at once the other waits here, and sees the first one's version.
    session.get(CampaignRow, campaign, with_for_update=True)
    plan = draft(session, campaign, wording)
    if seen is not None and digest(plan) != seen:
        raise RefusedError("The plan changed while you looked at it. Read it as it is now, and freeze it then.")
    if not plan["estimands"]["primary"]:
        raise RefusedError("The plan names nothing as primary. Choose at least one primary outcome, then freeze it.")
    if datetime.fromisoformat(plan["analysed_from"]) <= now:
        raise RefusedError(
            "The plan says to look at primary results from {day}, which has passed. Choose a later day: a plan that "
            "is frozen when its results are there is no plan.",
            day=plan["analysed_on"],
        )
    latest = newest(session, campaign)
    if latest is not None and _same(latest.record, plan):
        raise RefusedError(
            "Version {version} says the same, and is frozen already. Change something first.", version=latest.version
        )
    row = PlanRow(
        campaign_id=campaign,
        version=plan["version"],
        hash=digest(plan),
        record=plan,
        frozen_by=by.strip(),
        frozen_at=now,
    )
    session.add(row)
    session.flush()
    made = _read(row)
    ledger.audit(
        session, now, made.by, "plan.freeze", campaign, version=made.version, hash=made.hash, after_data=made.after_data
    )
    return made


def _same(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    """Whether nothing that people decided differs: that data or policy versions came in is no other plan."""
    passing = {"version", "registered", "policies", "program"}
    return all(before.get(name) == after.get(name) for name in {*before, *after} - passing)


def _read(row: PlanRow) -> Frozen:
    return Frozen(
        campaign=row.campaign_id,
        version=row.version,
        hash=row.hash,
        record=row.record,
        by=row.frozen_by,
        at=row.frozen_at,
    )


def _first_draws(session: Session, among: Collection[str] | None = None) -> dict[str, datetime]:
    """For each of these campaigns (None: all) its first decision at which something was drawn, if there is one."""
    decision = DecisionRow
    something = and_(col(decision.available), or_(col(decision.randomised_send), col(decision.randomised_tone)))
    query = select(col(decision.campaign_id), func.min(col(decision.decided_at))).where(something)
    if among is not None:
        query = query.where(col(decision.campaign_id).in_(among))
    return dict(session.execute(query.group_by(col(decision.campaign_id))).all())


def _policies(session: Session, campaign: str) -> list[dict[str, Any]]:
    """The policy versions that decided in a campaign, by when they were made."""
    used = select(col(DecisionRow.policy)).where(
        col(DecisionRow.campaign_id) == campaign, col(DecisionRow.policy).is_not(None)
    )
    rows = session.execute(
        select(PolicyRow).where(col(PolicyRow.version).in_(used.distinct())).order_by(col(PolicyRow.created_at))
    ).scalars()
    return [
        {
            "version": row.version,
            "made_at": row.created_at.isoformat(),
            "phase": row.record["phase"],
            "rows_used": row.rows_used,
            "values": row.record["values"]["version"],
        }
        for row in rows
    ]

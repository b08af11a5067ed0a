"""The tables. Every time is UTC and stays UTC; a person is found by a keyed hash and reached by a sealed address."""

from datetime import UTC, date, datetime, time
from typing import Any

from sqlalchemy import JSON, BigInteger, DateTime, Dialect, Index, Integer, MetaData, Text, UniqueConstraint, text
from sqlalchemy.types import TypeDecorator
from sqlmodel import Field, SQLModel

metadata: MetaData = SQLModel.metadata
metadata.naming_convention = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


class Moment(TypeDecorator[datetime]):
    """An aware moment, kept in UTC. SQLite forgets the zone of what it stores; this gives it back."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


# SQLite counts up by itself only where the column is called INTEGER.
Number = BigInteger().with_variant(Integer(), "sqlite")


def _moment(**options: Any) -> Any:
    return Field(sa_type=Moment, **options)


def _json(**options: Any) -> Any:
    return Field(sa_type=JSON, **options)


def _long(**options: Any) -> Any:
    return Field(sa_type=Text, **options)


def _number(**options: Any) -> Any:
    return Field(sa_type=Number, **options)


class CitizenRow(SQLModel, table=True):
    __tablename__ = "citizen"

    id: str = Field(primary_key=True)
    chat_hash: str = Field(unique=True)  # outlives erasure: it is the suppression
    chat_sealed: str | None = _long(default=None)
    language: str
    zone: str
    standing: str = Field(index=True)  # core.talk.Standing
    created_at: datetime = _moment()
    joined_at: datetime | None = _moment(default=None)
    stopped_at: datetime | None = _moment(default=None)
    withdrawn_update: int | None = _number(default=None)
    paused_until: datetime | None = _moment(default=None)
    tone: str | None = None
    holdout: bool = False
    quiet_from: time | None = None  # quiet hours of one's own, on their clock; both or neither
    quiet_until: time | None = None
    rest_days: int | None = None
    rested_anew: datetime | None = _moment(default=None)
    privacy_told: str | None = None  # the hash of the privacy text that this person was shown last
    surveyed_at: datetime | None = _moment(default=None)
    surveys: int = 0
    next_ok_at: datetime | None = _moment(default=None)  # Telegram takes about one message a second and chat
    flow_sealed: str | None = _long(default=None)  # a talk in several steps; it may hold a phone number


class ConsentRow(SQLModel, table=True):
    """What was asked and answered, never changed afterwards. `text` is word for word what stood above the buttons."""

    __tablename__ = "consent"
    __table_args__ = (
        Index("ix_consent_citizen_id_theme", "citizen_id", "theme"),
        Index(
            "ix_consent_ends",
            "valid_until",
            sqlite_where=text("state = 'given'"),
            postgresql_where=text("state = 'given'"),
        ),
    )

    id: int | None = _number(default=None, primary_key=True)
    citizen_id: str = Field(foreign_key="citizen.id")
    theme: str
    state: str
    at: datetime = _moment()
    valid_until: datetime | None = _moment(default=None)
    text: str = _long()
    wording: str  # key and hash of the unfilled text
    language: str
    update_id: int | None = _number(default=None)  # None: by staff or by the passing of time


class SignalRow(SQLModel, table=True):
    __tablename__ = "signal"
    __table_args__ = (
        UniqueConstraint("source", "external_id"),
        Index(
            "ix_signal_open",
            "received_at",
            sqlite_where=text("outcome IS NULL"),
            postgresql_where=text("outcome IS NULL"),
        ),
    )

    id: str = Field(primary_key=True)
    source: str
    external_id: str
    type: str
    origin: str
    occurred_at: datetime = _moment()
    received_at: datetime = _moment()
    citizen_id: str | None = Field(default=None, foreign_key="citizen.id", index=True)
    addressed: bool  # False: it concerns everybody who chose the theme
    card: str | None = None  # a signal may be about one card only
    data: dict[str, Any] = _json()
    said_by: str | None = None  # the team or professional, for "why did I get this?"
    outcome: str | None = None  # None: not planned yet
    planned_at: datetime | None = _moment(default=None)


class CampaignRow(SQLModel, table=True):
    __tablename__ = "campaign"
    __table_args__ = (
        Index("ix_campaign_state", "state", "starts_at"),
        Index(
            "ix_campaign_handed_over",
            "handed_over_at",
            sqlite_where=text("handed_over_at IS NOT NULL"),
            postgresql_where=text("handed_over_at IS NOT NULL"),
        ),
        Index(
            "ix_campaign_returned",
            "returned_at",
            sqlite_where=text("returned_at IS NOT NULL"),
            postgresql_where=text("returned_at IS NOT NULL"),
        ),
    )

    id: str = Field(primary_key=True)
    card: str = Field(index=True)
    definition: dict[str, Any] = _json()
    state: str  # campaigns.State
    created_at: datetime = _moment()
    starts_at: datetime = _moment()
    ends_at: datetime = _moment()
    approved_by: str | None = None
    approved_at: datetime | None = _moment(default=None)
    approved_hash: str | None = None
    paused_because: str | None = None
    handed_over_by: str | None = None  # whoever said that it is ready for an approver; any change takes it back
    handed_over_at: datetime | None = _moment(default=None)
    returned_by: str | None = None  # an approver sent it back, and it was not handed over since
    returned_at: datetime | None = _moment(default=None)
    returned_because: str | None = None


class CampaignEditRow(SQLModel, table=True):
    __tablename__ = "campaign_edit"

    id: int | None = _number(default=None, primary_key=True)
    campaign_id: str = Field(foreign_key="campaign.id", index=True)
    at: datetime = _moment()
    by: str
    content_hash: str


class CampaignApprovalRow(SQLModel, table=True):
    """What was approved, word for word, so that the next approver sees what is new. Never changed."""

    __tablename__ = "campaign_approval"

    id: int | None = _number(default=None, primary_key=True)
    campaign_id: str = Field(foreign_key="campaign.id", index=True)
    at: datetime = _moment()
    by: str
    content_hash: str
    content: dict[str, Any] = _json()  # campaigns.review.content


class CampaignDraftRow(SQLModel, table=True):
    """A campaign in the making, gaps and all, until it becomes a campaign or is dropped."""

    __tablename__ = "campaign_draft"

    id: str = Field(primary_key=True)  # the campaign's, which may be there already
    title: str
    content: dict[str, Any] = _json()  # what was filled in, by step
    saves: list[dict[str, Any]] = _json()  # who saved which step as which version, and when
    version: int
    based_on: str | None = None  # the hash of the definition that it began from; None: a new campaign
    started_by: str
    started_at: datetime = _moment()
    updated_by: str
    updated_at: datetime = _moment()


class CampaignFunnelRow(SQLModel, table=True):
    """Who would have got a campaign when it was handed over for approval, in numbers, as the gate counted them."""

    __tablename__ = "campaign_funnel"

    id: int | None = _number(default=None, primary_key=True)
    campaign_id: str = Field(foreign_key="campaign.id", index=True)
    content_hash: str  # of the campaign as it read then
    at: datetime = _moment()
    by: str
    kind: str  # the type of signal that was asked about
    people: int
    reached: int
    reasons: dict[str, int] = _json()  # core.facts.Reason: how many people it kept out


class OfferRow(SQLModel, table=True):
    """One signal, one campaign, one person: what the decisions are about, until it is closed with an outcome."""

    __tablename__ = "offer"
    __table_args__ = (
        UniqueConstraint("signal_id", "campaign_id", "citizen_id"),
        Index("ix_offer_look", "look_at", sqlite_where=text("state = 'open'"), postgresql_where=text("state = 'open'")),
        Index("ix_offer_standing", "campaign_id", "state", "outcome"),
    )

    id: str = Field(primary_key=True)
    signal_id: str = Field(foreign_key="signal.id")
    campaign_id: str = Field(foreign_key="campaign.id", index=True)
    citizen_id: str = Field(foreign_key="citizen.id", index=True)
    state: str  # open | queued | closed
    look_at: datetime = _moment()
    window_end: datetime = _moment()
    outcome: str | None = None  # a Reason, or how its delivery ended
    decisions: int = 0
    created_at: datetime = _moment()
    closed_at: datetime | None = _moment(default=None)


class DecisionRow(SQLModel, table=True):
    """One decision point, sent or not, never changed. `inputs` and `world` are all that it was decided from."""

    __tablename__ = "decision"
    __table_args__ = (UniqueConstraint("offer_id", "number"),)

    id: str = Field(primary_key=True)
    offer_id: str = Field(foreign_key="offer.id")
    number: int
    citizen_id: str = Field(foreign_key="citizen.id", index=True)
    campaign_id: str = Field(foreign_key="campaign.id", index=True)
    card: str
    card_version: int
    decided_at: datetime = _moment(index=True)
    plan: str  # send | hold | skip
    reason: str | None = None
    until: datetime | None = _moment(default=None)  # send: due; hold: look again
    available: bool  # False: the gate refused, so there was nothing to draw
    variant: str | None = None
    tone: str | None = None
    p_send: float | None = None
    randomised_send: bool = False
    tone_probs: dict[str, float] | None = _json(default=None)
    randomised_tone: bool = False
    tone_forced: bool = False
    draw_send: float | None = None
    draw_tone: float | None = None
    policy: str | None = None
    fallback: str | None = None
    context: dict[str, float] | None = _json(default=None)
    inputs: dict[str, Any] = _json()
    world: str = Field(foreign_key="world.hash")


class WorldRow(SQLModel, table=True):
    """What many decisions were made from alike: card, campaign, wordings and rules, under their own hash."""

    __tablename__ = "world"

    hash: str = Field(primary_key=True)
    record: dict[str, Any] = _json()


class MessageRow(SQLModel, table=True):
    """One outgoing message: due → leased → sending → sent | failed | uncertain, or withdrawn | expired before it left.

    `sending` is committed before the bytes go out; a row found in it by nobody's lease becomes uncertain and is
    never sent again.
    """

    __tablename__ = "message"
    __table_args__ = (
        Index(
            "ix_message_due",
            "purpose",
            "due_at",
            "id",
            sqlite_where=text("state = 'due'"),
            postgresql_where=text("state = 'due'"),
        ),
        Index(
            "ix_message_flight",
            "state",
            "leased_until",
            sqlite_where=text("state IN ('leased', 'sending')"),
            postgresql_where=text("state IN ('leased', 'sending')"),
        ),
        Index("ix_message_citizen_id_id", "citizen_id", "id"),
        Index(
            "ix_message_uncertain",
            "closed_at",
            sqlite_where=text("state = 'uncertain'"),
            postgresql_where=text("state = 'uncertain'"),
        ),
        Index(
            "ix_message_departed",
            "campaign_id",
            "closed_at",
            sqlite_where=text("state IN ('sent', 'uncertain')"),
            postgresql_where=text("state IN ('sent', 'uncertain')"),
        ),
        # Of nudges only: with all messages in it, it would be read whole for what is found by state alone.
        Index(
            "ix_message_standing",
            "campaign_id",
            "state",
            "error",
            sqlite_where=text("campaign_id IS NOT NULL"),
            postgresql_where=text("campaign_id IS NOT NULL"),
        ),
    )

    id: int | None = _number(default=None, primary_key=True)
    key: str = Field(unique=True)  # what this message is, so that nothing queues it twice
    citizen_id: str = Field(foreign_key="citizen.id")
    purpose: int  # core.facts.Purpose: the lower goes first
    state: str
    due_at: datetime = _moment()
    expires_at: datetime | None = _moment(default=None)
    created_at: datetime = _moment()
    body: dict[str, Any] | None = _json(default=None)  # None: a nudge, phrased when it leaves
    edits: int | None = _number(default=None)  # the channel's message that this one replaces
    owner: str | None = None
    leased_until: datetime | None = _moment(default=None)
    channel_id: int | None = _number(default=None)  # the channel's own number of what was sent
    error: str | None = None
    closed_at: datetime | None = _moment(default=None)
    decision_id: str | None = Field(default=None, foreign_key="decision.id", unique=True)
    offer_id: str | None = Field(default=None, foreign_key="offer.id", index=True)
    campaign_id: str | None = Field(default=None, foreign_key="campaign.id", index=True)
    card: str | None = None
    variant: str | None = None
    tone: str | None = None
    sensitivity: str | None = None
    language: str | None = None
    wording_hash: str | None = None


class AnswerRow(SQLModel, table=True):
    __tablename__ = "answer"
    __table_args__ = (UniqueConstraint("message_id", "choice"),)

    id: int | None = _number(default=None, primary_key=True)
    message_id: int = _number(foreign_key="message.id")
    citizen_id: str = Field(foreign_key="citizen.id", index=True)
    choice: str
    at: datetime = _moment(index=True)
    until: datetime | None = _moment(default=None)
    update_id: int | None = _number(default=None)  # None: told to us by a failed delivery


class ContactRequestRow(SQLModel, table=True):
    __tablename__ = "contact_request"

    id: int = _number(primary_key=True)  # the update that asked
    citizen_id: str = Field(foreign_key="citizen.id", index=True)
    message_id: int | None = _number(default=None, foreign_key="message.id")
    card: str | None = None
    how: str  # chat | phone
    daypart: str
    phone_sealed: str | None = _long(default=None)
    language: str
    asked_at: datetime = _moment()
    promised_by: date
    state: str = Field(index=True)  # open → talking → done; or cancelled
    remind: bool = False
    reminded_at: datetime | None = _moment(default=None)
    moved: int = 0  # how often the promise could not be kept, and the person was told
    spoken_at: datetime | None = _moment(default=None)  # the last word of the talk, from either side
    closed_at: datetime | None = _moment(default=None, index=True)
    claimed_by: str | None = None  # the login of who answers; stays when it is closed
    claimed_at: datetime | None = _moment(default=None)
    claim_until: datetime | None = _moment(default=None)  # None while claimed: until the person writes again
    handed_by: str | None = None  # who handed it over; until the new owner has looked
    waiting_since: datetime | None = _moment(default=None)  # the first word of the person that nobody answered yet
    answer_by: date | None = None  # of a talk: the day by which that word is answered
    outcome: str | None = None  # contacts.Outcome
    referred_to: str | None = None


class ContactLineRow(SQLModel, table=True):
    """One thing said in a talk with staff, or a note about it, sealed; wiped when the talk is closed."""

    __tablename__ = "contact_line"

    id: int | None = _number(default=None, primary_key=True)
    request_id: int = _number(foreign_key="contact_request.id", index=True)
    at: datetime = _moment()
    by: str | None = None  # who of the staff; None: the person
    text_sealed: str = _long()
    kind: str | None = None  # "note": for colleagues, never sent; None: said
    message_key: str | None = None  # of a reply: the message that carries it


class OpinionRow(SQLModel, table=True):
    """An answer to one of the eight questions about personal service, in our working reading."""

    __tablename__ = "opinion"
    __table_args__ = (UniqueConstraint("message_id", "dimension"),)

    id: int | None = _number(default=None, primary_key=True)
    message_id: int = _number(foreign_key="message.id")
    citizen_id: str = Field(foreign_key="citizen.id", index=True)
    dimension: str
    answer: str  # yes | no | no_opinion
    at: datetime = _moment()


class FrozenRow(SQLModel, table=True):
    """The text of a wording as it was when it first left; another text under the same id is refused."""

    __tablename__ = "frozen"

    variant: str = Field(primary_key=True)
    language: str = Field(primary_key=True)
    wording_hash: str
    first_sent_at: datetime = _moment()


class PolicyRow(SQLModel, table=True):
    __tablename__ = "policy"

    version: str = Field(primary_key=True)  # the content's hash
    created_at: datetime = _moment(index=True)
    parent: str | None = None
    cutoff: datetime = _moment()
    rows_used: int
    record: dict[str, Any] = _json()


class InboxRow(SQLModel, table=True):
    """An update as it came, sealed; emptied once it has taken effect."""

    __tablename__ = "inbox"
    __table_args__ = (
        Index("ix_inbox_new", "update_id", sqlite_where=text("state = 'new'"), postgresql_where=text("state = 'new'")),
        Index(
            "ix_inbox_dead", "received_at", sqlite_where=text("state = 'dead'"), postgresql_where=text("state = 'dead'")
        ),
    )

    update_id: int = _number(primary_key=True)
    received_at: datetime = _moment(index=True)
    chat_hash: str | None = None  # whose it is; None: it did not say, or came in before this was kept
    body_sealed: str | None = _long(default=None)
    state: str  # new | done | dead
    tries: int = 0
    retry_at: datetime | None = _moment(default=None)
    error: str | None = None
    notice: str | None = None
    done_at: datetime | None = _moment(default=None)


class SourceRow(SQLModel, table=True):
    """Who may hand in signals, and of which types."""

    __tablename__ = "source"

    name: str = Field(primary_key=True)  # the CloudEvents `source` it may use
    key_hash: str = Field(unique=True)
    types: list[str] = _json()
    legal_basis: str | None = None  # register-derived signals are refused until both are set
    dpia: str | None = None
    created_at: datetime = _moment()
    revoked_at: datetime | None = _moment(default=None)
    old_key_hash: str | None = Field(default=None, index=True)  # the key before this one, while it still opens
    old_key_until: datetime | None = _moment(default=None)
    last_seen_at: datetime | None = _moment(default=None)


class DeliveryRow(SQLModel, table=True):
    """What a source handed in at once, in numbers. What is older than an hour is added up by day."""

    __tablename__ = "delivery"
    __table_args__ = (Index("ix_delivery_source", "source", "at"),)

    id: int | None = _number(default=None, primary_key=True)
    source: str
    at: datetime = _moment(index=True)
    fresh: int = 0
    known: int = 0
    refused: int = 0


class RefusedRow(SQLModel, table=True):
    """One thing that was wrong with what a source handed in: where and what to mend, never what stood there."""

    __tablename__ = "refused"
    __table_args__ = (Index("ix_refused_source", "source", "id"),)

    id: int | None = _number(default=None, primary_key=True)
    source: str
    at: datetime = _moment(index=True)
    row: int | None = None  # the line in a file, or the event's place in its batch; None: a single event
    name: str  # the column or attribute
    mend: str = _long()


class LinkCodeRow(SQLModel, table=True):
    """A one-time code on a letter: the first half finds it, the second half must fit, five tries."""

    __tablename__ = "link_code"

    id: str = Field(primary_key=True)
    secret_hash: str
    reference_sealed: str = _long()
    created_at: datetime = _moment()
    expires_at: datetime = _moment()
    tries: int = 0
    used_at: datetime | None = _moment(default=None)
    batch: str | None = Field(default=None, index=True)  # None: made one by one


class LinkBatchRow(SQLModel, table=True):
    """Codes that were made together, for letters. The codes themselves are only on the letters."""

    __tablename__ = "link_batch"

    id: str = Field(primary_key=True)
    purpose: str
    made_at: datetime = _moment(index=True)
    made_by: str
    codes: int
    expires_at: datetime = _moment()
    revoked_at: datetime | None = _moment(default=None)


class LinkRow(SQLModel, table=True):
    __tablename__ = "link"

    reference_hash: str = Field(primary_key=True)
    citizen_id: str = Field(foreign_key="citizen.id", index=True)
    linked_at: datetime = _moment()


class AuditRow(SQLModel, table=True):
    __tablename__ = "audit"
    __table_args__ = (
        Index("ix_audit_place", "place"),
        Index("ix_audit_at", "at", "id"),
        Index("ix_audit_who", "who", "at", "id"),
        Index("ix_audit_who_action", "who", "action", "at", "id"),
        Index("ix_audit_action", "action", "at", "id"),
        Index("ix_audit_subject", "subject", "at", "id"),
    )

    id: int | None = _number(default=None, primary_key=True)
    at: datetime = _moment()
    who: str
    action: str
    subject: str
    detail: dict[str, Any] = _json()
    place: int | None = _number(default=None)  # in the chain, from 1; None: an older program wrote it
    chain: str | None = None  # see `ledger.trail`


class StaffRow(SQLModel, table=True):
    """Somebody of the staff. Never deleted: the audit trail names them."""

    __tablename__ = "staff"

    id: str = Field(primary_key=True)
    login: str = Field(unique=True)
    name: str  # as citizens read it under a reply
    team: str | None = None
    roles: list[str] = _json()
    language: str
    subject: str | None = Field(default=None, unique=True)  # issuer and subject at the municipality's own sign-in
    password_hash: str | None = None
    totp_sealed: str | None = _long(default=None)
    totp_used: int | None = _number(default=None)  # the last half minute whose code was used
    totp_offered_sealed: str | None = _long(default=None)  # shown to its owner, who has to prove that their app has it
    recovery: list[str] | None = _json(default=None)  # fingerprints of the codes for when the app is lost
    failures: int = 0
    locked_until: datetime | None = _moment(default=None)
    chat_citizen: str | None = Field(default=None, foreign_key="citizen.id")  # their own chat, for tests
    created_at: datetime = _moment()
    last_seen_at: datetime | None = _moment(default=None)
    disabled_at: datetime | None = _moment(default=None)


class StaffChatCodeRow(SQLModel, table=True):
    """A one-time code by which somebody of the staff ties a chat of their own to their account; gone once used."""

    __tablename__ = "staff_chat_code"

    staff_id: str = Field(primary_key=True, foreign_key="staff.id")
    first: str = Field(unique=True)  # finds it; the rest has to fit
    secret_hash: str
    expires_at: datetime = _moment()
    tries: int = 0


class StaffSessionRow(SQLModel, table=True):
    __tablename__ = "staff_session"

    token_hash: str = Field(primary_key=True)
    staff_id: str = Field(foreign_key="staff.id", index=True)
    created_at: datetime = _moment()
    seen_at: datetime = _moment()
    ends_at: datetime = _moment(index=True)
    means: str | None = None  # staff.sessions.Means
    id_token_sealed: str | None = _long(default=None)  # what the provider wants back when somebody signs out


class MarkRow(SQLModel, table=True):
    """A remembered fact about the running itself: a pause for everybody, the sender's breaker, the demo's clock."""

    __tablename__ = "mark"

    name: str = Field(primary_key=True)
    value: dict[str, Any] = _json()
    at: datetime = _moment()


class TextBodyRow(SQLModel, table=True):
    """The whole text of a file of messages/ or locale/, once under the SHA-256 of it."""

    __tablename__ = "text_body"

    hash: str = Field(primary_key=True)
    text: str = _long()


class TextProposalRow(SQLModel, table=True):
    """Texts that somebody wants to change together, and what somebody else said to it."""

    __tablename__ = "text_proposal"

    id: int | None = _number(default=None, primary_key=True)
    why: str = _long()
    proposed_by: str
    proposed_at: datetime = _moment()
    readers: dict[str, str] = _json()  # language → who read its translation beside the Dutch
    state: str = Field(index=True)  # library.State
    decided_by: str | None = None
    decided_at: datetime | None = _moment(default=None)
    reason: str | None = _long(default=None)


class TextChangeRow(SQLModel, table=True):
    """One file of a proposal. `base` is the text that it was made from and `body` the new one; None: no such file."""

    __tablename__ = "text_change"
    __table_args__ = (UniqueConstraint("proposal_id", "path"),)

    id: int | None = _number(default=None, primary_key=True)
    proposal_id: int = _number(foreign_key="text_proposal.id", index=True)
    path: str
    base: str | None = Field(default=None, foreign_key="text_body.hash")
    body: str | None = Field(default=None, foreign_key="text_body.hash")


class TextInForceRow(SQLModel, table=True):
    """An approved text that counts instead of the file. `shipped` is the file as it was when people decided."""

    __tablename__ = "text_in_force"

    path: str = Field(primary_key=True)
    body: str | None = Field(default=None, foreign_key="text_body.hash")
    shipped: str | None = Field(default=None, foreign_key="text_body.hash")
    proposal_id: int = _number(foreign_key="text_proposal.id")
    since: datetime = _moment()


class OutgoingRow(SQLModel, table=True):
    """Something in the life of a request for contact that another system is to hear of. It holds nothing of anybody."""

    __tablename__ = "outgoing"
    __table_args__ = (
        UniqueConstraint("target", "request_id", "what"),
        Index(
            "ix_outgoing_open",
            "target",
            "next_at",
            sqlite_where=text("state IN ('due', 'sending')"),
            postgresql_where=text("state IN ('due', 'sending')"),
        ),
    )

    id: int | None = _number(default=None, primary_key=True)
    target: str  # klant.Target
    request_id: int = _number(foreign_key="contact_request.id", index=True)
    what: str  # klant.What, with a number where it happens more than once
    at: datetime = _moment()
    detail: dict[str, Any] = _json()
    state: str  # due → sending → done | failed | dropped
    tries: int = 0
    tried_at: datetime | None = _moment(default=None)  # for the first time since it was due
    next_at: datetime = _moment()
    owner: str | None = None  # who sends it, while it is on its way
    until: datetime | None = _moment(default=None)
    error: dict[str, Any] | None = _json(default=None)  # klant.Why, of the last try
    closed_at: datetime | None = _moment(default=None)


class KlantTaskRow(SQLModel, table=True):
    """What was made in Open Klant for a request for contact, by the uuids it has there."""

    __tablename__ = "klant_task"

    request_id: int = _number(primary_key=True, foreign_key="contact_request.id")
    contact: str  # klantcontact
    party: str | None = None  # betrokkene
    address: str | None = None  # digitaal adres; None: none was made, or it was taken away again
    task: str | None = None  # interne taak
    looked_at: datetime | None = _moment(default=None)
    closed_at: datetime | None = _moment(default=None)  # nothing is asked or told there any more

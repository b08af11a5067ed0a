"""What stands in an export: every table and column, once. `package` makes the datapackage of it, and that the rest."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, Final

from bot.core.facts import Choice, Learning, Origin, Reason, Sensitivity, Tone
from bot.core.survey import DIMENSIONS
from bot.research.export.columns import HASH, PSEUDONYM, Field, Table, chance, real, text, week, whole, yes

_STATES: Final = ("sent", "failed", "uncertain", "withdrawn", "expired", "waiting")


def _person() -> Field:
    return text("citizen_pid", "The person's number in this export; another in every export.", required=True,
                pattern=PSEUDONYM)  # fmt: skip


def _decision(**rest: Any) -> Field:
    return text("decision_id", "The decision's number in this export.", pattern=PSEUDONYM, **rest)


LANGUAGE: Final = "Language code; “other” where too few people share it; empty where it is not told."
PREFERS: Final = "The tone that the person chose in the settings, or none; “other” and empty as for the language."
_NO_COMMENT: Final = "As the policy saw it when it decided."
_CHANGED: Final = "Empty too where it was another then than it is now."
KNOWN: Final = {
    "dose": "Messages so far, each fading by 0.85 a week.",
    "silence": "Half the row of closed messages without an answer, at most 2.",
    "unwelcome": "Messages that were disliked, each fading by 0.8 a week.",
    "rate": "The person's smoothed share of messages felt welcome, less everybody's share.",
    "urgency": "Rises to 1 as the end of the signal's window comes near.",
    **{f"recent_{tone}": f"Messages in the tone {tone}, each fading by 0.70 a week." for tone in Tone},
}


def context_field(name: str) -> Field:
    """A column of the frozen context; of a feature that this version does not know, the name says it."""
    return real(f"f_{name}", f"{KNOWN.get(name, f'The feature “{name}”.')} {_NO_COMMENT}")


_CONTEXT: Final = (
    text("f_language", f"The person's language. {LANGUAGE} {_NO_COMMENT} {_CHANGED}"),
    text("f_theme", f"The theme. {_NO_COMMENT}"),
    text("f_prefers", f"{PREFERS} {_NO_COMMENT} {_CHANGED}"),
    *(context_field(name) for name in KNOWN),
)
_INDEX: Final = whole(
    "decision_index", "The how manieth of this person's decision points that can be in an export, from 1 on.",
    required=True, least=1,
)  # fmt: skip
_ISO_WEEK: Final = week("iso_week", "ISO week of the decision in UTC, such as 2026-W48.", required=True)
_CAMPAIGN: Final = text("campaign_id", "The campaign.", required=True)
_THEME: Final = text("theme", "The theme that people chose to hear about.", required=True)
_MUNICIPALITY: Final = text("municipality_id", "The municipality, by the host of its site.", required=True)
_LEARNING: Final = text(
    "learning", "How the campaign decides whether to write: fixed (always), trial (even chances), adaptive (a lottery "
    "that learns).", among=tuple(map(str, Learning)), required=True,
)  # fmt: skip
_PHASE: Final = whole(
    "phase", "0: even chances, nothing learned is used; 1: until a thousand messages taught, wide floors; 2: afterwards"
    "; empty where the campaign always writes.", least=0, most=2,
)  # fmt: skip
_HOLDOUT: Final = yes("holdout", "1: the person stays on the fixed policy, at most one message in four weeks.",
                      required=True)  # fmt: skip

DECISIONS: Final = Table(
    name="decisions",
    title="Decision points",
    says="One row for each moment at which it was decided whether to write to a person about an offer: sent, held and "
    "refused ones alike. A row is never rewritten.",
    key=("decision_id",),
    refers=(("citizen_pid", "citizens", "citizen_pid"), ("policy_version", "policies", "policy_version"),
            ("key_epoch", "epochs", "key_epoch")),
    fields=(
        _decision(required=True, unique=True),
        _person(),
        _MUNICIPALITY,
        _INDEX,
        _ISO_WEEK,
        _CAMPAIGN,
        text("card", "The service card.", required=True),
        whole("card_version", "The card's version.", required=True, least=1),
        _THEME,
        text("sensitivity", "What being addressed says of a person, S0 to S2; S3 is in no export.", required=True,
             among=tuple(str(one) for one in Sensitivity if one is not Sensitivity.S3)),
        text("origin", "Where the signal came from.", required=True, among=tuple(map(str, Origin))),
        text("signal_id", "The signal's number in this export.", required=True, pattern=PSEUDONYM),
        text("offer_id", "The offer's number in this export: one signal, one campaign, one person.", required=True,
             pattern=PSEUDONYM),
        whole("look", "The how manieth look at this offer.", required=True, least=1),
        _LEARNING,
        _PHASE,
        text("plan", "send, hold (look again later) or skip (not at all).", required=True,
             among=("send", "hold", "skip")),
        yes("available", "1: there was something to decide; 0: the gate refused.", required=True),
        text("unavailable_reason", "Why the gate refused.", among=tuple(map(str, Reason))),
        text("hold_reason", "Why it was held although the gate let it through: the lottery, or the hold-out's pause.",
             among=(str(Reason.LOTTERY), str(Reason.HOLDOUT))),
        yes("in_study", "1: whether to write was drawn with p_send; 0: it was settled.", required=True),
        chance("p_send", "The probability of writing, exactly as it was drawn with; only where in_study is 1."),
        yes("sent", "1: it was decided to write.", required=True),
        text("eligible_arms", "The tones that could be chosen, with | between; empty where none was asked for.",
             pattern="[a-z]+([|][a-z]+)*"),
        *(chance(f"p_tone_{tone}", f"The probability of the tone {tone}, given that it is written; empty where it was "
                 "not eligible or not drawn.") for tone in Tone),
        text("tone", "The tone that was chosen.", among=tuple(map(str, Tone))),
        yes("tone_in_study", "1: written, and the tone was drawn.", required=True),
        yes("tone_forced", "1: the person chose the tone in the settings, so it was not drawn.", required=True),
        chance("p_tone", "The probability of the tone that was chosen; only where tone_in_study is 1."),
        chance("p_variant", "The probability of the wording that was chosen, given that it is written; empty where it "
               "was no choice."),
        chance("p_joint", "The probability of what was done: of holding, or of writing in that wording; empty where "
               "nothing was drawn."),
        real("draw_u_send", "The number that decided about writing, when it is under p_send.", least=0, most=1),
        real("draw_u_tone", "The number that decided about the wording.", least=0, most=1),
        text("key_epoch", "Which key the two numbers were made with; empty: nothing was drawn, or before there were "
             "epochs."),
        _HOLDOUT,
        text("fallback", "Why even chances stood in for learned ones; empty: they did not."),
        text("policy_version", "The policy version that the probabilities came from; empty when nothing was drawn.",
             pattern=HASH),
        text("code_version", "The program that decided, as it said when it was started; empty: not known."),
        *_CONTEXT,
        text("content_id", "The wording that was chosen."),
        text("content_hash", "The SHA-256 of the text that left; empty where the language is not told, since it would "
             "tell it.", pattern=HASH),
        text("delivered", "What became of the message; empty: none was made.", among=_STATES),
        text("delivery_error", "Why it did not leave or arrive."),
    ),
)  # fmt: skip

_REWARD: Final = "One part of the reward, weighed by the values in `policies`."
RESPONSES: Final = Table(
    name="responses",
    title="What came of a decision",
    says="One row for each decision at which something could be drawn: sent and held ones. Silence is an outcome; what "
    "failed technically is missing, with a reason. The outcomes count what came within 14 days, the first four columns "
    "whatever came.",
    key=("decision_id",),
    refers=(("decision_id", "decisions", "decision_id"),),
    fields=(
        _decision(required=True, unique=True),
        text("first_response", "The first answer to the message, whenever it came; empty: silence, or nothing was "
             "sent.", among=tuple(map(str, Choice))),
        whole("days_to_response", "Whole days from delivery to the first answer.", unit="days", least=0),
        text("welcome", "Asked outright: was it welcome? Empty: not asked, or not answered.",
             among=("yes", "no", "no_opinion")),
        text("expected", "Asked outright: had you expected it?", among=("yes", "no")),
        yes("contact_requested", "1: the person asked to be contacted within 14 days."),
        yes("matured_14d", "1: the window of 14 days is closed.", required=True),
        text("censor_reason", "Why there is no outcome.", among=("window_open", *_STATES[1:])),
        yes("interested", "Felt welcome: said so, or wanted to read more, look for themselves or be contacted, and "
            "did not say otherwise. Of a hold: 0."),
        yes("unwelcome", "Called unpleasant, or too often."),
        yes("stopped", "Stopped altogether. Rare here by construction: who stops withdraws the consent to research."),
        yes("interested_any", "1: within 14 days of the decision something was felt welcome that was sent to this "
            "person, by this decision or another one."),
        real("reward", "The sum of the parts below."),
        *(real(f"reward_{part}", _REWARD) for part in ("interested", "unwelcome", "stop", "per_send", "per_dose")),
    ),
)  # fmt: skip

ANSWERS: Final = Table(
    name="answers",
    title="Answers",
    says="Every button that was pressed under a message, and every answer to the question after it.",
    key=("decision_id", "choice"),
    refers=(("decision_id", "decisions", "decision_id"),),
    fields=(
        _decision(required=True),
        text("choice", "What was answered.", required=True, among=tuple(map(str, Choice))),
        whole("days", "Whole days from delivery to the answer; empty when it is unknown whether it was sent.",
              unit="days", least=0),
    ),
)  # fmt: skip

OPINIONS: Final = Table(
    name="opinions",
    title="The eight dimensions of personal service",
    says="Answers to one question at a time about the eight dimensions of van Grondelle and others (2023). The "
    "questions are our own working reading: the authors' definitions were not at hand.",
    key=("decision_id", "dimension"),
    refers=(("decision_id", "decisions", "decision_id"),),
    fields=(
        _decision(required=True),
        text("dimension", "The dimension, in our working reading.", required=True, among=DIMENSIONS),
        text("answer", "What was answered.", required=True, among=("yes", "no", "no_opinion")),
    ),
)

CONTACTS: Final = Table(
    name="contacts",
    title="Requests for contact",
    says="Who asked for a person, and whether the promised day was kept.",
    key=("request_id",),
    refers=(("citizen_pid", "citizens", "citizen_pid"), ("decision_id", "decisions", "decision_id")),
    fields=(
        text("request_id", "The request's number in this export.", required=True, unique=True, pattern=PSEUDONYM),
        _person(),
        _decision(),
        week("iso_week", "ISO week in which it was asked, in UTC.", required=True),
        text("how", "By chat or by phone.", required=True, among=("chat", "phone")),
        text("state", "Where it stands.", required=True, among=("open", "talking", "done", "cancelled")),
        yes("promise_kept", "1: contacted by the promised day; 0: put off; empty: still open, or taken back in time."),
    ),
)

CITIZENS: Final = Table(
    name="citizens",
    title="People",
    says="One row for each person with a consent to research in force. Each combination of language, prefers and "
    "enrolment_quarter is shared by at least five.",
    key=("citizen_pid",),
    fields=(
        replace(_person(), unique=True),
        _MUNICIPALITY,
        text("language", LANGUAGE),
        text("prefers", PREFERS),
        text("enrolment_quarter", "The quarter in which the person joined, or the year; empty where it is not told.",
             pattern="[0-9]{4}(-Q[1-4])?"),
        _HOLDOUT,
        week("exit_week", "The week in which the last theme ended; empty: the person still hears from us."),
        text("exit_reason", "How it ended.", among=("withdrawn", "expired")),
        whole("decisions", "This person's rows in `decisions`.", required=True, least=0),
        yes("capped", "1: there were more, and the later ones were left out.", required=True),
    ),
)  # fmt: skip

POLICIES: Final = Table(
    name="policies",
    title="Policy versions",
    says="Every version, by the hash of its content. Learned from everybody's closed windows, S3 left out.",
    key=("policy_version",),
    refers=(("parent", "", "policy_version"),),
    fields=(
        text("policy_version", "The SHA-256 of everything in it.", required=True, unique=True, pattern=HASH),
        week("created_week", "When it was made.", required=True),
        text("parent", "The version before it; empty for the prior.", pattern=HASH),
        week("cutoff_week", "Windows that were closed by then were learned from; empty for the prior."),
        whole("rows_used", "Decisions that were learned from.", required=True, least=0),
        _PHASE,
        real("eps", "The least probability of each eligible tone.", least=0, most=1, required=True),
        real("p_min", "The least probability of writing.", least=0, most=1, required=True),
        real("p_max", "The greatest.", least=0, most=1, required=True),
        real("slope", "B, how sharply the probability of writing follows the belief.", required=True),
        real("s2_tone", "Residual variance of the tone models.", required=True, least=0),
        real("s2_send", "Residual variance of the model of writing.", required=True, least=0),
        real("r0", "The pooled share of messages felt welcome.", required=True),
        whole("n_tone", "Rows that the tone models were made from.", required=True, least=0),
        whole("n_send", "Rows that the model of writing was made from.", required=True, least=0),
        text("others", "The SHA-256 of the sums of other municipalities in its prior; empty: there were none.",
             pattern=HASH),
        text("values_version", "Which values weigh the reward.", required=True),
        *(real(f"value_{part}", "The weight of this part of the reward: a value that people sign, no statistic.",
               required=True) for part in ("interested", "unwelcome", "stop", "per_send", "per_dose")),
    ),
)  # fmt: skip

WEIGHTS: Final = Table(
    name="policy_weights",
    title="What each version believed",
    says="The posterior of each model is a normal distribution over the weights of named features. A feature that is "
    "not listed has mean 0 and standard deviation unseen_sd.",
    key=("policy_version", "model", "weight"),
    refers=(("policy_version", "policies", "policy_version"),),
    fields=(
        text("policy_version", "The version.", required=True, pattern=HASH),
        text("model", "send, or the tone.", required=True, among=("send", *map(str, Tone))),
        text("weight", "The feature; “one” is 1 for everybody.", required=True),
        real("mean", "The posterior mean.", required=True),
        real("unseen_sd", "The standard deviation of a feature that no row had.", required=True, least=0),
    ),
)

COVARIANCES: Final = Table(
    name="policy_covariances",
    title="How sure each version was",
    says="The posterior covariances; each pair of features once.",
    key=("policy_version", "model", "weight", "other"),
    refers=(("policy_version", "policies", "policy_version"),),
    fields=(
        *WEIGHTS.fields[:3],
        text("other", "The other feature; the same one for the variance.", required=True),
        real("covariance", "The posterior covariance.", required=True),
    ),
)

CONTENTS: Final = Table(
    name="contents",
    title="Texts that were sent",
    says="Each wording in each language in which it left, word for word as people approved it, unfilled.",
    key=("content_id", "language"),
    fields=(
        text("content_id", "The wording.", required=True),
        text("language", "Language code.", required=True),
        text("content_hash", "The SHA-256 of the text.", required=True, pattern=HASH),
        text("card", "The service card.", required=True),
        text("tone", "The tone.", required=True, among=tuple(map(str, Tone))),
        text("text", "The text; {names} are filled in for each reader. Empty: it is no longer at hand."),
        text(
            "approver",
            "Who approved the newest campaign with this card, as a number in this export.",
            pattern=PSEUDONYM,
        ),
        week("first_sent_week", "When it left for the first time; from then on its words are frozen.", required=True),
        text("valid_from", "The card's first day.", pattern="[0-9-]{10}"),
        text("valid_until", "The card's last day; empty: none is set.", pattern="[0-9-]{10}"),
    ),
)

EVENTS: Final = Table(
    name="events",
    title="What happened meanwhile",
    says="Deployments, pauses, overrides and incidents, which explain breaks in the data.",
    key=("event_id",),
    fields=(
        whole("event_id", "A number in the order of time.", required=True, unique=True, least=1),
        week("iso_week", "When, in UTC.", required=True),
        text("kind", "What.", required=True, among=("deployment", "incident", "override", "pause", "policy", "resume")),
        text("action", "The same as the audit trail names it.", required=True),
        text("about", "The campaign, wording, policy or version that it is about; empty: everything."),
        text("by", "The program itself or one of the staff.", required=True, among=("program", "staff")),
    ),
)

EPOCHS: Final = Table(
    name="epochs",
    title="Keys that were drawn with",
    says="The hash of each key was there before it was used; the key itself is told once its time is over.",
    key=("key_epoch",),
    fields=(
        text("key_epoch", "The epoch.", required=True, unique=True),
        text("key_hash", "The SHA-256 of the key's bytes.", required=True, pattern=HASH),
        text("revealed_key", "The key in hex; empty: it is still drawn with.", pattern=HASH),
    ),
)

_VIEW: Final = (
    text("id", "The person: citizen_pid.", required=True, pattern=PSEUDONYM),
    _INDEX,
    _decision(required=True, unique=True),
    _ISO_WEEK,
    _CAMPAIGN,
    _THEME,
)
MRT_SEND: Final = Table(
    name="mrt_send",
    title="Whether to write, as a micro-randomised trial",
    says="For R MRTAnalysis: decision points at which writing was drawn and whose outcome is known (availability 1), "
    "and those at which the gate refused (availability 0: no propensity, treatment 0). The R package wants a number in "
    "rand_prob everywhere, so give it the rows with availability 1; the others weigh nothing.",
    key=("decision_id",),
    refers=(("decision_id", "decisions", "decision_id"),),
    fields=(
        *_VIEW,
        yes("availability", "1: something was drawn.", required=True),
        yes("treatment", "1: it was written.", required=True),
        chance("rand_prob", "The probability that treatment is 1."),
        yes("outcome", "`responses.interested`: this decision's own message was felt welcome; of a hold 0."),
        yes("outcome_any", "`responses.interested_any`: whatever was sent within 14 days. For a ratio (EMEE), since "
            "`outcome` of a hold is always 0."),
        real("reward", "`responses.reward`, for WCLS."),
        _LEARNING,
        _PHASE,
        _HOLDOUT,
        *_CONTEXT,
    ),
)  # fmt: skip
MRT_TONE: Final = Table(
    name="mrt_tone",
    title="Which tone, as a micro-randomised trial",
    says="For R MRTAnalysis: messages that arrived, whose tone was drawn and whose window is closed.",
    key=("decision_id",),
    refers=(("decision_id", "decisions", "decision_id"),),
    fields=(
        *_VIEW,
        yes("availability", "Always 1: what did not arrive is missing.", required=True),
        text("treatment", "The tone.", required=True, among=tuple(map(str, Tone))),
        replace(chance("rand_prob", "The probability of that tone."), required=True),
        *(chance(f"p_{tone}", f"The probability of the tone {tone}; empty: not eligible.") for tone in Tone),
        yes("outcome", "`responses.interested`.", required=True),
        yes("unwelcome", "`responses.unwelcome`.", required=True),
        real("reward", "`responses.reward`.", required=True),
        _LEARNING,
        _PHASE,
        _HOLDOUT,
        *_CONTEXT,
    ),
)  # fmt: skip

TABLES: Final = (
    DECISIONS, RESPONSES, ANSWERS, OPINIONS, CONTACTS, CITIZENS, POLICIES, WEIGHTS, COVARIANCES, CONTENTS, EVENTS,
    EPOCHS, MRT_SEND, MRT_TONE,
)  # fmt: skip
#: Those that grow with the number of decisions.
LONG: Final = (DECISIONS, RESPONSES, ANSWERS, OPINIONS, CONTACTS, MRT_SEND, MRT_TONE)


def with_context(table: Table, names: Iterable[str]) -> Table:
    """The table with columns for further features that the policy saw, where it has such columns."""
    fresh = sorted(set(names) - KNOWN.keys())
    if not fresh or "f_urgency" not in table.columns:
        return table
    place = max(place for place, name in enumerate(table.columns) if name.startswith("f_")) + 1
    added = tuple(context_field(name) for name in fresh)
    return replace(table, fields=(*table.fields[:place], *added, *table.fields[place:]))

"""A plan in words: the same sections for the page and for Markdown, in English, as the registries have them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from bot.core.facts import Reason
from bot.research.plans.choices import OF_SENDING

#: What the gate's reasons mean to a reader of the plan.
REASONS: Final[Mapping[str, str]] = {
    Reason.CAMPAIGN_NOT_RUNNING: "the campaign is paused or over",
    Reason.CARD_NOT_IN_FORCE: "the service card is not in force",
    Reason.SIGNAL_NOT_ENABLED: "the card does not answer this signal",
    Reason.SIGNAL_EXPIRED: "the signal's window is over",
    Reason.STOPPED: "the person stopped or does not take part",
    Reason.NO_CONSENT: "no consent for the theme is in force",
    Reason.NOT_IN_AUDIENCE: "the person is outside the campaign's audience",
    Reason.CARD_DECLINED: "the person declined this service within a year",
    Reason.CARD_CAP: "the service's yearly maximum is reached",
    Reason.YEAR_CAP: "the person's yearly maximum is reached",
    Reason.TOO_EARLY: "the signal's window has not opened",
    Reason.PAUSED: "the person takes a pause",
    Reason.SNOOZED: "the person said “not now”",
    Reason.OPEN_QUESTION: "an earlier message is still an open question",
    Reason.CARD_GAP: "there was a message about this service shortly before",
    Reason.RESTING: "the person's own pause between messages is not over",
    Reason.MONTH_CAP: "the maximum of thirty days is reached",
    Reason.WAVE: "the person's wave has not begun",
    Reason.QUIET: "quiet hours",
    Reason.NO_WORDING: "there is no approved wording in the person's language",
}
OUTCOMES: Final[Mapping[str, str]] = {
    "welcome_any": (
        "welcome_any (outcome_any of mrt_send): something that was sent to the person was felt welcome within the "
        "window "
        "after the decision: 1; nothing was: 0. It can happen after sending and after holding."
    ),
    "welcome": (
        "welcome (outcome of mrt_tone): the message that arrived was felt welcome within its window, that is the "
        "person "
        "said so, or chose to read more, to look themselves or to be contacted, and did not say otherwise: 1; anything "
        "else, silence too: 0."
    ),
    "unwelcome": (
        "unwelcome (of mrt_tone): within its window the message that arrived was called not welcome or too often: 1; "
        "anything else, silence too: 0."
    ),
}

_EXCURSION: Final = "marginal excursion effect on the log risk ratio (EMEE, Qian et al. 2021), no moderator"


@dataclass(frozen=True, slots=True)
class Table:
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Section:
    """A heading with paragraphs, lists (tuples of sentences) and tables under it, in this order; nothing is empty."""

    title: str
    parts: tuple[str | tuple[str, ...] | Table, ...]


def sections(plan: Mapping[str, Any]) -> list[Section]:
    """The whole plan, for a reader who knows trials and not this program."""
    found = (
        _study(plan),
        _design(plan),
        _arms(plan),
        _randomisation(plan),
        _outcomes(plan),
        _primary(plan),
        _secondary(plan),
        _sample(plan),
        _missing(plan),
        _stopping(plan),
        _reward(plan),
        _changes(plan),
    )
    return [Section(section.title, tuple(filter(_says_something, section.parts))) for section in found]


def _says_something(part: str | tuple[str, ...] | Table) -> bool:
    return bool(part.rows if isinstance(part, Table) else part)


def as_markdown(
    plan: Mapping[str, Any], *, digest: str | None = None, by: str | None = None, at: str | None = None
) -> str:
    """The plan as a Markdown file. Without `digest` it says that it is a draft."""
    lines = [f"# {plan['title']}", "", f"Pre-analysis plan, version {plan['version']}. {plan['municipality']}."]
    if digest is None:
        lines.append("This is a draft: nothing is registered yet.")
    else:
        lines.append(f"Frozen by {by} at {at}. SHA-256 of its JSON: `{digest}`.")
    if (late := registered_late(plan)) is not None:
        lines += ["", f"**{late}**"]
    for section in sections(plan):
        lines += ["", f"## {section.title}"]
        for part in section.parts:
            lines.append("")
            match part:
                case str():
                    lines.append(part)
                case Table():
                    lines.append("| " + " | ".join(part.columns) + " |")
                    lines.append("|" + "---|" * len(part.columns))
                    lines += ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in part.rows]
                case _:
                    lines += [f"- {one}" for one in part]
    return "\n".join(lines) + "\n"


def registered_late(plan: Mapping[str, Any]) -> str | None:
    """What has to be said of a plan that was made when there were data already; None: it came first."""
    first = plan["registered"]["first_draw"]
    if first is None:
        return None
    return (
        f"Registered after the data began: the first draw of this campaign was at {first[:16].replace('T', ' ')} UTC."
    )


def _drawn(plan: Mapping[str, Any]) -> tuple[bool, bool]:
    """Whether writing is drawn, and whether the tone is."""
    return plan["randomisation"]["send_is_drawn"], plan["randomisation"]["tone_is_drawn"]


def _study(plan: Mapping[str, Any]) -> Section:
    campaign = plan["campaign"]
    facts = (
        ("Campaign", f"{campaign['title']} ({campaign['id']})"),
        (
            "Service card",
            f"{campaign['card']}, version {campaign['card_version']}, sensitivity {campaign['sensitivity']}",
        ),
        ("Period", f"{campaign['from']} to {campaign['until']}, both days included"),
        ("Languages", ", ".join(campaign["languages"])),
        ("Decides by", campaign["learning"]),
        ("Content hash of the campaign", campaign["content_hash"]),
        ("Program and algorithm", f"handreiking {plan['program']}, algorithm {plan['algorithm']}"),
        ("Primary results from", plan["analysed_on"]),
    )
    said: list[str | Table] = [plan["question"]]
    if plan["remarks"]:
        said.append(plan["remarks"])
    return Section("Study information", (*said, Table(("What", "As registered"), facts)))


def _design(plan: Mapping[str, Any]) -> Section:
    points, send, _ = plan["points"], *_drawn(plan)
    again = (
        f" When the answer is to hold, the same offer is looked at again {points['again_after_days']} days later, "
        "until the signal's window is over."
    )
    return Section(
        "Design: decision points and availability",
        (
            "A micro-randomised trial: the same person is randomised again at each decision point.",
            "A decision point is a moment at which an arrived signal, one campaign and one person are looked at."
            + (again if send else ""),
            (
                "A person is available when none of the following holds. Where one does, the row is kept with its "
                "reason, "
                "nothing is drawn and it has no propensity; such rows carry weight nought."
            ),
            tuple(REASONS.get(reason, reason) for reason in plan["unavailable"] if reason in REASONS),
            (
                f"Bounds that people set, in force when this plan was frozen: at least "
                f"{plan['bounds']['min_gap']:g} days between two messages, {plan['bounds']['per_month']} in thirty "
                "days, "
                f"{plan['bounds']['per_year']} in a year, quiet from {plan['bounds']['quiet_from']} to "
                f"{plan['bounds']['quiet_until']}, on Sundays and on public holidays."
            ),
            (
                f"A share of {plan['randomisation']['holdout_share']:.0%} of people is drawn once, when they first "
                "come, to "
                f"stay on a fixed rhythm: at most one message in {plan['randomisation']['holdout_gap_days']} days."
                + (" They are not in the proximal comparison of sending with holding." if send else "")
            ),
        ),
    )


def _arms(plan: Mapping[str, Any]) -> Section:
    arms, send, _ = plan["arms"], *_drawn(plan)
    rows = tuple(
        (one["id"], one["tone"], language, digest)
        for one in arms["wordings"]
        for language, digest in one["hashes"].items()
    )
    return Section(
        "Arms",
        (
            ("Sending against holding; and, of what is sent, the wording." if send else "The wording of what is sent.")
            + " A wording is frozen by the hash of its text when it first leaves; other words are another arm.",
            f"Tones: {', '.join(arms['tones'])}. The reference is {arms['reference_tone']}.",
            Table(("Wording", "Tone", "Language", "SHA-256 of the text"), rows),
        ),
    )


def _randomisation(plan: Mapping[str, Any]) -> Section:
    drawn = plan["randomisation"]
    phases = tuple(
        (
            str(one["phase"]),
            "0.5" if one["phase"] == 0 else f"{one['p_min']:g} to {one['p_max']:g}",
            "even" if one["phase"] == 0 else f"{one['eps']:g}",
        )
        for one in drawn["phases"]
    )
    said: list[str | Table] = []
    match plan["campaign"]["learning"]:
        case "fixed":
            said.append(
                "Sending is not drawn: everybody who is available is written to. Only the tone is drawn, evenly."
            )
        case "trial":
            said.append("Sending is drawn with probability 0.5 throughout, the tone evenly among those that fit.")
        case _:
            said += [
                (
                    f"Phase 0 lasts until {drawn['first_sends']} messages of the whole municipality have closed "
                    f"windows; phase 1 until it is {drawn['enough_sends']}; phase 2 afterwards. The phase stands with "
                    "each policy version."
                ),
                Table(("Phase", "Probability of sending", "Least probability of a tone"), phases),
                (
                    "Tone k of K: pi_k = eps + (1 - K eps) q_k, where q_k is the posterior probability that tone k "
                    "is the "
                    "best (independent normal posteriors, Gauss-Legendre quadrature). A wording has its tone's "
                    "probability "
                    "divided by the number of eligible wordings of that tone."
                ),
                (
                    f"Sending: p = p_min + (p_max - p_min) E[expit(B f'b)], b from its normal posterior, B = "
                    f"{drawn['slope']:g}, five-point Gauss-Hermite quadrature. The model is action-centred: "
                    "R = g'a0 + p f'a1 + (A - p) f'b + e."
                ),
            ]
            said.append(
                "When the learned policy may not be used, both draws are even and the decision says why; such rows "
                "stay in, with the probabilities that were used."
            )
    said.append(
        "When a person chose a tone in their settings, that tone is used, marked as forced, and left out of the "
        "tone's estimands."
        if drawn["tone_is_drawn"]
        else "There is one tone, so the wording is no comparison."
    )
    said += [
        (
            "Draws are HMAC-SHA256 of the decision's id under the key of its quarter, as uniform numbers. The key's "
            "hash is published before the quarter and the key after it, so anybody can make each draw again. Each "
            "probability is stored with its decision, exact."
        ),
    ]
    return Section("Randomisation", tuple(said))


def _outcomes(plan: Mapping[str, Any]) -> Section:
    send, tone = _drawn(plan)
    used = {one["outcome"] for one in plan["estimands"]["primary"]}
    measured = [name for name in OUTCOMES if (send if name in OF_SENDING else tone)]
    return Section(
        "Outcomes",
        (
            f"The window is {plan['window_days']} days from the delivery of a message"
            + (", or from the decision to hold" if send else "")
            + ". Only closed windows count.",
            tuple(f"Primary: {OUTCOMES[name]}" for name in measured if name in used),
            tuple(f"Secondary: {OUTCOMES[name]}" for name in measured if name not in used),
            _distal(plan),
        ),
    )


def _distal(plan: Mapping[str, Any]) -> str:
    if "distal" not in plan:  # frozen by a version that counted participants only
        return (
            "Distal: among people who joined at least a year before the analysis, whether a consent is still in force "
            "after a year, in the hold-out against everybody else (difference of proportions)."
        )
    days = plan["distal"]["after_days"]
    return (
        f"Distal: among people who first consented to a theme at least {days} days before the analysis, whether a "
        f"consent to any theme is in force {days} days after that, in the hold-out against everybody else (difference "
        "of proportions: WCLS without controls). It counts everybody, as numbers only, since whoever stops ends the "
        "consent for research too."
    )


def _primary(plan: Mapping[str, Any]) -> Section:
    estimands, (send, tone) = plan["estimands"], _drawn(plan)
    rows = tuple(
        (
            one["id"],
            f"{one['treated']} against {one['reference']}",
            one["outcome"],
            one["measure"],
            one["estimator"],
            one["correction"] or "none",
        )
        for one in estimands["primary"]
    )
    ways = []
    if send:
        ways.append(
            f"Sending: {_EXCURSION}, weights I (pt/p)^A ((1-pt)/(1-p))^(1-A) with pt = {estimands['reference_send']:g}."
        )
    if tone:
        ways.append(
            f"Tones: {'the same' if send else _EXCURSION} among messages that arrived, with an indicator for each tone "
            "but the reference, weights from the probabilities of the tones and pt even."
        )
    families = [name for name, is_drawn in (("sending", send), ("the family of tone contrasts", tone)) if is_drawn]
    several = any(one["correction"] for one in estimands["primary"])
    return Section(
        "Primary estimands",
        (
            "Nothing else is called primary." if rows else "Nothing is named as primary yet.",
            Table(("Name", "Comparison", "Outcome", "Measure", "Estimator", "Correction"), rows),
            " ".join([*ways, "Control variables: an intercept, and decision_index where it differs."]),
            (
                f"Two-sided, alpha = {estimands['alpha']:g} for {' and for '.join(families)}"
                f"{' each' if len(families) > 1 else ''}"
                f"{'; the tone contrasts are corrected by Holm' if several else ''}. "
                "Cluster-robust by person with the small-sample correction of Mancl and DeRouen, "
                "intervals from t with n - p - q degrees of freedom."
            ),
            "Until the day on which primary results may be looked at none is shown"
            + (
                "; they may be looked at before as exploratory ones, with confidence sequences only."
                if estimands["looks_early"]
                else ", and there is no interim analysis of efficacy."
            ),
        ),
    )


def _secondary(plan: Mapping[str, Any]) -> Section:
    return Section(
        "Secondary and exploratory analyses",
        (
            (
                "The primary estimands for the secondary outcomes, and with these moderators, one at a time and each a "
                "control variable too, without correction and called exploratory:"
            ),
            tuple(plan["moderators"]),
            "Off-policy values (IPS, SNIPS, DR) with effective sample size; the distal outcome.",
        ),
    )


def _sample(plan: Mapping[str, Any]) -> Section:
    size = plan["sample"]
    rows = tuple(
        (
            name,
            f"{size[name]['baseline']:g}",
            f"{size[name]['ratio']:g}",
            f"{size[name]['alpha']:.4g}",
            "more than 10⁹" if size[name]["needed"] is None else str(size[name]["needed"]),
            str(size[name]["expected"]),
            f"{size[name]['power_expected']:.0%}",
        )
        for name in ("send", "tone")
        if name in size
    )
    return Section(
        "Sample size",
        (
            (
                f"Expected: {size['people']} people with {size['points']:g} draws each. There is no sampling: "
                "everybody who "
                "consented and takes part in research is in it."
            ),
            Table(
                (
                    "Comparison",
                    "Assumed risk in the reference",
                    "Smallest risk ratio worth finding",
                    "Alpha",
                    f"Draws needed for power {size['power']:.0%}",
                    "Draws expected",
                    "Power with those",
                ),
                rows,
            ),
            "Two proportions on the scale of the log risk ratio, equal arms, independent draws. Draws of one person "
            "resemble each other"
            + (" and the policy moves the probabilities" if plan["campaign"]["learning"] == "adaptive" else "")
            + ", so the true power is somewhat lower.",
        ),
    )


def _missing(plan: Mapping[str, Any]) -> Section:
    send, _ = _drawn(plan)
    held = " In the comparison of sending with holding the decision counts as it was drawn."
    return Section(
        "Who is analysed, and missing data",
        (
            (
                "Only people whose consent for research is in force when the analysis is made.",
                "Silence is an outcome, never missing: it counts as nought.",
                "A message that failed, was taken back, expired or of which nobody knows whether it arrived is "
                "missing: its decision is left out of the tone's comparison." + (held if send else ""),
                "A decision whose window is not closed is left out.",
                "Nothing of sensitivity S3 is analysed.",
                "Nothing is imputed.",
            ),
        ),
    )


def _stopping(plan: Mapping[str, Any]) -> Section:
    rows = []
    for name, rail in sorted(plan["guardrails"].items()):
        levels = ", ".join(f"{key.replace('_', ' ')} = {value}" for key, value in rail.items())
        rows.append((name.replace("_", " "), levels))
    return Section(
        "Guardrails and stopping",
        (
            "These stop what people may not like. None of them ends the trial because a result looks good.",
            Table(("Guardrail", "Levels"), tuple(rows)),
            "Staff can pause or stop the campaign or all messages at any time. Each pause is in the audit trail.",
        ),
    )


def _reward(plan: Mapping[str, Any]) -> Section:
    values = plan["values"]
    weights = tuple(
        (name.replace("_", " "), f"{values[name]:g}")
        for name in ("interested", "unwelcome", "stop", "per_send", "per_dose")
    )
    signed = values["signed_by"]
    return Section(
        "Values in the reward",
        (
            f"Version {values['version']}. "
            + (f"Signed by {signed}." if signed else "Nobody signed them: they are an example, not for real citizens."),
            Table(("What", "Weight"), weights),
        ),
    )


def _changes(plan: Mapping[str, Any]) -> Section:
    rows = tuple(
        (
            one["version"][:12],
            one["made_at"][:16].replace("T", " "),
            str(one["phase"]),
            str(one["rows_used"]),
            one["values"],
        )
        for one in plan["policies"]
    )
    said: Sequence[str | Table] = (
        (Table(("Policy version", "Made at (UTC)", "Phase", "Rows used", "Values"), rows),)
        if rows
        else ("No policy version has decided in this campaign yet.",)
    )
    return Section(
        "Log of policy changes",
        (
            (
                "The policy is learned anew each week from closed windows of the whole municipality; each version "
                "has the "
                "hash of its content, and each decision names its version. Those that decided here before this plan "
                "was "
                "frozen:"
            ),
            *said,
            (
                "Later versions, pauses, and changes of rules, values and wordings stand in the export and the audit "
                "trail."
            ),
        ),
    )

"""What the figures are called and what they found, in English here and translated where it is said."""

from collections.abc import Mapping
from typing import Final

from bot.console.words import N_

TOO_FEW: Final = N_("Too few people yet. This is shown once ten people or more stand behind it.")
HIDDEN: Final = N_("There are too few people in its parts to compare them.")
#: What is found in many figures alike; a figure's own sentence goes before it.
FINDINGS: Final[Mapping[str, str]] = {
    "too_few": TOO_FEW,
    "hidden": HIDDEN,
    "alike": N_("No difference that chance could not explain."),
    "one": N_("Only “{a}” can be shown: {a_share}."),
    "funnel.answered": N_(
        "{messages} messages reached {reached} people. Of these messages {share} were answered within two weeks."
    ),
    "funnel.unreached": N_("A message reached fewer than ten people yet."),
    "funnel.reached": N_("{messages} messages reached {reached} people."),
    "reasons.most": N_("The most frequent reason: {a}. That was so at {share} of these moments."),
    "tones.apart": N_(
        "The tone “{a}” was felt welcome more often than “{b}”: by {low} to {high} percentage points. The tones "
        "were drawn by lot."
    ),
    "tones.alike": N_("No difference between tones that chance could not explain, in {messages} messages."),
    "tones.early": N_(
        "It is too early to compare tones. That takes 200 messages whose tone was drawn by lot; there are {messages}."
    ),
    "choices.most": N_("The most frequent: {a}. That came back on {share} of the messages."),
    "rhythm.apart": N_(
        "With the pause “{a}” messages were felt welcome most often ({a_share}), with “{b}” least ({b_share}). "
        "Pauses are not drawn by lot, so this does not say why."
    ),
    "irritation.apart": N_(
        "With the pause “{a}” messages bothered people most often ({a_share}), with “{b}” least ({b_share}). "
        "Pauses are not drawn by lot, so this does not say why."
    ),
    "stops.stops": N_("After {share} of {messages} messages somebody stopped: between {low} and {high}."),
    "stops.few_stops": N_("Fewer than five people stopped, after {messages} messages."),
    "axes.apart": N_(
        "What was “{a}” was welcome more often ({a_share}) than what was “{b}” ({b_share}). Nothing was drawn by "
        "lot here, so this does not say why."
    ),
    "axes_over_time.most": N_("The most frequent: {a}, in {share} of the answers."),
    "dimensions.apart": N_("“{a}” got a yes most often ({a_share}), “{b}” least often ({b_share})."),
    "shares.chances": N_(
        "In the week of {week} the mean chance of writing was {before}; in the week of {last_week} it was {after}."
    ),
    "shares.one_week": N_("In the week of {week} the mean chance of writing was {before}."),
    "shares.no_lottery": N_("Whether to write was not drawn by lot in this period."),
    "versions.none": N_("No policy version was made in this period."),
    "versions.newest": N_("Versions in this period: {count}. The newest learned from {rows} closed windows."),
    "versions.prior": N_("Nothing was learned in this period yet: even chances count."),
    "holdout.apart": N_(
        "In the group “{a}” more people felt a message welcome ({a_share}) than in “{b}” ({b_share}). Who is in "
        "which was drawn by lot."
    ),
    "holdout_unwelcome.apart": N_(
        "In the group “{a}” more people were bothered ({a_share}) than in “{b}” ({b_share}). Who is in which was "
        "drawn by lot."
    ),
    "languages.apart": N_(
        "In {a} messages were felt welcome more often ({a_share}) than in {b} ({b_share}). Languages are not "
        "drawn by lot, so this does not say why."
    ),
    "languages_unwelcome.apart": N_(
        "In {a} messages bothered people more often ({a_share}) than in {b} ({b_share}). Languages are not drawn "
        "by lot, so this does not say why."
    ),
    "themes.apart": N_(
        "About “{a}” messages were felt welcome more often ({a_share}) than about “{b}” ({b_share}). Themes are "
        "not drawn by lot, so this does not say why."
    ),
    "themes_unwelcome.apart": N_(
        "About “{a}” messages bothered people more often ({a_share}) than about “{b}” ({b_share}). Themes are "
        "not drawn by lot, so this does not say why."
    ),
    "fairness_languages.stops_more": N_(
        "People who are written to in {a} stop clearly more often than all others: after {a_share} of the messages."
    ),
    "fairness_languages.welcome_less": N_(
        "In {a} messages are felt welcome clearly less often than in all other languages: {a_share}."
    ),
    "fairness_languages.level": N_(
        "In none of the languages that can be compared do people clearly stop more often, or feel messages welcome "
        "less often, than all others."
    ),
    "fairness_themes.stops_more": N_(
        "About “{a}” people stop clearly more often than about all else: after {a_share} of the messages."
    ),
    "fairness_themes.welcome_less": N_(
        "About “{a}” messages are felt welcome clearly less often than about all else: {a_share}."
    ),
    "fairness_themes.level": N_(
        "About none of the themes that can be compared do people clearly stop more often, or feel messages welcome "
        "less often, than about all else."
    ),
    "alone": N_("Only “{a}” has enough people to be shown, so there is nothing to compare it with."),
    "promises.kept": N_("Kept without being put off: {share} of the promises, between {low} and {high}."),
}

#: What stands above a column of a table.
COLUMNS: Final[Mapping[str, str]] = {
    "stage": N_("Step"),
    "reason": N_("Reason"),
    "people": N_("People"),
    "moments": N_("Moments"),
    "messages": N_("Messages"),
    "tone": N_("Tone"),
    "choice": N_("Answer"),
    "messages_neutral": N_("Neutral"),
    "messages_warm": N_("Warm"),
    "messages_practical": N_("Practical"),
    "share": N_("Share"),
    "low": N_("At least"),
    "high": N_("At most"),
    "pause": N_("After the message before"),
    "block": N_("From the week of"),
    "weeks": N_("Weeks"),
    "stops": N_("Stopped"),
    "welcome": N_("Welcome?"),
    "expected": N_("Expected"),
    "unexpected": N_("Not expected"),
    "quadrant": N_("Welcome and expected"),
    "answers": N_("Answers"),
    "dimension": N_("Dimension"),
    "yes": N_("Yes"),
    "no": N_("No"),
    "no_opinion": N_("No opinion"),
    "week": N_("Week of"),
    "p_send": N_("Chance of writing"),
    "p_neutral": N_("Chance of neutral"),
    "p_warm": N_("Chance of warm"),
    "p_practical": N_("Chance of practical"),
    "fallback": N_("Even chances stood in"),
    "version": N_("Version"),
    "rows": N_("Closed windows"),
    "phase": N_("Phase"),
    "eps": N_("Least chance of a tone"),
    "p_min": N_("Least chance of writing"),
    "p_max": N_("Greatest chance of writing"),
    "slope": N_("How sharply the lottery follows"),
    "r0": N_("Usual share felt welcome"),
    "belief_neutral": N_("Expected of neutral"),
    "belief_warm": N_("Expected of warm"),
    "belief_practical": N_("Expected of practical"),
    "belief_send": N_("Expected good of writing now"),
    "arm": N_("Group"),
    "language": N_("Language"),
    "theme": N_("Theme"),
    "promise": N_("The promise was"),
    "stop_share": N_("Stopped after"),
    "welcome_share": N_("Felt welcome"),
    "stands": N_("Beside all others"),
    "requests": N_("Requests"),
}

#: What the codes in a column mean.
VALUES: Final[Mapping[str, Mapping[str, str]]] = {
    "stage": {
        "considered": N_("a signal was about them"),
        "allowed": N_("the rules let us write"),
        "drawn": N_("it was decided to write"),
        "reached": N_("a message reached them"),
        "answered": N_("they answered"),
        "welcome": N_("they felt it welcome"),
        "contact": N_("they asked for contact"),
    },
    "choice": {"silence": N_("no answer")},
    "pause": {
        "first": N_("the first message"),
        "under_4": N_("less than 4 weeks"),
        "4_to_7": N_("4 to 7 weeks"),
        "8_to_12": N_("8 to 12 weeks"),
        "from_13": N_("13 weeks or more"),
    },
    "welcome": {"welcome": N_("welcome"), "unwelcome": N_("not welcome"), "no_opinion": N_("no opinion")},
    "expected": {"expected": N_("expected"), "unexpected": N_("not expected")},
    "quadrant": {
        "welcome_expected": N_("welcome, expected"),
        "welcome_unexpected": N_("welcome, not expected"),
        "unwelcome_expected": N_("not welcome, expected"),
        "unwelcome_unexpected": N_("not welcome, not expected"),
    },
    "dimension": {
        "complexity": N_("Complexity: was it easy to understand?"),
        "language": N_("Language: was it good for you?"),
        "place": N_("Place: is this the right one?"),
        "time": N_("Time: was it a good moment?"),
        "relevance": N_("Relevance: was it about you?"),
        "trust": N_("Trust: do you know what you can do?"),
        "empathy": N_("Empathy: was it friendly?"),
        "autonomy": N_("Autonomy: were you free to say no?"),
    },
    "arm": {"policy": N_("the policy"), "holdout": N_("the fixed pause")},
    "stands": {
        "level": N_("no clear difference"),
        "stops_more": N_("clearly more stops"),
        "welcome_less": N_("clearly less welcome"),
        "both": N_("clearly more stops and less welcome"),
    },
    "promise": {
        "kept": N_("kept"),
        "moved": N_("put off to another day"),
        "open": N_("still open"),
        "cancelled": N_("taken back by the person"),
    },
}

#: What the pictures' scales are called.
AXES: Final[Mapping[str, str]] = {
    "people": N_("People"),
    "moments": N_("Moments"),
    "messages": N_("Messages"),
    "requests": N_("Requests"),
    "interested": N_("Share of messages felt welcome"),
    "unwelcome": N_("Share of messages that bothered people"),
    "people_interested": N_("Share of people who felt one welcome"),
    "people_unwelcome": N_("Share of people who were bothered"),
    "stops": N_("Share of messages after which somebody stopped"),
    "answers": N_("Share of the answers"),
    "yes": N_("Share of yes among yes and no"),
    "chance": N_("Mean chance"),
}

#: What changed from one policy version to the next; `{before}` is left out where there was none.
CHANGES: Final[Mapping[str, tuple[str, str]]] = {
    "phase": (N_("It is in phase {after}."), N_("It went from phase {before} to phase {after}.")),
    "eps": (
        N_("Each tone keeps a chance of {after} at least."),
        N_("The least chance of each tone went from {before} to {after}."),
    ),
    "p_min": (
        N_("The chance of writing is {after} at least."),
        N_("The least chance of writing went from {before} to {after}."),
    ),
    "p_max": (
        N_("The chance of writing is {after} at most."),
        N_("The greatest chance of writing went from {before} to {after}."),
    ),
    "slope": (
        N_("The lottery follows what was learned with sharpness {after}."),
        N_("How sharply the lottery follows what was learned went from {before} to {after}."),
    ),
    "r0": (
        N_("Usually {after} of the messages are felt welcome."),
        N_("The usual share of messages felt welcome went from {before} to {after}."),
    ),
    "belief_neutral": (
        N_("Of the neutral tone it expects {after}."),
        N_("What it expects of the neutral tone went from {before} to {after}."),
    ),
    "belief_warm": (
        N_("Of the warm tone it expects {after}."),
        N_("What it expects of the warm tone went from {before} to {after}."),
    ),
    "belief_practical": (
        N_("Of the practical tone it expects {after}."),
        N_("What it expects of the practical tone went from {before} to {after}."),
    ),
    "belief_send": (
        N_("Of writing now rather than later it expects {after}."),
        N_("What it expects of writing now rather than later went from {before} to {after}."),
    ),
}
PHASES: Final[Mapping[int, str]] = {
    0: N_("0: even chances, nothing learned is used"),
    1: N_("1: until a thousand messages taught, with wide floors"),
    2: N_("2: afterwards"),
}

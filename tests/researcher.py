# %% [markdown]
# # What writing does, and which tone: from an export to the two primary estimands
#
# As a researcher would write it who has the export's folder and nothing else:
#
#     python -m tests.researcher FOLDER [--json RESULTS]
#
# Only pandas and numpy, and the estimators of `bot.research.estimators`, which take plain columns. No database, no bot.
#
# ## What is asked
#
# 1. **Writing now, or looking again in a week.** The lottery drew `treatment` with probability `rand_prob` at every
#    available decision point. The outcome cannot be "this message was felt welcome": of a message that was held it is
#    nought by construction, and a ratio to nought does not exist. It is `outcome_any`: within 14 days of the decision
#    something was felt welcome that was sent to this person, by this decision or by a later look at the same or another
#    offer. That can happen in both arms. Identified, because the probability was drawn with and is known: among people
#    who consent to research, at moments when the gate let it through, the ratio of the chance of `outcome_any` when it
#    is written now to that chance when it is held for a week, everything later going on as the policy in force then did
#    (the fully marginal causal excursion effect; Qian et al. 2021). It is no effect of being in the programme: for that
#    there is the hold-out, person by person.
# 2. **Which tone**, given that it is written: the ratio of the chances of being felt welcome, each tone against the
#    first, drawn among those that were eligible. Several contrasts, so p-values by Holm.
#
# ## What it is not
#
# - People who stopped or took their consent back are not in the export, and they are those who were bothered most. Both
#   ratios are about those who stayed, and look better than for everybody. The town's own count of stops says how much.
# - What was felt outside the chat (the counter, the telephone) is no outcome here.
# - The window of a message that was written begins with its delivery, that of a held one with the decision. A message
#   waits for daytime, so a written one may have some hours more.
# - The policy pools people, so one person's answers move another's probabilities. Intervals here take people as
#   independent given the probabilities; with floors of 5 to 10 % and weekly steps that has been harmless in simulation.

# %%
import argparse
import hashlib
import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats

from bot.errors import HandreikingError
from bot.research.estimators.emee import emee
from bot.research.estimators.results import holm
from bot.research.estimators.views import send_columns, tone_columns
from bot.research.estimators.wcls import wcls

parser = argparse.ArgumentParser()
parser.add_argument("folder", type=Path)
parser.add_argument("--json", type=Path)
options = parser.parse_args()
results: dict[str, object] = {}


def show(line: str = "") -> None:
    sys.stdout.write(f"{line}\n")


# %% [markdown]
# ## 1. Read it by its own description, and see that nothing changed on the way

# %%
TYPES = {"string": "string", "integer": "Int64", "number": "float64"}
package = json.loads((options.folder / "datapackage.json").read_text(encoding="utf-8"))
tables = {}
for resource in package["resources"]:
    path = options.folder / resource["path"]
    if resource["hash"] != f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}":
        sys.exit(f"{path.name} is not the file that its description is about")
    types = {field["name"]: TYPES[field["type"]] for field in resource["schema"]["fields"]}
    tables[resource["name"]] = pd.read_csv(path, dtype=types, keep_default_na=False, na_values=[""])
decisions, responses, citizens = tables["decisions"], tables["responses"], tables["citizens"]
send, tone = tables["mrt_send"], tables["mrt_tone"]
show(f"{package['title']}, {package['version']}: " + ", ".join(f"{name} {len(t)}" for name, t in tables.items()))

# %% [markdown]
# ## 2. Flow, as CONSORT asks for it

# %%
agreed = package["protection"]["people_who_agreed"]
looked = decisions.merge(responses, on="decision_id", how="left")
drawn = looked[looked["in_study"] == 1]
written, held = drawn[drawn["sent"] == 1], drawn[drawn["sent"] == 0]
known = drawn["censor_reason"].isna()
flow = {
    "people who agreed to research": agreed,
    "  left out, to be unrecognisable": agreed - len(citizens),
    "people in the export": len(citizens),
    "  on the fixed policy (hold-out)": int(citizens["holdout"].sum()),
    "decision points": len(decisions),
    "  the gate refused": int((decisions["available"] == 0).sum()),
    "  settled, not drawn": int(((decisions["available"] == 1) & (decisions["in_study"] == 0)).sum()),
    "  drawn": len(drawn),
    "    by even chances for want of better (fallback)": int(drawn["fallback"].notna().sum()),
    "    written": len(written),
    "      did not arrive, or not known whether": int(
        (written["censor_reason"].notna() & (written["censor_reason"] != "window_open")).sum()
    ),
    "    held": len(held),
    "    window of 14 days still open": int((drawn["censor_reason"] == "window_open").sum()),
    "  drawn and known: analysed for writing": int(known.sum()),
    "    people among them": int(drawn.loc[known, "citizen_pid"].nunique()),
    "  analysed for the tone": len(tone),
    "people who left (consent over)": int(citizens["exit_reason"].notna().sum()),
}
show("\n## Flow")
for name, count in flow.items():
    show(f"{name:52} {count:7}")
refused = decisions.loc[decisions["available"] == 0, "unavailable_reason"].value_counts().sort_index()
for reason, count in refused.items():
    show(f"    refused: {reason:41} {count:7}")
results["flow"] = {name.strip(): int(count) for name, count in flow.items()}

# %% [markdown]
# ## 3. Did the lottery do what it says?
#
# Every draw is in the data, so fidelity is a count, not a belief; and writing must come as often as the probabilities
# said (a z-test, once, so a small p-value is no alarm by itself).

# %%
broken = int(((drawn["draw_u_send"] < drawn["p_send"]).astype(int) != drawn["sent"]).sum())
told = decisions.filter(regex="^p_tone_")[decisions["tone_in_study"] == 1]
unsummed = int((np.abs(told.sum(axis=1) - 1) > 1e-9).sum())
p_send = drawn["p_send"].to_numpy()
excess = float((drawn["sent"].to_numpy(dtype=float) - p_send).sum())
z = excess / np.sqrt((p_send * (1 - p_send)).sum()) if len(drawn) else float("nan")
# What is missing must not depend on the arm.
missing = {name: float(rows["censor_reason"].notna().mean()) for name, rows in (("written", written), ("held", held))}
show("\n## The lottery")
show(f"draws that do not match what was done: {broken}; tones whose probabilities do not sum to 1: {unsummed}")
show(f"written {len(written)} times of {p_send.sum():.1f} expected: z = {z:.2f}, p = {2 * stats.norm.sf(abs(z)):.3f}")
show("without an outcome: " + ", ".join(f"{share:.1%} of {name}" for name, share in missing.items()))
results["fidelity"] = {"broken": broken, "unsummed": unsummed, "z": float(z)}

# %% [markdown]
# ## 4. Primary: writing now, or looking again in a week
#
# EMEE with controls that were known before the draw: they make it surer and cannot make it wrong. The week in the
# programme and the dose are the moderators that the plan names; they are told below as secondary.

# %%
CONTROLS = ["f_dose", "f_rate"]


def told_as_ratio(effect, name: str) -> dict[str, float]:
    low, mid, high = np.exp([effect.lower, effect.estimate, effect.upper])
    p = f"p = {effect.p_value:.4f}" if effect.p_value >= 0.0001 else "p < 0.0001"
    show(f"{name}: ratio {mid:.3f}, 95 % interval {low:.3f} to {high:.3f}, {p}, df {effect.df:g}")
    return {"log_ratio": effect.estimate, "se": effect.se, "ratio": mid, "lower": low, "upper": high,
            "p": effect.p_value}  # fmt: skip


show("\n## Primary 1: writing now against holding, on anything felt welcome within 14 days")
for arm, rows in send[send["availability"] == 1].groupby("treatment"):
    show(f"  {('held', 'written')[int(arm)]:8} {int(rows['outcome_any'].sum())} of {len(rows)}")
try:
    fit = emee(**send_columns(send, controls=CONTROLS))
    results["send"] = told_as_ratio(fit.effects[0], "written : held")
    show(f"{fit.citizens} people, {fit.decision_points} decision points")
except HandreikingError as reason:
    results["send"] = None
    show(f"not to be estimated from these data:\n  {reason}")

# %% [markdown]
# ## 5. Primary: which tone
#
# Each tone against the first in the alphabet that was drawn; those that could be drawn together only.

# %%
show("\n## Primary 2: tones, given that it is written")
seen = sorted(tone["treatment"].unique())
for name in seen:
    rows = tone[tone["treatment"] == name]
    show(f"  {name:10} {int(rows['outcome'].sum())} of {len(rows)}")
try:
    fit = emee(**tone_columns(tone, seen))
    adjusted = holm({effect.name: effect.p_value for effect in fit.effects})
    results["tones"] = {}
    for effect in fit.effects:
        found = told_as_ratio(effect, f"{effect.name} : {seen[0]}")
        show(f"    by Holm p = {adjusted[effect.name]:.4f}")
        results["tones"][effect.name] = found | {"p_holm": adjusted[effect.name]}
    together = fit.jointly()
    show(f"all tones alike: F({together.df1}, {together.df2}) = {together.statistic:.2f}, p = {together.p_value:.4f}")
    show(f"{fit.citizens} people, {fit.decision_points} messages")
except HandreikingError as reason:
    results["tones"] = None
    show(f"not to be estimated from these data:\n  {reason}")

# %% [markdown]
# ## 6. Secondary
#
# Does the effect of writing fade with dose? And the reward, on its own scale: of a held decision it is 0 by what reward
# means (nothing was sent, so nothing was gained or spent), so its effect is the mean reward of a message.

# %%
show("\n## Secondary, not adjusted for being several")
try:
    fit = emee(**send_columns(send, moderators=["f_dose"], controls=CONTROLS))
    results["dose"] = told_as_ratio(fit.effects[1], "the ratio, for each message of dose, times")
    [gain] = wcls(**send_columns(send, outcome="reward", controls=CONTROLS)).effects
    show(f"reward of writing: {gain.estimate:+.3f}, 95 % interval {gain.lower:+.3f} to {gain.upper:+.3f}")
    results["reward"] = {"estimate": gain.estimate, "lower": gain.lower, "upper": gain.upper}
except HandreikingError as reason:
    show(f"not to be estimated from these data:\n  {reason}")

# %%
if options.json:
    options.json.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")

"""The people of `citizen-sim-1`: learning.md 5. Nobody in the product knows a number of theirs.

Everything is an array over people. All that is drawn follows from a seed, and the luck of a week does not depend on
what a policy did before, so that policies are compared on the same people with the same luck.
"""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from bot.core.facts import Tone

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

WEEKS = 52
TONES: tuple[Tone, ...] = tuple(Tone)
#: Of learning.md's four tones (0, .25, .45, -.20) the plain one, the best and the worst: a wrong choice costs what it
#: costs there, and the tones' mean (.08 here, .125 there) stays nearer to it than with any other three.
LIKED = {Tone.NEUTRAL: 0.0, Tone.WARM: 0.45, Tone.PRACTICAL: -0.20}
SEGMENTS = ("nl", "en", "ar", "tr")
SEGMENT_SHARES = (0.55, 0.15, 0.15, 0.15)
SEGMENT_SD = 0.15  # of what a segment adds to a tone; learning.md names the interactions and no size
PERSON_SD = 0.25
RECEPTIVITY, RECEPTIVITY_SD = -1.75, 0.8
TOLERANCE_SD = 0.5
#: What a message is worth, per citizen: the weights of learning.md 5, not those of messages/values.toml.
INTERESTED, SENT, UNWELCOME, STOP = 1.0, -0.03, -0.5, -3.0


class Stress(StrEnum):
    """What is otherwise than in the plain world."""

    NONE = "none"
    PERMUTED = "permuted"  # from week 26 another tone is liked best
    NO_BENEFIT = "no_benefit"  # nobody is ever interested


@dataclass(frozen=True, kw_only=True, slots=True)
class World:
    """`tone_size` is TS: what all effects of a tone are multiplied with. `receptivity` is added to everybody's."""

    name: str
    tone_size: float
    stress: Stress = Stress.NONE
    receptivity: float = 0.0


WORLDS = {
    world.name: world
    for world in (
        World(name="tones-1.0", tone_size=1.0),
        World(name="tones-0.3", tone_size=0.3),
        World(name="permuted", tone_size=1.0, stress=Stress.PERMUTED),
        World(name="no-tone-effect", tone_size=0.0),
        World(name="no-benefit", tone_size=1.0, stress=Stress.NO_BENEFIT),
    )
}


@dataclass(frozen=True, kw_only=True)
class People:
    """What they are like, for a year. `liking` is (people, tones), in logits, `segment` an index in SEGMENTS."""

    world: World
    opportunity: Floats
    receptivity: Floats
    tolerance: Floats
    segment: Ints
    liking: Floats
    segment_liking: Floats

    @property
    def number(self) -> int:
        return len(self.segment)

    def liked(self, week: int) -> Floats:
        """What each tone adds for each person in this week."""
        return self._in_week(self.liking, week)

    def liked_by_segment(self, week: int) -> Floats:
        """The same as far as a person's segment says it."""
        return self._in_week(self.segment_liking, week)[self.segment]

    def _in_week(self, liking: Floats, week: int) -> Floats:
        turned = self.world.stress is Stress.PERMUTED and week >= WEEKS // 2
        return np.roll(liking, 1, axis=1) if turned else liking


@dataclass(frozen=True, kw_only=True)
class Luck:
    """One week's even draws in [0, 1), one per person."""

    opportunity: Floats
    interest: Floats
    unwelcome: Floats
    stop: Floats
    delay: Floats


@dataclass(kw_only=True)
class State:
    """How the people are now: habituation H, wear-out W of each tone, annoyance N, and who stopped."""

    tired: Floats
    worn: Floats
    annoyed: Floats
    stopped: Flags


@dataclass(frozen=True, kw_only=True)
class Chances:
    """Of each person and tone, if written to now."""

    interest: Floats
    unwelcome: Floats  # where there was no interest
    stop: Floats

    @property
    def worth(self) -> Floats:
        """The welfare to be expected of the message itself."""
        return INTERESTED * self.interest + SENT + UNWELCOME * (1 - self.interest) * self.unwelcome + STOP * self.stop


@dataclass(frozen=True, kw_only=True)
class Came:
    """What came of one week's messages, for everybody; all False for who got none."""

    interested: Flags
    unwelcome: Flags
    stopped: Flags
    days: Floats  # until the answer, if any, in days

    @property
    def worth(self) -> Floats:
        worth: Floats = INTERESTED * self.interested + UNWELCOME * self.unwelcome + STOP * self.stopped
        return worth


def people(number: int, world: World, seed: int) -> People:
    rng = np.random.default_rng([seed, 1])
    segment = rng.choice(len(SEGMENTS), size=number, p=SEGMENT_SHARES)
    by_segment = np.array([LIKED[tone] for tone in TONES]) + rng.normal(0, SEGMENT_SD, (len(SEGMENTS), len(TONES)))
    own = rng.normal(0, PERSON_SD, (number, len(TONES)))
    return People(
        world=world,
        opportunity=rng.beta(4, 4, number),
        receptivity=rng.normal(RECEPTIVITY, RECEPTIVITY_SD, number) + world.receptivity,
        tolerance=rng.lognormal(0, TOLERANCE_SD, number),
        segment=segment,
        liking=world.tone_size * (by_segment[segment] + own),
        segment_liking=world.tone_size * by_segment,
    )


def luck(number: int, seed: int, week: int) -> Luck:
    draws = np.random.default_rng([seed, 2, week]).random((5, number))
    return Luck(opportunity=draws[0], interest=draws[1], unwelcome=draws[2], stop=draws[3], delay=draws[4])


def rested(number: int) -> State:
    """Everybody before the first message."""
    return State(
        tired=np.zeros(number),
        worn=np.zeros((number, len(TONES))),
        annoyed=np.zeros(number),
        stopped=np.zeros(number, dtype=bool),
    )


def fade(state: State) -> None:
    """A week goes by."""
    state.tired *= 0.85
    state.worn *= 0.70
    state.annoyed *= 0.80


def chances(who: People, state: State, liked: Floats, *, receptivity: Floats, tolerance: Floats) -> Chances:
    """What a message would do, supposing these likings, receptivities and tolerances."""
    interest = expit((receptivity - 0.45 * state.tired / tolerance)[:, None] + liked - 0.25 * state.worn)
    if who.world.stress is Stress.NO_BENEFIT:
        interest = np.zeros_like(interest)
    return Chances(
        interest=interest,
        unwelcome=expit((-3.0 + 0.8 * state.annoyed / tolerance)[:, None] - 0.4 * liked),
        stop=np.broadcast_to(expit(-5.6 + 0.9 * state.annoyed / tolerance)[:, None], interest.shape),
    )


def really(who: People, state: State, week: int) -> Chances:
    """What a message would do, as the people really are."""
    return chances(who, state, who.liked(week), receptivity=who.receptivity, tolerance=who.tolerance)


def answer(who: People, state: State, luck: Luck, tones: Ints, week: int) -> Came:
    """The answers to this week's messages, and what they leave behind in `state`. `tones` is -1 where none was sent."""
    sent = tones >= 0
    tone = np.where(sent, tones, 0)[:, None]
    truly = really(who, state, week)
    interest, unwelcome, stop = (
        np.take_along_axis(of, tone, axis=1)[:, 0] for of in (truly.interest, truly.unwelcome, truly.stop)
    )
    interested = sent & (luck.interest < interest)
    disliked = sent & ~interested & (luck.unwelcome < unwelcome)
    stopped = sent & (luck.stop < stop)
    state.tired += sent
    state.worn[np.flatnonzero(sent), tones[sent]] += 1
    state.annoyed += 0.35 * (sent & ~interested) + 0.60 * disliked
    state.stopped |= stopped
    return Came(interested=interested, unwelcome=disliked, stopped=stopped, days=luck.delay)


def expit(x: Floats) -> Floats:
    return 1.0 / (1.0 + np.exp(-x))

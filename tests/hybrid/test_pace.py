"""The time left: what is said is near the truth on machines of any speed, and nothing is said that is not known."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hybrid.batch.outlook import Outlook, sizes_of
from hybrid.pace import LIMITS, REFERENCE, Pace, machine_factor, plan_seconds, spoken


class Clock:
    """A clock that is set by hand."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_plan_grows_with_the_photo_the_solve_and_the_layers() -> None:
    plain = plan_seconds(24_000_000)
    assert plain.keys() == REFERENCE.keys()
    assert sum(plan_seconds(48_000_000).values()) > sum(plain.values())
    assert plan_seconds(24_000_000, 4)["solve"] > 2 * plain["solve"]
    assert plan_seconds(500_000, 4) == plan_seconds(500_000, 9), "no photo is enlarged to be solved"
    assert plan_seconds(24_000_000, has_layers=True)["write"] > plain["write"]
    assert plan_seconds(24_000_000, has_network=False)["predict"] == 0


@given(st.floats(0.5, 3), st.floats(5, 200), st.floats(0.1, 100))
@settings(deadline=None, max_examples=50)
def test_the_time_left_of_a_photo_follows_the_machine(slower: float, megapixels: float, reading: float) -> None:
    clock = Clock()
    pace, plan = Pace(clock), plan_seconds(round(megapixels * 1e6))
    truth = {stage: seconds * slower for stage, seconds in plan.items()} | {"read": reading, "seeds": 0.01}
    pace.expect(plan)
    order = ["read", "shrink", "predict", "seeds", "solve", "lift", "write"]
    for number, stage in enumerate(order):
        pace.begin(stage)
        if stage in ("read", "shrink", "predict"):
            assert pace.left() is None or sum(plan[name] for name in order[1:number]) >= 0.5
        else:
            left, true = pace.left(), sum(truth[name] for name in order[number:])
            on_reference = sum(plan.get(name, 0.0) for name in order[number:])
            assert left is not None
            assert min(true, on_reference) - 0.02 <= left.seconds <= max(true, on_reference) + 0.02
            if stage in ("lift", "write"):
                assert left.seconds == pytest.approx(true, rel=0.25)
        clock.now += truth[stage]


def test_a_stage_that_takes_longer_than_estimated_says_at_least() -> None:
    clock = Clock()
    pace, plan = Pace(clock), plan_seconds(10_000_000)
    pace.expect(plan)
    for stage in ("predict", "solve"):
        pace.begin(stage)
        clock.now += plan[stage]
    clock.now += 70  # compiling, the first time of all
    assert str(pace.left()) == f"at least {spoken(plan['lift'] + plan['write'] + plan['shrink'])} left"
    pace.begin("write")
    left = pace.left()
    assert left is not None
    assert not left.is_least
    assert left.seconds <= LIMITS[1] * (plan["shrink"] + plan["lift"] + plan["write"])


def test_a_pace_that_expects_nothing_says_nothing() -> None:
    pace = Pace(Clock())
    for stage in ("read", "predict", "solve", "write"):
        pace.begin(stage)
        assert pace.left() is None


SAID = {0: "1 s", 1.4: "1 s", 9.4: "9 s", 9.6: "10 s", 12.4: "10 s", 97: "95 s", 98: "2 min", 5900: "98 min"}
SAID |= {7900: "2 h 10 min", 7300: "2 h", 86400: "24 h"}


@pytest.mark.parametrize(("seconds", "said"), SAID.items())
def test_durations_are_said_as_people_say_them(seconds: float, said: str) -> None:
    assert spoken(seconds) == said


def test_the_machine_s_factor_is_a_ratio_of_times() -> None:
    ticks = iter((0, 0.3, 1, 1.2, 2, 2.9))
    fast = iter((0, 0.03, 1, 1.02, 2, 2.09))
    assert machine_factor(lambda: next(ticks)) == pytest.approx(10 * machine_factor(lambda: next(fast)))


def batch_run(sizes: list[int], slower: float, lanes: int, unknown: int = 0) -> list[tuple[float, float | None]]:
    """A batch as time passes: at the end of every photo what is truly left, and what is said."""
    clock, photos = Clock(), [Path(f"{number}.tif") for number in range(len(sizes))]
    known = dict(zip(photos[: len(photos) - unknown], sizes, strict=False))
    outlook = Outlook(photos, known, clock=clock)
    costs = [slower * sum(plan_seconds(size).values()) if size else 0.01 for size in sizes]
    ends: list[tuple[float, int]] = []
    told: list[tuple[float, float | None]] = []
    following = 0
    while following < len(photos) or ends:
        while following < len(photos) and len(ends) < lanes:
            outlook.begun(photos[following])
            ends.append((clock.now + costs[following], following))
            following += 1
        if told:
            left = outlook.left()
            told[-1] = clock.now, left.seconds if left else None
        at, number = min(ends)
        ends.remove((at, number))
        clock.now = at
        outlook.ended(photos[number], sizes[number], costs[number] if sizes[number] else 0.0)
        told.append((at, 0.0))
    return [(clock.now - at, said) for at, said in told[:-1]]


@given(st.floats(0.2, 5), st.integers(1, 4), st.permutations([2, 5, 10, 20, 40, 40, 80, 0, 0] * 8))
@settings(deadline=None, max_examples=50)
def test_the_time_left_of_a_batch_is_near_the_truth(slower: float, lanes: int, sizes: list[int]) -> None:
    told = batch_run([size * 1_000_000 for size in sizes], slower, lanes)
    whole = told[0][0]
    for true, said in told[len(told) // 4 :]:
        assert said is not None
        # which photo comes last decides whether all lanes are busy to the end
        assert abs(said - true) < 0.05 * whole + (lanes > 1) * slower * sum(plan_seconds(80_000_000).values())


@given(st.floats(0.2, 5), st.integers(1, 3), st.integers(0, 30))
@settings(deadline=None, max_examples=50)
def test_photos_of_unknown_size_count_as_the_others(slower: float, lanes: int, unknown: int) -> None:
    for true, said in batch_run([12_000_000] * 30, slower, lanes, unknown)[lanes:]:
        assert said == pytest.approx(true, rel=0.3, abs=8 * slower)


def test_nothing_is_said_until_a_photo_is_coloured_and_what_was_done_before_says_nothing() -> None:
    clock, photos = Clock(), [Path(name) for name in "abcdef"]
    outlook = Outlook(photos, dict.fromkeys(photos, 10_000_000), clock=clock)
    for photo in photos[:3]:
        outlook.ended(photo)  # done by an earlier batch
        assert outlook.left() is None
    outlook.begun(photos[3])
    clock.now += 30
    assert outlook.left() is None
    outlook.ended(photos[3], 10_000_000, 30.0)
    outlook.begun(photos[4])
    assert str(outlook.left()) == "about 60 s left"
    clock.now += 20
    assert str(outlook.left()) == "about 40 s left"
    outlook.ended(photos[4])  # it failed
    outlook.begun(photos[5])
    clock.now += 45
    assert str(outlook.left()) == "at least 1 s left"


def test_sizes_are_looked_for_no_longer_than_a_moment(tmp_path: Path) -> None:
    photos = []
    for number in range(4):
        photos.append(tmp_path / f"{number}.png")
        photos[-1].write_bytes(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x05\0\0\0\x07" + bytes(9))
    photos.insert(1, tmp_path / "none.png")
    assert list(sizes_of(photos).values()) == [35, 0, 35, 35, 35]
    ticks = iter((0.0, 0.5, 1.9, 2.1))
    assert sizes_of(photos, clock=lambda: next(ticks)) == {photos[0]: 35, photos[1]: 0}

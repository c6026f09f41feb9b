from pathlib import Path

from faults.real.skew import Jump, Skew, forget_clock, skewed


class StandingClock:
    def now(self) -> float:
        return 1_000.0


def has_happened(jump: Jump) -> bool:
    return jump.has_happened


def test_a_clock_is_right_unless_it_was_told_otherwise(tmp_path: Path) -> None:
    clock = StandingClock()
    with skewed(clock, Skew(tmp_path / "nothing", lambda: 0)):
        assert clock.now() == 1_000.0


def test_a_clock_jumps_at_the_next_look_and_back_again(tmp_path: Path) -> None:
    clock = StandingClock()
    with skewed(clock, Skew(tmp_path, lambda: 0)):
        assert clock.now() == 1_000.0
        there = Jump(tmp_path, 0, -86_400.0)
        assert not has_happened(there)
        assert clock.now() == -85_400.0
        assert has_happened(there)
        back = Jump(tmp_path, 0, 0.0)
        assert not has_happened(back)
        assert clock.now() == 1_000.0
        assert has_happened(back)
    assert clock.now() == 1_000.0


def test_a_jump_is_one_worker_s(tmp_path: Path) -> None:
    skews = [Skew(tmp_path, lambda: 0), Skew(tmp_path, lambda: 1), Skew(tmp_path, lambda: None)]
    jump = Jump(tmp_path, 1, 60.0)
    assert [skew.seconds() for skew in skews] == [0.0, 60.0, 0.0]
    assert jump.has_happened


def test_a_clock_that_is_forgotten_is_the_machine_s(tmp_path: Path) -> None:
    skew = Skew(tmp_path, lambda: 0)
    Jump(tmp_path, 0, 60.0)
    assert skew.seconds() == 60.0
    forget_clock(tmp_path, 0)
    assert skew.seconds() == 0.0
    assert list(tmp_path.iterdir()) == []

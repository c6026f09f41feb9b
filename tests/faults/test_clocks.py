from random import Random

from faults.real.clocks import LONGEST_JUMP_SECONDS, draw_jump


def test_jumps_go_either_way_from_a_second_to_a_day() -> None:
    random = Random(0)
    jumps = [draw_jump(random) for _ in range(500)]
    assert all(1.0 <= abs(jump) <= LONGEST_JUMP_SECONDS for jump in jumps)
    assert min(jumps) < -10_000 < 10_000 < max(jumps)
    assert any(abs(jump) < 60 for jump in jumps)

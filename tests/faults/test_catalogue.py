import re

import pytest

from faults.real.arena import Arena
from faults.real.catalogue import FAMILIES, FAULTS, by_name
from faults.real.fault import Fault, Stroke


async def do_nothing(arena: Arena, stroke: Stroke) -> str:
    return "nothing"


def test_every_fault_of_every_family_is_found_by_its_name() -> None:
    assert len(FAULTS) == sum(len(faults) for faults in FAMILIES.values())
    assert all(FAULTS[name].name == name for name in FAULTS)


def test_two_faults_of_one_name_are_a_mistake() -> None:
    one = Fault("a flood", "somewhere", "something", do_nothing)
    with pytest.raises(ValueError, match="two faults are called 'a flood'"):
        by_name({"network": (one,), "hostile": (one,)})


@pytest.mark.parametrize("fault", FAULTS.values(), ids=list(FAULTS))
def test_a_fault_says_in_words_where_it_strikes_and_what_must_hold(fault: Fault) -> None:
    assert re.fullmatch(r"[a-z0-9][^A-Z_|]*", fault.name), "words of the table, in small letters"
    assert len(fault.point) > 10
    assert len(fault.promise) > 10
    assert 0 <= fault.seconds[0] <= fault.seconds[1]
    assert fault.weight >= 1

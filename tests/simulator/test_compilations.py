from numba import njit
from numba.core import event

from accelsim.notices import listening
from accelsim.simulator.compilations import Compilations, tell_of_compilations


def test_who_waits_for_the_compiler_is_told_once():
    heard = []
    told = Compilations()
    event.register("numba:compile", told)
    try:
        with listening(heard.append):
            assert njit(lambda x: x + 1)(1) == 2
            assert njit(lambda x: x + 2)(1) == 3
    finally:
        event.unregister("numba:compile", told)
    assert set(heard[:1]) == {
        "compiling for this machine; what is compiled is kept, later runs start at once"
    }


def test_a_process_has_one_listener():
    tell_of_compilations()
    before = tell_of_compilations.cache_info().misses
    tell_of_compilations()
    assert tell_of_compilations.cache_info().misses == before == 1

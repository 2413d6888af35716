import pytest

from accelsim.errors import InternalError
from accelsim.simulator.scratchpad import AccumulatorBuffers, Room, Space
from accelsim.simulator.simulation import Simulation


def test_room_is_given_in_the_order_of_asking() -> None:
    # 10 bytes: a takes 6 at 0; b asks for 5 at 1, c for 2 at 2: c would fit but waits for b.
    simulation, log = Simulation(), []
    space = Space(simulation, "pad", 10)

    def take(name, cycle, size_bytes, hold_cycles):
        yield simulation.at(cycle)
        room = space.take(size_bytes)
        if room is not None:
            yield room
        log.append((simulation.now, name))
        yield simulation.timeout(hold_cycles)
        space.give(size_bytes)

    for request in (("a", 0, 6, 4), ("b", 1, 5, 3), ("c", 2, 2, 3)):
        simulation.process(take(*request))
    simulation.run()
    assert log == [(0, "a"), (4, "b"), (4, "c")]
    assert (space.held_bytes, space.peak_bytes) == (0, 7)
    # Holding [0, 1), blocked [1, 4), holding [4, 7).
    assert space.close(9) == {"holding": 4, "blocked": 3, "idle": 2}


def test_what_was_not_taken_cannot_be_returned() -> None:
    with pytest.raises(InternalError, match=r"^pad: 3 bytes more returned than taken$"):
        Space(Simulation(), "pad", 10).give(3)


def test_what_has_to_fit_must_fit() -> None:
    space = Space(Simulation(), "pad", 10)
    space.take_now(8)
    with pytest.raises(InternalError, match=r"^pad: no room for 3 bytes beside 8 of 10$"):
        space.take_now(3)


def test_nothing_is_held_at_the_end() -> None:
    space = Space(Simulation(), "pad", 10)
    space.take_now(8)
    with pytest.raises(InternalError, match=r"^pad: 8 bytes held when the program ended$"):
        space.close(5)


def test_buffers_account_for_the_union_of_their_tiles() -> None:
    # Tile 0 [2, 9), tile 1 [5, 12), tile 2 [14, 15).
    buffers = AccumulatorBuffers(Simulation(), spare=1)
    buffers.divide(tiles_together=1)
    for start in (2, 5):
        assert buffers.take() == Room(0, 0)
        buffers.hold_from(start)
    assert not buffers.any_free()
    buffers.give(Room(9, 9))
    buffers.give(Room(10, 12))
    assert buffers.take() == Room(9, 9)
    buffers.hold_from(14)
    buffers.give(Room(15, 15))
    assert buffers.close(20) == {"holding": 11, "idle": 9}


def test_every_buffer_comes_back() -> None:
    buffers = AccumulatorBuffers(Simulation(), spare=1)
    buffers.divide(tiles_together=1)
    buffers.take()
    with pytest.raises(InternalError, match=r"^accumulator_scratchpad: 1 of 2 buffers returned$"):
        buffers.close(20)


def test_a_layer_divides_the_accumulators_anew() -> None:
    buffers = AccumulatorBuffers(Simulation(), spare=1)
    assert not buffers.any_free()
    buffers.divide(tiles_together=3)
    for start in (1, 2, 3, 4):
        assert buffers.take() == Room(0, 0)
        buffers.hold_from(start)
    assert not buffers.any_free()
    for cycle in (5, 6, 7, 8):
        buffers.give(Room(cycle, cycle))
    buffers.divide(tiles_together=1)
    assert buffers.close(8) == {"holding": 7, "idle": 1}

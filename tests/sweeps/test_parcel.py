"""Objects that many jobs need are packed once, and unpacked once by each worker."""

import pickle

from accelsim.energy import load_table
from accelsim.sweeps.parcel import Parcel


def test_content_is_unpacked_once_however_often_the_parcel_arrives() -> None:
    parcel = Parcel.of({"rows": [8, 16]})
    arrivals = [pickle.loads(pickle.dumps(parcel)) for _ in range(3)]
    assert arrivals[0].content() == {"rows": [8, 16]}
    assert all(arrival.content() is arrivals[0].content() for arrival in arrivals)


def test_parcels_of_equal_bytes_are_one_and_of_others_are_not() -> None:
    assert Parcel.of((1, 2)) == Parcel.of((1, 2))
    assert len({Parcel.of((1, 2)), Parcel.of((1, 2)), Parcel.of((1, 3))}) == 2


def test_a_table_arrives_whole() -> None:
    table = load_table("horowitz_45nm")
    assert Parcel.of(table).content() == table

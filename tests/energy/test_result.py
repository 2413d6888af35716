import pytest

from accelsim.energy import Area, Component, EnergyMode, EnergyReport, LayerEnergy, Line
from accelsim.energy.amount import Amount
from accelsim.errors import InternalError


def line(component, pj, low=None, high=None):
    price = Amount(pj, pj if low is None else low, pj if high is None else high, ("add",))
    return Line(component, "additions", 1, "MAC", price)


def report(*layers):
    named = tuple(LayerEnergy(f"layer {i}", lines) for i, lines in enumerate(layers))
    area = Area({"pe_array": 1.0}, 1.0, 1.0)
    mode = EnergyMode.PER_OPERATION
    return EnergyReport(2, mode, named, area, "table", "0" * 64, 45, 0.9, (), (), {})


def test_totals_by_batch_and_image():
    energy = report((line(Component.ADDER, 4.0),), (line(Component.ADDER, 6.0, 3.0, 8.0),))
    assert (energy.total_pj, energy.image_pj) == (10.0, 5.0)
    assert (energy.low_pj, energy.high_pj) == (7.0, 12.0)
    assert energy.layers[0].total_pj == 4.0
    assert energy.components_pj[Component.ADDER] == 10.0
    assert energy.components_pj[Component.DRAM] == 0.0


def test_an_empty_report_is_zero():
    assert report().total_pj == 0


@pytest.mark.parametrize(("pj", "low", "high"), [(-1.0, -1.0, -1.0), (1.0, 2.0, 3.0)])
def test_amounts_outside_their_bounds_are_our_mistake(pj, low, high):
    message = rf"^energy: layer 'layer 0': adder, additions: {low} to {high} pJ around {pj} pJ$"
    with pytest.raises(InternalError, match=message):
        report((line(Component.ADDER, pj, low, high),))

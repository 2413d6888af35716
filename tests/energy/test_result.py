import pytest

from accelsim.energy import Component, EnergyReport, LayerEnergy
from accelsim.errors import InternalError


def report(components_pj, *layers_pj):
    layers = tuple(
        LayerEnergy(f"layer {i}", {Component.ADDER: pj}) for i, pj in enumerate(layers_pj)
    )
    return EnergyReport(2, layers, components_pj, "table", "0" * 64, 45, 0.9, (), ())


def test_totals_by_batch_and_image():
    energy = report({Component.ADDER: 10.0}, 4.0, 6.0)
    assert (energy.total_pj, energy.image_pj) == (10.0, 5.0)
    assert energy.layers[0].total_pj == 4.0


def test_an_empty_report_is_zero():
    assert report({}).total_pj == 0


def test_components_that_miss_the_layers_are_our_mistake():
    message = r"^energy: components sum to 11\.0 pJ, layers to 10\.0 pJ$"
    with pytest.raises(InternalError, match=message):
        report({Component.ADDER: 11.0}, 4.0, 6.0)

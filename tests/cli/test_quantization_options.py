from accelsim.cli.quantization_options import RANGE_METHODS, WEIGHT_RANGE_METHODS, WEIGHT_ROUNDINGS
from accelsim.quantize import WEIGHT_METHODS, RangeMethod, WeightRounding


def test_the_choices_are_the_methods_there_are():
    assert tuple(RangeMethod) == RANGE_METHODS
    assert WEIGHT_METHODS == WEIGHT_RANGE_METHODS
    assert tuple(WeightRounding) == WEIGHT_ROUNDINGS

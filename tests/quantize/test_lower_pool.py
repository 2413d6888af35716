import re

import pytest

from accelsim.arithmetic import IntegerFormat
from accelsim.errors import WorkloadError
from accelsim.network.geometry import Window
from accelsim.network.graph import AveragePool, MaxPool
from accelsim.network.integer import QuantizedTensor
from accelsim.quantize import QuantizationSpec
from accelsim.quantize.lower_pool import lower_average_pool, lower_max_pool


def tensor(height=4, width=4, bits=8, scale=0.5):
    return QuantizedTensor((2, height, width), IntegerFormat(bits), scale, 0)


def pool(window, include=False, source=None):
    return lower_average_pool(
        "pool",
        AveragePool(window, include),
        source or tensor(),
        tensor(scale=0.25),
        QuantizationSpec(8, 8),
        (-128, 127),
    )


@pytest.mark.parametrize(
    ("window", "include", "counts"),
    [
        (Window((2, 2), (2, 2)), False, (4,)),
        (Window((4, 4)), False, (16,)),
        (Window((3, 3), pads=(1, 1, 1, 1)), False, (4, 6, 9)),
        (Window((3, 3), pads=(1, 1, 1, 1)), True, (9,)),
        (Window((2, 2), pads=(1, 0, 0, 0)), False, (2, 4)),
        # Rows start at -1 and 1; with the pad at the bottom none would leave the map.
        (Window((2, 2), (2, 2), (1, 0, 0, 0)), False, (2, 4)),
        (Window((2, 2), (2, 2), (0, 0, 1, 0)), False, (4,)),
        (Window((2, 2), (1, 1), (0, 2, 0, 0), (2, 2)), False, (2, 4)),
    ],
)
def test_every_count_of_elements_has_its_rescale(window, include, counts):
    result = pool(window, include)
    assert result.counts == counts
    multipliers = [float(unit.multipliers[0]) for unit in result.rescales]
    assert multipliers == pytest.approx([0.5 / (0.25 * count) for count in counts])


PADDING_ONLY = Window((1, 2), pads=(1, 0, 0, 0))
MESSAGE = "layer 'pool': pads (1, 0, 0, 0) put a whole window of kernel (1, 2) into padding"


@pytest.mark.parametrize(
    "lowering",
    [
        lambda: pool(PADDING_ONLY),
        lambda: lower_max_pool("pool", MaxPool(PADDING_ONLY), tensor()),
    ],
)
def test_a_window_in_padding_alone_is_refused(lowering):
    with pytest.raises(WorkloadError, match=f"^{re.escape(MESSAGE)}$"):
        lowering()


def test_sums_of_more_than_32_bits_are_refused():
    message = (
        "layer 'pool': an average over 40000 elements of int16 needs sums of more than 32 bits; "
        "use fewer activation bits"
    )
    with pytest.raises(WorkloadError, match=f"^{re.escape(message)}$"):
        pool(Window((200, 200)), source=tensor(200, 200, bits=16))

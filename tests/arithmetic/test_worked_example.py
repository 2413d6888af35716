"""The 4x4 product of the lecture notes "Quantization Part I", section 5.4, corrected.

W (weights) times X, uint8 with zero points 0, plus a bias for each row of W; the output scale
makes the largest accumulator 255. A: the integers as the notes print them. B: the integers that
follow from the printed real numbers (0.90 * 255 rounds to 230; bias 0.1 to 0.4).
"""

import numpy as np
import pytest

from accelsim.arithmetic import (
    IntegerFormat,
    RescaleMode,
    make_rescale,
    quantize,
    quantize_multiplier,
    requantize,
)

WEIGHTS = [[0.97, 0.64, 0.74, 1.00], [0.58, 0.84, 0.84, 0.81], [0.00, 0.18, 0.90, 0.28]]
WEIGHTS.append([0.57, 0.96, 0.80, 0.81])
INPUTS = [[0.41, 0.25, 0.73, 0.66], [0.00, 0.41, 0.41, 0.57], [0.42, 0.24, 0.71, 1.00]]
INPUTS.append([0.39, 0.82, 0.17, 0.35])
W_A = [[247, 163, 189, 255], [148, 214, 214, 207], [0, 46, 229, 71], [145, 245, 204, 207]]
W_B = [*W_A[:2], [0, 46, 230, 71], W_A[3]]
X = [[105, 64, 186, 168], [0, 105, 105, 145], [107, 61, 181, 255], [99, 209, 43, 89]]

CASES = {
    "A": {
        "weights": W_A,
        "bias": [650, 1300, 1951, 650],
        "acc": [
            [72053, 98397, 108881, 136671],
            [60231, 89559, 98933, 130187],
            [33483, 35589, 51283, 73335],
            [58196, 91362, 99170, 130978],
        ],
        "mantissa": 0x7A46D65B,
        "mantissa16": 31303,
        "outputs": [
            [134, 184, 203, 255],
            [112, 167, 185, 243],
            [62, 66, 96, 137],
            [109, 170, 185, 244],
        ],
    },
    "B": {
        "weights": W_B,
        "bias": [6502, 13005, 19508, 26010],
        "acc": [
            [77905, 104249, 114733, 142523],
            [71936, 101264, 110638, 141892],
            [51147, 53207, 69021, 91147],
            [83556, 116722, 124530, 156338],
        ],
        "mantissa": 0x6AE5012A,
        "mantissa16": 27365,
        "outputs": [
            [127, 170, 187, 232],
            [117, 165, 180, 231],
            [83, 87, 113, 149],
            [136, 190, 203, 255],
        ],
    },
}


@pytest.fixture(params=CASES.values(), ids=CASES.keys())
def case(request):
    return request.param


def test_accumulators(case):
    acc = np.array(case["weights"]) @ np.array(X) + np.array(case["bias"])[:, None]
    assert acc.tolist() == case["acc"]


def test_mantissa_and_shift(case):
    multiplier = 255 / np.max(case["acc"])
    assert quantize_multiplier(multiplier) == (case["mantissa"], -9)
    assert quantize_multiplier(multiplier, 16) == (case["mantissa16"], -9)


@pytest.mark.parametrize("mode", [RescaleMode.DOUBLE_ROUND, RescaleMode.SINGLE_ROUND])
@pytest.mark.parametrize("mantissa_bits", [32, 16])
def test_outputs(case, mode, mantissa_bits):
    acc = np.array(case["acc"], dtype=np.int64)
    unit = make_rescale(255 / acc.max(), mode, mantissa_bits)
    assert requantize(acc, unit, zero_point=0, low=0, high=255).tolist() == case["outputs"]


def test_integers_follow_from_the_real_numbers():
    uint8 = IntegerFormat(8, signed=False)
    assert quantize(np.array(INPUTS), 1 / 255, 0, uint8).tolist() == X
    # 0.90 / (1 / 255) is 229.5 on paper; only whole products show the tie in float64.
    assert np.rint(np.array(WEIGHTS) * 255).tolist() == W_B
    bias = np.rint(np.array([0.1, 0.2, 0.3, 0.4]) * 65025)
    assert bias.tolist() == CASES["B"]["bias"]

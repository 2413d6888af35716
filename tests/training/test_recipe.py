import math

import pytest

from accelsim.errors import ConfigError
from accelsim.training import TrainingRecipe, WeightLevels


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("epochs", 0, "epochs: must be at least 1, got 0"),
        ("batch", 0, "batch: must be at least 1, got 0"),
        ("learning_rate", 0.0, "learning_rate: must be positive and finite, got 0"),
        ("learning_rate", math.nan, "learning_rate: must be positive and finite, got nan"),
        ("momentum", 1.0, "momentum: must be at least 0 and below 1, got 1"),
        ("weight_decay", -1.0, "weight_decay: must be at least 0 and finite, got -1"),
        ("seed", -1, f"seed: must be 0 to {2**63 - 1}, got -1"),
        ("weight_levels", "two", "weight_levels: must be one of all, binary, got 'two'"),
    ],
)
def test_what_is_refused(field, value, message):
    with pytest.raises(ConfigError) as caught:
        TrainingRecipe(**{field: value})
    assert str(caught.value) == message


def test_a_plain_string_is_a_member():
    assert TrainingRecipe(weight_levels="binary").weight_levels is WeightLevels.BINARY

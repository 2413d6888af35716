"""LSQ's forward and backward against the paper's equations, in float64 numpy."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

torch = pytest.importorskip("torch", reason="needs PyTorch (extra torch)")

from accelsim.training.learned_step import (  # noqa: E402
    binarized,
    fake_quantized,
    initial_step,
    rounded_to_step,
    step_gradient_factor,
)

ENDS = st.sampled_from([(-1, 1), (-2, 1), (0, 3), (-8, 7), (-3, 252), (-128, 127)])
VALUES = st.lists(st.floats(-4.0, 4.0), min_size=1, max_size=12)
STEPS = st.floats(0.01, 2.0)


def leaf(values):
    return torch.tensor(np.asarray(values), dtype=torch.float64, requires_grad=True)


def by_definition(values, step, low, high):
    """(output, gradient by values, gradient by step of each value): equations 1, 2, 3 and 5."""
    ratio = np.asarray(values) / step
    codes = np.rint(np.clip(ratio, low, high))
    by_values = ((ratio >= low) & (ratio <= high)).astype(float)
    by_step = np.where(ratio < low, low, np.where(ratio > high, high, codes - ratio))
    return codes * step, by_values, by_step


@given(VALUES, STEPS, ENDS)
def test_forward_and_gradients_are_the_papers(values, step, ends):
    v, s = leaf(values), leaf([step])
    factor = step_gradient_factor(len(values), *ends)
    made = fake_quantized(v, s, *ends, factor)
    made.sum().backward()
    output, by_values, by_step = by_definition(values, step, *ends)
    np.testing.assert_allclose(made.detach().numpy(), output, rtol=1e-12, atol=1e-12)
    np.testing.assert_array_equal(v.grad.numpy(), by_values)
    np.testing.assert_allclose(s.grad.numpy(), [by_step.sum() * factor], rtol=1e-9, atol=1e-9)


@given(st.floats(-4.0, 4.0), STEPS, ENDS)
def test_gradients_are_the_slopes_once_the_error_of_rounding_is_held(value, step, ends):
    """Straight through: the rounding's error counts as a constant, in steps."""
    edges = [abs(value - end * step) for end in ends]
    if min(edges) < 1e-3:
        return
    inside = np.clip(value / step, *ends)
    error = np.rint(inside) - inside

    def surrogate(v, s):
        return (np.clip(v / s, *ends) + error) * s

    h = 1e-6
    v, s = leaf([value]), leaf([step])
    fake_quantized(v, s, *ends, 1.0).sum().backward()
    slope_value = (surrogate(value + h, step) - surrogate(value - h, step)) / (2 * h)
    slope_step = (surrogate(value, step + h) - surrogate(value, step - h)) / (2 * h)
    assert v.grad.item() == pytest.approx(slope_value, abs=1e-4)
    assert s.grad.item() == pytest.approx(slope_step, abs=1e-3 * max(1.0, abs(slope_step)))


def test_each_channel_has_a_gradient_of_its_own():
    v, s = leaf([[0.3, 9.0], [-0.6, 0.25]]), leaf([[1.0], [0.5]])
    fake_quantized(v, s, -2, 1, 0.5).sum().backward()
    assert s.grad.numpy() == pytest.approx(np.array([[0.5 * (-0.3 + 1)], [0.5 * (0.2 - 0.5)]]))


@given(VALUES, STEPS, ENDS)
def test_output_is_idempotent_and_the_error_at_most_half_a_step(values, step, ends):
    low, high = ends
    step = np.float32(step)
    v, s = torch.tensor(values, dtype=torch.float32), torch.tensor([step])
    once = fake_quantized(v, s, low, high, 1.0)
    assert torch.equal(fake_quantized(once, s, low, high, 1.0), once)
    codes = (once / s).numpy()
    np.testing.assert_allclose(codes, np.rint(codes), rtol=1e-6)
    clipped = np.clip(v.numpy(), low * step, high * step)
    assert np.abs(once.numpy() - clipped).max() <= 0.5 * step * (1 + 1e-5)


def test_halves_go_to_the_even_integer():
    v = torch.tensor([0.25, 0.75, -0.25, -0.75])
    assert fake_quantized(v, torch.tensor([0.5]), -8, 7, 1.0).tolist() == [0.0, 1.0, 0.0, -1.0]


def test_binary_values_are_a_step_with_the_sign():
    v, s = leaf([0.2, -3.0, 0.0, -0.5]), leaf([0.5])
    made = binarized(v, s, 0.5)
    made.sum().backward()
    assert made.tolist() == pytest.approx([0.5, -0.5, 0.5, -0.5])
    assert v.grad.tolist() == [1.0, 0.0, 1.0, 1.0]
    assert s.grad.tolist() == pytest.approx([0.5 * ((1 - 0.4) - 1 + 1 + 0)])


def test_a_bias_moves_in_steps_that_learn_nothing():
    b, s = leaf([0.26, -0.9]), leaf([0.25, 0.5])
    made = rounded_to_step(b, s)
    made.sum().backward()
    assert made.tolist() == [0.25, -1.0]
    assert b.grad.tolist() == [1.0, 1.0]
    assert s.grad is None


def test_first_step_and_factor():
    rows = torch.tensor([[1.0, -3.0], [0.0, 0.5]])
    assert initial_step(rows, -8, 7).tolist() == pytest.approx([4 / 8**0.5, 0.5 / 8**0.5])
    assert initial_step(rows, -1, 1).tolist() == pytest.approx([4.0, 0.5])
    assert step_gradient_factor(50, -2, 1) == pytest.approx(0.1)

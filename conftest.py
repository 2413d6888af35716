"""Modules that need an extra which is not installed are not looked through for doctests."""

from importlib.util import find_spec

_OF_TORCH = ["learned_step.py", "float_layers.py", "model.py"]
collect_ignore = [] if find_spec("torch") else [f"accelsim/training/{name}" for name in _OF_TORCH]

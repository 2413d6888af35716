"""The models held against published numbers and against gates: what docs/validation.md shows."""

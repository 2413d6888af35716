"""From an integer network and a machine to a program: lower, tile, place, order loops."""

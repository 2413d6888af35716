"""Many runs: a space of designs, a store of results, the front of the best."""

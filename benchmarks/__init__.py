"""Speed, as ratios of things that ran side by side in the same run."""

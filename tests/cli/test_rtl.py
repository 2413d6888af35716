def test_it_prints_what_it_wrote_and_how_to_run_it(accelsim, tmp_path):
    folder = tmp_path / "with space"
    done = accelsim("rtl", "edge_4x4", "--output", folder, "--rows", 6, "--weights", 3)
    assert done.exit_code == 0
    assert done.output == (
        "a random product 6 x 10 x 10 (seed 0), on edge_4x4 "
        "(4 x 4 PEs, weight stationary, w3a8)\n"
        "  array/: 180 sums and the cycle of each, in 144 cycles\n"
        "  rescale/: 60 accumulators and what each is rescaled to\n"
        f"Run: sh '{folder}/run.sh'\n"
    )
    assert (folder / "run.sh").is_file()


def test_a_width_that_no_array_has(accelsim, tmp_path):
    done = accelsim("rtl", "edge_4x4", "--output", tmp_path / "x", "--weights", 1)
    assert done.exit_code == 2
    assert "array.weight_bits" in done.output
    assert not (tmp_path / "x").exists()

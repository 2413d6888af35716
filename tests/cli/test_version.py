from accelsim.report.provenance import versions


def test_version_lists_what_makes_the_numbers(accelsim):
    done = accelsim("version")
    assert done.exit_code == 0
    assert done.stdout == "".join(f"{name} {number}\n" for name, number in versions().items())
    assert [line.split()[0] for line in done.stdout.splitlines()][:3] == [
        "accelsim",
        "python",
        "numpy",
    ]

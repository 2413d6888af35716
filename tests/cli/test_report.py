from accelsim.cli.failures import USER_ERROR


def test_a_folder_that_is_not_there(accelsim, tmp_path):
    done = accelsim("report", tmp_path / "nowhere")
    assert done.exit_code == USER_ERROR
    assert done.stderr == f"{tmp_path}/nowhere: no such folder\n"


def test_a_folder_of_something_else(accelsim, tmp_path):
    done = accelsim("report", tmp_path)
    assert done.exit_code == USER_ERROR
    assert done.stderr == f"{tmp_path}/summary.json: no such file (not a run folder?)\n"

"""A Dask cluster gives what local processes give."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import accelsim

pytest.importorskip("distributed", reason="needs Dask (extra cluster)")

ROOT = Path(__file__).parents[2]

ON_A_CLUSTER = """\
import sys
from pathlib import Path
from distributed import LocalCluster
from accelsim.sweeps.load_space import load_space
from accelsim.sweeps.sweep import run_sweep
from accelsim.sweeps.workers import Cluster

if __name__ == "__main__":
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:
        workers = Cluster(cluster.scheduler_address)
        assert workers.count == 2
        run_sweep(load_space(sys.argv[1]), Path(sys.argv[2]), workers, lambda moment: None)
"""


def test_a_cluster_gives_the_same_rows(space_file, tmp_path):
    space = space_file()
    script, store = tmp_path / "on_a_cluster.py", tmp_path / "cluster.sqlite"
    script.write_text(ON_A_CLUSTER)
    subprocess.run(
        [sys.executable, str(script), str(space), str(store)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=True,
        timeout=120,
        capture_output=True,
    )
    clustered = accelsim.sweep(space, store=store, workers=0)
    assert json.dumps(clustered) == json.dumps(accelsim.sweep(space, workers=0))

import shutil

import pytest

from accelsim.errors import InternalError, WorkloadError
from accelsim.frontend import bundled_workloads, topology_names, workload_path
from accelsim.frontend import workloads as module


def test_every_bundled_file_is_there():
    workloads = bundled_workloads()
    names = [workload.name for workload in workloads]
    assert names == ["digits_cnn", "digits_mlp", "digits_resnet8"]
    for workload in workloads:
        assert workload.model.is_file()
        assert workload.data.is_file()
        assert workload_path(workload.name) == workload


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("digits_ccn", " (did you mean 'digits_cnn'?)"),
        ("resnet", " (did you mean 'resnet50'?)"),
        ("", ""),
    ],
)
def test_an_unknown_name(name, hint):
    with pytest.raises(WorkloadError) as caught:
        workload_path(name)
    assert str(caught.value) == (
        f"{name}: no bundled network of this name{hint}; "
        f"there are digits_cnn, digits_mlp, digits_resnet8, and networks of shapes: "
        f"{', '.join(topology_names())}"
    )


def test_an_installed_package_has_its_own_copy(tmp_path, monkeypatch):
    """A wheel holds workloads/ as accelsim/_workloads."""
    source = workload_path("digits_cnn").data
    package = tmp_path / "site-packages" / "accelsim"
    (package / "_workloads").mkdir(parents=True)
    shutil.copy(source, package / "_workloads")
    monkeypatch.setattr(module, "__file__", str(package / "frontend" / "workloads.py"))
    assert workload_path("digits_cnn").data == package / "_workloads" / "digits.npz"


def test_a_broken_installation(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "__file__", str(tmp_path / "accelsim" / "frontend" / "w.py"))
    with pytest.raises(InternalError) as caught:
        bundled_workloads()
    assert str(caught.value) == f"the bundled workloads are missing beside {tmp_path}/accelsim"

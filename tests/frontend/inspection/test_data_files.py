import numpy as np
import pytest

from accelsim.errors import DataError
from accelsim.frontend.inspection import inspect_data
from accelsim.frontend.inspection.data_files import ArrayLine


def test_arrays_and_labels(tmp_path):
    path = tmp_path / "few.npz"
    images = np.arange(12, dtype=np.uint8).reshape(3, 2, 2)
    broken = np.array([[[np.nan, 0.5]]])
    np.savez(path, images=images, labels=[2, 0, 2], train_images=broken)
    found = inspect_data(path)
    assert (found.name, found.kind, found.layout) == ("few", ".npz", "unknown")
    assert found.arrays == (
        ArrayLine("test images", "images", "uint8", (3, 2, 2), 0, 11),
        ArrayLine("labels", "labels", "int64", (3,), 0, 2),
        ArrayLine("calibration images", "train_images", "float64", (1, 1, 2), 0.5, 0.5),
    )
    assert found.labels == {0: 1, 2: 2}


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(DataError) as caught:
        inspect_data(tmp_path / "none.npz")
    assert str(caught.value) == f"{tmp_path / 'none.npz'}: no such file"

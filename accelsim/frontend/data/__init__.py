"""Data from outside: images and labels from .npz, IDX, CIFAR-10 and image folders as a `Dataset`.

A reader a format gives `StoredData`, numbers as the files hold them; `load_data` arranges and
scales them for the network and checks them. No pickle is loaded, and sizes are checked before
anything is allocated.
"""

from accelsim.frontend.data.dataset import Dataset
from accelsim.frontend.data.load import load_data, load_training_data
from accelsim.frontend.data.random_data import LARGEST_SEED, random_data
from accelsim.frontend.data.scaling import Scaling

__all__ = ["LARGEST_SEED", "Dataset", "Scaling", "load_data", "load_training_data", "random_data"]

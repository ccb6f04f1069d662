"""Datasets in the IDX format of MNIST."""

import gzip
import math
import os
import zlib

import numpy as np

from .... import ndarray
from ..dataset import Dataset

__all__ = ["MNIST", "FashionMNIST"]


def read_idx(path):
    """uint8 array of any shape from an IDX file, plain or compressed with gzip.

    Raises
    ------
    OSError
        If the file is damaged; the message names the file and the offset in the plain data.
    """
    try:
        with (gzip.open if path.endswith(".gz") else open)(path, "rb") as file:
            data = file.read()
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise OSError(f"{path}: not a whole gzip file: {error}") from None
    if len(data) < 4 or data[:3] != b"\0\0\x08":
        raise OSError(
            f"{path}: bytes at offset 0 are {data[:4].hex()}, must be 000008 and the "
            "number of dimensions (IDX format, uint8)"
        )
    start = 4 + 4 * data[3]
    if len(data) < start:
        raise OSError(f"{path}: ends at offset {len(data)}, must have sizes up to {start}")
    shape = tuple(np.frombuffer(data, ">i4", data[3], 4).tolist())
    if len(data) != start + math.prod(shape):
        raise OSError(
            f"{path}: ends at offset {len(data)}, must end at "
            f"{start + math.prod(shape)} for shape {shape}"
        )
    return np.frombuffer(data, np.uint8, offset=start).reshape(shape)


class MNIST(Dataset):
    """Handwritten digits: images uint8 (28, 28, 1), labels int32 in 0 to 9.

    Parameters
    ----------
    root : str
        Folder of the four files ``train-images-idx3-ubyte`` and so on, plain or ``.gz``.
    train : bool
        Whether the 60000 training or the 10000 test images.
    transform : callable, optional
        Called with image and label at each access.
    """

    _system = "/usr/share/datasets/mnist"

    def __init__(
        self, root=os.path.join("~", ".mxnet", "datasets", "mnist"), train=True, transform=None
    ):
        stem = "train" if train else "t10k"
        self._transform = transform
        images = read_idx(self._find(root, f"{stem}-images-idx3-ubyte"))
        labels = read_idx(self._find(root, f"{stem}-labels-idx1-ubyte"))
        if len(images) != len(labels):
            raise OSError(
                f"{root}: has {len(images)} images and {len(labels)} labels, must be as many"
            )
        self._data = ndarray.array(images[..., None], dtype=np.uint8)
        self._label = labels.astype(np.int32)

    def _find(self, root, name):
        folders = [os.path.expanduser(root), self._system]
        for folder in folders:
            for ending in (".gz", ""):
                path = os.path.join(folder, name + ending)
                if os.path.exists(path):
                    return path
        raise FileNotFoundError(
            f"{type(self).__name__}: {name}[.gz] is in none of {', '.join(folders)}"
        )

    def __getitem__(self, idx):
        image, label = self._data[idx], self._label[idx]
        return (image, label) if self._transform is None else self._transform(image, label)

    def __len__(self):
        return len(self._label)


class FashionMNIST(MNIST):
    """Pictures of clothes, in the format of MNIST; Debian: package dataset-fashion-mnist."""

    _system = "/usr/share/datasets/fashion-mnist"

    def __init__(
        self,
        root=os.path.join("~", ".mxnet", "datasets", "fashion-mnist"),
        train=True,
        transform=None,
    ):
        super().__init__(root, train, transform)

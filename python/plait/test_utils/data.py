"""Random arrays and shapes, and MNIST."""

import os
import random

import numpy as np

from .. import ndarray as nd
from ..gluon.download import download as fetch


def random_arrays(*shapes):
    """Standard normal float32 NumPy arrays; one alone if one shape is given."""
    arrays = [
        np.array(np.random.randn(), np.float32) if s == () else np.random.randn(*s).astype("f4")
        for s in shapes
    ]
    return arrays[0] if len(arrays) == 1 else arrays


def random_uniform_arrays(*shapes, low=0.0, high=1.0, dtype="float32"):
    """Uniform NumPy arrays, always in a list."""
    return [np.random.uniform(low, high, size=shape).astype(dtype) for shape in shapes]


def random_sample(population, k):
    """`k` distinct items in their order in `population`."""
    return [population[i] for i in sorted(random.sample(range(len(population)), k))]


def rand_ndarray(
    shape,
    stype="default",
    density=None,
    dtype=None,
    modifier_func=None,
    distribution=None,
    ctx=None,
):
    """Uniform NDArray in [-1, 1); `modifier_func` is applied to each element.

    Raises
    ------
    NotImplementedError
        If `stype` is not 'default'.
    """
    if stype != "default":
        raise NotImplementedError(f"rand_ndarray: stype is {stype!r}, must be 'default'")
    values = np.random.uniform(-1, 1, size=shape)
    if modifier_func is not None:
        values = np.vectorize(modifier_func)(values)
    return nd.array(values, ctx=ctx, dtype=dtype or "float32")


def rand_shape_nd(num_dim, dim=10, allow_zero_size=False):
    """tuple of int: `num_dim` random sizes up to `dim`."""
    return tuple(np.random.randint(0 if allow_zero_size else 1, dim + 1, size=num_dim).tolist())


def rand_shape_2d(dim0=10, dim1=10, allow_zero_size=False):
    """tuple of int: two random sizes up to `dim0` and `dim1`."""
    low = 0 if allow_zero_size else 1
    return tuple(int(np.random.randint(low, dim + 1)) for dim in (dim0, dim1))


def rand_shape_3d(dim0=10, dim1=10, dim2=10, allow_zero_size=False):
    """tuple of int: three random sizes."""
    low = 0 if allow_zero_size else 1
    return tuple(int(np.random.randint(low, dim + 1)) for dim in (dim0, dim1, dim2))


def download(url, fname=None, dirname=None, overwrite=False, retries=5):
    """Fetch a file; returns its path.

    Parameters
    ----------
    url : str
    fname : str, optional
        Name of the file; default the end of `url`.
    dirname : str, optional
        Folder, made if it is missing; default the current one.
    overwrite : bool
        Whether to fetch a file that is there already.
    retries : int
    """
    path = os.path.join(dirname or "", fname or url.rpartition("/")[2])
    return fetch(url, path=path, overwrite=overwrite, retries=retries)


def get_mnist(path=None):
    """dict of NumPy arrays: 'train_data' float32 (60000, 1, 28, 28) in [0, 1], 'train_label' and
    so on, from `gluon.data.vision.MNIST`."""
    from ..gluon.data.vision import MNIST

    found = {}
    for key, train in (("train", True), ("test", False)):
        data = MNIST(train=train) if path is None else MNIST(path, train)
        images = data._data.asnumpy().transpose(0, 3, 1, 2)
        found[f"{key}_data"] = images.astype(np.float32) / 255
        found[f"{key}_label"] = data._label
    return found


def get_mnist_iterator(batch_size, input_shape, num_parts=1, part_index=0, path=None):
    """(training, validation) iterators over MNIST in the shape `input_shape` of one image."""
    from ..io import NDArrayIter

    data = get_mnist(path)

    def make(key, shuffle):
        images = data[f"{key}_data"][part_index::num_parts].reshape(-1, *input_shape)
        labels = data[f"{key}_label"][part_index::num_parts]
        return NDArrayIter(images, labels, batch_size, shuffle=shuffle)

    return make("train", True), make("test", False)

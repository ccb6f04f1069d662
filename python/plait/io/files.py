"""Batches from text files and from the files of MNIST."""

import warnings

import numpy as np

from .. import ndarray as nd
from .base import MXDataIter
from .csr_rows import CsrRows
from .idx import read_idx
from .ndarray_iter import NDArrayIter

__all__ = ["CSVIter", "LibSVMIter", "MNISTIter"]


def _part(length, part_index, num_parts):
    """Slice of the samples that belong to one of `num_parts` workers."""
    if not 0 <= part_index < num_parts:
        raise ValueError(f"part_index is {part_index}, must be in [0, {num_parts - 1}]")
    return slice(length * part_index // num_parts, length * (part_index + 1) // num_parts)


def _read_csv(path, shape, dtype):
    size = int(np.prod(shape))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of empty files, which are refused below
            rows = np.loadtxt(path, delimiter=",", dtype=dtype, ndmin=2, comments=None)
    except (ValueError, OverflowError) as error:
        raise ValueError(f"CSVIter: {path}: {error}") from None
    if not rows.size:
        raise ValueError(f"CSVIter: {path} has no values")
    if rows.shape[1] != size:
        raise ValueError(
            f"CSVIter: {path} has {rows.shape[1]} values a line, must have {size} "
            f"for shape {tuple(shape)}"
        )
    return rows.reshape(-1, *shape)


class _FileIter(NDArrayIter, MXDataIter):
    """Batches of the samples of a file, in its order.

    With `round_batch` samples that filled the last batch of a pass are left out of the next one, as
    in MXNet.
    """

    def __init__(self, data, label, batch_size, round_batch, data_name, label_name):
        self._round, self._overflow = round_batch, 0
        super().__init__(data, label, batch_size, False, "pad", data_name, label_name)

    def iter_next(self):
        there = super().iter_next()
        if there and self._round:
            self._overflow = self.getpad() % self.num_data
        return there

    def reset(self):
        super().reset()
        self._samples, self._overflow = self._samples[self._overflow :], 0
        self.num_round = len(self._samples)


class CSVIter(_FileIter):
    """Batches from files with one sample a line and commas between its numbers.

    Parameters
    ----------
    data_csv : str
        File of the data.
    data_shape : tuple of int
        Shape of a sample.
    label_csv : str, optional
        File of the labels; without it labels are 0.
    label_shape : tuple of int
    batch_size : int
    round_batch : bool
        Whether samples that fill the last batch are left out of the next pass.
    prefetch_buffer, ctx
        Accepted for MXNet's programs: batches are made in the caller's thread when it asks.
    dtype : dtype
    """

    def __init__(
        self,
        data_csv,
        data_shape,
        label_csv=None,
        label_shape=(1,),
        batch_size=1,
        round_batch=True,
        prefetch_buffer=4,
        ctx="cpu",
        dtype="float32",
        data_name="data",
        label_name="softmax_label",
    ):
        data = _read_csv(data_csv, tuple(data_shape), dtype)
        if label_csv is None:
            label = np.zeros((len(data), *label_shape), dtype=dtype)
        else:
            label = _read_csv(label_csv, tuple(label_shape), dtype)
        if tuple(label_shape) == (1,):
            label = label.reshape(-1)
        data, label = nd.array(data, dtype=dtype), nd.array(label, dtype=dtype)
        super().__init__(data, label, batch_size, round_batch, data_name, label_name)


def _read_libsvm(path, size):
    """(labels, `CsrRows`) of a file with lines such as ``1 0:0.5 7:2``."""
    labels, values, indices, start = [], [], [], [0]
    with open(path, encoding="utf-8", errors="replace") as lines:
        for number, line in enumerate(lines, 1):
            words = line.split()
            if not words:
                continue
            row = {}
            try:
                split = next((i for i, w in enumerate(words) if ":" in w), len(words))
                labels.append([float(w) for w in words[:split]])
                if len(labels[-1]) != len(labels[0]):
                    raise ValueError(
                        f"there are {split} labels, must be {len(labels[0])} as in the first line"
                    )
                for word in words[split:]:
                    index, value = word.split(":")
                    if not 0 <= int(index) < size:
                        raise IndexError(f"index is {index}, must be in [0, {size - 1}]")
                    row[int(index)] = float(value)
            except (ValueError, IndexError) as error:
                raise ValueError(f"LibSVMIter: {path}, line {number}: {error}") from None
            indices += sorted(row)
            values += [row[i] for i in sorted(row)]
            start.append(len(values))
    if not labels:
        raise ValueError(f"LibSVMIter: {path} has no samples")
    stored = (np.array(values, np.float32), np.array(indices, np.int64), np.array(start, np.int64))
    return labels, CsrRows(*stored, size)


class LibSVMIter(_FileIter):
    """Batches from files of sparse samples: a label, then ``index:value`` from index 0.

    Data are CSR arrays; labels too with `label_libsvm`.

    Parameters
    ----------
    data_libsvm : str
        File of the data, with labels unless `label_libsvm` is given.
    data_shape : tuple of int
        Shape of a sample, of one axis.
    label_libsvm : str, optional
        File of sparse labels.
    label_shape : tuple of int
    batch_size : int
    num_parts, part_index : int
        Which part of the samples to read, when several workers share the file.
    round_batch : bool
        Whether samples that fill the last batch are left out of the next pass.
    prefetch_buffer, ctx
        Accepted for MXNet's programs: batches are made in the caller's thread when it asks.
    """

    def __init__(
        self,
        data_libsvm,
        data_shape,
        label_libsvm=None,
        label_shape=(1,),
        batch_size=1,
        num_parts=1,
        part_index=0,
        round_batch=True,
        prefetch_buffer=4,
        ctx="cpu",
        data_name="data",
        label_name="softmax_label",
    ):
        labels, data = _read_libsvm(data_libsvm, int(np.prod(data_shape)))
        if label_libsvm is None:
            want = int(np.prod(label_shape))
            if len(labels[0]) != want:
                raise ValueError(
                    f"LibSVMIter: {data_libsvm} has {len(labels[0])} labels a line, must have "
                    f"{want} for label_shape {tuple(label_shape)}"
                )
            label = np.array(labels, dtype=np.float32)
            label = label.reshape(-1) if tuple(label_shape) == (1,) else label
        else:
            label = _read_libsvm(label_libsvm, int(np.prod(label_shape)))[1]
        part = _part(len(data), part_index, num_parts)
        super().__init__(data[part], label[part], batch_size, round_batch, data_name, label_name)


class MNISTIter(NDArrayIter, MXDataIter):
    """Batches from the files of MNIST (LeCun, Cortes, Burges) or of its relatives.

    Parameters
    ----------
    image, label : str
        The two files, packed by gzip or not; ".gz" may be left out.
    batch_size : int
    shuffle : bool
    flat : bool
        Whether a sample is (784,) instead of (1, 28, 28).
    seed : int
        Of the order, if shuffled.
    silent : bool
        Accepted for MXNet's programs.
    num_parts, part_index : int
        Which part of the samples to read, when several workers share the files.
    prefetch_buffer, ctx
        Accepted for MXNet's programs: batches are made in the caller's thread when it asks.
    dtype : dtype

    Notes
    -----
    Pixels are divided by 256, as in MXNet. What is left of the last batch is left out.
    """

    def __init__(
        self,
        image="./train-images-idx3-ubyte",
        label="./train-labels-idx1-ubyte",
        batch_size=128,
        shuffle=True,
        flat=False,
        seed=0,
        silent=False,
        num_parts=1,
        part_index=0,
        prefetch_buffer=4,
        ctx="cpu",
        dtype="float32",
        input_shape=None,
        data_name="data",
        label_name="softmax_label",
    ):
        images = read_idx(image, 3)
        labels = read_idx(label, 1)
        if len(images) != len(labels):
            raise ValueError(f"MNISTIter: {len(images)} images and {len(labels)} labels")
        part = _part(len(images), part_index, num_parts)
        data, numbers = images[part].astype(np.float32) / 256, labels[part].astype(np.float32)
        if shuffle:
            order = np.random.RandomState(seed).permutation(len(data))
            data, numbers = data[order], numbers[order]
        shape = (data[0].size,) if flat else (1, *data.shape[1:])
        data = nd.array(data.reshape(len(data), *(input_shape or shape)), dtype=dtype)
        numbers = nd.array(numbers, dtype=dtype)
        super().__init__(data, numbers, batch_size, False, "discard", data_name, label_name)

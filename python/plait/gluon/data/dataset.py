"""Samples by number."""

import os

from ... import recordio

__all__ = ["Dataset", "SimpleDataset", "ArrayDataset", "RecordFileDataset"]


class Dataset:
    """Base: has ``len(dataset)`` samples, ``dataset[i]``."""

    def __getitem__(self, idx):
        raise NotImplementedError(f"{type(self).__name__} must define __getitem__")

    def __len__(self):
        raise NotImplementedError(f"{type(self).__name__} must define __len__")

    def filter(self, fn):
        """The samples for which ``fn(sample)`` is true."""
        return _Selected(self, [i for i in range(len(self)) if fn(self[i])])

    def shard(self, num_shards, index):
        """Part `index` of `num_shards` parts, whose sizes differ by one at most."""
        if not 0 <= index < num_shards:
            raise ValueError(f"shard: index is {index}, must be in [0, {num_shards - 1}]")
        step, rest = divmod(len(self), num_shards)
        start = step * index + min(index, rest)
        return _Selected(self, range(start, start + step + (index < rest)))

    def take(self, count):
        """The first `count` samples; all for None."""
        size = len(self)
        return _Selected(self, range(size if count is None else min(count, size)))

    def sample(self, sampler):
        """The samples in the order of a Sampler."""
        return _Selected(self, list(sampler))

    def transform(self, fn, lazy=True):
        """``fn(*sample)`` of each sample, at each access, or at once if not `lazy`."""
        mapped = _Mapped(self, fn)
        return mapped if lazy else SimpleDataset([mapped[i] for i in range(len(mapped))])

    def transform_first(self, fn, lazy=True):
        """`fn` of the first part of each sample, such as the image."""
        return self.transform(_First(fn), lazy)


class SimpleDataset(Dataset):
    """A list as a dataset."""

    def __init__(self, data):
        self._data = data

    def __getitem__(self, idx):
        return self._data[idx]

    def __len__(self):
        return len(self._data)


class ArrayDataset(Dataset):
    """Tuples of the i-th items of several sequences of one length."""

    def __init__(self, *args):
        if not args:
            raise ValueError("ArrayDataset: needs at least one array")
        for i, data in enumerate(args):
            if len(data) != len(args[0]):
                raise ValueError(
                    f"ArrayDataset: array {i} has length {len(data)}, must be {len(args[0])}"
                )
        self._data = args

    def __getitem__(self, idx):
        if len(self._data) == 1:
            return self._data[0][idx]
        return tuple(data[idx] for data in self._data)

    def __len__(self):
        return len(self._data[0])


class RecordFileDataset(Dataset):
    """Records of a record file, as bytes, in the order of its index.

    Parameters
    ----------
    filename : str
        Path of the record file; the index has the same name with the ending ``.idx``.

    Raises
    ------
    OSError
        If a file is not there or a record is damaged, with path and offset.
    """

    def __init__(self, filename):
        self.filename = os.fspath(filename)
        self.idx_file = os.path.splitext(self.filename)[0] + ".idx"
        if not os.path.exists(self.idx_file):
            raise FileNotFoundError(
                f"RecordFileDataset: there is no index {self.idx_file}\n"
                "  hint: MXIndexedRecordIO and im2rec write one"
            )
        self._record = recordio.MXIndexedRecordIO(self.idx_file, self.filename, "r")

    def __getitem__(self, idx):
        return self._record.read_idx(self._record.keys[idx])

    def __len__(self):
        return len(self._record.keys)


class _Selected(Dataset):
    def __init__(self, dataset, indices):
        self._dataset, self._indices = dataset, indices

    def __getitem__(self, idx):
        return self._dataset[self._indices[idx]]

    def __len__(self):
        return len(self._indices)


class _Mapped(Dataset):
    def __init__(self, dataset, fn):
        self._dataset, self._fn = dataset, fn

    def __getitem__(self, idx):
        item = self._dataset[idx]
        return self._fn(*item) if isinstance(item, tuple) else self._fn(item)

    def __len__(self):
        return len(self._dataset)


class _First:
    """Picklable, so that worker processes can have it."""

    def __init__(self, fn):
        self._fn = fn

    def __call__(self, x, *args):
        return (self._fn(x), *args) if args else self._fn(x)

"""Image datasets from files, and from the network where that is missing."""

import os
import warnings

import numpy as np

from .... import ndarray, recordio
from ....image import imdecode, imread
from ....image.iterator import read_list
from ....io.idx import read_idx
from ...download import download
from ..dataset import Dataset, RecordFileDataset

__all__ = [
    "MNIST",
    "FashionMNIST",
    "CIFAR10",
    "CIFAR100",
    "ImageFolderDataset",
    "ImageListDataset",
    "ImageRecordDataset",
]


def _default_root(name):
    home = os.environ.get("MXNET_HOME") or os.path.join("~", ".mxnet")
    return os.path.join(home, "datasets", name)


class _ArrayImages(Dataset):
    """Images (n, h, w, c) and labels (n,) in memory."""

    def __init__(self, images, labels, transform):
        self._data = ndarray.array(images, dtype=np.uint8)
        self._label = labels.astype(np.int32)
        self._transform = transform

    def __getitem__(self, idx):
        image, label = self._data[idx], self._label[idx]
        return (image, label) if self._transform is None else self._transform(image, label)

    def __len__(self):
        return len(self._label)


class MNIST(_ArrayImages):
    """Handwritten digits: images uint8 (28, 28, 1), labels int32 in 0 to 9.

    Parameters
    ----------
    root : str
        Folder of the four files ``train-images-idx3-ubyte`` and so on, plain or ``.gz``. Those
        that are missing are taken from the system's folder of datasets, else downloaded.
    train : bool
        Whether the 60000 training or the 10000 test images.
    transform : callable, optional
        Called with image and label at each access.

    Raises
    ------
    OSError
        If a file is damaged or cannot be had.
    """

    _system = "/usr/share/datasets/mnist"
    _sources = (
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
    )
    _sha1 = {
        "train-images-idx3-ubyte.gz": "6c95f4b05d2bf285e1bfb0e7960c31bd3b3f8a7d",
        "train-labels-idx1-ubyte.gz": "2a80914081dc54586dbdf242f9805a6b8d2a15fc",
        "t10k-images-idx3-ubyte.gz": "c3a25af1f52dad7f726cce8cacb138654b760d48",
        "t10k-labels-idx1-ubyte.gz": "763e7fa3757d93b0cdec073cef058b2004252c17",
    }

    def __init__(self, root=_default_root("mnist"), train=True, transform=None):  # noqa: B008
        stem = "train" if train else "t10k"
        images = read_idx(self._find(root, f"{stem}-images-idx3-ubyte"))
        labels = read_idx(self._find(root, f"{stem}-labels-idx1-ubyte"))
        if images.ndim != 3 or labels.shape != images.shape[:1]:
            raise OSError(
                f"{root}: images have shape {images.shape} and labels {labels.shape}, "
                "must be (n, h, w) and (n,)"
            )
        super().__init__(images[..., None], labels, transform)

    def _find(self, root, name):
        root = os.path.expanduser(root)
        for folder in (root, self._system):
            for ending in (".gz", ""):
                path = os.path.join(folder, name + ending)
                if os.path.exists(path):
                    return path
        name += ".gz"
        failures = []
        for source in self._sources:
            try:
                return download(
                    source + name,
                    os.path.join(root, name),
                    sha1_hash=self._sha1[name],
                    retries=1,
                )
            except OSError as error:
                failures.append(str(error))
        raise FileNotFoundError(
            f"{type(self).__name__}: {name} is neither in {root} nor in {self._system}, "
            "and could not be downloaded:\n  " + "\n  ".join(failures)
        )


class FashionMNIST(MNIST):
    """Pictures of clothes, in the format of MNIST; Debian: package dataset-fashion-mnist."""

    _system = "/usr/share/datasets/fashion-mnist"
    _sources = ("http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",)
    _sha1 = {
        "train-images-idx3-ubyte.gz": "0cf37b0d40ed5169c6b3aba31069a9770ac9043d",
        "train-labels-idx1-ubyte.gz": "236021d52f1e40852b06a4c3008d8de8aef1e40b",
        "t10k-images-idx3-ubyte.gz": "626ed6a7c06dd17c0eec72fa3be1740f146a2863",
        "t10k-labels-idx1-ubyte.gz": "17f9ab60e7257a1620f4ad76bbbaf857c3920701",
    }

    def __init__(
        self,
        root=_default_root("fashion-mnist"),  # noqa: B008
        train=True,
        transform=None,
    ):
        super().__init__(root, train, transform)


class CIFAR10(_ArrayImages):
    """Small photographs of 10 kinds: images uint8 (32, 32, 3), labels int32.

    Parameters
    ----------
    root : str
        Folder of ``data_batch_1.bin`` to ``data_batch_5.bin`` and ``test_batch.bin`` (the binary
        version), or of the folder ``cifar-10-batches-bin`` that holds them.
    train : bool
        Whether the 50000 training or the 10000 test images.
    transform : callable, optional
        Called with image and label at each access.
    """

    _folder = "cifar-10-batches-bin"
    _train_files = tuple(f"data_batch_{i}.bin" for i in range(1, 6))
    _test_files = ("test_batch.bin",)
    _label_bytes = 1
    _label_column = 0

    def __init__(self, root=_default_root("cifar10"), train=True, transform=None):  # noqa: B008
        root = os.path.expanduser(root)
        parts = [self._read(root, name) for name in self._pick_files(train)]
        images, labels = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
        super().__init__(images, labels, transform)

    def _pick_files(self, train):
        return self._train_files if train else self._test_files

    def _read(self, root, name):
        places = [os.path.join(root, name), os.path.join(root, self._folder, name)]
        path = next((place for place in places if os.path.exists(place)), None)
        if path is None:
            raise FileNotFoundError(
                f"{type(self).__name__}: {name} is not in {root}\n"
                "  hint: unpack the binary version of the dataset there"
            )
        data = np.fromfile(path, np.uint8)
        row = self._label_bytes + 3 * 32 * 32
        if len(data) == 0 or len(data) % row:
            raise OSError(f"{path}: has {len(data)} bytes, must be a multiple of {row}")
        data = data.reshape(-1, row)
        images = data[:, self._label_bytes :].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
        return images, data[:, self._label_column]


class CIFAR100(CIFAR10):
    """Small photographs of 100 kinds in 20 groups: images uint8 (32, 32, 3), labels int32.

    Parameters
    ----------
    root : str
        Folder of ``train.bin`` and ``test.bin``, or of ``cifar-100-binary``.
    fine_label : bool
        Whether labels are kinds or groups.
    train, transform
        As in `CIFAR10`.
    """

    _folder = "cifar-100-binary"
    _train_files, _test_files = ("train.bin",), ("test.bin",)
    _label_bytes = 2

    def __init__(
        self,
        root=_default_root("cifar100"),  # noqa: B008
        fine_label=False,
        train=True,
        transform=None,
    ):
        self._label_column = int(fine_label)
        super().__init__(root, train, transform)


class ImageRecordDataset(RecordFileDataset):
    """Images of a record file with their labels, a number or a float32 array.

    Parameters
    ----------
    filename : str
        Path of the record file; the index has the same name with the ending ``.idx``.
    flag : {0, 1}
        1: colour, 0: grey.
    transform : callable, optional
        Called with image and label at each access.
    """

    def __init__(self, filename, flag=1, transform=None):
        super().__init__(filename)
        self._flag, self._transform = flag, transform

    def __getitem__(self, idx):
        header, content = recordio.unpack(super().__getitem__(idx))
        image = imdecode(content, self._flag, name=f"{self.filename}, record {idx}")
        if self._transform is None:
            return image, header.label
        return self._transform(image, header.label)


class _ImageFiles(Dataset):
    """Images read at each access; `items` is a list of (path, label)."""

    def __init__(self, items, flag, transform):
        self.items, self._flag, self._transform = items, flag, transform

    def __getitem__(self, idx):
        path, label = self.items[idx]
        image = imread(path, self._flag)
        return (image, label) if self._transform is None else self._transform(image, label)

    def __len__(self):
        return len(self.items)


class ImageFolderDataset(_ImageFiles):
    """Images in one folder for each class: ``root/cat/1.jpg``, ``root/dog/7.png``.

    Parameters
    ----------
    root : str
    flag : {0, 1}
        1: colour, 0: grey.
    transform : callable, optional
        Called with image and label at each access.

    Attributes
    ----------
    synsets : list of str
        Names of the classes, sorted; labels are positions in it.
    items : list of tuple
        (path, label) of each image.
    """

    _endings = (".jpg", ".jpeg", ".png")

    def __init__(self, root, flag=1, transform=None):
        root = os.path.expanduser(root)
        self.synsets, items = [], []
        for folder in sorted(os.listdir(root)):
            path = os.path.join(root, folder)
            if not os.path.isdir(path):
                warnings.warn(f"Ignoring {path}, which is not a directory.", stacklevel=2)
                continue
            label = len(self.synsets)
            self.synsets.append(folder)
            for name in sorted(os.listdir(path)):
                if name.lower().endswith(self._endings):
                    items.append((os.path.join(path, name), label))
                else:
                    warnings.warn(
                        f"Ignoring {os.path.join(path, name)}, which is none of "
                        f"{', '.join(self._endings)}",
                        stacklevel=2,
                    )
        super().__init__(items, flag, transform)


class ImageListDataset(_ImageFiles):
    """Images named in a list.

    Parameters
    ----------
    root : str
        Folder of the images.
    imglist : str or list
        File with lines ``number<tab>label...<tab>path``, or entries ``[label, path]``. A label
        is a number, or several, which become a float32 array.
    flag : {0, 1}
        1: colour, 0: grey.

    Raises
    ------
    OSError
        If a line is malformed; the message names it.
    """

    def __init__(self, root=".", imglist=None, flag=1, transform=None):
        root = os.path.expanduser(root)
        if imglist is None:
            raise ValueError("ImageListDataset: imglist is None, must be a file or a list")
        if isinstance(imglist, str):
            entries = [(labels, path) for _, labels, path in read_list(os.path.join(root, imglist))]
        else:
            entries = [(np.ravel(np.float32(entry[0])), entry[-1]) for entry in imglist]
        items = [
            (os.path.join(root, path), labels if len(labels) > 1 else float(labels[0]))
            for labels, path in entries
        ]
        super().__init__(items, flag, transform)

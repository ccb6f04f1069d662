"""Batches of images with boxes around the objects in them."""

import numpy as np

from ..io.base import DataDesc
from .augment import default_colors
from .detection import CreateDetAugmenter
from .iterator import ImageIter

__all__ = ["ImageDetIter"]


def parse_label(label):
    """Boxes of shape (objects, width) of the labels of one image.

    Parameters
    ----------
    label : array
        Length of this header, numbers for each object, rest of the header, then the objects:
        class, left, top, right, bottom, and so on.

    Raises
    ------
    OSError
        If the numbers do not come out even, or no box has an area.
    """
    raw = np.asarray(label, "float32").ravel()
    if raw.size < 7:
        raise OSError(f"ImageDetIter: an image has {raw.size} labels, must have at least 7")
    header, width = int(raw[0]), int(raw[1])
    if header < 2 or width < 5 or raw.size <= header or (raw.size - header) % width:
        raise OSError(
            f"ImageDetIter: an image has {raw.size} labels, must have a header of {header} >= 2 "
            f"and a multiple of {width} >= 5"
        )
    boxes = raw[header:].reshape(-1, width)
    good = (boxes[:, 3] > boxes[:, 1]) & (boxes[:, 4] > boxes[:, 2])
    if not good.any():
        raise OSError("ImageDetIter: an image has no box with an area")
    return boxes[good]


def _draw(pixels, boxes, color, thickness, names):
    from PIL import Image, ImageDraw

    picture = Image.fromarray(pixels if pixels.shape[2] == 3 else pixels[:, :, 0]).convert("RGB")
    pen = ImageDraw.Draw(picture)
    for kind, *corners in boxes[:, :5].tolist():
        paint = color or tuple(np.random.RandomState(int(kind)).randint(64, 256, 3).tolist())
        sides = np.array([picture.width, picture.height] * 2)
        x0, y0, x1, y1 = (np.array(corners) * sides).astype(int).tolist()
        pen.rectangle((x0, y0, x1, y1), outline=paint, width=thickness)
        if int(kind) in names:
            pen.text((x0 + thickness, y0 + thickness), names[int(kind)], fill=paint)
    return np.asarray(picture)


class ImageDetIter(ImageIter):
    """Batches of images, with labels of shape (batch_size, objects, 5 or more).

    Rows of labels after the objects of an image are -1. The number of rows is the largest number
    of objects in any image, found by a pass over the labels.

    Parameters
    ----------
    aug_list : list of DetAugmenter, optional
        Default: `CreateDetAugmenter(data_shape, **kwargs)`.
    **others
        As in `ImageIter`.
    """

    def __init__(
        self,
        batch_size,
        data_shape,
        path_imgrec=None,
        path_imglist=None,
        path_root=None,
        path_imgidx=None,
        shuffle=False,
        part_index=0,
        num_parts=1,
        aug_list=None,
        imglist=None,
        data_name="data",
        label_name="label",
        last_batch_handle="pad",
        skip_broken=True,
        **kwargs,
    ):
        super().__init__(
            batch_size,
            data_shape,
            path_imgrec=path_imgrec,
            path_imglist=path_imglist,
            path_root=path_root,
            path_imgidx=path_imgidx,
            shuffle=shuffle,
            part_index=part_index,
            num_parts=num_parts,
            aug_list=[],
            imglist=imglist,
            data_name=data_name,
            label_name=label_name,
            last_batch_handle=last_batch_handle,
            skip_broken=skip_broken,
        )
        self.auglist = CreateDetAugmenter(data_shape, **kwargs) if aug_list is None else aug_list
        self.label_shape = self._estimate_label_shape()
        self._describe_label()

    def _describe_label(self):
        name = self.provide_label[0].name
        shape = (self.batch_size, *self.label_shape)
        self.provide_label = [DataDesc(name, shape, np.float32, "N")]

    def _estimate_label_shape(self):
        """Largest number of objects and of numbers for each."""
        objects, width = 0, 5
        for i in self.seq:
            try:
                boxes = parse_label(self._source.read(i)[0])
            except OSError:
                continue  # left out when its turn comes
            objects, width = max(objects, boxes.shape[0]), max(width, boxes.shape[1])
        return objects, width

    def reshape(self, data_shape=None, label_shape=None):
        """Change the shape of images, or of the labels of one image."""
        if data_shape is not None:
            self.check_data_shape(data_shape)
            self.data_shape = tuple(data_shape)
            desc = self.provide_data[0]
            shape = (self.batch_size, *self.data_shape)
            self.provide_data = [DataDesc(desc.name, shape, desc.dtype)]
        if label_shape is not None:
            self.check_label_shape(label_shape)
            self.label_shape = tuple(label_shape)
            self._describe_label()

    def check_label_shape(self, label_shape):
        """ValueError unless all labels fit into `label_shape`."""
        if len(label_shape) != 2 or any(
            new < old for new, old in zip(label_shape, self.label_shape, strict=True)
        ):
            raise ValueError(
                f"ImageDetIter: label_shape is {label_shape}, must be two numbers of at least "
                f"{self.label_shape}"
            )

    def sync_label_shape(self, it, verbose=False):
        """Give this and another ImageDetIter the larger shape of labels, and return the other."""
        if not isinstance(it, ImageDetIter):
            raise TypeError(f"sync_label_shape: it is {type(it).__name__}, must be ImageDetIter")
        shape = tuple(np.maximum(self.label_shape, it.label_shape).tolist())
        for each in (self, it):
            each.reshape(label_shape=shape)
        return it

    def augmentation_transform(self, data, label):
        """Image and labels after all augmenters."""
        for augmenter in self.auglist:
            data, label = augmenter(data, label)
        return data, label

    def draw_next(self, color=None, thickness=2, mean=None, std=None, clip=True, id2labels=None):
        """Yields the images of a pass after all augmenters, with their boxes drawn on them.

        Parameters
        ----------
        color : (int, int, int), optional
            Of the boxes; default: one for each class.
        thickness : int
            Of the lines, in pixels.
        mean, std : True or array, optional
            What images were normalised by; True: those of ImageNet.
        clip : bool
            Whether values outside of [0, 255] are brought there; else they wrap around.
        id2labels : dict of int to str, optional
            Names of the classes.

        Returns
        -------
        generator of numpy.ndarray
            uint8, shape (height, width, 3). Needs Pillow.
        """
        mean, std = default_colors(mean, std)
        while True:
            try:
                label, content = self.next_sample()
            except StopIteration:
                return
            image, boxes = self.augmentation_transform(self.imdecode(content), parse_label(label))
            pixels = image.asnumpy().astype("float64")
            pixels = pixels * (1 if std is None else std) + (0 if mean is None else mean)
            pixels = np.clip(pixels, 0, 255) if clip else pixels % 256
            yield _draw(pixels.astype("uint8"), boxes, color, thickness, id2labels or {})

    def _make(self, label, content):
        image, boxes = self.augmentation_transform(self.imdecode(content), parse_label(label))
        row = self.postprocess_data(image).asnumpy()
        if row.shape != self.data_shape:
            raise ValueError(
                f"ImageDetIter: augmenters give images of shape {row.shape}, "
                f"must be {self.data_shape}"
            )
        out = np.full(self.label_shape, -1, "float32")
        out[: boxes.shape[0], : boxes.shape[1]] = boxes
        return row, out

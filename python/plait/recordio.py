"""MXNet's record files: byte strings one after another, with an optional index beside them.

>>> record = MXRecordIO("train.rec", "w")  # doctest: +SKIP
>>> record.write(pack(IRHeader(0, 1.0, 7, 0), b"content"))  # doctest: +SKIP
>>> record.close()  # doctest: +SKIP
"""

import os
import struct
from collections import namedtuple

import numpy as np

from . import _data

__all__ = [
    "MXRecordIO",
    "MXIndexedRecordIO",
    "IRHeader",
    "pack",
    "unpack",
    "pack_img",
    "unpack_img",
]


class MXRecordIO:
    """Reads or writes a record file from its beginning to its end.

    Parameters
    ----------
    uri : str
        Path of the file.
    flag : str
        "r" or "w"; writing replaces the file.

    Notes
    -----
    Pickled and forked readers go on at the same place with a position of their own. Writers can be
    neither: their file would be cut off.
    """

    def __init__(self, uri, flag):
        if flag not in ("r", "w"):
            raise ValueError(f"{type(self).__name__}: flag is {flag!r}, must be 'r' or 'w'")
        self.uri, self.flag, self.writable = uri, flag, flag == "w"
        self.is_open = False
        self.open()

    def open(self):
        """Open the file; a writer replaces it."""
        self._file = (_data.RecordWriter if self.writable else _data.RecordFile)(self.uri)
        self._at, self.pid, self.is_open = 0, os.getpid(), True

    def close(self):
        """Close the file; OSError if what was written could not be kept."""
        if not self.is_open:
            return
        self.is_open = False
        file, self._file = self._file, None
        if self.writable and self.pid == os.getpid():
            file.close()

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()

    def __getstate__(self):
        if self.writable:
            raise TypeError(f"{self.uri}: a file open for writing cannot be pickled")
        return {k: v for k, v in self.__dict__.items() if k != "_file"}

    def __setstate__(self, state):
        self.__dict__.update(state)
        self._file, self.pid = None, os.getpid()
        if self.is_open:
            self._file = _data.RecordFile(self.uri)

    def _require(self, writable):
        if not self.is_open:
            raise ValueError(f"{self.uri} is closed")
        if self.writable != writable:
            use = "reading" if writable else "writing"
            raise ValueError(f"{self.uri} is open for {use} only")
        if writable and self.pid != os.getpid():
            raise RuntimeError(f"{self.uri} was opened for writing before this process was forked")

    def reset(self):
        """Start again from the beginning; a writer empties the file."""
        self.close()
        self.open()

    def write(self, buf):
        """Append a record: a bytes-like object of less than 2**29 bytes."""
        self._require(True)
        self._file.write(buf.encode() if isinstance(buf, str) else buf)

    def read(self):
        """bytes: the next record; None at the end.

        Raises
        ------
        OSError
            With path and offset, if no whole record is there.
        """
        self._require(False)
        record, after = self._file.read(self._at)
        if record is not None:
            self._at = after
        return record

    def tell(self):
        """int: where the next record begins or will begin, in bytes."""
        if not self.is_open:
            raise ValueError(f"{self.uri} is closed")
        return self._file.tell() if self.writable else self._at


class MXIndexedRecordIO(MXRecordIO):
    """A record file whose records have keys, kept in a text file beside it.

    Parameters
    ----------
    idx_path : str
        Path of the index: a line "key<tab>offset" for each record. A reader goes without if there
        is no such file.
    uri, flag
        As in `MXRecordIO`.
    key_type : type
        Makes a key from its text.
    """

    def __init__(self, idx_path, uri, flag, key_type=int):
        self.idx_path, self.key_type = idx_path, key_type
        self.idx, self.keys = {}, []
        self.fidx = None
        super().__init__(uri, flag)

    def open(self):
        super().open()
        self.idx, self.keys = {}, []
        if self.writable:
            self.fidx = open(self.idx_path, "w")
        elif os.path.isfile(self.idx_path):
            for key, offset in read_index(self.idx_path, self.key_type):
                self.idx[key] = offset
                self.keys.append(key)

    def close(self):
        if not self.is_open:
            return
        super().close()
        if self.fidx is not None:
            self.fidx.close()
            self.fidx = None

    def _place(self, idx):
        self._require(False)
        if idx not in self.idx:
            raise KeyError(f"{self.uri}: no record has the key {idx!r}")
        return self.idx[idx]

    def seek(self, idx):
        """Go to the record with the key `idx`; KeyError if there is none."""
        self._at = self._place(idx)

    def read_idx(self, idx):
        """bytes: the record with the key `idx`; threads may call it at once."""
        record, self._at = self._file.read(self._place(idx))
        return record

    def write_idx(self, idx, buf):
        """Append a record with the key `idx`."""
        key = self.key_type(idx)
        offset = self.tell()
        self.write(buf)
        self.fidx.write(f"{key}\t{offset}\n")
        self.idx[key] = offset
        self.keys.append(key)


def read_index(path, key_type=int):
    """Keys and offsets of an index file, in its order.

    Raises
    ------
    OSError
        With path and line, for anything but a key and an offset.
    """
    with open(path, "rb") as file:
        for number, line in enumerate(file, 1):
            try:
                key, offset = line.decode().split("\t")
                entry = key_type(key), int(offset)
                if entry[1] < 0:
                    raise ValueError("a negative offset")
            except ValueError as error:
                raise OSError(f"recordio: {path} is corrupt in line {number}: {error}") from None
            yield entry


IRHeader = namedtuple("HEADER", ["flag", "label", "id", "id2"])
IRHeader.__doc__ = """What stands before the content of a record: `label` is a number or an array of
`flag` numbers; `id` and `id2` are free for the user."""
_HEADER = struct.Struct("<IfQQ")


def pack(header, s):
    """bytes: a record of a header and content.

    Parameters
    ----------
    header : IRHeader
        Its `flag` is set by the size of `label` if that is not a number.
    s : bytes
        Content.
    """
    header = IRHeader(*header)
    content = s.encode() if isinstance(s, str) else bytes(s)
    if isinstance(header.label, (int, float, np.number)):
        flag, label = 0, header.label
    else:
        labels = np.asarray(header.label, dtype="<f4")
        flag, label, content = labels.size, 0.0, labels.tobytes() + content
    return _HEADER.pack(flag, label, header.id, header.id2) + content


def unpack(s):
    """(IRHeader, bytes): header and content of a record.

    Raises
    ------
    OSError
        If the record is shorter than its header says.
    """
    if len(s) < _HEADER.size:
        raise OSError(f"unpack: record has {len(s)} bytes, must have at least {_HEADER.size}")
    header = IRHeader(*_HEADER.unpack_from(s))
    content = s[_HEADER.size :]
    if header.flag > 0:
        size = 4 * header.flag
        if len(content) < size:
            raise OSError(
                f"unpack: record ends after {len(s)} bytes, must have {size} bytes of labels"
            )
        header = header._replace(label=np.frombuffer(content, "<f4", header.flag).copy())
        content = content[size:]
    return header, content


def pack_img(header, img, quality=95, img_fmt=".jpg"):
    """bytes: a record of a header and an image.

    Parameters
    ----------
    img : array
        uint8, shape (height, width) or (height, width, 3) with the channels blue, green, red.
    quality : int
        1 to 100 for JPEG, level of compression 0 to 9 for PNG.
    img_fmt : str
        ".jpg", ".jpeg" or ".png".
    """
    from .image import imencode

    image = np.asarray(img)
    if image.ndim == 3 and image.shape[2] in (3, 4):
        image = image[:, :, [2, 1, 0, 3][: image.shape[2]]]
    return pack(header, imencode(image, img_fmt, quality))


def unpack_img(s, iscolor=-1):
    """(IRHeader, numpy.ndarray): header and image of a record; channels are blue, green, red.

    Parameters
    ----------
    iscolor : int
        1: always three channels; 0: gray; -1: as stored.
    """
    from .image import imdecode

    header, content = unpack(s)
    image = imdecode(content, flag=iscolor, to_rgb=False).asnumpy()
    return header, image[:, :, 0] if image.shape[2] == 1 else image

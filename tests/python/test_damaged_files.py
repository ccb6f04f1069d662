"""Files that were changed at random give an error of the right kind that names the file, and never
anything else. PLAIT_STRESS_SECONDS sets how long each reader is tried."""

import gzip
import json
import os
import random
import struct
import time

import numpy as np
import pytest

import plait as mx
from plait import recordio
from plait.gluon import formats
from plait.gluon.data import vision
from plait.image import iterator

SEED = int(os.environ.get("PLAIT_TEST_SEED", 1))
SECONDS = float(os.environ.get("PLAIT_STRESS_SECONDS", 0))


def changed(data, draw):
    """`data` with some random damage."""
    data = bytearray(data)
    for _ in range(draw.randint(1, 4)):
        at = draw.randrange(len(data) + 1)
        how = draw.randrange(5)
        if how == 0 and at < len(data):
            data[at] = draw.randrange(256)
        elif how == 1:
            del data[at:]
        elif how == 2:
            del data[at : at + draw.randint(1, 20)]
        elif how == 3:
            data[at : at + 4] = draw.choice([b"\xff" * 4, b"\0" * 4, b"\x7f\xff\xff\xff", b"nan,"])
        else:
            data[at:at] = data[: draw.randint(1, 20)]
    return bytes(data)


def idx(array):
    return b"\0\0\x08" + bytes([array.ndim]) + np.array(array.shape, ">u4").tobytes() + bytes(array)


def safetensors():
    header = {"a": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}, "__metadata__": {}}
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + bytes(24)


def npz(tmp_path):
    path = str(tmp_path / "good.npz")
    np.savez(path, a=np.ones((2, 3), "float32"), b=np.arange(4))
    return open(path, "rb").read()


def params(tmp_path):
    path = str(tmp_path / "good.params")
    mx.nd.save(path, {"a": mx.nd.ones((2, 3)), "b": mx.nd.zeros((4,), dtype="int64")})
    return open(path, "rb").read()


READERS = {
    "idx": (lambda _: idx(np.ones((3, 4, 5), "uint8")), mx.io.idx.read_idx, OSError),
    "idx.gz": (
        lambda _: gzip.compress(idx(np.ones((3, 4, 5), "uint8"))),
        mx.io.idx.read_idx,
        OSError,
    ),
    "csv": (
        lambda _: b"1,2,3\n4,5.5,-6e3\n" * 3,
        lambda path: mx.io.CSVIter(path, (3,), batch_size=1),
        ValueError,
    ),
    "libsvm": (
        lambda _: b"1 0:0.5 2:-3e2\n0 1:7\n-1.5\n",
        lambda path: mx.io.LibSVMIter(path, (3,), batch_size=1),
        ValueError,
    ),
    "params": (params, mx.nd.load, OSError),
    "npz": (npz, formats.load_arrays, (ValueError, OSError)),
    "safetensors": (lambda _: safetensors(), formats.load_arrays, ValueError),
    "lst": (
        lambda _: b"0\t1.5\ta/b.jpg\n1\t2\t3\tc.jpg\n",
        lambda path: list(iterator.read_list(path)),
        OSError,
    ),
    "index": (
        lambda _: b"0\t0\n1\t16\n2\t48\n",
        lambda path: list(recordio.read_index(path)),
        OSError,
    ),
}


@pytest.mark.parametrize("kind", READERS)
def test_damage_is_an_error_that_names_the_file(kind, tmp_path):
    make, read, error = READERS[kind]
    good, draw = make(tmp_path), random.Random(SEED)
    path = str(tmp_path / f"changed.{kind}")
    end, cases = time.monotonic() + SECONDS, 0
    while cases < 60 or time.monotonic() < end:
        cases += 1
        data = changed(good, draw)
        with open(path, "wb") as file:
            file.write(data)
        try:
            read(path)
        except error as caught:
            assert "changed." in str(caught), (data, caught)
        except (MemoryError, NotImplementedError):  # of arrays of an unknown kind
            pass
    print(f"{kind}: {cases} cases")


def test_damaged_cifar_files_name_their_size(tmp_path):
    (tmp_path / "test_batch.bin").write_bytes(bytes(3073 * 2 - 1))
    with pytest.raises(OSError, match="test_batch.bin: has 6145 bytes, must be a multiple of 3073"):
        vision.CIFAR10(str(tmp_path), train=False)


def test_image_files_that_are_broken_are_named(tmp_path):
    good = mx.image.imencode(np.zeros((8, 8, 3), "uint8"))
    (tmp_path / "a").mkdir()
    for name, data in (("cut.jpg", good[:-20]), ("empty.png", b""), ("text.jpg", b"no image")):
        (tmp_path / "a" / name).write_bytes(data)
    for i, name in enumerate(("cut", "empty", "text")):
        with pytest.raises(OSError, match=name):
            vision.ImageFolderDataset(str(tmp_path))[i]


def test_hostile_sizes_are_refused_before_memory_is_asked_for(tmp_path):
    path = str(tmp_path / "large.params")
    for shape in ((2**40, 2**20), (0, 2**48, 2**49), (2**61, 0)):
        head = struct.pack("<QQQIi", 0x112, 0, 1, 0xF993FAC9, 0)
        head += struct.pack(f"<I{len(shape)}q", len(shape), *shape)
        open(path, "wb").write(head + struct.pack("<iii", 1, 0, 0) + bytes(8) + bytes(8))
        with pytest.raises(OSError, match=r"large.params is corrupt at byte \d+: an array "):
            mx.nd.load(path)
    png = bytearray(mx.image.imencode(np.zeros((8, 8, 3), "uint8"), ".png"))
    png[16:24] = struct.pack(">II", 2**30, 2**30)
    import zlib

    png[29:33] = struct.pack(">I", zlib.crc32(png[12:29]))
    with pytest.raises(OSError, match="the image"):
        mx.image.imdecode(bytes(png))
    (tmp_path / "x.idx").write_bytes(b"\0\0\x08\x03" + b"\xff" * 12)
    with pytest.raises(OSError, match="x.idx: ends at offset 16, must end at"):
        mx.io.idx.read_idx(str(tmp_path / "x.idx"))

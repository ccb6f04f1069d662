"""Iterators over batches."""

import gzip
import struct

import numpy as np
import pytest

import plait as mx
from plait import nd


def rows(iterator):
    return [(b.data[0].asnumpy()[:, 0].tolist(), b.pad) for b in iterator]


def data(n, width=1):
    return np.repeat(np.arange(n, dtype="f")[:, None], width, 1)


def test_last_batches():
    make = lambda mode: mx.io.NDArrayIter(data(10), batch_size=4, last_batch_handle=mode)  # noqa: E731
    assert rows(make("pad")) == [([0, 1, 2, 3], 0), ([4, 5, 6, 7], 0), ([8, 9, 0, 1], 2)]
    assert rows(make("discard")) == [([0, 1, 2, 3], 0), ([4, 5, 6, 7], 0)]
    it = make("roll_over")
    assert rows(it) == [([0, 1, 2, 3], 0), ([4, 5, 6, 7], 0)]
    it.reset()
    assert rows(it) == [([8, 9, 0, 1], 0), ([2, 3, 4, 5], 0), ([6, 7, 8, 9], 0)]
    it.reset()
    assert rows(it)[0] == ([0, 1, 2, 3], 0)
    it.hard_reset()
    assert rows(it)[0] == ([0, 1, 2, 3], 0)


def test_a_batch_of_more_samples_than_there_are():
    assert rows(mx.io.NDArrayIter(data(3), batch_size=8)) == [([0, 1, 2, 0, 1, 2, 0, 1], 5)]


def test_names_descriptions_and_dtypes():
    it = mx.io.NDArrayIter({"a": data(4, 3), "b": nd.ones((4, 2), dtype="int32")}, data(4)[:, 0], 2)
    assert [d.name for d in it.provide_data] == ["a", "b"]
    assert it.provide_data[0].shape == (2, 3)
    assert it.provide_label[0] == ("softmax_label", (2,))
    batch = next(it)
    assert [a.dtype for a in batch.data] == [np.float32, np.int32]
    it = mx.io.NDArrayIter([data(4), data(4)], batch_size=2, label_name="y")
    assert [d.name for d in it.provide_data] == ["_0_data", "_1_data"]
    assert it.provide_label == []
    assert mx.io.NDArrayIter(np.zeros((2, 2)), batch_size=2).provide_data[0].dtype == np.float32
    desc = mx.io.DataDesc("x", (2, 3), layout="TN")
    assert desc.get_batch_axis(desc.layout) == 1 and "TN" in repr(desc)


def test_shuffle_takes_every_sample_once():
    np.random.seed(0)
    it = mx.io.NDArrayIter(data(20), data(20)[:, 0], 5, shuffle=True)
    first = [r for batch, _ in rows(it) for r in batch]
    it.reset()
    batches = list(it)
    second = [r for b in batches for r in b.data[0].asnumpy()[:, 0]]
    assert sorted(first) == sorted(second) == list(range(20)) and first != second
    for b in batches:
        np.testing.assert_array_equal(b.data[0].asnumpy()[:, 0], b.label[0].asnumpy())


@pytest.mark.parametrize(
    ("kwargs", "match"),
    [
        ({"data": None}, "empty"),
        ({"data": data(3), "label": data(2)}, "samples"),
        ({"data": data(3), "batch_size": 4, "last_batch_handle": "discard"}, "batch_size"),
        ({"data": data(3), "last_batch_handle": "keep"}, "last_batch_handle"),
    ],
)
def test_refusals(kwargs, match):
    with pytest.raises(ValueError, match=match):
        mx.io.NDArrayIter(**kwargs)


def test_resize():
    it = mx.io.ResizeIter(mx.io.NDArrayIter(data(6), batch_size=2), 5)
    assert [b for b, _ in rows(it)] == [[0, 1], [2, 3], [4, 5], [0, 1], [2, 3]]
    it.reset()
    assert len(list(it)) == 5


def test_prefetching():
    one, two = (mx.io.NDArrayIter(data(6), data(6)[:, 0], 2) for _ in range(2))
    it = mx.io.PrefetchingIter(
        [one, two], rename_data=[{"data": "a"}, {"data": "b"}], rename_label=[{}, {}]
    )
    assert [d.name for d in it.provide_data] == ["a", "b"]
    for _ in range(2):
        batches = list(it)
        assert [len(b.data) for b in batches] == [2, 2, 2]
        assert batches[2].data[1].asnumpy()[:, 0].tolist() == [4, 5]
        with pytest.raises(StopIteration):
            it.next()
        it.reset()

    class Broken(mx.io.DataIter):
        provide_data = provide_label = [mx.io.DataDesc("x", (1,))]

        def next(self):
            raise OSError("no disk")

    with pytest.raises(OSError, match="no disk"):
        next(mx.io.PrefetchingIter(Broken()))


def test_csv(tmp_path):
    np.savetxt(tmp_path / "x.csv", np.arange(30).reshape(5, 6), delimiter=",")
    np.savetxt(tmp_path / "y.csv", np.arange(5), delimiter=",")
    it = mx.io.CSVIter(
        data_csv=str(tmp_path / "x.csv"),
        data_shape=(2, 3),
        label_csv=str(tmp_path / "y.csv"),
        batch_size=2,
    )
    batches = list(it)
    assert [b.pad for b in batches] == [0, 0, 1]
    assert batches[0].data[0].shape == (2, 2, 3)
    assert batches[1].label[0].asnumpy().tolist() == [2, 3]
    with pytest.raises(ValueError, match="values"):
        mx.io.CSVIter(data_csv=str(tmp_path / "x.csv"), data_shape=(7,))


def test_passes_over_a_file(tmp_path):
    """What filled the last batch of a pass is left out of the next, if batches are rounded."""
    np.savetxt(tmp_path / "x.csv", np.arange(7), fmt="%d")
    it = mx.io.CSVIter(str(tmp_path / "x.csv"), (1,), batch_size=3, prefetch_buffer=2)
    passes = []
    for _ in range(4):
        passes.append([(b.data[0].asnumpy()[:, 0].tolist(), b.pad) for b in it])
        it.reset()
    assert passes[0] == [([0, 1, 2], 0), ([3, 4, 5], 0), ([6, 0, 1], 2)] == passes[3]
    assert passes[1] == [([2, 3, 4], 0), ([5, 6, 0], 1)]
    assert passes[2] == [([1, 2, 3], 0), ([4, 5, 6], 0)]
    it = mx.io.CSVIter(
        str(tmp_path / "x.csv"), (1,), batch_size=3, round_batch=False, dtype="int32"
    )
    for _ in range(2):
        assert [b.pad for b in it] == [0, 0, 2]
        it.reset()
    assert it.provide_data[0].dtype == np.int32 and it.provide_label[0].name == "softmax_label"


def test_libsvm(tmp_path):
    (tmp_path / "x.txt").write_text("1 0:0.5 3:2\n0 1:1\n\n1 2:3\n")
    it = mx.io.LibSVMIter(data_libsvm=str(tmp_path / "x.txt"), data_shape=(4,), batch_size=3)
    batch = next(it)
    want = [[0.5, 0, 0, 2], [0, 1, 0, 0], [0, 0, 3, 0]]
    assert batch.data[0].asnumpy().tolist() == want
    assert batch.label[0].asnumpy().tolist() == [1, 0, 1]
    (tmp_path / "bad.txt").write_text("1 9:1\n")
    with pytest.raises(ValueError, match="line 1"):
        mx.io.LibSVMIter(data_libsvm=str(tmp_path / "bad.txt"), data_shape=(4,))


def test_mnist_files(tmp_path):
    images = np.arange(6 * 4, dtype=np.uint8).reshape(6, 2, 2)
    header = struct.pack(">BBBB3I", 0, 0, 8, 3, 6, 2, 2)
    with gzip.open(tmp_path / "images.gz", "wb") as out:
        out.write(header + images.tobytes())
    (tmp_path / "labels").write_bytes(struct.pack(">BBBBI", 0, 0, 8, 1, 6) + bytes(range(6)))
    it = mx.io.MNISTIter(
        image=str(tmp_path / "images"), label=str(tmp_path / "labels"), batch_size=4, shuffle=False
    )
    (batch,) = list(it)
    assert batch.data[0].shape == (4, 1, 2, 2)
    np.testing.assert_allclose(batch.data[0].asnumpy()[1, 0], images[1] / 256, rtol=1e-6)
    assert batch.label[0].asnumpy().tolist() == [0, 1, 2, 3]
    flat = mx.io.MNISTIter(
        image=str(tmp_path / "images"), label=str(tmp_path / "labels"), batch_size=2, flat=True,
        num_parts=2, part_index=1,
    )  # fmt: skip
    assert sorted(v for b in flat for v in b.label[0].asnumpy()) in ([3, 4], [3, 5], [4, 5])
    (tmp_path / "broken").write_bytes(b"1234567890")
    with pytest.raises(OSError, match="broken: bytes at offset 0 are 31323334"):
        mx.io.MNISTIter(image=str(tmp_path / "broken"), label=str(tmp_path / "labels"))


def test_iterators_over_files_are_recognised(tmp_path):
    assert mx.io.ImageRecordIter_v1 is mx.io.ImageRecordIter
    assert mx.io.ImageRecordUInt8Iter_v1 is mx.io.ImageRecordUInt8Iter
    assert issubclass(mx.io.ImageRecordIter, mx.io.MXDataIter)
    (tmp_path / "x.csv").write_text("1,2\n3,4\n5,6\n")
    rows = mx.io.CSVIter(str(tmp_path / "x.csv"), (2,), batch_size=1)
    assert isinstance(rows, mx.io.MXDataIter) and len(list(rows)) == 3
    rows.reset()
    rows.debug_skip_load()
    for _, batch in zip(range(5), rows, strict=False):
        assert batch.data[0].asnumpy().tolist() == [[1, 2]]

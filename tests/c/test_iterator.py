"""Iterators of the core: files of MNIST, text files, record files, arrays in memory."""

import json
import struct

import numpy as np
import pytest

import plait as mx
from plait import recordio


def write_idx(path, values):
    head = struct.pack(f">BBBB{values.ndim}i", 0, 0, 8, values.ndim, *values.shape)
    path.write_bytes(head + values.astype("uint8").tobytes())
    return path


@pytest.fixture
def digits(tmp_path):
    """(options, images, labels) of ten images in the format of MNIST."""
    images = np.random.randint(0, 256, (10, 5, 6)).astype("uint8")
    labels = np.random.randint(0, 10, 10).astype("uint8")
    options = {
        "image": write_idx(tmp_path / "image", images),
        "label": write_idx(tmp_path / "label", labels),
    }
    return options, images, labels


def test_mnist(iterate, digits):
    options, images, labels = digits
    batches, again = iterate("MNISTIter", options | {"batch_size": 4, "shuffle": "False"})
    assert len(batches) == len(again) == 2  # what is left is left out
    for i, (data, label, index, pad) in enumerate(batches):
        rows = slice(4 * i, 4 * i + 4)
        np.testing.assert_array_equal(data, (images[rows] / np.float32(256))[:, None])
        np.testing.assert_array_equal(label, labels[rows])
        assert index.tolist() == list(range(10)[rows]) and pad == 0


def test_mnist_shuffled_in_parts(iterate, digits):
    options, images, labels = digits
    seen = []
    for part in (0, 1):
        more = {"batch_size": 1, "flat": 1, "seed": 3, "num_parts": 2, "part_index": part}
        first, second = iterate("MNISTIter", options | more)
        order = [int(index[0]) for _, _, index, _ in first]
        assert order == [int(index[0]) for _, _, index, _ in second]  # as MXNet has it
        assert sorted(order) == list(range(5)) != order
        for data, label, index, _ in first:
            row = 5 * part + int(index[0])
            np.testing.assert_array_equal(data[0], images[row].ravel() / np.float32(256))
            assert label[0] == labels[row]
            seen.append(row)
    assert sorted(seen) == list(range(10))


def test_csv_as_in_python(iterate, tmp_path):
    data = np.random.standard_normal((7, 2, 3)).astype("float32")
    label = np.arange(7)
    np.savetxt(tmp_path / "x.csv", data.reshape(7, 6), delimiter=",", fmt="%.9g")
    (tmp_path / "y.csv").write_text("".join(f" {v}\r\n" for v in label))
    options = {"data_csv": tmp_path / "x.csv", "data_shape": (2, 3), "batch_size": 3}
    expected = mx.io.CSVIter(str(tmp_path / "x.csv"), (2, 3), str(tmp_path / "y.csv"), batch_size=3)
    for batches in iterate("CSVIter", options | {"label_csv": tmp_path / "y.csv"}):
        for (x, y, index, pad), batch in zip(batches, expected, strict=True):
            np.testing.assert_array_equal(x, batch.data[0].asnumpy())
            np.testing.assert_array_equal(y, batch.label[0].asnumpy())
            np.testing.assert_array_equal(x, data[index])
            assert pad == batch.pad
        expected.reset()
    for batches in iterate("CSVIter", options | {"round_batch": "false"}):
        assert [pad for *_, pad in batches] == [0, 0, 2] and not batches[0][1].any()


def test_arrays(c, iterate):
    x, y = c.array(range(10), [5, 2]), c.array(range(5))
    batches, _ = iterate("", {"batch_size": 3}, (x, y))
    assert [b[3] for b in batches] == [0, 1]
    assert batches[1][0].tolist() == [[6, 7], [8, 9], [0, 1]]
    assert batches[1][1].tolist() == batches[1][2].tolist() == [3, 4, 0]
    batches, _ = iterate("", {"batch_size": 3, "last_batch_handle": "discard"}, (x, y))
    assert len(batches) == 1
    first, _ = iterate("", {"batch_size": 5, "shuffle": "true", "seed": 1}, (x, y))
    again, _ = iterate("", {"batch_size": 5, "shuffle": "true", "seed": 1}, (x, y))
    assert first[0][2].tolist() == again[0][2].tolist() != list(range(5))
    assert (first[0][0][:, 0] == 2 * first[0][1]).all()
    c.free(x, y)


CHANGES = [
    {"rand_mirror": True, "mean_r": 3.0, "scale": 0.5},
    {"max_rotate_angle": 20, "max_shear_ratio": 0.2, "random_h": 30, "max_random_contrast": 0.3},
    {"min_random_scale": 0.8, "max_random_scale": 1.5, "min_img_size": 9, "inter_method": 9},
    {"rotate": 30, "min_crop_size": 3, "max_crop_size": 5, "rand_crop": True, "random_l": 9},
    {"random_resized_crop": True, "min_random_area": 0.3, "min_aspect_ratio": 0.5,
     "max_aspect_ratio": 2.0},
]  # fmt: skip


@pytest.mark.parametrize("changes", CHANGES, ids=lambda c: next(iter(c)))
def test_images_as_in_python(c, iterate, tmp_path, changes):
    if not c.lib.plait_image_has_codecs():
        pytest.skip("built without codecs")
    path = str(tmp_path / "a.rec")
    with recordio.MXRecordIO(path, "w") as writer:
        for i in range(5):
            pixels = np.random.RandomState(i).randint(0, 256, (6, 8, 3)).astype("uint8")
            picture = mx.image.imencode(pixels, ".png")
            writer.write(recordio.pack(recordio.IRHeader(0, float(i), i, 0), picture))
    common = {"batch_size": 2, **changes}
    batches, again = iterate(
        "ImageRecordIter", common | {"path_imgrec": path, "data_shape": "(3, 6, 8)"}
    )
    expected = mx.io.ImageRecordIter(path, (3, 6, 8), **common)
    for (x, y, index, pad), batch in zip(batches, expected, strict=True):
        np.testing.assert_array_equal(x, batch.data[0].asnumpy())
        np.testing.assert_array_equal(y, batch.label[0].asnumpy())
        assert index.tolist() == list(batch.index) and pad == batch.pad
    assert [b[1].tolist() for b in again] == [[0, 1], [2, 3], [4, 0]]


def test_images_in_random_order(c, iterate, tmp_path):
    if not c.lib.plait_image_has_codecs():
        pytest.skip("built without codecs")
    path = str(tmp_path / "a.rec")
    with recordio.MXRecordIO(path, "w") as writer:
        for i in range(5):
            picture = mx.image.imencode(np.full((6, 8, 3), 40 * i, "uint8"), ".png")
            writer.write(recordio.pack(recordio.IRHeader(0, float(i), i, 0), picture))
    first, second = iterate(
        "ImageRecordIter",
        {
            "path_imgrec": path,
            "data_shape": "3,6,8",
            "batch_size": 1,
            "shuffle": 1,
            "dtype": "uint8",
        },
    )
    assert sorted(int(b[1][0]) for b in first) == [0, 1, 2, 3, 4]
    assert all((b[0] == 40 * b[1][0]).all() for b in first + second)


def test_faults(iterate, digits, tmp_path):
    options, images, _ = digits

    def fails(kind, more, status, message, arrays=None):
        with pytest.raises(RuntimeError) as error:
            iterate(kind, more, arrays)
        assert error.value.args[0] == f"PLAIT_ERR_{status}"
        assert message in error.value.args[1]

    fails("Iter", {}, "KEY", "kind is 'Iter', must be one of MNISTIter, CSVIter")
    fails("MNISTIter", options | {"size": 1}, "KEY", "option is 'size', must be one of image,")
    fails("CSVIter", {}, "INVALID_ARGUMENT", "CSVIter: data_csv is missing, must be given")
    fails("MNISTIter", options | {"batch_size": "x"}, "INVALID_ARGUMENT", "batch_size is 'x'")
    fails("MNISTIter", options | {"flat": "no"}, "INVALID_ARGUMENT", "must be true or false")
    fails("MNISTIter", options | {"batch_size": 11}, "INVALID_ARGUMENT", "at most the number")
    fails("MNISTIter", options | {"part_index": 1}, "INVALID_ARGUMENT", "less than num_parts, 1")
    fails("MNISTIter", options | {"image": tmp_path / "no"}, "IO", str(tmp_path / "no"))
    fails("MNISTIter", options | {"image": options["label"]}, "IO", "is no IDX file of bytes")
    (tmp_path / "gz").write_bytes(b"\x1f\x8b\x08")
    fails("MNISTIter", options | {"image": tmp_path / "gz"}, "IO", "hint: gunzip")
    short = write_idx(tmp_path / "short", images[:9])
    fails("MNISTIter", options | {"image": short}, "SHAPE", "9 samples and label 10")
    short.write_bytes(short.read_bytes()[:-1])
    fails("MNISTIter", options | {"image": short}, "IO", "has 269 values, must have 270")
    csv = tmp_path / "a.csv"
    for text, message in (("1,2\n3\n", "line 2 has 1 numbers"), ("1,a\n", "line 1 has something")):
        csv.write_text(text)
        fails("CSVIter", {"data_csv": csv, "data_shape": 2}, "IO", message)
    fails("CSVIter", {"data_csv": csv, "data_shape": "(2"}, "INVALID_ARGUMENT", "data_shape")
    fails("CSVIter", {"data_csv": csv, "data_shape": "(0,)"}, "INVALID_ARGUMENT", "sizes >= 1")


def test_kinds(c):
    out = c.ffi.new("plait_buffer_t *")
    c.ok(c.lib.plait_iter_kinds(out))
    kinds = json.loads(c.ffi.string(c.lib.plait_buffer_data(out[0])))
    c.lib.plait_buffer_free(out[0])
    names = [k["name"] for k in kinds]
    assert names == ["MNISTIter", "CSVIter", "LibSVMIter", "ImageRecordIter", "ImageDetRecordIter"]
    required = [o["name"] for o in kinds[3]["options"] if o["default"] is None]
    assert required == ["path_imgrec", "data_shape", "batch_size"]

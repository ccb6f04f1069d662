"""Iterators of the core over record files and sparse text give what those of Python give."""

import numpy as np
import pytest

import plait as mx
from plait import recordio


@pytest.fixture
def write(c, tmp_path):
    """A function (labels of each image) -> path of a record file with random images of 6 x 8."""
    if not c.lib.plait_image_has_codecs():
        pytest.skip("built without codecs")

    def make(labels, name="a.rec"):
        path = str(tmp_path / name)
        with recordio.MXRecordIO(path, "w") as writer:
            for i, label in enumerate(labels):
                pixels = np.random.RandomState(i).randint(0, 256, (6, 8, 3)).astype("uint8")
                picture = mx.image.imencode(pixels, ".png")
                writer.write(recordio.pack(recordio.IRHeader(0, label, i, 0), picture))
        return path

    return make


@pytest.fixture
def same(iterate):
    """A function that compares two passes of a kind with those of an iterator of Python."""

    def compare(kind, options, expected):
        passes = iterate(kind, options)
        for i, batches in enumerate(passes):
            if i:
                expected.reset()
            for (x, y, _, pad), batch in zip(batches, expected, strict=True):
                np.testing.assert_array_equal(x, batch.data[0].asnumpy())
                np.testing.assert_array_equal(y, batch.label[0].asnumpy())
                assert pad == batch.pad
        return passes[0]

    return compare


def fails(iterate, kind, options, status, message):
    with pytest.raises(RuntimeError) as error:
        iterate(kind, options)
    assert error.value.args[0] == f"PLAIT_ERR_{status}"
    assert message in error.value.args[1]


def test_labels_of_a_list_and_mean_image(same, iterate, write, tmp_path):
    path, table, means = write(range(5)), tmp_path / "a.lst", [tmp_path / "m", tmp_path / "n"]
    table.write_text("".join(f"{i}\t{i + 10}\t{-i}.5\tp{i}.png\n" for i in range(5)) + "\n")
    options = {"batch_size": 2, "label_width": 2}
    own = options | {"path_imgrec": path, "data_shape": "(3, 5, 5)", "path_imglist": table}
    for _ in range(2):  # the file is made, then read
        expected = mx.io.ImageRecordIter(
            path, (3, 5, 5), path_imglist=str(table), mean_img=str(means[0]), **options
        )
        batches = same("ImageRecordIter", own | {"mean_img": means[1]}, expected)
        assert batches[0][1].tolist() == [[10, 0.5], [11, -1.5]]
    made, own_made = (mx.nd.load(str(m))["mean_img"].asnumpy() for m in means)
    np.testing.assert_allclose(own_made, made, rtol=1e-6)
    mx.nd.save(str(means[1]), {"mean_img": mx.nd.ones((3, 5, 4))})
    fails(iterate, "ImageRecordIter", own | {"mean_img": means[1]}, "IO", "of shape (3, 5, 5)")
    table.write_text("0\t1\n")
    fails(iterate, "ImageRecordIter", own, "IO", "line 1, must be an id, labels and a path")


BOXES = [
    [2, 5, 1, 0.1, 0.2, 0.6, 0.7],
    [2, 5, 0, 0.3, 0.1, 0.9, 0.5, 2, 0.0, 0.0, 0.5, 1.0],
    [3, 6, 7, 0, 0.3, 0.1, 0.9, 0.5, 8],
]
CHANGES = [
    {"mean_r": 3.0, "std_g": 2.0, "resize_mode": "fit"},
    {"label_pad_width": 20, "label_pad_value": -3.0, "rand_mirror_prob": 0.5},
    {"rand_crop_prob": 1, "min_crop_scales": (0.3, 0.5), "num_crop_sampler": 2, "seed": 5},
    {"rand_pad_prob": 0.8, "max_pad_scale": 2.5, "max_random_contrast": 0.4,
     "random_contrast_prob": 0.7, "crop_emit_mode": "overlap"},
]  # fmt: skip


@pytest.mark.parametrize("changes", CHANGES, ids=lambda c: next(iter(c)))
def test_boxes(same, write, changes):
    path = write(BOXES)
    common = {"batch_size": 2, **changes}
    own = common | {"path_imgrec": path, "data_shape": "(3, 6, 8)"}
    batches = same("ImageDetRecordIter", own, mx.io.ImageDetRecordIter(path, (3, 6, 8), **common))
    assert batches[0][1].shape == (2, 4 + common.get("label_pad_width", 12))


def test_boxes_mean_image_and_faults(same, iterate, write, tmp_path):
    path = write(BOXES)
    own = {"path_imgrec": path, "data_shape": "(3, 6, 8)", "batch_size": 3, "resize_mode": "shrink"}
    expected = mx.io.ImageDetRecordIter(
        path, (3, 6, 8), 3, mean_img=str(tmp_path / "m"), resize_mode="shrink"
    )
    same("ImageDetRecordIter", own | {"mean_img": tmp_path / "n"}, expected)
    wrong = [
        ({"num_crop_sampler": 3, "min_crop_scales": "(0, 1)"}, "has 2 values, must have 1 or 3"),
        ({"min_crop_scales": "(0, x)"}, "must be numbers such as (0.1, 0.5)"),
        ({"label_pad_width": 3}, "label_pad_width is 3, must be at least 12"),
        ({"resize_mode": "none"}, "resize_mode is 'none', must be one of force, shrink, fit"),
    ]
    for options, message in wrong:
        fails(iterate, "ImageDetRecordIter", own | options, "INVALID_ARGUMENT", message)
    (tmp_path / "short").write_bytes(b"")
    fails(iterate, "ImageDetRecordIter", own | {"path_imgrec": tmp_path / "short"}, "IO", "no rec")


def test_sparse_text(iterate, same, tmp_path):
    data, label = tmp_path / "x.svm", tmp_path / "y.svm"
    data.write_text("1 0:0.5 3:-2\n\n2 1:1e-2\r\n3\n4 2:7 2:8\n5 0:1 1:2 2:3 3:4")
    label.write_text("0:1\n1:2\n0:3\n1:4\n0:5\n")
    own = {"data_libsvm": data, "data_shape": "(4,)", "batch_size": 2}
    for extra in ({}, {"round_batch": False}, {"num_parts": 2, "part_index": 1}):
        expected = mx.io.LibSVMIter(str(data), (4,), batch_size=2, **extra)
        batches = same("LibSVMIter", own | extra, expected)
        assert batches[0][1].shape == (2,)
    sparse = {"label_libsvm": str(label), "label_shape": (2,)}
    same("LibSVMIter", own | sparse, mx.io.LibSVMIter(str(data), (4,), batch_size=2, **sparse))
    faults = [
        ("1 0:1\n2 3 0:1\n", "line 2 has 2 labels, must have 1"),
        ("1 4:1\n", "line 1: index is 4, must be in [0, 3]"),
        ("1 0:a\n", "line 1: 'a' must be a number"),
        ("1 0:1 2\n", "'' must be a number"),
        ("\n", "has no samples"),
        ("1 2 0:1\n", "has 2 labels a line, must have 1 for label_shape"),
    ]
    for text, message in faults:
        data.write_text(text)
        fails(iterate, "LibSVMIter", own, "IO", message)

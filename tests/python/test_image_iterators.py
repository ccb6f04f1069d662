"""Iterators over images: ImageRecordIter, ImageIter, ImageDetIter; and im2rec, which makes files."""

import os
import subprocess
import sys

import numpy as np
import pytest

import plait as mx
from plait import image, recordio
from plait.image import det_iterator, detection
from plait.tools import im2rec

H, W = 24, 32


def picture(i):
    """A smooth image that tells its number: red is constant."""
    y, x = np.mgrid[:H, :W]
    return np.stack([np.full((H, W), 10 * i), x * 7, y * 9], 2).astype("uint8")


@pytest.fixture
def rec(tmp_path):
    """A record file of ten PNG images with an index; the label of image i is i."""
    path = str(tmp_path / "a.rec")
    writer = recordio.MXIndexedRecordIO(str(tmp_path / "a.idx"), path, "w")
    for i in range(10):
        header = recordio.IRHeader(0, float(i), i, 0)
        writer.write_idx(i, recordio.pack(header, image.imencode(picture(i), ".png")))
    writer.close()
    return path


def labels(batches):
    """Labels of the samples that do not only fill."""
    out = []
    for batch in batches:
        values = batch.label[0].asnumpy().tolist()
        out += values[: len(values) - (batch.pad or 0)]
    return out


# --- ImageRecordIter ----------------------------------------------------------------------------


def test_batches_hold_the_images_in_order(rec):
    it = mx.io.ImageRecordIter(rec, (3, H, W), 4, preprocess_threads=2)
    assert it.provide_data[0].shape == (4, 3, H, W)
    assert it.provide_label[0].shape == (4,) and it.provide_label[0].name == "softmax_label"
    batches = list(it)
    assert [b.pad for b in batches] == [0, 0, 2]
    assert batches[2].label[0].asnumpy().tolist() == [8, 9, 0, 1]
    assert batches[1].index.tolist() == [4, 5, 6, 7]
    for i in range(4):
        row = batches[1].data[0].asnumpy()[i]
        np.testing.assert_array_equal(row, picture(4 + i).transpose(2, 0, 1))
    it.reset()
    assert labels(it) == list(range(10))


def test_mean_std_scale_and_dtype(rec):
    it = mx.io.ImageRecordIter(
        rec, (3, H, W), 10, mean_r=1, mean_g=2, mean_b=3, std_r=2, std_g=4, std_b=8, scale=0.5
    )
    row = next(it).data[0].asnumpy()[7]
    expected = (picture(7) - np.array([1.0, 2, 3])) * 0.5 / [2, 4, 8]
    np.testing.assert_allclose(row, expected.transpose(2, 0, 1), atol=1e-4)
    small = next(mx.io.ImageRecordUInt8Iter(rec, (3, H, W), 10)).data[0]
    assert small.dtype == np.uint8 and small.asnumpy()[7, 0, 0, 0] == 70


def test_gray_crop_resize_and_mirror(rec):
    gray = next(mx.io.ImageRecordIter(rec, (1, H, W), 2)).data[0].asnumpy()
    expected = image.imdecode(image.imencode(picture(1), ".png"), flag=0).asnumpy()
    np.testing.assert_array_equal(gray[1], expected.transpose(2, 0, 1))
    center = next(mx.io.ImageRecordIter(rec, (3, 10, 12), 2)).data[0].asnumpy()[1]
    np.testing.assert_array_equal(center, picture(1)[7:17, 10:22].transpose(2, 0, 1))
    mirrored = next(mx.io.ImageRecordIter(rec, (3, H, W), 2, mirror=True)).data[0].asnumpy()[1]
    np.testing.assert_array_equal(mirrored, picture(1)[:, ::-1].transpose(2, 0, 1))
    short = next(mx.io.ImageRecordIter(rec, (3, 12, 16), 2, resize=12)).data[0].asnumpy()[1]
    expected = image.resize_short(mx.nd.array(picture(1), dtype="uint8"), 12, 1).asnumpy()
    np.testing.assert_array_equal(short, expected.transpose(2, 0, 1))
    large = next(mx.io.ImageRecordIter(rec, (3, 48, 48), 2)).data[0].asnumpy()[1]
    assert large.shape == (3, 48, 48) and (large[0] == 10).all()
    border = next(mx.io.ImageRecordIter(rec, (3, H + 4, W + 4), 2, pad=2, fill_value=9))
    assert (border.data[0].asnumpy()[1, :, :2] == 9).all()


def test_random_changes_depend_on_the_seed_alone(rec):
    def pixels(threads, seed):
        it = mx.io.ImageRecordIter(
            rec, (3, 12, 12), 4, shuffle=True, seed=seed, preprocess_threads=threads,
            rand_crop=True, random_resized_crop=True, min_random_area=0.2, max_aspect_ratio=1.5,
            rand_mirror=True, brightness=0.3, contrast=0.3, saturation=0.3, hue=0.1, pca_noise=0.1,
        )  # fmt: skip
        out = [batch.data[0].asnumpy() for batch in it]
        it.reset()
        return np.stack(out + [batch.data[0].asnumpy() for batch in it])

    first = pixels(1, 5)
    np.testing.assert_array_equal(pixels(3, 5), first)
    assert not np.array_equal(pixels(1, 6), first)
    assert not np.array_equal(first[:3], first[3:])


def test_color_changes_stay_in_their_limits(rec):
    plain = next(mx.io.ImageRecordIter(rec, (3, H, W), 10)).data[0].asnumpy()
    bright = next(mx.io.ImageRecordIter(rec, (3, H, W), 10, brightness=0.2)).data[0].asnumpy()
    factors = bright.sum((1, 2, 3)) / plain.sum((1, 2, 3))
    assert (factors > 0.8).all() and (factors < 1.2).all() and np.ptp(factors) > 0.01
    luma = np.array([0.299, 0.587, 0.114]).reshape(3, 1, 1)
    gray = next(mx.io.ImageRecordIter(rec, (3, H, W), 10, saturation=0.9)).data[0].asnumpy()
    np.testing.assert_allclose((gray * luma).sum(1), (plain * luma).sum(1), atol=0.05)
    contrast = next(mx.io.ImageRecordIter(rec, (3, H, W), 10, contrast=0.9)).data[0].asnumpy()
    means = [(x * luma).sum((1, 2, 3)) / (H * W) for x in (contrast, plain)]
    np.testing.assert_allclose(means[0], means[1], rtol=1e-3, atol=0.05)


def test_shuffle_draws_a_new_order_for_each_pass(rec):
    it = mx.io.ImageRecordIter(rec, (3, H, W), 5, shuffle=True, seed=3)
    first = labels(it)
    it.reset()
    second = labels(it)
    assert sorted(first) == sorted(second) == list(range(10)) and first != second
    assert labels(mx.io.ImageRecordIter(rec, (3, H, W), 5, shuffle=True, seed=3)) == first


def test_parts_divide_the_records(rec):
    parts = [
        labels(mx.io.ImageRecordIter(rec, (3, H, W), 2, num_parts=3, part_index=i))
        for i in range(3)
    ]
    assert sum(parts, []) == list(range(10)) and [len(p) for p in parts] == [3, 3, 4]
    with_index = mx.io.ImageRecordIter(rec, (3, H, W), 5, path_imgidx=rec[:-3] + "idx")
    assert labels(with_index) == list(range(10))


def test_last_batch_without_round_is_filled_with_its_own(rec):
    last = list(mx.io.ImageRecordIter(rec, (3, H, W), 4, round_batch=False))[-1]
    assert last.pad == 2 and last.label[0].asnumpy().tolist() == [8, 9, 8, 9]


def test_many_labels_and_labels_of_a_list(rec, tmp_path):
    path = str(tmp_path / "b.rec")
    with recordio.MXRecordIO(path, "w") as writer:
        for i in range(4):
            header = recordio.IRHeader(0, [i, 2 * i, 3 * i], i, 0)
            writer.write(recordio.pack(header, image.imencode(picture(i), ".png")))
    batch = next(mx.io.ImageRecordIter(path, (3, H, W), 4, label_width=2))
    assert batch.label[0].asnumpy().tolist() == [[0, 0], [1, 2], [2, 4], [3, 6]]
    with pytest.raises(OSError, match="b.rec: the record at byte 0 has 3 labels, must have 5"):
        next(mx.io.ImageRecordIter(path, (3, H, W), 4, label_width=5))
    (tmp_path / "a.lst").write_text("".join(f"{i}\t{100 + i}\tx\n" for i in range(10)))
    it = mx.io.ImageRecordIter(rec, (3, H, W), 5, path_imglist=str(tmp_path / "a.lst"))
    assert labels(it) == list(range(100, 110))


def damage(path, number):
    """Break the image of a record, and leave the record whole."""
    data = bytearray(open(path, "rb").read())
    at = recordio.MXIndexedRecordIO(path[:-3] + "idx", path, "r").idx[number]
    data[at + 40 : at + 60] = b"\0" * 20
    open(path, "wb").write(bytes(data))
    return at


def test_broken_images_raise_with_their_place_or_are_left_out(rec):
    at = damage(rec, 5)
    it = mx.io.ImageRecordIter(rec, (3, H, W), 4)
    assert next(it).label[0].asnumpy().tolist() == [0, 1, 2, 3]
    with pytest.raises(OSError, match=rf"a\.rec: the record at byte {at} "):
        next(it)
    assert next(it).label[0].asnumpy()[0] == 8
    it = mx.io.ImageRecordIter(rec, (3, H, W), 4, skip_broken=True)
    assert labels(it) == [0, 1, 2, 3, 4, 6, 7, 8, 9] and it.skipped == 1


def test_broken_records_are_left_out_too(rec):
    at = recordio.MXIndexedRecordIO(rec[:-3] + "idx", rec, "r").idx[5]
    with open(rec, "r+b") as file:
        file.seek(at)
        file.write(b"\0\0\0\0")
    with pytest.raises(OSError, match=rf"a\.rec is corrupt at byte {at}: no record begins here"):
        mx.io.ImageRecordIter(rec, (3, H, W), 4)
    it = mx.io.ImageRecordIter(rec, (3, H, W), 4, skip_broken=True)
    assert labels(it) == [0, 1, 2, 3, 4, 6, 7, 8, 9]


def test_an_epoch_may_be_left_at_any_time(rec):
    it = mx.io.ImageRecordIter(rec, (3, H, W), 2, preprocess_threads=3)
    for n in (0, 1, 3):
        for _ in range(n):
            next(it)
        it.reset()
    assert labels(it) == list(range(10))
    before = mx._engine.live_arrays()
    del it
    assert mx._engine.live_arrays() <= before


def test_wrong_arguments_are_named(rec):
    for arguments, kind, message in (
        ({"data_shape": (3, H)}, ValueError, "data_shape is"),
        ({"data_shape": (2, H, W)}, ValueError, "channels is 2, must be 1 or 3"),
        ({"batch_size": 0}, ValueError, "batch_size is 0"),
        ({"part_index": 1}, ValueError, "part_index is 1, must be in \\[0, 0\\]"),
        ({"dtype": "int32"}, TypeError, "dtype is int32"),
        ({"max_shear_ratio": -1}, ValueError, "max_shear is -1, must be a number in \\[0, 1000\\]"),
        ({"inter_method": 5}, ValueError, "interpolation is 5, must be in \\[0, 4\\], 9 or 10"),
        ({"no_such": 1}, TypeError, "option is 'no_such', must be one of path_imgrec"),
        ({"std_r": 0}, ValueError, "std is 0"),
    ):
        with pytest.raises(kind, match=message):
            mx.io.ImageRecordIter(
                **{"path_imgrec": rec, "data_shape": (3, H, W), "batch_size": 2, **arguments}
            )
    with pytest.raises(OSError, match="no-such.rec"):
        mx.io.ImageRecordIter("no-such.rec", (3, H, W), 2)


def test_a_forked_child_is_told(rec):
    program = (
        "import os, sys, plait as mx\n"
        f"it = mx.io.ImageRecordIter({rec!r}, (3, {H}, {W}), 2)\n"
        "next(it)\n"
        "if os.fork() == 0:\n"
        "    try:\n"
        "        next(it)\n"
        "    except ValueError as error:\n"
        "        print('before this process was forked' in str(error), flush=True)\n"
        "    os._exit(0)\n"
        "os.wait()\n"
    )
    out = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60
    )
    assert out.stdout.strip() == "True", out.stderr


# --- ImageIter ----------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path):
    """Two folders of five PNG images each."""
    for i in range(10):
        path = tmp_path / "images" / "ab"[i % 2] / f"{i}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(image.imencode(picture(i), ".png"))
    return tmp_path / "images"


def test_image_iter_reads_records_lists_and_files(rec, folder, tmp_path):
    entries = [[float(i), f"{'ab'[i % 2]}/{i}.png"] for i in range(10)]
    lines = "".join(f"{i}\t{label}\t{path}\n" for i, (label, path) in enumerate(entries))
    (tmp_path / "a.lst").write_text(lines)
    root = {"path_root": str(folder)}
    for arguments in (
        {"path_imgrec": rec},
        {"path_imgrec": rec, "path_imgidx": rec[:-3] + "idx"},
        {"imglist": entries, **root},
        {"path_imglist": str(tmp_path / "a.lst"), **root},
    ):
        batches = list(image.ImageIter(4, (3, H, W), **arguments))
        assert labels(batches) == list(range(10)) and [b.pad for b in batches] == [0, 0, 2]
        row = batches[1].data[0].asnumpy()[2]
        np.testing.assert_array_equal(row, picture(6).transpose(2, 0, 1))


def test_image_iter_handles_the_last_batch(rec):
    counts = {}
    for handle in ("pad", "discard", "roll_over"):
        it = image.ImageIter(4, (3, H, W), path_imgrec=rec, last_batch_handle=handle)
        counts[handle] = [[b.label[0].asnumpy().tolist() for b in it]]
        it.reset()
        counts[handle].append([b.label[0].asnumpy().tolist() for b in it])
    assert counts["pad"][0][-1] == [8, 9, 0, 1] and counts["pad"][1] == counts["pad"][0]
    assert counts["discard"] == [[[0, 1, 2, 3], [4, 5, 6, 7]]] * 2
    assert counts["roll_over"][1] == [[8, 9, 0, 1], [2, 3, 4, 5], [6, 7, 8, 9]]


def test_image_iter_leaves_out_what_it_cannot_decode(rec, caplog):
    at = damage(rec, 5)
    it = image.ImageIter(3, (3, H, W), path_imgrec=rec)
    assert labels(it) == [0, 1, 2, 3, 4, 6, 7, 8, 9] and it.skipped == 1
    assert f"left out: {rec}, record at byte {at}: " in caplog.text
    it = image.ImageIter(3, (3, H, W), path_imgrec=rec, skip_broken=False)
    with pytest.raises(OSError, match=f"a.rec, record at byte {at}: image: the image is broken"):
        list(it)


def test_image_iter_names_what_list_and_index_promise_in_vain(rec, tmp_path):
    (tmp_path / "a.lst").write_text("0\t7\tx\n")
    it = image.ImageIter(
        1, (3, H, W), path_imgrec=rec, path_imglist=str(tmp_path / "a.lst"), skip_broken=False
    )
    assert next(it).label[0].asscalar() == 7
    with pytest.raises(OSError, match="the list has no labels for id 1"):
        next(it)
    (tmp_path / "b.idx").write_text(f"0\t{os.path.getsize(rec)}\n")
    it = image.ImageIter(
        1, (3, H, W), path_imgrec=rec, path_imgidx=str(tmp_path / "b.idx"), skip_broken=False
    )
    with pytest.raises(OSError, match="lies after the end of the file"):
        next(it)
    it = image.ImageIter(1, (3, H, W), imglist=[[1, "none.png"]], path_root="x", skip_broken=False)
    with pytest.raises(OSError, match=r"ImageIter: x.none\.png: "):
        next(it)


def test_image_iter_shuffles_and_augments(rec):
    it = image.ImageIter(
        5, (3, 10, 12), path_imgrec=rec, shuffle=True, rand_crop=True, rand_mirror=True, mean=True
    )
    first = labels(it)
    it.reset()
    assert sorted(first) == list(range(10)) and first != labels(it)
    with pytest.raises(ValueError, match="one of path_imgrec, path_imglist and imglist"):
        image.ImageIter(5, (3, 10, 12))


# --- detection ----------------------------------------------------------------------------------

BOXES = np.array([[1, 0.1, 0.2, 0.5, 0.6], [2, 0.4, 0.4, 0.9, 0.8]], "float32")


def test_det_iter_pads_labels(folder):
    entries = []
    for i in range(4):
        boxes = BOXES[: 1 + i % 2]
        entries.append([2, 5, *boxes.ravel().tolist(), f"{'ab'[i % 2]}/{i}.png"])
    it = image.ImageDetIter(2, (3, 20, 20), imglist=entries, path_root=str(folder))
    assert it.provide_label[0].shape == (2, 2, 5)
    batch = next(it)
    assert batch.data[0].shape == (2, 3, 20, 20)
    np.testing.assert_allclose(batch.label[0].asnumpy()[1], BOXES)
    np.testing.assert_allclose(batch.label[0].asnumpy()[0], [BOXES[0], [-1] * 5])
    it.reshape(label_shape=(5, 5))
    assert it.provide_label[0].shape == (2, 5, 5)
    it.reset()
    assert next(it).label[0].shape == (2, 5, 5)
    with pytest.raises(ValueError, match="label_shape is \\(1, 5\\)"):
        it.reshape(label_shape=(1, 5))


def test_boxes_are_drawn(folder):
    pytest.importorskip("PIL")
    entries = [[2, 5, *BOXES.ravel().tolist(), "a/0.png"]]
    it = image.ImageDetIter(1, (3, 40, 40), imglist=entries, path_root=str(folder), std=True)
    (drawn,) = it.draw_next(color=(1, 2, 3), thickness=1, std=True, id2labels={1: "x"})
    assert drawn.shape == (40, 40, 3) and drawn.dtype == np.uint8
    rows, columns = np.nonzero((drawn == (1, 2, 3)).all(2))
    corners = np.array([columns.min(), rows.min(), columns.max(), rows.max()])
    low, high = BOXES[:, 1:3].min(0) * 40, BOXES[:, 3:5].max(0) * 40
    np.testing.assert_allclose(corners, [*low, *high], atol=1)
    assert len(list(it.draw_next())) == 0  # the pass is over


def test_det_flip_and_pad_move_the_boxes():
    src = mx.nd.array(picture(3), dtype="uint8")
    out, moved = detection.DetHorizontalFlipAug(1)(src, BOXES)
    np.testing.assert_allclose(moved[0], [1, 0.5, 0.2, 0.9, 0.6], atol=1e-6)
    np.testing.assert_array_equal(out.asnumpy(), picture(3)[:, ::-1])
    out, moved = detection.DetRandomPadAug(area_range=(2.0, 3.0), pad_val=(7, 7, 7))(src, BOXES)
    h, w = out.shape[:2]
    sizes = (moved[:, 3] - moved[:, 1]) * w, (moved[:, 4] - moved[:, 2]) * h
    np.testing.assert_allclose(sizes[0], (BOXES[:, 3] - BOXES[:, 1]) * W, rtol=1e-4)
    np.testing.assert_allclose(sizes[1], (BOXES[:, 4] - BOXES[:, 2]) * H, rtol=1e-4)
    assert 2 * H * W * 0.9 < h * w < 3 * H * W * 1.1


def test_det_crop_keeps_what_is_covered():
    src = mx.nd.array(picture(3), dtype="uint8")
    crop = detection.DetRandomCropAug(min_object_covered=0.5, area_range=(0.3, 0.9))
    for _ in range(20):
        out, moved = crop(src, BOXES)
        assert 1 <= len(moved) <= 2 and (moved[:, 1:] >= 0).all() and (moved[:, 1:] <= 1).all()
        assert (detection.areas(moved[:, 1:]) > 0).all()
        assert out.shape[0] * out.shape[1] <= 0.95 * H * W or np.array_equal(moved, BOXES)


def test_create_det_augmenter_ends_at_the_size(folder):
    entries = [[2, 5, *BOXES.ravel().tolist(), f"{'ab'[i % 2]}/{i}.png"] for i in range(6)]
    it = image.ImageDetIter(
        3, (3, 16, 18), imglist=entries, path_root=str(folder), rand_crop=0.5, rand_pad=0.5,
        rand_mirror=True, rand_gray=0.2, brightness=0.1, mean=True, std=True,
    )  # fmt: skip
    for batch in it:
        assert batch.data[0].shape == (3, 3, 16, 18)
        assert (batch.label[0].asnumpy()[:, 0, 0] > 0).all()


def test_det_labels_that_do_not_come_out_even_are_named():
    for label in (
        [2, 5, 1],
        [1, 5, *BOXES[0]],
        [2, 5, *BOXES[0], 3],
        [2, 5, 1, 0.5, 0.5, 0.1, 0.1],
    ):
        with pytest.raises(OSError, match="ImageDetIter: an image has"):
            det_iterator.parse_label(label)


# --- im2rec -------------------------------------------------------------------------------------


def test_im2rec_packs_folders(folder, tmp_path, capsys):
    prefix = str(tmp_path / "set")
    assert im2rec.main([prefix, str(folder), "--list", "--recursive", "--no-shuffle"]) == 0
    lines = (tmp_path / "set.lst").read_text().splitlines()
    assert lines[0] == "0\t0.000000\ta/0.png" and lines[5] == "5\t1.000000\tb/1.png"
    arguments = [prefix, str(folder), "--encoding", ".png", "--quality", "3", "--num-thread", "2"]
    assert im2rec.main(arguments) == 0
    it = mx.io.ImageRecordIter(f"{prefix}.rec", (3, H, W), 10, path_imgidx=f"{prefix}.idx")
    batch = next(it)
    assert batch.label[0].asnumpy().tolist() == [0] * 5 + [1] * 5
    np.testing.assert_array_equal(batch.data[0].asnumpy()[6], picture(3).transpose(2, 0, 1))


def test_im2rec_divides_and_resizes(folder, tmp_path):
    prefix = str(tmp_path / "set")
    arguments = ["--list", "--recursive", "--train-ratio", "0.6", "--test-ratio", "0.2"]
    im2rec.main([prefix, str(folder), *arguments])
    counts = {}
    for name in ("train", "val", "test"):
        counts[name] = len((tmp_path / f"set_{name}.lst").read_text().splitlines())
    assert counts == {"train": 6, "val": 2, "test": 2}
    im2rec.main([f"{prefix}_val", str(folder), "--resize", "12", "--center-crop"])
    reader = recordio.MXIndexedRecordIO(f"{prefix}_val.idx", f"{prefix}_val.rec", "r")
    assert recordio.unpack_img(reader.read(), 1)[1].shape == (12, 12, 3)


def test_im2rec_reports_what_it_left_out(folder, tmp_path, capsys):
    (folder / "a" / "broken.png").write_bytes(b"no image")
    prefix = str(tmp_path / "set")
    im2rec.main([prefix, str(folder), "--list", "--recursive"])
    assert im2rec.main([prefix, str(folder)]) == 1
    out = capsys.readouterr()
    assert os.path.join("a", "broken.png") in out.err and "10 images, 1 left out" in out.out


def test_detection_augmenters_of_one_call():
    np.random.seed(4)
    chain = image.CreateDetAugmenter(
        (3, 24, 20), resize=40, rand_crop=0.5, rand_pad=0.5, rand_mirror=True, mean=True, std=True,
        brightness=0.1, contrast=0.1, saturation=0.1, hue=0.1, pca_noise=0.1, rand_gray=0.1,
    )  # fmt: skip
    assert all(isinstance(augmenter, image.DetAugmenter) for augmenter in chain)
    for _ in range(10):
        picture = mx.nd.array(np.random.randint(0, 255, (48, 60, 3)), dtype="uint8")
        boxes = np.array([[1, 0.1, 0.2, 0.7, 0.9], [0, 0.3, 0.3, 0.6, 0.6]])
        for augmenter in chain:
            picture, boxes = augmenter(picture, boxes)
        assert picture.shape == (24, 20, 3) and picture.dtype == np.float32
        assert boxes.shape[1] == 5 and len(boxes) >= 1
        assert (boxes[:, 1:] >= 0).all() and (boxes[:, 1:] <= 1).all()
        assert (boxes[:, 3:] > boxes[:, 1:3]).all()

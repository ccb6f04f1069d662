"""Changes that ImageRecordIter makes to images, and ImageDetRecordIter. Values of MXNet:
tests/mxnet_compat/record_images.py."""

import numpy as np
import pytest

import plait as mx
from plait import image, recordio

H, W = 24, 32
Y, X = np.mgrid[:H, :W]
PICTURE = np.stack([X * 7, Y * 9, (X + Y) * 4], 2).astype("uint8")
BOXES = [[1, 0.125, 0.25, 0.5, 0.75], [2, 0.5, 0.5, 1.0, 1.0]]


def write(tmp_path, labels, pixels=PICTURE):
    path = str(tmp_path / "a.rec")
    with recordio.MXRecordIO(path, "w") as writer:
        for i, label in enumerate(labels):
            header = recordio.IRHeader(0, label, i, 0)
            writer.write(recordio.pack(header, image.imencode(pixels, ".png")))
    return path


@pytest.fixture
def rec(tmp_path):
    """Four times the same picture."""
    return write(tmp_path, [0.0, 1.0, 2.0, 3.0])


def rows(path, shape=(3, H, W), batch_size=4, **options):
    """Pictures of the first batch, channels last."""
    batch = next(mx.io.ImageRecordIter(path, shape, batch_size, **options))
    return batch.data[0].asnumpy().transpose(0, 2, 3, 1)


def test_turns(rec):
    turned = rows(rec, rotate=180)[0]
    # The middle is that of the whole picture, so that pixels lie one further on.
    np.testing.assert_allclose(turned[1:, 1:], PICTURE[::-1, ::-1][:-1, :-1], atol=1)
    assert (turned[0] == 255).all()
    turned = rows(rec, max_rotate_angle=20, fill_value=3)
    assert len({r.tobytes() for r in turned}) == 4 and (turned[:, 0, 0] == 3).any()


def test_shear_stretch_and_zoom(rec):
    sheared = rows(rec, max_shear_ratio=0.5)
    assert len({r.tobytes() for r in sheared}) == 4
    np.testing.assert_allclose(sheared[:, H // 2, W // 2], PICTURE[[H // 2] * 4, W // 2], atol=4)
    zoomed = rows(rec, (3, 2 * H, 2 * W), min_random_scale=2, max_random_scale=2)[0]
    np.testing.assert_allclose(zoomed[::2, ::2], PICTURE, atol=1)
    ramp = rows(rec, min_aspect_ratio=1.5, max_aspect_ratio=1.5)[0]
    assert 0.75 < np.diff(ramp[H // 2, 8:24, 0]).mean() / 7 / (1.5 / 1.2) / 1.0 < 1.25
    small = rows(rec, (3, 10, 10), max_img_size=10)[0]
    np.testing.assert_allclose(small, PICTURE[7:17, 11:21], atol=1)
    large = rows(rec, (3, 40, 40), min_img_size=40, fill_value=9)[0]
    assert (large[:8] == 9).all() and (large[:, :4] == 9).all()


def test_square_parts(rec):
    part = rows(rec, (3, 8, 8), min_crop_size=8, max_crop_size=8)[0]
    np.testing.assert_array_equal(part, PICTURE[8:16, 12:20])
    random = rows(rec, (3, 8, 8), min_crop_size=8, max_crop_size=20, rand_crop=True)
    assert len({r.tobytes() for r in random}) == 4


def test_hue_lightness_saturation(rec):
    whole = rows(rec, random_h=180)
    spread = np.ptp(PICTURE, 2)
    for row in whole:  # hue alone keeps the largest and the smallest channel
        np.testing.assert_allclose(np.ptp(row, 2), spread, atol=1.01)
        np.testing.assert_allclose(row.max(2), PICTURE.max(2), atol=1.01)
    light = rows(rec, random_l=100)
    shift = light.mean((1, 2, 3)) - PICTURE.mean()
    assert np.abs(shift).max() < 100 and np.ptp(shift) > 1
    gray = rows(rec, random_s=255)
    middle = (gray.max(3) + gray.min(3)) / 2
    np.testing.assert_allclose(middle, [(PICTURE.max(2) / 2 + PICTURE.min(2) / 2)] * 4, atol=1.01)


def test_contrast_and_illumination_come_after_the_mean(rec):
    plain = rows(rec, mean_r=100, mean_g=100, mean_b=100)
    out = rows(rec, mean_r=100, mean_g=100, mean_b=100, max_random_contrast=0.5)
    factor = out.sum((1, 2, 3)) / plain.sum((1, 2, 3))
    assert np.abs(factor - 1).max() <= 0.5 and np.ptp(factor) > 0.01
    np.testing.assert_allclose(out, plain * factor.reshape(-1, 1, 1, 1), atol=1e-2)
    out = rows(rec, max_random_illumination=20, scale=2.0)
    shift = out - 2.0 * rows(rec)
    assert np.ptp(shift, (1, 2, 3)).max() < 1e-3 and 1 < np.abs(shift).max() <= 40


def test_interpolation_by_size_and_drawn(rec):
    auto = rows(rec, (3, 12, 16), resize=12, inter_method=9)[0]
    np.testing.assert_array_equal(auto, rows(rec, (3, 12, 16), resize=12, inter_method=3)[0])
    drawn = rows(rec, (3, 12, 16), resize=12, inter_method=10, batch_size=32)
    assert len({r.tobytes() for r in drawn}) > 2


def test_mean_image_is_made_once_and_subtracted(tmp_path):
    path = write(tmp_path, [0.0, 1.0])
    other = str(tmp_path / "b.rec")
    with recordio.MXRecordIO(other, "w") as writer:
        for i, pixels in enumerate((PICTURE, 255 - PICTURE)):
            header = recordio.IRHeader(0, 0.0, i, 0)
            writer.write(recordio.pack(header, image.imencode(pixels, ".png")))
    mean = str(tmp_path / "mean.nd")
    out = rows(other, batch_size=2, mean_img=mean, std_r=2.0)
    expected = (PICTURE - 127.5) / [2, 1, 1]
    np.testing.assert_allclose(out[0], expected, atol=1e-4)
    assert list(mx.nd.load(mean)) == ["mean_img"]
    np.testing.assert_allclose(rows(path, mean_img=mean, std_r=2.0)[1], expected, atol=1e-4)
    mirrored = rows(path, mean_img=mean, mirror=True)[0]
    np.testing.assert_allclose(mirrored, PICTURE[:, ::-1] - 127.5, atol=1e-4)
    with pytest.raises(OSError, match=r"mean.nd has arrays of the shapes \[\(3, 24, 32\)\]"):
        rows(path, (3, 8, 8), mean_img=mean)


# --- boxes ----------------------------------------------------------------------------------------


@pytest.fixture
def boxes(tmp_path):
    """Pictures with two boxes, one box, and none."""
    return write(tmp_path, [[2, 5, *sum(BOXES[:n], [])] for n in (2, 1, 0)])


def detections(path, shape=(3, H, W), batch_size=3, **options):
    """Pictures and labels of the first batch."""
    batch = next(mx.io.ImageDetRecordIter(path, shape, batch_size, **options))
    return batch.data[0].asnumpy(), batch.label[0].asnumpy()


def test_labels_of_boxes(boxes):
    it = mx.io.ImageDetRecordIter(boxes, (3, 12, 16), 2)
    assert it.provide_label[0].shape == (2, 16)
    first, second = list(it)
    np.testing.assert_allclose(
        first.label[0].asnumpy(),
        [
            [3, 12, 16, 12, 2, 5, *BOXES[0], *BOXES[1]],
            [3, 12, 16, 7, 2, 5, *BOXES[0], *[-1] * 5],
        ],
    )
    assert second.pad == 1 and second.label[0].asnumpy()[0, 3] == 2
    objects = first.label[0][:, 6:].reshape((0, -1, 5)).asnumpy()
    np.testing.assert_allclose(objects, [BOXES, [BOXES[0], [-1] * 5]])
    _, label = detections(boxes, label_pad_width=20, label_pad_value=-7)
    assert label.shape == (3, 24) and (label[:, 16:] == -7).all()
    with pytest.raises(ValueError, match="label_pad_width is 11, must be at least 12"):
        detections(boxes, label_pad_width=11)


def test_boxes_are_mirrored_and_padded_with_their_image(boxes):
    data, label = detections(boxes, rand_mirror_prob=1.0)
    np.testing.assert_array_equal(data[0], PICTURE[:, ::-1].transpose(2, 0, 1))
    np.testing.assert_allclose(label[0, 7:11], [0.5, 0.25, 0.875, 0.75])
    _, label = detections(boxes, rand_pad_prob=1.0, max_pad_scale=3.0, fill_value=0)
    sides = label[0, 9:11] - label[0, 7:9]
    np.testing.assert_allclose(sides[0] / sides[1], 0.375 / 0.5, rtol=0.1)
    assert (sides < [0.375, 0.5]).all() and (sides > [0.12, 0.16]).all()


def test_modes_of_size(boxes):
    data, label = detections(boxes, (3, 16, 16), resize_mode="fit")
    assert label[0, :3].tolist() == [3, 12, 16] and (data[:, :, 12:] == 0).all()
    data, label = detections(boxes, (3, 40, 40), resize_mode="shrink")
    assert label[0, :3].tolist() == [3, H, W]
    np.testing.assert_array_equal(data[0, :, :H, :W], PICTURE.transpose(2, 0, 1))
    data, label = detections(boxes, (3, 40, 64), resize_mode="fit", std_r=2.0)
    assert label[0, :3].tolist() == [3, 40, 53] and data[0, 0].max() <= 127.5


@pytest.mark.parametrize("how", [{"crop_emit_mode": "center"}, {"crop_emit_mode": "overlap"}])
def test_crops_keep_the_objects_they_show(boxes, how):
    limits = {"min_crop_scales": (0.3, 0.5), "max_crop_scales": (0.9,), "num_crop_sampler": 2}
    ratios = {"min_crop_aspect_ratios": 0.5, "max_crop_aspect_ratios": 2.0}
    cover = {"min_crop_object_coverages": 0.5, "max_crop_trials": 100}
    it = mx.io.ImageDetRecordIter(
        boxes, (3, H, W), 3, rand_crop_prob=1.0, seed=3, **limits, **ratios, **cover, **how
    )
    for _ in range(10):
        it.reset()
        for row in next(it).label[0].asnumpy()[:2]:
            objects = row[6 : 4 + int(row[3])].reshape(-1, 5)
            assert len(objects) >= 1 and (objects[:, 1:] >= 0).all() and (objects[:, 1:] <= 1).all()
            assert (objects[:, 3:] > objects[:, 1:3]).all()


def test_a_crop_that_fits_nothing_leaves_the_image(boxes):
    data, label = detections(boxes, rand_crop_prob=1.0, min_crop_overlaps=0.999, max_crop_trials=3)
    np.testing.assert_array_equal(data[0], PICTURE.transpose(2, 0, 1))
    np.testing.assert_allclose(label[0, 6:11], BOXES[0])


def test_colors_of_images_with_boxes(boxes):
    plain, _ = detections(boxes)
    for name, most in (("hue", 180), ("saturation", 100), ("illumination", 50), ("contrast", 0.5)):
        off = {f"max_random_{name}": most, f"random_{name}_prob": 0.0}
        np.testing.assert_array_equal(detections(boxes, **off)[0], plain)
        on = {f"max_random_{name}": most, f"random_{name}_prob": 1.0}
        assert np.abs(detections(boxes, **on)[0] - plain).max() > 1


def test_labels_of_a_list_and_mean_image(boxes, tmp_path):
    lines = [f"{i}\t2\t5\t7\t0\t0\t0.5\t{0.5 + i / 10}\tx\n" for i in range(3)]
    (tmp_path / "a.lst").write_text("".join(lines))
    mean = str(tmp_path / "mean.nd")
    data, label = detections(
        boxes, path_imglist=str(tmp_path / "a.lst"), rand_mirror_prob=1.0, mean_img=mean
    )
    np.testing.assert_allclose(label[2, 4:], [2, 5, 7, 0.5, 0, 1, 0.7], rtol=1e-6)
    flipped = PICTURE[:, ::-1].astype("float32") - PICTURE
    np.testing.assert_allclose(data[0], flipped.transpose(2, 0, 1), atol=1e-4)
    (tmp_path / "a.lst").write_text(lines[0])
    with pytest.raises(OSError, match="has the id 1, for which the list has no labels"):
        detections(boxes, path_imglist=str(tmp_path / "a.lst"))


@pytest.mark.parametrize(
    "label", [1.0, [1, 5], [2, 4, 0, 0, 0, 0], [2, 5, 0, 0, 0], [9, 5, 1], [np.nan, 5]]
)
def test_labels_that_are_no_boxes_are_named(tmp_path, label):
    path = write(tmp_path, [[2, 5], label])
    with pytest.raises(OSError, match=r"a\.rec: the record at byte \d+ has \d labels"):
        list(mx.io.ImageDetRecordIter(path, (3, H, W), 1))
    it = mx.io.ImageDetRecordIter(path, (3, H, W), 1, skip_broken=True, round_batch=False)
    assert [b.pad for b in it] == [0, 1] and it.skipped == 1


def test_wrong_arguments_are_named(boxes):
    for arguments, kind, message in (
        ({"resize_mode": "none"}, ValueError, "resize_mode is 'none'"),
        ({"crop_emit_mode": "all"}, ValueError, "crop_emit_mode is 'all'"),
        ({"num_crop_sampler": 3, "min_crop_scales": (0.1, 0.2)}, ValueError, "has 2 values"),
        ({"max_crop_scales": 2.0}, ValueError, "max_scale is 2"),
        ({"max_rotate_angle": 3}, TypeError, "unknown argument max_rotate_angle"),
    ):
        with pytest.raises(kind, match=message):
            detections(boxes, **arguments)

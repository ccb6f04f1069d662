"""Images: codecs, sizes, crops and augmenters."""

import io
import random

import numpy as np
import pytest

import plait as mx
from plait import image


def gradient(h=40, w=60):
    """A smooth image, which JPEG keeps well."""
    y, x = np.mgrid[:h, :w]
    return np.stack([x * 255 // w, y * 255 // h, (x + y) * 255 // (h + w)], 2).astype("uint8")


def nd(pixels):
    return mx.nd.array(pixels, dtype=pixels.dtype)


def error(a, b):
    return np.abs(np.asarray(a, "float64") - np.asarray(b, "float64")).max()


# --- codecs -------------------------------------------------------------------------------------


def test_png_is_exact_and_jpeg_close():
    pixels = gradient()
    assert error(image.imdecode(image.imencode(pixels, ".png")).asnumpy(), pixels) == 0
    assert error(image.imdecode(image.imencode(pixels, ".jpg", 95)).asnumpy(), pixels) <= 8


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_png_keeps_channels_as_stored(channels):
    pixels = np.random.randint(0, 256, (5, 7, channels), "uint8")
    data = image.imencode(pixels, ".png")
    assert error(image.imdecode(data, flag=-1).asnumpy(), pixels) == 0
    assert image.imdecode(data).shape == (5, 7, 3)
    assert image.imdecode(data, flag=0).shape == (5, 7, 1)


def test_decoding_agrees_with_pillow():
    pillow = pytest.importorskip("PIL.Image")
    data = image.imencode(gradient(), ".jpg", 80)
    with pillow.open(io.BytesIO(data)) as picture:
        assert error(image.imdecode(data).asnumpy(), np.asarray(picture)) <= 3
        gray = np.asarray(picture.convert("L"))
    assert error(image.imdecode(data, flag=0).asnumpy()[:, :, 0], gray) <= 3


@pytest.mark.parametrize("mode", ["1", "L", "P", "LA", "RGB", "RGBA", "I;16"])
def test_every_kind_of_png(mode):
    pillow = pytest.importorskip("PIL.Image")
    picture = pillow.fromarray(gradient())
    if mode == "I;16":
        picture = pillow.fromarray(gradient()[:, :, 0].astype("uint16") * 256)
    else:
        picture = picture.convert(mode)
    file = io.BytesIO()
    picture.save(file, "PNG")
    out = image.imdecode(file.getvalue())
    expected = gradient()[:, :, :1] if mode == "I;16" else np.asarray(picture.convert("RGB"))
    assert out.shape == (40, 60, 3)
    assert error(out.asnumpy(), expected) <= (0 if mode != "I;16" else 1)


def test_progressive_gray_and_cmyk_jpeg():
    pillow = pytest.importorskip("PIL.Image")
    for mode, options in (("RGB", {"progressive": True}), ("L", {}), ("CMYK", {})):
        picture = pillow.fromarray(gradient()).convert(mode)
        file = io.BytesIO()
        picture.save(file, "JPEG", quality=95, **options)
        expected = np.asarray(picture.convert("RGB"))
        assert error(image.imdecode(file.getvalue()).asnumpy(), expected) <= 12, mode


def test_order_of_channels_and_out():
    data = image.imencode(gradient(), ".png")
    bgr = image.imdecode(data, to_rgb=False).asnumpy()
    assert error(bgr, gradient()[:, :, ::-1]) == 0
    out = mx.nd.zeros((40, 60, 3), dtype="uint8")
    assert image.imdecode(data, out=out) is out and error(out.asnumpy(), gradient()) == 0


def test_other_formats_go_through_pillow(tmp_path):
    pillow = pytest.importorskip("PIL.Image")
    pillow.fromarray(gradient()).save(tmp_path / "a.bmp")
    assert error(image.imread(str(tmp_path / "a.bmp")).asnumpy(), gradient()) == 0


def test_broken_images_name_themselves(tmp_path):
    for suffix in (".jpg", ".png"):
        path = tmp_path / f"a{suffix}"
        path.write_bytes(image.imencode(gradient(), suffix)[:-40])
        with pytest.raises(OSError, match=rf"image: .*a\{suffix} is broken"):
            image.imread(str(path))
    with pytest.raises(OSError, match="has no bytes"):
        image.imdecode(b"")
    with pytest.raises(OSError, match="is broken"):
        image.imdecode(b"no image at all")
    with pytest.raises(ValueError, match="flag is 2"):
        image.imdecode(b"x", flag=2)


def test_huge_images_are_refused_before_memory_is():
    data = bytearray(image.imencode(gradient(), ".jpg"))
    at = data.index(b"\xff\xc0") + 5
    data[at : at + 4] = b"\xff\xdc\xff\xdc"  # 65500 x 65500
    with pytest.raises(OSError, match="has 65500 x 65500 pixels, must have"):
        image.imdecode(bytes(data))


@pytest.mark.parametrize("suffix", [".jpg", ".png"])
def test_random_damage_never_does_more_than_raise(suffix):
    good = image.imencode(gradient(), suffix)
    for _ in range(300):
        data = bytearray(good)
        for _ in range(random.randrange(1, 8)):
            data[random.randrange(2, len(data))] = random.randrange(256)
        try:
            image.imdecode(bytes(data[: random.randrange(1, len(data) + 1)]))
        except OSError as fault:
            assert "image" in str(fault)


# --- sizes and crops ----------------------------------------------------------------------------


@pytest.mark.parametrize("interp", range(5))
@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_constant_images_stay_constant(interp, dtype):
    out = image.imresize(nd(np.full((9, 14, 3), 77, dtype)), 23, 5, interp)
    assert out.shape == (5, 23, 3) and out.dtype == np.dtype(dtype)
    assert error(out.asnumpy(), 77) < 1e-3


@pytest.mark.parametrize("interp", range(5))
def test_same_size_gives_the_same_image(interp):
    pixels = np.random.randint(0, 256, (8, 9, 3), "uint8")
    assert error(image.imresize(nd(pixels), 9, 8, interp).asnumpy(), pixels) == 0


def test_linear_and_area_agree_with_their_formulas():
    row = np.array([0, 10, 20, 40], "float32").reshape(1, 4, 1)
    linear = image.imresize(nd(row), 8, 1, 1).asnumpy().ravel()
    np.testing.assert_allclose(linear, [0, 2.5, 7.5, 12.5, 17.5, 25, 35, 40], atol=1e-5)
    np.testing.assert_allclose(image.imresize(nd(row), 2, 1, 3).asnumpy().ravel(), [5, 30])
    three = image.imresize(nd(row), 3, 1, 3).asnumpy().ravel()
    np.testing.assert_allclose(three, [2.5, 15, 35], atol=1e-5)
    np.testing.assert_array_equal(image.imresize(nd(row), 2, 1, 0).asnumpy().ravel(), [0, 20])


def test_resize_of_a_view_reads_the_view():
    pixels = np.random.randint(0, 256, (10, 12, 3), "uint8")
    part = image.imresize(nd(pixels)[2:8, 3:9], 4, 4)
    whole = image.imresize(nd(pixels[2:8, 3:9].copy()), 4, 4)
    assert error(part.asnumpy(), whole.asnumpy()) == 0


def test_resize_rejects_what_it_cannot_do():
    with pytest.raises(ValueError, match="shape is \\(4, 4\\)"):
        image.imresize(mx.nd.zeros((4, 4)), 2, 2)
    with pytest.raises(TypeError, match="dtype is int32"):
        image.imresize(mx.nd.zeros((4, 4, 3), dtype="int32"), 2, 2)
    with pytest.raises(ValueError, match="size is 0 x 2"):
        image.imresize(mx.nd.zeros((4, 4, 3)), 2, 0)
    with pytest.raises(ValueError, match="interp is 7"):
        image.imresize(mx.nd.zeros((4, 4, 3)), 2, 2, 7)


def test_resize_short_keeps_the_ratio():
    assert image.resize_short(nd(gradient(40, 60)), 20).shape == (20, 30, 3)
    assert image.resize_short(nd(gradient(60, 40)), 20).shape == (30, 20, 3)


def test_crops():
    pixels = gradient()
    src = nd(pixels)
    assert error(image.fixed_crop(src, 3, 5, 10, 20).asnumpy(), pixels[5:25, 3:13]) == 0
    assert image.fixed_crop(src, 3, 5, 10, 20, (6, 7)).shape == (7, 6, 3)
    out, place = image.center_crop(src, (20, 10))
    assert place == (20, 15, 20, 10) and error(out.asnumpy(), pixels[15:25, 20:40]) == 0
    out, (x, y, w, h) = image.random_crop(src, (20, 10))
    assert error(out.asnumpy(), pixels[y : y + h, x : x + w]) == 0
    assert image.random_crop(src, (120, 40))[0].shape == (40, 120, 3)
    out, (x, y, w, h) = image.random_size_crop(src, (16, 16), (0.1, 0.5), (0.75, 1.33))
    assert out.shape == (16, 16, 3) and 0.05 * 2400 < w * h < 0.6 * 2400
    assert image.scale_down((640, 480), (720, 120)) == (640, 106)


def test_border():
    out = image.copyMakeBorder(nd(gradient()), 1, 2, 3, 4, values=(9, 8, 7)).asnumpy()
    assert out.shape == (43, 67, 3) and out[0, 0].tolist() == [9, 8, 7]
    assert error(out[1:41, 3:63], gradient()) == 0
    for kind, mode in enumerate(("edge", "symmetric", "wrap", "reflect"), 1):
        out = image.copyMakeBorder(nd(gradient()), 1, 2, 3, 4, kind).asnumpy()
        assert error(out, np.pad(gradient(), ((1, 2), (3, 4), (0, 0)), mode)) == 0
    assert image.copyMakeBorder(nd(gradient()), 1, 0, 0, 0, value=5).asnumpy()[0, 0, 0] == 5
    with pytest.raises(ValueError, match="type is 5"):
        image.copyMakeBorder(nd(gradient()), 1, 1, 1, 1, 5)


def test_rotation_of_batches():
    batch = mx.nd.array(np.random.rand(2, 3, 8, 8))
    turned = image.imrotate(batch, mx.nd.array([0, 90])).asnumpy()
    np.testing.assert_allclose(turned[0], batch[0].asnumpy(), atol=1e-5)
    np.testing.assert_allclose(turned[1], np.rot90(batch[1].asnumpy(), 1, (1, 2)), atol=1e-5)
    random = image.random_rotate(mx.nd.array(np.stack([batch[0].asnumpy()] * 2)), (-90, 90))
    assert np.abs((random[0] - random[1]).asnumpy()).max() > 1e-3
    for arguments, kind, message in (
        ((batch.astype("uint8"), 3), TypeError, "dtype uint8, must be float32"),
        ((batch, [1, 2, 3]), ValueError, r"rotation_degrees has shape \(3,\)"),
        ((batch[0, 0], 3), ValueError, r"src has shape \(8, 8\)"),
        ((batch, 3, True, True), ValueError, "zoom_in and zoom_out"),
    ):
        with pytest.raises(kind, match=message):
            image.imrotate(*arguments)


# --- augmenters ---------------------------------------------------------------------------------


def test_color_changes_follow_their_formulas(monkeypatch):
    pixels = gradient().astype("float32")
    luma = pixels @ np.array([0.299, 0.587, 0.114], "float32")
    monkeypatch.setattr(random, "uniform", lambda low, high: high)
    cases = [
        (image.BrightnessJitterAug(0.5), pixels * 1.5),
        (image.ContrastJitterAug(0.5), pixels * 1.5 - 0.5 * luma.mean()),
        (image.SaturationJitterAug(0.5), pixels * 1.5 - 0.5 * luma[:, :, None]),
        (image.ColorNormalizeAug([1, 2, 3], [2, 4, 8]), (pixels - [1, 2, 3]) / [2, 4, 8]),
        (image.HorizontalFlipAug(1), pixels[:, ::-1]),
        (image.CastAug("float64"), pixels),
    ]
    for augmenter, expected in cases:
        out = augmenter(nd(pixels)).asnumpy()
        np.testing.assert_allclose(out, expected, rtol=1e-4, atol=1e-3, err_msg=augmenter.dumps())


def test_hue_keeps_gray_and_full_turns():
    gray = np.full((4, 5, 3), 100, "float32")
    np.testing.assert_allclose(image.HueJitterAug(0.5)(nd(gray)).asnumpy(), gray, atol=0.5)
    out = image.RandomGrayAug(1.0)(nd(gradient().astype("float32"))).asnumpy()
    assert np.ptp(out, axis=2).max() < 1e-3


def test_lighting_adds_one_color():
    out = image.LightingAug(0.1, np.ones(3), np.eye(3))(mx.nd.zeros((4, 5, 3))).asnumpy()
    assert np.ptp(out.reshape(-1, 3), axis=0).max() == 0 and np.abs(out).max() > 0


def test_create_augmenter_makes_the_list_of_mxnet():
    names = [
        type(a).__name__
        for a in image.CreateAugmenter(
            (3, 20, 30),
            resize=40,
            rand_crop=True,
            rand_resize=True,
            rand_mirror=True,
            mean=True,
            std=True,
            brightness=0.1,
            contrast=0.1,
            saturation=0.1,
            hue=0.1,
            pca_noise=0.1,
            rand_gray=0.2,
        )
    ]
    assert names == [
        "ResizeAug",
        "RandomSizedCropAug",
        "HorizontalFlipAug",
        "CastAug",
        "ColorJitterAug",
        "HueJitterAug",
        "LightingAug",
        "RandomGrayAug",
        "ColorNormalizeAug",
    ]
    out = nd(gradient())
    for augmenter in image.CreateAugmenter((3, 20, 30), mean=True, std=True):
        out = augmenter(out)
    assert out.shape == (20, 30, 3) and out.dtype == np.float32
    with pytest.raises(ValueError, match="mean is"):
        image.CreateAugmenter((3, 20, 30), mean=np.zeros(2))

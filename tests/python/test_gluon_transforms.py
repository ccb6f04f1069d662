"""Transforms of images."""

import numpy as np
import pytest

from plait import image, nd, random, symbol
from plait.gluon.data.vision import transforms

IMAGE = np.random.RandomState(0).randint(0, 256, (20, 30, 3)).astype("uint8")


def run(transform, image=IMAGE):
    return transform(nd.array(image, dtype=image.dtype)).asnumpy()


def test_to_tensor_and_normalize():
    tensor = run(transforms.ToTensor())
    np.testing.assert_allclose(tensor, IMAGE.transpose(2, 0, 1) / 255, rtol=1e-6)
    batch = run(transforms.ToTensor(), np.stack([IMAGE, IMAGE]))
    assert batch.shape == (2, 3, 20, 30)
    mean, std = (0.5, 0.4, 0.3), (0.2, 0.3, 0.4)
    want = (tensor - np.reshape(mean, (3, 1, 1))) / np.reshape(std, (3, 1, 1))
    both = [transforms.ToTensor(), transforms.Normalize(mean, std)]
    for compose in (transforms.Compose(both), transforms.HybridCompose(both)):
        np.testing.assert_allclose(run(compose), want, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(run(transforms.Normalize(0.5, 2.0), tensor), (tensor - 0.5) / 2)
    with pytest.raises(ValueError, match="std is 0"):
        transforms.Normalize(0.0, 0.0)


@pytest.mark.parametrize(
    ("transform", "shape"),
    [
        (transforms.Resize(10), (10, 10, 3)),
        (transforms.Resize(10, keep_ratio=True), (10, 15, 3)),
        (transforms.Resize((7, 9), interpolation=0), (9, 7, 3)),
        (transforms.CropResize(2, 3, 10, 8), (8, 10, 3)),
        (transforms.CropResize(2, 3, 10, 8, (5, 6)), (6, 5, 3)),
        (transforms.CenterCrop((8, 6)), (6, 8, 3)),
        (transforms.CenterCrop(40), (40, 40, 3)),
        (transforms.RandomCrop(24, pad=4), (24, 24, 3)),
        (transforms.RandomResizedCrop((16, 12)), (12, 16, 3)),
    ],
    ids=lambda x: type(x).__name__,
)
def test_sizes(transform, shape):
    out = run(transform)
    assert out.shape == shape and out.dtype == np.uint8


def test_crops_are_parts():
    np.testing.assert_array_equal(run(transforms.CropResize(2, 3, 10, 8)), IMAGE[3:11, 2:12])
    np.testing.assert_array_equal(run(transforms.CenterCrop((8, 6))), IMAGE[7:13, 11:19])
    with pytest.raises(ValueError, match="25, 3, 10, 8, must be a part of an image of 30 x 20"):
        run(transforms.CropResize(25, 3, 10, 8))


@pytest.mark.parametrize("dtype", ["uint8", "float32", "float64", "int32"])
@pytest.mark.parametrize("interpolation", range(5))
def test_resize_is_that_of_images(dtype, interpolation):
    x = nd.array(IMAGE, dtype=dtype)
    out = transforms.Resize((13, 41), interpolation=interpolation)(x)
    assert out.dtype == np.dtype(dtype) and out.shape == (41, 13, 3)
    want = image.imresize(nd.array(IMAGE, dtype="float32"), 13, 41, interpolation).asnumpy()
    want = np.clip(want, 0, 255) if dtype == "uint8" else want
    np.testing.assert_allclose(out.asnumpy(), want, atol=0.51 if dtype[0] in "ui" else 1e-4)
    with pytest.raises(ValueError, match="interp is 5"):
        transforms.Resize(4, interpolation=5)(x)


def test_transforms_as_symbols_and_compiled():
    parts = [
        transforms.Resize((12, 10)),
        transforms.CropResize(1, 2, 8, 6, (5, 4)),
        transforms.RandomFlipLeftRight(1.0),
        transforms.RandomFlipTopBottom(1.0),
        transforms.RandomBrightness(0.0),
        transforms.RandomContrast(0.0),
        transforms.RandomSaturation(0.0),
        transforms.RandomHue(0.0),
        transforms.RandomColorJitter(),
        transforms.RandomLighting(0.0),
        transforms.ToTensor(),
        transforms.Normalize((0.1, 0.2, 0.3), 0.5),
    ]
    x = nd.array(np.stack([IMAGE, IMAGE[::-1]]), dtype="uint8")
    eager = transforms.Compose(parts)(x).asnumpy()
    net = transforms.HybridCompose(parts)
    assert eager.shape == (2, 3, 4, 5)
    # The matrices of hue are rounded to three digits, so that grey levels may fall to both sides.
    np.testing.assert_allclose(net(x).asnumpy(), eager, atol=0.01)
    out = net(symbol.Variable("data"))
    np.testing.assert_allclose(out.eval(data=x)[0].asnumpy(), eager, atol=0.01)


@pytest.mark.parametrize(
    "transform",
    [
        transforms.CenterCrop((8, 6)),
        transforms.RandomCrop(24, pad=(4, 3), pad_value=7),
        transforms.RandomResizedCrop((16, 12), scale=(0.2, 0.5)),
        transforms.RandomGray(0.5),
    ],
    ids=lambda x: type(x).__name__,
)
def test_random_parts_are_drawn_anew_by_compiled_blocks(transform):
    x = nd.array(IMAGE, dtype="uint8")
    shape = transform(x).shape
    transform.hybridize()
    random.seed(0)
    drawn = [transform(x).asnumpy() for _ in range(12)]
    assert all(d.shape == shape and d.dtype == np.uint8 for d in drawn)
    found = len({d.tobytes() for d in drawn})
    assert found == 1 if isinstance(transform, transforms.CenterCrop) else found > 1
    batch = nd.array(np.stack([IMAGE, IMAGE]), dtype="uint8")
    both = transform(batch).asnumpy()
    np.testing.assert_array_equal(both[0], both[1])


def test_border_of_random_crop():
    out = run(transforms.RandomCrop((40, 28), pad=(5, 4), pad_value=9))
    np.testing.assert_array_equal(out[4:-4, 5:-5], IMAGE)
    np.testing.assert_array_equal(out[:4], 9)
    np.testing.assert_array_equal(out[:, -5:], 9)
    for transform, message in (
        (transforms.RandomCrop(4, pad=(-1, 0)), "pad is"),
        (transforms.CenterCrop((0, 3)), r"width is 0, must be in \[1, 2\^31\)"),
        (transforms.RandomResizedCrop(4, scale=(0.5, 2.0)), "area must be two numbers in"),
        (transforms.RandomResizedCrop(4, ratio=(2.0, 1.0)), "ratio must be two numbers in"),
    ):
        with pytest.raises(ValueError, match=message):
            run(transform)


def test_flips():
    np.testing.assert_array_equal(run(transforms.RandomFlipLeftRight(1.0)), IMAGE[:, ::-1])
    np.testing.assert_array_equal(run(transforms.RandomFlipTopBottom(1.0)), IMAGE[::-1])
    np.testing.assert_array_equal(run(transforms.RandomFlipLeftRight(0.0)), IMAGE)


def test_colours():
    for transform in (
        transforms.RandomBrightness(0.3),
        transforms.RandomContrast(0.3),
        transforms.RandomSaturation(0.3),
        transforms.RandomHue(0.3),
        transforms.RandomColorJitter(0.1, 0.2, 0.3, 0.1),
        transforms.RandomLighting(0.1),
    ):
        out = run(transform)
        assert out.shape == IMAGE.shape and out.dtype == np.uint8
        grey = run(transform, np.full((4, 4, 3), 100, "float32"))
        assert np.ptp(grey) < 30
    grey = run(transforms.RandomGray(1.0))
    np.testing.assert_array_equal(grey[..., 0], grey[..., 2])
    with pytest.raises(ValueError, match="RandomHue: hue is -1"):
        transforms.RandomHue(hue=-1)


def test_rotation():
    square = run(transforms.ToTensor())[:, :, :20]
    turned = run(transforms.Rotate(90), square)
    np.testing.assert_allclose(turned, np.rot90(square, 1, (1, 2)), atol=1e-5)
    inside = run(transforms.Rotate(30, zoom_in=True), np.ones((3, 16, 16), "float32"))
    assert inside.min() > 0.99
    assert run(transforms.RandomRotation((-10, 10)), square).shape == square.shape
    np.testing.assert_array_equal(
        run(transforms.RandomRotation((-10, 10), rotate_with_proba=0.0), square), square
    )
    with pytest.raises(TypeError, match="dtype uint8, must be float32"):
        run(transforms.Rotate(90))
    with pytest.raises(ValueError, match="must rise"):
        transforms.RandomRotation((10, -10))


def test_random_apply():
    assert run(transforms.RandomApply(transforms.Resize(4), 1.0)).shape == (4, 4, 3)
    assert run(transforms.RandomApply(transforms.Resize(4), 0.0)).shape == (20, 30, 3)
    assert run(transforms.HybridRandomApply(transforms.Cast("float64"), 1.0)).dtype == np.float64
    with pytest.raises(TypeError, match="must be a HybridBlock"):
        transforms.HybridRandomApply(transforms.Rotate(4))

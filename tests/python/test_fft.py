"""`mx.np.fft` against `numpy.fft`; gradients stand in test_complex."""

import numpy as np
import pytest

import plait as mx

RNG = np.random.default_rng(11)
LENGTHS = [1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 13, 16, 17, 30, 31, 64, 91, 97, 100, 127, 128, 210, 257,
           360, 509, 1000, 1009, 4096]  # fmt: skip


def numbers(*shape):
    return RNG.normal(size=shape) + 1j * RNG.normal(size=shape)


def close(got, want, tolerance=1e-12):
    assert got.shape == want.shape and got.asnumpy().dtype == want.dtype
    scale = max(1.0, np.abs(want).max(initial=0))
    np.testing.assert_allclose(got.asnumpy() / scale, want / scale, atol=tolerance)


@pytest.mark.parametrize("n", LENGTHS)
def test_lengths(n):
    x, r = numbers(3, n), RNG.normal(size=(3, n))
    a, b = mx.np.array(x, dtype="complex128"), mx.np.array(r, dtype="float64")
    for norm in (None, "ortho", "forward"):
        close(mx.np.fft.fft(a, norm=norm), np.fft.fft(x, norm=norm))
        close(mx.np.fft.ifft(a, norm=norm), np.fft.ifft(x, norm=norm))
        close(mx.np.fft.rfft(b, norm=norm), np.fft.rfft(r, norm=norm))
        half = np.fft.rfft(r)
        spectrum = mx.np.array(half, dtype="complex128")
        close(mx.np.fft.irfft(spectrum, n, norm=norm), np.fft.irfft(half, n, norm=norm))
    single = mx.np.array(x, dtype="complex64")
    close(mx.np.fft.fft(single), np.fft.fft(x).astype("complex64"), 2e-6)
    close(mx.np.fft.rfft(mx.np.array(r)), np.fft.rfft(r).astype("complex64"), 2e-6)


ONE = "fft ifft rfft irfft hfft ihfft".split()
SEVERAL = "fftn ifftn rfftn irfftn fft2 ifft2 rfft2 irfft2".split()


@pytest.mark.parametrize("name", ONE)
def test_axes_and_sizes(name):
    x = RNG.normal(size=(4, 5, 6)) if name in ("rfft", "ihfft") else numbers(4, 5, 6)
    a = mx.np.array(x, dtype=x.dtype)
    f, g = getattr(mx.np.fft, name), getattr(np.fft, name)
    for axis in (0, 1, -1):
        for n in (None, 3, 8):
            close(f(a, n=n, axis=axis), g(x, n=n, axis=axis))
    close(f(a.T, norm="ortho"), g(x.T, norm="ortho"))


@pytest.mark.parametrize("name", SEVERAL)
def test_several_axes(name):
    x = RNG.normal(size=(4, 5, 6)) if name.startswith("r") else numbers(4, 5, 6)
    a = mx.np.array(x, dtype=x.dtype)
    f, g = getattr(mx.np.fft, name), getattr(np.fft, name)
    close(f(a), g(x))
    for axes in ((0, 2), (1, 0)):
        close(f(a, axes=axes, norm="forward"), g(x, axes=axes, norm="forward"))
        close(f(a, s=(3, 7), axes=axes), g(x, s=(3, 7), axes=axes))


def test_whole_numbers_and_halves():
    x = np.arange(6)
    close(mx.np.fft.fft(mx.np.array(x, dtype="int32")), np.fft.fft(x).astype("complex64"), 1e-6)
    half = mx.np.array(x, dtype="float16")
    close(mx.np.fft.rfft(half), np.fft.rfft(x).astype("complex64"), 1e-6)


def test_frequencies_and_shifts():
    for n in (1, 4, 7):
        close(mx.np.fft.fftfreq(n, 0.5), np.fft.fftfreq(n, 0.5).astype("float32"))
        close(mx.np.fft.rfftfreq(n, dtype="float64"), np.fft.rfftfreq(n))
    x = np.arange(20.0).reshape(4, 5)
    a = mx.np.array(x, dtype="float64")
    for axes in (None, 0, (1,)):
        close(mx.np.fft.fftshift(a, axes), np.fft.fftshift(x, axes))
        close(mx.np.fft.ifftshift(a, axes), np.fft.ifftshift(x, axes))


WRONG = [
    (lambda: mx.np.fft.fft(mx.np.array(1.0)), ValueError, "fft: array has no axes"),
    (lambda: mx.np.fft.fft(mx.np.ones(4), n=0), ValueError, "fft: n is 0, must be >= 1"),
    (lambda: mx.np.fft.fft(mx.np.ones(4), axis=2), IndexError, "axes is 2"),
    (lambda: mx.np.fft.fft(mx.np.ones(4), norm="x"), ValueError, "fft: norm is 'x', must be one of"),
    (lambda: mx.np.fft.fft(mx.np.ones((2, 0))), ValueError, "must have elements along axis"),
    (lambda: mx.np.fft.fftn(mx.np.ones((2, 2)), s=(1, 2, 3)), IndexError, "axes is -3"),
    (lambda: mx.np.fft.fftn(mx.np.ones((2, 2)), s=(1,), axes=(0, 1)), ValueError, "fftn: s is"),
    (lambda: mx.np.fft.irfft(mx.np.ones(1)), ValueError, "irfft: n is 0, must be >= 1"),
    (lambda: mx.np.fft.rfftfreq(0), ValueError, "rfftfreq: n is 0"),
]  # fmt: skip


@pytest.mark.parametrize(("call", "error", "text"), WRONG)
def test_refuses(call, error, text):
    with pytest.raises(error, match=text):
        call()

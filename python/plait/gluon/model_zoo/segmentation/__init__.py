"""Networks that give each pixel a class."""

from .unet import UNet

__all__ = ["UNet"]

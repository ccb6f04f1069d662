"""Image datasets."""

from .datasets import MNIST, FashionMNIST

__all__ = ["MNIST", "FashionMNIST"]

"""Convolutions that MXNet 1.9 keeps here; all are part of `gluon.nn`."""

from ..nn import DeformableConvolution, ModulatedDeformableConvolution

__all__ = ["DeformableConvolution", "ModulatedDeformableConvolution"]

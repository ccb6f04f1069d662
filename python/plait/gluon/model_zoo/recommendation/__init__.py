"""Networks that tell how well items suit users."""

from .models import DLRM, NeuMF

__all__ = ["DLRM", "NeuMF"]

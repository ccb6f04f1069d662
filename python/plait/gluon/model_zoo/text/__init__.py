"""Networks for texts, given as whole numbers of words or parts of words."""

from .textcnn import TextCNN
from .transformer import GPT, BERTModel, MultiHeadAttention, TransformerLayer

__all__ = ["BERTModel", "GPT", "MultiHeadAttention", "TextCNN", "TransformerLayer"]

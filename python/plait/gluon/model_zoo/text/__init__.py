"""Networks for texts, given as whole numbers of words or parts of words."""

from .attention import MultiHeadAttention, TransformerLayer
from .bert import BERTModel
from .checkpoint import load_bert
from .gpt import GPT
from .seq2seq import Seq2SeqTransformer
from .textcnn import TextCNN

__all__ = [
    "BERTModel",
    "GPT",
    "MultiHeadAttention",
    "Seq2SeqTransformer",
    "TextCNN",
    "TransformerLayer",
    "load_bert",
]

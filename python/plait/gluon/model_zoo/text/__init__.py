"""Networks for texts, given as whole numbers of words or parts of words."""

from .bert import BERTModel
from .checkpoint import load_bert
from .gpt import GPT
from .seq2seq import Seq2SeqTransformer
from .textcnn import TextCNN

__all__ = [
    "BERTModel",
    "GPT",
    "Seq2SeqTransformer",
    "TextCNN",
    "load_bert",
]

"""Counts of tokens, vocabularies and their vectors: `mx.contrib.text`."""

from . import embedding, utils, vocab

__all__ = ["embedding", "utils", "vocab"]

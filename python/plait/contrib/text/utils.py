"""Counting tokens."""

import collections
import re

__all__ = ["count_tokens_from_str"]


def count_tokens_from_str(
    source_str, token_delim=" ", seq_delim="\n", to_lower=False, counter_to_update=None
):
    """Counter of the tokens of a text.

    Parameters
    ----------
    source_str : str
    token_delim, seq_delim : str
        Regular expressions that separate tokens and sequences.
    to_lower : bool
        Whether tokens are counted in lower case.
    counter_to_update : collections.Counter, optional
        Counted on and returned.

    Examples
    --------
    >>> mx.contrib.text.utils.count_tokens_from_str("to be or not to be")["be"]
    2
    """
    words = filter(None, re.split(f"{token_delim}|{seq_delim}", source_str))
    if to_lower:
        words = (word.lower() for word in words)
    counter = collections.Counter() if counter_to_update is None else counter_to_update
    counter.update(words)
    return counter

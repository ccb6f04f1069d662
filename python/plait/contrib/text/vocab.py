"""Tokens and their numbers."""

__all__ = ["Vocabulary"]


class Vocabulary:
    """Numbers of tokens: 0 is the unknown one, then come reserved ones, then by frequency.

    Parameters
    ----------
    counter : collections.Counter, optional
        Frequencies of tokens. Those of equal frequency are ordered by themselves.
    most_freq_count : int, optional
        Largest number of tokens of the counter that get a number.
    min_freq : int
        Least frequency of a token that gets a number, > 0.
    unknown_token : hashable
        What all other tokens become.
    reserved_tokens : list of hashable, optional
        Tokens that always have a number, such as padding.

    Raises
    ------
    ValueError
        If min_freq < 1, or reserved tokens repeat or have the unknown one.

    Examples
    --------
    >>> from collections import Counter
    >>> words = mx.contrib.text.vocab.Vocabulary(Counter("abca"), reserved_tokens=["<pad>"])
    >>> words.to_indices(["a", "c", "z"]), words.to_tokens(1)
    ([2, 4, 0], '<pad>')
    """

    def __init__(
        self,
        counter=None,
        most_freq_count=None,
        min_freq=1,
        unknown_token="<unk>",
        reserved_tokens=None,
    ):
        if min_freq < 1:
            raise ValueError(f"Vocabulary: min_freq is {min_freq}, must be > 0")
        given = list(reserved_tokens or ())
        if unknown_token in given or len(set(given)) != len(given):
            raise ValueError(
                f"Vocabulary: reserved_tokens is {given}, must have each token once and not "
                f"{unknown_token!r}"
            )
        self._unknown_token = unknown_token
        self._reserved_tokens = None if reserved_tokens is None else given
        self._idx_to_token = [unknown_token, *given]
        self._token_to_idx = {token: i for i, token in enumerate(self._idx_to_token)}
        if counter is not None:
            self._add(counter, most_freq_count, min_freq)

    def _add(self, counter, most_freq_count, min_freq):
        ordered = sorted(sorted(counter.items()), key=lambda item: item[1], reverse=True)
        room = most_freq_count or len(counter)
        for token, count in ordered:
            if count < min_freq or room <= 0:
                break
            if token not in self._token_to_idx:
                self._append(token)
                room -= 1

    def _append(self, token):
        self._token_to_idx[token] = len(self._idx_to_token)
        self._idx_to_token.append(token)

    def __len__(self):
        return len(self._idx_to_token)

    @property
    def token_to_idx(self):
        """dict of token to int."""
        return self._token_to_idx

    @property
    def idx_to_token(self):
        """list of tokens by number."""
        return self._idx_to_token

    @property
    def unknown_token(self):
        """What unknown tokens become."""
        return self._unknown_token

    @property
    def reserved_tokens(self):
        """list of the reserved tokens, or None."""
        return self._reserved_tokens

    def to_indices(self, tokens):
        """The number of a token, or a list for a list."""
        if isinstance(tokens, (list, tuple)):
            return [self._token_to_idx.get(token, 0) for token in tokens]
        return self._token_to_idx.get(tokens, 0)

    def to_tokens(self, indices):
        """The token of a number, or a list for a list.

        Raises
        ------
        ValueError
            If a number is not in [0, len(self) - 1].
        """
        numbers = indices if isinstance(indices, (list, tuple)) else [indices]
        for i in numbers:
            if not 0 <= i < len(self):
                raise ValueError(f"Vocabulary: index is {i}, must be in [0, {len(self) - 1}]")
        found = [self._idx_to_token[i] for i in numbers]
        return found if isinstance(indices, (list, tuple)) else found[0]

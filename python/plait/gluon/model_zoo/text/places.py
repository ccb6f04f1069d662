"""What networks for texts know of places."""

__all__ = ["hidden", "places"]

_FAR = 1e9  # is subtracted from the scores of places that must not be looked at


def places(F, x):
    """0, 1, ... for the second axis of x."""
    return F.contrib.arange_like(x, axis=1)


def hidden(F, tokens, valid_length):
    """Mask that hides all but the first `valid_length` (n,) places of tokens (n, length): it is
    added to scores (n, heads, queries, keys)."""
    valid = F.broadcast_greater(F.expand_dims(valid_length, 1), F.expand_dims(places(F, tokens), 0))
    return F.reshape((valid - 1.0) * _FAR, shape=(0, 1, 1, -1))

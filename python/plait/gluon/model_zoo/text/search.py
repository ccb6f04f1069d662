"""Beam search: the likeliest sequences, of which several are kept at each step."""

import numpy as np

__all__ = ["Beams"]


class Beams:
    """The sequences that are kept for each sample.

    Parameters
    ----------
    samples, beam : int
        Sequences of a sample are rows next to each other: there are ``samples * beam`` rows.
    end : int
        Token at the end of sequences.
    penalty : float
        Logarithms of probabilities are divided by ((5 + length) / 6) to the power of it: Wu and
        others, "Google's neural machine translation system" (2016), section 7.
    """

    def __init__(self, samples, beam, end, penalty):
        self._beam, self._end, self._penalty = beam, end, penalty
        # At first all rows of a sample are the same: only one counts.
        self._scores = np.full((samples, beam), -np.inf)
        self._scores[:, 0] = 0
        self._live = [[[] for _ in range(beam)] for _ in range(samples)]
        self._ended = [[] for _ in range(samples)]

    @property
    def done(self):
        """bool: whether no row goes on."""
        return not np.isfinite(self._scores).any()

    def _value(self, score, length):
        return score / ((5 + length) / 6) ** self._penalty

    def _take(self, sample, places, total, tokens):
        """Sequences that go on at the best of `places`: (score, row, token) of each.

        A sequence that ends keeps its place among the `beam` of its sample.
        """
        taken = []
        room = self._beam - len(self._ended[sample])
        for place in places[:room]:
            row, token = divmod(int(place), tokens)
            score, sequence = float(total[place]), self._live[sample][row]
            if score == -np.inf:
                break
            if token == self._end:
                self._ended[sample].append((self._value(score, len(sequence) + 1), sequence))
            else:
                taken.append((score, row, token))
        return taken

    def advance(self, chances):
        """Go on by one token.

        Parameters
        ----------
        chances : numpy.ndarray
            Logarithms of the probabilities of the next tokens, shape (samples * beam, tokens).

        Returns
        -------
        rows, tokens : numpy.ndarray
            For each new row, which old one it goes on from and with which token. Rows that do not
            go on have any.
        """
        samples, beam = self._scores.shape
        total = (self._scores[..., None] + chances.reshape(samples, beam, -1)).reshape(samples, -1)
        rows, added = np.zeros((2, samples, beam), "int64")
        rows += np.arange(samples)[:, None] * beam
        for i in range(samples):
            places = np.argsort(-total[i], kind="stable")
            taken = self._take(i, places, total[i], total.shape[1] // beam)
            before, self._live[i] = self._live[i], [[] for _ in range(beam)]
            self._scores[i] = -np.inf
            for k, (score, row, token) in enumerate(taken):
                rows[i, k], added[i, k], self._scores[i, k] = i * beam + row, token, score
                self._live[i][k] = [*before[row], token]
        return rows.ravel(), added.ravel()

    def best(self):
        """list of list of int: the best sequence of each sample, whole or still going on."""
        out = []
        for ended, live, scores in zip(self._ended, self._live, self._scores, strict=True):
            going = [(self._value(s, len(x)), x) for s, x in zip(scores, live, strict=True)]
            out.append(max([*ended, *going], key=lambda e: e[0])[1])
        return out

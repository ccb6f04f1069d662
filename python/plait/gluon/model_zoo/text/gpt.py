"""The decoder of Radford and others, "Language models are unsupervised multitask learners"
(2019)."""

from .... import ndarray
from ... import nn
from ...hybrid_block import HybridBlock
from .places import places

__all__ = ["GPT"]


class GPT(HybridBlock):
    """Decoder that predicts each token from those before it.

    Parameters
    ----------
    vocab_size : int
        Number of tokens.
    units, hidden_units, num_layers, num_heads : int
        Sizes; the defaults are those of the smallest GPT-2.
    max_length : int
        Longest text.
    dropout : float
    """

    def __init__(
        self,
        vocab_size,
        units=768,
        hidden_units=None,
        num_layers=12,
        num_heads=12,
        max_length=1024,
        dropout=0.1,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self._max_length = max_length
        with self.name_scope():
            self.token = nn.Embedding(vocab_size, units, prefix="token_")
            self.place = nn.Embedding(max_length, units, prefix="place_")
            self.dropout = nn.Dropout(dropout)
            self.decoder = nn.TransformerEncoder(
                num_layers,
                units,
                num_heads,
                hidden_units,
                dropout=dropout,
                attention_dropout=dropout,
                causal=True,
                prefix="decoder_",
            )
            # The scores use the vectors of the tokens: Press, Wolf (2017).
            self.output = nn.Dense(
                vocab_size,
                flatten=False,
                use_bias=False,
                in_units=units,
                params=self.token.params,
                prefix="token_",
            )

    def hybrid_forward(self, F, tokens):
        """Tokens of shape (n, length) to scores of the next ones, (n, length, vocab_size)."""
        x = self.token(tokens)
        x = self.dropout(F.broadcast_add(x, F.expand_dims(self.place(places(F, tokens)), 0)))
        return self.output(self.decoder(x))

    def _go_on(self, tokens, state):
        at, caches = state
        end = at + tokens.shape[1]
        if end > self._max_length:
            raise ValueError(f"GPT: the text has length {end}, must be at most {self._max_length}")
        place = self.place(ndarray.arange(at, end, ctx=tokens.context)).expand_dims(0)
        x = ndarray.broadcast_add(self.token(tokens), place)
        return self.output(self.decoder.decode(x, caches)), (end, caches)

    def start(self, tokens):
        """Scores as when called, and what `step` needs of the text."""
        caches = self.decoder.make_cache(tokens.shape[0], self._max_length, ctx=tokens.context)
        return self._go_on(tokens, (0, caches))

    def step(self, token, state):
        """Goes on by one token, in time that does not grow with the square of the length.

        Parameters
        ----------
        token : NDArray
            Shape (n,).
        state : tuple
            What `start` or the last `step` returned; is used up.

        Returns
        -------
        (NDArray, tuple)
            Scores of the token after it, shape (n, vocab_size); the state for it.

        Raises
        ------
        ValueError
            At the end of `max_length`.
        """
        scores, state = self._go_on(token.expand_dims(1), state)
        return scores[:, 0], state

    def generate(self, tokens, steps, temperature=0.0, top_k=None):
        """Texts of shape (n, length) with `steps` further tokens.

        Parameters
        ----------
        temperature : float
            0: the likeliest token; else it is drawn by the softmax of scores / temperature.
        top_k : int, optional
            Draw among the likeliest only.

        Notes
        -----
        What was computed for a token is kept for those after it, until the text is longer than
        `max_length`: then each token is predicted from the end of the text.
        """
        state = None
        for _ in range(steps):
            if state is None or state[0] >= self._max_length:
                scores, state = self.start(tokens[:, -self._max_length :])
                scores = scores[:, -1]
            else:
                scores, state = self.step(tokens[:, -1], state)
            token = self._choose(scores, temperature, top_k)
            tokens = ndarray.concat(tokens, token.expand_dims(1).astype(tokens.dtype), dim=1)
        return tokens

    @staticmethod
    def _choose(scores, temperature, top_k):
        if not temperature:
            return scores.argmax(axis=1)
        if top_k is not None:
            least = scores.topk(k=top_k, ret_typ="value").min(axis=1, keepdims=True)
            scores = ndarray.where(
                ndarray.broadcast_lesser(scores, least), ndarray.full(scores.shape, -1e9), scores
            )
        return ndarray.random.multinomial((scores / temperature).softmax(axis=1))

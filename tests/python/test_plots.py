"""Pictures: figures that hold what they were given."""

import io

import numpy as np
import pytest

import plait as mx
from plait import plots


def drawn(figure):
    """The figure as it is drawn, which is where errors in it show."""
    file = io.BytesIO()
    figure.savefig(file, format="png")
    assert file.getvalue().startswith(b"\x89PNG")
    return figure


def test_learning_curve_draws_each_curve():
    figure = drawn(plots.learning_curve({"train": [3, 2, 1.5], "test": [(0, 4), (2, 2)]}, log=True))
    axes = figure.axes[0]
    assert [line.get_label() for line in axes.lines] == ["train", "test"]
    assert axes.lines[0].get_xydata().tolist() == [[1, 3], [2, 2], [3, 1.5]]
    assert axes.get_yscale() == "log"


def test_confusion_matrix_counts():
    scores = mx.nd.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4], [0.3, 0.7]])
    figure = drawn(plots.confusion_matrix(mx.nd.array([0, 1, 1, 1]), scores, ["cat", "dog"]))
    axes = figure.axes[0]
    assert [int(t.get_text()) for t in axes.texts] == [1, 0, 1, 2]
    np.testing.assert_allclose(axes.images[0].get_array(), [[1, 0], [1 / 3, 2 / 3]])
    assert [t.get_text() for t in axes.get_yticklabels()] == ["cat", "dog"]


def test_filters_are_tiles():
    assert len(drawn(plots.filters(mx.nd.random.normal(shape=(6, 3, 5, 5)))).axes) == 6
    assert len(drawn(plots.filters(np.random.randn(2, 4, 3, 3), columns=3)).axes) == 8


def test_attention_maps_have_a_picture_for_each_head():
    figure = drawn(plots.attention_maps(np.random.rand(3, 2, 4), ["a", "b"], list("wxyz")))
    assert len(figure.axes) == 3
    assert [t.get_text() for t in figure.axes[0].get_xticklabels()] == list("wxyz")


def test_wrong_arguments_are_named():
    for call, message in (
        (lambda: plots.learning_curve({}), "curves is empty"),
        (lambda: plots.learning_curve({"a": [(1, 2, 3)]}), "must be numbers or pairs"),
        (lambda: plots.confusion_matrix([0, 1], [0]), "2 and 1 samples"),
        (lambda: plots.confusion_matrix([0, 2], [0, 1], ["a", "b"]), "must be in \\[0, 1\\]"),
        (lambda: plots.filters(np.zeros(3)), "must have four axes"),
        (lambda: plots.attention_maps(np.zeros((1, 2, 3)), queries=["a"]), "queries has 1 names"),
    ):
        with pytest.raises(ValueError, match=message):
            call()

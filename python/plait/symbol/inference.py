"""Shapes and dtypes that follow from those of some arguments."""

import json

import numpy as np

from ..base import dtype_name
from ..util import is_np_shape

__all__ = ["Inference"]


class Inference:
    """Base of Symbol."""

    __slots__ = ()

    def _infer(self, shapes=None, dtypes=None):
        given, unknown = {}, -1 if is_np_shape() else 0
        for name, shape in (shapes or {}).items():
            sizes = [-1 if d == unknown else int(d) for d in shape]
            given.setdefault(name, {})["shape"] = sizes
        for name, dtype in (dtypes or {}).items():
            given.setdefault(name, {})["dtype"] = dtype_name(dtype)
        return json.loads(self._handle.infer_json(json.dumps(given)))

    def _named(self, args, kwargs):
        names = self.list_arguments()
        if len(args) > len(names):
            raise ValueError(f"infer: got {len(args)} values, must be at most {len(names)}")
        named = {n: a for n, a in zip(names, args, strict=False) if a is not None}
        return {**named, **{k: v for k, v in kwargs.items() if v is not None}}

    def _known_shapes(self, *args, **kwargs):
        found = self._infer(shapes=self._named(args, kwargs))
        return tuple(
            [None if s is None else tuple(s) for s in found[key]]
            for key in ("arg_shapes", "out_shapes", "aux_shapes")
        )

    def infer_shape_partial(self, *args, **kwargs):
        """As `infer_shape`, with () for each shape and 0 for each size that does not follow.

        With `mx.util.np_shape`, where these are known, such a shape is None and such a size -1.
        """
        found = self._infer(shapes=self._named(args, kwargs))
        nothing, unknown = (None, -1) if is_np_shape() else ((), 0)
        return tuple(
            [
                nothing if s is None else tuple(unknown if d < 0 else d for d in s)
                for s in found[key]
            ]
            for key in ("arg_partial", "out_partial", "aux_partial")
        )

    def infer_shape(self, *args, **kwargs):
        """Shapes of arguments, outputs and auxiliary states from those of some arguments.

        Returns
        -------
        (list of tuple, list of tuple, list of tuple), or (None, None, None) if some do not follow

        Raises
        ------
        MXNetError
            If the shapes given contradict each other; the message names the node.
        """
        result = self._known_shapes(*args, **kwargs)
        if any(s is None for group in result for s in group):
            return None, None, None
        return result

    def infer_type_partial(self, *args, **kwargs):
        """As `infer_type`, with None for each dtype that does not follow."""
        found = self._infer(dtypes=self._named(args, kwargs))
        return tuple(
            [None if t is None else np.dtype(t).type for t in found[key]]
            for key in ("arg_dtypes", "out_dtypes", "aux_dtypes")
        )

    def infer_type(self, *args, **kwargs):
        """numpy types of arguments, outputs and auxiliary states; where nothing is said the first
        floating one given, or float32."""
        given = self._named(args, kwargs)
        if not given:
            given = {name: np.float32 for name in self.list_arguments()[:1]}
        found = self._infer(dtypes=given)
        names = [dtype_name(dtype) for dtype in given.values()]
        default = next((name for name in names if "float" in name), "float32")
        return tuple(
            [np.dtype(t or default).type for t in found[key]]
            for key in ("arg_dtypes", "out_dtypes", "aux_dtypes")
        )

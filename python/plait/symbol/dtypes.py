"""Names and numbers of dtypes in graphs."""

import numpy as np

__all__ = ["DTYPE_NUMBERS", "dtype_name"]

# As in MXNet's files.
DTYPE_NUMBERS = {
    name: number
    for number, name in enumerate(
        (
            "float32",
            "float64",
            "float16",
            "uint8",
            "int32",
            "int8",
            "int64",
            "bool",
            "int16",
            "uint16",
            "uint32",
            "uint64",
            "bfloat16",
        )
    )
}


def dtype_name(dtype):
    return dtype if isinstance(dtype, str) else np.dtype(dtype).name

"""All importers: reading them fills the table."""

from . import (  # noqa: F401
    import_attention,
    import_control,
    import_index,
    import_layers,
    import_pooling,
    import_quantized,
    import_random,
    import_recurrent,
    import_reduce,
    import_resize,
    import_shapes,
    import_signal,
    import_simple,
    import_training,
    import_types,
    import_vision,
)

__all__ = []

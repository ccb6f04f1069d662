"""What the reader of the core does to images, from MXNet's arguments."""

__all__ = ["as_text", "detection_options", "neutral"]

# Arguments of MXNet without a meaning here.
_IGNORED = {
    "mean_a",
    "std_a",
    "verbose",
    "ctx",
    "device_id",
    "aug_seq",
    "shuffle_chunk_size",
    "shuffle_chunk_seed",
    "data_layout",
}
_MODES = ("force", "shrink", "fit")


def check_ignored(name, rest):
    """TypeError for arguments that neither MXNet nor the iterator `name` has."""
    for key in rest:
        if key not in _IGNORED:
            raise TypeError(f"{name}: unknown argument {key}")


def as_text(options):
    """Options of the reader as the core takes them; None stands for the default."""
    return {key: str(value) for key, value in options.items() if value is not None}


# Options that do not change images but for their size.
_PLAIN = (
    "path_imgrec",
    "data_shape",
    "batch_size",
    "label_width",
    "skip_broken",
    "preprocess_threads",
    "prefetch_buffer",
    "resize",
    "fill_value",
    "inter_method",
)


def neutral(options):
    """The options of a reader that only cuts images to their size, as float32."""
    return {key: options[key] for key in _PLAIN if key in options}


def _samplers(name, count, trials, **limits):
    """A dict for each sampler; an argument has one value for all of them or one for each."""

    def pick(key, values, i):
        values = [values] if isinstance(values, (int, float)) else list(values)
        if len(values) not in (1, count):
            raise ValueError(
                f"{name}: {key} has {len(values)} values, must have 1 or {count} (num_crop_sampler)"
            )
        return values[i if len(values) > 1 else 0]

    return [
        {
            "trials": int(pick("max_crop_trials", trials, i)),
            **{
                field: (
                    pick(f"min_crop_{plural}", low, i),
                    pick(f"max_crop_{plural}", high, i),
                )
                for field, (plural, low, high) in limits.items()
            },
        }
        for i in range(count)
    ]


def detection_options(
    name,
    preprocess_threads=4,
    prefetch_buffer=4,
    resize=-1,
    rand_crop_prob=0.0,
    min_crop_scales=(0.0,),
    max_crop_scales=(1.0,),
    min_crop_aspect_ratios=(1.0,),
    max_crop_aspect_ratios=(1.0,),
    min_crop_overlaps=(0.0,),
    max_crop_overlaps=(1.0,),
    min_crop_sample_coverages=(0.0,),
    max_crop_sample_coverages=(1.0,),
    min_crop_object_coverages=(0.0,),
    max_crop_object_coverages=(1.0,),
    num_crop_sampler=1,
    crop_emit_mode="center",
    emit_overlap_thresh=0.3,
    max_crop_trials=(25,),
    rand_pad_prob=0.0,
    max_pad_scale=1.0,
    max_random_hue=0,
    random_hue_prob=0.0,
    max_random_saturation=0,
    random_saturation_prob=0.0,
    max_random_illumination=0,
    random_illumination_prob=0.0,
    max_random_contrast=0.0,
    random_contrast_prob=0.0,
    rand_mirror_prob=0.0,
    fill_value=127,
    inter_method=1,
    resize_mode="force",
    label_pad_value=-1.0,
    mean_r=0.0,
    mean_g=0.0,
    mean_b=0.0,
    std_r=0.0,
    std_g=0.0,
    std_b=0.0,
    scale=1.0,
    **rest,
):
    """(options of the reader, fields of its detection options) for images with boxes."""
    check_ignored(name, rest)
    for key, value, known in (
        ("crop_emit_mode", crop_emit_mode, ("center", "overlap")),
        ("resize_mode", resize_mode, _MODES),
    ):
        if value not in known:
            raise ValueError(f"{name}: {key} is {value!r}, must be one of {known}")
    options = {
        "preprocess_threads": preprocess_threads,
        "prefetch_buffer": prefetch_buffer,
        "resize": resize,
        "fill_value": fill_value,
        "inter_method": inter_method,
        "scale": scale,
        "mean_r": mean_r,
        "mean_g": mean_g,
        "mean_b": mean_b,
        "std_r": std_r or 1.0,
        "std_g": std_g or 1.0,
        "std_b": std_b or 1.0,
    }
    detection = {
        "samplers": _samplers(
            name,
            num_crop_sampler,
            max_crop_trials,
            scale=("scales", min_crop_scales, max_crop_scales),
            ratio=("aspect_ratios", min_crop_aspect_ratios, max_crop_aspect_ratios),
            overlap=("overlaps", min_crop_overlaps, max_crop_overlaps),
            sample_coverage=(
                "sample_coverages",
                min_crop_sample_coverages,
                max_crop_sample_coverages,
            ),
            object_coverage=(
                "object_coverages",
                min_crop_object_coverages,
                max_crop_object_coverages,
            ),
        ),
        "crop_probability": rand_crop_prob,
        "keep_by_overlap": crop_emit_mode == "overlap",
        "min_kept": emit_overlap_thresh,
        "resize_mode": _MODES.index(resize_mode),
        "pad": (max(max_pad_scale, 1.0), rand_pad_prob if max_pad_scale > 1 else 0.0),
        "hue": (max_random_hue, random_hue_prob),
        "lightness": (max_random_illumination, random_illumination_prob),
        "saturation": (max_random_saturation, random_saturation_prob),
        "contrast": (max_random_contrast, random_contrast_prob),
        "mirror": rand_mirror_prob,
        "pad_value": label_pad_value,
    }
    return options, detection

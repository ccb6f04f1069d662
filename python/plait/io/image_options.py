"""What the reader of the core does to images, from MXNet's arguments."""

__all__ = ["check_ignored", "detection_options", "image_options"]

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
# Changes of images that are neutral.
_NEUTRAL = {
    "resize": 0,
    "pad": 0,
    "rand_crop": False,
    "sized_crop": False,
    "area": (1.0, 1.0),
    "ratio": (1.0, 1.0),
    "crop": (0, 0),
    "angle": (0.0, 0.0),
    "max_shear": 0.0,
    "stretch": (1.0, 1.0),
    "zoom": (1.0, 1.0),
    "size": (0, 0),
    "mirror": 0.0,
    **dict.fromkeys(("brightness", "contrast", "saturation", "hue", "pca_noise"), 0.0),
    **dict.fromkeys(("random_h", "random_l", "random_s"), 0.0),
    "max_contrast": 0.0,
    "max_illumination": 0.0,
}


def check_ignored(name, rest):
    """TypeError for arguments that neither MXNet nor the iterator `name` has."""
    for key in rest:
        if key not in _IGNORED:
            raise TypeError(f"{name}: unknown argument {key}")


def neutral(options):
    """The options of a reader that only cuts images to their size."""
    return {**options, **_NEUTRAL, "resize": options["resize"]}


def _limits(low, high):
    """Limits of a ratio: below 1 `high` alone is the distance from 1, else the inverse is the other
    limit."""
    if low is not None:
        return low, high or low
    return (1 / high, high) if high >= 1 else (1 - high, 1 + high)


def image_options(
    name,
    preprocess_threads=4,
    prefetch_buffer=4,
    resize=-1,
    pad=0,
    fill_value=255,
    rand_crop=False,
    random_resized_crop=False,
    min_random_area=1.0,
    max_random_area=1.0,
    min_aspect_ratio=None,
    max_aspect_ratio=0.0,
    max_rotate_angle=0,
    rotate=-1,
    max_shear_ratio=0.0,
    min_random_scale=1.0,
    max_random_scale=1.0,
    min_crop_size=-1,
    max_crop_size=-1,
    min_img_size=0.0,
    max_img_size=1e10,
    rand_mirror=False,
    mirror=False,
    brightness=0.0,
    contrast=0.0,
    saturation=0.0,
    hue=0.0,
    pca_noise=0.0,
    random_h=0,
    random_s=0,
    random_l=0,
    max_random_contrast=0.0,
    max_random_illumination=0.0,
    mean_r=0.0,
    mean_g=0.0,
    mean_b=0.0,
    std_r=1.0,
    std_g=1.0,
    std_b=1.0,
    scale=1.0,
    inter_method=1,
    **rest,
):
    """Fields of the reader's options for one label or a vector of labels."""
    check_ignored(name, rest)
    ratio = _limits(min_aspect_ratio, max_aspect_ratio)
    sized = bool(random_resized_crop)
    longest = max(min_crop_size, max_crop_size, 0)
    return {
        "threads": preprocess_threads,
        "prefetch": prefetch_buffer,
        "resize": max(resize, 0),
        "pad": pad,
        "fill_value": fill_value,
        "interpolation": inter_method,
        "rand_crop": rand_crop,
        "sized_crop": sized,
        "area": (min_random_area, max_random_area),
        "ratio": ratio if sized else (1.0, 1.0),
        "crop": (0, 0) if sized or not longest else (max(min_crop_size, 1), longest),
        "angle": (rotate, rotate) if rotate != -1 else (-max_rotate_angle, max_rotate_angle),
        "max_shear": max_shear_ratio,
        "stretch": (1.0, 1.0) if sized else ratio,
        "zoom": (1.0, 1.0) if sized else (min_random_scale, max_random_scale),
        "size": (int(min_img_size), 0 if max_img_size >= 1e10 else int(max_img_size)),
        "mirror": 1.0 if mirror else 0.5 if rand_mirror else 0.0,
        "brightness": brightness,
        "contrast": contrast,
        "saturation": saturation,
        "hue": hue,
        "pca_noise": pca_noise,
        "random_h": random_h,
        "random_l": random_l,
        "random_s": random_s,
        "max_contrast": max_random_contrast,
        "max_illumination": max_random_illumination,
        "scale": scale,
        "mean": (mean_r, mean_g, mean_b),
        "std": (std_r, std_g, std_b),
    }


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
    """(fields of the reader's options, those of its detection options) for images with boxes."""
    check_ignored(name, rest)
    for key, value, known in (
        ("crop_emit_mode", crop_emit_mode, ("center", "overlap")),
        ("resize_mode", resize_mode, _MODES),
    ):
        if value not in known:
            raise ValueError(f"{name}: {key} is {value!r}, must be one of {known}")
    fields = {
        **_NEUTRAL,
        "threads": preprocess_threads,
        "prefetch": prefetch_buffer,
        "resize": max(resize, 0),
        "fill_value": fill_value,
        "interpolation": inter_method,
        "scale": scale,
        "mean": (mean_r, mean_g, mean_b),
        "std": tuple(s or 1.0 for s in (std_r, std_g, std_b)),
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
    return fields, detection

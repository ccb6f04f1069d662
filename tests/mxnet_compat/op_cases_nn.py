"""Calls of the layers, sequence, vision, linear algebra and attention operators."""

import numpy as np


def layers(d):
    x = d.real(2, 3, 6, 5)
    fc = {"num_hidden": 4}
    d.add("FullyConnected", [d.real(3, 5), d.real(4, 5), d.real(4)], fc, grad=(0, 1, 2))
    d.add(
        "FullyConnected",
        [d.real(3, 2, 5), d.real(4, 5)],
        {**fc, "no_bias": True, "flatten": False},
        grad=(0, 1),
    )
    conv = {"kernel": (3, 2), "num_filter": 4, "stride": (2, 1), "pad": (1, 1)}
    d.add("Convolution", [x, d.real(4, 3, 3, 2), d.real(4)], conv, grad=(0, 1, 2))
    d.add(
        "Convolution",
        [d.real(2, 4, 9), d.real(6, 2, 3), d.real(6)],
        {"kernel": (3,), "num_filter": 6, "num_group": 2, "dilate": (2,)},
        grad=(0, 1, 2),
    )
    d.add(
        "Deconvolution",
        [x, d.real(3, 2, 3, 2)],
        {"kernel": (3, 2), "num_filter": 2, "stride": (2, 1), "pad": (1, 0), "adj": (1, 0)},
        grad=(0, 1),
    )
    d.add(
        "Deconvolution",
        [d.real(1, 2, 4, 4), d.real(2, 2, 3, 3)],
        {"kernel": (3, 3), "num_filter": 2, "stride": (2, 2), "target_shape": (8, 7)},
        grad=(0, 1),
    )
    d.add(
        "Deconvolution",
        [d.real(2, 4, 5), d.real(4, 3, 3)],
        {"kernel": (3,), "num_filter": 6, "num_group": 2},
        grad=(0, 1),
    )
    for kind in ("max", "avg", "sum"):
        for convention in ("valid", "full"):
            d.add(
                "Pooling",
                [x],
                {
                    "kernel": (3, 2),
                    "stride": (2, 2),
                    "pad": (1, 1),
                    "pool_type": kind,
                    "pooling_convention": convention,
                },
                grad=(0,),
            )
        d.add("Pooling", [x], {"global_pool": True, "pool_type": kind, "kernel": (1, 1)}, grad=(0,))
    d.add("Pooling", [x], {"kernel": (2, 2), "pool_type": "lp", "p_value": 2}, grad=(0,))
    d.add(
        "Pooling",
        [d.real(2, 3, 7)],
        {"kernel": (3,), "pool_type": "avg", "pad": (1,), "count_include_pad": False},
        grad=(0,),
    )
    d.add("Pooling", [d.real(1, 2, 4, 4, 3)], {"kernel": (2, 2, 2), "pool_type": "max"}, grad=(0,))
    for kind in ("max", "avg", "sum"):
        window = {"kernel": (3, 2), "stride": (2, 1), "pad": (1, 1), "pool_type": kind}
        for convention in ("valid", "full"):
            d.add("Pooling_v1", [x], {**window, "pooling_convention": convention}, grad=(0,))
        d.add(
            "Pooling_v1", [x], {"global_pool": True, "pool_type": kind, "kernel": (1, 1)}, grad=(0,)
        )
    for act in ("relu", "sigmoid", "tanh", "softrelu", "softsign"):
        d.add("Activation", [x], {"act_type": act}, grad=(0,))
    for act in ("leaky", "elu", "selu", "gelu"):
        d.add("LeakyReLU", [x], {"act_type": act}, grad=(0,))
    d.add("LeakyReLU", [x, d.real(3)], {"act_type": "prelu"}, grad=(0, 1))
    d.add("LeakyReLU", [x], {"act_type": "rrelu"})
    for train in (False, True):
        stats = [d.real(3), d.real(3), d.real(3), d.real(3, low=0.5)]
        d.add(
            "BatchNorm", [x, *stats], {"fix_gamma": False, "eps": 1e-3}, grad=(0, 1, 2), train=train
        )
        d.add("BatchNorm", [x, *stats], {}, grad=(0, 2), train=train)
    d.add("LayerNorm", [d.real(3, 5), d.real(5), d.real(5)], grad=(0, 1, 2))
    d.add("LayerNorm", [x, d.real(3), d.real(3)], {"axis": 1, "eps": 0.1}, grad=(0, 1, 2))
    d.add("LayerNorm", [d.real(3, 5), d.real(5), d.real(5)], {"output_mean_var": True})
    d.add("GroupNorm", [d.real(2, 6, 4), d.real(3), d.real(3)], {"num_groups": 3}, grad=(0, 1, 2))
    d.add("InstanceNorm", [x, d.real(3), d.real(3)], {"eps": 0.1}, grad=(0, 1, 2))
    for mode in ("instance", "channel", "spatial"):
        d.add("L2Normalization", [x], {"mode": mode}, grad=(0,))
    d.add("LRN", [x], {"nsize": 3, "alpha": 0.5, "beta": 0.6}, grad=(0,))
    for name in ("softmax", "log_softmax", "softmin"):
        d.add(name, [x], {"axis": 1}, grad=(0,))
        d.add(name, [d.real(3, 4)], {"temperature": 2.0}, grad=(0,))
    d.add(
        "softmax",
        [d.real(3, 4), np.array([1, 4, 2], "int32")],
        {"use_length": True, "axis": 1},
        grad=(0,),
    )
    for mode in ("instance", "channel"):
        d.add("SoftmaxActivation", [x], {"mode": mode}, grad=(0,))
    label = d.whole(4, high=5)
    for attrs in (
        {},
        {"grad_scale": 2.0, "normalization": "batch"},
        {"use_ignore": True, "ignore_label": 1.0, "normalization": "valid"},
        {"smooth_alpha": 0.2},
        {"out_grad": True},
    ):
        d.add("SoftmaxOutput", [d.real(4, 5), label], attrs, grad=(0,))
    d.add(
        "SoftmaxOutput", [d.real(2, 5, 3), d.whole(2, 3, high=5)], {"multi_output": True}, grad=(0,)
    )
    d.add(
        "SoftmaxOutput",
        [d.real(2, 5, 3), d.whole(2, 3, high=5)],
        {"multi_output": True, "normalization": "valid", "use_ignore": True, "ignore_label": 2.0},
        grad=(0,),
    )
    d.add(
        "SoftmaxOutput",
        [d.real(2, 5, 3), d.whole(2, 3, high=5)],
        {"multi_output": True, "normalization": "batch"},
        grad=(0,),
    )
    d.add(
        "SoftmaxOutput",
        [d.real(2, 5, 3), d.whole(2, 5, high=3)],
        {"preserve_shape": True},
        grad=(0,),
    )
    for name in ("LinearRegressionOutput", "MAERegressionOutput", "LogisticRegressionOutput"):
        d.add(name, [d.real(4, 3), d.real(4, 3)], {"grad_scale": 2.0}, grad=(0,))
    for linear in (True, False):
        d.add(
            "SVMOutput",
            [d.real(4, 5), label],
            {"use_linear": linear, "margin": 0.7, "regularization_coefficient": 2.0},
            grad=(0,),
        )
    d.add("MakeLoss", [d.real(3, 4)], {"grad_scale": 2.0, "normalization": "batch"}, grad=(0,))
    d.add("MakeLoss", [d.real(3, 4)], {"normalization": "valid", "valid_thresh": 0.5}, grad=(0,))
    d.add("softmax_cross_entropy", [d.real(4, 5), label], grad=(0,))
    d.add("UpSampling", [x], {"scale": 2, "sample_type": "nearest", "num_args": 1}, grad=(0,))
    d.add(
        "UpSampling",
        [d.real(1, 2, 4, 2), d.real(1, 3, 2, 1)],
        {"scale": 2, "sample_type": "nearest", "num_args": 2},
        grad=(0, 1),
    )
    d.add(
        "UpSampling",
        [x, d.real(3, 1, 4, 4)],
        {"scale": 2, "sample_type": "bilinear", "num_filter": 3, "num_args": 2},
        grad=(0,),
    )
    d.add("Dropout", [x], {"p": 0.5}, grad=(0,), train=False)
    d.add("_contrib_SyncBatchNorm", [x, *stats], {"key": "a", "fix_gamma": False}, grad=(0, 1, 2))
    d.add("Crop", [x, d.real(2, 3, 3, 3)], {"num_args": 2, "center_crop": True})


def sequences(d):
    x, lengths = d.real(5, 3, 4), np.array([2, 5, 1], "float32")
    given = {"use_sequence_length": True}
    d.add("SequenceMask", [x, lengths], {**given, "value": -1.0}, grad=(0,))
    d.add("SequenceMask", [d.real(3, 5), lengths], {**given, "axis": 1}, grad=(0,))
    d.add("SequenceLast", [x, lengths], given, grad=(0,))
    d.add("SequenceLast", [x], {}, grad=(0,))
    d.add("SequenceReverse", [x, lengths], given, grad=(0,))
    data = d.real(6, 3, 5)
    d.add("CTCLoss", [data, np.array([[1, 2, 0], [3, 3, 1], [4, 0, 0]], "float32")], grad=(0,))
    d.add(
        "CTCLoss",
        [data, np.array([[1, 2, -1], [3, 3, 1], [0, -1, -1]], "float32")],
        {"blank_label": "last"},
        grad=(0,),
    )
    d.add(
        "CTCLoss",
        [
            data,
            d.whole(3, 3, low=1, high=5),
            np.array([6, 5, 6], "float32"),
            np.array([2, 1, 3], "float32"),
        ],
        {"use_data_lengths": True, "use_label_lengths": True},
        grad=(0,),
    )
    for mode, gates in (("rnn_tanh", 1), ("rnn_relu", 1), ("gru", 3), ("lstm", 4)):
        for layers_, both in ((1, False), (2, True)):
            sides, h, i = (2 if both else 1), 3, 4
            size = sum(
                sides * gates * h * ((sides * h if n else i) + h + 2) for n in range(layers_)
            )
            inputs = [x, d.real(size, low=-0.5, high=0.5), d.real(layers_ * sides, 3, h)]
            if mode == "lstm":
                inputs.append(d.real(layers_ * sides, 3, h))
            attrs = {
                "state_size": h,
                "num_layers": layers_,
                "mode": mode,
                "bidirectional": both,
                "state_outputs": True,
            }
            d.add("RNN", inputs, attrs, grad=(0, 1, 2), train=True)


def linear_algebra(d):
    for ta in (False, True):
        for tb in (False, True):
            a, b = d.real(*((4, 3) if ta else (3, 4))), d.real(*((5, 4) if tb else (4, 5)))
            flags = {"transpose_a": ta, "transpose_b": tb}
            d.add("dot", [a, b], flags, grad=(0, 1))
            d.add("batch_dot", [np.stack([a, a]), np.stack([b, b])], flags, grad=(0, 1))
            d.add(
                "_linalg_gemm2",
                [np.stack([a, a]), np.stack([b, b])],
                {**flags, "alpha": 2.0},
                grad=(0, 1),
            )
            d.add("_linalg_gemm", [a, b, d.real(3, 5)], {**flags, "beta": 0.5}, grad=(0, 1, 2))
    d.add("dot", [d.real(4), d.real(4)], grad=(0, 1))
    d.add("dot", [d.real(2, 3, 4), d.real(4, 5)], grad=(0, 1))
    d.add("dot", [d.real(2, 3, 4), d.real(4)])
    d.add("khatri_rao", [d.real(2, 3), d.real(4, 3)])
    d.add("_contrib_fft", [d.real(3, 8)], grad=(0,))
    d.add("_contrib_ifft", [d.real(3, 8)], grad=(0,))
    m = d.real(2, 3, 3, dtype="float64")
    spd = m @ m.transpose(0, 2, 1) + 2 * np.eye(3)
    low = np.linalg.cholesky(spd)
    d.add("_linalg_potrf", [spd], grad=(0,))
    d.add("_linalg_potri", [low], grad=())
    for name in ("_linalg_trmm", "_linalg_trsm"):
        d.add(name, [low, d.real(2, 3, 4, dtype="float64")], {"alpha": 2.0}, grad=(0, 1))
        d.add(
            name,
            [low, d.real(2, 4, 3, dtype="float64")],
            {"rightside": True, "transpose": True},
            grad=(0, 1),
        )
    for t in (False, True):
        d.add("_linalg_syrk", [d.real(2, 3, 4)], {"transpose": t, "alpha": 2.0}, grad=(0,))
    d.add("_linalg_sumlogdiag", [spd], grad=(0,))
    d.add("_linalg_extractdiag", [m], {"offset": 1}, grad=(0,))
    d.add("_linalg_makediag", [d.real(2, 3)], {"offset": -1}, grad=(0,))
    d.add("_linalg_extracttrian", [m], {"lower": False, "offset": 1}, grad=(0,))
    d.add("_linalg_extracttrian", [m], {}, grad=(0,))
    d.add("_linalg_maketrian", [d.real(2, 6)], {}, grad=(0,))
    d.add("_linalg_inverse", [spd], grad=(0,))
    d.add("_linalg_det", [spd], grad=(0,))
    d.add("_linalg_slogdet", [spd])
    d.add("_linalg_syevd", [spd])
    d.add("_linalg_gelqf", [d.real(2, 3, 4, dtype="float64")])


def vision(d):
    x = d.real(2, 3, 6, 5)
    d.add("BilinearSampler", [x, d.real(2, 2, 4, 3, low=-1.2, high=1.2)], grad=(0, 1))
    theta = np.array([[1, 0.1, 0.2, -0.1, 0.9, 0]] * 2, "float32")
    d.add("GridGenerator", [theta], {"transform_type": "affine", "target_shape": (4, 3)}, grad=(0,))
    d.add("GridGenerator", [d.real(2, 2, 4, 3)], {"transform_type": "warp"}, grad=(0,))
    d.add(
        "SpatialTransformer",
        [x, theta],
        {"target_shape": (4, 3), "transform_type": "affine", "sampler_type": "bilinear"},
        grad=(0, 1),
    )
    rois = np.array([[0, 0, 0, 4, 5], [1, 1, 2, 3, 4], [1, 0.4, 0.3, 7, 9]], "float32")
    d.add("ROIPooling", [x, rois], {"pooled_size": (2, 2), "spatial_scale": 0.9}, grad=(0,))
    for attrs in ({}, {"sample_ratio": 2}, {"aligned": True, "sample_ratio": 2}):
        d.add(
            "_contrib_ROIAlign",
            [x, rois],
            {"pooled_size": (2, 2), "spatial_scale": 0.9, **attrs},
            grad=(0,),
        )
    d.add("_contrib_BilinearResize2D", [x], {"height": 8, "width": 3}, grad=(0,))
    d.add(
        "_contrib_BilinearResize2D",
        [x],
        {"scale_height": 1.5, "scale_width": 2.0, "align_corners": False},
    )
    d.add("_contrib_AdaptiveAvgPooling2D", [x], {"output_size": (4, 2)}, grad=(0,))
    d.add("_contrib_AdaptiveAvgPooling2D", [x], grad=(0,))
    for mult in (True, False):
        d.add(
            "Correlation",
            [d.real(1, 2, 6, 6), d.real(1, 2, 6, 6)],
            {
                "kernel_size": 3,
                "max_displacement": 2,
                "stride1": 1,
                "stride2": 1,
                "pad_size": 2,
                "is_multiply": mult,
            },
            grad=(0, 1),
        )
    d.add(
        "_contrib_DeformableConvolution",
        [x, d.real(2, 18, 6, 5, low=-0.6, high=0.6), d.real(4, 3, 3, 3), d.real(4)],
        {"kernel": (3, 3), "num_filter": 4, "pad": (1, 1)},
        grad=(0, 1, 2, 3),
    )
    boxes = np.concatenate([d.real(1, 8, 2, low=0, high=0.5), d.real(1, 8, 2, low=0.5, high=1)], -1)
    d.add("_contrib_box_iou", [boxes[0], boxes[0, :3]])
    d.add("_contrib_box_iou", [boxes[0], boxes[0, :3]], {"format": "center"})
    scored = np.concatenate([d.whole(1, 8, 1, high=2), d.real(1, 8, 1, low=0, high=1), boxes], -1)
    for attrs in (
        {"overlap_thresh": 0.3},
        {"overlap_thresh": 0.3, "id_index": 0, "valid_thresh": 0.2, "topk": 5},
        {"overlap_thresh": 0.3, "force_suppress": True, "id_index": 0, "out_format": "center"},
    ):
        d.add("_contrib_box_nms", [scored.astype("float32")], attrs)
    d.add("_contrib_bipartite_matching", [d.real(1, 4, 3, low=0, high=1)], {"threshold": 0.2})
    d.add("_contrib_MultiBoxPrior", [x], {"sizes": (0.5, 0.25), "ratios": (1.0, 2.0), "clip": True})
    anchors = boxes[:, :6]
    labels = np.array(
        [[[1, 0.1, 0.1, 0.6, 0.7], [0, 0.3, 0.2, 0.9, 0.9], [-1, -1, -1, -1, -1]]], "float32"
    )
    scores = d.real(1, 3, 6, low=0, high=1)
    d.add("_contrib_MultiBoxTarget", [anchors, labels, scores], {})
    d.add(
        "_contrib_MultiBoxTarget",
        [anchors, labels, scores],
        {"negative_mining_ratio": 1.0, "negative_mining_thresh": 0.4},
    )
    d.add(
        "_contrib_MultiBoxDetection",
        [scores, d.real(1, 24, low=-0.3, high=0.3), anchors],
        {"nms_threshold": 0.4},
    )
    d.add(
        "_contrib_box_encode",
        [
            d.whole(1, 4, high=2),
            d.whole(1, 4, high=2),
            boxes[:, :4],
            boxes[:, 4:6],
            d.real(4),
            d.real(4, low=0.5),
        ],
    )
    d.add(
        "_contrib_box_decode",
        [d.real(1, 4, 4, low=-0.5, high=0.5), boxes[:, :4]],
        {"format": "corner"},
    )
    maps = [d.real(1, 12, 4, 5, low=0, high=1), d.real(1, 24, 4, 5, low=-0.3, high=0.3)]
    size = np.array([[60, 70, 1.0]], "float32")
    anchors = {"scales": (1.0, 3.0), "ratios": (0.5, 1.0, 2.0), "feature_stride": 16}
    few = {"rpn_pre_nms_top_n": 40, "rpn_post_nms_top_n": 12, "rpn_min_size": 4}
    for attrs in (
        {"threshold": 0.7},
        {"threshold": 0.3, "output_score": True},
        {"threshold": 0.9, "rpn_min_size": 20},
        {"iou_loss": True},
    ):
        d.add("_contrib_Proposal", [*maps, size], {**anchors, **few, **attrs})
    both = [np.concatenate([m, m[:, :, ::-1]]) for m in maps] + [np.concatenate([size, size])]
    d.add("_contrib_MultiProposal", both, {**anchors, **few, "threshold": 0.7})
    picture = d.whole(6, 5, 3, high=255, dtype="uint8")
    d.add("_image_to_tensor", [picture])
    d.add(
        "_image_normalize",
        [d.real(3, 4, 5)],
        {"mean": (0.1, 0.2, 0.3), "std": (0.5, 0.6, 0.7)},
        grad=(0,),
    )
    d.add("_image_crop", [picture], {"x": 1, "y": 2, "width": 3, "height": 4})
    d.add("_image_flip_left_right", [picture])
    d.add("_image_flip_top_bottom", [picture])
    d.add("_image_resize", [picture], {"size": (8, 7)}, tolerance=1.01)
    d.add("_image_resize", [d.real(6, 5, 3)], {"size": (4, 3)}, tolerance=0.02)


def attention(d):
    qkv, heads = d.real(5, 2, 2 * 3 * 4), {"heads": 2}
    d.add("_contrib_interleaved_matmul_selfatt_qk", [qkv], heads, grad=(0,))
    d.add("_contrib_interleaved_matmul_selfatt_valatt", [qkv, d.real(4, 5, 5)], heads, grad=(0, 1))
    q, kv = d.real(3, 2, 8), d.real(5, 2, 16)
    d.add("_contrib_interleaved_matmul_encdec_qk", [q, kv], heads, grad=(0, 1))
    d.add("_contrib_interleaved_matmul_encdec_valatt", [kv, d.real(4, 3, 5)], heads, grad=(0, 1))


GROUPS = (layers, sequences, linear_algebra, vision, attention)

"""mx.runtime: the features by the names that MXNet's programs ask for."""

import pytest

from plait import runtime

# Those of MXNet 1.9.1.
NAMES = """
CUDA CUDNN NCCL CUDA_RTC TENSORRT CPU_SSE CPU_SSE2 CPU_SSE3 CPU_SSE4_1 CPU_SSE4_2 CPU_SSE4A CPU_AVX
CPU_AVX2 OPENMP SSE F16C JEMALLOC BLAS_OPEN BLAS_ATLAS BLAS_MKL BLAS_APPLE LAPACK MKLDNN OPENCV CAFFE
PROFILER DIST_KVSTORE CXX14 INT64_TENSOR_SIZE SIGNAL_HANDLER DEBUG TVM_OP
""".split()


def test_features_are_known_by_name():
    features = runtime.Features()
    assert set(NAMES) <= set(features)
    for name in NAMES:
        assert features.is_enabled(name.lower()) is features[name].enabled
    assert features.is_enabled("MKLDNN") and not features.is_enabled("CAFFE")
    assert {f.name for f in runtime.feature_list()} == set(features)


def test_unknown_feature_is_refused():
    with pytest.raises(RuntimeError, match="'COLOUR' is unknown"):
        runtime.Features().is_enabled("COLOUR")

"""Networks that read sequences of symbols from sounds and pictures, without knowing where in them
each symbol stands."""

from .recognisers import CRNN, DeepSpeech, ctc_decode

__all__ = ["CRNN", "DeepSpeech", "ctc_decode"]

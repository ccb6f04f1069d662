"""Record files and images over the C interface."""

import os

from libc.stdint cimport int32_t, int64_t, uint64_t
from libc.stdlib cimport free, malloc

from plait._array cimport Array, wrap
from plait._capi cimport *
from plait._status cimport check


cdef object _take(plait_buffer_t buffer):
    try:
        return plait_buffer_data(buffer)[:plait_buffer_size(buffer)]
    finally:
        plait_buffer_free(buffer)


cdef class RecordFile:
    """A `.rec` file, opened for reading; threads may share it."""

    cdef plait_record_file_t file

    def __cinit__(self, path):
        cdef plait_status_t status
        encoded = os.fsencode(path)
        cdef const char *name = encoded
        with nogil:
            status = plait_record_file_open(name, &self.file)
        check(status)

    def __dealloc__(self):
        plait_record_file_free(self.file)

    def read(self, int64_t offset):
        """(bytes, int): the record at `offset` and where the next one begins; (None, -1) at the
        end of the file."""
        cdef plait_buffer_t record
        cdef int64_t after
        cdef plait_status_t status
        with nogil:
            status = plait_record_file_read(self.file, offset, &record, &after)
        check(status)
        return (None if record == NULL else _take(record)), after

    def offsets(self, bint recover, type cls):
        """Where all records begin: int64 array of shape (n,); `recover`: go on after faults."""
        cdef plait_array_t out
        cdef plait_status_t status
        with nogil:
            status = plait_record_file_offsets(self.file, recover, &out)
        check(status)
        return wrap(cls, out)

    def find(self, int64_t offset):
        """int: the first place at or after `offset` where a record may begin; -1 if none."""
        cdef int64_t found
        cdef plait_status_t status
        with nogil:
            status = plait_record_file_find(self.file, offset, &found)
        check(status)
        return found


cdef class RecordWriter:
    """A `.rec` file, opened for writing."""

    cdef plait_record_writer_t writer

    def __cinit__(self, path):
        cdef plait_status_t status
        encoded = os.fsencode(path)
        cdef const char *name = encoded
        with nogil:
            status = plait_record_writer_open(name, &self.writer)
        check(status)

    def __dealloc__(self):
        plait_record_writer_free(self.writer)

    def write(self, record):
        """Append a bytes-like record; returns where it begins."""
        cdef const unsigned char[::1] view = record
        cdef int64_t offset, n = view.shape[0]
        cdef const void *data = NULL if n == 0 else <const void *>&view[0]
        cdef plait_status_t status
        with nogil:
            status = plait_record_writer_write(self.writer, data, n, &offset)
        check(status)
        return offset

    def tell(self):
        """int: where the next record will begin."""
        return plait_record_writer_tell(self.writer)

    def flush(self):
        """Hand all bytes to the system."""
        cdef plait_status_t status
        with nogil:
            status = plait_record_writer_flush(self.writer)
        check(status)

    def close(self):
        """Close the file; writes after it fail."""
        cdef plait_status_t status
        with nogil:
            status = plait_record_writer_close(self.writer)
        check(status)


def has_codecs():
    """bool: whether the library was built with JPEG and PNG."""
    return plait_image_has_codecs() == 1


def decode(source, int32_t color, name, type cls):
    """JPEG or PNG in a bytes-like object as a uint8 array of shape (height, width, channels).

    `color`: 0 gray, 1 RGB, -1 as stored. `name` stands in messages; may be None.
    """
    cdef const unsigned char[::1] view = source
    cdef int64_t n = view.shape[0]
    cdef const void *data = NULL if n == 0 else <const void *>&view[0]
    cdef plait_array_t out
    cdef plait_status_t status
    encoded = None if name is None else os.fsencode(name)
    cdef const char *text = NULL
    if encoded is not None:
        text = encoded
    with nogil:
        status = plait_image_decode(data, n, text, color, &out)
    check(status)
    return wrap(cls, out)


def encode(Array image, str kind, int32_t quality):
    """bytes: a uint8 array of shape (height, width, channels) as "jpeg" or "png"."""
    cdef plait_buffer_t out
    cdef plait_status_t status
    encoded = kind.encode()
    cdef const char *text = encoded
    with nogil:
        status = plait_image_encode(image._array, text, quality, &out)
    check(status)
    return _take(out)


def resize(Array image, int64_t height, int64_t width, int32_t interpolation):
    """A uint8 or float32 array of shape (height, width, channels) in another size."""
    cdef plait_array_t out
    cdef plait_status_t status
    with nogil:
        status = plait_image_resample(image._array, height, width, interpolation, &out)
    check(status)
    return wrap(type(image), out)


cdef int _pair(double *to, value) except -1:
    to[0], to[1] = value
    return 0


cdef int _fill_detection(plait_detection_options_t *d, dict f) except -1:
    d.crop_probability, d.keep_by_overlap = f["crop_probability"], f["keep_by_overlap"]
    d.resize_mode, d.min_kept = f["resize_mode"], f["min_kept"]
    d.mirror, d.pad_value = f["mirror"], f["pad_value"]
    _pair(d.pad, f["pad"])
    _pair(d.hue, f["hue"])
    _pair(d.lightness, f["lightness"])
    _pair(d.saturation, f["saturation"])
    _pair(d.contrast, f["contrast"])
    return 0


cdef int _fill_sampler(plait_crop_sampler_t *s, dict f) except -1:
    _pair(s.scale, f["scale"])
    _pair(s.ratio, f["ratio"])
    _pair(s.overlap, f["overlap"])
    _pair(s.sample_coverage, f["sample_coverage"])
    _pair(s.object_coverage, f["object_coverage"])
    s.trials = f["trials"]
    return 0


cdef class ImageReader:
    """Threads that decode the images of a record file ahead of use.

    `options` are those of `ImageRecordIter` as text; `mean_image` is a float32 array of so many
    numbers as a row has; `detection` is a dict of the fields of `plait_detection_options_t`, where
    limits of one thing are a pair, with a list of dicts `samplers`; `table` is (ids uint64, begins
    int64, labels float32). All are optional but `options`.
    """

    cdef plait_image_reader_t reader

    def __cinit__(self, dict options, const float[::1] mean_image=None, dict detection=None,
                  tuple table=None):
        cdef plait_image_reader_options_t o
        cdef plait_detection_options_t d
        cdef plait_crop_sampler_t *samplers = NULL
        cdef const uint64_t[::1] ids
        cdef const int64_t[::1] begins
        cdef const float[::1] labels
        cdef size_t count = len(detection["samplers"]) if detection else 0
        cdef const char **texts = NULL
        cdef int32_t given = <int32_t>len(options)
        kept = [os.fsencode(text) for text in (*options, *options.values())]
        o.struct_size = sizeof(o)
        o.mean_image, o.detection, o.list_count = NULL, NULL, 0
        o.list_ids, o.list_begin, o.list_labels = NULL, NULL, NULL
        if mean_image is not None:
            o.mean_image = &mean_image[0]
        if table is not None:
            ids, begins, labels = table
            if ids.shape[0] and labels.shape[0]:
                o.list_count, o.list_ids = ids.shape[0], &ids[0]
                o.list_begin, o.list_labels = &begins[0], &labels[0]
        try:
            texts = <const char **>malloc((2 * given + 1) * sizeof(texts[0]))
            if texts == NULL:
                raise MemoryError
            for i, text in enumerate(kept):
                texts[<size_t>i] = text
            if detection is not None:
                samplers = <plait_crop_sampler_t *>malloc((count + 1) * sizeof(samplers[0]))
                if samplers == NULL:
                    raise MemoryError
                for i, sampler in enumerate(detection["samplers"]):
                    _fill_sampler(samplers + <size_t>i, sampler)
                _fill_detection(&d, detection)
                d.samplers, d.sampler_count = samplers, <int64_t>count
                o.detection = &d
            check(plait_image_reader_from_text(texts, texts + given, given, &o, &self.reader))
        finally:
            free(samplers)
            free(<void *>texts)

    def __dealloc__(self):
        with nogil:
            plait_image_reader_free(self.reader)

    def start(self, const int64_t[::1] offsets, unsigned long long seed):
        """Begin a pass over the records at these offsets."""
        cdef int64_t n = offsets.shape[0]
        check(plait_image_reader_start(self.reader, NULL if n == 0 else &offsets[0], n, seed))

    def next(self, type cls):
        """(data, label, index, rows); None at the end of the pass."""
        cdef plait_array_t data, label, index
        cdef int64_t rows
        cdef plait_status_t status
        with nogil:
            status = plait_image_reader_next(self.reader, &data, &label, &index, &rows)
        check(status)
        if data == NULL:
            return None
        return wrap(cls, data), wrap(cls, label), wrap(cls, index), rows

    @property
    def skipped(self):
        """int: records left out since the reader exists."""
        return plait_image_reader_skipped(self.reader)

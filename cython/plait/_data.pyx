"""Record files and images over the C interface."""

import os

from libc.stdint cimport int32_t, int64_t

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


cdef class ImageReader:
    """Threads that decode the images of a record file ahead of use.

    Keyword arguments are the fields of `plait_image_reader_options_t`; `dtype` is a number, `mean`
    and `std` have three numbers each.
    """

    cdef plait_image_reader_t reader

    def __cinit__(self, path, *, int32_t dtype, int64_t channels, int64_t height, int64_t width,
                  int64_t label_width, int64_t batch_size, int64_t threads, int64_t prefetch,
                  int64_t resize, int64_t pad, int32_t fill_value, int32_t interpolation,
                  bint rand_crop, bint sized_crop, bint skip_broken, double min_area,
                  double max_area, double min_ratio, double max_ratio, double mirror,
                  double brightness, double contrast, double saturation, double hue,
                  double pca_noise, double scale, mean, std):
        cdef plait_image_reader_options_t o
        o.struct_size = sizeof(o)
        o.dtype, o.channels, o.height, o.width = dtype, channels, height, width
        o.label_width, o.batch_size, o.threads = label_width, batch_size, threads
        o.prefetch, o.resize, o.pad, o.fill_value = prefetch, resize, pad, fill_value
        o.interpolation, o.rand_crop, o.sized_crop = interpolation, rand_crop, sized_crop
        o.skip_broken, o.reserved = skip_broken, 0
        o.min_area, o.max_area, o.min_ratio, o.max_ratio = min_area, max_area, min_ratio, max_ratio
        o.mirror, o.brightness, o.contrast = mirror, brightness, contrast
        o.saturation, o.hue, o.pca_noise, o.scale = saturation, hue, pca_noise, scale
        for i in range(3):
            o.mean[i], o.std[i] = mean[i], std[i]
        encoded = os.fsencode(path)
        cdef const char *name = encoded
        check(plait_image_reader_new(name, &o, &self.reader))

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

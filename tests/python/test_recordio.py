"""Record files: the format byte by byte, indexes, faults and their places."""

import pickle
import random
import struct

import numpy as np
import pytest

import plait as mx
from plait import recordio

MAGIC = struct.pack("<I", 0xCED7230A)


def records_of(path):
    reader = recordio.MXRecordIO(str(path), "r")
    return list(iter(reader.read, None))


def write(path, records):
    with recordio.MXRecordIO(str(path), "w") as writer:
        for record in records:
            writer.write(record)
    return path


def test_bytes_of_the_format(tmp_path):
    path = write(tmp_path / "a.rec", [b"hello", b"", b"abcd"])
    expected = MAGIC + struct.pack("<I", 5) + b"hello\0\0\0" + MAGIC + struct.pack("<I", 0)
    expected += MAGIC + struct.pack("<I", 4) + b"abcd"
    assert path.read_bytes() == expected


def test_magic_number_inside_a_record_cuts_it_in_parts(tmp_path):
    record = b"abcd" + MAGIC + b"ef"
    path = write(tmp_path / "a.rec", [record])
    expected = MAGIC + struct.pack("<I", 1 << 29 | 4) + b"abcd"
    expected += MAGIC + struct.pack("<I", 3 << 29 | 2) + b"ef\0\0"
    assert path.read_bytes() == expected
    assert records_of(path) == [record]


@pytest.mark.parametrize(
    "record", [MAGIC, MAGIC * 3, b"x" + MAGIC, b"abcd" + MAGIC * 2, MAGIC + b"abc", b"abcd" + MAGIC]
)
def test_magic_numbers_anywhere_come_back(tmp_path, record):
    assert records_of(write(tmp_path / "a.rec", [b"a", record, b"b"])) == [b"a", record, b"b"]


def test_random_records_come_back(tmp_path):
    parts = [MAGIC, b"abcd", b"e", b"\0" * 7, bytes(range(256))]
    records = [b"".join(random.choices(parts, k=random.randrange(6))) for _ in range(200)]
    assert records_of(write(tmp_path / "a.rec", records)) == records


def test_reset_starts_again(tmp_path):
    reader = recordio.MXRecordIO(str(write(tmp_path / "a.rec", [b"1", b"2"])), "r")
    assert reader.read() == b"1"
    reader.reset()
    assert [reader.read(), reader.read(), reader.read(), reader.read()] == [b"1", b"2", None, None]


def test_index_finds_records_by_key(tmp_path):
    names = str(tmp_path / "a.idx"), str(tmp_path / "a.rec")
    writer = recordio.MXIndexedRecordIO(*names, "w")
    for i in range(5):
        writer.write_idx(i * 10, f"record {i}".encode())
    writer.close()
    assert (tmp_path / "a.idx").read_text().splitlines()[1] == "10\t16"
    reader = recordio.MXIndexedRecordIO(*names, "r")
    assert reader.keys == [0, 10, 20, 30, 40]
    assert reader.read_idx(30) == b"record 3"
    assert reader.read() == b"record 4"
    with pytest.raises(KeyError, match="no record has the key 31"):
        reader.read_idx(31)


def test_pickled_reader_goes_on_by_itself(tmp_path):
    reader = recordio.MXRecordIO(str(write(tmp_path / "a.rec", [b"1", b"2", b"3"])), "r")
    reader.read()
    other = pickle.loads(pickle.dumps(reader))
    assert [other.read(), other.read(), reader.read()] == [b"2", b"3", b"2"]
    with pytest.raises(TypeError, match="cannot be pickled"):
        pickle.dumps(recordio.MXRecordIO(str(tmp_path / "b.rec"), "w"))


def test_wrong_use_is_named(tmp_path):
    path = str(write(tmp_path / "a.rec", [b"1"]))
    with pytest.raises(ValueError, match="flag is 'a'"):
        recordio.MXRecordIO(path, "a")
    reader = recordio.MXRecordIO(path, "r")
    with pytest.raises(ValueError, match="open for reading only"):
        reader.write(b"2")
    reader.close()
    with pytest.raises(ValueError, match="is closed"):
        reader.read()
    with pytest.raises(OSError, match="no-such.rec"):
        recordio.MXRecordIO(str(tmp_path / "no-such.rec"), "r")


@pytest.mark.parametrize(
    "header",
    [recordio.IRHeader(0, 3.5, 7, 9), (0, 2, 2**63, 1), recordio.IRHeader(0, np.float32(1), 0, 0)],
)
def test_pack_keeps_one_label(header):
    out, content = recordio.unpack(recordio.pack(header, b"content"))
    assert (out.flag, out.label, out.id, out.id2) == (0, *tuple(header)[1:])
    assert content == b"content"


def test_pack_keeps_many_labels():
    record = recordio.pack(recordio.IRHeader(0, [1, 2.5, -3], 4, 5), b"content")
    assert record == struct.pack("<IfQQ3f", 3, 0, 4, 5, 1, 2.5, -3) + b"content"
    header, content = recordio.unpack(record)
    assert header.flag == 3 and header.label.tolist() == [1, 2.5, -3] and content == b"content"


def test_unpack_rejects_short_records():
    with pytest.raises(OSError, match="has 5 bytes, must have at least 24"):
        recordio.unpack(b"short")
    with pytest.raises(OSError, match="must have 12 bytes of labels"):
        recordio.unpack(recordio.pack(recordio.IRHeader(0, [1, 2, 3], 0, 0), b"")[:-4])


@pytest.mark.parametrize("img_fmt", [".jpg", ".png"])
def test_images_in_records(img_fmt):
    image = np.zeros((20, 30, 3), "uint8")
    image[:, :, 0] = 250  # blue
    header, out = recordio.unpack_img(
        recordio.pack_img(recordio.IRHeader(0, 1.0, 2, 0), image, img_fmt=img_fmt), iscolor=1
    )
    assert header.label == 1 and out.shape == (20, 30, 3)
    assert abs(out.astype(int) - image).max() <= 3


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda b: b[:-4], r"corrupt at byte 16: a part of 5 bytes ends after the file"),
        (lambda b: b[:20], r"corrupt at byte 16: the file ends inside a header"),
        (lambda b: b[:16] + b"\0" + b[17:], r"corrupt at byte 16: no record begins here"),
        (lambda b: b[:23] + b"\x40" + b[24:], r"corrupt at byte 16: part of kind 2"),
    ],
)
def test_faults_name_file_and_offset(tmp_path, damage, message):
    path = write(tmp_path / "a.rec", [b"12345", b"67890"])
    path.write_bytes(damage(path.read_bytes()))
    reader = recordio.MXRecordIO(str(path), "r")
    assert reader.read() == b"12345"
    with pytest.raises(OSError, match=r"a\.rec is " + message) as info:
        reader.read()
    assert isinstance(info.value, mx.MXNetError)


def test_faults_of_an_index_name_the_line(tmp_path):
    write(tmp_path / "a.rec", [b"1"])
    for text in ("0\t0\nx\t1\n", "0\t0\n1 2\n", "0\t0\n1\t-4\n"):
        (tmp_path / "a.idx").write_text(text)
        with pytest.raises(OSError, match=r"a\.idx is corrupt in line 2"):
            recordio.MXIndexedRecordIO(str(tmp_path / "a.idx"), str(tmp_path / "a.rec"), "r")


def test_random_damage_never_does_more_than_raise(tmp_path):
    path = write(tmp_path / "a.rec", [bytes(random.randrange(200)) for _ in range(20)])
    good = path.read_bytes()
    for _ in range(300):
        data = bytearray(good)
        for _ in range(random.randrange(1, 4)):
            data[random.randrange(len(data))] = random.randrange(256)
        path.write_bytes(bytes(data[: random.randrange(len(data) + 1)]))
        reader = recordio.MXRecordIO(str(path), "r")
        try:
            while reader.read() is not None:
                pass
        except OSError as error:
            assert "a.rec is corrupt at byte" in str(error)

"""TFRecord files against TensorFlow's reader and writer."""

import gzip
import os

import google_crc32c
import numpy as np
import pytest

from components import files, tfrecords


def _records():
    draw = np.random.default_rng(1)
    records = [b"", b"one", "zwölf ▁".encode()]
    records += [draw.bytes(int(size)) for size in draw.integers(0, 4000, 50)]
    # Larger than the writer's buffer.
    records.append(draw.bytes(3 << 20))
    return [*records, b"last"]


@pytest.mark.parametrize(("name", "compression"), [("a.tfrecord", ""), ("a.gz", "GZIP")])
def test_tensorflow_reads_what_is_written(tmp_path, name, compression):
    import tensorflow as tf

    path = str(tmp_path / name)
    records = _records()
    assert tfrecords.write_records(path, records) == len(records)
    dataset = tf.data.TFRecordDataset([path], compression_type=compression)
    assert list(dataset.as_numpy_iterator()) == records


@pytest.mark.parametrize(("name", "compression"), [("a.tfrecord", ""), ("a.gz", "GZIP")])
def test_reads_what_tensorflow_writes(tmp_path, name, compression):
    import tensorflow as tf

    path = str(tmp_path / name)
    records = _records()
    with tf.io.TFRecordWriter(path, compression) as writer:
        for record in records:
            writer.write(record)
    assert list(tfrecords.read_records(path)) == records


def test_uncompressed_bytes_equal_tensorflows(tmp_path):
    import tensorflow as tf

    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    tfrecords.write_records(str(ours), _records())
    with tf.io.TFRecordWriter(str(theirs)) as writer:
        for record in _records():
            writer.write(record)
    assert ours.read_bytes() == theirs.read_bytes()


def test_compressed_bytes_do_not_depend_on_the_time(tmp_path, monkeypatch):
    tfrecords.write_records(str(tmp_path / "a.gz"), _records())
    monkeypatch.setattr("time.time", lambda: 2e9)
    tfrecords.write_records(str(tmp_path / "b.gz"), _records())
    assert (tmp_path / "a.gz").read_bytes() == (tmp_path / "b.gz").read_bytes()
    # Bytes 4 to 8 of a gzip header are its time stamp.
    assert (tmp_path / "a.gz").read_bytes()[4:8] == bytes(4)


def test_a_file_without_records(tmp_path):
    import tensorflow as tf

    path = str(tmp_path / "empty.gz")
    assert tfrecords.write_records(path, []) == 0
    assert list(tfrecords.read_records(path)) == []
    assert list(tf.data.TFRecordDataset([path], "GZIP")) == []


def test_a_failing_source_leaves_no_file(tmp_path):
    def source():
        yield b"first"
        raise RuntimeError("the source broke")

    with pytest.raises(RuntimeError, match="the source broke"):
        tfrecords.write_records(str(tmp_path / "a.gz"), source())
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("name", ["a.tfrecord", "a.gz"])
def test_a_file_that_is_cut_off_is_told_from_a_whole_one(tmp_path, name):
    path = tmp_path / name
    tfrecords.write_records(str(path), [b"x" * 100, b"y" * 100])
    whole = path.read_bytes()
    for size in range(1, len(whole)):
        path.write_bytes(whole[:size])
        if name == "a.tfrecord" and size == 116:
            # Exactly at the end of the first record, nothing can be seen to be missing.
            assert list(tfrecords.read_records(str(path))) == [b"x" * 100]
            continue
        with pytest.raises(tfrecords.CorruptRecordError, match=r"record [012]"):
            list(tfrecords.read_records(str(path)))


def test_every_damaged_byte_is_noticed(tmp_path):
    path = tmp_path / "a.tfrecord"
    tfrecords.write_records(str(path), [b"some data", b"more"])
    whole = path.read_bytes()
    for position in range(len(whole)):
        damaged = bytearray(whole)
        damaged[position] ^= 0x10
        path.write_bytes(bytes(damaged))
        with pytest.raises(tfrecords.CorruptRecordError, match=r"a\.tfrecord"):
            list(tfrecords.read_records(str(path)))


def test_a_plain_file_named_gz_is_an_error(tmp_path):
    plain = tmp_path / "plain"
    tfrecords.write_records(str(plain), [b"data"])
    plain.rename(tmp_path / "a.gz")
    with pytest.raises(tfrecords.CorruptRecordError, match="gzip"):
        list(tfrecords.read_records(str(tmp_path / "a.gz")))


def test_missing_file_is_named(tmp_path):
    with pytest.raises(files.NoSuchFilesError, match="nowhere"):
        list(tfrecords.read_records(str(tmp_path / "nowhere.gz")))


def test_checksums_are_native():
    assert google_crc32c.implementation == "c"
    # The check value of CRC-32C (RFC 3720, appendix B.4).
    assert google_crc32c.value(bytes(32)) == 0x8A9136AA


def test_gzip_of_several_members_is_read(tmp_path):
    tfrecords.write_records(str(tmp_path / "a"), [b"one"])
    tfrecords.write_records(str(tmp_path / "b"), [b"two"])
    joined = gzip.compress((tmp_path / "a").read_bytes()) + gzip.compress(
        (tmp_path / "b").read_bytes()
    )
    (tmp_path / "c.gz").write_bytes(joined)
    assert list(tfrecords.read_records(str(tmp_path / "c.gz"))) == [b"one", b"two"]


@pytest.mark.parametrize("name", ["a.tfrecord", "a.tfrecord.gz"])
@pytest.mark.parametrize("length", [1 << 20, 1 << 33, 1 << 40, 1 << 63, (1 << 64) - 1])
def test_an_immense_length_is_one_error(tmp_path, name, length):
    path = tmp_path / name
    header = length.to_bytes(8, "little")
    # The checksum is right, as of a file made to harm.
    content = header + tfrecords._masked_checksum(header).to_bytes(4, "little") + b"x" * 1000
    path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    with pytest.raises(tfrecords.CorruptRecordError, match=r"a\.tfrecord.* at its record 0"):
        list(tfrecords.read_records(str(path)))

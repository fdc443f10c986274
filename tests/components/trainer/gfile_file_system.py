"""`file://` for Beam, which TensorFlow knows by itself: both then know a scheme, as with `gs://`."""

import io

import tensorflow as tf
from apache_beam.io.filesystem import FileMetadata, FileSystem


class FileScheme(FileSystem):
    """Beam finds it by its scheme, as a subclass of its FileSystem."""

    @classmethod
    def scheme(cls):
        return "file"

    def join(self, basepath, *paths):
        return "/".join([basepath.rstrip("/"), *paths])

    def split(self, path):
        return tuple(path.rsplit("/", 1))

    def mkdirs(self, path):
        tf.io.gfile.makedirs(path)

    def has_dirs(self):
        return True

    def _list(self, dir_or_prefix):
        for folder, _, names in tf.io.gfile.walk(dir_or_prefix):
            for name in names:
                yield self.metadata(f"{folder.rstrip('/')}/{name}")

    def create(self, path, mime_type=None, compression_type=None):
        tf.io.gfile.makedirs(path.rsplit("/", 1)[0])
        return io.BufferedWriter(_Raw(tf.io.gfile.GFile(path, "wb")))

    def open(self, path, mime_type=None, compression_type=None):
        with tf.io.gfile.GFile(path, "rb") as file:
            return io.BytesIO(file.read())

    def copy(self, source_file_names, destination_file_names):
        for source, target in zip(source_file_names, destination_file_names, strict=True):
            tf.io.gfile.copy(source, target, overwrite=True)

    def rename(self, source_file_names, destination_file_names):
        for source, target in zip(source_file_names, destination_file_names, strict=True):
            tf.io.gfile.rename(source, target)

    def exists(self, path):
        return tf.io.gfile.exists(path)

    def size(self, path):
        return tf.io.gfile.stat(path).length

    def last_updated(self, path):
        return tf.io.gfile.stat(path).mtime_nsec / 1e9

    def checksum(self, path):
        return str(self.size(path))

    def metadata(self, path):
        return FileMetadata(path, self.size(path))

    def delete(self, paths):
        for path in paths:
            tf.io.gfile.remove(path)


class _Raw(io.RawIOBase):
    def __init__(self, file):
        self._file = file

    def writable(self):
        return True

    def write(self, content):
        self._file.write(bytes(content))
        return len(content)

    def close(self):
        if not self.closed:
            self._file.close()
        super().close()

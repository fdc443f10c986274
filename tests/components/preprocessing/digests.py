"""What the digests in a manifest should be, computed from the files themselves."""

import hashlib
import struct

from components import tfrecords


def sha256_of_records(directory, shards):
    digests = {}
    for name in (name for names in shards.values() for name in names):
        digest = hashlib.sha256()
        for record in tfrecords.read_records(f"{directory}/{name}"):
            digest.update(struct.pack("<Q", len(record)) + record)
        digests[name] = digest.hexdigest()
    return digests

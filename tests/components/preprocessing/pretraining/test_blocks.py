import numpy as np

from components.preprocessing.pretraining import blocks
from components.preprocessing.pretraining.encoding import EncodedDocument

DTYPE = np.dtype("<u2")
LENS = np.array([2], np.uint32)


def make_document(number: int) -> EncodedDocument:
    lens = np.arange(1, number % 4 + 2, dtype=np.uint32)
    return EncodedDocument(("a.txt", number, 0), np.full(lens.sum(), number, DTYPE), lens)


def sections_of(order, *, block_size, num_shards=3, num_passes=2):
    """Sections by shard key, from blocks of `block_size` documents."""
    block = blocks.Block(split="train", seed=1, num_passes=num_passes, num_shards=num_shards)
    sections = {}
    for position, number in enumerate(order, start=1):
        block.add(make_document(number))
        if position % block_size == 0 or position == len(order):
            for key, section in block.take_sections():
                sections.setdefault(key, []).append(section)
    return sections


def test_every_pass_holds_every_document_once_in_another_order():
    sections = sections_of(range(100), block_size=7)
    orders = []
    for pass_index in range(2):
        found = []
        for shard in range(3):
            key = blocks.ShardKey("train", pass_index, shard)
            tokens = blocks.read_shard(sections[key], dtype=DTYPE)
            numbers = tokens.ids[np.flatnonzero(np.diff(tokens.ids, prepend=-1))].tolist()
            # Each document is whole, and its sentences have 1, 2, … tokens.
            expected = [make_document(number) for number in numbers]
            assert tokens.ids.tolist() == [i for one in expected for i in one.ids.tolist()]
            lens = np.concatenate([one.sentence_lens for one in expected])
            assert tokens.sentence_starts.tolist() == (np.cumsum(lens) - lens).tolist()
            found += numbers
        assert sorted(found) == list(range(100))
        assert found != sorted(found)
        orders.append(found)
    assert orders[0] != orders[1]


def test_a_shard_does_not_depend_on_the_blocks():
    shuffled = np.random.default_rng(0).permutation(100).tolist()
    first = sections_of(range(100), block_size=100)
    second = sections_of(shuffled, block_size=3)

    assert first.keys() == second.keys()
    for key in first:
        one = blocks.read_shard(first[key], dtype=DTYPE)
        other = blocks.read_shard(second[key][::-1], dtype=DTYPE)
        np.testing.assert_array_equal(one.ids, other.ids)
        np.testing.assert_array_equal(one.sentence_starts, other.sentence_starts)


def test_documents_of_the_same_place_are_ordered_by_what_they_hold():
    same = [EncodedDocument(("a", 1, 0), np.array(ids, DTYPE), LENS) for ids in ([9, 8], [7, 6])]
    sections = []
    for document in same:
        block = blocks.Block(split="train", seed=1, num_passes=1, num_shards=1)
        block.add(document)
        sections += [section for _, section in block.take_sections()]

    for order in (sections, sections[::-1]):
        assert blocks.read_shard(order, dtype=DTYPE).ids.tolist() == [7, 6, 9, 8]


def test_shards_have_similar_sizes():
    sections = sections_of(range(3000), block_size=3000, num_passes=1)

    sizes = [
        len(blocks.read_shard(sections[blocks.ShardKey("train", 0, shard)], dtype=DTYPE).ids)
        for shard in range(3)
    ]

    # 7,500 tokens in all; the standard deviation of a shard's share is about 120.
    assert max(sizes) - min(sizes) < 600


def test_nothing_gives_no_block_and_an_empty_shard():
    assert sections_of([], block_size=1) == {}
    tokens = blocks.read_shard([], dtype=DTYPE)
    assert len(tokens.ids) == len(tokens.sentence_starts) == 0

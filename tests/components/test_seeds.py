from components import seeds


def test_draws_depend_on_seed_and_every_part_of_the_purpose():
    digests = {
        seeds.digest(1, "masks", "train", 0),
        seeds.digest(2, "masks", "train", 0),
        seeds.digest(1, "masks", "train", 1),
        seeds.digest(1, "masks", "train0"),
        seeds.digest(1, "maskstrain", 0),
        seeds.digest(1, "masks", "train", "0"),
    }

    assert len(digests) == 6
    assert seeds.digest(1, "masks", "train", 0) in digests


def test_generator_is_the_same_in_every_process_and_version():
    # Computed with NumPy 1.26.4; a change would change every record ever made.
    assert seeds.digest(7, "x").hex() == "961330bf1cd95d6315e97ad05c0fdc41"
    assert seeds.generator(7, "x").random() == 0.9147673574436966


def test_shuffled_is_a_permutation_and_leaves_its_argument_alone():
    items = list(range(50))

    result = seeds.shuffled(items, 3, "order")

    assert sorted(result) == items == list(range(50))
    assert result != items
    assert result == seeds.shuffled(items, 3, "order")
    assert result != seeds.shuffled(items, 4, "order")


def test_integer_fits_a_signed_64_bit_integer():
    assert all(0 <= seeds.integer(seed, "n") < 1 << 63 for seed in range(200))


def test_a_name_is_drawn_by_its_share_whatever_the_order_of_the_names():
    shares = {"train": 9, "eval": 1, "none": 0}
    drawn = [seeds.choose(shares, 1, "x", number) for number in range(2000)]

    # The names in the order of the alphabet divide the points: eval has 0, train 1 to 9.
    points = [seeds.integer(1, "x", number) % 10 for number in range(2000)]
    assert drawn == ["train" if point else "eval" for point in points]
    shares = dict(reversed(shares.items()))
    assert drawn == [seeds.choose(shares, 1, "x", number) for number in range(2000)]

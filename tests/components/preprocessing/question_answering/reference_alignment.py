"""The published alignment as its formulas say it: a full matrix, cell by cell.

f(i, j) is the length of the longest common subsequence of a[:i+1] and b[:j+1] inside the band
i - w ≤ j < i + w; what lies outside counts as 0. Slow on purpose: for comparison only.
"""

UP, LEFT, BOTH = range(3)


def match(a, b, width):
    """Length, and for each index of b the index of a that it is matched with, or -1."""
    f, step = {}, {}

    def value(i, j):
        return f.get((i, j), 0)

    for i in range(len(a)):
        for j in range(max(0, i - width), min(len(b), i + width)):
            best, move = 0, None
            if i > 0:
                best, move = value(i - 1, j), UP
            if j > 0 and value(i, j - 1) > best:
                best, move = value(i, j - 1), LEFT
            if a[i] is not None and a[i] == b[j] and value(i - 1, j - 1) + 1 > best:
                best, move = value(i - 1, j - 1) + 1, BOTH
            f[i, j], step[i, j] = best, move
    a_of_b = [-1] * len(b)
    i, j = len(a) - 1, len(b) - 1
    while step.get((i, j)) is not None:
        move = step[i, j]
        if move == BOTH:
            a_of_b[j] = i
        i, j = i - (move != LEFT), j - (move != UP)
    return value(len(a) - 1, len(b) - 1), a_of_b


def align(a, b):
    """Indices into each text for the other, in the first band that gives enough; or None."""
    width = abs(len(a) - len(b)) + 5
    length, a_of_b = match(a, b, width)
    if not length > 0.8 * len(a):
        length, a_of_b = match(a, b, 2 * width)
    if length < 0.8 * len(a) or max(a_of_b) < 0:
        return None
    b_of_a = [-1] * len(a)
    for j, i in enumerate(a_of_b):
        if i >= 0:
            b_of_a[i] = j
    return a_of_b, b_of_a


def convert(index, position, *, is_start, size=None):
    """Value at a position, or what the neighbours of its gap say."""
    if index[position] >= 0:
        return index[position]
    before = [value for value in index[:position] if value >= 0]
    behind = [value for value in index[position:] if value >= 0]
    if not before:
        return 0 if is_start else max(behind[0] - 1, 0)
    if not behind:
        if size is None or before[-1] >= size - 1:
            return before[-1]
        return before[-1] + 1 if is_start else size - 1
    if behind[0] > before[-1] + 1:
        return before[-1] + 1 if is_start else behind[0] - 1
    return behind[0] if is_start else before[-1]

"""Data Matrix ECC 200 (ISO/IEC 16022), square, ASCII mode: the symbol that carries a 2D-Doc."""

from collections.abc import Sequence

# (side, side of a data region, data codewords, error codewords), one Reed-Solomon block each
_SIZES = (
    (16, 14, 12, 12), (18, 16, 18, 14), (20, 18, 22, 18), (22, 20, 30, 20), (24, 22, 36, 24),
    (26, 24, 44, 28), (32, 14, 62, 36), (36, 16, 86, 42), (40, 18, 114, 48), (44, 20, 144, 56),
    (48, 22, 174, 68),
)  # fmt: skip


def encode(text: str) -> list[list[bool]]:
    """The modules of the smallest symbol that holds this ASCII text; ValueError beyond 174 codewords."""
    words = _codewords(text)
    fitting = [sizes for sizes in _SIZES if len(words) <= sizes[2]]
    if not fitting:
        raise ValueError("too long for one symbol")
    side, region, capacity, errors = fitting[0]
    if len(words) < capacity:
        words.append(129)
    while len(words) < capacity:
        pad = 129 + (149 * (len(words) + 1)) % 253 + 1
        words.append(pad if pad <= 254 else pad - 254)
    words += _reed_solomon(words, errors)
    regions = side // (region + 2)
    return _framed(_placed(words, region * regions), region, regions)


def _codewords(text: str) -> list[int]:
    words, index = [], 0
    while index < len(text):
        pair = text[index : index + 2]
        if len(pair) == 2 and pair.isascii() and pair.isdigit():
            words.append(130 + int(pair))
            index += 2
        else:
            words.append(text.encode("ascii")[index] + 1)
            index += 1
    return words


def _field() -> tuple[list[int], list[int]]:
    logs, powers, value = [0] * 256, [0] * 255, 1
    for index in range(255):
        powers[index], logs[value] = value, index
        value <<= 1
        if value > 255:
            value ^= 0x12D
    return logs, powers


_LOGS, _POWERS = _field()


def _times(a: int, b: int) -> int:
    return _POWERS[(_LOGS[a] + _LOGS[b]) % 255] if a and b else 0


def _reed_solomon(words: Sequence[int], count: int) -> list[int]:
    generator = [1]
    for power in range(1, count + 1):
        longer = [*generator, 0]
        for index, factor in enumerate(generator):
            longer[index + 1] ^= _times(factor, _POWERS[power])
        generator = longer
    rest = [0] * count
    for word in words:
        lead = word ^ rest[0]
        rest = [
            right ^ _times(lead, factor) for right, factor in zip([*rest[1:], 0], generator[1:], strict=True)
        ]
    return rest


def _placed(words: Sequence[int], side: int) -> list[list[bool]]:
    """Annex F's diagonal placement on a square of data modules."""
    cells: dict[tuple[int, int], bool] = {}

    def put(row: int, column: int, word: int, bit: int) -> None:
        if row < 0:
            row, column = row + side, column + 4 - (side + 4) % 8
        if column < 0:
            row, column = row + 4 - (side + 4) % 8, column + side
        cells[row, column] = bool(words[word] >> (7 - bit) & 1)

    def shape(places: Sequence[tuple[int, int]], word: int) -> None:
        for bit, (row, column) in enumerate(places):
            put(row, column, word, bit)

    end = side - 1
    tail = ((0, end), (1, end))
    turned = ((end, 0), (end, 1), (end, 2), (0, end - 1), *tail, (2, end), (3, end))
    cut = ((end - 2, 0), (end - 1, 0), (end, 0), (0, end - 3), (0, end - 2), (0, end - 1), *tail)
    wide = ((end - 2, 0), (end - 1, 0), (end, 0), (0, end - 1), *tail, (2, end), (3, end))
    apart = ((end, 0), (end, end), (0, end - 2), (0, end - 1), (0, end), (1, end - 2), (1, end - 1), (1, end))
    word, row, column = 0, 4, 0
    while row < side or column < side:
        special: Sequence[tuple[int, int]] = ()
        if (row, column) == (side, 0):
            special = turned
        elif (row, column) == (side - 2, 0) and side % 4:
            special = wide if side % 8 == 4 else cut
        elif (row, column) == (side + 4, 2) and not side % 8:
            special = apart
        if special:
            shape(special, word)
            word += 1
        while True:  # up and right
            if row < side and column >= 0 and (row, column) not in cells:
                shape(_utah(row, column), word)
                word += 1
            row, column = row - 2, column + 2
            if row < 0 or column >= side:
                break
        row, column = row + 1, column + 3
        while True:  # down and left
            if row >= 0 and column < side and (row, column) not in cells:
                shape(_utah(row, column), word)
                word += 1
            row, column = row + 2, column - 2
            if row >= side or column < 0:
                break
        row, column = row + 3, column + 1
    if (end, end) not in cells:
        cells[end, end] = cells[end - 1, end - 1] = True
    return [[cells.get((r, c), False) for c in range(side)] for r in range(side)]


def _utah(row: int, column: int) -> tuple[tuple[int, int], ...]:
    return (
        (row - 2, column - 2), (row - 2, column - 1), (row - 1, column - 2), (row - 1, column - 1),
        (row - 1, column), (row, column - 2), (row, column - 1), (row, column),
    )  # fmt: skip


def _framed(cells: Sequence[Sequence[bool]], region: int, regions: int) -> list[list[bool]]:
    """Put around each data region its solid left and bottom, and its dotted top and right."""
    block, side = region + 2, (region + 2) * regions
    framed = [[False] * side for _ in range(side)]
    for y in range(side):
        for x in range(side):
            inner_y, inner_x = y % block, x % block
            if inner_x == 0 or inner_y == block - 1:
                framed[y][x] = True
            elif inner_y == 0:
                framed[y][x] = inner_x % 2 == 0
            elif inner_x == block - 1:
                framed[y][x] = inner_y % 2 == 1
            else:
                framed[y][x] = cells[y // block * region + inner_y - 1][x // block * region + inner_x - 1]
    return framed

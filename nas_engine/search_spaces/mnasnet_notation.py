"""The notation of MnasNet's released code for a network's blocks, read into cells:
"r3_k5_s22_e3_i24_o40_se0.25" repeats a bottleneck three times."""

import re

from nas_engine.errors import ConfigError
from nas_engine.graph_cell import GraphCell
from nas_engine.search_spaces.mnasnet import Block, network_cells

_PART = re.compile(r"(se|[rkseio])([\d.]+)")


def from_notation(text: str, stem: int = 32, head: int = 1280) -> tuple[GraphCell, ...]:
    """The cells of the blocks in ``text``, apart by spaces. r repeats, k kernel, s stride (both sides: "22"), e expansion, o
    filters, se squeeze-and-excitation, "noskip" no identity; i, the channels before, follows. Raises ConfigError for
    anything else.
    """
    blocks, before = [], stem
    for word in text.split():
        blocks.append(_block(word, before))
        before = blocks[-1].filters
    if not blocks:
        raise ConfigError("Give a block at least, as in r1_k3_s11_e1_i32_o16_noskip.", "blocks")
    return network_cells(blocks, stem, 2, head)


def _block(word: str, before: int) -> Block:
    given = {"s": "11", "e": "1", "se": "0", "r": "1"}
    parts = word.split("_")
    skip = "none" if "noskip" in parts else "identity"
    for part in parts:
        match = _PART.fullmatch(part)
        if match:
            given[match[1]] = match[2]
        elif part != "noskip":
            raise ConfigError(f"{part!r} is no part of a block; they look like r3_k5_s22_e3_o40_se0.25.", "blocks")
    try:
        expansion, stride = int(given["e"]), int(given["s"][0])
        operation = "separable" if expansion == 1 else "inverted_bottleneck"
        return Block(
            before,
            operation,
            expansion,
            int(given["k"]),
            stride,
            int(given["o"]),
            int(given["r"]),
            float(given["se"]),
            skip,
        )
    except (KeyError, ValueError):
        raise ConfigError(f"{word!r} lacks a kernel (k) or filters (o), or they are no numbers.", "blocks") from None

"""From cells to the whole network: every family of cells has its own rules, and this table names them."""

from collections.abc import Callable, Sequence

from nas_engine.blueprint.blueprint import Blueprint
from nas_engine.blueprint.draft import Shape
from nas_engine.blueprint.enas_macro import draft_enas_macro
from nas_engine.blueprint.mnasnet import draft_mnasnet
from nas_engine.blueprint.nas import draft_nas
from nas_engine.blueprint.randwire import draft_randwire
from nas_engine.blueprint.stacking import stack_cells
from nas_engine.errors import ConfigError
from nas_engine.graph_cell import AnyCell
from nas_engine.protocol import SkeletonConfig

Drafter = Callable[[Sequence[AnyCell], SkeletonConfig, Shape, int, bool], Blueprint]

# A drafter takes (cells, skeleton, image_shape, classes, aux).
FAMILIES: dict[str, Drafter] = {
    "nasnet": stack_cells,
    "enas_macro": draft_enas_macro,
    "mnasnet": draft_mnasnet,
    "randwire": draft_randwire,
    "nas": draft_nas,
}


def build_blueprint(
    cells: Sequence[AnyCell],
    skeleton: SkeletonConfig,
    image_shape: Shape,
    classes: int,
    *,
    aux: bool = False,
) -> Blueprint:
    """The network of ``cells`` on images of ``image_shape`` (channels, height, width), by the rules of their family.

    Of ``skeleton`` each family reads what its search space names in ``skeleton_fields``. ``aux`` adds the auxiliary head
    used in full training. Raises ConfigError where the cells are of no family or of several, the image is too small, or
    the family has no auxiliary head.
    """
    families = {cell.family for cell in cells}
    if len(families) != 1 or not families <= FAMILIES.keys():
        raise ConfigError(f"A network is built from cells of one of these families: {', '.join(FAMILIES)}.", "cells")
    return FAMILIES[families.pop()](cells, skeleton, tuple(image_shape), classes, aux)

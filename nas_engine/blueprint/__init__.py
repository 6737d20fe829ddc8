"""The blueprint: cells and a skeleton turned into a flat list of layers with exact costs. Torch-free."""

from nas_engine.blueprint.blueprint import Blueprint, Feature, NodeCost, Placement
from nas_engine.blueprint.draft import Layer
from nas_engine.blueprint.families import build_blueprint
from nas_engine.blueprint.stacking import auxiliary_head

__all__ = ["Blueprint", "Feature", "Layer", "NodeCost", "Placement", "auxiliary_head", "build_blueprint"]

"""The blueprint: cells and a skeleton turned into a flat list of layers with exact costs. Torch-free."""

from nas_engine.blueprint.blueprint import Blueprint, Feature, NodeCost, Placement
from nas_engine.blueprint.draft import Layer
from nas_engine.blueprint.families import build_blueprint

__all__ = ["Blueprint", "Feature", "Layer", "NodeCost", "Placement", "build_blueprint"]

"""A trial's bundle: a zip with the weights, the architecture as JSON, and a model.py that rebuilds the network."""

import json
from typing import BinaryIO

from nas_engine import notation
from nas_engine.cell import cells_key
from nas_engine.config import read
from nas_engine.errors import ConfigError
from nas_engine.export.bundle_zip import MODEL_FILE, write_zip
from nas_engine.export.weights import read_meta
from nas_engine.graph_cell import read_cells
from nas_engine.protocol import SkeletonConfig


def write_bundle(weights: bytes, out: BinaryIO) -> None:
    """Write the bundle of a packed weights file to ``out``. Equal weights give equal bytes.

    Raises ConfigError if ``weights`` is not a weights file of ours.
    """
    meta = read_meta(weights)
    files = {
        "weights.safetensors": bytes(weights),
        "architecture.json": architecture_json(meta),
        "model.py": MODEL_FILE.read_bytes(),
        "README.md": _readme(meta).encode(),
    }
    write_zip(files, out)


def architecture_json(meta: dict) -> bytes:
    """The cells in every notation that can say them, and all that ``meta`` (of a weights file) holds, the layers last."""
    cells = read_cells(meta["cells"])
    data = {"key": cells_key(cells), **{name: value for name, value in meta.items() if name != "blueprint"}}
    for name, write in (("darts", notation.to_darts), ("nasnet", notation.to_nasnet)):
        try:
            data[name] = write(cells)
        except ConfigError:
            continue  # that notation has no word for one of the cell's parts
    data["blueprint"] = meta["blueprint"]
    rows = (f"{json.dumps(name)}: {json.dumps(value, ensure_ascii=False)}" for name, value in data.items())
    return ("{\n" + ",\n".join(rows) + "\n}\n").encode()


def _readme(meta: dict) -> str:
    blueprint, evaluation, protocol = meta["blueprint"], meta.get("evaluation") or {}, meta.get("protocol") or {}
    channels, height, width = blueprint["image_shape"]
    facts = [
        f"- Cell {cells_key(read_cells(meta['cells']))[:7]}",
        f"- Images: {channels} channel{'s' * (channels > 1)}, {height}×{width} pixels; {len(meta['classes'])} classes",
        f"- {blueprint['params']:,} parameters, {blueprint['macs']:,} multiply-accumulates an image",
    ]
    if "valid_accuracy" in evaluation:
        facts.append(f"- Valid accuracy: {evaluation['valid_accuracy']:.2%}, measured in float32 on the final weights")
    if protocol:
        data, skeleton, training = protocol["data"], protocol["skeleton"], protocol["training"]
        facts.append(
            f"- Trained on {data['dataset']} for {training['epochs']} epochs "
            f"({read(SkeletonConfig, skeleton).summary()}, seed {training['seed']}); "
            "every setting is in architecture.json"
        )
    return README.format(facts="\n".join(facts))


README = """# A network found by Nasturtium

{facts}

## Use it

    pip install torch safetensors pillow
    python model.py image.png                    # the likeliest classes
    python model.py --evaluate FOLDER_OR_ZIP     # accuracy over a folder of images per class

In your own code:

    import model
    network = model.load("weights.safetensors")
    logits = network(network.preprocess(images))     # images: (N, C, H, W) bytes
    maps = network.forward_features(batch)           # every stage's map and its stride

## What is inside

- `weights.safetensors`: the weights; its metadata holds the architecture and the protocol they were trained under
- `architecture.json`: the cells, in several notations, and the network layer by layer
- `model.py`: rebuilds the network; needs nothing but torch
- `SHA256SUMS`: check with `sha256sum -c SHA256SUMS`
"""

"""A network found by Nasturtium, built from its list of layers.

    python model.py image.png                 the likeliest classes of one or more images
    python model.py --evaluate FOLDER_OR_ZIP  the accuracy over a folder (or zip) of class folders

    import model
    network = model.load("weights.safetensors")       # or model.build(blueprint) for fresh weights
    logits = network(network.preprocess(images))      # (N, classes)
    maps = network.forward_features(batch)            # [(map, stride), ...]: every stage's map, for detection and the like

This file needs torch alone; loading weights needs safetensors, reading images Pillow.
"""

import argparse
import json
import math
import sys
import zipfile
from io import BytesIO
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

FORMAT = 1
METADATA_KEY = "nasturtium"
# Layers whose output is a tensor of their own that no backward pass looks at again: it may be overwritten.
OVERWRITABLE = {
    "conv", "norm", "add", "mean", "weighted_sum", "scale", "concat", "pad", "avg_pool", "max_pool",
}  # fmt: skip
IMAGE_MODES = {1: "L", 3: "RGB", 4: "RGBA"}


class Conv(nn.Conv2d):
    """A convolution whose padding (top, bottom, left, right) may differ from side to side.

    ``size`` is the height and width of the maps it is planned for; on others the padding is worked out anew.
    """

    def __init__(self, layer: dict, size: tuple[int, int]):
        top, bottom, left, right = layer["padding"]
        even = top == bottom and left == right
        super().__init__(
            layer["in"],
            layer["out"],
            tuple(layer["kernel"]),
            tuple(layer["stride"]),
            (top, left) if even else 0,
            layer["dilation"],
            layer["groups"],
            bias=layer.get("bias", False),
        )
        self.sides = None if even else (left, right, top, bottom)
        self.layer, self.size = layer, size

    def forward(self, x: Tensor) -> Tensor:
        if tuple(x.shape[2:]) == self.size:
            return super().forward(x if self.sides is None else F.pad(x, self.sides))
        top, bottom, left, right = _padding(self.layer, x.shape[2:])
        x = F.pad(x, (left, right, top, bottom))
        return F.conv2d(x, self.weight, self.bias, self.stride, 0, self.dilation, self.groups)


class Norm(nn.Module):
    """Batch norm. Unlike torch's own it keeps no count of batches, which costs an operation a layer and is not read."""

    def __init__(self, channels: int, eps: float, momentum: float):
        super().__init__()
        self.eps, self.momentum = eps, momentum
        self.weight, self.bias = nn.Parameter(torch.ones(channels)), nn.Parameter(torch.zeros(channels))
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_var", torch.ones(channels))

    def forward(self, x: Tensor) -> Tensor:
        return F.batch_norm(
            x, self.running_mean, self.running_var, self.weight, self.bias, self.training, self.momentum, self.eps
        )


class Linear(nn.Linear):
    """A linear layer over all values of a map."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.flatten(1))


class _Concat(torch.autograd.Function):
    """Concatenation along channels whose gradients are dense: batch norm is slow to go back through slices of a larger map,
    on processors thirty times."""

    @staticmethod
    def forward(ctx, *maps: Tensor) -> Tensor:
        ctx.channels = [one.shape[1] for one in maps]
        return torch.cat(maps, 1)

    @staticmethod
    def backward(ctx, grad: Tensor) -> tuple[Tensor, ...]:
        layout = torch.channels_last if _channels_last(grad) else torch.contiguous_format
        return tuple(part.contiguous(memory_format=layout) for part in grad.split(ctx.channels, 1))


class WeightedSum(nn.Module):
    """The sum of several maps, each times the sigmoid of its weight; in training one of them is left out now and then."""

    def __init__(self, count: int, edge_drop: float = 0.0):
        super().__init__()
        self.weight, self.edge_drop = nn.Parameter(torch.zeros(count)), edge_drop

    def forward(self, *maps: Tensor) -> Tensor:
        weights = torch.sigmoid(self.weight)
        if self.training and self.edge_drop:
            weights = weights * self._kept()
        first, *others = weights.unbind()
        total = maps[0] * first
        for one, weight in zip(maps[1:], others, strict=True):
            total = total + one * weight
        return total

    def _kept(self) -> Tensor:
        """1 for each map, and with the chance of edge drop 0 for one of them."""
        count, device = len(self.weight), self.weight.device
        drops = torch.rand((), device=device) < self.edge_drop
        return (torch.arange(count, device=device) != torch.randint(count, (), device=device)).logical_or(~drops)


class Network(nn.Module):
    """Interprets a blueprint's JSON. Weights are named by scope: ``cells.3.b1l.depthwise_1.weight``.

    ``set_drop_path`` sets the rate of ScheduledDropPath (Zoph et al. 2018) while training. ``meta`` is what a weights
    file says of itself (class names, normalisation), empty for a network made from a bare blueprint.
    """

    def __init__(self, blueprint: dict, meta: dict | None = None):
        super().__init__()
        if blueprint.get("format") != FORMAT:
            raise ValueError(f"This blueprint has format {blueprint.get('format')}; this file builds format {FORMAT}.")
        self.blueprint, self.meta = blueprint, meta or {}
        self.drop_path_rate = 0.0
        self._layers: list[dict] = blueprint["layers"]
        self._drops = [index for index, layer in enumerate(self._layers) if layer["kind"] == "drop_path"]
        self._plans: dict[tuple[int, ...], list] = {}
        self._depths: dict[torch.device, Tensor] = {}  # how deep the drop paths lie
        for layer in self._layers:
            self._add_weights(layer)
        self._initialise(blueprint["init"])

    def __getstate__(self) -> dict:
        return {**self.__dict__, "_plans": {}}  # plans hold functions bound to this very network; a copy makes its own

    def _add_weights(self, layer: dict) -> None:
        if layer["kind"] == "conv":
            module = Conv(layer, tuple(self._layers[layer["inputs"][0]]["shape"][1:]))
        elif layer["kind"] == "norm":
            module = Norm(layer["shape"][0], self.blueprint["norm_eps"], self.blueprint["norm_momentum"])
        elif layer["kind"] == "linear":
            module = Linear(layer["in"], layer["out"], layer["bias"])
        elif layer["kind"] == "weighted_sum":
            module = WeightedSum(len(layer["inputs"]), layer.get("edge_drop", 0.0))
        else:
            return
        *path, name = layer["name"].split(".")
        parent = self
        for part in path:
            if part not in parent._modules:
                parent.add_module(part, nn.Module())
            parent = parent._modules[part]
        parent.add_module(name, module)

    def _initialise(self, kind: str) -> None:
        """ "fan_out": TensorFlow slim's variance scaling; "he_normal": ENAS's; "he_fan_out": MnasNet's; "torch": torch's
        own, already in place."""
        if kind == "torch":
            return
        for module in self.modules():
            if not isinstance(module, (nn.Conv2d, nn.Linear)):
                continue
            outputs, inputs, *kernel = module.weight.shape
            if kind == "he_fan_out" and isinstance(module, nn.Linear):
                bound = 1 / math.sqrt(outputs)
                nn.init.uniform_(module.weight, -bound, bound)
            elif kind == "he_fan_out":
                nn.init.normal_(module.weight, std=math.sqrt(2 / (outputs // module.groups * math.prod(kernel))))
            elif kind == "fan_out":
                outputs //= getattr(module, "groups", 1)
                spread = math.sqrt(2.6 / (outputs * math.prod(kernel)))
                nn.init.trunc_normal_(module.weight, std=spread, a=-2 * spread, b=2 * spread)
            else:
                nn.init.normal_(module.weight, std=math.sqrt(2 / (inputs * math.prod(kernel))))
            if module.bias is not None:
                nn.init.zeros_(module.bias)

    def set_drop_path(self, rate: float | Tensor) -> None:
        """The chance with which a path of the deepest cell is dropped; shallower cells get less where the rules say so.

        ScheduledDropPath raises it linearly from 0 to its end rate over the training. A tensor of one number stays where it
        is and is read at every pass.
        """
        if not isinstance(rate, Tensor) and not 0 <= rate < 1:
            raise ValueError(f"A drop path rate lies in [0, 1), not {rate}.")
        self.drop_path_rate = rate

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) normalised images to (N, classes) logits."""
        return self._run(x, (self.blueprint["logits"],))[0]

    def forward_with_aux(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Logits of the classifier and of the auxiliary head, which the blueprint must have."""
        if self.blueprint["aux"] is None:
            raise ValueError("This network has no auxiliary head; build its blueprint with aux=True.")
        logits, aux = self._run(x, (self.blueprint["logits"], self.blueprint["aux"]))
        return logits, aux

    def forward_features(self, x: Tensor) -> list[tuple[Tensor, int]]:
        """The last map of every resolution with its stride, largest map first."""
        features = self.blueprint["features"]
        maps = self._run(x, tuple(layer for layer, _, _ in features))
        return [(one, stride) for one, (_, _, stride) in zip(maps, features, strict=True)]

    @property
    def feature_channels(self) -> list[int]:
        """Channels of the maps that :meth:`forward_features` returns, in the same order."""
        return [channels for _, channels, _ in self.blueprint["features"]]

    def preprocess(self, images: Tensor) -> Tensor:
        """(N, C, H, W) bytes to normalised numbers, by the mean and spread the network was trained with."""
        shape = (1, -1, 1, 1)
        mean = torch.tensor(self.meta["normalisation"]["mean"], device=images.device).view(shape)
        std = torch.tensor(self.meta["normalisation"]["std"], device=images.device).view(shape)
        return (images.float() / 255 - mean) / std

    def _run(self, x: Tensor, outputs: tuple[int, ...]) -> list[Tensor]:
        plan = self._plans.get(outputs)
        if plan is None:
            plan = self._plans[outputs] = self._plan(outputs)
        dropping = isinstance(self.drop_path_rate, Tensor) or self.drop_path_rate
        masks = self._masks(x) if self.training and dropping and self._drops else {}
        values: list = [None] * len(self._layers)
        values[0] = x
        for index, kind, run, inputs, done in plan:
            if kind == "drop_path":
                value = values[inputs[0]]
                if masks:
                    value = value * masks[index].to(value.dtype)
            elif kind == "concat":
                maps = [values[source] for source in inputs]
                value = _Concat.apply(*maps) if self.training else torch.cat(maps, 1)
            else:
                value = run(*[values[source] for source in inputs])
            values[index] = value
            for source in done:
                values[source] = None
        return [values[index] for index in outputs]

    def _masks(self, x: Tensor) -> dict[int, Tensor]:
        """One keep-or-drop per path and image, divided by the chance of keeping."""
        if x.device not in self._depths:
            depths = [self._layers[index]["depth"] for index in self._drops]
            self._depths[x.device] = torch.tensor(depths, device=x.device)
        keep = (1 - self.drop_path_rate * self._depths[x.device]).unsqueeze(1)
        kept = torch.rand(len(self._drops), len(x), device=x.device) < keep
        masks = (kept / keep).view(len(self._drops), len(x), 1, 1, 1)
        return dict(zip(self._drops, masks, strict=True))

    def _plan(self, outputs: tuple[int, ...]) -> list:
        """What to run for these outputs, in order: (index, kind, function, inputs, values that can be dropped after)."""
        needed, readers = set(outputs), [0] * len(self._layers)
        for index in range(len(self._layers) - 1, 0, -1):
            if index in needed:
                needed.update(self._layers[index]["inputs"])
                for source in self._layers[index]["inputs"]:
                    readers[source] += 1
        for index in outputs:
            readers[index] += 1
        last, plan = {}, []
        for index in sorted(needed - {0}):
            last.update(dict.fromkeys(self._layers[index]["inputs"], index))
        for index in sorted(needed - {0}):
            layer = self._layers[index]
            done = tuple(s for s in set(layer["inputs"]) if last[s] == index and s not in outputs)
            plan.append((index, layer["kind"], self._function(layer, readers), tuple(layer["inputs"]), done))
        return plan

    def _free(self, index: int, readers: list[int]) -> bool:
        """Whether the only reader of a value may overwrite it."""
        layer = self._layers[index]
        if readers[index] != 1:
            return False
        if layer["kind"] in ("drop_path", "dropout"):  # may hand on the very tensor they were given
            return self._free(layer["inputs"][0], readers)
        return layer["kind"] in OVERWRITABLE

    def _function(self, layer: dict, readers: list[int]):
        kind = layer["kind"]
        if kind in ("conv", "norm", "linear", "weighted_sum"):
            return self.get_submodule(layer["name"])
        if kind == "relu":
            return torch.relu_ if self._free(layer["inputs"][0], readers) else torch.relu
        if kind == "add":
            left, right = layer["inputs"]
            if self._free(left, readers):
                return Tensor.add_
            return (lambda x, y: y.add_(x)) if self._free(right, readers) else torch.add
        if kind in ("avg_pool", "max_pool"):
            return _pooling(layer, self._layers[layer["inputs"][0]]["shape"])
        if kind == "dropout":
            return lambda x: F.dropout(x, layer["rate"], self.training)
        if kind == "pad":
            top, bottom, left, right = layer["padding"]
            sides = (left, right, top, bottom, 0, layer["channels"])
            return lambda x: F.pad(x, sides)
        return _FUNCTIONS[kind]


def _padding(layer: dict, size) -> tuple[int, int, int, int]:
    """(top, bottom, left, right) for a map of another size than the layer was planned for."""
    if "rule" not in layer:
        raise ValueError("This network was stored before networks could be shown images of another size.")
    if layer["rule"] == "valid":
        return 0, 0, 0, 0
    sides = []
    for side, kernel, stride in zip(size, layer["kernel"], layer["stride"], strict=True):
        reach = (kernel - 1) * layer.get("dilation", 1) + 1
        if layer["rule"] == "symmetric":
            sides += [reach // 2, reach // 2]
        else:  # TensorFlow's SAME
            total = max((-(-side // stride) - 1) * stride + reach - side, 0)
            sides += [total // 2, total - total // 2]
    return tuple(sides)


def _pooling(layer: dict, before: list[int]):
    """Pooling whose padding enters neither mean nor maximum."""
    planned, others = tuple(before[1:]), {}
    run = _sized_pooling(layer, planned, layer["padding"], layer["shape"][1:])

    def pool(x: Tensor) -> Tensor:
        size = tuple(x.shape[2:])
        if size == planned:
            return run(x)
        if size not in others:
            valid = layer["rule"] == "valid"
            pairs = zip(size, layer["kernel"], layer["stride"], strict=True)
            out = [(side - kernel) // stride + 1 if valid else -(-side // stride) for side, kernel, stride in pairs]
            others[size] = _sized_pooling(layer, size, _padding(layer, size), out)
        return others[size](x)

    return pool


def _sized_pooling(layer: dict, size, padding, out):
    kernel, stride = tuple(layer["kernel"]), tuple(layer["stride"])
    top, bottom, left, right = padding
    # Windows that hang over the lower and right edge are what ceil_mode allows; other lopsided padding is added first.
    hangs = any(
        (side + 2 * pad - k) // s + 1 < wanted
        for side, pad, k, s, wanted in zip(size, (top, left), kernel, stride, out, strict=True)
    )
    if layer["kind"] == "avg_pool":
        options = {"ceil_mode": hangs, "count_include_pad": False}
        return lambda x: F.avg_pool2d(x, kernel, stride, (top, left), **options)
    if hangs and stride == (1, 1):
        sides = (left, right, top, bottom)
        return lambda x: F.max_pool2d(F.pad(x, sides, value=-math.inf), kernel, stride)
    return lambda x: F.max_pool2d(x, kernel, stride, (top, left), ceil_mode=hangs)


def _shift(x: Tensor) -> Tensor:
    height, width = x.shape[2:]
    if height % 2 or width % 2:
        x = F.pad(x, (0, width % 2, 0, height % 2))
    if _channels_last(x):  # sliced in memory's order, the gradient lies as x does
        return x.permute(0, 2, 3, 1)[:, 1::2, 1::2].permute(0, 3, 1, 2)
    return x[:, :, 1::2, 1::2]


def _global_pool(x: Tensor) -> Tensor:
    if _channels_last(x):
        return x.permute(0, 2, 3, 1).mean((1, 2), keepdim=True).permute(0, 3, 1, 2)
    return x.mean((2, 3), keepdim=True)


def _channels_last(x: Tensor) -> bool:
    return x.is_contiguous(memory_format=torch.channels_last)


def _mean(*maps: Tensor) -> Tensor:
    total = maps[0] + maps[1]
    for one in maps[2:]:
        total = total + one
    return total / len(maps)


# Concatenation and drop path take more than their inputs and stand in Network._run.
_FUNCTIONS = {
    "sigmoid": torch.sigmoid, "scale": torch.mul, "mean": _mean, "shift": _shift, "global_pool": _global_pool,
    "concat": None, "drop_path": None,
}  # fmt: skip


def build(blueprint: dict | None = None, meta: dict | None = None) -> Network:
    """The network of a blueprint, by default the one in ``architecture.json`` beside this file, with fresh weights."""
    if blueprint is None:
        meta = json.loads(Path(__file__).with_name("architecture.json").read_text("utf-8"))
        blueprint = meta.pop("blueprint")
    return Network(blueprint, meta)


def load(path: str | Path | None = None, device: str = "cpu") -> Network:
    """The network of a weights file, by default ``weights.safetensors`` beside this file, ready to use (evaluation mode)."""
    path = Path(__file__).with_name("weights.safetensors") if path is None else path
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(str(path), "pt", device=device) as file:
            meta = json.loads((file.metadata() or {}).get(METADATA_KEY, "{}"))
            weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dictionary)
    except SafetensorError as error:
        raise ValueError(f"{path} is not a whole weights file ({error}).") from None
    if "blueprint" not in meta:
        raise ValueError(f"{path} holds no Nasturtium network.")
    network = Network(meta["blueprint"], meta).to(device)
    network.load_state_dict(weights)
    return network.eval()


def read_image(source, network: Network) -> Tensor:
    """An image file as bytes (C, H, W), prepared as the images were that the network was trained and tested on: upright,
    transparency on white, the middle cut out and resampled to the size of the data set, of which the network sees a
    central share in its own size."""
    from PIL import Image, ImageOps

    channels, height, width = network.blueprint["image_shape"]
    prepared = network.meta.get("preprocessing", {})
    stored_height, stored_width = prepared.get("stored", (height, width))
    if channels not in IMAGE_MODES:
        raise ValueError(f"Image files have 1, 3 or 4 channels; this network takes {channels}.")
    with Image.open(source) as image:
        image = ImageOps.exif_transpose(image)
        if channels < 4 and (image.mode in ("LA", "RGBA", "PA") or "transparency" in image.info):
            image = image.convert("RGBA")
            image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
        image = image.convert(IMAGE_MODES[channels])
        if image.size != (stored_width, stored_height):
            image = ImageOps.fit(image, (stored_width, stored_height), Image.Resampling.LANCZOS)
        shown = [round(side * prepared.get("central_crop", 1.0)) for side in image.size]
        left, top = ((side - part) // 2 for side, part in zip(image.size, shown, strict=True))
        image = image.crop((left, top, left + shown[0], top + shown[1]))
        if image.size != (width, height):
            image = image.resize((width, height), Image.Resampling.BILINEAR)
        data = torch.frombuffer(bytearray(image.tobytes()), dtype=torch.uint8)
    return data.view(height, width, channels).permute(2, 0, 1).contiguous()


def classify(network: Network, paths: list[str], top: int) -> None:
    """Print the likeliest classes of each image."""
    classes = network.meta["classes"]
    for path in paths:
        image = read_image(path, network)
        with torch.inference_mode():
            chances = network(network.preprocess(image.unsqueeze(0))).softmax(1)[0]
        print(path)
        for chance, index in zip(*chances.topk(min(top, len(classes))), strict=True):
            print(f"  {chance:7.2%}  {classes[index]}")


def evaluate(network: Network, source: str, batch: int = 256) -> float:
    """The accuracy over a folder or zip that holds one folder of images per class, named like the class."""
    found = _labelled_files(source, network.meta["classes"])
    right = 0
    for start in range(0, len(found), batch):
        labels, files = zip(*found[start : start + batch], strict=True)
        images = torch.stack([read_image(BytesIO(file()), network) for file in files])
        with torch.inference_mode():
            guesses = network(network.preprocess(images)).argmax(1)
        right += int((guesses == torch.tensor(labels)).sum())
    accuracy = right / len(found)
    print(f"accuracy {accuracy:.4f} ({right} of {len(found)} images)")
    return accuracy


def _labelled_files(source: str, classes: list[str]):
    """(class index, function that reads the file's bytes) for every image below ``source``.

    A folder is named like its class; classes.json, where there is one, says which class a folder stands for.
    """
    path = Path(source)
    if zipfile.is_zipfile(path):
        archive = zipfile.ZipFile(path)
        names = sorted(name for name in archive.namelist() if not name.endswith("/"))
        files = {name: (lambda name=name: archive.read(name)) for name in names}
    else:
        files = {one.relative_to(path).as_posix(): one.read_bytes for one in sorted(path.rglob("*")) if one.is_file()}
    numbers = {name: index for index, name in enumerate(classes)}
    legend = files.pop("classes.json", None)
    for row in json.loads(legend()) if legend else []:
        numbers[row["folder"]] = classes.index(row["class"])
    labels = {name: numbers.get(Path(name).parent.name) for name in files}
    labelled = [(labels[name], read) for name, read in files.items() if labels[name] is not None]
    if not labelled:
        raise ValueError(f"{source} holds no images in folders named {', '.join(classes[:10])}.")
    if len(labelled) < len(files):
        print(f"{len(files) - len(labelled)} files lie in no class's folder and are left out.", file=sys.stderr)
    return labelled


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Use a network found by Nasturtium.")
    parser.add_argument("images", nargs="*", help="image files to classify")
    parser.add_argument("--evaluate", metavar="FOLDER_OR_ZIP", help="print the accuracy over a folder per class")
    parser.add_argument("--weights", default=str(Path(__file__).with_name("weights.safetensors")))
    parser.add_argument("--top", type=int, default=5, help="how many classes to print")
    options = parser.parse_args(arguments)
    if not options.images and not options.evaluate:
        parser.error("name an image, or a folder with --evaluate")
    try:
        network = load(options.weights)
        if options.images:
            classify(network, options.images, options.top)
        if options.evaluate:
            evaluate(network, options.evaluate)
    except (OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""The model card: what the network is, what it scores and how that was measured, how to use it, what it is not for."""

import math


def model_card(training: dict, blueprint: dict, *, has_onnx: bool) -> str:
    """Markdown from the bundle's own training.json and blueprint (Mitchell et al. 2019, Model Cards for Model Reporting)."""
    names, evaluation = training["names"], training["evaluation"]
    title = names["title"] or f"{names['cell'] or 'Cell ' + training['cell_key'][:7]} on {_dataset(training)}"
    parts = [
        f"# {_line(title)}\n",
        "An image classifier whose cell was found by, or trained with, Nasturtium.\n",
        "## Results\n",
        _table(_results(training, evaluation)),
        _how_measured(training),
        "## Network\n",
        _table(_network(training, blueprint)),
        "## Training\n",
        _table(_settings(training)),
        "Every setting and the whole learning curve are in `training.json`.\n",
        _use(training, blueprint, has_onnx),
        _limits(training),
        _files(has_onnx),
    ]
    return "\n".join(parts)


def _line(text: str) -> str:
    """Names are people's: one line, no markup."""
    return " ".join(str(text).split()).translate({ord(sign): f"\\{sign}" for sign in "\\`*_[]<>|#"})


def _dataset(training: dict) -> str:
    return training["names"]["dataset"] or training["dataset"]["name"]


def _table(rows: list[tuple[str, str]]) -> str:
    return "\n".join(["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows)]) + "\n"


def _results(training: dict, evaluation: dict) -> list[tuple[str, str]]:
    count, accuracy = training["dataset"]["test_images"], evaluation["test_accuracy"]
    error = math.sqrt(accuracy * (1 - accuracy) / count)
    rows = [("Test accuracy", f"{accuracy:.2%} ± {error:.2%} (standard error over {count:,} images)")]
    if evaluation["test_top5"] is not None:
        rows.append(("Top-5 accuracy", f"{evaluation['test_top5']:.2%}"))
    if evaluation["valid_accuracy"] is not None:
        rows.append(("Valid accuracy", f"{evaluation['valid_accuracy']:.2%}"))
    latency = evaluation["latency"]
    rows += [
        ("Parameters", f"{evaluation['params']:,}"),
        ("Multiply-accumulates", f"{evaluation['macs']:,} an image"),
        ("Latency", f"{1000 * latency['median']:.2f} ms an image (median of {latency['runs']}, {_device(training)})"),
    ]
    return rows


def _device(training: dict) -> str:
    device = training["device"]
    return f"{_line(device['name'])}, {device['threads']} threads" if device["kind"] == "cpu" else _line(device["name"])


def _how_measured(training: dict) -> str:
    return (
        "Test images were looked at once, after the last epoch, in float32, one view an image. "
        f"Protocol `{training['protocol']}`, seed {training['seed']}: accuracies under other protocols do not compare.\n"
    )


def _network(training: dict, blueprint: dict) -> list[tuple[str, str]]:
    skeleton = training["config"]["skeleton"]
    size = f"{skeleton['layers']} cells" if skeleton["layers"] else f"N = {skeleton['repeats']}"
    built = f"{skeleton['kind']}, {size}, F = {skeleton['filters']}, rules of {skeleton['dialect']}"
    channels, height, width = blueprint["image_shape"]
    return [
        ("Cell", f"{_line(training['names']['cell'])} `{training['cell_key'][:12]}`".strip()),
        ("Skeleton", "none: the cells are the whole network" if skeleton.get("whole") else built),
        ("Input", f"{channels} × {height} × {width}"),
        ("Stages", ", ".join(f"{channels} channels at 1/{stride}" for _, channels, stride in blueprint["features"])),
    ]


def _settings(training: dict) -> list[tuple[str, str]]:
    config, hours = training["config"], training["seconds"] / 3600
    length = config["schedule"]["epochs"]
    optimizer, schedule = config["optimizer"], config["schedule"]
    return [
        ("Images", f"{_line(_dataset(training))}, {training['dataset']['classes']} classes"),
        (
            "Length",
            f"{length} epoch{'s' * (length > 1)}, {hours:.2f} hours on {training['devices']} × {_device(training)}",
        ),
        (
            "Optimizer",
            f"{optimizer['kind']}, batch {optimizer['batch_size']}, weight decay {optimizer['weight_decay']:g}",
        ),
        ("Learning rate", f"{optimizer['learning_rate']:g}, {schedule['kind']}"),
        ("Regularisation", ", ".join(f"{k.replace('_', ' ')} {v:g}" for k, v in config["regularisation"].items())),
        ("Precision", training["precision"]),
        ("Made with", f"Nasturtium {training['versions']['nasturtium']}, torch {training['versions']['torch']}"),
    ]


def _use(training: dict, blueprint: dict, has_onnx: bool) -> str:
    channels, height, width = blueprint["image_shape"]
    text = f"""## Use it

    pip install torch safetensors pillow
    python model.py image.png                    # the likeliest classes
    python model.py --evaluate FOLDER_OR_ZIP     # accuracy over a folder of images per class

In your own code:

    import model
    network = model.load()                           # weights.safetensors beside model.py
    logits = network(network.preprocess(images))     # images: (N, {channels}, {height}, {width}) bytes
    maps = network.forward_features(batch)           # every stage's map and its stride, for detection and the like

Maps can be had of images of any size; logits too, though accuracy was measured at {height} × {width}.
"""
    if has_onnx:
        mean, std = (_numbers(training["preprocessing"]["normalisation"][name]) for name in ("mean", "std"))
        text += f"""
Without torch:

    import numpy, onnxruntime
    session = onnxruntime.InferenceSession("model.onnx")
    image = (pixels / 255 - mean) / std              # mean {mean}, std {std}, per channel
    logits = session.run(["logits"], {{"image": image.astype(numpy.float32)}})[0]
"""
    else:
        text += "\nThere is no ONNX file: it could not be made for this network.\n"
    return text


def _numbers(values: list[float]) -> str:
    return "[" + ", ".join(f"{value:.4f}" for value in values) + "]"


def _limits(training: dict) -> str:
    return f"""## What it is not for

It knows {training["dataset"]["classes"]} classes and gives one of them to every image, whatever the image shows. Its
accuracy was measured on images like those it was trained on; on others, test it before you rely on it. Nobody examined it
for bias or for robustness, and it is not fit for decisions about people.
"""


def _files(has_onnx: bool) -> str:
    rows = [
        ("weights.safetensors", "the weights; its metadata holds the architecture, so that one file is enough"),
        ("model.onnx", "the network for onnxruntime, batch free; compared with torch when it was made"),
        ("model.py", "builds, loads and runs the network; needs torch alone"),
        ("architecture.json", "the cells in several notations, and the network layer by layer"),
        ("training.json", "settings, numbers, versions, device, learning curve"),
        ("labels.txt", "the classes, in the order of the logits"),
        ("SHA256SUMS", "check with `sha256sum -c SHA256SUMS`"),
    ]
    kept = [f"- `{name}`: {text}" for name, text in rows if has_onnx or name != "model.onnx"]
    return "## What is inside\n\n" + "\n".join(kept) + "\n"

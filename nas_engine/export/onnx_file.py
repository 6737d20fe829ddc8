"""The network as an ONNX file, compared with onnxruntime before it is handed out."""

import io
import json
import logging
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import Tensor, nn

from nas_engine.errors import EvaluationFailed

OPSET = 18
TOLERANCE = 1e-4
_BATCHES = (1, 2, 7)


def export_onnx(network: nn.Module, image_shape: tuple[int, int, int], about: dict) -> bytes:
    """An ONNX file: input "image" (batch, C, H, W) of normalised numbers, output "logits" (batch, classes), any batch.

    ``about`` is JSON data that stands in the file's metadata under "nasturtium". The file is run by onnxruntime at several
    batches; raises EvaluationFailed where the logits differ by more than 1e-4 (of the largest logit, if that is above 1),
    or where it cannot be written or run. The network comes back as it was, on its device.
    """
    device, training = next(network.parameters()).device, network.training
    try:
        network.to("cpu").eval()
        data = _written(network, image_shape, about)
        difference = largest_difference(network, data, image_shape)
    except EvaluationFailed:
        raise
    except Exception as error:  # the exporter raises whatever its many stages raise
        first = next(iter(str(error).splitlines()), "")
        raise EvaluationFailed(
            f"The network could not be exported to ONNX ({type(error).__name__}: {first[:200]})"
        ) from error
    finally:
        network.to(device).train(training)
    if not difference <= TOLERANCE:
        raise EvaluationFailed(f"The ONNX file's logits differ by {difference:.1e}, more than {TOLERANCE:.0e}")
    return data


def _written(network: nn.Module, image_shape: tuple[int, int, int], about: dict) -> bytes:
    import onnx

    example = torch.zeros(2, *image_shape)
    with tempfile.TemporaryDirectory(prefix="nasturtium-") as folder, _quiet():
        path = Path(folder) / "model.onnx"
        torch.onnx.export(
            network, (example,), str(path), input_names=["image"], output_names=["logits"],
            dynamic_shapes={"x": {0: "batch"}}, opset_version=OPSET, external_data=False, verbose=False, dynamo=True,
        )  # fmt: skip
        model = onnx.load(path)
    entry = model.metadata_props.add()
    entry.key, entry.value = "nasturtium", json.dumps(about, sort_keys=True, ensure_ascii=False)
    return model.SerializeToString()


def largest_difference(network: nn.Module, data: bytes, image_shape: tuple[int, int, int]) -> float:
    """The largest difference of logits between the network and the file, over batches of several sizes; relative to the
    largest logit where that is above 1."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    generator = torch.Generator().manual_seed(0)
    worst = 0.0
    for batch in _BATCHES:
        images = torch.randn(batch, *image_shape, generator=generator)
        with torch.inference_mode():
            expected: Tensor = network(images)
        found = torch.from_numpy(session.run(["logits"], {"image": images.numpy()})[0])
        if found.shape != expected.shape:
            return float("inf")
        worst = max(worst, float((found - expected).abs().max() / expected.abs().max().clamp(min=1.0)))
    return worst


@contextmanager
def _quiet() -> Iterator[None]:
    """The exporter tells of its stages on the console and in logs."""
    import contextlib

    loggers = [logging.getLogger(name) for name in ("torch.onnx", "onnxscript", "onnx_ir")]
    levels = [one.level for one in loggers]
    with (
        warnings.catch_warnings(),
        contextlib.redirect_stdout(io.StringIO()),
        contextlib.redirect_stderr(io.StringIO()),
    ):
        warnings.simplefilter("ignore")
        for one in loggers:
            one.setLevel(logging.ERROR)
        try:
            yield
        finally:
            for one, level in zip(loggers, levels, strict=True):
                one.setLevel(level)

"""One operation of the table, drafted for the map it is given: what stand-alone cells and supernets are made of."""

from nas_engine.blueprint.dialects import Dialect
from nas_engine.blueprint.draft import Draft
from nas_engine.operations import Operation


def draft_operation(
    draft: Draft, operation: Operation, source: int, filters: int, stride: int, dialect: Dialect, scope: str
) -> int:
    """Add ``operation`` on layer ``source``, giving ``filters`` channels; returns the index of its result."""
    channels = draft.shapes[source][0]
    if operation.steps:
        return draft.drop_path(_steps(draft, operation, source, filters, stride, scope), scope)
    if operation.pool:
        index = draft.pool(source, operation.family, operation.pool, stride, scope)
        if channels != filters:
            index = draft.conv_norm(index, scope, filters, relu=dialect.pool_relu)
        return draft.drop_path(index, scope)
    if stride == 1:
        return source if channels == filters else draft.conv_norm(source, scope, filters)
    if dialect.identity == "conv":
        index = draft.conv_norm(source, scope, filters, stride=stride)
    else:
        index = draft.factorized_reduction(source, scope, filters, relu=dialect.identity_relu)
    return draft.drop_path(index, scope) if dialect.identity_drops else index


def _steps(draft: Draft, operation: Operation, source: int, filters: int, stride: int, scope: str) -> int:
    """The stride goes to the first kernel that is tall, and to the first that is wide."""
    index = source
    down, across = stride, stride
    last = len(operation.steps)
    for number, step in enumerate(operation.steps, start=1):
        if step.relu:
            index = draft.relu(index, scope)
        tall, wide = step.kernel
        # A narrow 1x1 in front of the kernel keeps the resolution; a lone 1x1 strides itself.
        strides = (
            down if tall > 1 or number == last else 1,
            across if wide > 1 or number == last else 1,
        )
        down, across = (1 if strides[0] > 1 else down), (1 if strides[1] > 1 else across)
        channels = max(1, int(filters * step.width))
        if step.depthwise:
            before = draft.shapes[index][0]
            name = f"{scope}.depthwise_{number}"
            index = draft.conv(index, name, before, step.kernel, strides, depthwise=True, dilation=step.dilation)
            index = draft.conv(index, f"{scope}.pointwise_{number}", channels)
        else:
            index = draft.conv(index, f"{scope}.conv_{number}", channels, step.kernel, strides)
        if step.norm:
            index = draft.norm(index, f"{scope}.norm_{number}")
    return index

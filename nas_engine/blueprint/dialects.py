"""Whose released code is followed where the papers leave room: one row a dialect, read by one builder.

``tf`` is TensorFlow slim's NASNet and PNASNet and the TPU AmoebaNet; ``darts`` the DARTS authors' code and its
descendants; ``enas`` the ENAS authors' micro search, fixed architecture; ``gpipe`` torchgpipe's AmoebaNet-D, whose sizes
are those of the GPipe paper.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Dialect:
    """The switches in which the released builders differ.

    ``always_project`` projects the older input even where nothing forces it. ``first_older_raw`` hands the first cell its
    older input (the stem) as it is. ``calibrate_newer`` fits the newer input's channels before the usual projection.
    ``same_padding`` pads as TensorFlow's SAME, otherwise symmetrically. ``identity`` is what a strided identity becomes:
    "conv" (1x1, stride 2) or "factorized"; ``identity_relu`` puts a ReLU before it, ``identity_drops`` lets drop path
    reach it. ``pool_relu`` puts a ReLU before the 1x1 behind a pooling whose channels have to change.
    ``stem_cells`` are the ImageNet skeleton's two reductions before the first stage: what F is divided by in each; empty
    where strided convolutions come first instead. ``stem_filters`` is how many channels the convolution before those
    cells has, 0 for F/4; ``stem_relu`` puts a ReLU before it, ``stem_valid`` leaves its edges unpadded.
    ``drop_path_by_depth`` scales the drop rate with depth. ``aux_offset`` places the auxiliary head relative to the
    second reduction; ``aux_stride`` and ``aux_norm`` are (cifar, imagenet) pairs, as is ``norm_eps``. ``init`` names the
    distribution of the initial weights.
    """

    always_project: bool = False
    first_older_raw: bool = False
    calibrate_newer: bool = False
    same_padding: bool = True
    identity: str = "factorized"
    identity_relu: bool = True
    identity_drops: bool = False
    pool_relu: bool = False
    stem_cells: tuple[int, ...] = ()
    stem_filters: int = 0
    stem_relu: bool = False
    stem_valid: bool = False
    head_relu: bool = True
    head_bias: bool = True
    drop_path_by_depth: bool = True
    aux_offset: int = -1
    aux_stride: tuple[int, int] = (3, 3)
    aux_norm: tuple[bool, bool] = (True, True)
    norm_eps: tuple[float, float] = (1e-5, 1e-5)
    init: str = "torch"


DIALECTS = {
    "tf": Dialect(
        first_older_raw=True,
        identity="conv",
        stem_cells=(4, 2),
        stem_filters=32,
        stem_valid=True,
        norm_eps=(1e-5, 1e-3),
        init="fan_out",
    ),
    "darts": Dialect(
        always_project=True,
        same_padding=False,
        identity_drops=True,
        head_relu=False,
        drop_path_by_depth=False,
        aux_offset=0,
        aux_stride=(3, 2),
        aux_norm=(True, False),
    ),
    "enas": Dialect(
        calibrate_newer=True, identity_relu=False, pool_relu=True, head_bias=False, aux_offset=1, init="he_normal"
    ),
    "gpipe": Dialect(same_padding=False, stem_cells=(2, 1), stem_relu=True, head_relu=False),
}

"""Sizes of published networks, to the last parameter and multiply-accumulate.

The numbers were measured by building the authors' released code; where a paper prints one, it agrees to rounding.
"""

from dataclasses import replace

import pytest

from nas_engine import zoo
from nas_engine.blueprint import build_blueprint
from nas_engine.protocol import SkeletonConfig

# cell, skeleton, N, F, stem, skip, side, classes, parameters, auxiliary, BN statistics, MACs
NETWORKS = [
    ("nasnet-a", "imagenet", 4, 44, 32, 0, 224, 1000, 5_289_978, 2_411_240, 36_738, 563_638_816),
    ("nasnet-a", "imagenet", 6, 168, 96, 1, 331, 1000, 88_753_150, 4_567_784, 196_668, 23_783_414_658),
    ("nasnet-a", "imagenet", 6, 168, 96, 1, 331, 1001, 88_757_183, 4_568_553, 196_668, 23_783_418_690),
    ("nasnet-a", "imagenet", 5, 64, 32, 1, 299, 1000, 12_247_544, 3_326_696, 64_160, 2_552_240_432),
    ("nasnet-a", "imagenet", 7, 80, 32, 1, 299, 1000, 24_595_884, 3_351_272, 107_064, 5_226_678_524),
    ("nasnet-a", "cifar", 6, 32, 0, 0, 32, 10, 3_346_538, 1_631_498, 37_248, 544_333_312),
    ("nasnet-a", "cifar", 7, 96, 0, 0, 32, 10, 32_590_954, 1_729_802, 127_872, 5_151_250_944),
    ("nasnet-a", "cifar", 6, 96, 0, 0, 32, 10, 28_213_546, 1_729_802, 111_744, 4_501_903_872),
    ("nasnet-a", "cifar", 2, 32, 0, 0, 32, 10, 1_294_698, 1_631_498, 15_744, 232_185_344),
    ("nasnet-a", "cifar", 2, 24, 0, 0, 32, 10, 757_906, 1_619_210, 11_808, 136_390_272),
    ("pnasnet-5", "imagenet", 3, 54, 32, 1, 224, 1000, 5_064_487, 2_412_776, 33_664, 587_293_200),
    ("pnasnet-5", "cifar", 3, 48, 0, 1, 32, 10, 3_189_082, 1_643_786, 29_088, 574_891_392),
    ("amoebanet-a", "imagenet", 6, 204, 32, 0, 331, 1000, 99_625_282, 4_518_632, 203_878, 26_623_181_694),
    ("amoebanet-a", "imagenet", 6, 448, 32, 0, 331, 1000, 468_151_184, 4_768_488, 447_672, 126_520_757_776),
    ("amoebanet-a", "imagenet", 6, 448, 32, 0, 299, 1000, 468_151_184, 3_687_144, 447_672, 103_887_693_968),
    ("amoebanet-a", "imagenet", 4, 50, 32, 0, 224, 1000, 5_086_930, 2_394_856, 36_006, 554_687_204),
    ("amoebanet-a", "cifar", 6, 32, 0, 0, 32, 10, 2_567_754, 1_615_114, 31_712, 407_671_808),
    ("amoebanet-a", "cifar", 6, 32, 32, 0, 32, 10, 2_548_682, 1_615_114, 31_328, 388_535_296),
    ("amoebanet-a", "cifar", 6, 36, 0, 0, 32, 10, 3_218_266, 1_619_210, 35_676, 509_668_992),
    ("amoebanet-a", "cifar", 6, 36, 36, 0, 32, 10, 3_194_506, 1_619_210, 35_244, 485_781_120),
    ("amoebanet-c", "imagenet", 4, 44, 32, 0, 224, 1000, 5_056_969, 2_399_976, 38_564, 535_067_904),
    ("amoebanet-d", "imagenet", 6, 256, 32, 0, 299, 1000, 121_911_016, 3_490_536, 204_448, 26_964_901_216),
]

# cell, (parameters, auxiliary, MACs) on CIFAR-10 with F 36 and 20 cells, the same on ImageNet with F 48 and 14 cells
DARTS_NETWORKS = [
    ("darts-v1", (3_169_414, 476_426, 500_987_520), (4_510_432, 1_260_776, 505_864_704)),
    ("darts-v2", (3_349_342, 476_426, 528_359_040), (4_718_752, 1_260_776, 529_911_552)),
    ("nasnet-a-darts", (3_830_950, 457_994, 603_452_448), (5_564_320, 1_236_200, 604_031_616)),
    ("amoebanet-a-darts", (3_145_078, 457_994, 488_931_552), (4_627_360, 1_236_200, 526_746_624)),
    ("pc-darts-cifar", (3_634_678, 476_426, 556_670_592), (5_270_560, 1_260_776, 571_137_408)),
    ("pnasnet-5-darts", (4_481_110, 494_858, 706_026_528), (6_394_912, 1_285_352, 696_738_048)),
    ("enas-micro", (4_394_710, 476_426, 693_197_856), (6_267_424, 1_260_776, 683_943_168)),
]

# AmoebaNet-D as torchgpipe builds it for ImageNet: normal cells, F, parameters, MACs (None: not measured there)
GPIPE_NETWORKS = [
    (18, 208, 81_505_540, 10_018_557_952),
    (18, 256, 122_470_120, 15_170_093_056),
    (24, 512, 632_778_216, 77_584_302_080),
    (36, 544, 1_055_832_376, 125_864_261_632),
]

# channels@side of stem, stem cells, then one of stage 1, reduction, stage 2, reduction, stage 3
SHAPES = [
    ("cifar", 6, 32, 0, 32, "96@32 192@32 256@16 384@16 512@8 768@8"),
    ("imagenet", 4, 44, 32, 224, "32@111 44@56 88@28 264@28 352@14 528@14 704@7 1056@7"),
    ("imagenet", 6, 168, 96, 331, "96@165 168@83 336@42 1008@42 1344@21 2016@21 2688@11 4032@11"),
]


def blueprint(cell, kind, repeats, filters, stem=0, skip=False, side=32, classes=10, aux=False):
    entry = zoo.get(cell)
    layers = 3 * repeats if entry.single else 0
    skeleton = SkeletonConfig(
        kind, repeats, filters, dialect="tf", stem_filters=stem, layers=layers, skip_reduction=bool(skip)
    )
    return build_blueprint(entry.cells, skeleton, (3, side, side), classes, aux=aux)


@pytest.mark.parametrize("row", NETWORKS, ids=lambda row: "-".join(map(str, row[:7])))
def test_networks_of_the_nasnet_family_have_their_exact_size(row):
    *what, params, aux_params, statistics, macs = row
    made = blueprint(*what, aux=True)

    assert (made.params, made.aux_params, made.macs) == (params, aux_params, macs)
    norms = [layer for layer in made.layers if layer.kind == "norm" and not layer.name.startswith("aux.")]
    assert sum(2 * layer.shape[0] for layer in norms) == statistics


@pytest.mark.parametrize("row", DARTS_NETWORKS, ids=lambda row: row[0])
def test_networks_built_by_darts_rules_have_their_exact_size(row):
    name, cifar, imagenet = row
    for kind, filters, layers, side, classes, expected in (
        ("cifar", 36, 20, 32, 10, cifar),
        ("imagenet", 48, 14, 224, 1000, imagenet),
    ):
        skeleton = SkeletonConfig(kind, filters=filters, layers=layers, dialect="darts")
        made = build_blueprint(zoo.get(name).cells, skeleton, (3, side, side), classes, aux=True)
        assert (made.params, made.aux_params, made.macs) == expected


@pytest.mark.parametrize(("cells", "filters", "params", "macs"), GPIPE_NETWORKS)
def test_networks_of_the_gpipe_paper_have_their_exact_size(cells, filters, params, macs):
    skeleton = SkeletonConfig("imagenet", cells // 3, filters, dialect="gpipe")
    made = build_blueprint(zoo.get("amoebanet-d").cells, skeleton, (3, 224, 224), 1000)
    assert (made.params, made.macs) == (params, macs)


def test_the_sizes_that_the_gpipe_paper_prints_are_met_within_three_in_a_hundred():
    figures = [figure for figure in zoo.get("amoebanet-d").figures if "GPipe" in figure.network]
    assert [figure.params for figure in figures] == [82, 318, 542, 1050, 1800]
    for figure in figures:
        made = zoo.measured("amoebanet-d", figure.size)
        assert made.params / 1e6 == pytest.approx(figure.params, rel=0.03), figure.network


def test_darts_rules_with_n_repeats_are_darts_networks_of_3n_plus_2_cells():
    skeleton = SkeletonConfig(repeats=6, filters=32, dialect="darts")
    assert build_blueprint(zoo.get("nasnet-a-darts").cells, skeleton, (3, 32, 32), 10).params == 3_061_738


def test_the_released_enas_network_has_its_exact_size():
    skeleton = SkeletonConfig(repeats=5, filters=36, dialect="enas")
    cells = zoo.get("enas-micro").cells
    made = build_blueprint(cells, skeleton, (3, 32, 32), 10)
    assert (made.params, made.macs) == (3_894_372, 620_907_552)
    assert build_blueprint(cells, replace(skeleton, filters=40), (3, 32, 32), 10).params == 4_758_920


def test_the_stored_concat_list_is_honoured():
    """By the paper's rule NASNet-A would stack the five created states; the released code stacks h[i-1] as well."""
    normal, reduction = zoo.get("nasnet-a").cells
    normal = replace(normal, concat=(2, 3, 4, 5, 6))
    made = build_blueprint((normal, reduction), SkeletonConfig(repeats=6), (3, 32, 32), 10)
    assert made.params == 3_117_866


# skeleton, N, F, stem, skip, side, reduction's concat, parameters, MACs in billions as they are recorded
FIVE_STATES = [
    ("cifar", 6, 32, 96, 0, 32, (3, 4, 5, 6), 3_117_866, None),
    ("cifar", 7, 96, 288, 0, 32, (3, 4, 5, 6), 30_153_898, None),
    ("imagenet", 4, 44, 32, 0, 224, (3, 4, 5, 6), 4_852_618, 0.527),
    ("imagenet", 6, 168, 96, 1, 331, (3, 4, 5, 6), 81_900_094, 21.9443),
    ("imagenet", 5, 64, 32, 1, 299, (3, 4, 5, 6), 11_266_552, 2.3698),
    ("imagenet", 5, 64, 32, 1, 299, (4, 5, 6), 11_097_080, 2.3345),
    ("imagenet", 7, 80, 32, 1, 299, (3, 4, 5, 6), 22_605_484, 4.8267),
    ("imagenet", 7, 80, 80, 1, 299, (3, 4, 5, 6), 22_618_540, 4.9370),
    ("imagenet", 7, 80, 96, 1, 299, (3, 4, 5, 6), 22_622_892, 4.9738),
]


@pytest.mark.parametrize("row", FIVE_STATES, ids=lambda row: "-".join(map(str, row[:6])))
def test_nasnet_a_with_the_five_created_states_has_its_exact_size(row):
    kind, repeats, filters, stem, skip, side, concat, params, billions = row
    normal, reduction = zoo.get("nasnet-a").cells
    cells = replace(normal, concat=(2, 3, 4, 5, 6)), replace(reduction, concat=concat)
    skeleton = SkeletonConfig(kind, repeats, filters, stem_filters=stem, skip_reduction=bool(skip))
    made = build_blueprint(cells, skeleton, (3, side, side), 10 if kind == "cifar" else 1000)
    assert made.params == params
    assert billions is None or round(made.macs / 1e9, 4 if billions > 1 else 3) == billions


# batch norms' running statistics (CIFAR-10, ImageNet) of networks built by DARTS rules, as released
DARTS_STATISTICS = {
    "darts-v1": (37_368, 33_648),
    "darts-v2": (40_392, 36_336),
    "nasnet-a-darts": (41_688, 39_408),
    "amoebanet-a-darts": (35_208, 33_456),
    "pc-darts-cifar": (43_416, 41_712),
    "pnasnet-5-darts": (49_032, 46_512),
    "enas-micro": (49_032, 46_512),
}


@pytest.mark.parametrize("name", DARTS_STATISTICS)
def test_networks_built_by_darts_rules_have_the_released_batch_norms(name):
    for place, (kind, filters, layers, side, classes) in enumerate(
        (("cifar", 36, 20, 32, 10), ("imagenet", 48, 14, 224, 1000))
    ):
        skeleton = SkeletonConfig(kind, filters=filters, layers=layers, dialect="darts")
        made = build_blueprint(zoo.get(name).cells, skeleton, (3, side, side), classes)
        norms = sum(2 * layer.shape[0] for layer in made.layers if layer.kind == "norm")
        assert norms == DARTS_STATISTICS[name][place]


def test_pnasnet_5_large_has_its_exact_size():
    """The network of timm and of the TensorFlow release, 1000 classes; timm counts 86.06 million parameters."""
    skeleton = SkeletonConfig("imagenet", filters=216, stem_filters=96, layers=12, skip_reduction=True)
    assert build_blueprint(zoo.get("pnasnet-5").cells, skeleton, (3, 331, 331), 1000).params == 86_057_668


@pytest.mark.parametrize(
    ("dialect", "at", "kind"), [("tf", 4, "normal"), ("darts", 5, "reduction"), ("enas", 6, "normal")]
)
def test_the_auxiliary_head_stands_where_the_released_code_has_it(dialect, at, kind):
    """Before, at and behind the second reduction; its size follows from the map there."""
    skeleton = SkeletonConfig(repeats=2, filters=8, dialect=dialect)
    made = build_blueprint(zoo.get("darts-v2").cells, skeleton, (3, 32, 32), 10, aux=True)
    cells = [part for part in made.placements if part.kind in ("normal", "reduction")]
    channels, side, _ = cells[at].shape
    pooled = (side - 5) // 3 + 1
    bias = 10 * (dialect != "enas")
    assert cells[at].kind == kind
    expected = channels * 128 + 256 + 128 * 768 * pooled**2 + 1536 + 7680 + bias
    assert made.aux_params == expected


@pytest.mark.parametrize(("kind", "repeats", "filters", "stem", "side", "shapes"), SHAPES)
def test_endpoints_have_the_released_shapes(kind, repeats, filters, stem, side, shapes):
    made = blueprint("nasnet-a", kind, repeats, filters, stem, False, side)
    distinct = list(dict.fromkeys(f"{part.shape[0]}@{part.shape[1]}" for part in made.placements[:-1]))
    assert " ".join(distinct) == shapes


def test_skipping_the_reduction_changes_wiring_but_no_size():
    plain = blueprint("nasnet-a", "imagenet", 6, 16, 12, False, 97)
    skipping = blueprint("nasnet-a", "imagenet", 6, 16, 12, True, 97)
    assert (plain.params, plain.macs) == (skipping.params, skipping.macs)
    behind = next(i for i, part in enumerate(plain.placements) if part.kind == "reduction" and part.number == 3) + 1
    assert plain.placements[behind].inputs == skipping.placements[behind].inputs
    assert [layer.inputs for layer in plain.layers] != [layer.inputs for layer in skipping.layers]

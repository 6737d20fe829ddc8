from nas_engine.cell import Block, Cell
from nas_engine.strategies.paths import paths, vocabulary

BLOCKS = (Block(0, "identity", 1, "conv_3x3"), Block(2, "max_pool_3x3", 0, "identity"))


def test_every_way_from_an_input_to_the_output_is_a_path():
    cell = Cell("normal", BLOCKS, (3,))
    assert paths([cell]) == {
        ("normal", "s0", "identity", "max_pool_3x3"),
        ("normal", "s1", "conv_3x3", "max_pool_3x3"),
        ("normal", "s0", "identity"),
    }


def test_the_order_of_operands_does_not_matter_and_the_kind_does():
    turned = (Block(1, "conv_3x3", 0, "identity"), BLOCKS[1])
    assert paths([Cell("normal", turned, (3,))]) == paths([Cell("normal", BLOCKS, (3,))])
    assert not paths([Cell("normal", BLOCKS, (3,))]) & paths([Cell("reduction", BLOCKS, (3,))])


def test_the_vocabulary_prefers_short_and_then_frequent_paths():
    seen = [frozenset({("n", "a"), ("n", "b"), ("n", "a", "b")}), frozenset({("n", "b"), ("n", "c")})]
    assert vocabulary(seen, 2) == [("n", "b"), ("n", "a")]
    assert len(vocabulary(seen, 10)) == 4

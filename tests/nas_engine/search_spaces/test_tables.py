import zipfile

import numpy
import pytest

from nas_engine.errors import ConfigError
from nas_engine.search_spaces.tables import read_table
from tests.nas_engine.tables import write_101, write_201, write_301, write_macro


def test_a_table_is_recognised_by_its_arrays(tmp_path):
    for write, kind, rows in ((write_201, "nas-bench-201", 729), (write_macro, "nas-bench-macro", 81)):
        table = read_table(write(tmp_path / f"{kind}.npz"))
        assert (table.kind, table.rows) == (kind, rows)
    assert read_table(write_101(tmp_path / "101.npz")).kind == "nas-bench-101"


def test_a_missing_column_is_answered_with_those_there_are(tmp_path):
    table = read_table(write_macro(tmp_path / "t.npz"))
    with pytest.raises(ConfigError, match="test_acc"):
        table.column("val_acc")


def refused(path) -> str:
    with pytest.raises(ConfigError) as caught:
        read_table(path)
    assert list(caught.value.problems) == ["table"]
    return str(caught.value)


def test_what_is_no_table_is_refused(tmp_path):
    assert "cannot be read" in refused(tmp_path / "missing.npz")
    (tmp_path / "text.npz").write_text("accuracy,1")
    assert "cannot be read" in refused(tmp_path / "text.npz")
    (tmp_path / "empty.npz").write_bytes(b"")
    assert "cannot be read" in refused(tmp_path / "empty.npz")
    numpy.save(tmp_path / "array.npy", numpy.zeros(3))
    assert "cannot be read" in refused(tmp_path / "array.npy")
    numpy.savez(tmp_path / "other.npz", a=numpy.zeros(3))
    assert "It has: a." in refused(tmp_path / "other.npz")


def test_a_pickle_inside_is_not_opened(tmp_path):
    numpy.savez(tmp_path / "hostile.npz", ops=numpy.array([{"a": 1}], dtype=object), op_names=numpy.array(["x"]))
    assert "cannot be read" in refused(tmp_path / "hostile.npz")


def test_a_damaged_file_is_refused(tmp_path):
    whole = write_201(tmp_path / "whole.npz").read_bytes()
    (tmp_path / "half.npz").write_bytes(whole[: len(whole) // 2])
    assert "cannot be read" in refused(tmp_path / "half.npz")
    with zipfile.ZipFile(tmp_path / "member.npz", "w") as archive:
        archive.writestr("ops.npy", b"no array")
        archive.writestr("op_names.npy", b"no array")
    assert "is no table" in refused(tmp_path / "member.npz")


def test_operations_without_a_name_are_refused(tmp_path):
    numpy.savez(tmp_path / "t.npz", ops=numpy.full((2, 6), 5), op_names=numpy.array(["a", "b"]))
    assert "does not list" in refused(tmp_path / "t.npz")
    numpy.savez(tmp_path / "t.npz", ops=numpy.zeros((0, 6), int), op_names=numpy.array(["a", "b"]))
    assert "no rows" in refused(tmp_path / "t.npz")


def test_a_cell_that_reads_a_later_node_is_refused(tmp_path):
    arrays = dict(numpy.load(write_301(tmp_path / "good.npz")))
    assert read_table(tmp_path / "good.npz").kind == "nas-bench-301"
    arrays["cells"][0, 0, 0, 0] = 5
    numpy.savez(tmp_path / "bad.npz", **arrays)
    assert "reads a later node" in refused(tmp_path / "bad.npz")


def test_a_file_that_unpacks_to_gigabytes_is_refused_before_it_does(tmp_path, monkeypatch):
    monkeypatch.setattr("nas_engine.search_spaces.tables.LARGEST", 1000)
    assert "it unpacks to" in refused(write_201(tmp_path / "t.npz"))

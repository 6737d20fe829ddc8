"""What people keep of cells: stars, pins, tags, notes, saved views, and what can be done with chosen cells."""

import re

import pytest

from tests.webapp import seeding
from webapp.models import CellMark, CellNote, SavedView
from webapp.services import marks as service


@pytest.fixture
def trials(db):
    return seeding.measured(seeding.search(seeding.SMALL), 30)


def shown(response) -> list[str]:
    return re.findall(r'<tr data-id="([0-9a-f]{7})"', response.content.decode())


def test_a_star_is_kept_by_the_one_who_set_it(signed_in, trials, django_user_model):
    key = trials[3].cell_id
    answer = signed_in.post(f"/cells/{key}/mark/star/", {"on": "1"}, headers={"accept": "application/json"})
    assert answer.json() == {"starred": True}
    django_user_model.objects.create_user("other", password="x")
    assert CellMark.objects.get().owner.username != "other"
    assert shown(signed_in.get("/leaderboard/?starred=1")) == [key[:7]]
    assert "Starred 1" in signed_in.get("/leaderboard/").content.decode()
    signed_in.post(f"/cells/{key}/mark/star/", {"on": "0"})
    assert not CellMark.objects.exists(), "a mark that marks nothing is gone"


def test_marking_leads_back_and_never_away(signed_in, trials):
    where = f"/cells/{trials[0].cell_id}/mark/pin/"
    assert signed_in.post(where, {"on": "1", "next": "/leaderboard/?page=2"}).url == "/leaderboard/?page=2"
    assert signed_in.post(where, {"on": "1", "next": "https://elsewhere.example/"}).url == "/"
    assert signed_in.post(f"/cells/{trials[0].cell_id}/mark/like/", {"on": "1"}).status_code == 404
    assert signed_in.post(f"/cells/{'0' * 64}/mark/star/", {"on": "1"}).status_code == 404


def test_pinned_cells_stand_above_every_page(signed_in, trials):
    worst = min(trials, key=lambda trial: trial.valid_accuracy)
    signed_in.post("/leaderboard/selection/", {"do": "pin", "cell": [worst.cell_id]})
    text = signed_in.get("/leaderboard/").content.decode()
    assert shown(signed_in.get("/leaderboard/"))[0] == worst.cell_id[:7] and 'class="pinned"' in text


def test_what_was_done_with_chosen_cells_is_undone_by_its_message(signed_in, owner, trials):
    def undone(**asked) -> dict:
        text = signed_in.post("/leaderboard/selection/", asked, follow=True).content.decode()
        form = text.split("data-toast", 1)[1].split("</form>", 1)[0]
        fields = re.findall(r'name="(\w+)" value="([^"]*)"', form)
        return {name: [value for key, value in fields if key == name] for name in ("do", "tag", "cell")}

    first, second = (trial.cell_id for trial in trials[:2])
    undone(do="star", cell=[first])
    back = undone(do="star", cell=[first, second])
    assert back["do"] == ["unstar"] and back["cell"] == [second], "the first had its star before"
    signed_in.post("/leaderboard/selection/", back, follow=True)
    assert list(CellMark.objects.filter(owner=owner).values_list("cell", flat=True)) == [first]
    signed_in.post("/leaderboard/selection/", undone(do="pin", cell=[first, second]), follow=True)
    assert not CellMark.objects.filter(owner=owner, pinned=True).exists()
    back = undone(do="tag", tag="keep, small", cell=[first, second])
    assert back["tag"] == ["keep small"]
    signed_in.post("/leaderboard/selection/", back, follow=True)
    assert set(CellNote.objects.values_list("tags", flat=True)) == {""}
    text = signed_in.post("/leaderboard/selection/", {"do": "star", "cell": [first]}, follow=True).content.decode()
    assert "data-toast" in text and "Undo" not in text, "nothing was changed"


def test_tags_are_added_found_and_taken_away(signed_in, trials):
    keys = [trial.cell_id for trial in trials[:2]]
    signed_in.post("/leaderboard/selection/", {"do": "tag", "tag": "keep, small", "cell": keys})
    assert sorted(shown(signed_in.get("/leaderboard/?q=tag:keep"))) == sorted(key[:7] for key in keys)
    assert shown(signed_in.get("/leaderboard/?q=tag:kee")) == [], "a tag is a whole word"
    signed_in.post(f"/cells/{keys[0]}/note/", {"tags": "small", "text": " fine "})
    note = CellNote.objects.get(cell=keys[0])
    assert (note.tags, note.text) == (" small ", "fine")
    assert shown(signed_in.get("/leaderboard/?q=tag:keep")) == [keys[1][:7]]
    assert "fine" in signed_in.get(f"/cells/{keys[0]}/").content.decode()


def test_no_tag_is_taken_away_under_a_name_that_is_none(signed_in, trials):
    asked = {"do": "untag", "tag": "a:b", "cell": [trials[0].cell_id]}
    response = signed_in.post("/leaderboard/selection/", asked, follow=True)
    assert response.status_code == 200 and "a:b is no tag" in response.content.decode()


@pytest.mark.parametrize("tag", ["", " , ", "a:b", "x" * 31])
def test_what_is_no_tag_is_refused_with_a_reason(signed_in, trials, tag):
    fields = {"do": "tag", "tag": tag, "cell": trials[0].cell_id, "next": "/leaderboard/"}
    answer = signed_in.post("/leaderboard/selection/", fields, follow=True)
    assert "A tag is a word of up to 30 letters" in answer.content.decode() and not CellNote.objects.exists()


def test_a_note_too_long_is_refused_whole(trials, signed_in):
    answer = signed_in.post(f"/cells/{trials[0].cell_id}/note/", {"text": "x" * 5001, "next": "/"}, follow=True)
    assert "5001 characters are too many" in answer.content.decode()
    assert not CellNote.objects.filter(text__gt="").exists()


def test_views_are_saved_under_a_name_shown_and_deleted(signed_in, trials):
    query = "sort=macs&macs_max=2&cols=macs"
    assert (
        signed_in.post("/leaderboard/views/", {"name": " Small  ones", "query": query}).url == f"/leaderboard/?{query}"
    )
    text = signed_in.get("/leaderboard/").content.decode()
    assert ">Small ones</a>" in text
    signed_in.post("/leaderboard/views/", {"name": "Small ones", "query": "sort=params"})
    view = SavedView.objects.get()
    assert view.query == "sort=params", "the same name again replaces"
    assert signed_in.post(f"/leaderboard/views/{view.pk}/delete/").url == "/leaderboard/?sort=params"
    assert signed_in.post(f"/leaderboard/views/{view.pk}/delete/").status_code == 404


def test_nobody_deletes_anothers_view(signed_in, trials, django_user_model):
    other = django_user_model.objects.create_user("other", password="x")
    view = service.save_view(other, "Mine", "")
    assert signed_in.post(f"/leaderboard/views/{view.pk}/delete/").status_code == 404
    assert SavedView.objects.count() == 1


def test_a_view_needs_a_name(signed_in, trials):
    answer = signed_in.post("/leaderboard/views/", {"name": "  ", "query": ""}, follow=True)
    assert "Give the view a name" in answer.content.decode()


def test_columns_are_chosen_by_the_address(signed_in, trials):
    text = signed_in.get("/leaderboard/?col=seconds&col=macs").content.decode()
    assert ">Training</a>" in text and ">Latency, ms</a>" not in text and ">Found by</a>" not in text
    assert "cols=macs%2Cseconds" in text, "the choice goes on with every link"


def test_chosen_cells_go_to_curves_or_a_table(signed_in, trials):
    keys = [trial.cell_id for trial in trials[:3]]
    fields = {"cell": keys, "protocol": trials[0].protocol}
    curves = signed_in.post("/leaderboard/selection/", fields | {"do": "curves"}, follow=True)
    assert all(key[:7] in curves.content.decode() for key in keys) and b'data-figure="curves"' in curves.content
    table = signed_in.post("/leaderboard/selection/", fields | {"do": "export"}, follow=True)
    assert b"".join(table.streaming_content).count(b"\n") == 4
    nothing = signed_in.post("/leaderboard/selection/", {"do": "star", "next": "/leaderboard/"}, follow=True)
    assert "Choose cells first" in nothing.content.decode()
    assert signed_in.get("/leaderboard/curves/").status_code == 404


@pytest.mark.parametrize("axes", ["families", "normal", "reduction"])
def test_parallel_coordinates_draw_every_cell_on_every_axis(signed_in, trials, axes):
    text = signed_in.get(f"/leaderboard/?view=parallel&axes={axes}").content.decode()
    lines = re.findall(r'<polyline points="([^"]+)"', text)
    assert len(lines) == 30 and text.count('class="front"') == 10
    assert {len(line.split()) for line in lines} == {text.count('<g class="axis"')}


def test_operations_by_position_sum_to_one(trials):
    from webapp.results import board
    from webapp.results.positions import operation_places

    ranked = board.ranking(board.measurements(trials[0].protocol))
    places, best, everything = operation_places(ranked)
    assert len(places) == 20
    for shares in (best, everything):
        assert all(sum(shares[place.name]) == pytest.approx(1) for place in places)
    assert operation_places(ranked[:19]) is None


@pytest.mark.parametrize("cost", ["macs", "params", "latency", "nonsense"])
def test_the_plot_sets_accuracy_against_any_cost(signed_in, trials, cost):
    text = signed_in.get(f"/leaderboard/?cost={cost}").content.decode()
    wanted = "macs" if cost == "nonsense" else cost
    assert f'data-cost="{wanted}"' in text and "Pareto front" in text

"""A scene from which objects fell can be made again: the dataset keeps what they were made from."""

from graspgen.dataset.check import check
from graspgen.dataset.reader import open as open_dataset
from graspgen.pipeline.replay import replay
from graspgen.pipeline.run import generate
from graspgen.pipeline.stored_scene import stored_scene
from graspgen.recipe_file import load_recipe


def test_a_scene_that_lost_an_object_replays(tiny, tmp_path):
    narrow = ["scene.table.size=[0.16, 0.16, 0.04]", "scene.objects.spread=0.1", "scene.objects.count=4"]
    out = tmp_path / "dataset"
    generate(load_recipe("tabletop", [*tiny, *narrow]), out, scenes=2, seed=1, quiet=True)
    with open_dataset(out) as dataset:
        removed = dataset.scenes["removed"]
        assert removed.any()
        scene = int(removed.argmax())
        assert len(stored_scene(dataset, scene).world.objects) == 4 - removed[scene]
    assert check(out) == []
    assert replay(out, scene).identical

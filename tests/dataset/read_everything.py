"""Reads everything of a dataset where only NumPy and h5py can be imported: a script, `read_everything.py DATASET`."""

from __future__ import annotations

import sys
from importlib.abc import MetaPathFinder
from typing import ClassVar

ALLOWED = {*sys.stdlib_module_names, "graspgen", "numpy", "h5py", "_distutils_hack", "__main__"}


class Blocked(MetaPathFinder):
    """Refuses every package that is neither Python's own nor allowed."""

    tried: ClassVar[list[str]] = []

    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ALLOWED:
            return None
        self.tried.append(name)
        raise ImportError(f"{name} is blocked")


def main(path: str) -> None:
    import numpy as np

    import graspgen
    from graspgen.errors import DatasetError

    with graspgen.open(path) as ds:
        print(ds, ds.conventions["units"], ds.recipe["task"])
        for table in ds.tables.values():
            for name in table:
                column = table[name]
                assert len(column[:]) == len(table), (table.name, name)
            if len(table):
                table.row(0)
        for view in range(len(ds.views)):
            ds.rgb(view), ds.depth(view), ds.instances(view), ds.points(view, frame="world"), ds.distance(view)
            ds.classes(view), ds.view_objects(view), ds.object_coordinates(view), ds.grasps_in_camera(view)
            ds.cloud(view, normals=True)
            rows = ds.grasp_rows(view)
            if len(rows):
                ds.project_grasps(rows, view)
                row = int(rows[0])
                if ds.project_grasps(row, view).in_image[0]:
                    ds.grasp_crop(view, row), ds.grasp_cloud(view, row)
            if view + 1 in ds.scene_views(int(ds.views["scene"][view])):
                ds.flow(view), ds.scene_flow(view)
        for scene in ds.scenes["index"]:
            ds.record(int(scene)), ds.scene_cloud(int(scene), stride=4), ds.tsdf(ds.scene_views(int(scene)))
            one = ds.scene(int(scene))
            len(one.views), len(one.objects), len(one.grasps), one["seed"]
        for asset in ds.assets["id"]:
            ds.mesh(int(asset))
        for grasp in ds.sequences():
            ds.sequence(int(grasp))
        assert len(ds.grasps(where="outcome == 'success' and drift_mm < 5 and object.class_name != ''")) > 0
        # Through a lens, which takes its own way.
        from graspgen.lens import grid_rays

        K = np.array([[600.0, 0, 320], [0, 600, 240], [0, 0, 1]])
        assert np.isfinite(grid_rays(K, [-0.2, 0.05, 0.001, 0, 0], 0, 0, 640, 480)).all()
        for asked in (ds.grasps.to_pandas, ds.grasps.to_arrow, lambda: graspgen.open("https://example.org/x")):
            try:
                asked()
                raise AssertionError("these need other packages")
            except DatasetError as error:
                assert "pip install" in str(error) and "\n" not in str(error)
    foreign = {m.partition(".")[0] for m in sys.modules} - ALLOWED
    heavy = foreign & {"mujoco", "OpenGL", "glfw", "scipy", "trimesh", "PIL", "pydantic", "yaml", "torch"}
    assert not heavy, heavy
    print("tried:", sorted(set(Blocked.tried)))


if __name__ == "__main__":
    sys.meta_path.insert(0, Blocked())
    main(sys.argv[1])

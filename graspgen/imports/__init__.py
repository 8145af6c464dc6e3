"""Other people's grasps: one module a format, each returns `ForeignGrasps` in this project's frames."""

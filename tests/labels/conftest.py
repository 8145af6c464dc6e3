import sys
from pathlib import Path

# The scenes of known geometry are those of the tests of rendering.
sys.path.insert(0, str(Path(__file__).parents[1] / "render"))

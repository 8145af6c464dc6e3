"""Names of ShapeNet's categories that hold things a hand can lift, by their WordNet offsets.

Chang et al., "ShapeNet: An Information-Rich 3D Model Repository", arXiv:1512.03012, 2015.
"""

CATEGORIES = {
    "02747177": "ashcan",
    "02773838": "bag",
    "02801938": "basket",
    "02876657": "bottle",
    "02880940": "bowl",
    "02942699": "camera",
    "02946921": "can",
    "02954340": "cap",
    "02992529": "cellphone",
    "03046257": "clock",
    "03085013": "keyboard",
    "03261776": "earphone",
    "03513137": "helmet",
    "03593526": "jar",
    "03624134": "knife",
    "03636649": "lamp",
    "03642806": "laptop",
    "03759954": "microphone",
    "03797390": "mug",
    "03938244": "pillow",
    "03991062": "pot",
    "04074963": "remote",
    "04401088": "telephone",
}

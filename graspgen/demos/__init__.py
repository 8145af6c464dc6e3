"""Demonstrations: a scripted expert that plans from the labels of grasps, and the episodes that it plays."""

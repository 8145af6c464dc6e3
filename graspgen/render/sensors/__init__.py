"""Models of depth sensors: what they lose, how noisy they are, in which steps they report. NumPy and SciPy alone."""

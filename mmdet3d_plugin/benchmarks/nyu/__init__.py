"""NYU Depth V2: the labelled MATLAB file and the folder check."""

"""Time and memory of the search in a large set."""
import resource
import subprocess
import sys

import pytest


@pytest.mark.slow
def test_a_large_set_takes_a_minute_on_two_cores_and_2_gigabytes():
    """The training set of Stanford Online Products: 59,551 images, here of 512 dimensions."""
    code = ('import numpy as np\n'
            'from mmdet3d_plugin.benchmarks.retrieval.nearest_neighbours import *\n'
            'points = np.random.default_rng(0).standard_normal((59551, 512), np.float32)\n'
            'points /= np.linalg.norm(points, axis=1, keepdims=True)\n'
            'nearest_neighbours(points, 5)\n')
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, '-c', code], check=True)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert used.ru_utime + used.ru_stime - before.ru_utime - before.ru_stime < 120
    assert used.ru_maxrss < 2e6  # kB, of the largest child

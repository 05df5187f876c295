"""Measures of how well descriptors are ordered by depth."""
import numpy as np
import pytest
import torch

from mmdet3d_plugin.metric_learning import QuasiIsometricLoss
from mmdet3d_plugin.metric_learning.depth_order import measure_depth_order, principal_plane

BAND = QuasiIsometricLoss(K=2., B=1., epsilon=10.)


def test_spearman_is_one_for_descriptors_ordered_by_depth():
    depths = torch.tensor([3., 5., 9., 20., 41.])
    order = measure_depth_order(torch.stack([depths, 0 * depths], dim=1), depths, BAND)
    assert order.spearman == pytest.approx(1.) and order.qi_satisfied == 1
    assert order.depth_distances[:4].tolist() == [2., 6., 17., 38.]
    stretched = measure_depth_order(10 * depths[:, None], depths, BAND)
    assert stretched.spearman == pytest.approx(1.) and stretched.qi_satisfied == 0
    assert set(order.figures()) == {'spearman', 'qi_satisfied'}


def test_spearman_is_the_correlation_of_ranks():
    torch.manual_seed(0)
    descriptors, depths = torch.randn(12, 3), 40 * torch.rand(12)
    order = measure_depth_order(descriptors, depths, BAND)
    ranks = [np.argsort(np.argsort(values.numpy())) for values in (
        order.depth_distances, order.feature_distances)]
    assert order.spearman == pytest.approx(np.corrcoef(*ranks)[0, 1])


def test_principal_plane_keeps_distances_of_descriptors_in_a_plane():
    torch.manual_seed(1)
    flat = torch.randn(9, 2) @ torch.linalg.qr(torch.randn(6, 6)).Q[:2] + 3
    torch.testing.assert_close(torch.pdist(principal_plane(flat)), torch.pdist(flat.double()),
                               rtol=1e-4, atol=1e-4)

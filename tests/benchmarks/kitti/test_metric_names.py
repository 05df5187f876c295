"""Rows of the table of average precision."""
from mmdet3d_plugin.benchmarks.kitti.metric_names import metric_rows
from mmdet3d_plugin.benchmarks.metric_style import format_value


def test_metric_rows_by_class_and_metric():
    rows = metric_rows({'kitti/Car_BEV_AP40_hard_loose': 1., 'Overall_3D_AP40_easy_strict': 2.,
                        'Car_3D_AP40_easy_strict': 3., 'Car_3D_AP11_easy_strict': 4.}, 40)
    assert [tuple(row) for row in rows] == [
        ('Car', '3D', (3., None, None, None, None, None)),
        ('Car', 'BEV', (None, None, None, None, None, 1.)),
        ('Overall', '3D', (2., None, None, None, None, None))]
    assert [format_value(value) for value in (3., None, float('nan'))] == ['3.00', '–', '–']

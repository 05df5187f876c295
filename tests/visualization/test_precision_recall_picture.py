"""Layout of the picture of precision-recall curves."""
import cv2
import numpy as np

from mmdet3d_plugin.visualization.precision_recall_picture import precision_recall_picture


def test_unused_places_of_the_last_row_are_empty():
    """Four panels fill one row of three and the first place of the next row."""
    curve = np.array([0., .5, 1.]), np.array([1., .8, .4])
    content = precision_recall_picture({title: {'curve': curve} for title in 'abcd'})
    picture = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
    height, width = picture.shape[:2]
    first, *unused = (picture[height * 6 // 10:, width * index // 3 + 40:width * (index + 1) // 3]
                      for index in range(3))
    assert (first != 255).any()
    assert all((place == 255).all() for place in unused)

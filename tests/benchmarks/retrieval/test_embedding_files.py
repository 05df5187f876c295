"""Files of embeddings: round trip and errors."""
import numpy as np
import pytest

from mmdet3d_plugin.benchmarks.retrieval.embedding_files import read_embeddings, write_embeddings
from mmdet3d_plugin.errors import InputError

ENTRIES = dict(embeddings=np.array([[.1, 2.], [3., 4.], [5., 6.]], np.float32),
               labels=np.array([1, 0, 1]), names=np.array(['b/1', 'a/ü', 'b/2']),
               classes=np.array(['a', 'b']))


def test_round_trip(tmp_path):
    path = tmp_path / 'new/embeddings.npz'
    write_embeddings(path, **ENTRIES)
    data = read_embeddings(path)
    np.testing.assert_array_equal(data.embeddings, ENTRIES['embeddings'])
    assert data.embeddings.dtype == np.float32 and data.labels.dtype == np.int64
    assert data.labels.tolist() == [1, 0, 1]
    assert data.names == ('b/1', 'a/ü', 'b/2') and data.classes == ('a', 'b')
    assert [item.name for item in path.parent.iterdir()] == ['embeddings.npz']


def test_other_numbers_are_converted(tmp_path):
    np.savez(tmp_path / 'a.npz', **{**ENTRIES, 'labels': np.array([1, 0, 1], np.uint8),
                                    'embeddings': ENTRIES['embeddings'].astype(np.float64)})
    data = read_embeddings(tmp_path / 'a.npz')
    assert data.embeddings.dtype == np.float32 and data.labels.dtype == np.int64


SPOILED = [
    (dict(labels=None), 'has no entry labels; expected embeddings, labels, names, classes'),
    (dict(embeddings=np.zeros(3)), r'embeddings are float64 of shape \(3,\)'),
    (dict(embeddings=np.zeros((3, 0))), r'embeddings are float64 of shape \(3, 0\)'),
    (dict(embeddings=np.zeros((3, 2), int)), 'embeddings are int64'),
    (dict(embeddings=np.full((3, 2), 1e39)), 'the embedding of .*b/1.* holds NaN or infinity'),
    (dict(embeddings=np.array([[1.], [np.nan], [2.]])), 'the embedding of .*a/ü.* holds NaN'),
    (dict(labels=np.zeros(2, int)), '2 labels for 3 embeddings'),
    (dict(labels=np.zeros(3)), 'labels are float64 .*; expected a list of integers'),
    (dict(labels=np.array([0, 1, 2])), 'label 2 has no name; the file has 2 classes'),
    (dict(labels=np.array([0, -1, 1])), 'label -1 has no name'),
    (dict(names=np.array(['a', 'b'])), '2 names for 3 embeddings'),
    (dict(names=np.array([1, 2, 3])), 'names are int64 .*; expected a list of texts'),
    (dict(names=np.array(['a', 'b', 'a'])), "two images have the name 'a'"),
    (dict(classes=np.array([['a', 'b']])), r'classes are <U1 of shape \(1, 2\)'),
    (dict(names=np.array(['a', 'b', None], object)),
     'not a readable .npz file .*pickle.*; write it')]


@pytest.mark.parametrize('change, message', SPOILED)
def test_spoiled_files(tmp_path, change, message):
    path = tmp_path / 'embeddings.npz'
    np.savez(path, **{key: value for key, value in {**ENTRIES, **change}.items()
                      if value is not None})
    with pytest.raises(InputError, match=f'^{path}: {message}'):
        read_embeddings(path)


def test_files_that_cannot_be_read_are_not_written(tmp_path):
    path = tmp_path / 'embeddings.npz'
    with pytest.raises(InputError, match='label 2 has no name'):
        write_embeddings(path, **{**ENTRIES, 'labels': [0, 1, 2]})
    with pytest.raises(InputError, match='ends with .npz'):
        write_embeddings(tmp_path / 'embeddings', **ENTRIES)
    assert not list(tmp_path.iterdir())


def test_unreadable_files(tmp_path):
    with pytest.raises(InputError, match='no such file; tools/test.py --submission-dir'):
        read_embeddings(tmp_path / 'none.npz')
    with pytest.raises(InputError, match='expected a file name that ends with .npz'):
        read_embeddings(tmp_path / 'none.txt')
    path = tmp_path / 'broken.npz'
    write_embeddings(path, **ENTRIES)
    for content in (b'', b'no archive', path.read_bytes()[:200]):
        path.write_bytes(content)
        with pytest.raises(InputError, match=r'broken.npz: not a readable .npz file \(no zip '
                           r'archive\); write it again with tools/test.py --submission-dir$'):
            read_embeddings(path)

"""HDF5 files that name other files, or unpack to much more than their size."""
import zlib

import h5py
import numpy as np
import pytest

from mmdet3d_plugin.benchmarks.nyu import hdf5_checks
from mmdet3d_plugin.benchmarks.nyu.labelled_file import LabelledFrame
from mmdet3d_plugin.errors import InputError

SHAPE = (3, 3, 640, 480)


def read(path, write, number=2):
    with h5py.File(path, 'w') as file:
        write(file)
    return LabelledFrame(path, number).read_image()


def external(file):
    file.create_dataset('images', SHAPE, 'u1', external=[('/etc/passwd', 0, h5py.h5f.UNLIMITED)])


def virtual(file):
    layout = h5py.VirtualLayout(SHAPE, 'u1')
    layout[:] = h5py.VirtualSource('other.mat', 'images', SHAPE)
    file.create_virtual_dataset('images', layout)


def soft_link(file):
    file.create_dataset('other', SHAPE, 'u1')
    file['images'] = h5py.SoftLink('/other')


def external_link(file):
    file['images'] = h5py.ExternalLink('other.mat', '/images')


@pytest.mark.parametrize('write, reason', [
    (external, 'has its numbers in other files'), (virtual, 'has its numbers in other files'),
    (soft_link, 'is a link'), (external_link, 'is a link')])
def test_numbers_outside_of_the_file_are_refused(tmp_path, write, reason):
    with h5py.File(tmp_path / 'other.mat', 'w') as file:
        file.create_dataset('images', SHAPE, 'u1')
    with pytest.raises(InputError, match=f"a.mat: its 'images' {reason}, expected .*; download"):
        read(tmp_path / 'a.mat', write)


@pytest.mark.parametrize('options', [
    dict(), dict(chunks=(1, 3, 640, 480)), dict(chunks=(2, 1, 100, 60), compression='gzip'),
    dict(chunks=(3, 1, 80, 60), compression='gzip', shuffle=True, fletcher32=True)])
def test_frames_of_any_chunks_are_read(tmp_path, options):
    images = np.random.default_rng(0).integers(0, 255, SHAPE, dtype=np.uint8)
    image = read(tmp_path / 'a.mat', lambda file: file.create_dataset(
        'images', data=images, **options))
    np.testing.assert_array_equal(image, images[1].transpose(2, 1, 0))


@pytest.mark.parametrize('options, reason', [
    (dict(shape=(800, *SHAPE[1:]), chunks=(800, *SHAPE[1:])), 'has 1 chunks of 703 MB per frame'),
    (dict(chunks=(1, 1, 8, 8)), 'has 14400 chunks of 64 bytes per frame'),
    (dict(chunks=(1, 1, 640, 480), compression='lzf'), 'is packed in another way than by gzip')])
def test_unusual_chunks_are_refused(tmp_path, options, reason):
    options = {**dict(shape=SHAPE, compression='gzip'), **options}
    with pytest.raises(InputError, match=f"a.mat: its 'images' {reason}"):
        read(tmp_path / 'a.mat', lambda file: file.create_dataset('images', dtype='u1', **options))


def test_two_layers_of_packing_are_refused():
    with pytest.raises(InputError, match='is packed in another way than by gzip'):
        hdf5_checks._check_filters([h5py.h5z.FILTER_DEFLATE] * 2)


@pytest.mark.parametrize('excess, is_refused', [(0, False), (100_000, True)])
def test_a_chunk_unpacks_to_its_declared_size(tmp_path, excess, is_refused):
    def write(file):
        images = file.create_dataset('images', SHAPE, 'u1', chunks=(1, 3, 640, 480),
                                     compression='gzip')
        content = zlib.compress(bytes([7]) * (3 * 640 * 480 + excess))
        images.id.write_direct_chunk((1, 0, 0, 0), content)

    if is_refused:
        with pytest.raises(InputError, match='has a chunk that unpacks to more than its 900 kB'):
            read(tmp_path / 'a.mat', write)
    else:
        assert (read(tmp_path / 'a.mat', write) == 7).all()
    assert not read(tmp_path / 'a.mat', write, number=1).any()  # never written


def test_a_chunk_is_stored_in_about_its_size(tmp_path):
    def write(file):
        images = file.create_dataset('images', SHAPE, 'u1', chunks=(1, 3, 640, 480),
                                     shuffle=True)
        images.id.write_direct_chunk((1, 0, 0, 0), bytes(2_000_000))

    with pytest.raises(InputError, match='has a chunk of 1 MB, expected 900 kB'):
        read(tmp_path / 'a.mat', write)

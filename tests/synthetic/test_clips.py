"""Consistency of the consecutive frames of a clip."""
from itertools import chain

import numpy as np


def read_sequences(folder):
    return {line.split()[0]: line.split()[1:] for line in
            (folder.root / 'sequences.txt').read_text().splitlines()}


def read_poses(folder, clip):
    return np.loadtxt(folder.root / 'poses' / f'{clip}.txt').reshape(-1, 3, 4)


def test_sequence_file_lists_every_frame_once(clips):
    sequences = read_sequences(clips)
    assert [*chain(*sequences.values())] == clips.names()
    assert [len(frames) for frames in sequences.values()] == [3] * 4
    assert (clips.root / 'ImageSets/val.txt').read_text().split() == sequences['0003']


def test_first_pose_is_the_identity_and_the_camera_moves_forward(clips):
    moved = 0
    for clip in read_sequences(clips):
        poses = read_poses(clips, clip)
        assert np.allclose(poses[0], np.eye(3, 4))
        for pose in poses:
            assert np.allclose(pose[:, :3] @ pose[:, :3].T, np.eye(3))
        assert (np.diff(poses[:, 2, 3]) >= -1e-6).all()
        moved += poses[-1, 2, 3] > .5
    assert moved >= 2


def test_static_background_reprojects_into_the_next_frame(clips):
    with_poses, without = [], []
    for clip, frames in read_sequences(clips).items():
        poses = read_poses(clips, clip)
        for now, (name, following) in enumerate(zip(frames, frames[1:])):
            if poses[now + 1, 2, 3] - poses[now, 2, 3] < .4:
                continue
            with_poses.append(reprojection_agreement(clips, name, following, poses[now],
                                                     poses[now + 1]))
            without.append(reprojection_agreement(clips, name, following, poses[now],
                                                  poses[now]))
    assert len(with_poses) >= 4
    agreeing, total = np.sum(with_poses, axis=0)
    assert total > 20000 and agreeing > .93 * total
    # Without the camera motion only walls along the road agree.
    agreeing, total = np.sum(without, axis=0)
    assert agreeing < .7 * total


def reprojection_agreement(folder, name, following, pose, next_pose):
    """Number of background pixels whose depth agrees with the next frame, and of all compared.

    Pixels of the road are left out: the depths of a plane do not change when driving ahead.
    """
    points, background = folder.points(name), folder.instances(name) == 0
    near = (background & (points[..., 1] < 1.2) & (points[..., 2] > 3)
            & (points[..., 2] < 30))
    world = points[near] @ pose[:, :3].T + pose[:, 3]
    moved = (world - next_pose[:, 3]) @ next_pose[:, :3]
    P2 = folder.P2(following)
    image = moved @ P2[:, :3].T + P2[:, 3]
    column, row = np.floor(image[:, :2] / image[:, 2:]).astype(int).T
    depth, instances = folder.depth(following), folder.instances(following)
    inside = ((column >= 0) & (column < depth.shape[1]) & (row >= 0) & (row < depth.shape[0])
              & (moved[:, 2] > 2))
    column, row, expected = column[inside], row[inside], moved[inside, 2]
    still = instances[row, column] == 0
    # At the many edges of leaves the point may be in a neighbouring pixel.
    padded = np.pad(depth, 1)
    error = np.min([np.abs(padded[row + down, column + right] - expected)
                    for down in range(3) for right in range(3)], axis=0)[still]
    return (error < .2).sum(), still.sum()


def test_instance_numbers_are_constant_and_objects_move(clips):
    distances, kept = [], 0
    for frames in read_sequences(clips).values():
        tracks = [{int(clips.instances(name)[mask][0]): label
                   for _, label, mask in clips.objects(name)} for name in frames]
        for value in set(tracks[0]) & set(tracks[2]):
            first, last = tracks[0][value], tracks[2][value]
            assert first.names[0] == last.names[0]
            assert np.allclose(first.sizes_hwl, last.sizes_hwl)
            distances.append(np.linalg.norm(first.locations[0] - last.locations[0]))
            kept += 1
    assert kept >= 5
    assert max(distances) < 2 * .1 * 30 and max(distances) > .3

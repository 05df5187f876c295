"""Tracks of the road users of rendered clips."""
import shutil
from dataclasses import replace

import numpy as np
import pytest
from synthetic.folder_reader import file_bytes
from synthetic.small_sets import SMALL, SMALL_CLIPS
from synthetic.test_clips import read_poses, read_sequences

from mmdet3d_plugin.errors import InputError
from mmdet3d_plugin.synthetic import write_synthetic_set


def read_lines(folder, clip):
    """(frame, instance) -> (class, (3,) location, heading), independent of the reader."""
    lines = (folder.root / 'tracks' / f'{clip}.txt').read_text().splitlines()
    rows = [line.split() for line in lines]
    assert all(len(row) == 7 for row in rows)
    return {(int(row[0]), int(row[1])): (row[2], np.array(row[3:6], float), float(row[6]))
            for row in rows}


def test_every_clip_has_every_road_user_in_every_frame(clips):
    sequences = read_sequences(clips)
    assert sorted(path.stem for path in (clips.root / 'tracks').iterdir()) == list(sequences)
    for clip, frames in sequences.items():
        tracks = read_lines(clips, clip)
        users = sorted({instance for _, instance in tracks})
        assert users == list(range(1, len(users) + 1))
        assert sorted(tracks) == [(frame, user) for frame in range(3) for user in users]
        seen = np.unique([clips.instances(name) for name in frames])
        assert set(seen[seen > 0].tolist()) <= set(users)


def test_tracks_agree_with_labels_and_poses(clips):
    """Class, bottom centre and heading of each labelled object, moved to the world frame."""
    compared = 0
    for clip, frames in read_sequences(clips).items():
        tracks, poses = read_lines(clips, clip), read_poses(clips, clip)
        for index, name in enumerate(frames):
            rotation, translation = poses[index][:, :3], poses[index][:, 3]
            for kind, label, mask in clips.objects(name):
                number = int(clips.instances(name)[mask][0])
                found_kind, location, heading = tracks[index, number]
                assert found_kind == kind
                # Labels are rounded to 0.01 m and 0.01 rad.
                world = rotation @ label.locations[0] + translation
                np.testing.assert_allclose(location, world, atol=.01)
                yaw = label.rotations_y[0]
                front = rotation @ [np.cos(yaw), 0., -np.sin(yaw)]
                np.testing.assert_allclose([np.sin(heading), 0., np.cos(heading)], front,
                                           atol=.01)
                compared += 1
    assert compared > 30


def test_moving_road_users_drive_in_the_direction_of_their_heading(clips):
    parked = moving = 0
    for clip in read_sequences(clips):
        tracks = read_lines(clips, clip)
        for (frame, user), (_, location, heading) in tracks.items():
            if frame == 2:
                continue
            step = tracks[frame + 1, user][1] - location
            distance = np.linalg.norm(step)
            if distance < 1e-6:
                parked += 1
            else:
                moving += 1
                along = step[[0, 2]] @ [np.sin(heading), np.cos(heading)]
                assert along > .98 * distance
                assert distance <= 1.41  # at most 14 m/s, 10 frames per second
    assert parked > 5 and moving > 10


def test_single_frames_have_no_tracks(small):
    assert not (small / 'tracks').exists()


def test_a_set_without_tracks_gets_them_and_nothing_else_changes(small_clips, tmp_path):
    complete = file_bytes(small_clips)
    tracks = {name for name in complete if name.startswith('tracks/')}
    assert tracks == {'tracks/0000.txt', 'tracks/0001.txt', 'tracks/0002.txt'}
    shutil.copytree(small_clips, tmp_path / 'set')
    shutil.rmtree(tmp_path / 'set/tracks')
    image = tmp_path / 'set/training/image_2/000000.png'
    before = image.stat().st_mtime_ns
    write_synthetic_set(tmp_path / 'set', SMALL_CLIPS)
    assert file_bytes(tmp_path / 'set') == complete
    assert image.stat().st_mtime_ns == before


def test_files_of_a_killed_run_are_removed(small_clips, tmp_path):
    shutil.copytree(small_clips, tmp_path / 'set')
    for folder in ('poses', 'tracks'):
        (tmp_path / 'set' / folder / '.0001.killed.txt').write_text('half a li')
    (tmp_path / 'set/tracks/0001.txt').unlink()
    write_synthetic_set(tmp_path / 'set', SMALL_CLIPS)
    assert file_bytes(tmp_path / 'set') == file_bytes(small_clips)


def test_overwrite_replaces_the_tracks(small_clips, tmp_path):
    shutil.copytree(small_clips, tmp_path / 'set')
    other = replace(SMALL_CLIPS, seed=9, num_train=2, num_val=0)
    with pytest.raises(InputError, match='--overwrite'):
        write_synthetic_set(tmp_path / 'set', other)
    write_synthetic_set(tmp_path / 'set', other, overwrite=True)
    assert [path.name for path in (tmp_path / 'set/tracks').iterdir()] == ['0000.txt']
    assert (tmp_path / 'set/tracks/0000.txt').read_bytes() \
        != (small_clips / 'tracks/0000.txt').read_bytes()
    write_synthetic_set(tmp_path / 'set', replace(SMALL, num_train=1, num_val=0), overwrite=True)
    assert not (tmp_path / 'set/tracks').exists()

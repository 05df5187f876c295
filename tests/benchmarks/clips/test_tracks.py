"""Tracks of road users."""
import numpy as np
import pytest

from mmdet3d_plugin.benchmarks.clips.tracks import Track, read_tracks, write_tracks
from mmdet3d_plugin.errors import InputError

LINES = ['0 1 Car -2.5 1.6 9 0.1', '0 300 Pedestrian 4 1.7 12 -1.5',
         '1 1 Car -2.5 1.6 10 0.1', '2 1 Car -2.5 1.6 12 0.2']


def read(tmp_path, lines):
    path = tmp_path / '0000.txt'
    path.write_text('\n'.join(lines) + '\n')
    return read_tracks(path)


def test_places_of_each_road_user_are_sorted_by_frame(tmp_path):
    tracks = read(tmp_path, LINES[::-1])
    assert list(tracks) == [1, 300]
    car, pedestrian = tracks.values()
    assert (car.kind, pedestrian.kind) == ('Car', 'Pedestrian')
    assert car.frames.tolist() == [0, 1, 2] and pedestrian.frames.tolist() == [0]
    assert car.locations.tolist() == [[-2.5, 1.6, 9], [-2.5, 1.6, 10], [-2.5, 1.6, 12]]
    assert car.headings.tolist() == [.1, .1, .2]


def test_written_tracks_are_sorted_by_frame_and_instance_and_read_again(tmp_path):
    tracks = read(tmp_path, LINES)
    write_tracks(tmp_path / 'a.txt', dict(reversed(tracks.items())))
    written = [line.split() for line in (tmp_path / 'a.txt').read_text().splitlines()]
    assert [line[:3] for line in written] == [line.split()[:3] for line in LINES]
    for number, track in read_tracks(tmp_path / 'a.txt').items():
        np.testing.assert_array_equal(track.locations, tracks[number].locations)
        np.testing.assert_array_equal(track.headings, tracks[number].headings)


@pytest.mark.parametrize('frame, speed', [(0, 1.), (1, 1.5), (2, 2.), (3, 0.), (9, 0.)])
def test_speed_is_central_inside_and_one_sided_at_the_ends(tmp_path, frame, speed):
    assert read(tmp_path, LINES)[1].speed(frame) == pytest.approx(speed)


def test_speed_counts_all_directions():
    track = Track('Car', np.arange(2), np.array([[0., 0, 0], [3., 0, 4.]]), np.zeros(2))
    assert track.speed(0) == 5.


def test_a_clip_without_road_users_has_an_empty_file(tmp_path):
    write_tracks(tmp_path / 'a.txt', {})
    assert read_tracks(tmp_path / 'a.txt') == {}


@pytest.mark.parametrize('line, message', [
    ('1 1 Car 0 0 9', 'not frame, instance, class'), ('1 1', 'not frame, instance, class'),
    ('1.5 1 Car 0 0 9 0', 'not frame, instance, class'),
    ('1 1 Car nan 0 9 0', 'not finite'), ('1 0 Car 0 0 9 0', 'negative'),
    ('-1 1 Car 0 0 9 0', 'negative'), ('1 1 Car 0 0 1e9 0', 'beyond'),
    ('1 1 Van 0 0 9 0', 'a Car and a Van'), ('0 1 Car 0 0 9 0', 'in frame 0 twice'),
    ('1 1 ' + 'x' * 80 + ' 0 0 9 0', 'Car and a|no class name')])
def test_a_malformed_line_is_refused_with_file_and_line(tmp_path, line, message):
    with pytest.raises(InputError, match=f'0000.txt:2: .*({message})'):
        read(tmp_path, [LINES[0], line])


def test_a_missing_file_of_tracks_names_the_fix(tmp_path):
    with pytest.raises(InputError, match='a.txt: no such file of tracks; render the set again'):
        read_tracks(tmp_path / 'a.txt')

"""Predict boxes or depth for own images: python tools/predict.py CHECKPOINT SOURCE [options]."""
import argparse
import os
import sys
import time
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional, Union

from tqdm import tqdm

from ..engine.trained_model import CONFIG_FILE, WEIGHTS_FILE, weights_file
from ..errors import InputError
from ..prediction import ImageSource, Prediction, Predictor, open_images
from ..prediction.cameras import AUTO, CameraSource
from ..prediction.image_sources import shortfall_of
from ..prediction.predictor import SCORE_THRESHOLD, Picture
from ..utils.files import check_writable
from .command_line import outputs_in
from .create_data import positive
from .help_formatter import ExampleFormatter
from .prediction_files import FORMATS, JSON, PICTURES, VIDEO, PredictionFiles, file_record

EXAMPLE = '''
examples:
  python tools/predict.py work_dirs/demo pictures/ --fov 80
  python tools/predict.py model.pth drive.mp4 --camera camera.yaml --save video json
  python tools/predict.py model.pth 'data/kitti/testing/image_2/*.png' \\
      --camera data/kitti/testing/calib/000000.txt --save kitti --score 0
'''


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description='Predict 3D boxes or depth maps for images, a folder, a video or a webcam. '
        'Finished images of a folder are kept, so an interrupted run resumes. Unreadable images '
        'are skipped and listed at the end, and the exit code is then 1, as for a video that '
        'breaks off.',
        epilog=EXAMPLE, formatter_class=ExampleFormatter)
    parser.add_argument('checkpoint', help='checkpoint of tools/train.py (file or URL), model '
                        'folder of tools/export_weights.py, or work dir of a training')
    parser.add_argument('source', help='image, URL of an image, folder, glob pattern in quotes, '
                        'video, or index of a webcam')
    camera = parser.add_argument_group('camera, one of').add_mutually_exclusive_group()
    camera.add_argument('--camera', metavar='FILE', help='calibration file of KITTI, OpenCV or '
                        'ROS, or a text file of a 3x3 or 3x4 matrix; lens distortion in it is '
                        'removed from the images')
    camera.add_argument('--focal', type=_focal, metavar='F', help='focal length in pixels, or '
                        '"auto" for a guess from the image size')
    camera.add_argument('--fov', type=float, metavar='DEG',
                        help='horizontal field of view in degrees')
    parser.add_argument('--out', type=Path, default=Path('work_dirs/predictions'), metavar='DIR',
                        help='output folder (default: %(default)s)')
    parser.add_argument('--save', nargs='+', choices=FORMATS, metavar='FORMAT',
                        help=f'outputs: {", ".join(FORMATS)} (default: {PICTURES} {JSON}; '
                        f'for a video {VIDEO} {JSON})')
    parser.add_argument('--score', type=float, default=SCORE_THRESHOLD, metavar='S',
                        help='least score of an object (default: %(default)s)')
    parser.add_argument('--config', metavar='CONFIG',
                        help='config of the weights, if the checkpoint holds none')
    parser.add_argument('--device', default=AUTO, metavar='NAME',
                        help='cpu, cuda or cuda:N (default: auto, which is a GPU if there is one)')
    parser.add_argument('--batch', type=positive, default=1, metavar='B',
                        help='images per step of the model (default: 1)')
    parser.add_argument('--limit', type=positive, metavar='N',
                        help='stop after N images; Ctrl-C also ends a webcam')
    parser.add_argument('--training-camera', nargs=3, type=float, metavar=('F', 'WIDTH', 'HEIGHT'),
                        help='focal length and size of the training images in pixels, for a '
                        'checkpoint that does not say them')
    parser.add_argument('--no-focal-correction', action='store_true',
                        help="leave depth uncorrected for a focal length unlike the training's")
    parser.add_argument('--overwrite', action='store_true',
                        help='remove the predictions of earlier runs from DIR and start anew')
    return parser.parse_args()


def _focal(text: str) -> Union[float, str]:
    return text if text == AUTO else float(text)


# argparse prints the name of the type in its error messages.
_focal.__name__ = 'number'


def check_camera(args: argparse.Namespace) -> CameraSource:
    """Return the camera that the options name.

    Raises:
        InputError: no option names one, or the camera is invalid.
    """
    if args.camera is None and args.focal is None and args.fov is None:
        raise InputError('no camera: depth depends on the focal length; give --camera FILE, '
                         '--focal PIXELS or --fov DEGREES (or --focal auto for a guess)')
    return CameraSource(args.camera, args.focal, args.fov)


def settings_of(args: argparse.Namespace, formats: List[str], cameras: CameraSource
                ) -> Dict[str, Any]:
    """Return the settings that determine the predictions, for a later run that resumes.

    Files are recorded with size and time, so that a later run notices another content.

    Args:
        args: the options.
        formats: the outputs.
        cameras: camera of the images.
    """
    weights = Path(os.path.expanduser(weights_file(args.checkpoint)))
    beside = weights.with_name(CONFIG_FILE) if weights.name == WEIGHTS_FILE else None
    is_path = '://' not in args.source
    return dict(checkpoint=[file_record(weights) or args.checkpoint, file_record(beside)],
                config=args.config and (file_record(args.config) or args.config),
                source=os.path.abspath(os.path.expanduser(args.source)) if is_path
                else args.source, **cameras.to_dict(),
                score=args.score, training_camera=args.training_camera,
                corrected=not args.no_focal_correction, save=sorted(formats))


class Progress:
    """Images on their way to the model, with those that cannot be read left out.

    Args:
        source: the images.
        predictor: the model.
        cameras: cameras of the images.
        files: outputs; finished images are left out.
        limit: largest number of images; None for all.

    Attributes:
        skipped: message by name of each unreadable image.
        kept: number of images that were finished before.
        shortfall: message about a video that broke off; None for others.
    """

    def __init__(self, source: ImageSource, predictor: Predictor, cameras: CameraSource,
                 files: PredictionFiles, limit: int) -> None:
        self.source = source
        self.predictor = predictor
        self.cameras = cameras
        self.files = files
        self.limit = limit
        self.skipped: Dict[str, str] = {}
        self.kept = 0
        self.shortfall: Optional[str] = None

    def batches(self, size: int) -> Iterator[List[Picture]]:
        """Yield batches of decoded images that are not finished."""
        batch: List[Picture] = []
        read = 0
        for image in self.source:
            if read == self.limit:
                break
            read += 1
            item = self.files.begin(image)
            if item is None:
                self.kept += 1
                continue
            try:
                batch.append(self.predictor.picture(item, self.cameras))
            except InputError as error:
                self.skipped[item.name] = str(error)
            if len(batch) == size:
                yield batch
                batch = []
        else:
            self.shortfall = shortfall_of(self.source, read)
        if batch:
            yield batch


def predict_all(progress: Progress, batch_size: int) -> Iterator[Prediction]:
    """Yield the predictions for all images, with a progress bar on stderr."""
    count = progress.source.count
    if progress.limit is not None:
        count = min(count or progress.limit, progress.limit)
    with tqdm(total=count, unit='image', dynamic_ncols=True, desc=progress.source.title[-40:],
              smoothing=0.1) as bar:
        seen = 0
        for batch in progress.batches(batch_size):
            yield from progress.predictor.predict(batch)
            done = progress.files.count + progress.kept + len(progress.skipped)
            bar.update(done - seen)
            seen = done
        bar.update(progress.kept + progress.files.count + len(progress.skipped) - seen)


def main() -> None:
    """Run the command."""
    args = parse_args()
    cameras = check_camera(args)
    source = open_images(args.source)
    is_video = source.frame_rate is not None
    formats = args.save or ([VIDEO, JSON] if is_video else [PICTURES, JSON])
    check_writable(str(args.out), '--out')
    files = PredictionFiles(args.out, formats, settings_of(args, formats, cameras),
                            source.frame_rate, resumes=not is_video, overwrite=args.overwrite)
    training = args.training_camera and dict(focal_length=args.training_camera[0],
                                             image_size=args.training_camera[1:])
    predictor = Predictor(
        args.checkpoint, args.device, args.config, training_camera=training,
        correct_focal=not args.no_focal_correction, score_threshold=args.score)
    progress = Progress(source, predictor, cameras, files, args.limit)
    start = time.perf_counter()
    with outputs_in(str(args.out)), files:
        try:
            for prediction in predict_all(progress, args.batch):
                files.write(prediction)
        except KeyboardInterrupt:
            if source.count is not None:  # Ctrl-C is the end of a webcam
                raise
        files.finish(predictor, progress.skipped)
    seconds = time.perf_counter() - start
    report(files, progress, seconds)


def report(files: PredictionFiles, progress: Progress, seconds: float) -> None:
    """Print the summary, and end with exit code 1 if images were skipped or are missing."""
    kept = f', {progress.kept} finished before' if progress.kept else ''
    found = f', {files.objects} objects' if progress.predictor.task == 'detection' else ''
    print(f'{files.out}: {files.count} images{found}{kept} in {seconds:.1f} s '
          f'({files.count / max(seconds, 1e-6):.1f} images/s); {", ".join(files.outputs())}')
    if progress.skipped:
        for reason in progress.skipped.values():
            print(f'skipped: {reason}')
        number = len(progress.skipped)
        print(f'{number} image{"s" * (number > 1)} skipped; restore and run the command again')
    if progress.shortfall is not None:
        print(progress.shortfall)
    if progress.skipped or progress.shortfall is not None:
        sys.exit(1)
    if not files.count + progress.kept:
        raise InputError(f'{progress.source.title}: no image was read')

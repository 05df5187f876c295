"""Predict boxes or depth for own images: python tools/predict.py CHECKPOINT SOURCE [options]."""
import argparse
import os
import sys
import time
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional

from tqdm import tqdm

from ..cli.predict import JSON, PICTURES, VIDEO
from ..engine.trained_model import CONFIG_FILE, WEIGHTS_FILE, weights_file
from ..errors import InputError, visible
from ..prediction import ImageSource, Prediction, Predictor, open_images
from ..prediction.cameras import CameraSource
from ..prediction.image_sources import shortfall_of
from ..prediction.predictor import Picture
from ..utils.files import check_writable
from .command_line import outputs_in
from .prediction_files import PredictionFiles, file_record


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


def main(args: argparse.Namespace) -> None:
    """Run the command."""
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
            print(f'skipped: {visible(reason)}')
        number = len(progress.skipped)
        print(f'{number} image{"s" * (number > 1)} skipped; restore and run the command again')
    if progress.shortfall is not None:
        print(progress.shortfall)
    if progress.skipped or progress.shortfall is not None:
        sys.exit(1)
    if not files.count + progress.kept:
        raise InputError(f'{progress.source.title}: no image was read')

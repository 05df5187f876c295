"""Packed samples for exported files."""
import numpy as np
import torch
from mmdet3d.structures import Det3DDataSample

from mmdet3d_plugin.geometry import affine_from_crop

SIZE = (160, 64)  # width, height of the input
P2 = np.array([[721.5, 0., 609.6, 44.9], [0., 721.5, 172.9, .2], [0., 0., 1., .003], [0, 0, 0, 1]])
OTHER_P2 = np.array([[640., 0., 600.1, 0.], [0., 655., 180.5, 0.], [0, 0, 1, 0], [0, 0, 0, 1]])
SHAPES = (375, 1242), (370, 1224)


def frames(whole=False):
    """Return two packed samples with different cameras, crops and image sizes."""
    generator = torch.Generator().manual_seed(1)
    crops = [((621., 187.5), 1242.), ((612., 185.), 1224.) if whole else ((480., 200.), 900.)]
    samples = []
    for camera, shape, (center, width) in zip((P2, OTHER_P2), SHAPES, crops):
        image = torch.randint(0, 256, (3, SIZE[1] // 8, SIZE[0] // 8), generator=generator)
        image = image.repeat_interleave(8, 1).repeat_interleave(8, 2).to(torch.uint8)
        samples.append(dict(inputs=dict(img=image), data_samples=Det3DDataSample(metainfo=dict(
            cam2img=camera, affine=affine_from_crop(center, width, SIZE), ori_shape=shape,
            img_shape=SIZE[::-1]))))
    return samples


def file_inputs(samples, image_type='uint8'):
    """Return the inputs of a file by name for a batch of samples."""
    metas = [sample['data_samples'].metainfo for sample in samples]
    return dict(image=np.stack([sample['inputs']['img'] for sample in samples]).astype(image_type),
                intrinsics=np.stack([meta['cam2img'][:3] for meta in metas]).astype(np.float32),
                affine=np.stack([meta['affine'] for meta in metas]).astype(np.float32))

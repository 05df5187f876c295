"""Packaging of mmdet3d_plugin; the tested versions stand in requirements.txt."""
from pathlib import Path

from setuptools import find_packages, setup

setup(
    name='mmdet3d_plugin',
    version='0.1.0',
    description='Monocular 3D object detection on OpenMMLab',
    long_description=(Path(__file__).parent / 'README.md').read_text(encoding='utf-8'),
    long_description_content_type='text/markdown',
    packages=find_packages(include=['mmdet3d_plugin', 'mmdet3d_plugin.*']),
    python_requires='>=3.10,<3.13',
    install_requires=[
        'torch>=2.1', 'torchvision', 'numpy<2', 'opencv-python', 'mmengine>=0.10.7',
        'mmcv>=2.1.0', 'mmdet>=3.3', 'mmdet3d>=1.4', 'numba', 'pillow', 'matplotlib',
        'tqdm', 'tensorboard', 'trimesh', 'embreex', 'scipy', 'pyarrow', 'h5py', 'timm',
        'pytorch-metric-learning', 'faiss-cpu', 'scikit-learn', 'safetensors', 'imageio-ffmpeg',
        'pyyaml',
    ])

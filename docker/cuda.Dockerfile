# CUDA image with mmcv's GPU operators, such as SMOKE's deformable convolutions:
#   docker build -f docker/cuda.Dockerfile -t mono3d-cuda .
# CUDA's version is that of the pinned PyTorch.
FROM nvidia/cuda:13.0.2-devel-ubuntu24.04

# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends \
        g++ libgl1 libglib2.0-0 python3 python3-dev python3-venv \
    && rm -rf /var/lib/apt/lists/*
RUN python3 -m venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH

WORKDIR /opt/mmdet3d_plugin
COPY requirements.txt .
SHELL ["/bin/bash", "-o", "pipefail", "-c"]
RUN grep -E '^(torch|torchvision|numpy|setuptools)==' requirements.txt > first.txt \
    && pip install --no-cache-dir -r first.txt \
    && pip install --no-cache-dir wheel==0.48.0 ninja==1.13.2 psutil==7.2.2 packaging==26.4
# Compute capabilities of the GPUs to build for.
ARG TORCH_CUDA_ARCH_LIST="8.0;8.6;8.9;9.0"
RUN grep -E '^mmcv==' requirements.txt > mmcv.txt \
    && MMCV_WITH_OPS=1 FORCE_CUDA=1 pip install --no-build-isolation --no-cache-dir \
        --no-binary mmcv -c requirements.txt -r mmcv.txt \
    && pip install --no-cache-dir -r requirements.txt
COPY . .
RUN pip install --no-cache-dir --no-deps --no-build-isolation -e .

WORKDIR /workspace
ENTRYPOINT ["mono3d"]
CMD ["doctor"]

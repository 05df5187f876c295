# CPU image: docker build -f docker/cpu.Dockerfile -t mono3d .
# The wheel of PyTorch holds CUDA's libraries too, so `docker run --gpus all` trains on GPUs.
FROM python:3.11-slim-bookworm

# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends g++ libgl1 libglib2.0-0 make \
    && rm -rf /var/lib/apt/lists/*

WORKDIR /opt/mmdet3d_plugin
COPY . .
ENV PIP_NO_CACHE_DIR=1
RUN make env
ENV PATH=/opt/mmdet3d_plugin/.venv/bin:$PATH

WORKDIR /workspace
ENTRYPOINT ["mono3d"]
CMD ["doctor"]

#!/usr/bin/env bash
set -euo pipefail

usage='usage: tools/dist_test.sh CONFIG CHECKPOINT GPUS [options of tools/test.py]

Tests in GPUS processes of this machine, one a GPU; without GPUs in the machine by gloo on
its CPUs. Environment: PORT, NNODES, MASTER_ADDR, NODE_RANK and OMP_NUM_THREADS as for
tools/dist_train.sh'
. "$(dirname "${BASH_SOURCE[0]}")/launch_common.sh"

check_arguments 3 "$@"
config=$1 checkpoint=$2 gpus=$3
shift 3
check_file config "$config"
check_file checkpoint "$checkpoint"
MAX_RESTARTS=0 torchrun "$gpus" "$tools/test.py" "$config" "$checkpoint" --launcher pytorch "$@"

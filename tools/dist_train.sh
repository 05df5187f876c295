#!/usr/bin/env bash
set -euo pipefail

usage='usage: tools/dist_train.sh CONFIG GPUS [options of tools/train.py]

Trains in GPUS processes of this machine, one a GPU; without GPUs in the machine by gloo on
its CPUs. Environment:
  PORT=29500        where the processes meet; give jobs that share a machine ports of their own
  NNODES=1          machines; start the script on each, with
  MASTER_ADDR       the host of node 0, and
  NODE_RANK         0 to NNODES - 1
  MAX_RESTARTS=0    how often failed processes are started anew; then --resume auto is added
  RDZV_ID           name of the run, where several share MASTER_ADDR and PORT
  OMP_NUM_THREADS=1 threads a process'
. "$(dirname "${BASH_SOURCE[0]}")/launch_common.sh"

check_arguments 2 "$@"
config=$1 gpus=$2
shift 2
check_file config "$config"
if [ "${MAX_RESTARTS:-0}" != 0 ] && ! resumes "$@"; then
    set -- "$@" --resume auto
fi
torchrun "$gpus" "$tools/train.py" "$config" --launcher pytorch "$@"

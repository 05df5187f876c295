#!/usr/bin/env bash
set -euo pipefail

usage='usage: tools/dist_train.sh CONFIG GPUS [options of tools/train.py]

Train with one process per GPU on this machine. Machines without GPUs use their CPUs with
the gloo backend. Environment variables:
  PORT=29500         port for the connection of the processes; jobs on the same machine need
                     different ports
  NNODES=1           number of machines; run the script on each of them
  MASTER_ADDR        host of node 0 (needed if NNODES > 1)
  NODE_RANK          number of this machine, 0 to NNODES - 1 (needed if NNODES > 1)
  MAX_RESTARTS=0     how often to restart failed processes; above 0, --resume auto is added
  RDZV_ID            name of the run, if several runs share MASTER_ADDR and PORT
  OMP_NUM_THREADS=1  threads per process'
# shellcheck source=tools/launch_common.sh
. "$(dirname "${BASH_SOURCE[0]}")/launch_common.sh"

check_arguments 2 "$@"
config=$1
check_file config "$config"
torchrun_settings "$2"
shift 2
if [ "$MAX_RESTARTS" != 0 ] && ! resumes "$@"; then
    set -- "$@" --resume auto
fi
torchrun "$tools/train.py" "$config" --launcher pytorch "$@"

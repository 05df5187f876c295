#!/usr/bin/env bash
set -euo pipefail

usage='usage: tools/dist_test.sh CONFIG CHECKPOINT GPUS [options of tools/test.py]

Test with one process per GPU on this machine. Machines without GPUs use their CPUs with
the gloo backend. Environment variables: PORT, NNODES, MASTER_ADDR, NODE_RANK and
OMP_NUM_THREADS, see tools/dist_train.sh'
# shellcheck source=tools/launch_common.sh
. "$(dirname "${BASH_SOURCE[0]}")/launch_common.sh"

check_arguments 3 "$@"
config=$1 checkpoint=$2
check_file config "$config"
check_file checkpoint "$checkpoint"
MAX_RESTARTS=0
torchrun_settings "$3"
shift 3
torchrun "$tools/test.py" "$config" "$checkpoint" --launcher pytorch "$@"

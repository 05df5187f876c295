#!/usr/bin/env bash
set -euo pipefail

usage='usage: tools/slurm_test.sh PARTITION JOB_NAME CONFIG CHECKPOINT [options of tools/test.py]

Test under SLURM with srun, one task per GPU. Environment variables: GPUS, GPUS_PER_NODE,
CPUS_PER_TASK, GRES and SRUN_ARGS, see tools/slurm_train.sh'
# shellcheck source=tools/launch_common.sh
. "$(dirname "${BASH_SOURCE[0]}")/launch_common.sh"

check_arguments 4 "$@"
config=$3 checkpoint=$4
check_file config "$config"
check_file checkpoint "$checkpoint"
slurm_settings "$1" "$2"
shift 4
command=("$python" -u "$tools/test.py" "$config" "$checkpoint" "$@" --launcher slurm)
exec srun "${resources[@]}" --kill-on-bad-exit=1 "${command[@]}"

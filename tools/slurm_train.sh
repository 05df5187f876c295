#!/usr/bin/env bash
set -euo pipefail

usage='usage: tools/slurm_train.sh PARTITION JOB_NAME CONFIG WORK_DIR [options of tools/train.py]

Train under SLURM with one task per GPU. MODE=run trains at once with srun. MODE=batch
submits a job with sbatch; when the job is preempted or reaches its time limit, it is
requeued and resumes from its last checkpoint (--resume auto). Environment variables:
  MODE=run            run or batch
  GPUS=8              total number of GPUs
  GPUS_PER_NODE       GPUs per node (default: 8, or GPUS if that is less)
  CPUS_PER_TASK=5     CPU cores per task, used by its data loader
  GRES                generic resources per node (default: gpu:GPUS_PER_NODE); none for CPUs
  SRUN_ARGS           more options for srun or sbatch, such as --time=12:00:00 --qos=low;
                      quotes as in a shell, such as --comment="two words"
  SIGNAL_SECONDS=120  seconds between the warning signal and the time limit (MODE=batch)'
# shellcheck source=tools/launch_common.sh
. "$(dirname "${BASH_SOURCE[0]}")/launch_common.sh"

check_arguments 4 "$@"
config=$3 WORK_DIR=$4
check_file config "$config"
slurm_settings "$1" "$2"
text WORK_DIR '' "$name_pattern" 'a folder'
text MODE run 'run|batch' 'run or batch'
number SIGNAL_SECONDS 120 1 65535
shift 4
command=("$python" -u "$tools/train.py" "$config" --work-dir "$WORK_DIR" "$@" --launcher slurm)
[ "$MODE" = batch ] || exec srun "${resources[@]}" --kill-on-bad-exit=1 "${command[@]}"

resumes "$@" || command+=(--resume auto)
mkdir -p "$WORK_DIR" 2>/dev/null || fail "$WORK_DIR: cannot make this folder"
# On the warning signal the tasks save a checkpoint and exit with 128 + SIGUSR1. The job then
# requeues itself. After a preemption SLURM requeues the job. SLURM reads %% as one %.
exec sbatch "${resources[@]}" --requeue --open-mode=append --signal="USR1@$SIGNAL_SECONDS" \
    --output="${WORK_DIR//%/%%}/slurm-%j.out" <<EOF
#!/usr/bin/env bash
code=0
srun --cpus-per-task="\$SLURM_CPUS_PER_TASK" --kill-on-bad-exit=0 --wait=60 \\
    $(printf '%q ' "${command[@]}")|| code=\$?
[ "\$code" != 138 ] || { scontrol requeue "\$SLURM_JOB_ID"; exit 0; }
exit "\$code"
EOF

#!/usr/bin/env bash
set -euo pipefail

usage='usage: tools/slurm_train.sh PARTITION JOB_NAME CONFIG WORK_DIR [options of tools/train.py]

Trains under SLURM, one task a GPU: at once by srun or, with MODE=batch, as a job of sbatch
that is queued again when it is preempted or runs out of time, and goes on from its last
checkpoint (--resume auto). Environment:
  MODE=run          or batch
  GPUS=8            in all
  GPUS_PER_NODE     8, or GPUS if there are fewer
  CPUS_PER_TASK=5   for the data loader of each
  GRES              gpu:GPUS_PER_NODE; none on CPUs
  SRUN_ARGS         more options of srun or sbatch, such as "--time=12:00:00 --qos=low"
  SIGNAL_SECONDS=120  of warning before the time is up (batch)'
. "$(dirname "${BASH_SOURCE[0]}")/launch_common.sh"

check_arguments 4 "$@"
partition=$1 job=$2 config=$3 work_dir=$4
shift 4
check_file config "$config"
slurm_resources "$partition" "$job"
command=("$python" -u "$tools/train.py" "$config" --work-dir "$work_dir" "$@" --launcher slurm)

case ${MODE:-run} in
run)
    exec srun "${resources[@]}" --kill-on-bad-exit=1 "${command[@]}"
    ;;
batch)
    check_number SIGNAL_SECONDS "${SIGNAL_SECONDS:-120}" 1
    resumes "$@" || command+=(--resume auto)
    mkdir -p "$work_dir" || fail "error: $work_dir: cannot make this folder"
    # The warning reaches the tasks, which save a checkpoint and end with 128 + SIGUSR1. Then
    # the job queues itself again; when it is preempted, SLURM does that.
    exec sbatch "${resources[@]}" --requeue --open-mode=append \
        --signal="USR1@${SIGNAL_SECONDS:-120}" --output="$work_dir/slurm-%j.out" <<EOF
#!/usr/bin/env bash
code=0
srun --cpus-per-task="\$SLURM_CPUS_PER_TASK" --kill-on-bad-exit=0 --wait=60 \\
    $(printf '%q ' "${command[@]}")|| code=\$?
[ "\$code" != 138 ] || { scontrol requeue "\$SLURM_JOB_ID"; exit 0; }
exit "\$code"
EOF
    ;;
*)
    fail "error: MODE is '$MODE', expected run or batch"
    ;;
esac

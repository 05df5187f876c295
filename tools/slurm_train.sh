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
  SRUN_ARGS           more options for srun or sbatch, such as "--time=12:00:00 --qos=low"
  SIGNAL_SECONDS=120  seconds between the warning signal and the time limit (MODE=batch)'
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
    # On the warning signal the tasks save a checkpoint and exit with 128 + SIGUSR1. The job
    # then requeues itself. After a preemption SLURM requeues the job.
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

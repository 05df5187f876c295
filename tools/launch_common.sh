# Functions of the launch scripts, which source this file and set $usage: the usage line,
# followed by the rest of the help text.

fail() { printf '%s: %s\n' "$(basename "$0")" "$*" >&2; exit 2; }

# check_arguments NEEDED "$@": print the help if asked for; fail if arguments are missing.
check_arguments() {
    local needed=$1
    shift
    case ${1:-} in -h | --help) printf '%s\n' "$usage"; exit 0 ;; esac
    [ $# -ge "$needed" ] || { printf '%s\n' "$usage" | head -n 1 >&2; exit 2; }
}

check_file() { [ -f "$2" ] || fail "error: $2: no such $1"; }

# check_number NAME VALUE MINIMUM: fail unless VALUE is a whole number of at least MINIMUM.
check_number() {
    case $2 in '' | *[!0-9]*) fail "error: $1 is '$2', expected a whole number" ;; esac
    [ "$2" -ge "$3" ] || fail "error: $1 is $2, it must be at least $3"
}

# resumes "$@": succeed if the arguments have --resume.
resumes() {
    local argument
    for argument in "$@"; do
        case $argument in --resume | --resume=*) return 0 ;; esac
    done
    return 1
}

tools=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
python=python
[ -x "$tools/../.venv/bin/python" ] && python=$tools/../.venv/bin/python
export PYTHONPATH="$tools/..${PYTHONPATH:+:$PYTHONPATH}"

# torchrun PROCESSES SCRIPT ARGUMENTS...: run a script in distributed processes, as set by
# NNODES, NODE_RANK, MASTER_ADDR, PORT, RDZV_ID and MAX_RESTARTS.
torchrun() {
    local processes=$1 nodes=${NNODES:-1} port=${PORT:-29500} rendezvous host=0
    check_number GPUS "$processes" 1
    check_number NNODES "$nodes" 1
    check_number PORT "$port" 1
    check_number MAX_RESTARTS "${MAX_RESTARTS:-0}" 0
    shift
    if [ "$nodes" = 1 ]; then
        rendezvous=(--master-addr "${MASTER_ADDR:-127.0.0.1}" --master-port "$port")
    else
        [ -n "${MASTER_ADDR:-}" ] || fail 'error: NNODES needs MASTER_ADDR, the host of node 0'
        check_number NODE_RANK "${NODE_RANK:-}" 0
        # A fixed rendezvous host lets restarted nodes join again.
        [ "$NODE_RANK" = 0 ] && host=1
        rendezvous=(--rdzv-backend c10d --rdzv-endpoint "$MASTER_ADDR:$port"
                    --rdzv-id "${RDZV_ID:-mmdet3d_plugin}" --rdzv-conf "is_host=$host")
        # With a shared store, restarted processes would read addresses of ended processes.
        export TORCH_DISABLE_SHARE_RDZV_TCP_STORE=1
    fi
    # torchrun would set the same value and print a warning.
    export OMP_NUM_THREADS=${OMP_NUM_THREADS:-1}
    # torchrun passes SIGUSR1, the warning signal of SLURM, to the processes like SIGTERM.
    exec "$python" -m torch.distributed.run --nnodes "$nodes" --nproc-per-node "$processes" \
        --max-restarts "${MAX_RESTARTS:-0}" "${rendezvous[@]}" \
        --signals-to-handle SIGTERM,SIGINT,SIGHUP,SIGQUIT,SIGUSR1 "$@"
}

# slurm_resources PARTITION JOB_NAME: set the array $resources to the options of a job, from
# GPUS, GPUS_PER_NODE, CPUS_PER_TASK, GRES and SRUN_ARGS.
slurm_resources() {
    local partition=$1 job=$2 gpus=${GPUS:-8} cpus=${CPUS_PER_TASK:-5} per_node more
    check_number GPUS "$gpus" 1
    check_number CPUS_PER_TASK "$cpus" 1
    per_node=${GPUS_PER_NODE:-$((gpus < 8 ? gpus : 8))}
    check_number GPUS_PER_NODE "$per_node" 1
    read -ra more <<<"${SRUN_ARGS:-}"
    resources=(--partition="$partition" --job-name="$job" --gres="${GRES:-gpu:$per_node}"
               --ntasks="$gpus" --ntasks-per-node="$per_node" --cpus-per-task="$cpus"
               ${more[@]+"${more[@]}"})
}

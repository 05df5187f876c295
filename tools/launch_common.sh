# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154  # variables are shared with the scripts that source this file
# Functions of the launch scripts, which source this file and set $usage: the usage line,
# followed by the rest of the help text.

unset CDPATH  # with it, cd may go to another project

fail() { printf '%s: error: %s\n' "$(basename "$0")" "$*" >&2; exit 2; }

# check_arguments NEEDED "$@": print the help if asked for; fail if arguments are missing.
check_arguments() {
    local needed=$1
    shift
    case ${1:-} in -h | --help) printf '%s\n' "$usage"; exit 0 ;; esac
    [ $# -ge "$needed" ] || { printf '%s\n' "$usage" | head -n 1 >&2; exit 2; }
}

check_file() { [ -f "$2" ] || fail "$2: no such $1"; }

# text NAME DEFAULT PATTERN MEANING: set a variable to its default if it is unset; fail unless
# the whole value matches the pattern.
text() {
    local LC_ALL=C value=${!1-$2}
    [[ $value =~ ^($3)$ ]] || fail "$1 is ${value@Q}, expected $4"
    printf -v "$1" %s "$value"
}

# number NAME DEFAULT MINIMUM MAXIMUM: the same for a whole number in this range.
number() {
    text "$1" "$2" '0|[1-9][0-9]{0,8}' "a whole number from $3 to $4"
    [ "${!1}" -ge "$3" ] && [ "${!1}" -le "$4" ] || fail \
        "$1 is ${!1}, expected a whole number from $3 to $4"
}

name_pattern='[^-[:cntrl:]][^[:cntrl:]]*'  # pattern of names; those with a dash first are options

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

# torchrun_settings PROCESSES: check the variables that torchrun reads.
torchrun_settings() {
    GPUS=$1
    number GPUS '' 1 1024
    number NNODES 1 1 9999
    number PORT 29500 1 65535
    number MAX_RESTARTS 0 0 9999
    number OMP_NUM_THREADS 1 1 1024
    text RDZV_ID mmdet3d_plugin "$name_pattern" 'a name'
    text MASTER_ADDR "$([ "$NNODES" != 1 ] || echo 127.0.0.1)" '[][A-Za-z0-9_.:%-]+' \
        'the host of node 0'
    [ "$NNODES" = 1 ] || number NODE_RANK '' 0 $((NNODES - 1))
}

# torchrun SCRIPT ARGUMENTS...: run a script in distributed processes.
torchrun() {
    local rendezvous host=0
    if [ "$NNODES" = 1 ]; then
        rendezvous=(--master-addr "$MASTER_ADDR" --master-port "$PORT")
    else
        # A fixed rendezvous host lets restarted nodes join again.
        [ "$NODE_RANK" = 0 ] && host=1
        rendezvous=(--rdzv-backend c10d --rdzv-endpoint "$MASTER_ADDR:$PORT"
                    --rdzv-id "$RDZV_ID" --rdzv-conf "is_host=$host")
        # With a shared store, restarted processes would read addresses of ended processes.
        export TORCH_DISABLE_SHARE_RDZV_TCP_STORE=1
    fi
    # torchrun would set the default of 1 too, and print a warning.
    export OMP_NUM_THREADS
    # torchrun passes SIGUSR1, the warning signal of SLURM, to the processes like SIGTERM.
    exec "$python" -m torch.distributed.run --nnodes "$NNODES" --nproc-per-node "$GPUS" \
        --max-restarts "$MAX_RESTARTS" "${rendezvous[@]}" \
        --signals-to-handle SIGTERM,SIGINT,SIGHUP,SIGQUIT,SIGUSR1 "$@"
}

# slurm_settings PARTITION JOB_NAME: check the variables that describe a job, and set the array
# $resources to the options of the job.
slurm_settings() {
    PARTITION=$1 JOB_NAME=$2
    text PARTITION '' "$name_pattern" 'the name of a partition'
    text JOB_NAME '' "$name_pattern" 'a name'
    number GPUS 8 1 9999
    number GPUS_PER_NODE $((GPUS < 8 ? GPUS : 8)) 1 1024
    number CPUS_PER_TASK 5 1 1024
    text GRES "gpu:$GPUS_PER_NODE" '[[:graph:]]+' "generic resources, such as 'gpu:8' or 'none'"
    srun_options
    resources=(--partition="$PARTITION" --job-name="$JOB_NAME" --gres="$GRES" --ntasks="$GPUS"
               --ntasks-per-node="$GPUS_PER_NODE" --cpus-per-task="$CPUS_PER_TASK"
               ${options[@]+"${options[@]}"})
}

# srun_options: set the array $options to the words of SRUN_ARGS. Blanks and newlines separate
# words. Quotes and backslashes work as in a shell; nothing is expanded or executed.
srun_options() {
    local value=${SRUN_ARGS-} option
    xargs printf '' <<<"$value" 2>/dev/null || fail \
        "SRUN_ARGS is ${value@Q}, expected options with closed quotes, each on one line"
    mapfile -d '' -t options < <(xargs -r printf '%s\0' <<<"$value")
    # srun would take a first word without a dash, and the word after --, for the program.
    [[ ${options[0]--} == -* ]] || fail "SRUN_ARGS is ${value@Q}, expected options"
    for option in ${options[@]+"${options[@]}"}; do
        [ "$option" != -- ] || fail "SRUN_ARGS is ${value@Q}, expected options without --"
    done
}

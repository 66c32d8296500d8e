"""``voco cache build``, ``pretrain`` and ``finetune`` that write what the real ones write.

The configuration is a JSON file: how many steps there are, how long one takes, and how it ends.
"""

import json
import os
import signal
import sys
import time
from pathlib import Path

command, *rest = sys.argv[1:]
stopped = []
signal.signal(signal.SIGINT, lambda number, frame: stopped.append(number))


def option(name):
    return rest[rest.index(name) + 1] if name in rest else None


def fail(how):
    if how == "sentence":
        print("voco: /data/x.nii.gz has no label: add one.", file=sys.stderr)
        sys.exit(2)
    if how == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if how == "memory":
        raise RuntimeError("CUDA out of memory. Tried to allocate 20 GiB")
    if how == "bug":
        raise ZeroDivisionError("division by zero")


def build_cache():
    cache = Path(rest[2])
    cache.mkdir(exist_ok=True)
    for done in range(1, 6):
        print(json.dumps({"done": done, "total": 5, "what": "caching"}), flush=True)
        time.sleep(0.1)
        if stopped:
            print("voco: stopped; no file is left half-written.", file=sys.stderr)
            sys.exit(130)
    (cache / "index.json").write_text(json.dumps({"arguments": rest}))


def begin(run):
    plan = json.loads(Path(option("--config")).read_text())
    fail(plan.get("before"))
    if (run / "config.yaml").exists():
        print("voco: the folder holds a run already: go on with --resume.", file=sys.stderr)
        sys.exit(2)
    (run / "logs").mkdir(exist_ok=True)
    text = f"optimisation:\n  batch: 1\n  steps: {plan['steps']}\n"
    (run / "config.yaml").write_text(f"# {json.dumps(plan)}\n{text}compute:\n  steps: 7\n")
    header = "step,seconds,loss,gradient_norm,learning_rate\n"
    if command == "pretrain":
        header = "step,seconds,loss,prediction,regularisation,inter_volume\n"
        probe = "step,seconds,chance,untrained,top1,overlap_error,reference_top1\n"
        (run / "logs" / "probe.csv").write_text(probe + "0,0.1,0.25,0.2,0.2,0.1,0.3\n")
    else:
        validation = "step,seconds,mean,liver,left kidney\n"
        (run / "logs" / "validation.csv").write_text(validation)
    (run / "logs" / "training.csv").write_text(header)
    return plan


def append(path, *values):
    with path.open("a") as file:
        file.write(",".join(f"{value:.6g}" for value in values) + "\n")


def make_model(run):
    (run / "model" / "configs").mkdir(parents=True)
    (run / "model" / "configs" / "metadata.json").write_text("{}")


def finish(run):
    if not (run / "checkpoints" / "last.ckpt").exists():
        print("voco: it has no checkpoint yet.", file=sys.stderr)
        sys.exit(2)
    make_model(run)


def train():
    resumed = option("--resume")
    run = Path(resumed or option("--out"))
    done, checkpoint = 0, run / "checkpoints" / "last.ckpt"
    if resumed:
        plan = json.loads((run / "config.yaml").read_text().splitlines()[0][2:])
        plan["steps"] = plan.get("later", plan["steps"])
        done = int(checkpoint.read_text()) if checkpoint.exists() else 0
    else:
        plan = begin(run)
    for step in range(done + 1, plan["steps"] + 1):
        time.sleep(plan.get("pause", 0))
        if command == "pretrain":
            append(run / "logs" / "training.csv", step, step / 10, 3 / step, 2 / step, 1 / step, 0)
            if step % 2 == 0:
                append(run / "logs" / "probe.csv", step, step / 10, 0.25, 0.2, 0.5, 0.1, 0.6)
        else:
            append(run / "logs" / "training.csv", step, step / 10, 1 / step, 0.5, 1e-3)
            if step % 2 == 0:
                append(run / "logs" / "validation.csv", step, step / 10, 0.55, 0.5, 0.6)
        if stopped:
            checkpoint.parent.mkdir(exist_ok=True)
            checkpoint.write_text(str(step))
            fail(plan.get("stopped"))
            print(f"voco: stopped after step {step} and saved")
            sys.exit(130)
    fail(plan.get("after"))
    make_model(run)


if command == "cache":
    build_cache()
elif option("--finish"):
    finish(Path(option("--finish")))
else:
    train()

"""Exact answers on held-out problems, per task and language, with 95% intervals."""

import argparse
import json
import random
import time
from pathlib import Path

import chat
import tasks
import torch
import weights
from generate import greedy
from tokenizers import Tokenizer


def wilson(right, n, z=1.959964):
    """The 95% score interval of a share."""
    if not n:
        return 0.0, 1.0
    p, d = right / n, 1 + z * z / n
    mid, half = p + z * z / (2 * n), z * ((p * (1 - p) + z * z / (4 * n)) / n) ** 0.5
    return max(0.0, (mid - half) / d), min(1.0, (mid + half) / d)


def problems(task, lang, n, seed):
    """n different held-out problems."""
    rng, seen, out = random.Random(f"{seed}/{task}/{lang}"), set(), []
    while len(out) < n:
        s = tasks.draw(rng, task, lang, test=True)
        if s.prompt not in seen:
            seen.add(s.prompt)
            out.append(s)
    return out


def same(task, want, got):
    """Whether an answer is exactly right; JSON is compared as parsed."""
    if task not in ("inspection", "clinical"):
        return want == got
    try:
        return json.loads(want) == json.loads(got)
    except ValueError:
        return False


def answers(model, tok, samples, batch):
    """The model's full replies."""
    stop = tok.token_to_id(chat.EOS)
    prompts = [tok.encode(chat.prompt_text(s.prompt, s.history, s.system)).ids for s in samples]
    order = sorted(range(len(samples)), key=lambda i: len(prompts[i]))
    out = [""] * len(samples)
    for start in range(0, len(order), batch):
        part = order[start : start + batch]
        for i, ids in zip(part, greedy(model, [prompts[i] for i in part], stop), strict=True):
            out[i] = tok.decode(ids, skip_special_tokens=False)
    return out


def main():
    """Evaluates and prints a table."""
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--tokenizer", type=Path, required=True)
    p.add_argument("--gguf", type=Path, help="evaluate the shipped weights")
    p.add_argument("--checkpoint", type=Path, help="evaluate a checkpoint's averaged weights")
    p.add_argument("--n", type=int, default=200, help="problems per task and language")
    p.add_argument("--seed", default="held-out")
    p.add_argument("--batch", type=int, default=64)
    p.add_argument("--threads", type=int, default=1)
    p.add_argument("--json", type=Path, help="write the figures here")
    p.add_argument("--show", type=int, default=0, help="print this many wrong replies per task and language")
    p.add_argument("--tasks", nargs="*", default=list(tasks.TASKS))
    args = p.parse_args()
    torch.set_num_threads(args.threads)
    model = weights.from_gguf(args.gguf) if args.gguf else weights.from_checkpoint(args.checkpoint)[0]
    tok = Tokenizer.from_file(str(args.tokenizer))
    rows, began = [], time.monotonic()
    for task in args.tasks:
        for lang in tasks.LANGS:
            samples = problems(task, lang, args.n, args.seed)
            right, wrong = 0, {}
            for s, text in zip(samples, answers(model, tok, samples, args.batch), strict=True):
                think, _, answer = text.partition("\n" + chat.END_THINK + "\n\n")
                ok = same(task, s.answer, answer)
                right += ok
                if not ok:
                    wrong.setdefault(s.kind, []).append((s, think, answer))
            rows.append((task, lang, right, args.n))
            report(rows[-1])
            if wrong:
                print("    wrong:", ", ".join(f"{k} {len(v)}" for k, v in sorted(wrong.items())), flush=True)
            for s, think, answer in [w for ws in wrong.values() for w in ws][: args.show]:
                print(f"--- {s.prompt}\n{think}\n=> {answer}\nwant {s.answer}")
    rows.append(("all", "both", sum(r[2] for r in rows), sum(r[3] for r in rows)))
    report(rows[-1])
    print(f"{time.monotonic() - began:.0f} s")
    if args.json:
        table = [
            dict(zip(("task", "lang", "right", "n", "low", "high"), (*r, *wilson(r[2], r[3])), strict=True))
            for r in rows
        ]
        args.json.write_text(json.dumps(table, indent=1) + "\n", encoding="utf-8")


def report(row):
    """Prints one line of the table."""
    task, lang, right, n = row
    low, high = wilson(right, n)
    print(f"{task:12}{lang:6}{right:5}/{n:<5}{100 * right / n:6.1f}%  [{100 * low:.1f}, {100 * high:.1f}]", flush=True)


if __name__ == "__main__":
    main()

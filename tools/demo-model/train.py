"""Trains the demo model for a number of minutes; goes on from its last checkpoint."""

import argparse
import os
import time
from pathlib import Path

import data
import optim
import torch
import torch.nn.functional as F

from model import Config, Model

HERE = Path(__file__).resolve().parent


def arguments():
    """The command line."""
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--out", type=Path, required=True, help="folder with tokenizer.json; the checkpoint goes there")
    p.add_argument("--minutes", type=float, default=106)
    p.add_argument("--threads", type=int, default=1)
    p.add_argument("--layers", type=int, default=5)
    p.add_argument("--muon-lr", type=float, default=0.02)
    p.add_argument("--adam-lr", type=float, default=0.003)
    p.add_argument("--seed", type=int, default=1)
    return p.parse_args()


def rate(progress, step):
    """The learning rate's factor: warm-up, level to 40 % of the time, then down in a line."""
    warm = min(1.0, (step + 1) / 60)
    return warm * min(1.0, max(0.0, (1 - progress) / 0.6) * 0.98 + 0.02)


def save(path, **what):
    """Writes a checkpoint in one move."""
    part = path.with_suffix(".part")
    torch.save(what, part)
    os.replace(part, path)


def run_step(model, chunks, measure=True):
    """Gradients of one step; returns loss sum, right tokens, target tokens, all tokens, judged tokens."""
    wanted = sum(int((y != data.IGNORE).sum()) for _, y in chunks)
    loss_sum, right, seen, judged = 0.0, 0, 0, wanted if measure else 0
    for x, y in chunks:
        x, y = torch.from_numpy(x).long(), torch.from_numpy(y).long().flatten()
        keep = (y != data.IGNORE).nonzero().squeeze(1)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            h = model.hidden(x, torch.arange(x.shape[1]), None).flatten(0, 1)[keep]
            scores = model.logits(h)
        loss = F.cross_entropy(scores.float(), y[keep], reduction="sum")
        (loss / wanted).backward()
        loss_sum += loss.item()
        if measure:
            right += int((scores.argmax(-1) == y[keep]).sum())
        seen += x.numel()
    return loss_sum, right, wanted, seen, judged


def main():
    """Trains."""
    args = arguments()
    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    path = args.out / "checkpoint.pt"
    old = torch.load(path) if path.exists() else None
    model = Model(Config(**old["config"]) if old else Config(layers=args.layers))
    opts = optim.build(model, args.muon_lr, args.adam_lr)
    ema = {k: v.clone() for k, v in model.state_dict().items()}
    step = tokens = 0
    spent = 0.0
    if old:
        model.load_state_dict(old["model"])
        ema, step, tokens, spent = old["ema"], old["step"], old["tokens"], old["spent"]
        for o, s in zip(opts, old["opts"], strict=True):
            o.load_state_dict(s)
    base = [args.muon_lr, args.adam_lr]
    size = sum(p.numel() for p in model.parameters())
    print(f"{size} parameters, from step {step}, {spent / 60:.1f} of {args.minutes} minutes spent", flush=True)
    queue = data.start(args.out / "tokenizer.json", args.seed * 1000003 + step, HERE / "mix.txt")
    last = saved = time.monotonic()
    sums = [0.0, 0, 0, 0, 0]
    while spent < args.minutes * 60:
        factor = rate(spent / (args.minutes * 60), step)
        for o, lr in zip(opts, base, strict=True):
            for g in o.param_groups:
                g["lr"] = lr * factor
        sums = [a + b for a, b in zip(sums, run_step(model, queue.get(), step % 25 == 24), strict=True)]
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for o in opts:
            o.step()
            o.zero_grad(set_to_none=True)
        step += 1
        pull = 1 - min(0.99, step / (step + 20))
        with torch.no_grad():
            for k, v in model.state_dict().items():
                ema[k].lerp_(v, pull)
        now = time.monotonic()
        if step % 25 == 0:
            spent += now - last
            tokens += sums[3]
            print(
                f"step {step} min {spent / 60:.1f} Mtok {tokens / 1e6:.2f} loss {sums[0] / sums[2]:.4f} "
                f"right {sums[1] / sums[4]:.4f} tok/s {sums[3] / (now - last):.0f} lr {factor:.3f}",
                flush=True,
            )
            last, sums = now, [0.0, 0, 0, 0, 0]
            if now - saved > 120 or spent >= args.minutes * 60:
                state = [o.state_dict() for o in opts]
                save(
                    path,
                    config=model.cfg.dict(),
                    model=model.state_dict(),
                    ema=ema,
                    opts=state,
                    step=step,
                    tokens=tokens,
                    spent=spent,
                )
                saved = now


if __name__ == "__main__":
    main()

"""Training batches, generated without end by a process of their own."""

import multiprocessing as mp
import os
import random
from queue import Full

import chat
import numpy as np
import tasks
from tokenizers import Tokenizer

IGNORE = -100


def encode(tok, samples):
    """Token ids and the length of the part that is given, for each sample."""
    given = tok.encode_batch([chat.prompt_text(s.prompt, s.history, s.system) for s in samples])
    reply = tok.encode_batch([chat.reply_text(s.think, s.answer) for s in samples])
    return [(g.ids + r.ids, len(g.ids)) for g, r in zip(given, reply, strict=True)]


def pad(rows):
    """Inputs and targets of one chunk; only the reply is a target."""
    width = max(len(ids) for ids, _ in rows) - 1
    x = np.zeros((len(rows), width), np.int32)
    y = np.full((len(rows), width), IGNORE, np.int32)
    for i, (ids, given) in enumerate(rows):
        x[i, : len(ids) - 1] = ids[:-1]
        y[i, given - 1 : len(ids) - 1] = ids[given:]
    return x, y


def steps(tok, rng, weights, chunk_tokens, chunks_per_step, pool=1024):
    """Lists of chunks, one list a step; a step's chunks differ in length."""
    while True:
        rows = encode(tok, [tasks.conversation(rng, weights()) for _ in range(pool)])
        rows.sort(key=lambda r: len(r[0]))
        chunks, now = [], []
        for row in rows:
            if now and (len(now) + 1) * len(row[0]) > chunk_tokens:
                chunks.append(pad(now))
                now = []
            now.append(row)
        n = len(chunks) // chunks_per_step
        lanes = [chunks[i * n : (i + 1) * n] for i in range(chunks_per_step)]
        for lane in lanes:
            rng.shuffle(lane)
        yield from zip(*lanes, strict=True)


def _work(queue, path, seed, mix_path, shape):
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    tok, rng = Tokenizer.from_file(path), random.Random(seed)
    for step in steps(tok, rng, lambda: mix(mix_path), *shape):
        while True:
            try:
                queue.put(step, timeout=5)
                break
            except Full:
                if not mp.parent_process().is_alive():
                    queue.cancel_join_thread()
                    return


def mix(path):
    """Each task's share of the training samples: 'name share' lines, read anew for each pool."""
    with open(path, encoding="utf-8") as f:
        pairs = (line.split("#")[0].split() for line in f)
        return {p[0]: float(p[1]) for p in pairs if p}


def start(tokenizer_path, seed, mix_path, chunk_tokens=2048, chunks_per_step=3):
    """A queue that is filled with training steps."""
    ctx = mp.get_context("spawn")
    queue = ctx.Queue(maxsize=64)
    args = (queue, str(tokenizer_path), seed, str(mix_path), (chunk_tokens, chunks_per_step))
    ctx.Process(target=_work, args=args, daemon=True).start()
    return queue

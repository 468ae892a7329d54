"""The rows of the table that bench/compare measures: what is done, on which file, and what it is called."""

import dataclasses

# Figures of a row: tokens per second, or one where less is better.
RATE, SECONDS, MIB = "tok/s", "s", "MiB"


@dataclasses.dataclass(frozen=True)
class Row:
    key: str
    english: str
    chinese: str
    model: str  # SHAPE/TYPE of the file, see make_model.py
    prompt: int = 0  # tokens
    generate: int = 0  # tokens written by each sequence afterwards
    batch: int = 1  # sequences at once
    kind: str = "decode"  # decode, prefill, start (process to first token) or memory (peak of the whole process)
    kv: str = "f16"
    peer_model: str = ""  # where llama.cpp is given another file
    long: bool = False  # minutes for one contestant: only when asked for

    @property
    def unit(self) -> str:
        return {"start": SECONDS, "memory": MIB}.get(self.kind, RATE)

    @property
    def work(self) -> tuple:
        """Rows of the same work are figures of one run."""
        return self.model, self.peer_model, self.prompt, self.generate, self.batch, self.kv, self.kind == "start"

    @property
    def more_is_better(self) -> bool:
        return self.unit == RATE


def _rows() -> list[Row]:
    names = {"q4_k_m": "Q4_K_M", "q8_0": "Q8_0", "bf16": "BF16"}
    rows = []
    for kind in ("q4_k_m", "q8_0"):
        rows.append(
            Row(
                f"prefill-512-{kind}",
                f"prefill 512, {names[kind]}",
                f"预填充 512，{names[kind]}",
                f"qwen-1.5b/{kind}",
                prompt=512,
                generate=1,
                kind="prefill",
            )
        )
    bf16 = {"model": "qwen-1.5b/bf16", "prompt": 256, "generate": 1, "kind": "prefill"}
    english, chinese = "prefill 256, BF16 (llama.cpp: F16)", "预填充 256，BF16（llama.cpp：F16）"
    rows.append(Row("prefill-256-f16", english, chinese, **bf16, peer_model="qwen-1.5b/f16"))
    rows.append(Row("prefill-256-bf16", "prefill 256, BF16", "预填充 256，BF16", **bf16))
    for batch, generate in ((1, 96), (8, 32), (16, 32)):
        for kind, name in names.items():
            many = batch > 1
            rows.append(
                Row(
                    f"decode-{batch}-{kind}",
                    f"decode, {batch} sequence{'s, total' if many else ''}, {name}",
                    f"解码，{batch} 个序列{'合计' if many else ''}，{name}",
                    f"qwen-1.5b/{kind}",
                    prompt=32,
                    generate=generate,
                    batch=batch,
                )
            )
    q4 = "qwen-1.5b/q4_k_m"
    rows.append(
        Row("prefill-8k", "prefill 8192, Q4_K_M", "预填充 8192，Q4_K_M", q4, prompt=8192, generate=1, kind="prefill")
    )
    deep = {"model": "qwen-1.5b-4l/q4_k_m", "prompt": 32768, "generate": 48, "kv": "q8", "long": True}
    english = "Q4_K_M, 8-bit KV, 4 layers"
    chinese = "Q4_K_M，8 位 KV，4 层"
    rows.append(Row("prefill-32k", f"prefill 32768, {english}", f"预填充 32768，{chinese}", **deep, kind="prefill"))
    rows.append(Row("decode-32k", f"decode behind 32768, {english}", f"在 32768 之后解码，{chinese}", **deep))
    for kind, name in names.items():
        model = f"qwen-1.5b/{kind}"
        english, chinese = f"start to first token of 16, {name}", f"启动到 16 词元提示的首个词元，{name}"
        rows.append(Row(f"start-{kind}", english, chinese, model, prompt=16, generate=1, kind="start"))
    for kind, name in names.items():
        model = f"qwen-1.5b/{kind}"
        english, chinese = f"peak memory, prefill 512, {name}", f"内存峰值，预填充 512，{name}"
        rows.append(Row(f"memory-{kind}", english, chinese, model, prompt=512, generate=1, kind="memory"))
    moe = "deepseek-moe/q4_k_m"
    rows.append(
        Row(
            "moe-prefill-512",
            "MoE, prefill 512, Q4_K_M",
            "MoE，预填充 512，Q4_K_M",
            moe,
            prompt=512,
            generate=1,
            kind="prefill",
        )
    )
    for batch, generate in ((1, 48), (8, 24)):
        many = batch > 1
        rows.append(
            Row(
                f"moe-decode-{batch}",
                f"MoE, decode, {batch} sequence{'s, total' if many else ''}, Q4_K_M",
                f"MoE，解码，{batch} 个序列{'合计' if many else ''}，Q4_K_M",
                moe,
                prompt=32,
                generate=generate,
                batch=batch,
            )
        )
    return rows


ROWS = {row.key: row for row in _rows()}

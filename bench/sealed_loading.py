#!/usr/bin/env python3
"""How fast a sealed and a signed model loads, beside the plain one, page cache warm.

usage: bench/sealed_loading.py [--rounds N] [--holdfast PATH] MODEL.gguf

Seals and signs a copy of MODEL in a temporary folder on the same disk, then loads plain, signed, sealed, and sealed and
signed in turn, N rounds, and prints for each the median of its ratios to the plain load of the same round.
"""

import argparse
import json
import statistics
import subprocess
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--holdfast", type=Path, default=ROOT / "build/release/bin/holdfast")
    parser.add_argument("--folder", type=Path, help="keep the sealed copy here, and use it when it is there")
    options = parser.parse_args()

    def run(*arguments: object) -> str:
        command = [options.holdfast, "--log-level", "error", *map(str, arguments)]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    def load_seconds(model: Path, *arguments: object) -> float:
        few = ("--prompt", 1, "--generate", 1, "--repetitions", 1, "--json")
        return json.loads(run("bench", model, *arguments, *few))["results"][0]["load_s"]

    with tempfile.TemporaryDirectory(dir=options.model.parent) as temporary:
        folder = options.folder or Path(temporary)
        sealed, key, signer, manifest = (folder / name for name in ("sealed", "key", "signer", "manifest"))
        if not sealed.exists():
            folder.mkdir(parents=True, exist_ok=True)
            run("keys", "generate", key)
            run("keys", "generate", signer, "--sign", "ed25519")
            run("seal", options.model, sealed, "--key", key)
            run("manifest", "create", options.model, "--sign", signer, "--out", manifest)
        signed = ("--manifest", manifest, "--verify", f"{signer}.pub")
        kinds = {
            "plain": (options.model,),
            "signed": (options.model, *signed),
            "sealed": (sealed, "--key", key),
            "sealed and signed": (sealed, "--key", key, *signed),
        }
        for path in (options.model, sealed):
            with path.open("rb") as file:
                while file.read(1 << 24):
                    pass
        seconds: dict[str, list[float]] = {kind: [] for kind in kinds}
        for _ in range(options.rounds):
            for kind, arguments in kinds.items():
                seconds[kind].append(load_seconds(*arguments))
        for kind, times in seconds.items():
            ratios = [plain / own for plain, own in zip(seconds["plain"], times, strict=True)]
            print(
                f"{kind:<18} {statistics.median(times):.3f} s (best {min(times):.3f}), "
                f"{100 * statistics.median(ratios):.0f}% of plain's speed (best to best "
                f"{100 * min(seconds['plain']) / min(times):.0f}%)"
            )


if __name__ == "__main__":
    main()

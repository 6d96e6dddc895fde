"""``python -m tests.bench.evaluation [PROMPTS]``: time and memory of ``pointsman evaluate router`` on a made-up matrix.

What the product promises: 15,000 prompts of nine models within five minutes and 4 GB on two cores.
"""

import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

MODELS = 9
KINDS = 14
WORDS = 20_000


def write_matrix(path: Path, prompts: int, seed: int = 1) -> None:
    """Write prompts of 10 to 400 words of 14 kinds, with scores of nine models that depend on the kind."""
    generator = np.random.default_rng(seed)
    letters = np.array(list("etaoinshrdlucmfwypvbgkqjxz"))
    words = ["".join(generator.choice(letters, size=int(generator.integers(2, 11)))) for _ in range(WORDS)]
    chances = generator.uniform(0.1, 0.9, size=(KINDS, MODELS))
    with path.open("w") as file:
        for number in range(prompts):
            kind = int(generator.integers(KINDS))
            size = int(np.exp(generator.uniform(np.log(10), np.log(400))))
            common = (WORDS * generator.random(size) ** 4).astype(int)
            own = (kind * 500 + generator.integers(500, size=size // 4 + 1)) % WORDS
            chosen = generator.permutation(np.concatenate([common, own]))
            scores = (generator.random(MODELS) < chances[kind]).astype(float)
            row = {
                "prompt": f"{' '.join(words[index] for index in chosen)} {number}",
                "task": f"kind{kind}",
                "scores": {f"model{index}": score for index, score in enumerate(scores.tolist())},
            }
            file.write(json.dumps(row) + "\n")


def main() -> None:
    """Run the command once and print its seconds, processor seconds and greatest memory."""
    prompts = int(sys.argv[1]) if len(sys.argv) > 1 else 15_000
    with tempfile.TemporaryDirectory() as folder:
        matrix, prices = Path(folder) / "matrix.jsonl", Path(folder) / "prices.json"
        write_matrix(matrix, prompts)
        listed = {f"model{index}": {"input_price": 0.1 + index / 10, "output_price": 0.4} for index in range(MODELS)}
        prices.write_text(json.dumps(listed))
        started = time.monotonic()
        base = [sys.executable, "-m", "pointsman", "evaluate", "router"]
        done = subprocess.run(
            [*base, str(matrix), "--prices", str(prices), "-o", "json"], check=True, capture_output=True
        )
        seconds = time.monotonic() - started
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    report = json.loads(done.stdout)
    print(f"{prompts} prompts, {MODELS} models: {seconds:.0f} s, {used.ru_utime + used.ru_stime:.0f} s of processor")
    print(f"greatest memory: {used.ru_maxrss / 1024:.0f} MB; lift {report['lift_over_best_single']}")


if __name__ == "__main__":
    main()

"""Run seeds: ``python -m tests.simulation --seed 17`` repeats one with its trace, ``--seeds 0 2000`` runs a range."""

import argparse
import logging
import sys
import time

import structlog

from tests.simulation.account import Violation
from tests.simulation.mutations import Mutation
from tests.simulation.world import World


def main() -> int:
    """Return 0 when every promise held."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, help="run this seed and show its trace")
    parser.add_argument("--seeds", type=int, nargs=2, metavar=("FIRST", "END"), default=(0, 2000))
    parser.add_argument("--mutation", choices=[mutation.name for mutation in Mutation])
    parser.add_argument("--quiet", action="store_true")
    asked = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    mutation = Mutation[asked.mutation] if asked.mutation else None
    seeds = range(*asked.seeds) if asked.seed is None else range(asked.seed, asked.seed + 1)
    began, failed = time.perf_counter(), 0
    for seed in seeds:
        world = World(seed, mutation)
        world.verbose = asked.seed is not None and not asked.quiet
        try:
            report = world.run()
        except Violation as violation:
            failed += 1
            print("\n".join(world.trace))
            print(f"seed {seed}: {str(violation)[:1500]}")
        else:
            if asked.seed is not None:
                print("\n".join(world.trace))
                print(report)
    print(f"{len(seeds)} seeds, {failed} failed, {time.perf_counter() - began:.1f} s")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
"""From one target to ten thousand: how long a pipeline takes on machines that nobody has to rent for it.

    benches/scaling.py                       prints the tables of docs/scaling.md
    benches/scaling.py --segment 20 --runners 60 …   with other figures (all are in seconds, milliseconds or MB; see --help)

A simulation of discrete events: jobs wait for runners, runners make segments of packages unless a cache has them, all of them
share the registry's limit on requests. What is measured comes from benches/release.sh and benches/closure.sh of this repository
(README, "How fast"); what is assumed says so below. The same seed gives the same table.
"""

import argparse
import heapq
import random

FIGURES = [
    # name, value, unit, where from
    ("segment", 34, "ms", "measured: a package into a segment, per architecture; release.sh, (downloads cached − segments cached) / 46 packages"),
    ("assemble", 135, "ms", "measured: a target from its segments, verified and pushed; release.sh, segments cached / 2 targets"),
    ("unchanged", 35, "ms", "measured: a target with nothing to do, published; release.sh, nothing changed / 2 targets"),
    ("index", 0.85, "s", "measured: indexes fetched, verified and solved; release.sh, cold − downloads cached"),
    ("requests", 21, "", "measured: requests of `push --digests-only` for a new target of three blobs, by docker-registry's access log"),
    ("again", 3, "", "measured: the same for a target that the registry has, by the same log"),
    ("joins", 32, "", "measured: requests of `index` for two images and four tags, read back, by the same log"),
    ("found", 5, "", "measured: requests for a container of two targets of which everything is there, by the same log"),
    ("package", 0.6, "MB", "measured: a .deb of fd and its base on average, by containers.lock"),
    ("start", 25, "s", "assumed: a hosted runner is handed out, has cloned the repository and the program"),
    ("download", 40, "MB/s", "assumed: from the archive, and from a cache of the CI system"),
    ("runners", 20, "", "assumed: jobs at a time, GitHub's limit for accounts that pay nothing"),
    ("limit", 2000, "/min", "assumed: requests a minute that a registry takes from one account"),
    ("jobs", 256, "", "known: GitHub's limit on the jobs of a matrix"),
    ("own", 8, "packages", "assumed: what a container has besides the base, on average"),
    ("base", 22, "packages", "measured: the closure of bash and coreutils, by containers.lock"),
    ("universe", 1500, "packages", "assumed: packages that an organisation uses at all; some are in many containers (Zipf)"),
]


class Registry:
    """A limit on requests that all machines share: a bucket that fills at `limit` a minute and holds a second's worth."""

    def __init__(self, limit):
        self.rate, self.free_at, self.asked = limit / 60, 0.0, 0

    def ask(self, now, requests):
        """When `requests` of a machine that begins `now` are answered, as far as the limit is concerned."""
        self.asked += requests
        self.free_at = max(self.free_at, now - 1) + requests / self.rate
        return max(now, self.free_at)


def containers(count, f, random):
    """The packages of each container: the base, and its own by popularity."""
    ranks = range(1, int(f["universe"]) + 1)
    weights = [1 / rank for rank in ranks]
    base = frozenset(("base", n) for n in range(int(f["base"])))
    return [base | {("own", n) for n in random.choices(ranks, weights, k=int(f["own"]))} for _ in range(count)]


def simulate(targets, f, *, runners, start, shared, changed=1.0, batches=None):
    """How long until all `targets` (half of them for each of two architectures) are public: seconds, machine seconds, requests, and
    the share of packages that no machine had to make.

    `shared`: machines begin with the segments of the run before. `changed`: the share of targets that are not as they were.
    """
    chance = random.Random(1)
    definitions = containers(max(1, targets // 2), f, chance)
    wanted = [(at // 2 % len(definitions), at % 2) for at in range(targets)]
    stale = [chance.random() < changed for _ in wanted]
    count = min(len(wanted), batches or len(wanted))
    # A job is for one architecture, as `catamaran matrix` makes them.
    ordered = sorted(range(targets), key=lambda at: wanted[at][1])
    jobs = [ordered[len(ordered) * n // count : len(ordered) * (n + 1) // count] for n in range(count)]
    registry = Registry(f["limit"])
    # What the caches of the CI system hold after the run before: everything but what changed since.
    everything = {(package, architecture) for at, architecture in wanted for package in definitions[at]}
    kept = {item for item in sorted(everything) if chance.random() > 0.02} if shared else set()
    # One machine that stays has its cache from job to job; hosted ones begin with what is kept.
    stays = start == 0
    queue, last, busy, made, needed = iter(jobs), 0.0, 0.0, 0, 0
    # Of each machine: when it is at its next step, what it has, what is left of its job.
    events = [(0.0, n) for n in range(runners)]
    have, left, begun = [set(kept) for _ in range(runners)], [[] for _ in range(runners)], [0.0] * runners
    while events:
        now, machine = heapq.heappop(events)
        if not left[machine]:
            busy, last = busy + now - begun[machine], max(last, now)
            job = next(queue, None)
            if job is None:
                continue
            left[machine], begun[machine] = list(reversed(job)), now
            have[machine] = have[machine] if stays else set(kept)
            now += start + (0 if shared or (stays and now) else f["index"])
            heapq.heappush(events, (now, machine))
            continue
        at = left[machine].pop()
        container, architecture = wanted[at]
        if stale[at]:
            items = {(package, architecture) for package in definitions[container]}
            missing = items - have[machine]
            # A hosted machine fetches what a cache has kept, too.
            fetched = len(missing if stays else items) * f["package"]
            now += fetched / f["download"] + (len(missing) * f["segment"] + f["assemble"]) / 1000
            made, needed = made + len(missing), needed + len(items)
            have[machine] |= missing
            now = registry.ask(now, f["requests"])
        else:
            now = registry.ask(now + f["unchanged"] / 1000, f["again"])
        heapq.heappush(events, (now, machine))
    # One machine joins all images; of a container with nothing new it finds its index as it should be.
    news = {container for (container, _), is_stale in zip(wanted, stale) if is_stale}
    ended = registry.ask(last + start, f["joins"] * len(news) + f["found"] * (len(definitions) - len(news)))
    return ended, busy, int(registry.asked), 1 - made / needed if needed else 1.0


def time(seconds):
    if seconds < 60:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.1f} min" if seconds < 3600 else f"{seconds / 3600:.1f} h"


def main():
    parser = argparse.ArgumentParser(formatter_class=argparse.RawDescriptionHelpFormatter, description=__doc__)
    for name, value, unit, source in FIGURES:
        parser.add_argument(f"--{name}", type=float, default=value, metavar=unit or "N", help=source.replace("%", "%%"))
    f = vars(parser.parse_args())
    most, runners = int(f["jobs"]), int(f["runners"])
    ways = [
        ("one machine, nothing cached", dict(runners=1, start=0, shared=False)),
        ("the same machine, segments cached", dict(runners=1, start=0, shared=True)),
        ("the same, one target in a hundred changed", dict(runners=1, start=0, shared=True, changed=0.01)),
        (f"{runners} hosted runners, a job for each target, nothing cached", dict(runners=runners, start=f["start"], shared=False)),
        (f"{runners} hosted runners, up to {most} jobs, nothing cached", dict(runners=runners, start=f["start"], shared=False, batches=most)),
        (f"{runners} hosted runners, {runners} jobs, nothing cached", dict(runners=runners, start=f["start"], shared=False, batches=runners)),
        (f"{runners} hosted runners, {runners} jobs, segments cached", dict(runners=runners, start=f["start"], shared=True, batches=runners)),
        (f"{most} hosted runners, {most} jobs, segments cached", dict(runners=most, start=f["start"], shared=True, batches=most)),
    ]
    sizes = [1, 10, 100, 1_000, 10_000]
    for limit, words in ((f["limit"], f"{int(f['limit']):,} requests a minute"), (float("inf"), "any number of requests")):
        print(f"| targets; the registry takes {words} | " + " | ".join(f"{size:,}" for size in sizes) + " |")
        print("|---|" + "---|" * len(sizes))
        for name, way in ways:
            print(f"| {name} | " + " | ".join(time(simulate(size, {**f, "limit": limit}, **way)[0]) for size in sizes) + " |")
        print()
    print("| 10,000 targets, any number of requests | machine time | requests | packages that were made already |")
    print("|---|---|---|---|")
    for name, way in ways:
        _, busy, asked, hits = simulate(10_000, {**f, "limit": float("inf")}, **way)
        print(f"| {name} | {time(busy)} | {asked:,} | {hits:.1%} |")


main()

#!/usr/bin/env python3
"""Runs a project's .gitlab-ci.yml on this machine: its first jobs, the child pipeline that they write, and that one's jobs, each with
a checkout of its own and with the artifacts of the jobs that it needs. Whatever this does not know of GitLab's language, it refuses.

    gitlab.py PROJECT --program FILE --place FOLDER [--variable NAME=VALUE]… [--cache FOLDER]

Prints one JSON document: every job with its result, and where its log is.
"""

import argparse
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

import yaml

PIPELINE_KEYS = {"include", "stages"}
JOB_KEYS = {"extends", "stage", "image", "variables", "before_script", "script", "cache", "artifacts", "needs", "rules", "trigger"}


class Unknown(Exception):
    """Something that GitLab may know, and this does not."""


def merged(base, over):
    """As `extends` merges: mappings by key, everything else is replaced."""
    return {**base, **{key: merged(base[key], value) if isinstance(value, dict) and isinstance(base.get(key), dict) else value for key, value in over.items()}}


class Pipeline:
    def __init__(self, definition, checkout):
        for include in definition.get("include", []):
            if set(include) != {"local"}:
                raise Unknown(f"include {include}")
            definition = merged(yaml.safe_load((checkout / include["local"]).read_text()), definition)
        self.stages = definition["stages"]
        self.definitions = {name: job for name, job in definition.items() if name not in PIPELINE_KEYS}

    def job(self, name):
        job = self.definitions[name]
        unknown = set(job) - JOB_KEYS
        if unknown:
            raise Unknown(f"keys of job {name}: {unknown}")
        return merged(self.job(job["extends"]), job) if "extends" in job else job

    def jobs(self):
        """Names of jobs by stage; those with a dot in front are there to be extended only."""
        names = [name for name in self.definitions if not name.startswith(".")]
        return [(stage, [name for name in names if self.job(name).get("stage") == stage]) for stage in self.stages]


def wanted(job, variables, failed):
    """Whether a job runs, by its rules; without any, it does when nothing has failed."""
    if "rules" not in job:
        return not failed
    for rule in job["rules"]:
        condition = re.fullmatch(r'\$(\w+) == "([^"]*)"', rule["if"])
        if not condition or rule["when"] != "always":
            raise Unknown(f"rule {rule}")
        if variables.get(condition[1]) == condition[2]:
            return True
    return False


def run_job(name, job, options, variables, artifacts):
    place = options.place / re.sub(r"\W+", "-", name)
    checkout, home = place / "checkout", place / "home"
    home.mkdir(parents=True)
    log = place / "log"
    subprocess.run(["git", "clone", "--quiet", options.project, checkout], check=True)
    for folder in artifacts:
        shutil.copytree(folder, checkout, dirs_exist_ok=True)
    if options.cache and "cache" in job:
        for path in job["cache"]["paths"]:
            shutil.copytree(pathlib.Path(options.cache) / path.removeprefix(".catamaran/cache/"), checkout / path)
    environment = {
        "PATH": os.pathsep.join([str(pathlib.Path(options.program).parent), os.environ["PATH"]]), "HOME": str(home), "LANG": "C.UTF-8",
        "CI": "true", "CI_PROJECT_DIR": str(checkout), "CI_COMMIT_BRANCH": "main", **variables,
    }
    for key, value in job.get("variables", {}).items():
        environment.setdefault(key, re.sub(r"\$(\w+)", lambda m: environment.get(m[1], ""), value))
    lines = [*job.get("before_script", []), *job["script"]]
    with log.open("w") as output:
        # A line that fails ends a job.
        code = subprocess.run(["sh", "-e", "-c", "\n".join(lines)], cwd=checkout, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output).returncode
    kept = place / "artifacts"
    kept.mkdir()
    if code == 0 or job.get("artifacts", {}).get("when") == "always":
        for path in job.get("artifacts", {}).get("paths", []):
            source, target = checkout / path, kept / path
            target.parent.mkdir(parents=True, exist_ok=True)
            if source.is_dir():
                shutil.copytree(source, target)
            elif source.exists():
                shutil.copy(source, target)
    return code == 0, log, kept


def run(pipeline, options, variables, inherited, report):
    """Runs a pipeline's stages, one after the other; gives the artifacts of its jobs by name."""
    failed, kept = False, {}
    for _, names in pipeline.jobs():
        before, failed_before = dict(kept), failed
        for name in names:
            job = pipeline.job(name)
            if not wanted(job, variables, failed_before):
                report.append({"job": name, "result": "skipped"})
                continue
            if "trigger" in job:
                include, = job["trigger"]["include"]
                child = Pipeline(yaml.safe_load((before[include["job"]] / include["artifact"]).read_text()), pathlib.Path(options.project))
                given = {key: value for key, value in job["variables"].items()}
                run(child, options, {**variables, **given}, before, report)
                continue
            # Jobs have the artifacts of all stages before theirs, unless they say whose they need.
            needs = [inherited[need["job"]] for need in job["needs"]] if "needs" in job else before.values()
            done, log, kept[name] = run_job(name, job, options, variables, needs)
            failed = failed or not done
            report.append({"job": name, "result": "success" if done else "failure", "log": str(log)})
    return kept


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("project")
    parser.add_argument("--program", required=True)
    parser.add_argument("--place", type=lambda text: pathlib.Path(text).resolve(), required=True)
    parser.add_argument("--cache")
    parser.add_argument("--variable", type=lambda text: text.split("=", 1), action="append", default=[])
    options = parser.parse_args()
    report = []
    definition = yaml.safe_load((pathlib.Path(options.project) / ".gitlab-ci.yml").read_text())
    run(Pipeline(definition, pathlib.Path(options.project)), options, dict(options.variable), {}, report)
    json.dump({"jobs": report}, sys.stdout, indent=2)
    sys.exit(any(job["result"] == "failure" for job in report))


main()

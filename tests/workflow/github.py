#!/usr/bin/env python3
"""Runs the jobs of a GitHub Actions workflow on this machine: its own `run:` texts, with the conditions, matrices and environments
that the file says. Nothing is read into it: whatever this does not know, it refuses.

    github.py WORKFLOW PROJECT --place FOLDER [--program FILE] [--input NAME=VALUE]… [--env NAME=VALUE]… [--cache FOLDER] [--jobs N]

Each job is a process tree of its own with a home, a checkout and a cache of its own; only artifacts and outputs pass between jobs.
Prints one JSON document: every job with its result, and where its log is. Ends with 0 if every job that ran succeeded.

Steps that use an action are done as that action's documentation says, as far as these workflows need it: actions/checkout clones
PROJECT, upload-artifact and download-artifact pass files on, cache keeps them. `./`, the project's own action, is run step by step; with
--program nothing is installed: FILE is on the path then, with the packages and segments of --cache.
"""

import argparse
import concurrent.futures
import fnmatch
import glob
import hashlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import urllib.parse

import yaml

# The repository stays as it is.
sys.dont_write_bytecode = True
from expressions import Expression, Unknown, filled, text_of, truthy


JOB_KEYS = {"name", "needs", "if", "runs-on", "permissions", "strategy", "env", "steps", "outputs"}
STEP_KEYS = {"name", "id", "if", "env", "run", "uses", "with", "shell"}


class Job:
    """A job, or one of its matrix."""

    def __init__(self, workflow, name, definition, place, options, needs, matrix=None, index=0):
        unknown = set(definition) - JOB_KEYS
        if unknown:
            raise Unknown(f"keys of a job: {unknown}")
        self.definition, self.options, self.name = definition, options, f"{name}-{index}" if matrix else name
        self.place = place / self.name
        self.workspace, self.temp, self.home = (self.place / part for part in ("workspace", "temp", "home"))
        for folder in (self.temp, self.home):
            folder.mkdir(parents=True)
        self.log = self.place / "log"
        self.failed = False
        self.path, self.saves = [], []
        self.contexts = {
            "inputs": options.inputs, "needs": needs, "matrix": matrix or {}, "steps": {}, "vars": options.variables,
            "github": {"ref": "refs/heads/main", "ref_name": "main", "token": options.token, "actor": options.actor, "repository": "acme/tools"},
            "runner": {"temp": str(self.temp), "os": "Linux", "arch": "X64"}, "strategy": {"job-index": index},
        }
        self.functions = {
            "success": lambda: not self.failed, "failure": lambda: self.failed, "always": lambda: True, "cancelled": lambda: False,
            "fromJSON": json.loads, "hashFiles": self.hash_files,
        }
        self.env = {**filled(workflow.get("env", {}), self.contexts, self.functions), **filled(definition.get("env", {}), self.contexts, self.functions)}

    def hash_files(self, *patterns):
        files = sorted({file for pattern in patterns for file in glob.glob(str(self.workspace / pattern), recursive=True)})
        return hashlib.sha256(b"".join(pathlib.Path(file).read_bytes() for file in files)).hexdigest() if files else ""

    def run(self):
        with self.log.open("w") as log:
            for step in self.definition["steps"]:
                self.failed = not self.step(step, log) or self.failed
            for save in () if self.failed else self.saves:
                save()
        outputs = filled(self.definition.get("outputs", {}), self.contexts, self.functions)
        return {"result": "failure" if self.failed else "success", "outputs": outputs}

    def step(self, step, log):
        """Does a step if its condition says so; whether it went well."""
        unknown = set(step) - STEP_KEYS
        if unknown:
            raise Unknown(f"keys of a step: {unknown}")
        words = re.sub(r"\$\{\{|\}\}", "", str(step.get("if", "")))
        wanted = truthy(Expression(words, self.contexts, self.functions).value) if words.strip() else True
        if not re.search(r"\b(success|failure|always|cancelled)\(", words):
            wanted = wanted and not self.failed
        if not wanted:
            return True
        print(f"### {step.get('name') or step.get('uses')}", file=log, flush=True)
        if "run" in step:
            return self.script(step, log)
        given = filled(step.get("with", {}), self.contexts, self.functions)
        if step["uses"] == "./" and not self.options.program:
            return self.composite(yaml.safe_load((self.workspace / "action.yml").read_text()), given, log)
        return self.action(step, given, log)

    def composite(self, action, given, log):
        """The project's own action, step by step. It has inputs and steps of its own."""
        unknown = set(given) - set(action["inputs"])
        if unknown or action["runs"]["using"] != "composite":
            raise Unknown(f"inputs {unknown} of an action that uses {action['runs']['using']}")
        outside = self.contexts
        inputs = {name: given.get(name, about.get("default", "")) for name, about in action["inputs"].items()}
        github = {**outside["github"], "action_path": str(self.workspace)}
        self.contexts = {**outside, "inputs": inputs, "steps": {}, "github": github}
        went_well = all(self.step(step, log) for step in action["runs"]["steps"])
        self.contexts = outside
        return went_well

    def script(self, step, log):
        output, path = self.temp / "output", self.temp / "path"
        output.write_text(""), path.write_text("")
        environment = {
            "PATH": os.pathsep.join([*self.path, os.environ["PATH"]]), "HOME": str(self.home), "LANG": "C.UTF-8", "CI": "true",
            "GITHUB_ACTIONS": "true", "GITHUB_REF_NAME": "main", "GITHUB_ACTOR": self.options.actor, "RUNNER_TEMP": str(self.temp),
            "GITHUB_OUTPUT": str(output), "GITHUB_PATH": str(path), "GITHUB_SERVER_URL": "http://nowhere.invalid", "GITHUB_STEP_SUMMARY": str(self.place / "summary.md"), **self.options.env,
        }
        for name, value in {**self.env, **filled(step.get("env", {}), self.contexts, self.functions)}.items():
            environment[name] = text_of(value)
        text = self.temp / "step.sh"
        text.write_text(filled(step["run"], self.contexts, self.functions))
        shell = {None: ["bash", "-e"], "bash": ["bash", "--noprofile", "--norc", "-eo", "pipefail"]}.get(step.get("shell"))
        if not shell:
            raise Unknown(f"shell {step['shell']}")
        code = subprocess.run([*shell, text], cwd=self.workspace, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log).returncode
        if "id" in step:
            lines = output.read_text().splitlines()
            self.contexts["steps"][step["id"]] = {"outputs": dict(line.split("=", 1) for line in lines)}
        self.path[:0] = path.read_text().splitlines()
        return code == 0

    def cache(self, step, given):
        """Fetches what an earlier job has kept under the key, or under one that begins alike; keeps it at the end of this job."""
        caches = self.place.parent / "caches"
        folders = [pathlib.Path(line.replace("~", str(self.home))) for line in given["path"].split()]
        kept = caches / urllib.parse.quote(given["key"], safe="")
        begun = [urllib.parse.quote(key, safe="") for key in given.get("restore-keys", "").split()]
        alike = [cache for key in begun for cache in sorted(caches.glob(f"{key}*"))] if caches.exists() else []
        found = kept if kept.exists() else next(iter(alike), None)
        for at, folder in enumerate(folders) if found else ():
            if (found / str(at)).exists():
                shutil.copytree(found / str(at), folder, dirs_exist_ok=True)
        if found != kept:
            self.saves += [lambda at=at, folder=folder: folder.exists() and shutil.copytree(folder, kept / str(at)) for at, folder in enumerate(folders)]
        if "id" in step:
            self.contexts["steps"][step["id"]] = {"outputs": {"cache-hit": "true" if found == kept else "false"}}
        return True

    def action(self, step, given, log):
        name = step["uses"].split("@")[0]
        artifacts = self.place.parent / "artifacts"
        if name == "actions/checkout":
            return subprocess.run(["git", "clone", "--quiet", self.options.project, self.workspace], stdout=log, stderr=log).returncode == 0
        if name == "./":
            self.path.append(str(pathlib.Path(self.options.program).parent))
            for part in ("packages", "segments") if self.options.cache else ():
                shutil.copytree(pathlib.Path(self.options.cache) / "debian" / part, self.home / ".cache/catamaran/debian" / part)
            return True
        if name == "actions/upload-artifact":
            path = self.workspace / given["path"].replace("~", str(self.home))
            if path.exists():
                target = artifacts / given["name"]
                target.mkdir(parents=True, exist_ok=given["overwrite"])
                # A folder's content is the artifact's; a single file is at its top.
                shutil.copytree(path, target, dirs_exist_ok=True) if path.is_dir() else shutil.copy(path, target)
            elif given["if-no-files-found"] != "ignore":
                return False
            return True
        if name == "actions/download-artifact" and given["merge-multiple"]:
            into = self.workspace / given.get("path", ".")
            for artifact in sorted(artifacts.glob("*")) if artifacts.exists() else []:
                if fnmatch.fnmatch(artifact.name, given["pattern"]):
                    shutil.copytree(artifact, into, dirs_exist_ok=True)
            return True
        if name == "actions/cache":
            return self.cache(step, given)
        raise Unknown(f"action {step['uses']}")


def run(workflow, options):
    done, report = {}, []
    for name, definition in workflow["jobs"].items():
        needs = definition.get("needs", [])
        needs = {need: done[need] for need in ([needs] if isinstance(needs, str) else needs)}
        succeeded = all(need["result"] == "success" for need in needs.values())
        contexts = {"inputs": options.inputs, "needs": needs, "vars": options.variables}
        functions = {"success": lambda: succeeded, "cancelled": lambda: False, "always": lambda: True, "fromJSON": json.loads}
        condition = re.sub(r"\$\{\{|\}\}", "", str(definition.get("if", "true")))
        wanted = truthy(Expression(condition, contexts, functions).value)
        if not re.search(r"\b(success|failure|always|cancelled)\(", condition):
            wanted = wanted and succeeded
        if not wanted:
            done[name] = {"result": "skipped", "outputs": {}}
            report.append({"job": name, "result": "skipped"})
            continue
        strategy = definition.get("strategy")
        if strategy and strategy.get("fail-fast") is not False:
            raise Unknown("a matrix that stops at its first failure")
        matrix = filled(strategy["matrix"], contexts, functions)["include"] if strategy else [None]
        if not 0 < len(matrix) <= 256:
            raise Unknown(f"GitHub refuses a matrix of {len(matrix)} jobs")
        jobs = [Job(workflow, name, definition, options.place, options, needs, member, at) for at, member in enumerate(matrix)]
        with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
            ends = list(pool.map(Job.run, jobs))
        for job, member, end in zip(jobs, matrix, ends):
            report.append({"job": name, "matrix": member, "result": end["result"], "log": str(job.log)})
        result = "success" if all(end["result"] == "success" for end in ends) else "failure"
        done[name] = {"result": result, "outputs": ends[-1]["outputs"]}
    return report


def inputs_of(workflow, given):
    """The inputs of a `workflow_dispatch`, as their types want them (YAML reads the key `on` as true)."""
    declared = workflow[True]["workflow_dispatch"]["inputs"]
    unknown = set(given) - set(declared)
    if unknown:
        raise Unknown(f"inputs {unknown}")
    values = {name: given.get(name, about["default"]) for name, about in declared.items()}
    return {name: value in (True, "true") if declared[name]["type"] == "boolean" else value for name, value in values.items()}


def main():
    pair = lambda text: text.split("=", 1)
    parser = argparse.ArgumentParser()
    parser.add_argument("workflow", type=pathlib.Path)
    parser.add_argument("project")
    parser.add_argument("--program")
    parser.add_argument("--place", type=lambda text: pathlib.Path(text).resolve(), required=True)
    parser.add_argument("--cache")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--actor", default="somebody")
    parser.add_argument("--token", default="")
    for several in ("--input", "--env", "--variable"):
        parser.add_argument(several, type=pair, action="append", default=[])
    options = parser.parse_args()
    options.env, options.variables = dict(options.env), dict(options.variable)
    workflow = yaml.safe_load(options.workflow.read_text())
    options.inputs = inputs_of(workflow, dict(options.input))
    report = run(workflow, options)
    json.dump({"jobs": report}, sys.stdout, indent=2)
    sys.exit(any(job["result"] == "failure" for job in report))


main()

# SPDX-License-Identifier: Apache-2.0
"""What the pages tell people to paste is well formed, and does what the page says."""

import os
import pathlib
import re
import shutil

from box import command

TOP = pathlib.Path(__file__).resolve().parents[2]
DIGEST = "[0-9a-f]{64}"


def fences(path, *kinds):
    """The code blocks of these kinds, as (line, text)."""
    text = path.read_text()
    for block in re.finditer(r"(?ms)^```(\w+)\n(.*?)^```$", text):
        if block[1] in kinds:
            yield text.count("\n", 0, block.start()) + 1, block[2]


def github_faults(flow):
    if set(flow) - {"name", True, "jobs"} or True not in flow:  # `on` is a boolean in YAML 1.1
        yield f"keys {set(flow)}"
    for job in flow["jobs"].values():
        known = set()
        if "runs-on" not in job:
            yield "a job without runs-on"
        for step in job["steps"]:
            if ("run" in step) == ("uses" in step):
                yield f"not one of run and uses: {step}"
            if "uses" in step and not re.fullmatch(r"[\w-]+/[\w-]+@v\d+", step["uses"]):
                yield f"uses {step['uses']}"
            yield from (f"no step {name} before" for name in re.findall(r"steps\.(\w+)\.", str(step)) if name not in known)
            known.add(step.get("id"))


def gitlab_faults(flow):
    for name, job in flow.items():
        if not all(isinstance(line, str) for line in job["script"]):
            yield f"{name}: a line of its script is no string: {job['script']}"
        said = str([flow[other]["script"] for other in job.get("needs", [])])
        for variable in re.findall(r"\$(\w+)", str(job.get("cache", {}).get("key"))):
            if f"{variable}=" not in said:
                yield f"{name}: nothing it needs sets {variable}"


def yaml_pages(tap, box):
    try:
        import yaml
    except ImportError:
        tap.skip("python3-yaml is missing", "the YAML of the pages parses")
        return
    scripts = []
    for path in sorted((TOP / "docs").glob("*.md")):
        for line, text in fences(path, "yaml", "yml"):
            try:
                flow = yaml.safe_load(text)
                faults = list((github_faults if "jobs" in flow else gitlab_faults)(flow))
            except (yaml.YAMLError, AttributeError, KeyError, TypeError) as why:
                flow, faults = None, [repr(why)]
            tap.check("\n".join(faults), f"{path.name}:{line}: the YAML is a pipeline")
            if flow and "jobs" in flow:
                scripts += [step["run"] for job in flow["jobs"].values() for step in job["steps"] if "run" in step]
            elif flow:
                scripts += [str(text) for job in flow.values() for text in job["script"]]
    digests = [script for script in scripts if "ctx-recipe digest" in script]
    tap.check(None if len(digests) >= 3 else str(scripts), "there are steps for GitHub and GitLab that take the digest")
    for script in digests:
        where = shutil.copytree(TOP / "examples/recipe-cargo", box.empty("ci"), dirs_exist_ok=True)
        status, text = run(box, script, where, GITHUB_OUTPUT=str(where / "recipe.env"))
        have = (where / "recipe.env").read_text() if status == 0 else text
        tap.check(None if re.fullmatch(rf"\w+=(sha256:)?{DIGEST}\n", have) else have, f"it gives a key: {script}")
    for script in scripts:
        tap.check(syntax(box, script), f"a shell reads: {script.splitlines()[0]}")


def run(box, script, where, **env):
    """Runs a step as a CI runner does, with our programs in PATH."""
    path = f"{os.path.dirname(box.program)}:{os.environ['PATH']}"
    return command("sh", "-ec", script, cwd=where, env={"PATH": path, **env})


def syntax(box, script):
    status, text = command("sh", "-n", "-c", script, cwd=box.top)
    return text or (f"status {status}" if status else None)


def shell_pages(tap, box):
    for path in sorted((TOP / "docs").glob("*.md")):
        for line, text in fences(path, "sh"):
            tap.check(syntax(box, text), f"{path.name}:{line}: a shell reads it")
    where = shutil.copytree(TOP / "examples/recipe-cargo", box.empty("ci"), dirs_exist_ok=True)
    directory = next((text for _, text in fences(TOP / "docs/ci.md", "sh") if "CARGO_TARGET_DIR" in text), "")
    # After the key comes a build by cargo, and nothing is fetched here.
    status, text = run(box, "cargo() { echo $CARGO_TARGET_DIR; }\n" + directory, where, XDG_CACHE_HOME=str(box.path("cache")))
    tap.check(None if status == 0 and re.fullmatch(rf".*/cache/deps/{DIGEST}\n", text) and os.path.isdir(text.strip()) else
              f"status {status}: {text}", "the shell's cache is a directory that is named by the digest")


def examples(tap, box):
    found = sorted((TOP / "examples").glob("recipe-*"))
    tap.check(None if len(found) == 5 else str(found), "there are five examples with a recipe in the stream")
    for example in found:
        units = box.prepare(example)["ctx_recipe"]["units"]
        made = {f".ctx/{unit['eco']}/{'root' if unit['dir'] == '.' else unit['dir'].replace('/', '-')}/" for unit in units}
        lines = (example / "Dockerfile").read_text().splitlines()
        copied = {word for line in lines if line.startswith("COPY ") for word in line.split() if word.startswith(".ctx/")}
        tap.check(None if copied == made else f"{copied} copied, {made} made", f"{example.name} copies the skeleton that there is")
        code = [line for line in lines if line and line[0] != "#"]
        at = next((i for i, line in enumerate(code) if ".ctx/" in line), 0)
        wanted = [r"COPY \.ctx/\S+ \./", r"RUN ", r"COPY \. \.", r"RUN "]
        tap.check(None if all(map(re.match, wanted, code[at:at + 4])) else str(code), f"{example.name} installs before the sources come")


def cases(tap, box):
    yaml_pages(tap, box)
    shell_pages(tap, box)
    examples(tap, box)

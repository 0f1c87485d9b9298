# SPDX-License-Identifier: Apache-2.0
"""Members and targets of a workspace, as `cargo metadata --no-deps` and as ctx-recipe find them."""

import json
import os
import subprocess
import tomllib

KINDS = {"rlib": "lib", "cdylib": "lib", "staticlib": "lib", "dylib": "lib"}


def of_cargo(root):
    """{manifest: [(kind, name, path)]}, or None if cargo refuses the workspace."""
    r = subprocess.run(["cargo", "metadata", "--no-deps", "--offline", "--format-version=1"],
                       cwd=root, capture_output=True, text=True)
    if r.returncode:
        return None
    top = os.path.realpath(root)
    found = {}
    for package in json.loads(r.stdout)["packages"]:
        directory = os.path.dirname(package["manifest_path"])
        targets = [(KINDS.get(t["kind"][0], t["kind"][0]), t["name"], os.path.relpath(t["src_path"], directory))
                   for t in package["targets"]]
        found[os.path.relpath(package["manifest_path"], top)] = sorted(targets)
    return found


def of_recipe(program, root):
    """The same from the cargo-chef part of a recipe: every manifest with a [package], member or not."""
    r = subprocess.run([program, "prepare", "--chef-exact", "--no-ignore", "--quiet", "--eco=cargo", "--dir=.", root],
                       capture_output=True, text=True)
    if r.returncode:
        raise RuntimeError(r.stderr)
    found = {}
    for manifest in json.loads(r.stdout)["skeleton"]["manifests"]:
        targets = []
        for t in manifest["targets"]:
            kind = t["kind"]
            if isinstance(kind, dict):
                kind = "proc-macro" if kind["Lib"]["is_proc_macro"] else "lib"
            kind = {"BuildScript": "custom-build"}.get(kind, kind.lower() if kind[0].isupper() else kind)
            targets.append((kind, t["name"], t["path"]))
        found[manifest["relative_path"]] = sorted(targets)
    return found


def members_of_recipe(program, root):
    """The manifests of the members that the masked root names, and its own. None without a workspace."""
    r = subprocess.run([program, "prepare", "--no-ignore", "--quiet", "--eco=cargo", "--dir=.", root],
                       capture_output=True, text=True)
    toml = tomllib.loads(json.loads(r.stdout)["skeleton"]["manifests"][0]["contents"])
    if "workspace" not in toml:
        return None
    own = ["Cargo.toml"] if "package" in toml else []
    return sorted(own + [os.path.normpath(f"{m}/Cargo.toml") for m in toml["workspace"]["members"]])


def differences(program, root):
    """The differences, as texts. Manifests that only ctx-recipe has are none: path dependencies that are no members."""
    cargo = of_cargo(root)
    if cargo is None:
        return None
    ours = of_recipe(program, root)
    faults = [f"{m}: not found" for m in cargo if m not in ours]
    faults += [f"{m}: {sorted(set(cargo[m]) ^ set(ours[m]))}" for m in cargo if m in ours and cargo[m] != ours[m]]
    members = members_of_recipe(program, root)
    if members is not None and members != sorted(cargo):
        faults.append(f"members {members} instead of {sorted(cargo)}")
    return faults

# SPDX-License-Identifier: Apache-2.0
"""What buildx does for a directory alone: ctx-send says so.

Which names buildx looks for, and what `--policy` takes, was tried with buildx 0.38: tests/live/checks has
the cases that build.
"""

import os

DOCKERFILE = "FROM scratch\nCOPY a /\n"
POLICY = "package docker\ndefault allow := false\n"
GIVE = r'give it --policy "filename=cwd://{}"\n$'

# The files beside `a`, what ctx-send gets, and the policy that the warning names; "": there is none.
POLICIES = [
    (["Dockerfile", "Dockerfile.rego"], ["."], "Dockerfile.rego"),
    (["dockerfile", "dockerfile.rego"], ["."], "dockerfile.rego"),
    (["dockerfile", "Dockerfile.rego"], ["."], ""),
    (["Dockerfile", "dockerfile", "dockerfile.rego"], ["."], ""),
    (["Dockerfile", "my.rego", "a.rego"], ["."], ""),
    (["s/my.df", "s/my.df.rego", "Dockerfile.rego"], ["-f", "s/my.df", "."], "s/my.df.rego"),
    (["s/Dockerfile", "s/Dockerfile.rego"], ["-f", "s/Dockerfile", "."], "s/Dockerfile.rego"),
    (["s/Dockerfile", "s/Dockerfile.rego"], ["s"], "s/Dockerfile.rego"),
    (["s/Dockerfile", "s/Dockerfile.rego"], ["s/"], "s/Dockerfile.rego"),
    (["s/Dockerfile", "Dockerfile.rego"], ["s"], ""),
    (["Dockerfile", "Dockerfile.rego"], ["-f", "-", "."], ""),
    (["Dockerfile", "Dockerfile.rego"], ["--builder=classic", "."], ""),
]


def policy_cases(tap, box):
    for names, words, policy in POLICIES:
        where = "s/" if words == ["s"] or words == ["s/"] else ""
        box.tree({f"{where}a": "1", **{name: POLICY if name.endswith(".rego") else DOCKERFILE for name in names}})
        run = box.send(*words, stdin=DOCKERFILE.encode())
        want = GIVE.format(policy.replace(".", r"\.")) if policy else ""
        tap.check(run.success(["a"], err=want), f"{' '.join(names)}, {' '.join(words)}: the policy is {policy or 'none'}")

    box.tree({"Dockerfile": DOCKERFILE, "Dockerfile.rego": POLICY, "a": "1", "sub": None})
    for words, cwd in (([str(box.root)], box.root), ([".."], box.root / "sub"), (["-f", "../Dockerfile", ".."], box.root / "sub")):
        run = box.send(*words, cwd=cwd)
        tap.check(run.success(["a"], err=r"in a directory above the file, with --policy filename=cwd://FILE\n$"),
                  f"{words[0]}: a policy that cwd:// can't name")
    tap.check(box.send("--quiet", ".").success(["a"]), "--quiet says nothing")
    os.unlink(box.root / "Dockerfile.rego")
    os.symlink("nowhere", box.root / "Dockerfile.rego")
    tap.check(box.send().success(["a"]), "a link that leads nowhere is no policy")
    (box.top / "policy").write_text(POLICY)
    os.unlink(box.root / "Dockerfile.rego")
    os.symlink("../policy", box.root / "Dockerfile.rego")
    tap.check(box.send().success(["a"], err=r'^ctx-send: warning: "Dockerfile\.rego": docker build PATH enforces this policy, '
                                            r"but docker build - does not; "), "a link out of the context is a policy")


def label_cases(tap, box):
    box.tree({"Dockerfile": DOCKERFILE, "a": "1"})
    for value in ("1", "t", "true", "True", "TRUE", "full"):
        tap.check(box.send(env={"BUILDX_GIT_LABELS": value}).success(["a"], err=r"BUILDX_GIT_LABELS: .* give it --label "),
                  f"BUILDX_GIT_LABELS={value}: labels are told")
    for value in ("", "0", "false", "yes"):
        tap.check(box.send(env={"BUILDX_GIT_LABELS": value}).success(["a"]), f"BUILDX_GIT_LABELS={value!r} is off")


def cases(tap, box):
    policy_cases(tap, box)
    label_cases(tap, box)

# SPDX-License-Identifier: Apache-2.0
"""The players of tests/replay: each carries out a made-up Dockerfile as one of the builders would, and
tells which paths of the context it read. They were written from the sources of the builders and from
measurements, not from our code.
"""

import os


class Fails(Exception):
    """The builder refuses the file, so there is no build to compare."""


def lookup(root, path):
    """The kind ('dir', 'file', 'link' or None) and the text of a link. No parent of path may be a link."""
    full = os.path.join(root, path)
    if os.path.islink(full):
        return "link", os.readlink(full)
    if os.path.isdir(full):
        return "dir", None
    return ("file", None) if os.path.exists(full) else (None, None)


def clean(path):
    out = []
    for part in path.split("/"):
        if part == "..":
            out = out[:-1]
        elif part not in ("", "."):
            out.append(part)
    return out


def resolve(root, path, lexical, needs):
    """The path that `path` leads to with its links followed inside the root, or None. Adds the links to
    needs. lexical: a `..` in a link's text removes the name before it, as in BuildKit."""
    here, todo, links = [], [p for p in path.split("/") if p not in ("", ".")], 0
    while todo:
        part = todo.pop(0)
        if part == "..":
            here = here[:-1]
            continue
        kind, text = lookup(root, "/".join(here + [part]))
        if kind is None:
            return None
        if kind != "link":
            here.append(part)
            continue
        needs.add("/".join(here + [part]))
        links += 1
        if links > 40:
            return None
        if lexical:
            base = [] if text.startswith("/") else here
            todo = clean("/".join(base + [text])) + todo
            here = []
        else:
            todo = [p for p in text.split("/") if p not in ("", ".")] + todo
            here = [] if text.startswith("/") else here
    return "/".join(here)


def below(root, path):
    full = os.path.join(root, path)
    if path:
        yield path
    if os.path.isdir(full) and not os.path.islink(full):
        for name in sorted(os.listdir(full)):
            yield from below(root, f"{path}/{name}" if path else name)


# ---- filepath.Match -------------------------------------------------------------------------


def match(pattern, name):
    """Go's filepath.Match, on whole paths. A malformed pattern matches nothing."""
    if not pattern:
        return not name
    c, rest = pattern[0], pattern[1:]
    if c == "*":
        return match(rest, name) or bool(name) and name[0] != "/" and match(pattern, name[1:])
    if not name:
        return False
    if c == "?":
        return name[0] != "/" and match(rest, name[1:])
    if c == "[":
        negated = rest.startswith("^")
        rest, hit, n = rest[negated:], False, 0
        while True:
            if rest.startswith("]") and n:
                break
            if not rest or rest[0] in "-]":
                return False
            low, rest = rest[0], rest[1:]
            high = low
            if rest.startswith("-"):
                if len(rest) < 2 or rest[1] in "-]":
                    return False
                high, rest = rest[1], rest[2:]
            hit, n = hit or low <= name[0] <= high, n + 1
        return hit != negated and match(rest[1:], name[1:])
    return c == name[0] and match(rest, name[1:])


def wild(text):
    return any(c in "*?[" for c in text)


# ---- Dockerfiles ----------------------------------------------------------------------------
# A word is a list of parts. A part is a text, or a substitution (form, name, word).


def show_word(parts):
    out = ""
    for part in parts:
        if isinstance(part, str):
            out += part
        else:
            form, name, word = part
            out += "${" + name + (form + word if form else "") + "}"
    return out


def expand(parts, get):
    out = ""
    for part in parts:
        if isinstance(part, str):
            out += part
            continue
        form, name, word = part
        value = get(name)
        if form == "":
            out += value or ""
        elif form == "-":
            out += word if value is None else value
        elif form == ":-":
            out += value or word
        elif value:
            out += word
    return out


# ---- players --------------------------------------------------------------------------------


class Player:
    """Plays one build by the rules of one builder, and collects the paths that it reads in needs.

    builder: "new" or "old" BuildKit, or "classic"; args: the --build-arg values;
    images: name -> (env, onbuild); starved: the stream was selected for BuildKit alone."""

    def __init__(self, builder, root, args, images, arch, starved):
        self.builder, self.root, self.args, self.images = builder, root, args, images
        self.arch, self.needs, self.starved = arch, set(), starved

    def globals(self, head):
        out = {} if self.builder == "classic" else {"TARGETARCH": self.arch}
        for _, pairs in head:
            before = dict(out)
            for name, word in pairs:
                if name in self.args:
                    out[name] = self.args[name]
                elif word is not None:
                    out[name] = expand(word, (out if self.builder == "new" else before).get)
                elif self.builder != "new":
                    out.pop(name, None)
        return out

    def run(self, head, stages, target):
        env = self.globals(head)
        index = {name: i for i, (_, name, _) in enumerate(stages) if name}
        if target and target not in index:
            raise Fails
        last = index[target] if target else len(stages) - 1
        bases = []
        for i, (base, _, _) in enumerate(stages):
            name = expand(base, env.get)
            if not name:
                raise Fails
            bases.append(index[name] if index.get(name, i) < i else name)
        wanted = range(last + 1) if self.builder == "classic" else sorted(self.reach(stages, bases, index, last))
        ends = {}
        for i in wanted:
            ends[i] = self.stage(i, bases[i], stages, env, ends)
        return self.needs

    def reach(self, stages, bases, index, last):
        seen, todo = set(), [last]
        while todo:
            i = todo.pop()
            if i in seen:
                continue
            seen.add(i)
            if isinstance(bases[i], int):
                todo.append(bases[i])
            for kind, what in stages[i][2]:
                if kind == "FROMCOPY":
                    todo.append(int(what) if what.isdigit() else index[what])
        return seen

    def stage(self, i, base, stages, outer, ends):
        triggers = []
        if isinstance(base, int):
            env, args = dict(ends[base][0]), dict(ends[base][1])
            triggers = [what for kind, what in stages[base][2] if kind == "ONBUILD"]
        else:
            if base != "scratch" and base not in self.images:
                raise Fails
            image_env, triggers = ({}, []) if base == "scratch" else self.images[base]
            env, args = dict(image_env), {}
        if self.builder == "classic":
            args = {}
        state = (env, args)
        for ins in list(triggers) + stages[i][2]:
            self.instruction(ins, state, outer)
        return state

    def get(self, state):
        env, args = state
        if self.builder == "classic":
            return lambda name: env.get(name, args.get(name))
        return env.get

    def instruction(self, ins, state, outer):
        kind, what = ins
        env, args = state
        if kind == "ENV":
            get = self.get(state)
            values = [(n, expand(w, get)) for n, w in what]
            env.update(values)
        elif kind == "ARG":
            self.arg(what, state, outer)
        elif kind == "COPY":
            for word in what:
                self.copy(expand(word, self.get(state)))
        elif kind == "MOUNT":
            if self.builder == "classic":
                raise Fails
            self.literal(show_word(what) if self.builder == "old" else expand(what, self.get(state)))

    def arg(self, pairs, state, outer):
        env, args = state
        into = args if self.builder == "classic" else env
        before = (dict(env), dict(args))
        for name, word in pairs:
            if name in self.args:
                into[name] = self.args[name]
            elif word is not None:
                into[name] = expand(word, self.get(state if self.builder == "new" else before))
            elif name in outer:
                into[name] = outer[name]
            elif self.builder == "classic":
                into.pop(name, None)

    def take(self, path, must):
        lexical, needs = self.builder != "classic", set()
        at = resolve(self.root, path, lexical, needs)
        if at is None:
            if must:
                raise Fails
            return
        self.needs |= needs
        self.needs |= set(below(self.root, at)) | {at}

    def literal(self, source):
        self.take("/".join(clean(source)), True)

    def copy(self, source):
        path = "/".join(clean(source))
        if not wild(path):
            return self.literal(source)
        if self.builder == "classic":
            if clean(source) != [p for p in source.split("/") if p not in ("", ".")]:
                raise Fails
            base, rest = "", path
        else:
            parts = path.split("/")
            k = next(i for i, p in enumerate(parts) if wild(p))
            needs = set()
            base = resolve(self.root, "/".join(parts[:k]), True, needs)
            if base is None:
                raise Fails
            self.needs |= needs
            rest = "/".join(parts[k:])
        found = False
        for name in list(below(self.root, base)):
            rel = name[len(base):].lstrip("/")
            if rel and match(rest, rel):
                found = True
                self.needs.add(name)
                kind, _ = lookup(self.root, name)
                # BuildKit's own client doesn't send the targets of links below the first wildcard.
                if not (self.starved and kind == "link" and "/" in rel):
                    self.take(name, self.builder == "classic")
        if not found and self.builder == "classic":
            raise Fails

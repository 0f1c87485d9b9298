/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dockerfile: finds out which paths of the context a build reads, and which instruction reads
 * each; and rewrites a Dockerfile so that it is not part of the context.
 *
 * The answer is never less than what the build reads. If something can't be decided, the answer
 * is widened, and a note says why. Only reads_resolve() touches the file system: it follows
 * symbolic links below the root.
 *
 *     r = dockerfile_parse(name, text, &df, f);             dockerfile-parse.c
 *     r = dockerfile_reads(df, &request, notes, &reads, f); reads.c
 *     r = reads_resolve(reads, root_fd, f);                 follow.c
 *     … select_root(), select_check() down the walk         select.c
 *     r = dockerfile_rewrite(df, …);                        rewrite.c
 *     reads_free(reads);
 *     dockerfile_free(df);
 */
#ifndef CTXD_DOCKERFILE_H
#define CTXD_DOCKERFILE_H

#include "base.h"

/* Bytes. A larger Dockerfile is refused with -E2BIG. */
#define DOCKERFILE_MAX (16u << 20)
/* Bytes. A longer line is refused with -EINVAL, as BuildKit does (bufio.MaxScanTokenSize). */
#define DOCKERFILE_LINE_MAX 65535u
/* More instructions, or words in the whole file, are refused with -E2BIG: a few bytes of text
 * cost a few hundred bytes of memory. People need far fewer; a daemon takes an image of 127
 * layers at most. */
#define DOCKERFILE_INSTRUCTIONS_MAX 100000u
#define DOCKERFILE_WORDS_MAX (1u << 20)
/* More is refused with -E2BIG. Each maximum is far past what people write, so that a hostile
 * file ends in a clear error and takes neither all of the memory nor a minute of time. */
enum {
    /* Reads of all instructions, with the links that are followed. */
    READS_MAX = 100000,
    /* Path components of all patterns; a prefix that patterns share counts once. */
    READS_COMPONENTS_MAX = 262144,
    /* Sources with a pivot. */
    PIVOTS_MAX = 1000,
    /* Stages that one stage is built on. An image has 127 layers at most. */
    STAGE_DEPTH_MAX = 100,
    /* Words of ONBUILD triggers, counted once for each stage that they run in. */
    WORDS_RUN_MAX = 2000000,
};

/* ---- text -> instructions ---------------------------------------------------------- */

enum df_keyword {
    DF_FROM,
    DF_RUN,
    DF_COPY,
    DF_ADD,
    DF_ARG,
    DF_ENV,
    DF_ONBUILD,
    DF_OTHER, /* an instruction that reads nothing: CMD, LABEL, WORKDIR … */
};

struct df_flag {
    struct bytes name;  /* "from" of --from=x */
    struct bytes value; /* unexpanded; quotes and escapes are resolved as the builder's flag
                           reader does */
    bool has_value;
    /* Offsets in the text: */
    size_t at;        /* of the flag's first byte */
    size_t value_at;  /* of the byte after its `=`. No value: the same as value_end */
    size_t value_end; /* of the byte after the flag. Bytes that are inserted there continue the
                         value, even if it is quoted or spread over lines */
};

struct df_heredoc {
    struct bytes name; /* quotes and escapes removed */
    struct bytes body; /* the lines before the terminator, byte for byte */
    bool expand; /* no part of the name was quoted, so variables in the body are expanded */
    bool chomp;  /* `<<-`: the builder drops leading tabs from the lines of the body */
};

struct df_instruction {
    enum df_keyword keyword;
    struct bytes word;  /* the keyword as written */
    uint32_t line;      /* 1-based number of the first line */
    uint32_t last_line; /* of the last line, with the heredoc bodies */
    /* Offsets in the text: */
    size_t at;       /* of the keyword's first byte */
    size_t word_end; /* of the byte after the keyword */
    size_t end;      /* of the byte after the last line's newline, with the heredoc bodies */
    /* The logical line: continuations are joined, comments dropped. */
    struct bytes args; /* what follows the keyword */
    struct bytes rest; /* what follows the flags in args */
    struct df_flag *flags;
    size_t n_flags;
    bool json;           /* RUN, COPY, ADD: args are a JSON array. Its words are expanded like
                            others, so quotes and escapes in them count */
    struct bytes *words; /* unexpanded. COPY, ADD: sources and destination. FROM: the base; or
                            base, `AS`, name. ARG: `name` or `name=value` each. ENV: name and
                            value by turns. Other instructions have none */
    size_t n_words;
    struct df_heredoc *heredocs; /* in the order of their `<<` words */
    size_t n_heredocs;
    struct df_instruction *trigger; /* ONBUILD: the instruction that it carries. Its offsets are
                                       in the text. Its arguments are not checked, because it
                                       may never run */
    uint32_t stage;                 /* index of its stage; DF_GLOBAL before the first FROM */
};

#define DF_GLOBAL UINT32_MAX

struct df_stage {
    struct bytes name; /* lower case; empty: the stage has no name */
    struct bytes base; /* as written, unexpanded */
    uint32_t from;     /* index of its FROM in instructions */
    uint32_t end;      /* index of its last instruction, plus one */
};

struct dockerfile {
    struct arena arena;  /* holds all that follows */
    struct bytes name;   /* of the file, for messages */
    struct bytes text;   /* a copy of what was parsed, byte for byte */
    struct bytes syntax; /* the value of `# syntax=`; empty: there is none */
    bool foreign;        /* the syntax is not Docker's own: nothing that follows is filled */
    uint8_t escape;      /* '\\' or '`' */
    bool no_heredocs;    /* read as an engine without heredocs reads it … */
    struct bytes why;    /* … because an engine with heredocs refuses it: its message */
    /* The same text as an engine without heredocs reads it. NULL: it has no heredocs, or such
     * an engine refuses it. Owned */
    struct dockerfile *older;
    struct df_instruction *instructions;
    size_t n_instructions;
    struct df_stage *stages;
    size_t n_stages;
};

/*
 * Parses a Dockerfile. name is for messages; both views are copied.
 *
 * -EINVAL with name and line for what both builders reject: no instruction, an unknown
 * instruction, one other than ARG before FROM, a heredoc without end … -E2BIG past the maxima
 * above. The builder, not this function, reports bad arguments of instructions that read
 * nothing, and unknown flags. A file in a foreign syntax may be any text: it is not parsed, and
 * that is no error.
 *
 * The caller frees *ret with dockerfile_free(). Takes time linear in text.len. Thread: any.
 * Source: BuildKit frontend/dockerfile, parser and instructions, v0.34.
 */
int dockerfile_parse(struct bytes name, struct bytes text, struct dockerfile **ret,
                     struct failure *f) must_use;
/*
 * The same for a file that any engine may build. One before Docker 23 has no heredocs, unless
 * `# syntax` fetches a newer frontend: `RUN cat <<E \` goes on in the next line, and the lines
 * of a body are instructions. If it takes the file, *ret has that reading, too; and fails only
 * if both do. dockerfile_reads() contains both, unless the request is for BuildKit: then it is
 * the newest.
 */
int dockerfile_load(struct bytes name, struct bytes text, struct dockerfile **ret,
                    struct failure *f) must_use;
/* Takes NULL. */
void dockerfile_free(struct dockerfile *df);
/* Writes "NAME:LINE", with the name quoted if it needs quotes. Returns q->text. */
const char *df_where(struct quoted *q, const struct dockerfile *df, uint32_t line);
#define DF_WHERE(df, line) df_where(&(struct quoted){.text = ""}, (df), (line))

/*
 * Tells whether the builder takes a word of COPY or ADD for a heredoc (`<<EOF`), not for a
 * path. That holds for words of the JSON form too, though no body follows them: the builder
 * writes an empty file.
 */
bool df_is_heredoc(struct bytes word);

/* ---- variables (expand.c) ---------------------------------------------------------- */

/* The state of a variable. An expansion with an unknown variable in it is itself unknown. */
enum df_value {
    DF_UNSET,
    DF_KNOWN,
    DF_UNKNOWN, /* only the build knows the value, or whether it is set */
};

/* Called for each variable that a word names. Returns its state. Sets *ret_value if the
 * variable is known; if it is unknown, the callback may set a likely value. */
typedef enum df_value df_lookup(void *scope, struct bytes name, struct bytes *ret_value);

/* Bytes of one expanded word. */
#define EXPAND_MAX (1u << 20)
/* Bytes of all expansions in one arena: sixteen megabytes of `ENV X=$X$X` should end in a
 * message. */
#define EXPAND_ARENA_MAX (256u << 20)

struct df_expanded {
    struct bytes text;
    bool unknown;          /* an unknown variable takes part, so text is a guess */
    size_t known_prefix;   /* first bytes of text that are certain; text.len unless unknown */
    struct bytes variable; /* the first unknown variable */
};

/*
 * Expands a word by the shell rules of Dockerfiles: every form of substitution that the newest
 * builder has, then quotes and escapes are removed. The same rules hold for words of the JSON
 * form. Quotes leave no trace: `a\*b` gives `a*b`, which COPY takes for a pattern.
 *
 * If an unknown variable takes part, ret->unknown is set and ret->text is a guess: it is made
 * with the lookup's *ret_value, or as if the variable were unset. The first ret->known_prefix
 * bytes of it are certain, whatever the variable's value is and whether it is set or not.
 *
 * -EINVAL for a malformed word, and for ${x:?message} of an unset x. -E2BIG past EXPAND_MAX,
 * past EXPAND_ARENA_MAX, past 64 levels of nesting, and for a pattern that takes too long to
 * match. The message in f names no line. The result is in the arena. Thread: any. Source:
 * BuildKit frontend/dockerfile/shell, v0.34.
 */
int df_expand(struct arena *arena, struct bytes word, uint8_t escape, df_lookup *lookup,
              void *scope, struct df_expanded *ret, struct failure *f) must_use;

/* ---- stages -> reads --------------------------------------------------------------- */

struct df_arg {
    struct bytes name, value;
    bool
        has_value; /* false: `--build-arg K` of a K that the client's environment doesn't set */
};

/* The config of a base image, as the engine gave it to the client. */
struct df_base {
    struct bytes name;       /* as FROM names it, variables expanded */
    bool known;              /* false: the client asked for it and got no answer */
    struct bytes reason;     /* then: why, as printable text */
    const struct bytes *env; /* "K=V" */
    size_t n_env;
    const struct bytes *onbuild;
    size_t n_onbuild;
};

enum df_builder { DF_ANY, DF_BUILDKIT, DF_CLASSIC };

/* What a source reads if a variable in it is unknown, and a base whose triggers are unknown. */
enum df_unknowns {
    DF_WIDEN, /* all that it may read */
    DF_GUESS, /* what it reads with the values that the file and the request give */
    DF_OMIT,  /* nothing: only what is certain counts */
};

struct df_request {
    struct bytes target; /* empty: every stage, because the builder may be given any target */
    bool last_only;      /* with an empty target: the last stage alone, as for a digest */
    enum df_builder builder;
    const struct df_arg *args;
    size_t n_args;
    bool args_final;             /* the build will get no --build-arg but these */
    struct bytes platform;       /* "linux/arm64/v8"; empty: unknown */
    const struct bytes *trusted; /* globs of image names, with or without a tag: the user says
                                    that these images have no ONBUILD triggers */
    size_t n_trusted;
    const struct df_base *bases; /* the configs that the client has asked for */
    size_t n_bases;
    /* Not a user's: what pivot.c of stream asks beside the request of the user. */
    uint32_t stage; /* 1 + the index of the target; 0: `target` names it */
    enum df_unknowns unknowns;
};

/*
 * The base images whose config would narrow the answer: those that may have ONBUILD triggers,
 * and those whose variables a source names. The client asks the engine for these configs before
 * it calls dockerfile_reads(). The names are in df's arena. Fails as dockerfile_reads() does.
 * Thread: any, but no two at once on the same df.
 */
int dockerfile_bases(struct dockerfile *df, const struct df_request *request,
                     struct bytes **ret_names, size_t *ret_n, struct failure *f) must_use;

/* What a target means, for a digest: equal ones give the same image. */
struct df_target {
    /* The index of the stage that the classic builder takes, and of BuildKit's. They differ
     * only if two stages have one name, and either builder may read the stream. UINT32_MAX:
     * the target is no stage. */
    uint32_t first, last;
    /* The target as the request spells it, if the file may read TARGETSTAGE; else empty. */
    struct bytes spelling;
};

/* Without a target the last stage is meant. The spelling is the request's. Thread: any. */
struct df_target dockerfile_target(const struct dockerfile *df,
                                   const struct df_request *request);

enum df_read_kind { DF_READ_COPY, DF_READ_ADD, DF_READ_MOUNT, DF_READ_ALL };

/* One set of paths that one instruction reads. */
struct df_read {
    enum df_read_kind kind;
    uint32_t line;       /* of the instruction; 0: the file as a whole, say a foreign syntax */
    struct bytes source; /* as written, for people */
    /* Clean and relative to the root; empty: the whole context. A path is read, with all below
     * it, if each component of the pattern matches the component of the path at the same place
     * by the rules of Go's filepath.Match. */
    struct bytes pattern;
    bool globstar; /* a component `**` matches any number of components: COPY --parents */
    bool literal;  /* no character is a wildcard */
    bool pivot;    /* of a df_pivot: what BuildKit's client sends beside it counts, too */
    struct bytes widened; /* why it is wider than what is written; empty: it is exact */
    struct bytes via;     /* the symbolic link that leads here; empty: none does */
};

/*
 * A source of COPY that BuildKit looks up among all names that were transferred:
 *
 *     COPY --parents pkgs/X/./package.json /w/     (X stands for a star)
 *
 * reads pkgs/X/package.json. But it copies every file pkgs/X that is there, and it fails if
 * there is no pkgs. So names that are sent for another instruction change the image.
 */
struct df_pivot {
    uint32_t line;
    uint32_t stage;        /* index of the stage that it runs in */
    struct bytes source;   /* as written, for people */
    struct bytes path;     /* what stands before the pivot, clean */
    bool trigger;          /* of an ONBUILD, so its text can't be changed */
    bool unsure;           /* a variable in it is unknown: `path` is a guess */
    struct reads *entries; /* what `path` matches, and what the links there lead to */
    struct reads *head;    /* `path` before its first wildcard; NULL: it has none */
};

struct reads {
    struct arena arena;
    struct df_read *at;
    size_t n, cap;
    struct df_pivot *pivots; /* by BuildKit's rules; not of a request for the classic builder */
    size_t n_pivots, cap_pivots;
    bool everything;  /* some read has an empty pattern */
    bool deep_links;  /* the classic builder may read the stream too: see reads_resolve() */
    const void *priv; /* the sealed form; select.c knows what it is */
};

/*
 * Finds what the request's target, or every target, reads. notes (may be NULL) gets each
 * widening once, with its line and the option that would avoid it. It is a warning if
 * everything is sent only because of it.
 *
 * -EINVAL: the target is unknown, or every build of the stream runs into a malformed word. A
 * malformed word that some builds don't run into is a note; the builder reports it if it
 * matters. -E2BIG past the maxima. The caller frees *ret with reads_free(). Thread: any.
 *
 * Two things are taken on trust: official images have ONBUILD triggers only in tags that say
 * so, and no value contains a ".." that climbs out of the certain directory before it.
 */
int dockerfile_reads(const struct dockerfile *df, const struct df_request *request,
                     struct notes *notes, struct reads **ret, struct failure *f) must_use;
/* Takes NULL. */
void reads_free(struct reads *reads);

/*
 * Adds the symbolic links that the patterns pass through, and what the links lead to, as
 * `docker build .` does for the request's builder: BuildKit's client looks no further than the
 * first wildcard component, the classic builder follows every link. Paths that an ignore file
 * excludes are followed too. Nothing outside the root is opened. A dangling link adds only
 * itself.
 *
 * Then seals the reads, for select_root(), reads_path() and reads_cover(). With a root_fd of -1
 * it only seals. Fails with the errno of the file system; a path that is absent or forbidden is
 * no failure. -E2BIG past the maxima. Thread: any.
 */
int reads_resolve(struct reads *reads, int root_fd, struct failure *f) must_use;

/* ---- reads x walk ------------------------------------------------------------------ */

/* The state of a walk in one directory, like struct ignore_dir. NULL means that everything
 * below is selected. */
struct select_dir;

struct select_verdict {
    bool select;  /* some instruction reads the entry */
    bool descend; /* a directory that is read, or that may contain what is read */
};

/* A sealed set that contains only reads->at[i]. The caller frees it with reads_free(). -E2BIG
 * as dockerfile_reads(). */
int reads_single(const struct reads *reads, size_t i, struct reads **ret,
                 struct failure *f) must_use;
/* Tells whether sealed reads read `path`, which is a directory if is_dir. Looks at names only,
 * not at the file system. */
bool reads_path(const struct reads *reads, struct bytes path, bool is_dir);

/* The state at the root of sealed reads, which own it. NULL: all is read. Thread: any. */
const struct select_dir *select_root(const struct reads *reads);
/* Judges the entry `name` of the directory that `dir` is the state of. *ret_below is the state
 * in the entry, or NULL; the caller gives it back with select_leave(). Thread: any. */
void select_check(const struct select_dir *dir, struct bytes name, bool is_dir,
                  struct select_verdict *ret, struct select_dir **ret_below);
/* Takes NULL. */
void select_leave(struct select_dir *dir);

/* ---- the rewrite ------------------------------------------------------------------- */

/*
 * Tells whether an extra entry at `path` (say "Dockerfile") would be read by some instruction.
 * Only then does it show in the image.
 */
bool reads_cover(const struct reads *reads, struct bytes path);

/* What the context must not have for the COPY of a line: see df_pivot. */
struct df_hide {
    uint32_t line;
    struct bytes *patterns; /* of the syntax of --exclude, without spaces, quotes and escapes */
    size_t n, cap;
};

struct df_rewrite {
    struct bytes tar_name; /* of the inner tar; empty: there is none */
    /* A directory at the root that is not in the inner tar: an instruction whose sources name
     * it still reads the context. Empty: there is none. */
    struct bytes outside;
    const struct df_hide *hides;
    size_t n_hides;
};

/*
 * Rewrites the Dockerfile to read an inner tar in place of the context: a stage
 * `FROM scratch AS <name>`, `ADD <tar_name> /` is inserted before the first FROM, and every
 * COPY and bind mount of the context reads from that stage. Both builders take the result, and
 * the checks of BuildKit find in it what they find in the original.
 *
 * A COPY that must not see some names reads another added stage, which has all the others.
 * With that alone, and no inner tar, the other instructions stay as they are.
 *
 * Stage names, directives, heredocs and all other bytes stay, but for blank lines that are left
 * out for the added ones, if there are any: see rewrite-place.c. A number in --from grows by
 * the number of added stages. tar_name must need no quotes (-EINVAL). *ret_text is in the
 * arena.
 *
 * -EOPNOTSUPP with the reason and line if something that the request may build can't be kept:
 * ADD has no --from, the ONBUILD triggers of a base image can't be changed, the syntax is
 * foreign. Otherwise fails as dockerfile_reads() does. Thread: any.
 */
int dockerfile_rewrite(const struct dockerfile *df, const struct df_request *request,
                       const struct df_rewrite *ask, struct arena *arena,
                       struct bytes *ret_text, struct failure *f) must_use;

#endif

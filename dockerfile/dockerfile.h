/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dockerfile: text -> instructions -> stages -> which context paths a target reads, and by
 * which instruction; and the rewrite that hides the Dockerfile from the context.
 *
 * Never less than the build reads: what can't be decided widens, with a note that says why.
 * Touches the file system only in reads_resolve(), which follows links below the root.
 *
 *     r = dockerfile_parse(name, text, &df, f);             dockerfile-parse.c words.c
 * heredoc.c … r = dockerfile_reads(df, &request, notes, &reads, f); stages.c scope.c reads.c r
 * = reads_resolve(reads, root_fd, f);                 follow.c … select_root(), select_check()
 * down the walk         select.c r = dockerfile_rewrite(df, …); rewrite.c
 */
#ifndef CTXD_DOCKERFILE_H
#define CTXD_DOCKERFILE_H

#include "base.h"

/* A larger Dockerfile is refused with -E2BIG; a line longer than LINE_MAX with -EINVAL, as
 * BuildKit does (bufio.MaxScanTokenSize). */
#define DOCKERFILE_MAX (16u << 20)
#define DOCKERFILE_LINE_MAX 65535u
/* More of them is refused with -E2BIG: a few bytes of text cost a few hundred here, and an
 * image of 127 layers is all a daemon takes. Words are counted over the whole file. */
#define DOCKERFILE_INSTRUCTIONS_MAX 100000u
#define DOCKERFILE_WORDS_MAX (1u << 20)
/* More is refused with -E2BIG. Each maximum is far past what people write, so that a hostile
 * file ends in a clear error and takes neither all of the memory nor a minute of time. */
enum {
    READS_MAX = 100000, /* reads of all instructions, with the links that are followed */
    READS_COMPONENTS_MAX =
        262144,            /* path components of all patterns; shared prefixes count once */
    STAGE_DEPTH_MAX = 100, /* stages that one is built on; an image has 127 layers at most */
    WORDS_RUN_MAX =
        2000000, /* words of ONBUILD triggers, counted once for each stage they run in */
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
    DF_OTHER, /* one that the analysis needs nothing of: CMD, LABEL, WORKDIR … */
};

struct df_flag {
    struct bytes name;  /* "from" of --from=x; the value is as written, unexpanded, */
    struct bytes value; /* quotes and escapes resolved as the builder's flag reader does */
    bool has_value;
    size_t at;        /* offsets in the text: the flag's first byte, … */
    size_t value_at;  /* … the byte behind its `=`, … */
    size_t value_end; /* … and behind the flag. Bytes put there continue the value, also where
                         it is quoted or spread over lines. No value: both are value_end */
};

struct df_heredoc {
    struct bytes name; /* quotes and escapes removed */
    struct bytes body; /* the lines before the terminator, byte for byte */
    bool expand;       /* no part of the name was quoted */
    bool chomp;        /* `<<-`: leading tabs are dropped from body lines */
};

struct df_instruction {
    enum df_keyword keyword;
    struct bytes word;  /* the keyword as written */
    uint32_t line;      /* 1-based, of its first line */
    uint32_t last_line; /* of its last one, heredoc bodies included */
    size_t at;          /* offsets in the text: the keyword's first byte, … */
    size_t word_end;    /* … the byte behind it, … */
    size_t end;         /* … and behind the last line's newline, heredocs included */
    struct bytes args;  /* what follows the keyword, continuations joined, comments dropped */
    struct bytes rest;  /* args behind the flags */
    struct df_flag *flags;
    size_t n_flags;
    bool json;           /* RUN, COPY, ADD: args are a JSON array. Its words are still expanded
                            as others are: quotes and escapes inside them count */
    struct bytes *words; /* unexpanded. COPY, ADD: sources and destination; FROM: the base, or
                            base, `AS`, name; ARG: `name` or `name=value` each; ENV: name and
                            value by turns. Others have none */
    size_t n_words;
    struct df_heredoc *heredocs; /* in the order of their `<<` words */
    size_t n_heredocs;
    struct df_instruction *trigger; /* ONBUILD's own instruction; its offsets are in the text.
                                       Its arguments are not checked: maybe it never runs */
    uint32_t stage;                 /* its stage, DF_GLOBAL before the first FROM */
};

#define DF_GLOBAL UINT32_MAX

struct df_stage {
    struct bytes name; /* lower case; empty where unnamed */
    struct bytes base; /* as written, unexpanded */
    uint32_t from;     /* index of its FROM in instructions */
    uint32_t end;      /* index behind its last instruction */
};

struct dockerfile {
    struct arena arena;  /* holds all below */
    struct bytes name;   /* for messages */
    struct bytes text;   /* a copy of what was parsed, byte for byte */
    struct bytes syntax; /* of `# syntax=`, empty where none */
    bool foreign;        /* syntax is not Docker's own: nothing below is filled */
    uint8_t escape;      /* '\\' or '`' */
    struct df_instruction *instructions;
    size_t n_instructions;
    struct df_stage *stages;
    size_t n_stages;
};

/*
 * Parses; -EINVAL with name and line for what both builders reject (no instruction, unknown
 * instruction, text before FROM, unterminated heredoc …), -E2BIG past the maxima above. Bad
 * arguments of instructions that the analysis doesn't need, and flags it doesn't know, are the
 * builder's to report. A foreign syntax may be any text: it is not parsed and no error.
 * *ret is freed by dockerfile_free(). Linear in text.len. Thread: any.
 * Source: BuildKit frontend/dockerfile, parser and instructions, v0.34.
 */
int dockerfile_parse(struct bytes name, struct bytes text, struct dockerfile **ret,
                     struct failure *f) must_use;
void dockerfile_free(struct dockerfile *df);
/* "NAME:LINE", the name quoted where it has to be. Returns q->text. */
const char *df_where(struct quoted *q, const struct dockerfile *df, uint32_t line);
#define DF_WHERE(df, line) df_where(&(struct quoted){.text = ""}, (df), (line))

/*
 * Whether a word of COPY or ADD is a heredoc (`<<EOF`) to the builder, no path. Words of the
 * JSON form are too, though no body follows them: the builder writes an empty file.
 */
bool df_is_heredoc(struct bytes word);

/* ---- variables (expand.c) ---------------------------------------------------------- */

/* What a variable may be. An unknown one taints the text it is put into. */
enum df_value {
    DF_UNSET,
    DF_KNOWN,
    DF_UNKNOWN, /* set or not, to what only the build knows */
};

/* Asked for each variable that a word names. Returns its state, *ret_value where known; where
 * unknown it may give a likely value. */
typedef enum df_value df_lookup(void *scope, struct bytes name, struct bytes *ret_value);

/*
 * Expands a word by the shell rules of Dockerfiles: every substitution form of the newest
 * builder, then quotes and escapes removed; words of the JSON form are no exception. What was
 * quoted leaves no trace: `a\*b` gives `a*b`, which COPY takes for a pattern.
 *
 * Where an unknown variable takes part, unknown is set, text is one guess (with the lookup's
 * *ret_value, where it gave one, else as if unset), and its first known_prefix bytes are
 * certain, whatever the variable is or if it is unset.
 *
 * -EINVAL for a malformed word and for ${x:?message} of an unset x. -E2BIG past EXPAND_MAX for
 * one word, 64 levels of nesting, and where one arena is asked for more than EXPAND_ARENA_MAX
 * in all: sixteen megabytes of `ENV X=$X$X` should end in a message. Result in the arena, f
 * without a line. Thread: any. Source: BuildKit frontend/dockerfile/shell, v0.34.
 */
#define EXPAND_MAX (1u << 20)
#define EXPAND_ARENA_MAX (256u << 20)

struct df_expanded {
    struct bytes text;
    bool unknown;
    size_t known_prefix;   /* bytes of text that are certain; text.len where all is */
    struct bytes variable; /* the first unknown one */
};
int df_expand(struct arena *arena, struct bytes word, uint8_t escape, df_lookup *lookup,
              void *scope, struct df_expanded *ret, struct failure *f) must_use;

/* ---- stages -> reads --------------------------------------------------------------- */

struct df_arg {
    struct bytes name, value;
    bool has_value; /* `--build-arg K` takes it from the environment: resolved by the client */
};

/* What is known of a base image: from the trust list, or its config. */
struct df_base {
    struct bytes name; /* as FROM names it, variables expanded */
    bool known;        /* false: asked for, no answer; `reason` says why, printable */
    struct bytes reason;
    const struct bytes *env; /* "K=V" */
    size_t n_env;
    const struct bytes *onbuild;
    size_t n_onbuild;
};

enum df_builder { DF_ANY, DF_BUILDKIT, DF_CLASSIC };

struct df_request {
    struct bytes target; /* empty: every stage (any target the builder may be given) */
    bool last_only;      /* with an empty target: the last stage alone (a digest's meaning) */
    enum df_builder builder;
    const struct df_arg *args;
    size_t n_args;
    bool args_final;             /* no --build-arg but these will be given */
    struct bytes platform;       /* "linux/arm64/v8", or empty: unknown */
    const struct bytes *trusted; /* globs of base names, tag optional: no ONBUILD in them */
    size_t n_trusted;
    const struct df_base *bases; /* configs already asked for */
    size_t n_bases;
};

/*
 * The base images whose config would narrow the answer: those that may have ONBUILD triggers,
 * and those whose variables a source waits for. For the client to ask the engine for before
 * dockerfile_reads(). In the df's arena. Fails as dockerfile_reads() does.
 */
int dockerfile_bases(struct dockerfile *df, const struct df_request *request,
                     struct bytes **ret_names, size_t *ret_n, struct failure *f) must_use;

enum df_read_kind { DF_READ_COPY, DF_READ_ADD, DF_READ_MOUNT, DF_READ_ALL };

/* One set of paths that one instruction reads. */
struct df_read {
    enum df_read_kind kind;
    uint32_t line; /* of the instruction; 0: of the file as a whole (foreign syntax …) */
    struct bytes source; /* as written, for people */
    struct bytes
        pattern;   /* root-relative, clean; empty: the whole context. A path whose leading
                      components match (filepath.Match each) is read, with all below */
    bool globstar; /* `**` components match any number (COPY --parents) */
    bool literal;  /* no component is a pattern, whatever characters it has */
    struct bytes widened; /* why it is wider than written; empty: exact */
    struct bytes via;     /* the symbolic link that led here; empty: as written */
};

struct reads {
    struct arena arena;
    struct df_read *at;
    size_t n, cap;
    bool everything;  /* some read has an empty pattern */
    bool deep_links;  /* the classic builder may read, too: see reads_resolve() */
    const void *priv; /* select.c's */
};

/*
 * What the request's target(s) read. Each widening is said once in notes, with its line and the
 * option that would avoid it: a warning where all is sent for that alone. -EINVAL: unknown
 * target, or a malformed word that every build of the stream runs into (else a note: the
 * builder says so if it matters). -E2BIG past the maxima. *ret is freed by reads_free().
 * Thread: any.
 *
 * Two things are taken on trust: official images have no ONBUILD but in tags that say so, and
 * no value climbs out of the certain directory before it with "..".
 */
int dockerfile_reads(const struct dockerfile *df, const struct df_request *request,
                     struct notes *notes, struct reads **ret, struct failure *f) must_use;
void reads_free(struct reads *reads);

/*
 * Adds the symbolic links in the way of the patterns and what they lead to, as `docker build .`
 * does for the request's builder: BuildKit's client looks no further than the first wildcard
 * component, the classic builder follows every link. Ignored paths are looked through; nothing
 * outside the root is opened; a link that dangles adds itself alone. Then seals the reads for
 * select_root() and reads_cover(). root_fd may be -1: no link is followed. Fails with what the
 * file system fails with; what is absent or forbidden is no failure. Thread: any.
 */
int reads_resolve(struct reads *reads, int root_fd, struct failure *f) must_use;

/* ---- reads x walk ------------------------------------------------------------------ */

/* Where a walk stands, as ignore_dir. A NULL select_dir means: all below is selected. */
struct select_dir;

struct select_verdict {
    bool select;  /* the entry is read by some instruction */
    bool descend; /* a directory that is read, or may hold what is read */
};

/* The reads of at[i] alone, sealed; freed by reads_free(). -E2BIG as dockerfile_reads(). */
int reads_single(const struct reads *reads, size_t i, struct reads **ret,
                 struct failure *f) must_use;
/* Whether `path` is read, by names alone: is_dir of what stands there. */
bool reads_path(const struct reads *reads, struct bytes path, bool is_dir);

/* The root's state of sealed reads; owned by them. NULL where everything is read. Thread: any.
 */
const struct select_dir *select_root(const struct reads *reads);
/* *ret_below: NULL or the caller's until select_leave(). Thread: any. */
void select_check(const struct select_dir *dir, struct bytes name, bool is_dir,
                  struct select_verdict *ret, struct select_dir **ret_below);
void select_leave(struct select_dir *dir);

/* ---- the rewrite ------------------------------------------------------------------- */

/*
 * Whether an entry `name` at the root of the context (say "Dockerfile") would be read by some
 * instruction of the reads: only then an extra one shows in the image.
 */
bool reads_cover(const struct reads *reads, struct bytes path);

/*
 * The Dockerfile with a stage `FROM scratch AS <name>`, `ADD <tar_name> /` before its first
 * FROM, and every COPY and bind mount of the context reading from that stage. Stage names,
 * directives, heredocs and all other bytes are kept; numeric --from shift by one; lines behind
 * the global ARGs move down by two. tar_name needs no quoting. `outside`, unless empty, is a
 * directory at the root that is not in the inner tar: what names it as its source still reads
 * the context. *ret_text is in the arena.
 *
 * -EOPNOTSUPP with the reason and line where something that the request may build can't be
 * kept: ADD has no --from, triggers of a base (ONBUILD) are not ours to change, a foreign
 * syntax. Both builders take the result.
 */
int dockerfile_rewrite(const struct dockerfile *df, const struct df_request *request,
                       struct bytes tar_name, struct bytes outside, struct arena *arena,
                       struct bytes *ret_text, struct failure *f) must_use;

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of stream/ share. */
#ifndef CTXD_STREAM_PRIV_H
#define CTXD_STREAM_PRIV_H

#include "hashdb.h"
#include "stream.h"

#include <pthread.h>

/* ---- tar-header.c: headers ----------------------------------------------------------------
 */

/* A PAX header of a path and a target, both as long as the system allows, with room. */
#define TAR_HEADER_MAX (64u << 10)

struct tar_header {
    struct bytes path;
    uint8_t type;  /* '0' file, '1' hard link, '2' symbolic link, '5' directory */
    uint32_t mode; /* permission, set-id and sticky bits */
    uint64_t size; /* content bytes; 0 for all but '0' */
    int64_t mtime; /* seconds */
    struct bytes link;
};

/* Appends the header, with a PAX header before it only where ustar can't say it. */
void tar_add_header(struct buf *out, const struct tar_header *h);
/* The bytes tar_add_header() appends. */
size_t tar_header_size(const struct tar_header *h);
/* Whether a single ustar header says it all. */
bool tar_is_plain(const struct tar_header *h);
/* Junk in header position that every reader rejects (see docs/stream.md). */
void tar_add_poison(struct buf *out);

/* ---- content.c: one version of a file, or a failure -------------------------------- */

struct content_source {
    int root_fd;
    struct bytes ignore_name; /* for the remedy in messages */
    int64_t clock_ns;         /* the tree's */
};

/* The directory of the last file, kept open for the next one. */
struct content_dir {
    int fd; /* -1: none */
    struct bytes path;
};

void content_dir_close(struct content_dir *dir);

/* Whether nobody has fd's file open for writing, as far as a read lease tells: then what was
 * read before under a settled stat is what that stat stands for. */
enum content_sure {
    CONTENT_SURE,
    CONTENT_HELD,    /* somebody can write to it now, without another stat for it */
    CONTENT_UNKNOWN, /* another user's file, whose lease is not ours to take */
};
enum content_sure content_is_sure(int fd);

/*
 * A stat that any later write will differ from: it waits out the clock tick of a change just
 * made, and for a while a file that somebody is writing. -errno of fstat.
 */
int content_settle(int fd, struct stat *st) must_use;

/*
 * Reads walked->size bytes to `at`, if the file is still, and surely, the one that the walk
 * saw. false: it is not, or can't be told (content_open() then says which). Unless ret_sure is
 * NULL it says whether the bytes may be remembered by this stat. Thread: any, its own dir.
 */
bool content_read_as_walked(const struct content_source *source, struct content_dir *dir,
                            struct bytes path, const struct stat_identity *walked, void *at,
                            enum content_sure *ret_sure);

/*
 * Opens path (NUL-terminated) for reading and takes a stat that any later write will differ
 * from (it waits out the clock tick of a change just made). -ESTALE where it vanished or is no
 * regular file any more; -EACCES … with the remedy. Thread: any.
 */
int content_open(const struct content_source *source, struct bytes path, int *ret_fd,
                 struct stat *ret_stat, struct failure *f) must_use;

/* Whether fd still is what *seen says. -ESTALE where not. */
int content_check(int fd, const struct stat *seen, struct bytes path,
                  struct failure *f) must_use;

/* ---- gzip.c, zstd.c: one segment at a time ---------------------------------- */

/* A stateless compressor: the packed segments, one after another, are a valid stream. */
struct codec {
    const char *name;
    void *(*new)(int level);
    void (*free)(void *state);
    size_t (*bound)(void *state, size_t len);
    /* The packed length; 0 on failure (too little room). */
    size_t (*pack)(void *state, const void *in, size_t len, void *out, size_t room);
    struct bytes poison;          /* after whole segments: what no reader accepts */
    const char *(*version)(void); /* of the library: other ones may pack otherwise */
};

extern const struct codec codec_gzip, codec_zstd;
/* NULL for SEND_TAR. */
const struct codec *codec_of(enum send_codec codec);

/* ---- entries.c: tree -> entries ------------------------------------------------------ */

enum entry_kind {
    ENTRY_NODE, /* of the tree; content is read when it is packed */
    ENTRY_TEXT, /* a regular file whose content we hold: the Dockerfile */
    ENTRY_LINK, /* a hard link to an earlier entry */
    ENTRY_RAW,  /* literal bytes of tar: inner header, end marks */
};

struct entry {
    enum entry_kind kind;
    bool empty;              /* a regular file sent without its content */
    struct bytes path;       /* NUL-terminated */
    const struct node *node; /* NULL where it is not of the tree */
    struct bytes text;       /* ENTRY_TEXT, ENTRY_RAW: content; ENTRY_LINK: the first path */
};

struct entries {
    struct arena arena;
    struct entry *at;
    size_t n, cap;
};

/* What decides, besides the tree, how a view's entries look. Part of what names a view. */
struct terms {
    uint32_t bit; /* the view's, in the tree */
    bool fixed_mtime;
    int64_t mtime_seconds;
    struct bytes aside;      /* the name in the root that waits for the end of the stream … */
    bool aside_dropped;      /* … or is left out for the one that is added */
    struct bytes dockerfile; /* CARRY_NODE: its text, sent by whichever of its names is first */
    uint64_t dev, ino;       /* … and which file that is */
    bool classic;            /* its habits: see entries.c */
    bool for_digest;         /* no hard links; chunks end by paths alone */
};

/* (dev, ino) -> the path it has in the stream first, of files with several links. Sealed. */
struct links;
struct links *links_make(const struct terms *terms, const struct tree *tree);
struct links *links_ref(struct links *links);
void links_unref(struct links *links);

/*
 * Walks what a view sends in the order of the stream, from the first path that is not before
 * `from` (empty: from the beginning) until visit() returns false. `path` is valid during the
 * call. What is set aside is passed over.
 */
typedef bool entries_visit(void *context, struct bytes path, const struct node *node);
void entries_walk(const struct terms *terms, const struct tree *tree, struct bytes from,
                  entries_visit *visit, void *context);

/* The entry of a node; false: a socket, FIFO or device, which has none. Borrows path. */
bool entry_of(const struct terms *terms, const struct links *links, struct bytes path,
              const struct node *node, struct entry *ret);

/* The header of an entry as its node (or text) gives it; now overrides the node's stat. */
struct tar_header entry_header(const struct terms *terms, const struct entry *e,
                               const struct stat_identity *now);
/* Content bytes; of ENTRY_RAW its bytes. */
uint64_t entry_size(const struct entry *e);
/* All of its bytes in the tar. */
uint64_t entry_tar_bytes(const struct terms *terms, const struct entry *e);

/* <0, 0, >0 in the order of the stream: byte order of names, directories before their own. */
int stream_order(struct bytes a, struct bytes b);

/* ---- chunks.c: entries -> chunks ------------------------------------------------------- */

enum {
    CHUNK_BYTES = 1 << 20, /* where a chunk ends; a larger file is one by itself */
    CHUNK_MAX = 512 << 20, /* a small file may have grown since the walk, up to this */
};

struct chunk_counts {
    uint64_t content_bytes;
    uint32_t n_files, n_dirs, n_links, n_hardlinks, n_skipped;
    uint32_t n_notes; /* entries that a note is about */
};

/*
 * Consecutive entries that are packed and kept together. It ends behind a path whose hash has
 * six zero bits, past CHUNK_BYTES, or before a file larger than that. What is above `lock` is
 * sealed; what is below is learnt once and is the same whoever learns it.
 */
struct chunk {
    atomic_uint refs;
    bool large; /* one file past CHUNK_BYTES */
    size_t n;   /* entries */
    uint64_t tar_bytes;
    struct chunk_counts counts;
    uint64_t largest; /* bytes of its largest file */
    pthread_mutex_t lock;
    bool named, has_sha, has_digest, has_packed;
    struct digest128 name; /* keyed: of the headers, and of the contents' digests */
    struct sha256 sha;     /* of the plain bytes of tar; large: of its parts' SHA-256 */
    uint64_t packed_len;   /* as packed by … */
    enum send_codec packed_codec;
    int packed_level;
    struct sha256 digest; /* terms.for_digest: of what a build reads of it */
    uint16_t first_len;
    uint8_t first[]; /* the path of its first entry */
};

static inline struct bytes chunk_first(const struct chunk *chunk)
{
    return bytes_at(chunk->first, chunk->first_len);
}

/* Whether its name was learnt. */
bool chunk_name(struct chunk *chunk, struct digest128 *ret);

struct chunks {
    struct chunk **at;
    size_t n, cap;
};

void chunks_release(struct chunks *chunks);
/* All of a view. */
void chunks_cut(const struct terms *terms, const struct links *links, const struct tree *tree,
                struct chunks *ret);
/*
 * What `was` is after the entries at `changed` (sorted in stream order) came, went or changed:
 * cut anew around them until the old boundaries fit again; the other chunks are shared. The
 * same chunks as chunks_cut() would give.
 */
void chunks_patch(const struct terms *terms, const struct links *links, const struct tree *tree,
                  const struct chunks *was, const struct bytes *changed, size_t n_changed,
                  struct chunks *ret);
void chunks_share(const struct chunks *chunks, struct chunks *ret);
/* The entries of a chunk. Released by arena_release(&ret->arena). */
void chunk_entries(const struct terms *terms, const struct links *links,
                   const struct tree *tree, const struct chunk *chunk, struct entries *ret);

/* ---- carry.c: how the Dockerfile travels ------------------------------------------------ */

struct carriage {
    enum {
        CARRY_NODE,  /* it is a kept file of the tree, at the place where it is looked for */
        CARRY_EXTRA, /* added as Dockerfile, where nothing reads it */
        CARRY_INNER, /* added, rewritten, beside an inner tar of the whole context */
        CARRY_NONE,  /* not at all (bare) */
    } how;
    struct bytes name; /* in the tar: "Dockerfile", or "dockerfile" */
    struct bytes text;
    struct bytes tar_name; /* CARRY_INNER: of the inner tar */
    bool replaces;         /* CARRY_EXTRA: a node of that name is left out */
    bool guard;            /* a kept `dockerfile` could take its place in a cut stream */
    bool ship_ignore;      /* classic: .dockerignore goes along, to be removed by the engine */
};

struct rules;
/* recipe_line: of the instruction that would take .ctx along; 0: none would. */
int carry_decide(const struct send_request *request, const struct rules *rules,
                 const struct tree *tree, uint32_t bit, uint32_t recipe_line,
                 struct notes *notes, struct arena *arena, struct carriage *ret,
                 struct failure *f) must_use;

/* ---- plan.c: everything that an answer is made of, sealed ------------------------------- */

struct plan {
    struct arena arena;  /* of the two lists of entries, and of the carriage */
    struct bytes recipe; /* entries of .ctx, as in the tar; empty: none. In the arena */
    struct tree *tree;   /* owned */
    bool looked;         /* the tree was made for this answer */
    uint64_t serial;     /* of the bit's rules, in a daemon */
    struct terms terms;
    struct links *links;           /* owned */
    struct entries before, behind; /* around the chunks */
    struct chunks chunks;
    uint64_t tar_bytes;    /* as the walk's sizes promise it */
    bool fixed_sizes;      /* an outer header promised them: a file may not change its size */
    struct hashes *hashes; /* what the database knew of the tree; NULL: not asked. Owned */
    struct hashdb *hashdb; /* borrowed; NULL: none */
    int64_t hashdb_tree;
    struct store *store; /* borrowed; NULL: none */
};

/* Takes the terms that carriage and request make of a view. Borrows from both. */
struct terms terms_of(const struct send_request *request, const struct tree *tree, uint32_t bit,
                      const struct carriage *carriage);
/* Fills before, behind and tar_bytes, of a plan that has its tree, terms, links and chunks;
 * checks the gates. */
int plan_finish(const struct send_request *request, const struct carriage *carriage,
                struct notes *notes, struct plan *plan, struct send_stats *stats,
                struct failure *f) must_use;
void plan_release(struct plan *plan);

/* ---- answer.c: request -> plan, with or without what is kept ----------------------------- */

/* The rules of a view, sealed, shared with the daemon's trees. */
struct rules {
    atomic_uint refs;
    struct ignore *ignore; /* NULL: no ignore file */
    struct reads *reads;
    struct tree_rules tree;
};
struct rules *rules_ref(struct rules *rules);
void rules_unref(struct rules *rules);

/* What lives as long as an answer. */
struct answer {
    struct arena arena;
    struct pool *pool; /* the request's or own_pool */
    struct pool *own_pool;
    struct rules *rules;
    struct rules *names;       /* of all that is kept, for a recipe; NULL: `rules` are that */
    struct skeleton *skeleton; /* NULL: no recipe was asked for */
    struct carriage carriage;
    struct plan plan;
};

int answer_make(const struct send_request *request, struct warm *warm, bool for_digest,
                struct notes *notes, struct answer *ret, struct send_stats *stats,
                struct failure *f) must_use;
void answer_release(struct answer *answer);

/* How a tree shows one set of rules. */
struct tree_view {
    struct rules *rules;
    uint32_t bit;
    uint64_t serial; /* of the bit's rules, in a daemon */
};

/* warm.c: the newest tree with all the rules among its views: fills its bits and serials, and
 * the plan's tree. */
int warm_tree(struct warm *warm, const struct send_request *request, struct tree_view *views,
              size_t n_views, struct pool *pool, struct plan *plan, struct failure *f) must_use;
struct skeletons *warm_skeletons(struct warm *warm);

/* voiding.c: of the views in `bits`, both trees were made by the same rules. */
void void_hashes(struct hashdb *db, int64_t hashdb_tree, const struct tree *was,
                 const struct tree *is, uint32_t bits);
/* … and the view's chunks, patched up to plan->tree: fills links, chunks, hashes, store. */
void warm_chunks(struct warm *warm, struct plan *plan);

/* ---- pack.c: segment -> bytes, on the pool ------------------------------------------------
 */

struct writer;

/* A file past CHUNK_BYTES; opened and closed by the caller's thread. */
struct large_file {
    struct entries own; /* the one entry */
    const struct entry *entry;
    struct chunk *chunk;
    struct stat st;
    int fd;
    uint64_t offset; /* of the next segment */
};

/*
 * What is packed and written in one go: literal entries, a chunk, or, where large.entry is set,
 * a part of a large file (packed streams), or the whole of one, which the caller's thread
 * passes on block by block.
 */
struct segment {
    struct pool_job job;
    struct writer *writer;
    const struct entries *literal; /* of the plan, or NULL */
    struct chunk *chunk;           /* of the plan, or NULL */
    bool whole;                    /* a large file that is not for the pool */
    struct large_file large;       /* else: len bytes from its offset on */
    size_t len;
    bool head, tail; /* with the header, with the padding */
    struct buf plain, packed;
    struct stored stored; /* fd >= 0: it was packed before, and lies here */
    struct sha256 sha; /* of the plain bytes; where the writer wants it, or the store had it */
    bool sure;         /* it is what the tree says, and may be remembered by that */
    void *codec;
    struct content_dir dir;
    struct failure failure;
    int result;
    bool done; /* under the writer's lock */
};

struct writer {
    const struct send_request *request;
    const struct plan *plan;
    struct pool *pool;
    const struct codec *codec; /* NULL: plain */
    struct content_source source;
    struct send_stats *stats;
    struct out *out;
    /* What becomes of a segment, in order. Thread: the caller's. */
    int (*take)(struct writer *w, struct segment *segment, struct failure *f);
    void *taker;
    bool want_sha;  /* of every segment */
    bool all_parts; /* large files go by parts even where nothing is packed */
    enum { AT_BEFORE, AT_CHUNKS, AT_BEHIND, AT_END } at; /* where the next segment is cut */
    size_t next;             /* the first chunk that is in no segment yet */
    struct large_file large; /* being cut; its entry is NULL where none is */
    bool inside_file;        /* a file's header is out, its last byte is not */
    atomic_bool cancelled;
    pthread_mutex_t lock;
    pthread_cond_t done;
};

/* Fills segment->plain (and packed), or stored. */
int pack_segment(struct segment *segment, struct failure *f) must_use;
void segment_init(struct segment *segment, struct writer *w);
void segment_release(struct segment *segment);
/* How the store knows a chunk of that name. */
struct store_name store_name_of(const struct writer *w, const struct digest128 *content);

/* ---- out.c: bytes -> descriptor ---------------------------------------------------------- */

/* The descriptor of a request, with the patience of its hooks. */
struct out {
    int fd;
    bool is_pipe;
    const struct send_hooks *hooks;
};

void out_open(struct out *out, const struct send_request *request);
/* 0 or -errno: -EPIPE, -ECANCELED … */
int out_write(struct out *out, struct bytes bytes) must_use;
/* Passes len bytes of a file that nobody changes on, without copying where that can be. */
int out_pass(struct out *out, int fd, uint64_t offset, uint64_t len) must_use;

/* ---- writer.c: plan -> segments -> descriptor -----------------------------------------------
 */

/* Packs on the pool, writes in order. On failure ends the stream so that nothing accepts it. */
int write_plan(const struct send_request *request, const struct plan *plan, struct pool *pool,
               struct send_stats *stats, struct failure *f) must_use;
/* Describes the next segment. 1: there is one, 0: the plan is done, <0 failed. */
int writer_next(struct writer *w, struct segment *segment, struct failure *f) must_use;
/* Ends a segment's part in a large file. */
void writer_drop(struct segment *segment);
/* All segments that are left, through w->take. */
int writer_run(struct writer *w, struct failure *f) must_use;
void writer_release(struct writer *w);
void writer_init(struct writer *w, const struct send_request *request, const struct plan *plan,
                 struct pool *pool, struct send_stats *stats);

#endif

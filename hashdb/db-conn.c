/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hashes.db: an SQLite database in WAL mode, with application_id "ctxh" and user_version
 * FORMAT_VERSION. Times are in nanoseconds since 1970. Unsigned numbers are stored as the
 * signed ones of the same 64 bits.
 *
 *   files      tree dev ino            the key
 *              size mtime_ns ctime_ns mode   the rest of the stat for which the hashes hold
 *              sum                     first 64 bits of XXH3-128 over the other columns and
 *                                      ROW_VERSION: a row of an earlier release is ignored
 *              xxh  16 bytes           XXH3-128 of the content, with the chunk store's key
 *              sha  32 bytes or NULL   SHA-256 of the content
 *   trees      id                      a digest of path, dev and ino: the same tree has the
 *              path dev ino            same number in a new database
 *              last_used               seconds since 1970
 *   settings   key value
 *
 * Each row has a checksum of its own. So opening the database needs no check of the whole file,
 * and a page that was lost or is out of date can't make a changed file look unchanged.
 */
#include "db-conn.h"

#include <errno.h>

#define FORMAT_VERSION 1
#define ROW_VERSION 2             /* 1 had an xxh without a key */
#define APPLICATION_ID 0x63747868 /* "ctxh" */
#define TEXT_OF_(x) #x
#define TEXT_OF(x) TEXT_OF_(x)

/* clang-format off */
static const char schema[] =
    "PRAGMA page_size = 4096;"
    "PRAGMA auto_vacuum = INCREMENTAL;"
    "PRAGMA application_id = " TEXT_OF(APPLICATION_ID) ";"
    "PRAGMA user_version = " TEXT_OF(FORMAT_VERSION) ";"
    "CREATE TABLE files(tree INTEGER NOT NULL, dev INTEGER NOT NULL, ino INTEGER NOT NULL,"
    " size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL, ctime_ns INTEGER NOT NULL,"
    " mode INTEGER NOT NULL, sum INTEGER NOT NULL, xxh BLOB NOT NULL, sha BLOB,"
    " PRIMARY KEY(tree, dev, ino)) WITHOUT ROWID;"
    "CREATE TABLE trees(id INTEGER PRIMARY KEY, path BLOB NOT NULL, dev INTEGER NOT NULL,"
    " ino INTEGER NOT NULL, last_used INTEGER NOT NULL);"
    "CREATE TABLE settings(key BLOB PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;";
/* clang-format on */

static const char *const statements[DB_STATEMENTS] = {
    /* Another writer is waited for here, and not later in the transaction. */
    [DB_BEGIN] = "BEGIN IMMEDIATE",
    [DB_COMMIT] = "COMMIT",
    [DB_PUT] =
        "REPLACE INTO files(tree, dev, ino, size, mtime_ns, ctime_ns, mode, sum, xxh, sha)"
        " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
    [DB_VOID] = "DELETE FROM files WHERE tree = ?1 AND dev = ?2 AND ino = ?3",
    [DB_FORGET_TREE] = "DELETE FROM files WHERE tree = ?1",
    [DB_FORGET_ALL] = "DELETE FROM files",
    [DB_TOUCH] =
        "INSERT INTO trees(id, path, dev, ino, last_used) VALUES(?1, ?2, ?3, ?4, ?5)"
        " ON CONFLICT(id) DO UPDATE SET last_used = max(last_used, excluded.last_used)",
    [DB_SET] = "REPLACE INTO settings(key, value) VALUES(?1, ?2)",
    [DB_UNSET] = "DELETE FROM settings WHERE key = ?1",
    [DB_FIX_CLOCK] = "UPDATE trees SET last_used = ?1 WHERE last_used > ?1",
    [DB_DROP_OLD] = "DELETE FROM trees WHERE last_used < ?1",
    [DB_DROP_OLDEST] =
        "DELETE FROM trees WHERE id = (SELECT id FROM trees ORDER BY last_used, id LIMIT 1)",
    [DB_DROP_ORPHANS] = "DELETE FROM files WHERE tree NOT IN (SELECT id FROM trees)",
    [DB_GET] = "SELECT dev, ino, size, mtime_ns, ctime_ns, mode, sum, xxh, sha FROM files"
               " WHERE tree = ?1 AND dev = ?2 AND ino = ?3",
    [DB_LOAD] = "SELECT dev, ino, size, mtime_ns, ctime_ns, mode, sum, xxh, sha FROM files"
                " WHERE tree = ?1 ORDER BY dev, ino",
    [DB_EACH] = "SELECT key, value FROM settings WHERE key >= ?1 ORDER BY key",
    [DB_COUNT_FILES] = "SELECT count(*) FROM files",
    [DB_COUNT_TREES] = "SELECT count(*) FROM trees",
};

/* ---- SQLite's codes -------------------------------------------------------------------- */

int db_errno(int code)
{
    switch (code & 0xff) {
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE:
        return 0;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return -EUCLEAN;
    case SQLITE_FULL:
        return -ENOSPC;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return -EBUSY;
    case SQLITE_READONLY:
        return -EROFS;
    case SQLITE_NOMEM:
        return -ENOMEM;
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
    case SQLITE_AUTH:
        return -EACCES;
    default:
        return -EIO;
    }
}

/* sqlite3_errstr(): sqlite3_errmsg() is about the last call, and code may be older. */
static int db_fail_sqlite(struct failure *f, int code, const char *what)
{
    int r = db_errno(code);
    return fail(f, r ? r : -EIO, "%s: %s", what, sqlite3_errstr(code));
}

/* ---- connections ----------------------------------------------------------------------- */

void db_conn_close(struct db_conn *conn)
{
    for (size_t i = 0; i < DB_STATEMENTS; i++)
        sqlite3_finalize(conn->statements[i]);
    sqlite3_close(conn->sqlite);
    *conn = (struct db_conn){0};
}

void db_reset(struct db_conn *conn, enum db_statement which)
{
    sqlite3_reset(conn->statements[which]);
    sqlite3_clear_bindings(conn->statements[which]);
}

int db_run(struct db_conn *conn, enum db_statement which)
{
    int code = sqlite3_step(conn->statements[which]);
    db_reset(conn, which);
    return code == SQLITE_DONE ? SQLITE_OK : code;
}

bool db_conn_moved(struct db_conn *conn)
{
    int moved = 0;
    return sqlite3_file_control(conn->sqlite, "main", SQLITE_FCNTL_HAS_MOVED, &moved) ==
               SQLITE_OK &&
           moved;
}

/* Reads the first column of the first row of a query. */
static int db_ask_number(sqlite3 *sqlite, const char *query, int64_t *ret)
{
    sqlite3_stmt *row = NULL;
    int code = sqlite3_prepare_v2(sqlite, query, -1, &row, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_step(row);
    if (code == SQLITE_ROW)
        *ret = sqlite3_column_int64(row, 0);
    sqlite3_finalize(row);
    return code == SQLITE_ROW ? SQLITE_OK : code == SQLITE_DONE ? SQLITE_ERROR : code;
}

/* Checks that it is a database of ours. 0; DB_FOREIGN; -EUCLEAN; or why it can't be read. */
static int db_judge(sqlite3 *sqlite, struct failure *f)
{
    int64_t id = 0, version = 0;
    int code = db_ask_number(sqlite, "PRAGMA application_id", &id);
    if (code == SQLITE_OK)
        code = db_ask_number(sqlite, "PRAGMA user_version", &version);
    if ((code & 0xff) == SQLITE_NOTADB)
        return fail(f, -EUCLEAN, "it is damaged, or no SQLite database");
    if (db_errno(code) == -EUCLEAN)
        return fail(f, -EUCLEAN, "it is damaged (%s)", sqlite3_errstr(code));
    if (code != SQLITE_OK)
        return db_fail_sqlite(f, code, "can't read it");
    if (id != APPLICATION_ID)
        return fail(f, DB_FOREIGN, "it is not a hash database of ctxd");
    if (version != FORMAT_VERSION)
        return fail(f, DB_FOREIGN, "it is of format %lld, this ctxd is for %d",
                    (long long)version, FORMAT_VERSION);
    return 0;
}

static int db_prepare(struct db_conn *conn, enum db_statement from, enum db_statement to,
                      struct failure *f)
{
    for (enum db_statement i = from; i < to; i++) {
        int code = sqlite3_prepare_v3(conn->sqlite, statements[i], -1,
                                      SQLITE_PREPARE_PERSISTENT, &conn->statements[i], NULL);
        /* SQLITE_ERROR: a table or column is missing. */
        if (code == SQLITE_ERROR || db_errno(code) == -EUCLEAN)
            return fail(f, -EUCLEAN, "it is damaged (%s)", sqlite3_errmsg(conn->sqlite));
        if (code != SQLITE_OK)
            return db_fail_sqlite(f, code, "can't use it");
    }
    return 0;
}

/*
 * Opens one connection. On failure the caller closes *conn. This never makes a file (there is
 * no SQLITE_OPEN_CREATE), and changes nothing before db_judge() has accepted the file.
 */
static int db_connect_to(const char *path, struct db_conn *conn, struct failure *f)
{
    int code = sqlite3_open_v2(path, &conn->sqlite,
                               SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX |
                                   SQLITE_OPEN_NOFOLLOW | SQLITE_OPEN_PRIVATECACHE,
                               NULL);
    if (code != SQLITE_OK)
        return db_fail_sqlite(f, code, "can't open it");
    sqlite3_busy_timeout(conn->sqlite, DB_BUSY_MS);
    sqlite3_db_config(conn->sqlite, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    sqlite3_db_config(conn->sqlite, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    int r = db_judge(conn->sqlite, f);
    if (r < 0)
        return r;
    /* No mmap: another process may truncate the file, which would raise SIGBUS. The log is cut
     * to 4 MiB after a checkpoint. */
    code = sqlite3_exec(conn->sqlite,
                        "PRAGMA mmap_size = 0; PRAGMA cell_size_check = ON;"
                        "PRAGMA synchronous = NORMAL; PRAGMA journal_size_limit = 4194304;",
                        NULL, NULL, NULL);
    if (code != SQLITE_OK)
        return db_fail_sqlite(f, code, "can't set it up");
    sqlite3_stmt *row = NULL;
    code = sqlite3_prepare_v2(conn->sqlite, "PRAGMA journal_mode = WAL", -1, &row, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_step(row);
    const unsigned char *mode = code == SQLITE_ROW ? sqlite3_column_text(row, 0) : NULL;
    bool wal = mode && bytes_equal(bytes_of((const char *)mode), BYTES("wal"));
    sqlite3_finalize(row);
    if (code != SQLITE_ROW)
        return db_fail_sqlite(f, code, "can't set it up");
    return wal ? 0 : fail(f, -ENOTSUP, "its file system can't keep a write-ahead log");
}

int db_connect(const char *path, struct db_conn *writer, struct db_conn *reader,
               struct failure *f)
{
    int r = db_connect_to(path, writer, f);
    if (r == 0)
        r = db_prepare(writer, DB_BEGIN, DB_WRITER_END, f);
    if (r == 0)
        r = db_connect_to(path, reader, f);
    if (r == 0)
        r = db_prepare(reader, DB_WRITER_END, DB_STATEMENTS, f);
    if (r < 0) {
        db_conn_close(reader);
        db_conn_close(writer);
    }
    return r;
}

/* ---- an empty database ----------------------------------------------------------------- */

int db_make_image(unsigned char **ret, size_t *ret_len, struct failure *f)
{
    sqlite3 *memory = NULL;
    int code =
        sqlite3_open_v2(":memory:", &memory,
                        SQLITE_OPEN_READWRITE | SQLITE_OPEN_MEMORY | SQLITE_OPEN_NOMUTEX, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_exec(memory, schema, NULL, NULL, NULL);
    sqlite3_int64 len = 0;
    unsigned char *image =
        code == SQLITE_OK ? sqlite3_serialize(memory, "main", &len, 0) : NULL;
    sqlite3_close(memory);
    if (!image || len < 100)
        return db_fail_sqlite(f, code ? code : SQLITE_NOMEM, "can't make up an empty database");
    /* The write and read versions of the file: 2 is WAL. Source: SQLite's file format. */
    image[18] = image[19] = 2;
    *ret = image;
    *ret_len = (size_t)len;
    return 0;
}

uint64_t db_used_bytes(struct db_conn *conn)
{
    int64_t pages = 0, unused = 0, page_bytes = 0;
    if (db_ask_number(conn->sqlite, "PRAGMA page_count", &pages) != SQLITE_OK ||
        db_ask_number(conn->sqlite, "PRAGMA freelist_count", &unused) != SQLITE_OK ||
        db_ask_number(conn->sqlite, "PRAGMA page_size", &page_bytes) != SQLITE_OK)
        return 0;
    return (uint64_t)(pages - unused) * (uint64_t)page_bytes;
}

/* ---- rows ------------------------------------------------------------------------------ */

int64_t db_row_sum(int64_t tree, const struct stat_identity *id,
                   const struct content_hash *hash)
{
    struct {
        uint64_t words[8];
        struct digest128 xxh;
        struct sha256 sha;
    } all = {
        .words = {(uint64_t)tree, id->dev, id->ino, id->size, (uint64_t)id->mtime_ns,
                  (uint64_t)id->ctime_ns, id->mode | (uint64_t)hash->has_sha << 32,
                  ROW_VERSION},
        .xxh = hash->xxh,
    };
    _Static_assert(sizeof(all) == 64 + 16 + 32, "padding would have undefined bytes");
    if (hash->has_sha)
        all.sha = hash->sha;
    struct digest128 digest = digest128(bytes_at(&all, sizeof(all)));
    int64_t sum;
    memcpy(&sum, digest.at, sizeof(sum));
    return sum;
}

bool db_row_read(sqlite3_stmt *row, int64_t tree, struct stat_identity *ret_id,
                 struct content_hash *ret_hash)
{
    struct stat_identity id = {
        .dev = (uint64_t)sqlite3_column_int64(row, 0),
        .ino = (uint64_t)sqlite3_column_int64(row, 1),
        .size = (uint64_t)sqlite3_column_int64(row, 2),
        .mtime_ns = sqlite3_column_int64(row, 3),
        .ctime_ns = sqlite3_column_int64(row, 4),
        .mode = (uint32_t)sqlite3_column_int64(row, 5),
    };
    struct content_hash hash = {0};
    if (sqlite3_column_int64(row, 5) != id.mode)
        return false;
    const void *xxh = sqlite3_column_blob(row, 7), *sha = sqlite3_column_blob(row, 8);
    if (!xxh || sqlite3_column_bytes(row, 7) != (int)sizeof(hash.xxh))
        return false;
    memcpy(&hash.xxh, xxh, sizeof(hash.xxh));
    if (sha) {
        if (sqlite3_column_bytes(row, 8) != (int)sizeof(hash.sha))
            return false;
        memcpy(&hash.sha, sha, sizeof(hash.sha));
        hash.has_sha = true;
    }
    /* A column of another type gives another number above, and so another sum. */
    if (db_row_sum(tree, &id, &hash) != sqlite3_column_int64(row, 6))
        return false;
    *ret_id = id;
    *ret_hash = hash;
    return true;
}

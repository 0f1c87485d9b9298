/* SPDX-License-Identifier: Apache-2.0 */
/* Link games of the torture: a file gets another name in a watched directory, is changed by it,
 * and the name is gone, or leads to another file, before the next answer. */
#include "torture-priv.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>

/* Names in the root, which is watched whatever the limit of watches. */
#define NAME "game"
#define OTHER "game2"
#define NEW_DIR "gamedir"

static const char *const ends[] = {"unlink it",
                                   "unlink it, then write",
                                   "move it out",
                                   "rename over it",
                                   "exchange it, and unlink both",
                                   "make another file by its name",
                                   "make a link of it, and unlink both"};

/* Changes the file by that name. Returns a descriptor of it. */
static int game_change(struct world *w, const char *name)
{
    int fd = openat(w->root, name, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
    struct stat st;
    uint32_t kind = below(4);
    if (fd < 0 || fstat(fd, &st) < 0)
        return fd;
    if (kind == 0) {
        (void)!fchmod(fd, below(2) ? 0700 : 0604);
    } else if (kind == 1 && st.st_size > 0) {
        uint8_t *map = mmap(NULL, 1, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (map != MAP_FAILED) {
            map[0] ^= 1;
            munmap(map, 1);
        }
        /* The stores are reported when the descriptor is gone, too. */
        close(steal_fd(&fd));
    } else if (kind == 2) {
        write_random(fd, st.st_size, 1 + below(300));
    } else {
        write_random(fd, 0, 30);
        futimens(fd, (struct timespec[]){st.st_atim, st.st_mtim});
    }
    return fd;
}

static void game_end(struct world *w, uint32_t end, const char *name, int fd)
{
    switch (end) {
    case 2:
        unlinkat(w->outside, NAME, 0);
        (void)!renameat(w->root, name, w->outside, NAME);
        return;
    case 3:
        write_text(w->root, OTHER, O_CREAT | O_TRUNC, "renamed over");
        (void)!renameat(w->root, OTHER, w->root, name);
        break;
    case 4:
        write_text(w->root, OTHER, O_CREAT | O_TRUNC, "exchanged");
        (void)!renameat2(w->root, OTHER, w->root, name, RENAME_EXCHANGE);
        if (fd < 0 || below(2))
            close(game_change(w, OTHER));
        unlinkat(w->root, OTHER, 0);
        break;
    case 6:
        (void)!linkat(w->root, name, w->root, OTHER, 0);
        unlinkat(w->root, name, 0);
        unlinkat(w->root, OTHER, 0);
        return;
    default:
        break;
    }
    unlinkat(w->root, name, 0);
    if (end == 1 && fd >= 0)
        write_random(fd, 0, 40);
    if (end == 5)
        write_text(w->root, name, O_CREAT | O_EXCL, "another");
}

bool do_link_game(struct world *w)
{
    char path[128];
    struct stat st;
    bool in_new_dir = below(4) == 0;
    const char *name = in_new_dir ? NEW_DIR "/" NAME : NAME;
    uint32_t end = below(ARRAY_SIZE(ends));
    if (!random_file(w, path, &st))
        return false;
    unlinkat(w->root, name, 0);
    if (in_new_dir && mkdirat(w->root, NEW_DIR, 0755) < 0)
        return false;
    bool linked = linkat(w->root, path, w->root, name, 0) == 0;
    if (linked) {
        cleanup_fd int fd = game_change(w, name);
        game_end(w, end, name, fd);
        tell_done(w, "link %s to %s, change it by that name, %s", path, name, ends[end]);
    }
    unlinkat(w->root, name, 0);
    if (in_new_dir)
        unlinkat(w->root, NEW_DIR, AT_REMOVEDIR);
    return linked;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The statistics of a watch, and the text that says why it can't report everything. */
#include "watch-priv.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <sys/ioctl.h>

/*
 * File systems that other machines change without this kernel's knowledge, or that change
 * without an event. overlayfs is not among them: whoever changes its layers directly gets
 * undefined results anyway (Documentation/filesystems/overlayfs.rst), and changes through it
 * raise events. Numbers that linux/magic.h doesn't name are from the file systems' own sources.
 */
static const struct {
    uint32_t type;
    const char *name;
} silent_file_systems[] = {
    {NFS_SUPER_MAGIC, "nfs"},
    {SMB_SUPER_MAGIC, "smb"},
    {0xff534d42, "cifs"},
    {0xfe534d42, "smb2"},
    {V9FS_MAGIC, "9p"},
    {FUSE_SUPER_MAGIC, "fuse"}, /* also virtiofs, sshfs and the shares of Docker Desktop */
    {CEPH_SUPER_MAGIC, "ceph"},
    {AFS_SUPER_MAGIC, "afs"},
    {AFS_FS_MAGIC, "afs"},
    {CODA_SUPER_MAGIC, "coda"},
    {NCP_SUPER_MAGIC, "ncp"},
    {OCFS2_SUPER_MAGIC, "ocfs2"},
    {0x01161970, "gfs2"},
    {0x0bd00bd0, "lustre"},
    {0x47504653, "gpfs"},
    {0x19830326, "beegfs"},
    {0x20030528, "orangefs"},
    {0x786f4256, "vboxsf"},
    {0xbacbacbc, "vmhgfs"},
    {0x7c7c6673, "prl_fs"},
    {PROC_SUPER_MAGIC, "proc"},
    {SYSFS_MAGIC, "sysfs"},
    {CGROUP_SUPER_MAGIC, "cgroup"},
    {CGROUP2_SUPER_MAGIC, "cgroup2"},
};

const char *watch_silent_fs(uint64_t f_type)
{
    for (size_t i = 0; i < ARRAY_SIZE(silent_file_systems); i++)
        if (silent_file_systems[i].type == (uint32_t)f_type)
            return silent_file_systems[i].name;
    return NULL;
}

static void watch_explain_refusal(const struct watch *w, uint64_t n, char *text, size_t size)
{
    int len = snprintf(text, size, "%ju director%s not watched: ", (uintmax_t)n,
                       n == 1 ? "y is" : "ies are");
    if (len < 0 || (size_t)len >= size)
        return;
    text += len;
    size -= (size_t)len;
    if (w->refusal == EDQUOT) {
        snprintf(text, size, "raise the limit of watches (now %zu)", w->max_watches);
    } else if (w->refusal == ENOSPC) {
        cleanup_buf struct buf now = BUF(32);
        struct bytes number = {NULL, 0};
        if (io_read_file(AT_FDCWD, "/proc/sys/fs/inotify/max_user_watches", &now) == 0)
            number = bytes_head(buf_bytes(&now), bytes_find(buf_bytes(&now), '\n'));
        snprintf(text, size, "raise fs.inotify.max_user_watches (now %.*s)", BYTES_ARG(number));
    } else {
        snprintf(text, size, "%s", strerror(w->refusal));
    }
}

static void watch_explain(const struct watch *w, struct watch_stats *ret)
{
    char *text = ret->slow;
    size_t size = sizeof(ret->slow);
    if (w->silent_fs)
        snprintf(text, size, "%s doesn't report all changes: everything is looked at by stat",
                 w->silent_fs);
    else if (w->astray)
        snprintf(text, size,
                 "the root is not at its path any more: everything is looked at by "
                 "stat until it is asked for at the new one");
    else if (w->mounts_error < 0)
        snprintf(text, size,
                 "can't read /proc/self/mountinfo (%s): everything is looked at by "
                 "stat",
                 strerror(-w->mounts_error));
    else if (ret->n_unwatched)
        watch_explain_refusal(w, ret->n_unwatched, text, size);
    else if (ret->n_mounts)
        snprintf(text, size, "what is mounted below the root is looked at by stat: %ju mount%s",
                 (uintmax_t)ret->n_mounts, ret->n_mounts == 1 ? "" : "s");
}

void watch_stats(struct watch *w, struct watch_stats *ret)
{
    int queued = 0;
    if (ioctl(w->fd, FIONREAD, &queued) < 0)
        queued = 0;
    pthread_mutex_lock(&w->lock);
    *ret = (struct watch_stats){
        .n_watches = w->n_watches,
        .n_events = w->n_events,
        .queued_bytes = (uint64_t)queued,
        .n_overflows = w->n_overflows,
        .n_mounts = w->mounts.n,
        .bytes = sizeof(*w) + places_bytes(&w->places),
    };
    for (size_t i = 0; i < w->places.n_odd; i++)
        ret->n_unwatched += (w->places.odd[i]->flags & PLACE_UNWATCHED) != 0;
    watch_explain(w, ret);
    pthread_mutex_unlock(&w->lock);
}

/* made_up MOUNT FILES MIB: a FUSE file system with a data set of any size that is stored nowhere.
 *
 * MOUNT/data holds FILES files of MIB MiB each, whose bytes follow from their numbers. Whatever is written below MOUNT/out is
 * compared with the bytes of the file that it is a copy of, and forgotten: a difference is an error of the write, and is
 * counted. MOUNT/report tells how many bytes were compared and how many differed.
 *
 * A line has 1,024 bytes: the numbers of its file and of itself, and filler. So chunks are unique and compress some 100 to 1.
 */
#define FUSE_USE_VERSION 31
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <fuse3/fuse.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define LINE 1024
#define NODES 65536

/* What was made below /out: a path, the size, and the number of the file that it is a copy of, once that is known. */
struct node {
    char *path;
    int is_folder;
    mode_t mode;
    off_t size;
    long copy_of;
};

static int files;
static off_t size;
static char filler[LINE];
static struct node nodes[NODES];
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static unsigned long long compared, different;

static void fill_line(char *line, unsigned long file, unsigned long number) {
    char head[64];
    memcpy(line, filler, LINE);
    int length = snprintf(head, sizeof head, "{\"file\":\"%08lx\",\"line\":\"%08lx\",", file & 0xffffffff, number & 0xffffffff);
    memcpy(line, head, length);
}

static void fill(char *out, size_t length, off_t at, unsigned long file) {
    char line[LINE];
    while (length) {
        size_t within = at % LINE, n = LINE - within;
        if (n > length) n = length;
        fill_line(line, file, at / LINE);
        memcpy(out, line + within, n);
        out += n, at += n, length -= n;
    }
}

/* The number of the file that bytes of any place are of; -1 if they are too few, or of none. */
static long file_of(const char *bytes, size_t length, off_t at) {
    size_t start = (LINE - at % LINE) % LINE;
    unsigned long file;
    if (start + 20 > length || sscanf(bytes + start, "{\"file\":\"%8lx", &file) != 1) return -1;
    return (long)file;
}

static int source_number(const char *path) {
    int number;
    return sscanf(path, "/data/%d.jsonl", &number) == 1 && number >= 0 && number < files ? number : -1;
}

static struct node *find(const char *path) {
    for (int n = 0; n < NODES; n++)
        if (nodes[n].path && !strcmp(nodes[n].path, path)) return &nodes[n];
    return NULL;
}

static int add(const char *path, int is_folder, mode_t mode) {
    int result = -ENOSPC;
    pthread_mutex_lock(&mutex);
    if (find(path)) result = -EEXIST;
    else for (int n = 0; n < NODES; n++)
        if (!nodes[n].path) {
            nodes[n] = (struct node){strdup(path), is_folder, mode, 0, -1};
            result = 0;
            break;
        }
    pthread_mutex_unlock(&mutex);
    return result;
}

static int get_attributes(const char *path, struct stat *state, struct fuse_file_info *info) {
    (void)info;
    memset(state, 0, sizeof *state);
    state->st_nlink = 1;
    state->st_mtime = 1700000000;
    if (!strcmp(path, "/") || !strcmp(path, "/data") || !strcmp(path, "/out")) state->st_mode = S_IFDIR | 0755;
    else if (!strcmp(path, "/report")) state->st_mode = S_IFREG | 0444, state->st_size = 64;
    else if (source_number(path) >= 0) state->st_mode = S_IFREG | 0444, state->st_size = size;
    else {
        pthread_mutex_lock(&mutex);
        struct node *node = find(path);
        if (node) state->st_mode = (node->is_folder ? S_IFDIR : S_IFREG) | (node->mode & 0777), state->st_size = node->size;
        pthread_mutex_unlock(&mutex);
        if (!node) return -ENOENT;
    }
    return 0;
}

static int list(const char *path, void *buffer, fuse_fill_dir_t put, off_t at, struct fuse_file_info *info, enum fuse_readdir_flags flags) {
    (void)at, (void)info, (void)flags;
    char name[32];
    size_t length = strlen(path);
    if (!strcmp(path, "/")) put(buffer, "data", NULL, 0, 0), put(buffer, "out", NULL, 0, 0), put(buffer, "report", NULL, 0, 0);
    else if (!strcmp(path, "/data"))
        for (int n = 0; n < files; n++) snprintf(name, sizeof name, "%06d.jsonl", n), put(buffer, name, NULL, 0, 0);
    else {
        pthread_mutex_lock(&mutex);
        for (int n = 0; n < NODES; n++) {
            char *other = nodes[n].path;
            if (other && !strncmp(other, path, length) && other[length] == '/' && !strchr(other + length + 1, '/'))
                put(buffer, other + length + 1, NULL, 0, 0);
        }
        pthread_mutex_unlock(&mutex);
    }
    return 0;
}

static int read_bytes(const char *path, char *out, size_t length, off_t at, struct fuse_file_info *info) {
    (void)info;
    if (!strcmp(path, "/report")) {
        char text[65] = "";
        snprintf(text, sizeof text, "%30llu %30llu \n", compared, different);
        if (at >= 63) return 0;
        if (length > 63 - (size_t)at) length = 63 - at;
        memcpy(out, text + at, length);
        return (int)length;
    }
    long file = source_number(path);
    if (file < 0) return -EIO;
    if (at >= size) return 0;
    if ((off_t)length > size - at) length = size - at;
    fill(out, length, at, file);
    return (int)length;
}

static int write_bytes(const char *path, const char *bytes, size_t length, off_t at, struct fuse_file_info *info) {
    (void)info;
    int is_same = 1;
    pthread_mutex_lock(&mutex);
    struct node *node = find(path);
    long file = node && node->copy_of >= 0 ? node->copy_of : file_of(bytes, length, at);
    if (node) node->copy_of = file;
    pthread_mutex_unlock(&mutex);
    if (file >= 0) {
        char *expected = malloc(length);
        fill(expected, length, at, file);
        is_same = !memcmp(expected, bytes, length);
        free(expected);
    }
    pthread_mutex_lock(&mutex);
    node = find(path);
    if (node && node->size < at + (off_t)length) node->size = at + length;
    if (file >= 0) compared += length;
    if (!is_same) different += length;
    pthread_mutex_unlock(&mutex);
    return is_same && node ? (int)length : -EIO;
}

static int create(const char *path, mode_t mode, struct fuse_file_info *info) { (void)info; return add(path, 0, mode); }
static int make_folder(const char *path, mode_t mode) { return add(path, 1, mode); }

static int remove_node(const char *path) {
    pthread_mutex_lock(&mutex);
    struct node *node = find(path);
    if (node) free(node->path), node->path = NULL;
    pthread_mutex_unlock(&mutex);
    return node ? 0 : -ENOENT;
}

static int move(const char *from, const char *to, unsigned flags) {
    size_t length = strlen(from);
    if (flags & ~1u) return -EINVAL;
    pthread_mutex_lock(&mutex);
    struct node *target = find(to);
    int result = flags & 1 && target ? -EEXIST : find(from) ? 0 : -ENOENT;
    if (!result) {
        if (target) free(target->path), target->path = NULL;
        for (int n = 0; n < NODES; n++) {
            char *path = nodes[n].path, *moved;
            if (!path || strncmp(path, from, length) || (path[length] && path[length] != '/')) continue;
            if (asprintf(&moved, "%s%s", to, path + length) < 0) abort();
            free(path);
            nodes[n].path = moved;
        }
    }
    pthread_mutex_unlock(&mutex);
    return result;
}

static int set_size(const char *path, off_t length, struct fuse_file_info *info) {
    (void)info;
    pthread_mutex_lock(&mutex);
    struct node *node = find(path);
    if (node) node->size = length;
    pthread_mutex_unlock(&mutex);
    return node ? 0 : -ENOENT;
}

static int set_mode(const char *path, mode_t mode, struct fuse_file_info *info) {
    (void)info;
    pthread_mutex_lock(&mutex);
    struct node *node = find(path);
    if (node) node->mode = mode;
    pthread_mutex_unlock(&mutex);
    return node ? 0 : -ENOENT;
}

static int open_file(const char *path, struct fuse_file_info *info) {
    if (!strcmp(path, "/report")) info->direct_io = 1;
    return 0;
}
static int do_nothing(const char *path, int data_only, struct fuse_file_info *info) { (void)path, (void)data_only, (void)info; return 0; }
static int set_times(const char *path, const struct timespec times[2], struct fuse_file_info *info) { (void)path, (void)times, (void)info; return 0; }

static const struct fuse_operations operations = {
    .getattr = get_attributes, .readdir = list, .open = open_file, .read = read_bytes, .write = write_bytes, .create = create,
    .mkdir = make_folder, .unlink = remove_node, .rmdir = remove_node, .rename = move, .truncate = set_size, .chmod = set_mode,
    .fsync = do_nothing, .fsyncdir = do_nothing, .utimens = set_times,
};

int main(int count, char **arguments) {
    if (count != 4) {
        fprintf(stderr, "made_up MOUNT FILES MIB\n");
        return 2;
    }
    files = atoi(arguments[2]);
    size = (off_t)atol(arguments[3]) << 20;
    memset(filler, 'x', LINE);
    memcpy(filler + 37, "\"text\":\"", 8);
    memcpy(filler + LINE - 3, "\"}\n", 3);
    char *fuse[] = {arguments[0], arguments[1], "-f", NULL};
    return fuse_main(3, fuse, &operations, NULL);
}

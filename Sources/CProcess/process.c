#define _GNU_SOURCE
#include "process.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

int anabranch_affinity_cores(void) {
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) != 0) return -1;
    return CPU_COUNT(&set);
}

int anabranch_spawn(pid_t *child, const char *path, char *const argv[], char *const environment[], int socket,
                    int progress, int out, int err, int leads_session) {
    // Only the last of the sources could be overwritten while it is still to be used.
    int moved = progress == 3 ? fcntl(progress, F_DUPFD_CLOEXEC, 5) : -1;
    if (progress == 3 && moved < 0) return errno;
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t all, none;
    sigfillset(&all);
    sigemptyset(&none);
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    // The sources are above 2 (the caller's own 0 to 2 are open). One that is its own target keeps its number, and dup2
    // onto itself clears its close-on-exec flag here.
    posix_spawn_file_actions_adddup2(&actions, out, 1);
    posix_spawn_file_actions_adddup2(&actions, err, 2);
    posix_spawn_file_actions_adddup2(&actions, socket, 3);
    if (progress >= 0) posix_spawn_file_actions_adddup2(&actions, moved < 0 ? progress : moved, 4);
    posix_spawn_file_actions_addclosefrom_np(&actions, progress >= 0 ? 5 : 4);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setpgroup(&attributes, 0);
    int group = leads_session ? POSIX_SPAWN_SETSID : POSIX_SPAWN_SETPGROUP;
    posix_spawnattr_setflags(&attributes, (short)(group | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK));
    int status = posix_spawnp(child, path, &actions, &attributes, argv, environment);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    if (moved >= 0) close(moved);
    return status;
}

int anabranch_pipe(int ends[2]) { return pipe2(ends, O_CLOEXEC) == 0 ? 0 : errno; }

int anabranch_memory_file(size_t bytes) {
    int file = memfd_create("anabranch-progress", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    // Sealed: a task that shortened it would end with SIGBUS whoever has it mapped.
    if (file >= 0 && (ftruncate(file, (off_t)bytes) != 0
                      || fcntl(file, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0)) {
        close(file);
        return -1;
    }
    return file;
}

int anabranch_pidfd(pid_t process) { return (int)syscall(SYS_pidfd_open, process, 0); }

int anabranch_is_child(pid_t process) {
    siginfo_t facts;
    return process > 1 && waitid(P_PID, (id_t)process, &facts, WEXITED | WNOHANG | WNOWAIT) == 0;
}

int anabranch_adopt_orphans(void) { return prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0 ? 0 : errno; }

int anabranch_send_descriptors(int socket, const void *bytes, size_t length, const int *descriptors, size_t count) {
    enum { most = 8 };
    if (count > most) return EINVAL;
    union {
        char space[CMSG_SPACE(most * sizeof(int))];
        struct cmsghdr alignment;
    } control;
    memset(&control, 0, sizeof control);
    struct iovec part = {.iov_base = (void *)bytes, .iov_len = length};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    if (count > 0) {
        message.msg_control = control.space;
        message.msg_controllen = CMSG_SPACE(count * sizeof(int));
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(count * sizeof(int));
        memcpy(CMSG_DATA(header), descriptors, count * sizeof(int));
    }
    ssize_t sent;
    do {
        sent = sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    } while (sent < 0 && errno == EINTR);
    return sent < 0 ? errno : 0;
}

// What glibc declares only under _GNU_SOURCE, which Swift's own import of it does not set.
#pragma once
#include <sys/resource.h>
#include <sys/types.h>

// Cores that this process may run on (sched_getaffinity), or -1.
int anabranch_affinity_cores(void);

// Starts `path` (looked for along PATH when it has no slash) with standard input from /dev/null, `out` and `err` as its
// output, `socket` as descriptor 3, `progress` (unless it is -1) as descriptor 4 and no other descriptor; in a process group
// of its own, or in a session of its own, with default signal dispositions and none blocked. Returns 0 and sets *child, or
// an error number.
int anabranch_spawn(pid_t *child, const char *path, char *const argv[], char *const environment[], int socket,
                    int progress, int out, int err, int leads_session);

// A close-on-exec file of so many bytes in memory, all 0; -1 on error.
int anabranch_memory_file(size_t bytes);

// A close-on-exec pipe; 0 or an error number.
int anabranch_pipe(int ends[2]);

// A descriptor that becomes readable when the process ends; -1 on error.
int anabranch_pidfd(pid_t process);

// Whether the process is a child of this one, ended or not.
int anabranch_is_child(pid_t process);

// Makes this process the parent of every descendant whose own parent ends (PR_SET_CHILD_SUBREAPER). 0 or an error number.
int anabranch_adopt_orphans(void);

// Sends one datagram with up to 8 descriptors, without waiting. 0 or an error number.
int anabranch_send_descriptors(int socket, const void *bytes, size_t length, const int *descriptors, size_t count);

// libzmq for Swift. Macros that are expressions and errno-style results are not visible to Swift; they get a
// static inline here, each with the reason.
#pragma once
#include <errno.h>
#include <zmq.h>

// Wakes a thread that polls sockets; not in the module of the C library.
#include <sys/epoll.h>
#include <sys/eventfd.h>

// Enumerators, which Swift sees as another type than the parameter.
static inline int anabranch_eventfd(void) { return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK); }

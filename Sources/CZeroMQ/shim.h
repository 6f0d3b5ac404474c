// libzmq for Swift. Macros that are expressions and errno-style results are not visible to Swift; they get a
// static inline here, each with the reason.
#pragma once
#include <errno.h>
#include <zmq.h>

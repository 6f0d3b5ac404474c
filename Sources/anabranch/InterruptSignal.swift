import Foundation

/// Ctrl-C, where nothing stands that would have to be cleaned up: the process ends by itself, with status 130.
///
/// Commands that serve take the signal over; the Python half does when it begins.
enum InterruptSignal {
    /// What was started with the signal ignored, in a shell's background, keeps ignoring it.
    static func endProcess() {
        var current = sigaction()
        sigaction(SIGINT, nil, &current)
        if unsafeBitCast(current.__sigaction_handler.sa_handler, to: Int.self) == unsafeBitCast(SIG_IGN, to: Int.self) {
            return
        }
        signal(SIGINT) { _ in
            // Safe in a handler: two system calls.
            let said: StaticString = "anabranch: interrupted\n"
            _ = write(STDERR_FILENO, said.utf8Start, said.utf8CodeUnitCount)
            _exit(ExitStatus.interrupted.rawValue)
        }
    }

    /// Keeps what arrives from now on for the program that this one becomes, which has to take it.
    static func hold() {
        var signals = sigset_t()
        sigemptyset(&signals)
        sigaddset(&signals, SIGINT)
        sigaddset(&signals, SIGTERM)
        pthread_sigmask(SIG_BLOCK, &signals, nil)
    }
}

import CProcess
import Foundation

/// Processes that tasks have left behind and that are being ended.
///
/// A runtime leads a session and adopts the orphans below it. When it ends, what is left of them comes to this process, the next
/// subreaper above, as a child in a foreign session. Nothing else does: what native functions start stays in this process's
/// session, and runtimes that have not had their setup are in it too. Owned by the worker's loop thread.
final class Leftovers {
    /// Being killed, each with a descriptor that becomes readable at its end (-1 where the kernel has none).
    private(set) var ending: [pid_t: Int32] = [:]

    /// Process groups of fork servers that have ended: their children that never became runtimes.
    private var endedGroups: Set<pid_t> = []

    init() { _ = anabranch_adopt_orphans() }

    deinit { for descriptor in ending.values where descriptor >= 0 { close(descriptor) } }

    /// Kills what is left behind now, and reaps what has ended. The end of one may bring its own children: look again then.
    func sweep() {
        OwnedProcesses.shared.withLock { owned in
            for child in Self.children() where !owned.contains(child) && isLeftover(child) { end(child) }
        }
        for process in ending.keys { reap(process) }
    }

    private func isLeftover(_ child: pid_t) -> Bool {
        getsid(child) != getsid(0) || endedGroups.contains(getpgid(child))
    }

    /// A fork server has ended whose process group this is.
    func endGroup(_ group: pid_t) {
        endedGroups.insert(group)
        sweep()
    }

    /// Ends a child that nobody needs.
    func end(_ process: pid_t) {
        guard ending[process] == nil else { return }
        ending[process] = anabranch_pidfd(process)
        kill(process, SIGKILL)
    }

    /// Sweeps until nothing is left, for so long at most.
    func finish(milliseconds: Int) {
        let deadline = MonotonicClock.now.advanced(byMicroseconds: UInt64(milliseconds) * 1_000)
        sweep()
        while !ending.isEmpty, MonotonicClock.now < deadline {
            var items = ending.values.filter { $0 >= 0 }.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
            let rest = deadline.milliseconds(after: MonotonicClock.now)
            _ = poll(&items, nfds_t(items.count), Int32(items.isEmpty ? min(rest, 1) : rest))
            sweep()
        }
    }

    private func reap(_ process: pid_t) {
        var status: Int32 = 0
        // An error: it is no child of ours, or somebody else has reaped it.
        guard waitpid(process, &status, WNOHANG) != 0 else { return }
        if let descriptor = ending.removeValue(forKey: process), descriptor >= 0 { close(descriptor) }
    }

    private static func children() -> [pid_t] {
        let threads = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/task")) ?? []
        return threads.flatMap { thread in
            let text = (try? String(contentsOfFile: "/proc/self/task/\(thread)/children", encoding: .utf8)) ?? ""
            return text.split(separator: " ").compactMap { pid_t($0) }
        }
    }
}
